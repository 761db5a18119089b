"""Starting attempts: those that arrive together share their statements and one commit (A7, A8)."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg

from competitions import rules
from competitions.errors import CompetitionNotOpen, LevelLocked, NoTriesLeft
from competitions.models import Attempt
from core.database import again_if_lost, direct
from core.errors import NotFound, Refusal
from core.gather import Gathering
from questions.queries import Part, get_bank
from questions.rules import draw

SPACE = 1
"""The advisory lock space that starts share and a closing takes alone."""

# Participations are locked in the order of their ids, before any attempt: so do all who lock several (finishes.py).
_CLAIM: LiteralString = """
    select w.i, p.id, pg_advisory_xact_lock_shared(%(space)s, t.competition_id::int)
    from jsonb_to_recordset(%(wishes)s::jsonb) as w(i int, person_id bigint, level_id bigint)
    join levels l on l.id = w.level_id join tracks t on t.id = l.track_id
    join participations p on p.competition_id = t.competition_id and p.person_id = w.person_id
    order by p.id for no key update of p
"""
_FACTS: LiteralString = """
    select w.i, c.state, c.organization_id, c.draws_from, c.opens_at, c.closes_at, t.trade_code, l.position,
        l.blueprint, l.time_limit_s, l.tries_total, l.tries_per_day, l.opens_at,
        (select coalesce(bool_or(a.cleared), false) from levels b join attempts a on a.level_id = b.id
         where b.track_id = l.track_id and b.position = l.position - 1 and a.person_id = w.person_id),
        array(select a.started_at from attempts a where a.person_id = w.person_id and a.level_id = l.id),
        (select a.id from attempts a where a.person_id = w.person_id and a.level_id = l.id and a.state = 'open'),
        (select a.deadline_at from attempts a
         where a.person_id = w.person_id and a.level_id = l.id and a.state = 'open'),
        (select jsonb_agg(array[j.factor_percent, j.seconds]) from adjustments j
         join participations p on p.id = j.participation_id
         where p.person_id = w.person_id and p.competition_id = c.id and j.attempt_id is null
         and (j.level_id is null or j.level_id = l.id))
    from jsonb_to_recordset(%(wishes)s::jsonb) as w(i int, person_id bigint, level_id bigint)
    join levels l on l.id = w.level_id join tracks t on t.id = l.track_id join competitions c on c.id = t.competition_id
"""
_START: LiteralString = """
    insert into attempts (participation_id, person_id, level_id, number, state, seed, paper, started_at, deadline_at,
        max_points)
    select n.participation_id, n.person_id, n.level_id, n.number, 'open', n.seed, n.paper, n.started_at, n.deadline_at,
        n.max_points
    from jsonb_to_recordset(%(attempts)s::jsonb) as n(participation_id bigint, person_id bigint, level_id bigint,
        number bigint, seed bigint, paper jsonb, started_at timestamptz, deadline_at timestamptz, max_points bigint)
    returning id, person_id, level_id
"""
_COLUMNS = (
    "participation_id", "person_id", "level_id", "number", "seed", "paper", "started_at", "deadline_at", "max_points",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants to play a level; `now` is when the request arrived, aware UTC."""

    person_id: int
    level_id: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt that was running already; `due` when its time is over and it must be finalised first."""

    attempt_id: int
    due: bool


Outcome = Attempt | Running


def require_running(state: str, opens_at: datetime, closes_at: datetime, now: datetime) -> None:
    """Raise CompetitionNotOpen unless a competition may be joined and played now."""
    if state != "open" or now >= closes_at:
        raise CompetitionNotOpen(why="over" if state != "draft" else "draft")
    if now < opens_at:
        raise CompetitionNotOpen(why="not_begun")


def begin(wishes: list[Wish]) -> list[Outcome | Exception]:
    """Start an attempt for every wish that may have one, in one transaction.

    Args:
        wishes: of any people and levels; two for the same person and level get the same attempt.

    Returns: for each a new attempt (not attached to the session), the one that runs, or the refusal.
    Raises: psycopg.Error.
    """
    return again_if_lost(lambda: _begin(wishes))


def _begin(wishes: list[Wish]) -> list[Outcome | Exception]:
    asked = msgspec.json.encode(
        [{"i": i, "person_id": one.person_id, "level_id": one.level_id} for i, one in enumerate(wishes)]
    ).decode()
    outcomes: list[Outcome | Exception] = [NotFound(what="level") for _ in wishes]
    made: dict[tuple[int, int], Attempt] = {}
    with direct() as send:
        claimed = send(_CLAIM, {"wishes": asked, "space": SPACE})
        read = send(_FACTS, {"wishes": asked})  # a statement of its own: it sees what was committed before the claim
        claims = {index: participation_id for index, participation_id, _ in claimed.fetchall()}
        facts = {index: row for index, *row in read.fetchall()}
        for index, participation_id in claims.items():
            wish = wishes[index]
            who = (wish.person_id, wish.level_id)
            try:
                outcome = made.get(who) or _decide(wish, participation_id, *facts[index])
            except Refusal as refusal:
                outcomes[index] = refusal
                continue
            outcomes[index] = outcome
            if isinstance(outcome, Attempt):
                made[who] = outcome
        if made:
            rows = [{name: getattr(one, name) for name in _COLUMNS} for one in made.values()]
            inserted = send(_START, {"attempts": msgspec.json.encode(rows).decode()})
    if made:
        for attempt_id, person_id, level_id in inserted.fetchall():
            made[person_id, level_id].id = attempt_id
    return outcomes


def _decide(
    wish: Wish,
    participation_id: int,
    state: str,
    organization_id: int,
    draws_from: Part,
    opens_at: datetime,
    closes_at: datetime,
    trade_code: str,
    position: int,
    stored_blueprint: Any,
    limit_s: int,
    tries_total: int | None,
    tries_per_day: int | None,
    level_opens_at: datetime | None,
    before_cleared: bool,
    starts: list[datetime],
    open_id: int | None,
    open_until: datetime,
    more_time: list[list[int | None]] | None,
) -> Outcome:
    """Return the attempt that runs or the one to insert. Raises: the refusal."""
    now = wish.now
    if open_id is not None:
        return Running(open_id, rules.is_due(open_until, now))
    require_running(state, opens_at, closes_at, now)
    if position > 1 and not before_cleared:
        raise LevelLocked(why="previous")
    if level_opens_at and level_opens_at > now:
        raise LevelLocked(why="opens_at", opens_at=level_opens_at.isoformat())
    refusal = rules.tries_refusal(tries_total, tries_per_day, starts, now)
    if refusal:
        raise NoTriesLeft(why=refusal)
    blueprint = rules.blueprint_rows(stored_blueprint)
    seed = secrets.randbits(62)
    paper = draw(blueprint, get_bank(trade_code, organization_id, draws_from), random.Random(seed))  # noqa: S311 - evidence
    return Attempt(
        participation_id=participation_id,
        person_id=wish.person_id,
        level_id=wish.level_id,
        number=len(starts) + 1,
        state="open",
        seed=seed,
        paper=rules.stored_items(paper),
        started_at=now,
        deadline_at=rules.deadline(now, limit_s, closes_at, [rules.More(*row) for row in more_time or []]),
        max_points=rules.max_points(blueprint),
    )


_gathering: Gathering[Wish, Outcome] = Gathering(begin, common=(psycopg.OperationalError,), most=64)


def start(wish: Wish) -> Outcome:
    """Do what `begin` does for one wish together with all that arrive with it.

    Raises: the refusal; psycopg.Error; core.errors.Unavailable.
    """
    return _gathering.do(wish)
