"""The rules of levels, attempts and standings. Pure: facts in, verdicts out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from core.zone import SHANGHAI
from questions.rules import BlueprintRow, PaperItem, Value, Version, mark

GRACE = timedelta(seconds=2)
"""An answer counts exactly when it was received by deadline + GRACE (A4)."""

SETTLE = timedelta(seconds=1)
"""How long after the grace an attempt is left open, so that a save received in time can still be committed."""

RULE_VERSION = 2
"""The version of `score`; it is stored with every result."""


@dataclass(frozen=True, slots=True)
class More:
    """One adjustment: a factor on the limit in percent (125 is x1.25), or seconds on top of it."""

    factor_percent: int | None = None
    seconds: int | None = None


def deadline(
    started_at: datetime, time_limit_s: int, closes_at: datetime, adjustments: Iterable[More] = ()
) -> datetime:
    """Return when an attempt's time is up: the earlier of its own limit and the competition's end.

    Adjustments are added to the base, never written over it: the most lenient factor scales the limit, all extensions
    add up, and both move this person's end of the competition as well.

    Args:
        started_at: aware UTC.
        time_limit_s: the level's limit in seconds.
        closes_at: aware UTC, when the competition closes for everyone.
        adjustments: the person's factors and extensions that apply to this attempt.

    Source: the quiz timing rules of Moodle and CMS, see docs/adr/0007.
    """
    more = list(adjustments)
    factor = max((one.factor_percent for one in more if one.factor_percent), default=100)
    limit = timedelta(seconds=time_limit_s) * factor / 100
    extra = timedelta(seconds=sum(one.seconds for one in more if one.seconds))
    window_end = closes_at + (limit - timedelta(seconds=time_limit_s)) + extra
    return min(started_at + limit + extra, window_end)


def is_due(deadline_at: datetime, now: datetime) -> bool:
    """Say whether an open attempt may be closed for time: no save received in time can still be on its way."""
    return now > deadline_at + GRACE + SETTLE


def finish(deadline_at: datetime, now: datetime) -> datetime:
    """Return an attempt's finish time: now, or its deadline when that has passed."""
    return min(now, deadline_at)


def tries_refusal(
    tries_total: int | None, tries_per_day: int | None, starts: Sequence[datetime], now: datetime
) -> str | None:
    """Say why no further try may start ("total" or "day"), or None when one may.

    Args:
        tries_total: the limit over the whole competition; None for no limit.
        tries_per_day: the limit a calendar day in China; None for no limit.
        starts: when the earlier tries at this level started, aware UTC.
        now: aware UTC.
    """
    if tries_total is not None and len(starts) >= tries_total:
        return "total"
    today = now.astimezone(SHANGHAI).date()
    if tries_per_day is not None and sum(one.astimezone(SHANGHAI).date() == today for one in starts) >= tries_per_day:
        return "day"
    return None


def blueprint_rows(stored: Iterable[Mapping[str, object]]) -> list[BlueprintRow]:
    """Read a level's stored blueprint."""
    return [msgspec.convert(dict(row), BlueprintRow) for row in stored]


def paper_items(stored: Iterable[Mapping[str, object]]) -> list[PaperItem]:
    """Read an attempt's stored paper."""
    return [msgspec.convert(dict(item), PaperItem) for item in stored]


def stored_items(paper: Iterable[PaperItem]) -> list[dict[str, object]]:
    """Write a drawn paper as an attempt stores it."""
    return [
        {"version": item.version, "options": item.options, "points": item.points}
        | ({"values": dict(item.values)} if item.values else {})
        for item in paper
    ]


def max_points(blueprint: Iterable[BlueprintRow]) -> int:
    """Return what a paper drawn from a blueprint is worth."""
    return sum(row.items * row.points for row in blueprint)


def score(paper: Sequence[PaperItem], versions: Mapping[int, Version], answers: Mapping[int, Value]) -> list[int]:
    """Mark an attempt: an item earns its points or the share of them that its credit rule gives (A9).

    Args:
        paper: the stored paper; positions count from 1.
        versions: the pinned question versions by id.
        answers: the last acknowledged value by position.

    Returns: the mark of each item, in points.
    """
    return [mark(versions[item.version], item, answers.get(position)) for position, item in enumerate(paper, 1)]


def answers_hash(attempt_id: int, answers: Mapping[int, Value]) -> str:
    """Return the SHA-256 (hex) of an attempt's answers, as it stands on the receipt (A13).

    The bytes hashed are the JSON array [attempt id, [[position, value], ...]] without spaces, positions ascending,
    unanswered items left out.
    """
    given = [[position, value] for position, value in sorted(answers.items()) if value is not None]
    return hashlib.sha256(msgspec.json.encode([attempt_id, given])).hexdigest()


@dataclass(frozen=True, slots=True)
class Try:
    """A scored attempt as the standings see it."""

    level_id: int
    track_id: int
    points: int
    elapsed_ms: int
    finished_at: datetime
    cleared: bool


@dataclass(frozen=True, slots=True)
class StandingRow:
    """What a participation has reached on one board; `track_id` None is the whole competition."""

    track_id: int | None
    levels_cleared: int
    points: int
    elapsed_ms: int
    reached_at: datetime

    @property
    def order(self) -> tuple[int, int, int, datetime]:
        """Return what boards sort by, best first: levels cleared, points, total time, who got there first."""
        return (-self.levels_cleared, -self.points, self.elapsed_ms, self.reached_at)


def counted_tries(tries: Iterable[Try]) -> dict[int, Try]:
    """Return the try that counts at each level: most points, then the shorter time, then the earlier."""
    best: dict[int, Try] = {}
    for one in tries:
        other = best.get(one.level_id)
        if other is None or (-one.points, one.elapsed_ms, one.finished_at) < (
            -other.points,
            other.elapsed_ms,
            other.finished_at,
        ):
            best[one.level_id] = one
    return best


def fold_standings(tries: Iterable[Try]) -> list[StandingRow]:
    """Fold all scored tries of a participation into its standings: one row a track, and one for the whole.

    The time when a standing was reached is the finish of the last counted try that earned points: a try worth nothing
    never moves it.
    """
    counted = counted_tries(tries).values()
    boards: list[int | None] = [None, *sorted({one.track_id for one in counted})] if counted else []
    rows = []
    for track_id in boards:
        own = [one for one in counted if track_id in (None, one.track_id)]
        earning = [one for one in own if one.points > 0] or own
        rows.append(
            StandingRow(
                track_id=track_id,
                levels_cleared=sum(one.cleared for one in own),
                points=sum(one.points for one in own),
                elapsed_ms=sum(one.elapsed_ms for one in own if one.points > 0),
                reached_at=max(one.finished_at for one in earning),
            )
        )
    return rows


def stars(points: int, pass_points: int, most_points: int) -> int:
    """Return 0 to 3 stars: cleared, cleared with at least half of what lies above the pass mark, and full marks."""
    if points < pass_points:
        return 0
    if points >= most_points:
        return 3
    return 2 if 2 * (points - pass_points) >= most_points - pass_points else 1
