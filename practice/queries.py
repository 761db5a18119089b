"""Reading what someone practised, and choosing what comes next from the practice bank."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Integer, case, cast, distinct, exists, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on

from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from organizations.queries import path_of_person
from practice import rules
from practice.models import (
    PracticeAnswer,
    PracticeCard,
    PracticeDay,
    PracticeFavourite,
    PracticeMock,
    PracticePlace,
    PracticePoints,
)
from practice.rules import LevelPlan, Streak, TopicStanding
from questions.models import QuestionNote, QuestionVersion, Topic, Trade
from questions.queries import get_bank, get_versions, list_topics, list_trades
from questions.rules import Bank, PaperItem, Version

PAGE = 20
RECENT = 500
"""The weak-point map looks at so many of the latest answers."""

MOCKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class LevelSource:
    """Where levels are read: they belong to a package above, which connects itself here.

    `find` gives the level with an id, `of_trade` those of a trade, as far as a person may see them.
    """

    find: Callable[[int, int], LevelPlan | None]
    of_trade: Callable[[int, str], list[LevelPlan]]


level_source: list[LevelSource] = []


@dataclass(frozen=True, slots=True)
class Learner:
    """A person at one trade, with what they may practise: approved questions that are not kept for official use, of the
    shared bank and of their own enterprise's."""

    person_id: int
    trade: Trade
    bank: Bank
    by_question: dict[int, Version]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to be shown: a version, and the seed that fixes its options' order and drawn values."""

    version: Version
    seed: int


def find_enterprise_id(person_id: int) -> int | None:
    """Return the enterprise a person works for, or None."""
    path = path_of_person(person_id)
    return db.session.scalar(
        select(Organization.id).where(Organization.id.in_(path), Organization.kind == "enterprise")
    )


def get_learner(person_id: int, trade_code: str) -> Learner:
    """Return a person at a trade. Raises: NotFound when there is no such trade."""
    trade = db.session.get(Trade, trade_code)
    if trade is None:
        raise NotFound(what="trade")
    bank = get_bank(trade_code, find_enterprise_id(person_id), "open")
    return Learner(person_id, trade, bank, {one.question_id: one for one in bank.versions})


def find_version(learner: Learner, question_id: int, version_id: int) -> Version | None:
    """Return a version of a question the learner may practise: the current one, or one fetched while it was in use."""
    current = learner.by_question.get(question_id)
    if current is None or current.id == version_id:
        return current
    was_put_into_use = exists().where(
        QuestionNote.version_id == QuestionVersion.id, QuestionNote.kind.in_(("approved", "adopted"))
    )
    known = db.session.scalar(
        select(QuestionVersion.id).where(
            QuestionVersion.id == version_id,
            QuestionVersion.question_id == question_id,
            QuestionVersion.id < current.id,
            or_(QuestionVersion.created_by.is_(None), was_put_into_use),
        )
    )
    return get_versions([known])[known] if known else None


def find_level(person_id: int, level_id: int) -> LevelPlan | None:
    """Return a level the person may see, or None."""
    return level_source[0].find(person_id, level_id) if level_source else None


def list_levels(person_id: int, trade_code: str) -> list[LevelPlan]:
    """Return the levels of a trade that the person may see."""
    return level_source[0].of_trade(person_id, trade_code) if level_source else []


def daily_versions(learner: Learner, day: date) -> list[Version]:
    """Return the daily ten of a trade: of the shared bank alone, so that they are the same for everyone."""
    shared = {one.question_id: one for one in get_bank(learner.trade.code, None, "open").versions}
    return [shared[id_] for id_ in rules.daily_ten(learner.trade.code, day, shared)]


def is_daily_done(learner: Learner, day: date) -> bool:
    """Say whether someone has answered all of a trade's daily ten on that day."""
    begins = rules.day_begins(day)
    done = _answered_since(learner.person_id, learner.trade.code, begins, "daily", begins + timedelta(days=1))
    return {one.question_id for one in daily_versions(learner, day)} <= done


def _answered_since(
    person_id: int, trade_code: str, since: datetime, mode: str | None = None, until: datetime | None = None
) -> set[int]:
    wanted = select(PracticeAnswer.question_id).where(
        PracticeAnswer.person_id == person_id,
        PracticeAnswer.trade_code == trade_code,
        PracticeAnswer.answered_at >= since,
    )
    if mode is not None:
        wanted = wanted.where(PracticeAnswer.mode == mode)
    if until is not None:
        wanted = wanted.where(PracticeAnswer.answered_at < until)
    return set(db.session.scalars(wanted))


