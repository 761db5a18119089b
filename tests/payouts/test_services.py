"""Money on a real PostgreSQL: each test names the promise of the contract it holds and the fault it would catch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import permutations

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from core.database import db
from core.errors import Invalid, NotFound
from core.models import AuditEntry
from payouts import queries, rules, services
from payouts.errors import (
    AlreadyAwarded,
    LedgerMoved,
    NoLongerEligible,
    NotAnotherPerson,
    NotAWinner,
    NothingToExport,
    OverBudget,
    OverPool,
    ReferenceTaken,
    ResultsRefused,
    StandingsNotSealed,
    StandingsSealed,
    WrongAmount,
    WrongState,
)
from payouts.models import Award, LedgerEntry, LedgerTransaction, Payout, PayoutBatch, PrizeRule
from tests import factories
from tests.payouts import helpers

STATES = ("created", "approved", "exported", "confirmed", "failed", "unknown")


def payouts() -> list[Payout]:
    """Every payout, in order, as it is now."""
    db.session.expire_all()
    return list(db.session.scalars(select(Payout).order_by(Payout.id)))


def count(table: type[object]) -> int:
    """How many rows a table has."""
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_pool_goes_from_sponsor_to_paid_and_the_books_agree_at_every_step(app: Flask) -> None:
    """M11: every step moves the same fen; a step that forgot its posting would leave a difference."""
    story = helpers.begin(3)
    ledger = helpers.funded(story, 100_00)
    helpers.seal(story)
    done = services.award_prizes(story.competition.id, story.maker.id)
    assert (done.made, done.count, done.allocated_fen, done.unallocated_fen) == (True, 3, 100_00, 0)
    helpers.with_cards(story)
    steps: list[Callable[[], object]] = [
        lambda: services.create_payouts(ledger.id, story.maker.id),
        lambda: services.approve_all(ledger.id, story.checker.id),
        lambda: services.export_batch(ledger.id, story.maker.id),
        lambda: services.confirm(payouts()[0].id, "B1", payouts()[0].amount_fen, story.maker.id),
        lambda: services.mark_unknown(payouts()[1].id, "no answer", story.maker.id),
        lambda: services.mark_failed(payouts()[2].id, "wrong card", story.maker.id),
        lambda: services.reverse(payouts()[2].id, "came back", story.checker.id),
    ]
    for step in steps:
        step()
        assert queries.reconciliation(ledger.id).balanced
    end = queries.reconciliation(ledger.id)
    assert end.pool_fen == 100_00
    assert end.allocated_fen + end.unallocated_fen == end.pool_fen
    assert end.tax_fen == 667 + 667 + 667
    assert end.payable_fen + end.in_transit_fen + end.paid_fen + end.tax_fen == 100_00
    assert end.unknown_fen == end.in_transit_fen == payouts()[1].amount_fen


def test_m11_the_reconciliation_sees_a_payout_that_the_books_do_not(app: Flask) -> None:
    _story, ledger = helpers.exported()
    first = payouts()[0]
    db.session.execute(update(Payout).where(Payout.id == first.id).values(state="confirmed", bank_reference="X"))
    db.session.commit()
    assert queries.reconciliation(ledger.id).difference_fen == 2 * first.amount_fen


def test_m1_a_transaction_that_does_not_sum_to_zero_is_refused_at_commit(app: Flask) -> None:
    """Written around the services: the database alone must say no."""
    story = helpers.begin()
    ledger = helpers.funded(story)
    db.session.execute(
        text(
            "with t as (insert into ledger_transactions (ledger_id, kind, at, memo) "
            "values (:ledger, 'fund', now(), '') returning id) "
            "insert into ledger_entries (transaction_id, ledger_id, account, amount_fen) "
            "select id, :ledger, 'pool', 1 from t"
        ),
        {"ledger": ledger.id},
    )
    with pytest.raises(IntegrityError, match="does not sum to zero"):
        db.session.commit()
    db.session.rollback()
    assert queries.balances(ledger.id)["pool"] == helpers.WHOLE_POOL


def _write(ledger_id: int, *amounts: tuple[str, int]) -> None:
    """Post a transaction around the services."""
    transaction_id = db.session.scalar(
        text(
            "insert into ledger_transactions (ledger_id, kind, at, memo) "
            "values (:ledger, 'fund', now(), '') returning id"
        ),
        {"ledger": ledger_id},
    )
    for account, fen in amounts:
        db.session.execute(
            text(
                "insert into ledger_entries (transaction_id, ledger_id, account, amount_fen) "
                "values (:transaction, :ledger, :account, :fen)"
            ),
            {"transaction": transaction_id, "ledger": ledger_id, "account": account, "fen": fen},
        )


@pytest.mark.parametrize("hidden", ["before a harmless one", "in a savepoint", "before another ledger's"])
def test_m3_an_overdrawn_account_is_refused_wherever_in_the_commit_it_was_written(app: Flask, hidden: str) -> None:
    """The balances are added up at the last entry of a ledger that a commit brings."""
    ledger, another = helpers.funded(helpers.begin()), helpers.funded(helpers.begin())
    taken = helpers.WHOLE_POOL + 1
    if hidden == "in a savepoint":
        _write(ledger.id, ("sponsor", -1), ("tax", 1))
        with db.session.begin_nested():
            _write(ledger.id, ("pool", -taken), ("paid", taken))
    else:
        _write(ledger.id, ("pool", -taken), ("paid", taken))
        _write((ledger if hidden == "before a harmless one" else another).id, ("sponsor", -1), ("tax", 1))
    with pytest.raises(IntegrityError, match="would fall below zero"):
        db.session.commit()
    db.session.rollback()
    assert queries.balances(ledger.id)["pool"] == helpers.WHOLE_POOL


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_transactions", "awards", "audit_entries"])
@pytest.mark.parametrize("change", ["update {} set id = default", "delete from {}", "truncate {} cascade"])
def test_m2_what_is_written_in_the_books_is_never_changed(app: Flask, table: str, change: str) -> None:
    helpers.awarded()
    with pytest.raises(IntegrityError, match="append-only"):
        db.session.execute(text(change.format(table)))
    db.session.rollback()


def test_m2_a_reversal_names_the_transaction_it_undoes_and_undoes_it_once(app: Flask) -> None:
    story, ledger = helpers.exported(1)
    (payout,) = payouts()
    services.confirm(payout.id, "B1", payout.amount_fen, story.maker.id)
    confirmed = queries.get_confirmation(payout.id)
    posted = services.reverse(payout.id, "the bank recalled it", story.checker.id)
    assert posted.reverses_id == confirmed.id
    assert queries.balances(ledger.id)["paid"] == 0
    with pytest.raises(WrongState):
        services.reverse(payout.id, "again", story.checker.id)


def test_m3_rules_that_could_give_out_more_than_is_funded_are_refused_and_nothing_is_written(app: Flask) -> None:
    story = helpers.begin()
    helpers.funded(story, 100_00)
    kept = [row.id for row in queries.list_prize_rules(story.competition.id)]
    with pytest.raises(OverPool) as refused:
        services.add_prize_rule(story.competition.id, helpers.split_draft(1), story.maker.id)
    assert refused.value.details["by_fen"] == 1
    db.session.expire_all()
    assert [row.id for row in queries.list_prize_rules(story.competition.id)] == kept


def test_m3_forty_concurrent_spends_never_overdraw_the_pool(app: Flask) -> None:
    """Forty connections each take a tenth of the pool, with no lock of ours: exactly ten may."""
    story = helpers.begin(1)
    ledger_id = helpers.funded(story, 100_00).id
    engine = create_engine(db.engine.url, poolclass=NullPool)
    barrier = threading.Barrier(40)
    outcomes: list[str] = []

    def spend() -> None:
        with engine.connect() as connection:
            transaction_id = connection.execute(
                text(
                    "insert into ledger_transactions (ledger_id, kind, at, memo) "
                    "values (:ledger, 'award', now(), '') returning id"
                ),
                {"ledger": ledger_id},
            ).scalar_one()
            connection.execute(
                text(
                    "insert into ledger_entries (transaction_id, ledger_id, account, amount_fen) values "
                    "(:transaction, :ledger, 'pool', -1000), (:transaction, :ledger, 'payable', 1000)"
                ),
                {"transaction": transaction_id, "ledger": ledger_id},
            )
            barrier.wait(30)
            try:
                connection.commit()
                outcomes.append("spent")
            except IntegrityError:
                outcomes.append("refused")

    threads = [threading.Thread(target=spend) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 30 + ["spent"] * 10
    assert queries.balances(ledger_id)["pool"] == 0


def test_m3_forty_people_who_award_at_once_award_once(app: Flask) -> None:
    """Without the ledger's row lock several would see no award and each post one."""
    story = helpers.begin()
    ledger = helpers.funded(story)
    helpers.seal(story)
    competition_id, maker_id = story.competition.id, story.maker.id
    db.session.commit()
    made: list[bool] = []

    def award() -> None:
        with app.app_context():
            made.append(services.award_prizes(competition_id, maker_id).made)

    threads = [threading.Thread(target=award) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made.count(True), made.count(False)) == (1, 39)
    assert count(Award) == 3
    assert queries.reconciliation(ledger.id).balanced


