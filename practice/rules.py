"""The rules of practice: what is asked, when it comes back, what an answer teaches, streaks and points. Pure."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import chinese_calendar
from fsrs import Card, Rating, Scheduler

from core.zone import SHANGHAI
from questions.rules import BlueprintRow, PaperItem, Version, draw_item
from questions.rules.life import tree_order

MODES = ("ordered", "random", "daily", "wrong", "favourites", "weak", "level", "mock")
"""How questions are chosen; a mock level is answered as one paper, all others one question at a time."""

DRILLS = MODES[:-1]
DAILY = 10
AHEAD = 10
"""How many questions a page fetches ahead."""

MOST_AT_ONCE = 20
"""How many answers may be sent together."""

KEPT = timedelta(days=3)
"""An answer given without a connection is dated at most this long before it arrives."""

GRACE = timedelta(seconds=5)
"""How long after its end a mock is still marked as handed in within its time."""

CERTAINTIES = (1, 2, 3)
CERTAINTY_RIGHT = {1: 1, 2: 2, 3: 3}
CERTAINTY_WRONG = {1: 0, 2: -2, 3: -6}

LEARNT_DAYS = 2
LEARNT_INTERVAL = timedelta(days=7)
FREEZES_A_MONTH = 2
TOPIC_LAST = 20
WEAK_BELOW = 0.6
WEAK_SHOWN = 5
WEAKEST = 3

TEN, TENS_A_DAY = 10, 4
POINTS = {"ten": 5, "daily": 10, "learnt": 5}
"""Learning points: for every ten different questions answered rightly on a day (four times at most), for finishing the
daily ten, for each question that leaves the wrong-answer book."""

_scheduler = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


def day_of(at: datetime) -> date:
    """Return the calendar day in China of a moment.

    Args:
        at: aware.
    """
    return at.astimezone(SHANGHAI).date()


@lru_cache(maxsize=1024)
def is_workday(day: date) -> bool:
    """Say whether a day is a workday in mainland China: public holidays are not, weekends shifted for them are.

    Of a year whose holidays the State Council has not announced yet, Monday to Friday are.

    Args:
        day: a calendar day in China.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def day_begins(day: date) -> datetime:
    """Return when a calendar day begins in China, as aware UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def make_item(version: Version, seed: int) -> PaperItem:
    """Make the item that a seed stands for: the order of the options and the drawn values.

    A page sends the seed back instead of the values, so nobody can answer to values that cannot be drawn.

    Args:
        version: what is asked.
        seed: 0 or more.
    """
    return draw_item(version, 1, random.Random(f"{version.id}:{seed}"))  # noqa: S311 - practice, not a secret


def _place(*parts: object) -> bytes:
    return hashlib.sha256(":".join(map(str, parts)).encode()).digest()


def daily_ten(trade_code: str, day: date, question_ids: Iterable[int]) -> list[int]:
    """Return the questions of a trade's daily ten in their order: the same for everyone on that day.

    Every question has a place by the hash of trade, day and id, and the first ten are taken: a question that comes or
    goes during the day changes one of the ten at most.

    Args:
        trade_code: the trade.
        day: the calendar day in China.
        question_ids: the shared bank's questions.
    """
    return sorted(question_ids, key=lambda id_: _place(trade_code, day, id_))[:DAILY]


def daily_seed(trade_code: str, day: date) -> int:
    """Return the seed that everyone's daily ten have on a day, so that drawn values are the same too."""
    return int.from_bytes(_place(trade_code, day)[:6])


def certainty_points(certainty: int, right: bool) -> int:
    """Return what an answer marked with a certainty is worth: 1, 2 or 3 when right, 0, -2 or -6 when wrong.

    It pays to be honest: 2 is best when right more often than two times in three, 3 when more than four in five.

    Args:
        certainty: 1 (a guess) to 3 (sure).
        right: whether the answer was right.

    Source: A. R. Gardner-Medwin, Confidence assessment in the teaching of basic science, ALT-J 3 (1995).
    """
    return (CERTAINTY_RIGHT if right else CERTAINTY_WRONG)[certainty]


@dataclass(frozen=True, slots=True)
class Memory:
    """How well a person knows a question that they once had wrong.

    `state` is the card of the spaced repetition; `right_days` counts the days with a right answer since the last wrong
    one. In the wrong-answer book since `wrong_since`, which is None outside it.
    """

    state: Mapping[str, Any]
    due_at: datetime
    wrong_since: datetime | None
    learnt_at: datetime | None
    right_days: int = 0
    last_right_on: date | None = None


def review(question_id: int, memory: Memory | None, right: bool, certainty: int | None, at: datetime) -> Memory | None:
    """Return what a person's memory of a question is after an answer; None while it was never wrong.

    A wrong answer puts the question into the wrong-answer book. It is due again on the day that FSRS finds, from the
    beginning of that day. It leaves the book when `is_learnt`. Of answers that another device sends late, given
    before the last one, the right ones change nothing and the wrong ones count as given with it.

    Args:
        question_id: the question.
        memory: what was known before; None when it was never wrong.
        right: whether the answer was right in every part.
        certainty: 1 to 3, or None; a right guess counts as hard, a right answer that was sure as easy.
        at: when it was given, aware.

    Source: the Free Spaced Repetition Scheduler, version 6, as the library fsrs has it.
    """
    if memory is None and right:
        return None
    at = at.astimezone(UTC)
    if memory:
        last = datetime.fromisoformat(memory.state["last_review"])
        if right and at < last:
            return memory
        at = max(at, last)
    card = Card.from_dict(memory.state) if memory else Card(card_id=question_id, due=at)  # type: ignore[arg-type]
    rating = {1: Rating.Hard, 3: Rating.Easy}.get(certainty or 2, Rating.Good) if right else Rating.Again
    card, _log = _scheduler.review_card(card, rating, at)
    due_at = day_begins(day_of(card.due))
    state = dict(card.to_dict())
    if memory is None or not right:
        since = (memory and memory.wrong_since) or at
        return Memory(state, due_at, since, None)
    today = day_of(at)
    days = memory.right_days + (memory.last_right_on != today)
    after = replace(memory, state=state, due_at=due_at, right_days=days, last_right_on=today)
    if after.wrong_since and is_learnt(days, card.due - at):
        after = replace(after, wrong_since=None, learnt_at=at)
    return after