@dataclass(frozen=True, slots=True)
class Wish:
    """What to choose questions by: `topic` narrows a random drill, `plan` is the level of mode "level", `early` takes
    wrong answers before they are due."""

    mode: str
    topic: str | None = None
    plan: LevelPlan | None = None
    early: bool = False


def choose(
    learner: Learner, wish: Wish, count: int, exclude: Collection[int], now: datetime, chance: random.Random
) -> list[Asked]:
    """Return the questions that come next.

    Args:
        learner: who practises what.
        wish: what they are chosen by.
        count: how many at most.
        exclude: questions that a page has already.
        now: aware UTC.
        chance: the source of chance.
    """
    today = rules.day_of(now)
    if wish.mode == "daily":
        done = _answered_since(learner.person_id, learner.trade.code, rules.day_begins(today), "daily")
        seed = rules.daily_seed(learner.trade.code, today)
        left = [one for one in daily_versions(learner, today) if one.question_id not in done]
        return [Asked(one, seed) for one in left if one.question_id not in exclude][:count]
    candidates = [one for one in _candidates(learner, wish, now) if one.question_id not in exclude]
    if wish.mode not in ("ordered", "wrong"):
        seen = _answered_since(learner.person_id, learner.trade.code, rules.day_begins(today))
        chance.shuffle(candidates)
        candidates.sort(key=lambda one: one.question_id in seen)
    return [Asked(one, chance.getrandbits(31)) for one in candidates[:count]]


def _candidates(learner: Learner, wish: Wish, now: datetime) -> list[Version]:
    in_bank = sorted(learner.bank.versions, key=lambda one: one.question_id)
    match wish.mode:
        case "ordered":
            place = db.session.get(PracticePlace, (learner.person_id, learner.trade.code))
            return [one for one in in_bank if one.question_id > (place.question_id if place else 0)]
        case "wrong":
            cards = list_book(learner)
            return [learner.by_question[one.question_id] for one in cards if wish.early or one.due_at <= now]
        case "favourites":
            return [learner.by_question[id_] for id_ in list_favourites(learner)]
        case "weak":
            wanted = rules.weakest(topic_map(learner))
            return [one for one in in_bank if one.topic in wanted]
        case "level":
            rows = wish.plan.blueprint if wish.plan else ()
            units = [unit for row in rows for unit in learner.bank.matching(row)]
            return list({version.question_id: version for unit in units for version in unit}.values())
        case _:
            return [one for one in in_bank if learner.bank.lies_under(one.topic, wish.topic)]


def list_book(learner: Learner) -> list[PracticeCard]:
    """Return the wrong-answer book of a trade, the first to come back first."""
    cards = db.session.scalars(
        select(PracticeCard)
        .where(
            PracticeCard.person_id == learner.person_id,
            PracticeCard.trade_code == learner.trade.code,
            PracticeCard.wrong_since.is_not(None),
        )
        .order_by(PracticeCard.due_at, PracticeCard.question_id)
    )
    return [one for one in cards if one.question_id in learner.by_question]


def list_favourites(learner: Learner) -> list[int]:
    """Return the questions of a trade that the person keeps, the latest first."""
    ids = db.session.scalars(
        select(PracticeFavourite.question_id)
        .where(PracticeFavourite.person_id == learner.person_id, PracticeFavourite.trade_code == learner.trade.code)
        .order_by(PracticeFavourite.marked_at.desc(), PracticeFavourite.question_id)
    )
    return [id_ for id_ in ids if id_ in learner.by_question]


def kept_among(person_id: int, question_ids: Collection[int]) -> set[int]:
    """Return which of some questions the person keeps as favourites."""
    return set(
        db.session.scalars(
            select(PracticeFavourite.question_id).where(
                PracticeFavourite.person_id == person_id, PracticeFavourite.question_id.in_(question_ids)
            )
        )
    )


def list_topic_names(trade_code: str) -> dict[str, Topic]:
    """Return the topics of a trade by code, in the order in which they are shown."""
    return {one.code: one for one in list_topics(trade_code)}