def test_money_follows_sealed_standings_only(app: Flask) -> None:
    story = helpers.begin()
    helpers.funded(story)
    with pytest.raises(StandingsNotSealed):
        services.award_prizes(story.competition.id, story.maker.id)
    assert count(Award) == 0


def test_m10_after_the_seal_neither_rules_nor_tiers_change_and_after_the_awards_no_pool(app: Flask) -> None:
    story, ledger = helpers.awarded()
    bonus = services.open_ledger(story.competition.id, story.enterprise.id, "bonus", None)
    with pytest.raises(StandingsSealed):
        services.set_prize_rules(story.competition.id, [], story.maker.id)
    with pytest.raises(StandingsSealed):
        services.set_bonus_tiers(bonus.id, [], story.maker.id)
    with pytest.raises(AlreadyAwarded):
        services.fund(ledger.id, 1, "late", story.maker.id)


def test_a_funding_form_sent_twice_funds_once(app: Flask) -> None:
    story = helpers.begin()
    ledger = services.open_ledger(story.competition.id, story.province.id, "prize", None)
    services.fund(ledger.id, 5, "", story.maker.id, expected_fen=0)
    with pytest.raises(LedgerMoved):
        services.fund(ledger.id, 5, "", story.maker.id, expected_fen=0)
    assert queries.balances(ledger.id)["pool"] == 5


