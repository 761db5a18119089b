"""The pages of money: one way through, one refusal, one permission each."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from accounts.models import Person
from competitions import setup
from core import clock
from core.database import db
from core.models import AuditEntry
from payouts import queries, rules, services
from payouts.models import Payout
from tests import factories
from tests.payouts import helpers
from tests.payouts.helpers import Story


class Browser:
    """A client signed in as one person."""

    def __init__(self, app: Flask, person: Person) -> None:
        token = f"token-of-{person.id}"
        factories.make_session(person, token=token)
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200) -> str:
        """Read a page in English."""
        reply = self.client.get(path, headers=self.headers, query_string={"lang": "en"})
        assert reply.status_code == status, reply.text
        return reply.text

    def post(self, path: str, status: int = 302, **fields: Any) -> bytes:
        """Send a form; field names are written with _ for the dash after the prefix."""
        data = {
            re.sub(r"^(fund|places|split|tier|winners|payroll|results)_", r"\1-", name): value
            for name, value in fields.items()
        }
        reply = self.client.post(path, headers=self.headers, data=data, query_string={"lang": "en"})
        assert reply.status_code == status, reply.text
        return bytes(reply.data)


def organizer(app: Flask, story: Story) -> Browser:
    """An organizer of the province."""
    person = factories.make_person(name="组织者")
    factories.grant(person, "organizer", story.province)
    return Browser(app, person)


def admin(app: Flask, story: Story) -> Browser:
    """An administrator of the enterprise."""
    person = factories.make_person(name="企业管理员")
    factories.grant(person, "enterprise_admin", story.enterprise)
    return Browser(app, person)


def test_an_organizer_funds_a_pool_sets_rules_awards_and_takes_the_winners_away(app: Flask) -> None:
    story = helpers.begin(3)
    page = f"/organizer/competitions/{story.competition.id}/prizes"
    browser = organizer(app, story)
    assert "No prize rule yet" in browser.get(page)
    browser.post(f"{page}/fund", fund_amount="100", fund_memo="budget", seen_fen=0)
    browser.post(
        f"{page}/split",
        split_track=story.track.id,
        split_pot="60",
        split_name_zh="甲",
        split_name_en="A",
        split_who="board",
    )
    bands: dict[str, Any] = {
        "places-track": 0,
        "places-name_zh": "乙",
        "places-name_en": "B",
        "places-bands-0-first": 1,
        "places-bands-0-last": 2,
        "places-bands-0-each": "20",
    }
    browser.post(f"{page}/places", **bands)
    helpers.seal(story)
    shown = browser.get(page)
    assert "¥100.00" in shown
    assert "by the sealed standings" in shown
    browser.post(f"{page}/award")
    shown = browser.get(page)
    assert "工**" in shown
    assert "工友" not in shown
    book = browser.post(
        f"{page.removesuffix('prizes')}winners",
        200,
        winners_track=0,
        winners_city=0,
        winners_enterprise=story.enterprise.id,
        winners_file="xlsx",
        winners_full="y",
        winners_why="announcement",
    )
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows[1:]] == ["工友0", "工友1", "工友2", "工友0", "工友1"]
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_a_rule_beyond_the_pool_is_refused_on_the_page_that_says_by_how_much(app: Flask) -> None:
    story = helpers.begin(1)
    helpers.funded(story, 100_00)
    page = f"/organizer/competitions/{story.competition.id}/prizes/split"
    said = organizer(app, story).post(
        page, 422, split_track=0, split_pot="1", split_name_zh="甲", split_name_en="A", split_who="board"
    )
    assert "¥1.00 more than the pool" in said.decode()


def test_a_prize_rule_is_changed_where_it_stands_and_the_others_stay_as_they_are(app: Flask) -> None:
    story = helpers.begin(1)
    helpers.funded(story, 100_00, helpers.split_draft(40_00))
    services.add_prize_rule(
        story.competition.id,
        services.PrizeDraft(rules.Prize(0, None, "places", (rules.Band(1, 2, 10_00),)), "名次", "Places"),
        story.maker.id,
    )
    split, places = ((rule.id, rule.name_en) for rule in queries.list_prize_rules(story.competition.id))
    page = f"/organizer/competitions/{story.competition.id}/prizes"
    browser = organizer(app, story)
    assert f'href="{page}/{split[0]}"' in browser.get(page)
    for value in ("通关奖", "Finishers&#39; prize", "40.00"):
        assert f'value="{value}"' in browser.get(f"{page}/{split[0]}")
    browser.post(
        f"{page}/{split[0]}",
        split_track=story.track.id,
        split_pot="70",
        split_name_zh="甲",
        split_name_en="A",
        split_who="board",
    )
    assert 'value="10.00"' in browser.get(f"{page}/{places[0]}")
    bands: dict[str, Any] = {"places-bands-0-first": 1, "places-bands-0-last": 1, "places-bands-0-each": "25"}
    named: dict[str, Any] = {"places-track": 0, "places-name_zh": "乙", "places-name_en": "B"}
    browser.post(f"{page}/{places[0]}", **named, **bands)
    db.session.expire_all()
    first, second = queries.list_prize_rules(story.competition.id)
    assert (first.id, first.name_en, first.track_id, first.terms["pot_fen"]) == (split[0], "A", story.track.id, 70_00)
    assert (second.id, second.terms["bands"]) == (places[0], [{"from": 1, "to": 1, "each_fen": 25_00}])

    over = browser.post(f"{page}/{places[0]}", 422, **named, **bands | {"places-bands-0-each": "31"}).decode()
    assert "¥1.00 more than the pool" in over
    assert 'value="31"' in over, "what was typed is still there"
    helpers.seal(story)
    assert "can no longer be changed" in browser.post(f"{page}/{places[0]}", 422, **named, **bands).decode()
    assert f'href="{page}/{split[0]}"' not in browser.get(page)


def test_a_rule_of_another_competition_or_one_that_is_gone_is_not_there_to_be_changed(app: Flask) -> None:
    story = helpers.begin(0)
    helpers.funded(story)
    (rule,) = queries.list_prize_rules(story.competition.id)
    other = factories.make_competition(story.province)
    rule_id, browser = rule.id, organizer(app, story)
    browser.get(f"/organizer/competitions/{other.id}/prizes/{rule_id}", 404)
    services.remove_prize_rule(story.competition.id, rule_id, story.maker.id)
    browser.get(f"/organizer/competitions/{story.competition.id}/prizes/{rule_id}", 404)


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "abc", "", "1e9", "99999999999999"])
def test_an_amount_that_cannot_be_is_refused_beside_its_field(app: Flask, amount: str) -> None:
    story = helpers.begin(0)
    page = f"/organizer/competitions/{story.competition.id}/prizes/fund"
    organizer(app, story).post(page, 422, fund_amount=amount, fund_memo="x")
    assert queries.list_all_ledgers() == []


def test_finance_takes_a_payout_from_made_to_paid_and_another_person_approves(app: Flask) -> None:
    story, ledger = helpers.awarded(2)
    helpers.with_cards(story)
    page = f"/finance/ledgers/{ledger.id}"
    maker, checker = Browser(app, story.maker), Browser(app, story.checker)
    assert "2 awards have no payout yet" in maker.get(page)
    maker.post(f"{page}/create")
    assert "another person" in maker.get(page)
    maker.post(f"{page}/approve")
    assert {payout.state for payout in db.session.scalars(select(Payout))} == {"created"}
    checker.post(f"{page}/approve")
    maker.post(f"{page}/export")
    assert page in maker.get("/payouts")
    (batch,) = queries.list_batches(ledger.id)
    first = maker.post(f"/finance/batches/{batch.id}", 200)
    assert maker.post(f"/finance/batches/{batch.id}", 200) == first
    rows = CalamineWorkbook.from_filelike(io.BytesIO(first)).get_sheet_by_index(0).to_python()
    assert [row[-1] for row in rows[1:]] == [helpers.card(1), helpers.card(2)]
    one, two = list(db.session.scalars(select(Payout).order_by(Payout.id)))
    one_id, two_id, fen = one.id, two.id, two.amount_fen
    assert "The bank has paid" in maker.get(f"/finance/payouts/{one_id}")
    maker.post(f"/finance/payouts/{one_id}/confirm", bank_reference="B1", amount="39.00")
    assert "Nothing was recorded" in maker.get(f"/finance/payouts/{one_id}")
    maker.post(f"/finance/payouts/{one_id}/confirm", bank_reference="B1", amount="40.00")
    text = f"B2,P{two_id:08d},{fen / 100:.2f},paid"
    assert "will be marked as paid" in maker.post(f"{page}/results", 200, results_text=text, apply="no").decode()
    maker.post(f"{page}/results", results_text=text, apply="yes")
    assert "The books agree to the fen" in maker.get(page)
    assert queries.balances(ledger.id)["paid"] == 80_00
    assert "Paid" in maker.get(f"/finance/payouts/{two_id}")


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_a_payout_that_went_wrong_shows_it_and_what_may_be_done(app: Flask, state: str) -> None:
    story, _ledger = helpers.exported(1)
    payout_id = db.session.scalars(select(Payout.id)).one()
    maker, checker = Browser(app, story.maker), Browser(app, story.checker)
    maker.post(f"/finance/payouts/{payout_id}/{'fail' if state == 'failed' else 'unknown'}", why="card closed")
    assert "card closed" in checker.get(f"/finance/payouts/{payout_id}")
    if state == "failed":
        checker.post(f"/finance/payouts/{payout_id}/reverse", why="came back")
        assert "Reversed" in checker.get(f"/finance/payouts/{payout_id}")


def test_an_enterprise_sets_a_bonus_awards_it_and_takes_its_payroll_away(app: Flask) -> None:
    story = helpers.begin(2)
    browser = admin(app, story)
    page = f"/organizations/{story.enterprise.id}/bonuses/{story.competition.id}"
    assert "Skills competition" in browser.get(f"/organizations/{story.enterprise.id}/bonuses")
    browser.post(f"{page}/tiers", tier_kind="per_level", tier_track=0, tier_amount="30")
    browser.post(f"{page}/tiers", 422, tier_kind="top_n", tier_track=0, tier_amount="30")
    helpers.seal(story)
    assert "exceed the budget by ¥60.00" in browser.get(page)
    browser.post(f"{page}/award")
    assert "Nothing can be awarded" in browser.get(page)
    browser.post(f"{page}/fund", fund_amount="60", fund_memo="wage fund", seen_fen=0)
    browser.post(f"{page}/award")
    assert "Awarded bonuses" in browser.get(page)
    assert "Enterprise bonus" in browser.get("/payouts")
    sheet = browser.post(f"{page}/payroll", 200, payroll_file="csv", payroll_why="November").decode("utf-8-sig")
    assert sheet.count("工友") == 2
    entry = db.session.scalars(select(AuditEntry).filter_by(action="winners.export")).one()
    assert (entry.organization_id, entry.why) == (story.enterprise.id, "November")


def test_the_books_of_a_discarded_draft_stay_open_to_finance_and_say_what_became_of_the_money(app: Flask) -> None:
    story = helpers.begin(0)
    story.competition.state = "draft"
    db.session.commit()
    ledger = helpers.funded(story, 100_00)
    browser, page = Browser(app, story.maker), f"/finance/ledgers/{ledger.id}"
    assert "discarded" not in browser.get("/payouts") + browser.get(page)
    setup.discard_competition(story.maker.id, story.competition.id)
    assert "· discarded" in browser.get("/payouts")
    shown = browser.get(page)
    assert "What its pool held went back to the sponsor" in shown
    assert "Returned to the sponsor" in shown
    assert "The books agree to the fen" in shown
    organizer(app, story).get(f"/organizer/competitions/{story.competition.id}/prizes", 404)


def test_a_bonus_is_changed_where_it_stands_until_the_seal(app: Flask) -> None:
    story = helpers.begin(1)
    page = f"/organizations/{story.enterprise.id}/bonuses/{story.competition.id}"
    browser = admin(app, story)
    browser.post(f"{page}/tiers", tier_kind="per_level", tier_track=0, tier_amount="30")
    browser.post(f"{page}/tiers", tier_kind="all_levels", tier_track=0, tier_amount="50")
    ledger = queries.find_ledger(story.competition.id, story.enterprise.id, "bonus")
    assert ledger is not None
    first, second = queries.list_tiers(ledger.id)
    assert f'href="{page}/tiers/{first.id}"' in browser.get(page)
    assert 'value="30.00"' in browser.get(f"{page}/tiers/{first.id}")
    changed: dict[str, Any] = {"tier_kind": "top_n", "tier_track": story.track.id, "tier_amount": "80"}
    assert "needs a number" in browser.post(f"{page}/tiers/{first.id}", 422, **changed).decode()
    browser.post(f"{page}/tiers/{first.id}", **changed, tier_top_n=3)
    db.session.expire_all()
    assert queries.list_tiers(ledger.id) == [rules.Tier(first.id, story.track.id, "top_n", 80_00, 3), second]
    ledger_id = ledger.id
    helpers.seal(story)
    assert (
        "can no longer be changed" in browser.post(f"{page}/tiers/{second.id}", 422, **changed, tier_top_n=3).decode()
    )
    browser.post(f"{page}/tiers/{first.id + second.id}", 404, **changed)
    assert queries.list_tiers(ledger_id)[1] == second


def test_a_winner_gives_bank_details_and_sees_them_masked(app: Flask) -> None:
    story, _ledger = helpers.awarded(1)
    browser = Browser(app, story.workers[0])
    fields: dict[str, Any] = {"account_name": "工友零", "bank_name": "工商银行", "consent": "y"}
    wrong = helpers.card(5)[:-1] + str((int(helpers.card(5)[-1]) + 1) % 10)
    assert "digit by digit" in browser.post("/me/payee", 422, card_number=wrong, **fields).decode()
    browser.post("/me/payee", card_number=helpers.card(5), **fields)
    page = browser.get("/me/payee")
    assert helpers.card(5) not in page
    assert helpers.card(5)[-4:] in page
    assert "工友零" not in page


def test_the_partial_shows_what_was_won_and_where_it_stands(app: Flask) -> None:
    from flask import get_template_attribute

    from payouts.routes import stages

    story, _ledger = helpers.exported(1)
    with app.test_request_context("/?lang=en"):
        shown = str(
            get_template_attribute("payouts/_won.html", "won_list")(queries.list_won(story.workers[0].id), stages())
        )
    assert "Sent to bank" in shown
    assert "¥80.00" in shown
    assert "Give bank details" in shown


def pages_of(story: Story, ledger_id: int, payout_id: int) -> list[str]:
    """Every page of money that is somebody's own."""
    return [
        f"/organizer/competitions/{story.competition.id}/prizes",
        f"/finance/ledgers/{ledger_id}",
        f"/finance/payouts/{payout_id}",
        f"/organizations/{story.enterprise.id}/bonuses",
        f"/organizations/{story.enterprise.id}/bonuses/{story.competition.id}",
        "/me/payee",
        "/payouts",
    ]