def is_learnt(right_days: int, interval: timedelta) -> bool:
    """Say whether a question may leave the wrong-answer book: right on two different days since the last error, and so
    well known that it need not come back for a week.

    Args:
        right_days: the days on which it was answered rightly since it was last wrong.
        interval: until it would come back.
    """
    return right_days >= LEARNT_DAYS and interval >= LEARNT_INTERVAL


@dataclass(frozen=True, slots=True)
class Streak:
    """How many days in a row someone has practised; only a workday can break it.

    `freezes_left` are those of this month; `frozen` are the missed workdays that a freeze has bridged, in order.
    """

    days: int
    today: bool
    freezes_left: int
    frozen: tuple[date, ...] = ()


def streak(practised: Collection[date], today: date) -> Streak:
    """Return someone's streak. Days off never break it; two missed workdays a calendar month are bridged by themselves.

    Args:
        practised: the days with an answer, in any order.
        today: the calendar day in China.
    """
    days = sorted(day for day in set(practised) if day <= today)
    length, frozen = 0, list[date]()
    for index, day in enumerate(days):
        missed = _workdays(days[index - 1], day) if index else []
        if _can_freeze(missed, frozen):
            frozen += missed
        else:
            length = 0
        length += 1
    missed = _workdays(days[-1], today) if days else []
    if _can_freeze(missed, frozen):
        frozen += missed
    else:
        length = 0
    spent = sum(day.replace(day=1) == today.replace(day=1) for day in frozen)
    return Streak(length, today in practised, FREEZES_A_MONTH - spent, tuple(frozen))


def _workdays(after: date, before: date) -> list[date]:
    """The workdays between two days, neither included; a gap too long to be bridged is cut short."""
    gap = min((before - after).days, 31)
    return [day for day in (after + timedelta(days=n) for n in range(1, gap)) if is_workday(day)]


def _can_freeze(missed: Sequence[date], frozen: Sequence[date]) -> bool:
    months = Counter(day.replace(day=1) for day in [*missed, *frozen])
    return all(months[day.replace(day=1)] <= FREEZES_A_MONTH for day in missed)


@dataclass(frozen=True, slots=True)
class TopicStanding:
    """How someone stands with a topic and all under it: how many of the last answers shown were right."""

    code: str
    depth: int
    leaf: bool
    shown: int
    right: int

    @property
    def share(self) -> float:
        """The share of right answers, 0 without any."""
        return self.right / self.shown if self.shown else 0.0

    @property
    def weak(self) -> bool:
        """Whether there are enough answers to call it weak, and it is."""
        return self.shown >= WEAK_SHOWN and self.share < WEAK_BELOW


def topic_map(topics: Sequence[tuple[str, str | None]], answers: Iterable[tuple[str, bool]]) -> list[TopicStanding]:
    """Return where someone stands with every topic, in the order of the tree.

    Args:
        topics: (code, code of the topic above or None) in the order in which they are shown.
        answers: (topic, right) with the latest first; of each topic the last twenty count.
    """
    parents = dict(topics)
    shown, right = Counter[str](), Counter[str]()
    for topic, was_right in answers:
        at: str | None = topic
        while at in parents:
            if shown[at] < TOPIC_LAST:
                shown[at] += 1
                right[at] += was_right
            at = parents[at]
    inner = set(parents.values())
    return [
        TopicStanding(code, depth, code not in inner, shown[code], right[code]) for code, depth in tree_order(topics)
    ]


def weakest(standings: Iterable[TopicStanding]) -> list[str]:
    """Return the topics to practise first: those that are weak, else the three with the smallest share of right
    answers among those with any wrong one; the weakest first.
    """
    known = sorted((one for one in standings if one.leaf and one.right < one.shown), key=lambda one: one.share)
    return [one.code for one in known if one.weak] or [one.code for one in known[:WEAKEST]]


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """A level as practice sees it: what it is called, and how its papers are drawn."""

    id: int
    trade_code: str
    name: Mapping[str, str]
    competition: Mapping[str, str]
    blueprint: tuple[BlueprintRow, ...]
    time_limit_s: int
    pass_points: int

    @property
    def items(self) -> int:
        """How many items a paper has."""
        return sum(row.items for row in self.blueprint)

    @property
    def max_points(self) -> int:
        """What a paper is worth."""
        return sum(row.items * row.points for row in self.blueprint)


def tens(right: int) -> range:
    """Return which tens of different right answers of a day are full, counted from 1, as far as they earn points.

    Args:
        right: different questions of a trade answered rightly on that day.
    """
    return range(1, min(right // TEN, TENS_A_DAY) + 1)


def answered_at(age_ms: int, now: datetime) -> datetime:
    """Return when an answer was given that a device kept for so long: never ahead, and at most `KEPT` ago.

    Args:
        age_ms: how long ago by the device's own count, in ms.
        now: when it arrived, aware UTC.
    """
    return now - min(max(timedelta(milliseconds=age_ms), timedelta()), KEPT)