def test_m4_an_award_has_one_live_payout_until_a_reversal_makes_room(app: Flask) -> None:
    """A second creation makes none; the database refuses one written around the services."""
    story, ledger = helpers.exported(1)
    assert services.create_payouts(ledger.id, story.maker.id) == 0
    (first,) = payouts()
    db.session.add(
        Payout(award_id=first.award_id, amount_fen=1, created_by=story.maker.id, created_at=first.created_at)
    )
    with pytest.raises(IntegrityError, match="uq_payouts_live"):
        db.session.commit()
    db.session.rollback()
    services.mark_failed(first.id, "closed account", story.maker.id)
    assert services.create_payouts(ledger.id, story.maker.id) == 0
    services.reverse(first.id, "came back", story.checker.id)
    assert services.create_payouts(ledger.id, story.maker.id) == 1
    assert queries.reconciliation(ledger.id).balanced


def test_m5_the_database_knows_every_edge_and_no_other(app: Flask) -> None:
    """The application's list and the database's trigger agree on all thirty pairs."""
    helpers.exported(1)
    (payout,) = payouts()
    transaction_id = db.session.scalar(select(func.min(LedgerTransaction.id)))
    values = {column.name: getattr(payout, column.name) for column in Payout.__table__.columns if column.name != "id"}
    for old, new in permutations(STATES, 2):
        made = insert(Payout).values(values | {"state": old, "reversed_by": transaction_id}).returning(Payout.id)
        payout_id = db.session.execute(made).scalar_one()
        step = update(Payout).where(Payout.id == payout_id).values(state=new)
        if (old, new) in rules.EDGES:
            db.session.execute(step)
        else:
            with pytest.raises(IntegrityError, match="cannot go from"):
                db.session.execute(step)
        db.session.rollback()


