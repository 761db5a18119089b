"""Recording what people practise. Every use case is one short transaction on rows of the person alone."""

from __future__ import annotations

import random
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from core.database import db, lock, transaction
from core.errors import NotFound
from practice import queries, rules
from practice.models import (
    PracticeAnswer,
    PracticeCard,
    PracticeDay,
    PracticeFavourite,
    PracticeMock,
    PracticePlace,
    PracticePoints,
)
from practice.queries import Learner
from practice.rules import Memory
from questions.models import Trade
from questions.queries import get_versions
from questions.rules import PaperItem, Value, Version, draw, is_acceptable, mark, share


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it comes from a page; `value` None says that the person does not know. `at` is aware UTC."""

    client_id: str
    trade_code: str
    mode: str
    question_id: int
    version_id: int
    seed: int
    value: Value
    certainty: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer, and the part of it that is right.

    outcome: "recorded", "known" (sent before), or "refused" (no question of the practice bank, or a value of the wrong
    shape).
    """

    client_id: str
    outcome: str
    share: float = 0.0
    answer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of several answers, in their order; `earned` is the learning points of those that were new, `learnt`
    the questions that left the wrong-answer book."""

    recorded: list[Recorded]
    earned: int
    learnt: list[int]


@dataclass(frozen=True, slots=True)
class _Marked:
    given: Given
    topic: str
    values: Mapping[str, str]
    seed: int | None
    share: float


def record(person_id: int, given: Sequence[Given]) -> Batch:
    """Record answers; one that was recorded before changes nothing.

    Args:
        person_id: whose.
        given: at most `rules.MOST_AT_ONCE` answers of any trades, in any order.
    """
    with transaction():
        learners = {
            code: queries.get_learner(person_id, code)
            for code in db.session.scalars(select(Trade.code).where(Trade.code.in_({one.trade_code for one in given})))
        }
        found = [_mark(learners.get(one.trade_code), one) for one in given]
        ids, earned, learnt = _keep(person_id, learners, [one for one in found if one])
        named = [answer.client_id for answer, marked in zip(given, found, strict=True) if marked]
        known = db.session.execute(
            select(PracticeAnswer.client_id, PracticeAnswer.id).where(
                PracticeAnswer.person_id == person_id, PracticeAnswer.client_id.in_(named)
            )
        )
        all_ids = {row.client_id: row.id for row in known}
    recorded = []
    for answer, marked in zip(given, found, strict=True):
        if marked is None:
            recorded.append(Recorded(answer.client_id, "refused"))
        else:
            outcome = "recorded" if answer.client_id in ids else "known"
            recorded.append(Recorded(answer.client_id, outcome, marked.share, all_ids[answer.client_id]))
    return Batch(recorded, earned, learnt)


def _mark(learner: Learner | None, given: Given) -> _Marked | None:
    version = queries.find_version(learner, given.question_id, given.version_id) if learner else None
    if version is None or not is_acceptable(version, given.value):
        return None
    item = rules.make_item(version, given.seed)
    return _Marked(given, version.topic, item.values, given.seed, float(share(version, item, given.value)))


def _keep(
    person_id: int, learners: Mapping[str, Learner], marked: Sequence[_Marked]
) -> tuple[dict[str, int], int, list[int]]:
    """Write answers and all that follows from the new ones: their ids by the device's names, points, what is learnt."""
    if not marked:
        return {}, 0, []
    _lock_person(person_id)
    rows = db.session.execute(
        insert(PracticeAnswer)
        .values([_row(person_id, one) for one in marked])
        .on_conflict_do_nothing(index_elements=["person_id", "client_id"])
        .returning(PracticeAnswer.client_id, PracticeAnswer.id)
    )
    ids: dict[str, int] = {row.client_id: row.id for row in rows}
    new: dict[str, _Marked] = {}
    for one in marked:
        if one.given.client_id in ids:
            new.setdefault(one.given.client_id, one)
    fresh = sorted(new.values(), key=lambda one: one.given.at)
    learnt = _review(person_id, fresh)
    _move_places(person_id, fresh)
    _count_days(person_id, fresh)
    return ids, _award(person_id, learners, fresh, learnt), [question_id for question_id, _, _ in learnt]