def topic_map(learner: Learner) -> list[TopicStanding]:
    """Return where someone stands with each topic of a trade, by their latest answers."""
    answers = db.session.execute(
        select(PracticeAnswer.topic_code, PracticeAnswer.share)
        .where(PracticeAnswer.person_id == learner.person_id, PracticeAnswer.trade_code == learner.trade.code)
        .order_by(PracticeAnswer.answered_at.desc(), PracticeAnswer.id.desc())
        .limit(RECENT)
    )
    topics = [(one.code, one.parent_code) for one in list_topics(learner.trade.code)]
    return rules.topic_map(topics, ((topic, share == 1) for topic, share in answers))


@dataclass(frozen=True, slots=True)
class Figures:
    """How far someone is with a trade.

    `done` and `known` count the bank's questions that were answered at all, and rightly the last time; `certain` and
    `certainty_points` are the running figure of the answers marked with a certainty.
    """

    size: int
    done: int
    known: int
    book: int
    due: int
    next_due: datetime | None
    learnt: int
    favourites: int
    daily_done: int
    daily: int
    certain: int
    certainty_points: int


def figures(learner: Learner, now: datetime) -> Figures:
    """Return how far someone is with a trade.

    Args:
        learner: who and which trade.
        now: aware UTC.
    """
    mine = (PracticeAnswer.person_id == learner.person_id, PracticeAnswer.trade_code == learner.trade.code)
    last = db.session.execute(
        select(PracticeAnswer.question_id, PracticeAnswer.share)
        .where(*mine)
        .ext(distinct_on(PracticeAnswer.question_id))
        .order_by(PracticeAnswer.question_id, PracticeAnswer.answered_at.desc(), PracticeAnswer.id.desc())
    ).all()
    answered = [share for question_id, share in last if question_id in learner.by_question]
    book = list_book(learner)
    today = rules.day_of(now)
    ten = {one.question_id for one in daily_versions(learner, today)}
    done = _answered_since(learner.person_id, learner.trade.code, rules.day_begins(today), "daily")
    learnt = db.session.scalars(
        select(PracticeCard.question_id).where(
            PracticeCard.person_id == learner.person_id,
            PracticeCard.trade_code == learner.trade.code,
            PracticeCard.wrong_since.is_(None),
        )
    )
    certain, points = certainty_figure(learner.person_id, learner.trade.code)
    return Figures(
        size=len(learner.by_question),
        done=len(answered),
        known=sum(share == 1 for share in answered),
        book=len(book),
        due=sum(one.due_at <= now for one in book),
        next_due=book[0].due_at if book else None,
        learnt=sum(one in learner.by_question for one in learnt),
        favourites=len(list_favourites(learner)),
        daily_done=len(ten & done),
        daily=len(ten),
        certain=certain,
        certainty_points=points,
    )


def certainty_figure(person_id: int, trade_code: str) -> tuple[int, int]:
    """Return how many answers of a trade were marked with a certainty, and what they are worth together."""
    worth = case(
        *(
            (
                (PracticeAnswer.certainty == one) & (right == (PracticeAnswer.share == 1)),
                rules.certainty_points(one, right),
            )
            for one in rules.CERTAINTIES
            for right in (True, False)
        ),
        else_=0,
    )
    count, points = db.session.execute(
        select(func.count(), func.coalesce(func.sum(cast(worth, Integer)), 0)).where(
            PracticeAnswer.person_id == person_id,
            PracticeAnswer.trade_code == trade_code,
            PracticeAnswer.certainty.is_not(None),
        )
    ).one()
    return count, points


def get_streak(person_id: int, today: date) -> Streak:
    """Return someone's streak of workdays.

    Args:
        person_id: whose.
        today: the calendar day in China.
    """
    days = db.session.scalars(select(PracticeDay.day).where(PracticeDay.person_id == person_id))
    return rules.streak(list(days), today)


def count_right_on(person_id: int, trade_code: str, day: date) -> int:
    """Count the different questions of a trade that someone answered rightly on a day."""
    return (
        db.session.scalar(
            select(func.count(distinct(PracticeAnswer.question_id))).where(
                PracticeAnswer.person_id == person_id,
                PracticeAnswer.trade_code == trade_code,
                PracticeAnswer.share == 1,
                PracticeAnswer.answered_at >= rules.day_begins(day),
                PracticeAnswer.answered_at < rules.day_begins(day + timedelta(days=1)),
            )
        )
        or 0
    )


def count_points(person_id: int) -> int:
    """Return all learning points of a person."""
    total = db.session.scalar(select(func.sum(PracticePoints.points)).where(PracticePoints.person_id == person_id))
    return int(total or 0)


