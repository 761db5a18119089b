"""The attempt engine on a real database: contract A1 to A13, each with the bug it must catch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from accounts.models import LoginSession, Person
from competitions import finishes, queries, rules, saves, services
from competitions.errors import CompetitionNotOpen, LevelLocked, NoTriesLeft
from competitions.models import Adjustment, Attempt, Competition, Level, Participation, Standing, Track
from core import clock
from core.database import db
from core.errors import Invalid, NotFound, NotSignedIn
from organizations.models import Organization
from questions.queries import get_versions
from tests import factories as make
from tests.competitions import second_scorer


@dataclass
class Stage:
    """One worker who has joined a competition of one track."""

    province: Organization
    person: Person
    session: LoginSession
    competition: Competition
    track: Track
    level: Level
    participation: Participation

    def start(self) -> Attempt:
        return services.start_attempt(self.person.id, self.level.id)

    def save(self, attempt: Attempt, position: int, seq: int, value: Any, at: datetime | None = None) -> str:
        return services.save_answer(attempt.id, self.session.id, position, seq, value, False, at or clock.now()).verdict


@pytest.fixture
def stage(app: Flask) -> Stage:
    make.make_bank(size=12)
    province = make.make_organization()
    person = make.make_person(province)
    competition = make.make_competition(province)
    track = make.make_track(competition)
    level = make.make_level(track)
    return Stage(
        province,
        person,
        make.make_session(person),
        competition,
        track,
        level,
        make.make_participation(competition, person, province.path),
    )


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move the one clock by a distance from now."""

    def move(distance: timedelta) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + distance)

    real = clock.now
    return move


def stored(attempt: Attempt) -> dict[int, Any]:
    return queries.answer_values(attempt.id)


def together(app: Flask, count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in so many threads at once, each with its own database session, and return results or exceptions."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def one(index: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                results[index] = work(index)
            except Exception as error:
                results[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a2_a_save_is_acknowledged_exactly_when_its_row_is_there(stage: Stage) -> None:
    attempt = stage.start()
    assert stage.save(attempt, 1, 1, ["a"]) == "saved"
    assert stored(attempt) == {1: ["a"]}
    services.submit_attempt(attempt.id, stage.person.id)
    assert stage.save(attempt, 2, 1, ["a"]) == "closed"
    assert stored(attempt) == {1: ["a"]}


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 3, 2, 3, 1)])
def test_a3_any_order_and_repetition_ends_in_the_highest_sequence_number(stage: Stage, order: tuple[int, ...]) -> None:
    attempt = stage.start()
    values = {1: ["a"], 2: ["b"], 3: ["c"]}
    for seq in order:
        stage.save(attempt, 1, seq, values[seq])
    assert stored(attempt) == {1: ["c"]}


def test_a3_an_older_save_is_told_what_stands_instead(stage: Stage) -> None:
    attempt = stage.start()
    stage.save(attempt, 1, 5, ["b"])
    outcome = services.save_answer(attempt.id, stage.session.id, 1, 4, ["a"], False, clock.now())
    assert (outcome.verdict, outcome.seq, outcome.value) == ("superseded", 5, ["b"])


def test_a3_two_devices_with_the_same_number_do_not_both_believe_they_saved(stage: Stage) -> None:
    attempt = stage.start()
    other = make.make_session(stage.person)
    assert stage.save(attempt, 1, 1, ["a"]) == "saved"
    outcome = services.save_answer(attempt.id, other.id, 1, 1, ["b"], False, clock.now())
    assert (outcome.verdict, outcome.value) == ("superseded", ["a"])


def test_a3_a_repeated_save_is_saved_again_and_changes_nothing(stage: Stage) -> None:
    attempt = stage.start()
    assert [stage.save(attempt, 1, 1, ["a"]) for _ in range(3)] == ["saved"] * 3
    [answer] = queries.list_answers(attempt.id)
    assert answer.seq == 1


def test_a3_saves_that_arrive_together_each_get_their_own_outcome(app: Flask, stage: Stage) -> None:
    attempt = stage.start()
    session_id, attempt_id = stage.session.id, attempt.id

    def save(index: int) -> tuple[str, int]:
        seq = index + 1
        outcome = services.save_answer(attempt_id, session_id, 1, seq, [f"{'abcd'[index % 4]}"], False, clock.now())
        return outcome.verdict, seq

    verdicts = together(app, 24, save)
    assert ("saved", 24) in verdicts
    assert {verdict for verdict, _ in verdicts} <= {"saved", "superseded"}
    db.session.rollback()
    [answer] = queries.list_answers(attempt_id)
    assert (answer.seq, answer.value) == (24, ["d"])