def test_m5_whoever_makes_a_payout_neither_approves_nor_undoes_it(app: Flask) -> None:
    story, ledger = helpers.awarded(1)
    helpers.with_cards(story)
    services.create_payouts(ledger.id, story.maker.id)
    (payout,) = payouts()
    with pytest.raises(NotAnotherPerson):
        services.approve(payout.id, story.maker.id)
    assert services.approve_all(ledger.id, story.maker.id) == (0, 1)
    services.approve(payout.id, story.checker.id)
    services.export_batch(ledger.id, story.maker.id)
    services.mark_failed(payout.id, "", story.maker.id)
    with pytest.raises(NotAnotherPerson):
        services.reverse(payout.id, "", story.maker.id)


def test_m5_a_step_that_the_state_does_not_allow_says_so(app: Flask) -> None:
    story, ledger = helpers.awarded(1)
    services.create_payouts(ledger.id, story.maker.id)
    (payout,) = payouts()
    for step in (
        lambda: services.confirm(payout.id, "B1", payout.amount_fen, story.maker.id),
        lambda: services.mark_failed(payout.id, "", story.maker.id),
        lambda: services.mark_unknown(payout.id, "", story.maker.id),
        lambda: services.reverse(payout.id, "", story.checker.id),
    ):
        with pytest.raises(WrongState):
            step()
    assert payouts()[0].state == "created"


def test_a_winner_who_lost_eligibility_after_the_seal_is_not_approved(app: Flask) -> None:
    story, ledger = helpers.awarded(2)
    services.create_payouts(ledger.id, story.maker.id)
    story.participations[0].eligible = False
    db.session.commit()
    with pytest.raises(NoLongerEligible):
        services.approve(payouts()[0].id, story.checker.id)
    assert services.approve_all(ledger.id, story.checker.id) == (1, 1)


def test_m6_a_confirmation_said_twice_counts_once_and_a_wrong_amount_counts_not_at_all(app: Flask) -> None:
    story, _ledger = helpers.exported(2)
    first, second = payouts()
    with pytest.raises(WrongAmount):
        services.confirm(first.id, "B1", first.amount_fen + 1, story.maker.id)
    services.confirm(first.id, "B1", first.amount_fen, story.maker.id)
    before = count(LedgerTransaction)
    services.confirm(first.id, "B1", first.amount_fen, story.maker.id)
    assert count(LedgerTransaction) == before
    with pytest.raises(ReferenceTaken):
        services.confirm(second.id, "B1", second.amount_fen, story.maker.id)
    with pytest.raises(WrongState):
        services.confirm(first.id, "B2", first.amount_fen, story.maker.id)


def test_m6_an_unknown_payout_is_never_sent_again_by_itself(app: Flask) -> None:
    story, ledger = helpers.exported(1)
    (payout,) = payouts()
    services.mark_unknown(payout.id, "the bank does not answer", story.maker.id)
    again = services.export_batch(ledger.id, story.maker.id)
    assert (services.create_payouts(ledger.id, story.maker.id), count(PayoutBatch)) == (0, 1)
    assert again.id == payouts()[0].batch_id
    services.confirm(payout.id, "B1", payout.amount_fen, story.maker.id)
    assert queries.balances(ledger.id)["paid"] == payout.amount_fen