def _lock_person(person_id: int) -> None:
    """Let nothing else be recorded of somebody's practice until the transaction ends."""
    db.session.execute(text("select pg_advisory_xact_lock(hashtextextended('practice:' || :id, 0))"), {"id": person_id})


def _row(person_id: int, one: _Marked) -> dict[str, object]:
    given = one.given
    return {
        "person_id": person_id,
        "trade_code": given.trade_code,
        "topic_code": one.topic,
        "question_id": given.question_id,
        "version_id": given.version_id,
        "seed": one.seed,
        "values": dict(one.values),
        "value": given.value,
        "share": one.share,
        "certainty": None if given.value is None else given.certainty,
        "mode": given.mode,
        "answered_at": given.at,
        "client_id": given.client_id,
    }


def _review(person_id: int, fresh: Sequence[_Marked]) -> list[tuple[int, datetime, Given]]:
    """Bring the cards up to date; return what left the wrong-answer book, since when it was there, and the answer."""
    cards = {
        card.question_id: card
        for card in db.session.scalars(
            select(PracticeCard).where(
                PracticeCard.person_id == person_id,
                PracticeCard.question_id.in_({one.given.question_id for one in fresh}),
            )
        )
    }
    learnt = []
    for one in fresh:
        given, card = one.given, cards.get(one.given.question_id)
        before = _memory(card) if card else None
        after = rules.review(given.question_id, before, one.share == 1, given.certainty, given.at)
        if after is None:
            continue
        if card is None:
            card = PracticeCard(person_id=person_id, question_id=given.question_id, trade_code=given.trade_code)
            db.session.add(card)
            cards[given.question_id] = card
        card.state, card.due_at, card.wrong_since = dict(after.state), after.due_at, after.wrong_since
        card.learnt_at, card.right_days, card.last_right_on = after.learnt_at, after.right_days, after.last_right_on
        if before and before.wrong_since and not after.wrong_since:
            learnt.append((given.question_id, before.wrong_since, given))
    return learnt


def _memory(card: PracticeCard) -> Memory:
    return Memory(card.state, card.due_at, card.wrong_since, card.learnt_at, card.right_days, card.last_right_on)


def _move_places(person_id: int, fresh: Sequence[_Marked]) -> None:
    for one in fresh:
        if one.given.mode == "ordered":
            given = one.given
            db.session.merge(
                PracticePlace(
                    person_id=person_id,
                    trade_code=given.trade_code,
                    question_id=given.question_id,
                    moved_at=given.at,
                )
            )


def _count_days(person_id: int, fresh: Sequence[_Marked]) -> None:
    for day, answers in sorted(Counter(rules.day_of(one.given.at) for one in fresh).items()):
        row = insert(PracticeDay).values(person_id=person_id, day=day, answers=answers)
        db.session.execute(
            row.on_conflict_do_update(
                index_elements=["person_id", "day"], set_={"answers": PracticeDay.answers + row.excluded.answers}
            )
        )


def _award(
    person_id: int,
    learners: Mapping[str, Learner],
    fresh: Sequence[_Marked],
    learnt: Sequence[tuple[int, datetime, Given]],
) -> int:
    """Award learning points for what the new answers completed; return how many."""
    awards = [
        (given.trade_code, "learnt", f"{question_id}:{rules.day_of(since)}", given.at)
        for question_id, since, given in learnt
    ]
    days: dict[tuple[str, date], list[Given]] = defaultdict(list)
    for one in fresh:
        days[one.given.trade_code, rules.day_of(one.given.at)].append(one.given)
    for (trade_code, day), answers in days.items():
        at = answers[-1].at
        right = queries.count_right_on(person_id, trade_code, day)
        awards += [(trade_code, "ten", f"{trade_code}:{day}:{number}", at) for number in rules.tens(right)]
        if any(one.mode == "daily" for one in answers) and queries.is_daily_done(learners[trade_code], day):
            awards.append((trade_code, "daily", f"{trade_code}:{day}", at))
    if not awards:
        return 0
    earned = db.session.scalars(
        insert(PracticePoints)
        .values(
            [
                {
                    "person_id": person_id,
                    "trade_code": trade_code,
                    "kind": kind,
                    "ref": ref,
                    "points": rules.POINTS[kind],
                    "awarded_at": at,
                }
                for trade_code, kind, ref, at in awards
            ]
        )
        .on_conflict_do_nothing(index_elements=["person_id", "kind", "ref"])
        .returning(PracticePoints.points)
    )
    return sum(earned)


