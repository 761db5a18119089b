"""promises that the database keeps by itself: append-only rows, write-once times, balanced ledgers"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "audit_entries",
    "question_versions",
    "adjustments",
    "seals",
    "sealed_standings",
    "awards",
    "ledger_transactions",
    "ledger_entries",
)


def upgrade() -> None:
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'restrict_violation';
        end $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger append_only before update or delete on {table} "
            "for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger never_truncated before truncate on {table} "
            "for each statement execute function refuse_change()"
        )

    # A8: the start is written once, the deadline only grows, and a state never goes back.
    op.execute(
        """
        create function guard_attempt() returns trigger language plpgsql as $$
        begin
            if (new.participation_id, new.person_id, new.level_id, new.number, new.seed, new.paper, new.started_at, new.max_points)
               is distinct from
               (old.participation_id, old.person_id, old.level_id, old.number, old.seed, old.paper, old.started_at, old.max_points)
            then
                raise exception 'an attempt keeps its person, level, paper and start' using errcode = 'restrict_violation';
            end if;
            if new.deadline_at < old.deadline_at then
                raise exception 'a deadline never moves back' using errcode = 'restrict_violation';
            end if;
            if new.deadline_at > old.deadline_at and not exists (
                select from adjustments j where j.participation_id = new.participation_id
                and (j.attempt_id = new.id or j.attempt_id is null) and j.made_at >= old.started_at
            ) then
                raise exception 'a deadline moves only with a logged adjustment' using errcode = 'restrict_violation';
            end if;
            if array_position(array['open', 'closed', 'scored'], new.state)
               < array_position(array['open', 'closed', 'scored'], old.state) then
                raise exception 'an attempt is never reopened' using errcode = 'restrict_violation';
            end if;
            if old.finished_at is not null and new.finished_at is distinct from old.finished_at then
                raise exception 'the finish time is written once' using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
        """
    )
    op.execute("create trigger guard before update on attempts for each row execute function guard_attempt()")

    # M1, M3: checked at every commit, whoever writes.
    op.execute(
        """
        create function check_ledger() returns trigger language plpgsql as $$
        declare
            broken text;
        begin
            perform from ledgers where id = new.ledger_id for no key update;  -- the entries' foreign key shares it
            if (select coalesce(sum(amount_fen), 0) from ledger_entries where transaction_id = new.transaction_id) <> 0 then
                raise exception 'ledger transaction % does not sum to zero', new.transaction_id using errcode = 'check_violation';
            end if;
            if exists (select from ledger_transactions t where t.id = new.transaction_id and t.ledger_id <> new.ledger_id) then
                raise exception 'an entry belongs to the ledger of its transaction' using errcode = 'check_violation';
            end if;
            select account into broken from ledger_entries where ledger_id = new.ledger_id and account <> 'sponsor'
            group by account having sum(amount_fen) < 0 limit 1;
            if broken is not null then
                raise exception 'account % of ledger % would fall below zero', broken, new.ledger_id
                    using errcode = 'check_violation';
            end if;
            return null;
        end $$
        """
    )
    op.execute(
        "create constraint trigger balanced after insert on ledger_entries "
        "deferrable initially deferred for each row execute function check_ledger()"
    )

    # M5: a payout moves along known edges only, and its amount and award never change.
    op.execute(
        """
        create function guard_payout() returns trigger language plpgsql as $$
        begin
            if (new.award_id, new.amount_fen, new.created_by, new.created_at)
               is distinct from (old.award_id, old.amount_fen, old.created_by, old.created_at) then
                raise exception 'a payout keeps its award, amount and maker' using errcode = 'restrict_violation';
            end if;
            if old.state <> new.state and (old.state, new.state) not in (
                ('created', 'approved'), ('approved', 'exported'), ('exported', 'confirmed'), ('exported', 'failed'),
                ('exported', 'unknown'), ('unknown', 'confirmed'), ('unknown', 'failed')
            ) then
                raise exception 'a payout cannot go from % to %', old.state, new.state using errcode = 'restrict_violation';
            end if;
            if old.reversed_by is not null and new.reversed_by is distinct from old.reversed_by then
                raise exception 'a reversal is written once' using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
        """
    )
    op.execute("create trigger guard before update on payouts for each row execute function guard_payout()")
    op.execute("create trigger never_deleted before delete on payouts for each row execute function refuse_change()")


def downgrade() -> None:
    op.execute("drop trigger never_deleted on payouts")
    op.execute("drop trigger guard on payouts")
    op.execute("drop trigger balanced on ledger_entries")
    op.execute("drop trigger guard on attempts")
    for table in APPEND_ONLY:
        op.execute(f"drop trigger append_only on {table}")
        op.execute(f"drop trigger never_truncated on {table}")
    for function in ("refuse_change", "guard_attempt", "check_ledger", "guard_payout"):
        op.execute(f"drop function {function}()")