def test_m6_one_wrong_amount_in_a_banks_file_refuses_all_of_it(app: Flask) -> None:
    story, ledger = helpers.exported(3)
    one, two, three = payouts()
    good = (
        f"流水号,单号,金额,状态\nB1,P{one.id:08d},{one.amount_fen / 100:.2f},成功\n"
        f"B2,{two.id},{two.amount_fen / 100:.2f},paid\n"
    )
    wrong = f"{good}B3,{three.id},{three.amount_fen / 100 + 1:.2f},paid\n"
    seen = services.import_results(ledger.id, wrong, story.maker.id, apply=False)
    assert [(line.action, line.reason) for line in seen] == [
        ("confirm", ""),
        ("confirm", ""),
        ("refused", "wrong_amount"),
    ]
    with pytest.raises(ResultsRefused) as refused:
        services.import_results(ledger.id, wrong, story.maker.id, apply=True)
    assert refused.value.details["lines"] == [{"line": 4, "reason": "wrong_amount"}]
    assert {payout.state for payout in payouts()} == {"exported"}
    right = f"{good}B3,{three.id},{three.amount_fen / 100:.2f},失败\n"
    services.import_results(ledger.id, right, story.maker.id, apply=True)
    assert [payout.state for payout in payouts()] == ["confirmed", "confirmed", "failed"]
    before = count(LedgerTransaction)
    again = services.import_results(ledger.id, right, story.maker.id, apply=True)
    assert ([line.action for line in again], count(LedgerTransaction)) == (["same"] * 3, before)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("B1,999999,1.00,paid", "no_such_payout"),
        ("B1,{id},{amount},perhaps", "status"),
        (",{id},{amount},paid", "no_reference"),
        ("B1,{id},{amount},paid\nB2,{id},{amount},paid", "named_twice"),
        ("B1,{id},1.234,paid", "wrong_amount"),
    ],
)
def test_a_line_of_a_banks_file_that_cannot_be_is_refused_with_its_reason(app: Flask, line: str, reason: str) -> None:
    story, ledger = helpers.exported(1)
    (payout,) = payouts()
    words = line.format(id=payout.id, amount=f"{payout.amount_fen / 100:.2f}")
    judged = services.import_results(ledger.id, f"ref,no,amount,status\n{words}", story.maker.id, apply=False)
    assert judged[-1].reason == reason


def test_m7_exporting_twice_gives_the_same_bytes_and_posts_nothing(app: Flask) -> None:
    story, ledger = helpers.exported(3)
    before = count(LedgerEntry)
    first = services.download_batch(queries.list_batches(ledger.id)[0].id, story.maker.id)
    again = services.export_batch(ledger.id, story.maker.id)
    assert services.download_batch(again.id, story.checker.id) == first
    assert count(LedgerEntry) == before
    assert first.startswith(b"PK")


def test_m7_a_card_changed_after_the_export_changes_no_list_and_no_card_lies_open(app: Flask) -> None:
    story, ledger = helpers.exported(1)
    batch_id = queries.list_batches(ledger.id)[0].id
    before = services.download_batch(batch_id, story.maker.id)
    services.save_payee(story.workers[0].id, "别人", "农业银行", helpers.card(99), consented=True)
    assert services.download_batch(batch_id, story.maker.id) == before
    stored = db.session.execute(text("select body_sealed from payout_batches")).scalar_one()
    assert helpers.card(1) not in stored
    assert helpers.card(1) not in db.session.execute(text("select card_sealed from payees")).scalar_one()


def test_a_winner_without_a_card_waits_and_nothing_is_posted_for_them(app: Flask) -> None:
    story, ledger = helpers.awarded(2)
    services.create_payouts(ledger.id, story.maker.id)
    services.approve_all(ledger.id, story.checker.id)
    with pytest.raises(NothingToExport) as refused:
        services.export_batch(ledger.id, story.maker.id)
    assert refused.value.details["without_payee"] == 2
    services.save_payee(story.workers[1].id, "工友1", "工商银行", helpers.card(1), consented=True)
    services.export_batch(ledger.id, story.maker.id)
    assert [payout.state for payout in payouts()] == ["approved", "exported"]
    assert queries.reconciliation(ledger.id).balanced


def test_m9_every_award_is_net_and_tax_by_the_rule_of_its_day(app: Flask) -> None:
    _story, _ledger = helpers.awarded(3, 100_01)
    for award in db.session.scalars(select(Award)):
        assert award.gross_fen == award.net_fen + award.tax_fen
        assert award.tax_fen == rules.tax_fen(award.gross_fen, 2000)
    assert db.session.scalar(select(func.sum(Award.gross_fen))) == 100_01


