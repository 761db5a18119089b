"""The demo event on a real database: real results, real money, and a second run that changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

import demo
from accounts.models import Person
from accounts.rules import check_password, normalise_phone
from accounts.services import sign_in
from competitions import rules
from competitions.checklist import availability
from competitions.models import Answer, Attempt, Competition, Level, Participation, Standing, Track
from competitions.services import recompute_standings, start_attempt
from core import clock
from core.database import db
from core.secrets import unseal
from core.zone import SHANGHAI
from demo import contests, places
from demo.event import Event, find_event
from demo.people import Maker
from demo.services import make
from leaderboard.services import reconcile, verify
from organizations.queries import list_grants
from organizations.rules import CODE_ALPHABET
from payouts import queries as money
from payouts.models import Award, Payout
from payouts.queries import reconciliation
from questions.queries import get_bank, get_versions
from questions.rules import draw
from questions.services import load_banks


@pytest.fixture(autouse=True)
def banks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The banks, and a clock that begins at one moment: what people invented for the demo do hangs on when it is."""
    load_banks(Path("content"))
    real, ahead = clock.now, datetime(2026, 11, 23, 6, 30, tzinfo=UTC) - clock.now()
    monkeypatch.setattr(clock, "now", lambda: real() + ahead)


def make_quietly(people: int) -> Event:
    make(people, lambda line: None)
    event = find_event()
    assert event is not None
    return event


def count_rows() -> dict[str, int]:
    tables = db.session.scalars(text("select tablename from pg_tables where schemaname = 'public'")).all()
    counts = {table: db.session.scalar(text(f"select count(*) from {table}")) for table in tables}
    db.session.rollback()
    return counts


def what_everyone_did() -> list[tuple[Any, ...]]:
    rows = db.session.execute(
        select(Person.name, Attempt.level_id, Attempt.number, Attempt.seed, Attempt.marks, Attempt.elapsed_ms)
        .join(Attempt, Attempt.person_id == Person.id)
        .order_by(Person.id, Attempt.started_at)
    ).all()
    db.session.rollback()
    return [tuple(row) for row in rows]


def test_a_full_rescore_reproduces_all_that_the_demo_stored() -> None:
    event = make_quietly(90)
    level = {one.id: one for one in db.session.scalars(select(Level))}
    trade = {one.id: one.trade_code for one in db.session.scalars(select(Track))}
    answers: dict[int, dict[int, Any]] = {}
    for answer in db.session.scalars(select(Answer)):
        answers.setdefault(answer.attempt_id, {})[answer.position] = answer.value
    attempts = db.session.scalars(select(Attempt)).all()
    assert len(attempts) > 400
    for attempt in attempts:
        at = level[attempt.level_id]
        blueprint = rules.blueprint_rows(at.blueprint)
        drawn = draw(blueprint, get_bank(trade[at.track_id]), Random(attempt.seed))
        items = rules.paper_items(attempt.paper)
        given = answers.get(attempt.id, {})
        assert items == drawn
        assert attempt.marks == rules.score(items, get_versions([item.version for item in items]), given)
        assert attempt.points == sum(attempt.marks)
        assert attempt.max_points == rules.max_points(blueprint)
        assert attempt.answers_hash == rules.answers_hash(attempt.id, given)
        assert attempt.cleared == (sum(attempt.marks) >= at.pass_points)
    for competition_id in event.competition_ids[: contests.DRAFT]:
        recomputed = recompute_standings(competition_id)
        stored: dict[int, list[rules.StandingRow]] = {}
        for row in db.session.scalars(
            select(Standing).where(Standing.competition_id == competition_id).order_by(Standing.track_id.nulls_first())
        ):
            stored.setdefault(row.participation_id, []).append(
                rules.StandingRow(row.track_id, row.levels_cleared, row.points, row.elapsed_ms, row.reached_at)
            )
        assert stored == recomputed
        assert recomputed