def find_last_trade(person_id: int) -> Trade | None:
    """Return the trade someone practised last, or None."""
    return db.session.scalar(
        select(Trade)
        .join(PracticeAnswer, PracticeAnswer.trade_code == Trade.code)
        .where(PracticeAnswer.person_id == person_id)
        .order_by(PracticeAnswer.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class Today:
    """What waits for someone today: in the trade practised last, None before the first answer."""

    trade: Trade | None
    due: int
    daily_left: int
    streak: Streak


def today(person_id: int, now: datetime) -> Today:
    """Return what waits for someone today.

    Args:
        person_id: whose.
        now: aware UTC.
    """
    streak = get_streak(person_id, rules.day_of(now))
    trade = find_last_trade(person_id)
    if trade is None:
        return Today(None, 0, 0, streak)
    learner = get_learner(person_id, trade.code)
    ten = {one.question_id for one in daily_versions(learner, rules.day_of(now))}
    done = _answered_since(person_id, trade.code, rules.day_begins(rules.day_of(now)), "daily")
    return Today(trade, sum(one.due_at <= now for one in list_book(learner)), len(ten - done), streak)


@dataclass(frozen=True, slots=True)
class TradeProgress:
    """A trade in the list of trades: how many questions it has, how many were answered, and how many are due."""

    trade: Trade
    size: int
    done: int
    due: int


def list_progress(person_id: int, now: datetime) -> list[TradeProgress]:
    """Return how far someone is with every trade that has questions.

    Args:
        person_id: whose.
        now: aware UTC.
    """
    done = set(
        db.session.scalars(select(PracticeAnswer.question_id).where(PracticeAnswer.person_id == person_id).distinct())
    )
    due = set(
        db.session.scalars(
            select(PracticeCard.question_id).where(
                PracticeCard.person_id == person_id, PracticeCard.wrong_since.is_not(None), PracticeCard.due_at <= now
            )
        )
    )
    enterprise_id = find_enterprise_id(person_id)
    found = []
    for trade in list_trades():
        ids = {one.question_id for one in get_bank(trade.code, enterprise_id, "open").versions}
        if ids:
            found.append(TradeProgress(trade, len(ids), len(ids & done), len(ids & due)))
    return found


def get_own_answer(answer_id: int, person_id: int) -> PracticeAnswer:
    """Return an answer of this person. Raises: NotFound, for absent and foreign alike (P3)."""
    found = db.session.scalar(
        select(PracticeAnswer).where(PracticeAnswer.id == answer_id, PracticeAnswer.person_id == person_id)
    )
    if found is None:
        raise NotFound(what="answer")
    return found


def get_own_mock(mock_id: int, person_id: int) -> PracticeMock:
    """Return a mock of this person. Raises: NotFound, for absent and foreign alike (P3)."""
    found = db.session.scalar(
        select(PracticeMock).where(PracticeMock.id == mock_id, PracticeMock.person_id == person_id)
    )
    if found is None:
        raise NotFound(what="mock")
    return found


def find_running_mock(person_id: int, level_id: int, now: datetime) -> PracticeMock | None:
    """Return the mock of a level that a person has begun and still has time for, or None."""
    return db.session.scalar(
        select(PracticeMock)
        .where(
            PracticeMock.person_id == person_id,
            PracticeMock.level_id == level_id,
            PracticeMock.finished_at.is_(None),
            PracticeMock.deadline_at > now,
        )
        .order_by(PracticeMock.id)
        .limit(1)
    )


def mock_paper(mock: PracticeMock) -> list[PaperItem]:
    """Return the stored paper of a mock."""
    return [msgspec.convert(item, PaperItem) for item in mock.paper]


def list_mocks(person_id: int, trade_code: str, level_id: int | None = None) -> list[PracticeMock]:
    """Return the latest mocks of a trade, or of one level of it, the last one first."""
    return list(
        db.session.scalars(
            select(PracticeMock)
            .where(
                PracticeMock.person_id == person_id,
                PracticeMock.trade_code == trade_code,
                true() if level_id is None else PracticeMock.level_id == level_id,
            )
            .order_by(PracticeMock.started_at.desc())
            .limit(MOCKS_SHOWN)
        )
    )


def count_answers_by_day(person_id: int, since: date) -> dict[date, int]:
    """Return how many answers someone gave on each day from a day on; days without any are left out."""
    rows = db.session.execute(
        select(PracticeDay.day, PracticeDay.answers).where(PracticeDay.person_id == person_id, PracticeDay.day >= since)
    )
    return {row.day: row.answers for row in rows}
