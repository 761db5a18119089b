"""the balances of a ledger are added up once a commit, and no more once an entry"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_CHECK = """
create or replace function check_ledger() returns trigger language plpgsql as $$
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
    {only_once}
    select account into broken from ledger_entries where ledger_id = new.ledger_id and account <> 'sponsor'
    group by account having sum(amount_fen) < 0 limit 1;
    if broken is not null then
        raise exception 'account % of ledger % would fall below zero', broken, new.ledger_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$
"""

# The check runs at commit, so that of the last entry sees all that the commit brings. A savepoint's entries have another
# xmin: those before them are then checked once more, never less.
_LAST = """if exists (
        select from ledger_entries
        where id > new.id and ledger_id = new.ledger_id and xmin = pg_current_xact_id()::xid
    ) then
        return null;
    end if;"""


def upgrade() -> None:
    op.execute(_CHECK.format(only_once=_LAST))


def downgrade() -> None:
    op.execute(_CHECK.format(only_once=""))