def test_nobody_in_the_demo_did_what_the_platform_would_have_refused() -> None:
    event = make_quietly(90)
    competitions = {one.id: one for one in db.session.scalars(select(Competition))}
    rows = db.session.execute(
        select(Attempt, Level, Participation)
        .join(Level, Level.id == Attempt.level_id)
        .join(Participation, Participation.id == Attempt.participation_id)
        .order_by(Participation.id, Attempt.started_at)
    ).all()
    cleared: set[tuple[int, int, int]] = set()
    starts: dict[tuple[int, int], list[Any]] = {}
    for attempt, level, participation in rows:
        competition = competitions[participation.competition_id]
        assert attempt.finished_at is not None
        earlier = starts.setdefault((participation.id, level.id), [])
        assert rules.tries_refusal(level.tries_total, level.tries_per_day, earlier, attempt.started_at) is None
        earlier.append(attempt.started_at)
        assert attempt.number == len(earlier)
        assert level.position == 1 or (participation.id, level.track_id, level.position - 1) in cleared
        assert competition.opens_at <= participation.joined_at < attempt.started_at
        assert attempt.deadline_at == rules.deadline(attempt.started_at, level.time_limit_s, competition.closes_at)
        assert attempt.started_at < attempt.finished_at <= min(attempt.deadline_at, event.anchor)
        assert (attempt.close_reason == "time_up") == (attempt.finished_at == attempt.deadline_at)
        if attempt.cleared:
            cleared.add((participation.id, level.track_id, level.position))
    for (before, _, mine), (after, _, theirs) in pairwise(rows):
        assert before.finished_at is not None
        assert mine.id != theirs.id or before.finished_at < after.started_at
    late = db.session.scalar(
        text(
            "select count(*) from answers n join attempts a on a.id = n.attempt_id "
            "where n.received_at <= a.started_at or n.received_at > a.finished_at"
        )
    )
    assert late == 0


def test_running_it_twice_changes_nothing_and_going_on_keeps_what_was_there() -> None:
    first = make_quietly(60)
    counted, did = count_rows(), what_everyone_did()
    assert make_quietly(60) == first
    assert make_quietly(40) == first
    assert count_rows() == counted
    larger = make_quietly(130)
    assert db.session.scalar(text("select count(*) from people")) == larger.people == 130
    assert what_everyone_did()[: len(did)] == did
    assert len(what_everyone_did()) > len(did)
    phones = [unseal(sealed) for sealed in db.session.scalars(select(Person.phone_sealed).order_by(Person.id))]
    assert phones == [normalise_phone(demo.phone(number)) for number in range(130)]
    for competition_id in (larger.competition_ids[contests.OPEN], larger.competition_ids[contests.INTERNAL]):
        assert reconcile(competition_id, repair=False).differences == 0


def test_a_run_that_was_stopped_is_brought_to_its_end_by_the_next() -> None:
    def stop_at(word: str) -> Any:
        def say(line: str) -> None:
            if line.startswith(word):
                raise KeyboardInterrupt

        return say

    for word in ("Made", "Added"):
        with pytest.raises(KeyboardInterrupt):
            make(60, stop_at(word))
        db.session.rollback()
    event = make_quietly(60)
    assert (event.people, event.offered, event.finished) == (60, True, True)
    assert db.session.scalar(text("select count(*) from people")) == 60
    for number in (contests.OPEN, contests.FINISHED):
        for ledger in money.list_ledgers(event.competition_ids[number]):
            funded = contests.POOL_FEN if ledger.purpose == "prize" else contests.BONUS_BUDGET_FEN
            assert money.balances(ledger.id)["sponsor"] == -funded


def test_the_demo_worker_has_won_a_paid_prize_and_has_welding_still_to_play() -> None:
    event = make_quietly(60)
    worker = event.login_ids[demo.WORKER]
    won = db.session.scalars(
        select(Payout.state)
        .join(Award, Award.id == Payout.award_id)
        .join(Participation, Participation.id == Award.participation_id)
        .where(Participation.person_id == worker)
    ).all()
    assert "confirmed" in won
    levels = {
        (trade, position): level_id
        for trade, position, level_id in db.session.execute(
            select(Track.trade_code, Level.position, Level.id)
            .join(Level, Level.track_id == Track.id)
            .where(Track.competition_id == event.competition_ids[contests.OPEN])
        )
    }
    played = set(db.session.scalars(select(Attempt.level_id).where(Attempt.person_id == worker)))
    assert levels["work_safety", 1] in played
    assert not played & {levels["welding", position] for position in range(1, 6)}
    db.session.rollback()
    assert start_attempt(worker, levels["welding", 1]).state == "open"
    with pytest.raises(Exception, match="locked"):
        start_attempt(worker, levels["welding", 2])