def test_a3_the_planted_bug_of_a_save_without_its_sequence_guard_is_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saves, "_WRITE", saves._WRITE.replace("where answers.seq < excluded.seq", ""))
    attempt = stage.start()
    stage.save(attempt, 1, 3, ["c"])
    stage.save(attempt, 1, 1, ["a"])
    assert stored(attempt) != {1: ["c"]}


@pytest.mark.parametrize(
    ("late", "verdict"),
    [
        (timedelta(0), "saved"),
        (rules.GRACE, "saved"),
        (rules.GRACE + timedelta(milliseconds=1), "late"),
    ],
)
def test_a4_an_answer_counts_until_deadline_and_grace_and_not_a_moment_longer(
    stage: Stage, late: timedelta, verdict: str
) -> None:
    attempt = stage.start()
    assert stage.save(attempt, 1, 1, ["a"], attempt.deadline_at + late) == verdict
    assert stored(attempt) == ({1: ["a"]} if verdict == "saved" else {})


def test_a5_the_last_acknowledged_value_is_scored_though_the_browser_never_returns(
    stage: Stage, at: Callable[[timedelta], None]
) -> None:
    attempt = stage.start()
    for position in (1, 2, 3):
        stage.save(attempt, position, 1, ["a"])
    at(timedelta(seconds=305))
    assert services.finalise_due() == 1
    db.session.refresh(attempt)
    assert (attempt.state, attempt.points, attempt.close_reason) == ("scored", 30, "time_up")
    assert attempt.finished_at == attempt.deadline_at


def test_a6_an_overdue_attempt_is_finalised_once_however_many_sweep(
    app: Flask, stage: Stage, at: Callable[[timedelta], None]
) -> None:
    attempt_id = stage.start().id
    at(timedelta(seconds=305))
    together(app, 6, lambda _: services.finalise_due())
    db.session.rollback()
    attempt = db.session.get_one(Attempt, attempt_id)
    assert attempt.state == "scored"
    assert [standing.version for standing in db.session.query(Standing)] == [1, 1]


def test_a6_an_overdue_attempt_is_finalised_at_first_read(stage: Stage, at: Callable[[timedelta], None]) -> None:
    attempt = stage.start()
    at(timedelta(seconds=305))
    services.settle_person(stage.person.id)
    db.session.refresh(attempt)
    assert attempt.state == "scored"