def begin_again(person_id: int, trade_code: str) -> None:
    """Go back to the first question of a trade in order."""
    with transaction():
        db.session.execute(
            delete(PracticePlace).where(PracticePlace.person_id == person_id, PracticePlace.trade_code == trade_code)
        )


def set_favourite(person_id: int, trade_code: str, question_id: int, kept: bool, now: datetime) -> None:
    """Keep a question as a favourite, or no longer.

    Args:
        person_id: whose.
        trade_code: the question's trade.
        question_id: the question.
        kept: whether it is a favourite from now on.
        now: aware UTC.

    Raises: NotFound when it is no question the person may practise.
    """
    with transaction():
        if question_id not in queries.get_learner(person_id, trade_code).by_question:
            raise NotFound(what="question")
        if kept:
            db.session.execute(
                insert(PracticeFavourite)
                .values(person_id=person_id, question_id=question_id, trade_code=trade_code, marked_at=now)
                .on_conflict_do_nothing()
            )
        else:
            db.session.execute(
                delete(PracticeFavourite).where(
                    PracticeFavourite.person_id == person_id, PracticeFavourite.question_id == question_id
                )
            )


def start_mock(person_id: int, level_id: int, now: datetime) -> PracticeMock:
    """Start a mock of a level, or go on with the one that runs.

    Args:
        person_id: whose.
        level_id: the level.
        now: aware UTC.

    Raises: NotFound; questions.errors.BlueprintUnfillable when the practice bank has too few questions for it.
    """
    with transaction():
        plan = queries.find_level(person_id, level_id)
        if plan is None:
            raise NotFound(what="level")
        _lock_person(person_id)  # pressed twice, it is still one mock
        running = queries.find_running_mock(person_id, level_id, now)
        if running is not None:
            return running
        bank = queries.get_learner(person_id, plan.trade_code).bank
        paper = draw(plan.blueprint, bank, random.Random(secrets.randbits(62)))  # noqa: S311 - it never counts
        mock = PracticeMock(
            person_id=person_id,
            trade_code=plan.trade_code,
            level_id=level_id,
            name=dict(plan.name),
            paper=msgspec.to_builtins(paper),
            pass_points=plan.pass_points,
            max_points=plan.max_points,
            started_at=now,
            deadline_at=now + timedelta(seconds=plan.time_limit_s),
        )
        db.session.add(mock)
    return mock


def hand_in_mock(mock_id: int, person_id: int, values: Mapping[int, Value], now: datetime) -> PracticeMock:
    """Mark a mock and record its answers as practice; doing it again changes nothing.

    Args:
        mock_id: the mock.
        person_id: whose it must be.
        values: the answers by position, from 1; what has not the shape of an answer counts as none.
        now: aware UTC.

    Raises: NotFound, for absent and foreign alike (P3).
    """
    with transaction():
        mock = lock(PracticeMock, mock_id)
        if mock.person_id != person_id:
            raise NotFound(what="PracticeMock")
        if mock.finished_at is not None:
            return mock
        paper = queries.mock_paper(mock)
        versions = get_versions([item.version for item in paper])
        given = {
            position: values[position]
            for position, item in enumerate(paper, 1)
            if values.get(position) is not None and is_acceptable(versions[item.version], values[position])
        }
        mock.finished_at = now
        mock.marks = [mark(versions[one.version], one, given.get(at)) for at, one in enumerate(paper, 1)]
        mock.points = sum(mock.marks)
        mock.answers = {str(position): value for position, value in given.items()}
        learners = {mock.trade_code: queries.get_learner(person_id, mock.trade_code)}
        marked = [
            _mock_answer(mock, at, paper[at - 1], versions[paper[at - 1].version], given[at], now) for at in given
        ]
        _keep(person_id, learners, marked)
    return mock


def _mock_answer(
    mock: PracticeMock, position: int, item: PaperItem, version: Version, value: Value, now: datetime
) -> _Marked:
    name = f"mock-{mock.id}-{position}"
    given = Given(name, mock.trade_code, "mock", version.question_id, version.id, 0, value, None, now)
    return _Marked(given, version.topic, item.values, None, float(share(version, item, value)))