def test_every_log_in_signs_in_and_holds_its_role() -> None:
    event = make_quietly(len(demo.LOGINS))
    wanted = ["", "enterprise_admin", "organizer", "finance", "finance", "auditor"]
    wanted += ["question_author", "question_reviewer"]
    for log_in, person_id, role in zip(demo.LOGINS, event.login_ids, wanted, strict=True):
        _, session = sign_in(normalise_phone(log_in.phone), log_in.password, "cookie", "test")
        assert session.person_id == person_id
        grants = list_grants(person_id)
        assert [grant.role for grant in grants] == [role] * bool(role)
        assert all((grant.organization_id == event.province_id) != (role == "enterprise_admin") for grant in grants)
        check_password(log_in.password, log_in.phone)


def test_the_finished_competition_is_sealed_and_its_payouts_stand_in_every_state() -> None:
    event = make_quietly(120)
    competition_id = event.competition_ids[contests.FINISHED]
    checked = verify(competition_id)
    assert checked.recorded == checked.from_rows == checked.from_answers
    states = Counter(db.session.scalars(select(Payout.state)))
    assert set(states) == {"created", "approved", "exported", "confirmed", "failed", "unknown"}
    for ledger in money.list_ledgers(competition_id):
        assert reconciliation(ledger.id).balanced
        assert money.count_awards(ledger.id) > 0
    states_of = dict(db.session.execute(select(Competition.id, Competition.state)).all())
    assert [states_of[one] for one in event.competition_ids] == ["open", "sealed", "open", "draft"]


def test_every_blueprint_of_the_demo_can_be_filled_whatever_the_chance() -> None:
    for trade, _, _ in contests.TRADES:
        bank = get_bank(trade)
        for level in contests.LEVELS:
            assert sum(row.count for row in level.blueprint) == 10
            assert all(row.ok for row in availability(level.blueprint, bank)), (trade, level.name_en)


def test_skill_and_difficulty_show_and_about_eight_in_a_hundred_clear_a_whole_track() -> None:
    event = make_quietly(len(demo.LOGINS))
    maker = Maker(event)
    db.session.rollback()
    everyone = [maker.someone(number) for number in range(len(demo.LOGINS), 1_500)]
    tries = [one for person in everyone for one in person.played.get(contests.OPEN, [])]
    passes = [
        sum(one.cleared for one in tries if one.level.position == position)
        / sum(one.level.position == position for one in tries)
        for position in range(1, 6)
    ]
    assert passes == sorted(passes, reverse=True)
    assert passes[0] > 0.85
    cleared = sum(
        any(one.cleared and one.level.position == 5 for one in person.played.get(contests.OPEN, []))
        for person in everyone
    )
    assert 0.06 < cleared / len(everyone) < 0.10
    hours = Counter(one.started_at.astimezone(SHANGHAI).hour for one in tries)
    assert hours[12] > 4 * hours[16] < hours[20]
    names = {person.name for person in everyone}
    assert len({name[0] for name in names}) > 80
    assert any("·" in name for name in names)
    assert any(ord(character) > 0xFFFF for name in names for character in name)
    assert asdict(maker.someone(77)) == asdict(maker.someone(77))


def test_join_codes_are_distinct_and_can_be_read_aloud() -> None:
    codes = [plan.join_code for plan in places.ENTERPRISES]
    assert len(set(codes)) == len(codes) == 20
    assert set("".join(codes)) <= set(CODE_ALPHABET)


def test_without_banks_the_command_says_what_to_run_first(app: Flask) -> None:
    db.session.execute(text("delete from topics"))
    db.session.execute(text("update questions set trade_code = 'welding'"))
    db.session.execute(text("delete from trades where code <> 'welding'"))
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["demo"])
    assert result.exit_code == 1
    assert "flask questions load" in result.output
    assert find_event() is None
