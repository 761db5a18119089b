"""Setting up: drafts, levels in order, the checklist, and more time as a list of adjustments."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts.models import Person
from competitions import queries, queries_admin, rules, services, setup
from competitions.checklist import CompetitionFacts, LevelFacts, TrackFacts, availability, check, may_open
from competitions.errors import WrongState
from competitions.models import Adjustment, Attempt, Competition, Level, Participation
from competitions.uses import find_uses, points_by_topic
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound
from core.models import AuditEntry
from leaderboard.queries import get_board
from payouts import services as payouts
from payouts.models import PrizeRule
from payouts.queries import balances
from questions.errors import BlueprintUnfillable
from questions.models import Question
from questions.queries import forget
from questions.rules import Bank, BlueprintRow, Version, draw
from tests import factories as make

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def version(id_: int, topic: str, difficulty: int, type_: str = "single") -> Version:
    return Version(id_, type_, topic, difficulty, {}, (), {}, {}, {})


def facts(**changes: object) -> CompetitionFacts:
    level = LevelFacts(1, "1", availability([], Bank([])), 100, 60, 600, None)
    good = replace(level, rows=availability([BlueprintRow(1, 100)], Bank([version(1, "a", 1)])))
    values: dict[str, object] = {
        "now": NOON,
        "opens_at": NOON + timedelta(days=1),
        "closes_at": NOON + timedelta(days=2),
        "names": ("名", "name"),
        "rules": ("规则", "rules"),
        "tracks": [TrackFacts(1, "welding", [good])],
    }
    return CompetitionFacts(**(values | changes))  # type: ignore[arg-type]


def red(given: CompetitionFacts) -> list[str]:
    return [line.code for line in check(given) if not line.ok]


def test_a_complete_competition_may_open() -> None:
    assert red(facts()) == []
    assert may_open(check(facts()))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"names": ("名", " ")}, "names"),
        ({"rules": ("规则", "")}, "rules"),
        ({"closes_at": NOON - timedelta(hours=1), "opens_at": NOON - timedelta(days=1)}, "window"),
        ({"tracks": []}, "tracks"),
        ({"tracks": [TrackFacts(1, "welding", [])]}, "levels"),
    ],
)
def test_each_gap_is_its_own_red_line(changes: dict[str, object], code: str) -> None:
    assert red(facts(**changes)) == [code]
    assert not may_open(check(facts(**changes)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rows": []}, "blueprint"),
        ({"pass_points": 101}, "pass_mark"),
        ({"pass_points": 0}, "pass_mark"),
        ({"opens_at": NOON + timedelta(days=2) - timedelta(seconds=599)}, "time"),
        ({"exposure": Fraction(251, 1000), "exposure_cap": 25}, "exposure"),
    ],
)
def test_each_fault_of_a_level_is_its_own_red_line(changes: dict[str, object], code: str) -> None:
    track = facts().tracks[0]
    level = replace(track.levels[0], **changes)  # type: ignore[arg-type]
    assert red(facts(tracks=[replace(track, levels=[level])])) == [code]


def test_a_blueprint_called_sure_is_drawn_by_every_seed_and_a_doubtful_one_fails_for_some() -> None:
    bank = Bank([version(n, "a" if n < 4 else "b", 1, "single" if n % 2 else "multiple") for n in range(8)])
    # Topic a holds 0..3, type multiple 0, 2, 4, 6: a draw of topic a may take two of type multiple.
    doubtful = [BlueprintRow(3, 1, topic="a"), BlueprintRow(3, 1, type="multiple")]
    sure = [BlueprintRow(2, 1, topic="a"), BlueprintRow(2, 1, type="multiple")]
    assert all(row.ok for row in availability(sure, bank))
    assert not all(row.ok for row in availability(doubtful, bank))
    failures = 0
    for seed in range(200):
        draw(sure, bank, random.Random(seed))
        try:
            draw(doubtful, bank, random.Random(seed))
        except BlueprintUnfillable:
            failures += 1
    assert 0 < failures < 200


@pytest.fixture
def organizer(app: Flask) -> Person:
    return make.make_person(make.make_organization())


def basics_of(competition: Competition) -> setup.Basics:
    return setup.Basics(**{name: getattr(competition, name) for name in setup.Basics.__dataclass_fields__})


def draft_with_levels(count: int) -> tuple[Competition, int, list[int]]:
    make.make_bank(size=60)
    competition = make.make_competition(make.make_organization(), state="draft")
    track = make.make_track(competition)
    levels = [make.make_level(track, position=number).id for number in range(1, count + 1)]
    return competition, track.id, levels


def test_the_end_of_an_open_competition_can_be_put_off_but_not_brought_forward(organizer: Person) -> None:
    competition = make.make_competition(make.make_organization())
    now = basics_of(competition)
    later = replace(now, closes_at=now.closes_at + timedelta(days=1), name_en="Better name")
    setup.edit_competition(organizer.id, competition.id, later, competition.organization_id)
    assert queries.get_competition(competition.id).closes_at == later.closes_at
    for change in ({"closes_at": now.closes_at}, {"rules_zh": "新规则"}, {"mask_names": False}):
        with pytest.raises(Invalid):
            setup.edit_competition(
                organizer.id,
                competition.id,
                replace(later, **change),
                competition.organization_id,
            )
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "competition.edit")).one()
    assert entry.details["after"]["name_en"] == "Better name"


def test_a_cap_is_kept_by_a_bank_that_is_large_enough(organizer: Person) -> None:
    competition, _, [level_id] = draft_with_levels(1)  # it draws four of sixty

    def capped(percent: int) -> bool:
        with transaction():
            lock(Level, level_id).exposure_cap = percent
        (line,) = [one for one in setup.find_checklist(competition.id) if one.code == "exposure"]
        return line.ok

    assert (capped(6), capped(7)) == (False, True)


def test_the_checklist_counts_the_bank_that_papers_are_drawn_from(organizer: Person) -> None:
    competition, _, _ = draft_with_levels(1)

    def fillable(draws_from: str) -> bool:
        with transaction():
            lock(Competition, competition.id).draws_from = draws_from
        forget()
        (line,) = [one for one in setup.find_checklist(competition.id) if one.code == "blueprint"]
        return line.ok

    assert (fillable("all"), fillable("reserved")) == (True, False)
    with transaction():
        own = db.session.scalars(select(Question).order_by(Question.id).limit(3)).all()
        for question in own:
            question.reserved = True
            question.organization_id = competition.organization_id
    assert fillable("reserved")
    assert setup.copy_competition(organizer.id, competition.id, "（副本）", " (copy)").draws_from == "reserved"


def test_a_discarded_draft_is_nowhere_but_in_the_audit_log_and_the_books(organizer: Person) -> None:
    draft, track_id, (level_id,) = draft_with_levels(1)
    owner = draft.organization_id
    ledger = payouts.open_ledger(draft.id, owner, "prize", organizer.id)
    payouts.fund(ledger.id, 100_00, "专项", organizer.id)
    question_id = db.session.scalars(select(Question.id).order_by(Question.id)).first()
    assert question_id is not None
    assert find_uses(question_id, [owner])
    setup.discard_competition(organizer.id, draft.id)

    for reading in (
        lambda: queries.get_competition(draft.id),
        lambda: queries.get_level_place(level_id),
        lambda: setup.edit_competition(organizer.id, draft.id, basics_of(draft), owner),
        lambda: setup.add_standard_levels(organizer.id, track_id),
        lambda: setup.copy_competition(organizer.id, draft.id, "", ""),
        lambda: setup.discard_competition(organizer.id, draft.id),
        lambda: payouts.fund(ledger.id, 1_00, "专项", organizer.id),
        lambda: get_board(draft.id),
    ):
        with pytest.raises(NotFound):
            reading()
    with pytest.raises(WrongState):
        services.open_competition(draft.id, organizer.id)
    assert queries_admin.list_run_by([owner]) == []
    assert find_uses(question_id, [owner]) == []
    assert points_by_topic("welding", [owner]) == {}
    assert balances(ledger.id)["pool"] == balances(ledger.id)["sponsor"] == 0
    acts = set(db.session.scalars(select(AuditEntry.action).where(AuditEntry.person_id == organizer.id)))
    assert {"competition.discard", "ledger.fund", "ledger.return"} <= acts


@pytest.mark.parametrize("state", ["open", "closed", "sealed"])
def test_what_was_once_opened_is_never_discarded_not_even_in_the_database(organizer: Person, state: str) -> None:
    competition = make.make_competition(make.make_organization(), state=state)
    with pytest.raises(WrongState):
        setup.discard_competition(organizer.id, competition.id)
    with pytest.raises(IntegrityError), transaction():
        lock(Competition, competition.id).discarded_at = NOON


def test_levels_keep_gapless_positions_through_moving_and_deleting(organizer: Person) -> None:
    _competition, track_id, (first, second, third) = draft_with_levels(3)
    setup.move_level(organizer.id, third, -1)
    assert [level.id for level in queries.list_levels(track_id)] == [first, third, second]
    setup.move_level(organizer.id, first, -1)
    assert [level.id for level in queries.list_levels(track_id)] == [first, third, second]
    setup.delete_level(organizer.id, third)
    assert [(level.id, level.position) for level in queries.list_levels(track_id)] == [(first, 1), (second, 2)]


def test_nothing_structural_changes_after_opening(organizer: Person) -> None:
    competition, track_id, (level_id,) = draft_with_levels(1)
    services.open_competition(competition.id, organizer.id)
    level = db.session.get_one(Level, level_id)
    given = setup.LevelInput("名", "name", 60, 10, None, None, None, "never", (BlueprintRow(3, 10),))
    for step in (
        lambda: setup.edit_level(organizer.id, level_id, given),
        lambda: setup.add_level(organizer.id, track_id, given),
        lambda: setup.add_standard_levels(organizer.id, track_id),
        lambda: setup.move_level(organizer.id, level_id, 1),
        lambda: setup.delete_level(organizer.id, level_id),
        lambda: setup.set_tracks(organizer.id, competition.id, []),
    ):
        with pytest.raises(WrongState):
            step()
    db.session.refresh(level)
    assert level.time_limit_s == 300


def test_taking_a_trade_away_takes_its_levels_and_keeps_the_others(organizer: Person) -> None:
    competition, track_id, levels = draft_with_levels(2)
    make.make_bank("nursing")
    setup.set_tracks(organizer.id, competition.id, ["welding", "nursing"])
    assert {track.trade_code for track in queries.list_tracks(competition.id)} == {"welding", "nursing"}
    assert [level.id for level in queries.list_levels(track_id)] == levels
    setup.set_tracks(organizer.id, competition.id, ["nursing"])
    assert [track.trade_code for track in queries.list_tracks(competition.id)] == ["nursing"]
    assert db.session.scalars(select(Level)).all() == []


def test_a_copy_is_a_draft_of_its_own_with_the_same_levels(organizer: Person) -> None:
    competition, track_id, levels = draft_with_levels(2)
    services.open_competition(competition.id, organizer.id)
    copy = setup.copy_competition(organizer.id, competition.id, "（副本）", " (copy)")
    assert (copy.state, copy.name_en) == ("draft", "Skills competition (copy)")
    assert copy.closes_at - copy.opens_at == competition.closes_at - competition.opens_at
    (track,) = queries.list_tracks(copy.id)
    assert track.id != track_id
    assert [level.blueprint for level in queries.list_levels(track.id)] == [
        db.session.get_one(Level, level).blueprint for level in levels
    ]


def test_the_standard_levels_of_every_real_bank_can_always_be_drawn(app: Flask, organizer: Person) -> None:
    from pathlib import Path

    from questions.queries import list_trades
    from questions.services import load_banks

    load_banks(Path(app.root_path) / "content")
    competition = make.make_competition(make.make_organization(), state="draft", rules_zh="规则", rules_en="Rules")
    setup.set_tracks(organizer.id, competition.id, [trade.code for trade in list_trades()])
    for track in queries.list_tracks(competition.id):
        setup.add_standard_levels(organizer.id, track.id)
    lines = setup.find_checklist(competition.id)
    assert [line.code for line in lines if not line.ok] == ["prizes"]
    assert len([line for line in lines if line.code == "blueprint"]) == 25


def test_prizes_are_set_or_said_to_be_absent_before_it_may_open(organizer: Person) -> None:
    competition = make.make_competition(make.make_organization(), state="draft")

    def prizes() -> bool:
        return next(line.ok for line in setup.find_checklist(competition.id) if line.code == "prizes")

    assert not prizes()
    names = {"name_zh": "平分", "name_en": "Equal split"}
    rule = PrizeRule(competition_id=competition.id, position=1, kind="equal_split", terms={"pot_fen": 100}, **names)
    db.session.add(rule)
    db.session.commit()
    assert prizes()
    db.session.delete(rule)
    db.session.commit()
    assert not prizes()
    setup.say_no_prizes(organizer.id, competition.id)
    assert prizes()


def playing(people: int = 1) -> tuple[Level, list[Attempt]]:
    make.make_bank(size=20)
    competition = make.make_competition(make.make_organization())
    level = make.make_level(make.make_track(competition))
    attempts = []
    for _ in range(people):
        person = make.make_person()
        make.make_participation(competition, person, [competition.organization_id])
        attempts.append(services.start_attempt(person.id, level.id))
    return level, attempts


def test_extensions_add_up_and_the_most_lenient_factor_scales_the_limit(organizer: Person) -> None:
    level, (attempt,) = playing()
    start = attempt.started_at
    setup.extend_attempt(organizer.id, attempt.id, 60, "fire drill")
    setup.extend_person(organizer.id, attempt.participation_id, 30, "slow network")
    setup.set_factor(organizer.id, attempt.participation_id, 125, "poor sight")
    setup.set_factor(organizer.id, attempt.participation_id, 150, "poor sight, new certificate")
    db.session.refresh(attempt)
    assert attempt.deadline_at - start == timedelta(seconds=level.time_limit_s * 1.5 + 90)
    assert attempt.started_at == start
    kept = db.session.scalars(select(Adjustment.why).order_by(Adjustment.id)).all()
    assert len(kept) == 4
    assert kept[0] == "fire drill"


def test_a_level_extension_reaches_everyone_who_plays_and_nobody_else(organizer: Person) -> None:
    level, attempts = playing(3)
    services.submit_attempt(attempts[2].id, attempts[2].person_id)
    before = [attempt.deadline_at for attempt in attempts]
    assert setup.extend_level(organizer.id, level.id, 120, "network down") == 2
    for attempt in attempts:
        db.session.refresh(attempt)
    gains = [attempt.deadline_at - was for attempt, was in zip(attempts, before, strict=True)]
    assert gains == [timedelta(seconds=120), timedelta(seconds=120), timedelta(0)]


def test_a_finished_attempt_gets_no_more_time(organizer: Person) -> None:
    _level, (attempt,) = playing()
    services.submit_attempt(attempt.id, attempt.person_id)
    with pytest.raises(WrongState):
        setup.extend_attempt(organizer.id, attempt.id, 60, "too late")
    assert db.session.scalars(select(Adjustment)).all() == []


def test_extensions_made_at_the_same_moment_are_all_counted(app: Flask, organizer: Person) -> None:
    _level, (attempt,) = playing()
    start = attempt.started_at
    attempt_id, organizer_id = attempt.id, organizer.id
    db.session.remove()
    gate = threading.Barrier(8)
    faults: list[BaseException] = []

    def extend() -> None:
        with app.app_context():
            gate.wait()
            try:
                setup.extend_attempt(organizer_id, attempt_id, 10, "race")
            except BaseException as fault:
                faults.append(fault)

    threads = [threading.Thread(target=extend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    again = db.session.get_one(Attempt, attempt_id)
    limit = db.session.get_one(Level, again.level_id).time_limit_s
    assert again.deadline_at - start == timedelta(seconds=limit + 80)


def test_a_factor_set_before_the_start_counts_from_the_first_second(organizer: Person) -> None:
    make.make_bank(size=20)
    competition = make.make_competition(make.make_organization())
    level = make.make_level(make.make_track(competition))
    person = make.make_person()
    participation: Participation = make.make_participation(competition, person, [competition.organization_id])
    setup.set_factor(organizer.id, participation.id, 200, "certificate")
    attempt = services.start_attempt(person.id, level.id)
    assert attempt.deadline_at == rules.deadline(
        attempt.started_at, level.time_limit_s, competition.closes_at, [rules.More(factor_percent=200)]
    )
    assert attempt.deadline_at - attempt.started_at == timedelta(seconds=600)