def test_a6_a_crash_between_closing_and_scoring_is_made_good(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = stage.start()
    stage.save(attempt, 1, 1, ["a"])

    def crash(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as planted:
        planted.setattr(finishes, "_score", crash)
        with pytest.raises(RuntimeError):
            services.submit_attempt(attempt.id, stage.person.id)
    assert queries.get_own_attempt(attempt.id, stage.person.id).state == "closed"
    assert services.finalise_due() == 1
    db.session.refresh(attempt)
    assert (attempt.state, attempt.points) == ("scored", 10)


def test_a7_forty_starts_at_once_make_one_attempt(app: Flask, stage: Stage) -> None:
    person_id, level_id = stage.person.id, stage.level.id
    ids = together(app, 40, lambda _: services.start_attempt(person_id, level_id).id)
    assert len(set(ids)) == 1
    db.session.rollback()
    assert db.session.query(Attempt).count() == 1


def test_a7_forty_starts_at_once_never_pass_the_limit_of_tries(app: Flask, stage: Stage) -> None:
    stage.level.tries_total = 2
    db.session.commit()
    person_id, level_id = stage.person.id, stage.level.id
    services.submit_attempt(services.start_attempt(person_id, level_id).id, person_id)

    def play(_: int) -> int:
        attempt_id = services.start_attempt(person_id, level_id).id
        services.submit_attempt(attempt_id, person_id)
        return attempt_id

    results = together(app, 40, play)
    assert all(isinstance(one, int | NoTriesLeft) for one in results)
    db.session.rollback()
    assert db.session.query(Attempt).count() == 2


def test_a8_nothing_moves_start_or_deadline_but_a_logged_adjustment(stage: Stage) -> None:
    attempt = stage.start()
    for change in (
        "started_at = started_at + interval '1 minute'",
        "deadline_at = deadline_at + interval '1 minute'",
        "deadline_at = deadline_at - interval '1 minute'",
        "paper = '[]'",
    ):
        with pytest.raises(DBAPIError):
            db.session.execute(db.text(f"update attempts set {change} where id = {attempt.id}"))
        db.session.rollback()
    db.session.add(
        Adjustment(
            participation_id=stage.participation.id,
            attempt_id=attempt.id,
            kind="extension",
            seconds=60,
            why="the lights went out",
            made_by=stage.person.id,
            made_at=clock.now(),
        )
    )
    db.session.flush()
    db.session.execute(
        db.text(f"update attempts set deadline_at = deadline_at + interval '1 minute' where id = {attempt.id}")
    )
    db.session.commit()


def test_a8_starting_again_or_on_another_device_returns_the_same_attempt(stage: Stage) -> None:
    first = stage.start()
    again = stage.start()
    assert (first.id, first.started_at, first.deadline_at) == (again.id, again.started_at, again.deadline_at)


TRIES: dict[tuple[str, str], tuple[int, list[Any]]] = {
    ("single", "all"): (7, [["a"], ["b"], None]),
    ("multiple", "all"): (7, [["b", "a"], ["a"], ["a", "b", "c"]]),
    ("multiple", "partial"): (10, [["b", "a"], ["a"], ["a", "c"]]),
    ("multiple", "each"): (13, [["b", "a"], ["b"], ["a", "b", "c"]]),
    ("true_false", "all"): (7, [True, False, None]),
    ("fill_in", "all"): (14, ["氩气", "ＡＲＧＯＮ", "氮"]),
    ("blanks", "each"): (10, [["Argon", "120"], ["", "１２０"], ["120", "argon"]]),
    ("numeric", "all"): (14, ["120.5", "１１９．５", "120.51"]),
    ("ordering", "all"): (7, [["a", "b", "c", "d"], ["a", "b", "d", "c"], None]),
    ("ordering", "each"): (10, [["a", "b", "c", "d"], ["a", "b", "d", "c"], ["b", "c", "d", "a"]]),
    ("matching", "each"): (9, [["a", "b", "c"], ["a", "", ""], ["b", "a", "d"]]),
    ("parametrised", "all"): (7, ["right", "0", "abc"]),
}
"""By kind of item and credit rule: the points, worked by hand, of these answers to three items of seven each."""


def test_a9_a_second_scorer_agrees_on_every_type_and_credit_rule_and_a_rescore_gives_the_same(stage: Stage) -> None:
    kinds: dict[int, tuple[str, str]] = {}
    for number, (type_, credit) in enumerate(TRIES):
        for version in make.make_bank(f"trade{number}", 3, type_, credit):
            kinds[version.id] = (type_, credit)
    for number, (kind, (points, values)) in enumerate(TRIES.items()):
        track = make.make_track(stage.competition, trade_code=f"trade{number}", position=number + 2)
        row = {"topic": None, "type": None, "difficulty": None, "count": 3, "points": 7}
        level = make.make_level(track, blueprint=[row], pass_points=0)
        attempt = services.start_attempt(stage.person.id, level.id)
        shown = get_versions([item["version"] for item in attempt.paper])
        questions: dict[int, second_scorer.Question] = {
            id_: (one.type, dict(one.key), one.prompts) for id_, one in shown.items()
        }
        for position, (item, value) in enumerate(zip(attempt.paper, values, strict=True), 1):
            assert kinds[item["version"]] == kind
            if value == "right":
                value = str(float(second_scorer.answer(dict(shown[item["version"]].key), item["values"])))
            if value is not None:
                assert stage.save(attempt, position, 1, value) == "saved"
        attempt = services.submit_attempt(attempt.id, stage.person.id)
        assert (kind, attempt.points) == (kind, points)
        assert second_scorer.points(attempt.paper, questions, stored(attempt)) == points
    kept = db.session.query(Standing).order_by(Standing.track_id.nulls_first()).all()
    recomputed = services.recompute_standings(stage.competition.id)[stage.participation.id]
    assert [(row.track_id, row.levels_cleared, row.points, row.elapsed_ms, row.reached_at) for row in kept] == [
        (row.track_id, row.levels_cleared, row.points, row.elapsed_ms, row.reached_at) for row in recomputed
    ]


def attempt_with_all_right(stage: Stage, level: Level) -> Attempt:
    attempt = services.start_attempt(stage.person.id, level.id)
    for position in range(1, len(attempt.paper) + 1):
        assert stage.save(attempt, position, 1, ["a"]) == "saved"
    return attempt


def test_a10_a_question_changed_after_the_start_changes_no_attempt(stage: Stage) -> None:
    attempt = stage.start()
    pinned = [item["version"] for item in attempt.paper]
    db.session.execute(db.text("update questions set current_version_id = null, state = 'retired'"))
    db.session.commit()
    for position in (1, 2, 3):
        stage.save(attempt, position, 1, ["a"])
    scored = services.submit_attempt(attempt.id, stage.person.id)
    assert ([item["version"] for item in scored.paper], scored.points) == (pinned, 30)


def test_a12_saves_of_an_ended_session_are_refused_and_a_new_one_goes_on(stage: Stage) -> None:
    attempt = stage.start()
    assert stage.save(attempt, 1, 1, ["a"]) == "saved"
    stage.session.ended_at = clock.now()
    db.session.commit()
    assert stage.save(attempt, 2, 1, ["a"]) == "not_signed_in"
    stage.session = make.make_session(stage.person)
    assert stage.save(attempt, 2, 1, ["a"]) == "saved"
    assert stored(attempt) == {1: ["a"], 2: ["a"]}


def test_a_save_from_another_persons_session_is_refused(stage: Stage) -> None:
    attempt = stage.start()
    stranger = make.make_session(make.make_person(stage.province))
    outcome = services.save_answer(attempt.id, stranger.id, 1, 1, ["a"], False, clock.now())
    assert outcome.verdict == "not_signed_in"
    assert stored(attempt) == {}


def test_a13_the_receipt_names_the_hash_of_what_was_handed_in(stage: Stage) -> None:
    attempt = stage.start()
    stage.save(attempt, 2, 1, ["c"])
    receipt = services.receipt(services.submit_attempt(attempt.id, stage.person.id))
    assert receipt.attempt_id == attempt.id
    assert receipt.answers_hash == rules.answers_hash(attempt.id, {2: ["c"]})
    assert receipt.server_time == attempt.finished_at
    again = services.receipt(services.submit_attempt(attempt.id, stage.person.id))
    assert again == receipt


def test_a_level_opens_when_the_one_before_is_cleared(stage: Stage) -> None:
    second = make.make_level(stage.track, position=2)
    with pytest.raises(LevelLocked):
        services.start_attempt(stage.person.id, second.id)
    services.submit_attempt(attempt_with_all_right(stage, stage.level).id, stage.person.id)
    assert services.start_attempt(stage.person.id, second.id).state == "open"


def test_only_people_who_joined_an_open_competition_start(stage: Stage) -> None:
    with pytest.raises(NotFound):
        services.start_attempt(make.make_person(stage.province).id, stage.level.id)
    stage.competition.state = "closed"
    db.session.commit()
    with pytest.raises(CompetitionNotOpen):
        stage.start()


def test_an_answer_of_another_shape_is_refused_with_its_path(stage: Stage) -> None:
    attempt = stage.start()
    with pytest.raises(Invalid) as refused:
        stage.save(attempt, 1, 1, True)
    assert refused.value.details["path"] == "$.value"
    with pytest.raises(NotFound):
        stage.save(attempt, 4, 1, ["a"])


def test_a_forged_attempt_token_is_nobodys(stage: Stage) -> None:
    token = services.attempt_token(7, 9)
    assert services.read_attempt_token(token) == (7, 9)
    for forged in ("8" + token[1:], token[:-1], "", "7.9.", "x.y.z"):
        with pytest.raises(NotSignedIn):
            services.read_attempt_token(forged)


def test_closing_a_competition_scores_what_is_running_and_lets_nothing_start(stage: Stage) -> None:
    attempt = stage.start()
    stage.save(attempt, 1, 1, ["a"])
    services.close_competition(stage.competition.id, stage.person.id)
    db.session.refresh(attempt)
    assert (attempt.state, attempt.close_reason, attempt.points) == ("scored", "competition_closed", 10)
    with pytest.raises(CompetitionNotOpen):
        stage.start()


def test_saving_goes_on_after_every_connection_was_cut(app: Flask, stage: Stage) -> None:
    attempt = stage.start()
    assert stage.save(attempt, 1, 1, ["a"]) == "saved"
    db.session.execute(
        db.text(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = 'biwu'"
        )
    )
    db.session.commit()
    db.engine.dispose()  # the session's own connections are another matter
    assert stage.save(attempt, 1, 2, ["b"]) == "saved"
    assert stored(attempt) == {1: ["b"]}