def test_p3_a_stranger_finds_nothing_and_nobody_signed_in_is_asked_to(app: Flask) -> None:
    story, ledger = helpers.exported(1)
    payout_id = db.session.scalars(select(Payout.id)).one()
    stranger = Browser(app, factories.make_person())
    for path in pages_of(story, ledger.id, payout_id):
        assert stranger.get(path, 404) == stranger.get(path, 404)
        assert app.test_client().get(path).status_code == 303
    for path in ("fund", "places", "split", "award", "1/remove"):
        stranger.post(f"/organizer/competitions/{story.competition.id}/prizes/{path}", 404)
    for path in ("create", "approve", "export", "results"):
        stranger.post(f"/finance/ledgers/{ledger.id}/{path}", 404)
    for path in ("approve", "confirm", "fail", "unknown", "reverse"):
        stranger.post(f"/finance/payouts/{payout_id}/{path}", 404)
    stranger.post(f"/finance/batches/{queries.list_batches(ledger.id)[0].id}", 404)
    stranger.post(f"/organizer/competitions/{story.competition.id}/winners", 404)
    for path in ("fund", "tiers", "tiers/1", "tiers/1/remove", "award", "payroll"):
        stranger.post(f"/organizations/{story.enterprise.id}/bonuses/{story.competition.id}/{path}", 404)