def test_an_enterprises_bonuses_stay_within_its_own_budget_and_say_by_how_much_not(app: Flask) -> None:
    story = helpers.begin(3)
    bonus = services.open_ledger(story.competition.id, story.enterprise.id, "bonus", None)
    services.fund(bonus.id, 2_99, "", None)
    tiers = [rules.Tier(0, None, "per_level", 50), rules.Tier(0, story.track.id, "top_n", 100, 2)]
    services.set_bonus_tiers(bonus.id, tiers, None)
    helpers.seal(story)
    with pytest.raises(OverBudget) as refused:
        services.award_bonuses(bonus.id, None)
    assert refused.value.details["by_fen"] == 51
    assert count(Award) == 0
    services.fund(bonus.id, 51, "", None)
    done = services.award_bonuses(bonus.id, None)
    assert (done.allocated_fen, done.unallocated_fen, done.count) == (3_50, 0, 5)
    assert services.award_bonuses(bonus.id, None).made is False
    assert {award.tax_fen for award in db.session.scalars(select(Award))} == {0}
    assert queries.reconciliation(bonus.id).balanced


def test_a_payer_that_a_competition_does_not_reach_opens_no_ledger(app: Flask) -> None:
    story = helpers.begin(0)
    stranger = factories.make_organization(None, "enterprise")
    for organization, purpose in ((stranger, "bonus"), (story.enterprise, "prize"), (story.province, "bonus")):
        with pytest.raises(NotFound):
            services.open_ledger(story.competition.id, organization.id, purpose, None)


def test_bank_details_are_taken_of_winners_only_with_consent_and_a_right_check_digit(app: Flask) -> None:
    story, _ledger = helpers.awarded(1)
    winner = story.workers[0].id
    with pytest.raises(NotAWinner):
        services.save_payee(story.maker.id, "a", "b", helpers.card(1), consented=True)
    with pytest.raises(Invalid, match="consent"):
        services.save_payee(winner, "a", "b", helpers.card(1), consented=False)
    with pytest.raises(Invalid, match="luhn"):
        services.save_payee(winner, "a", "b", helpers.card(1)[:-1] + "x", consented=True)


def test_p5_an_export_of_winners_leaves_who_when_why_and_which_rows(app: Flask) -> None:
    story, _ledger = helpers.awarded(3)
    scope = queries.WinnerScope()
    body = services.export_winners(
        story.competition, scope, "csv", full=False, why="check", person_id=story.maker.id
    ).decode("utf-8-sig")
    assert "工友" not in body
    assert "工**" in body
    full = services.export_winners(story.competition, scope, "csv", full=True, why="pay", person_id=story.maker.id)
    assert "工友1" in full.decode()
    entries = list(db.session.scalars(select(AuditEntry).filter_by(action="winners.export").order_by(AuditEntry.id)))
    assert [(entry.person_id, entry.why, entry.details["full"], entry.details["rows"]) for entry in entries] == [
        (story.maker.id, "check", False, 3),
        (story.maker.id, "pay", True, 3),
    ]


def test_a_worker_sees_what_was_won_from_whom_and_where_it_stands(app: Flask) -> None:
    story, _ledger = helpers.exported(1)
    person_id = story.workers[0].id
    (won,) = queries.list_won(person_id)
    assert (won.payer["zh"], won.title["zh"], won.stage) == (story.province.name_zh, "通关奖", "sent")
    services.confirm(payouts()[0].id, "B1", payouts()[0].amount_fen, story.maker.id)
    assert queries.list_won(person_id)[0].stage == "paid"
    assert queries.list_won(story.maker.id) == []


def test_a_rule_that_no_competition_track_belongs_to_is_refused(app: Flask) -> None:
    story = helpers.begin(0)
    helpers.funded(story)
    draft = services.PrizeDraft(rules.Prize(0, story.track.id + 999, "equal_split", pot_fen=1), "a", "a")
    with pytest.raises(NotFound):
        services.set_prize_rules(story.competition.id, [draft], None)
    assert count(PrizeRule) == 1
    with pytest.raises((IntegrityError, StatementError)):
        db.session.execute(text("insert into prize_rules (kind) values ('places')"))
    db.session.rollback()