def test_p3_absent_and_forbidden_give_the_same_reply(app: Flask) -> None:
    _story, ledger = helpers.exported(1)
    stranger = Browser(app, factories.make_person())
    assert stranger.get(f"/finance/ledgers/{ledger.id}", 404) == stranger.get("/finance/ledgers/999999", 404)


def test_p2_one_enterprise_and_the_province_see_nothing_of_another_enterprises_bonuses(app: Flask) -> None:
    story = helpers.begin(1)
    bonus = services.open_ledger(story.competition.id, story.enterprise.id, "bonus", None)
    other = factories.make_organization(story.province, "enterprise")
    person = factories.make_person()
    factories.grant(person, "enterprise_admin", other)
    for browser in (Browser(app, person), Browser(app, story.maker), organizer(app, story)):
        browser.get(f"/finance/ledgers/{bonus.id}", 404)
        browser.get(f"/organizations/{story.enterprise.id}/bonuses/{story.competition.id}", 404)
    assert "Enterprise bonus" not in Browser(app, factories.make_person(phone="+8613999999999")).get("/payouts", 404)


def test_an_auditor_reads_and_changes_nothing_and_gets_masked_names_only(app: Flask) -> None:
    story, ledger = helpers.exported(1)
    person = factories.make_person(name="审计")
    factories.grant(person, "auditor", story.province)
    auditor = Browser(app, person)
    assert "Make payouts" not in auditor.get(f"/finance/ledgers/{ledger.id}")
    auditor.get("/payouts")
    auditor.post(f"/finance/ledgers/{ledger.id}/create", 404)
    auditor.post(f"/finance/batches/{queries.list_batches(ledger.id)[0].id}", 404)
    sheet = auditor.post(
        f"/organizer/competitions/{story.competition.id}/winners",
        200,
        winners_track=0,
        winners_city=0,
        winners_enterprise=0,
        winners_file="csv",
        winners_full="y",
        winners_why="audit",
    ).decode("utf-8-sig")
    assert "工友" not in sheet


def test_the_commands_print_what_holds_and_end_with_status_1_when_it_does_not(app: Flask) -> None:
    _story, ledger = helpers.exported(2)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["payouts", "reconcile"])
    assert (done.exit_code, done.output.count("difference ¥0.00")) == (0, 1)
    done = runner.invoke(args=["payouts", "check"])
    assert (done.exit_code, done.output.count(" OK: ")) == (0, 4)
    assert "incidental from 2019-01-01: 20 %" in runner.invoke(args=["payouts", "tax-rules"]).output
    payout = db.session.scalars(select(Payout).limit(1)).one()
    award_id = payout.award_id
    db.session.add(
        Payout(
            award_id=award_id,
            amount_fen=1,
            created_by=payout.created_by,
            created_at=clock.now(),
            reversed_by=queries.list_postings(ledger.id, 1)[0].transaction.id,
        )
    )
    db.session.commit()
    done = runner.invoke(args=["payouts", "check"])
    assert (done.exit_code, "M4 BROKEN" in done.output, "M9 BROKEN" in done.output) == (1, True, True)
