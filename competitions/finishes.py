"""Finishing attempts: close first, score after (A6); those that arrive together share their statements and commits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg
import structlog

from competitions import events, queries, rules
from competitions.queries import Result
from core import clock
from core.database import again_if_lost, direct, publish
from core.errors import NotFound
from core.gather import Gathering
from questions.queries import get_versions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finish:
    """An attempt to bring to its end.

    reason: "submitted", "competition_closed", or "time_up", which closes only what is due, for time may have been added
    since somebody looked. `now` is aware UTC; with `person_id` the attempt must be that person's.
    """

    attempt_id: int
    reason: str
    now: datetime
    person_id: int | None = None


# The locks wait for saves that are being written, and the answers are read after them.
_LOCK: LiteralString = """
    select id, state, deadline_at, person_id from attempts where id = any(%(ids)s) order by id for no key update
"""
_ANSWERS: LiteralString = """
    select attempt_id, jsonb_object_agg(position, value) from answers where attempt_id = any(%(ids)s) group by 1
"""
_CLOSE: LiteralString = """
    update attempts a set state = 'closed', finished_at = f.finished_at, close_reason = f.reason,
        answers_hash = f.answers_hash
    from jsonb_to_recordset(%(rows)s::jsonb) as f(id bigint, finished_at timestamptz, reason text, answers_hash text)
    where a.id = f.id
"""


def close(wanted: list[Finish]) -> list[Exception | None]:
    """Close open attempts in a transaction of their own: from here on no save counts, and scoring may be repeated.

    Args:
        wanted: attempts that are over, or of which somebody says so.

    Returns: for each its refusal, if any: NotFound where there is none, or it is somebody else's.
    Raises: psycopg.Error.
    """
    return again_if_lost(lambda: _close(wanted))


def _close(wanted: list[Finish]) -> list[Exception | None]:
    ids = [one.attempt_id for one in wanted]
    refusals: list[Exception | None] = [None for _ in wanted]
    rows = {}
    with direct() as send:
        locked, read = send(_LOCK, {"ids": ids}), send(_ANSWERS, {"ids": ids})
        found = {attempt_id: row for attempt_id, *row in locked.fetchall()}
        answers = _by_position(read.fetchall())
        for index, one in enumerate(wanted):
            state, deadline_at, owner_id = found.get(one.attempt_id, (None, one.now, None))
            if state is None or one.person_id not in (None, owner_id):
                refusals[index] = NotFound(what="attempt")
            elif state == "open" and (one.reason != "time_up" or rules.is_due(deadline_at, one.now)):
                late = one.reason == "submitted" and one.now > deadline_at
                rows[one.attempt_id] = {
                    "id": one.attempt_id,
                    "finished_at": rules.finish(deadline_at, one.now),
                    "reason": "time_up" if late else one.reason,
                    "answers_hash": rules.answers_hash(one.attempt_id, answers[one.attempt_id]),
                }
        if rows:
            send(_CLOSE, {"rows": msgspec.json.encode(list(rows.values())).decode()})
    return refusals


def _by_position(rows: list[tuple[Any, ...]]) -> dict[int, dict[int, Any]]:
    answers: dict[int, dict[int, Any]] = defaultdict(dict)
    for attempt_id, given in rows:
        answers[attempt_id] = {int(position): value for position, value in given.items()}
    return answers


_LOCK_PARTICIPATIONS: LiteralString = """
    select from participations where id in (select participation_id from attempts where id = any(%(ids)s))
    order by id for no key update
"""
_LOCK_CLOSED: LiteralString = """
    select a.id, a.participation_id, p.competition_id, a.paper, a.started_at, a.finished_at, a.level_id, l.track_id,
        l.pass_points
    from attempts a join participations p on p.id = a.participation_id join levels l on l.id = a.level_id
    where a.id = any(%(ids)s) and a.state = 'closed' order by a.id for no key update of a
"""
_OTHERS: LiteralString = """
    select o.participation_id, o.level_id, l.track_id, o.points, o.elapsed_ms, o.finished_at, o.cleared
    from attempts o join levels l on l.id = o.level_id
    where o.participation_id in (select participation_id from attempts where id = any(%(ids)s)) and o.state = 'scored'
"""
_SCORE: LiteralString = """
    update attempts a set state = 'scored', marks = s.marks, points = s.points, cleared = s.cleared,
        elapsed_ms = s.elapsed_ms, rule_version = s.rule_version
    from jsonb_to_recordset(%(rows)s::jsonb) as s(id bigint, marks jsonb, points bigint, cleared boolean,
        elapsed_ms bigint, rule_version bigint)
    where a.id = s.id
"""
_STAND: LiteralString = """
    insert into standings (competition_id, participation_id, track_id, levels_cleared, points, elapsed_ms, reached_at,
        changed_at, version)
    select r.competition_id, r.participation_id, r.track_id, r.levels_cleared, r.points, r.elapsed_ms, r.reached_at,
        %(now)s, 1
    from jsonb_to_recordset(%(rows)s::jsonb) as r(competition_id bigint, participation_id bigint, track_id bigint,
        levels_cleared bigint, points bigint, elapsed_ms bigint, reached_at timestamptz)
    on conflict (participation_id, track_id) do update
        set levels_cleared = excluded.levels_cleared, points = excluded.points, elapsed_ms = excluded.elapsed_ms,
            reached_at = excluded.reached_at, changed_at = excluded.changed_at, version = standings.version + 1
"""


def score(ids: list[int], now: datetime) -> dict[int, Exception]:
    """Score closed attempts and fold them into the standings, both or neither; those not closed are left as they are.

    Args:
        ids: the attempts.
        now: aware UTC, when the standings change.

    Returns: by attempt what went wrong with scoring it; it stays closed, and the others are scored.
    Raises: psycopg.Error.
    """
    return again_if_lost(lambda: _score(ids, now))


def _score(ids: list[int], now: datetime) -> dict[int, Exception]:
    failed: dict[int, Exception] = {}
    rows = []
    tries: dict[int, list[rules.Try]] = defaultdict(list)
    competitions: dict[int, int] = {}
    with direct() as send:
        send(_LOCK_PARTICIPATIONS, {"ids": ids})
        locked, read, others = (send(statement, {"ids": ids}) for statement in (_LOCK_CLOSED, _ANSWERS, _OTHERS))
        closed = locked.fetchall()
        answers = _by_position(read.fetchall())
        for attempt_id, participation_id, competition_id, paper, started_at, finished_at, *level in closed:
            try:
                items = rules.paper_items(paper)
                marks = rules.score(items, get_versions([item.version for item in items]), answers[attempt_id])
            except Exception as error:
                log.exception("scoring_failed", attempt_id=attempt_id)
                failed[attempt_id] = error
                continue
            level_id, track_id, pass_points = level
            points = sum(marks)
            elapsed_ms = clock.ms(finished_at - started_at)
            rows.append(
                {
                    "id": attempt_id,
                    "marks": marks,
                    "points": points,
                    "cleared": points >= pass_points,
                    "elapsed_ms": elapsed_ms,
                    "rule_version": rules.RULE_VERSION,
                }
            )
            this = rules.Try(level_id, track_id, points, elapsed_ms, finished_at, points >= pass_points)
            tries[participation_id].append(this)
            competitions[participation_id] = competition_id
        for participation_id, *other in others.fetchall():
            if participation_id in competitions:
                tries[participation_id].append(rules.Try(*other))
        if rows:
            send(_SCORE, {"rows": msgspec.json.encode(rows).decode()})
            stand = [
                {"competition_id": competition_id, "participation_id": participation_id, **msgspec.to_builtins(row)}
                for participation_id, competition_id in sorted(competitions.items())
                for row in rules.fold_standings(tries[participation_id])
            ]
            send(_STAND, {"rows": msgspec.json.encode(stand).decode(), "now": now})
    if competitions:
        publish(events.AttemptsScored(tuple(competitions)))
    return failed


def finish(wanted: list[Finish]) -> list[Exception | None]:
    """Close attempts, then score them; harmless where that has been done.

    Args:
        wanted: attempts that are over, or of which somebody says so.

    Returns: for each its refusal or what went wrong with scoring it, if anything.
    Raises: psycopg.Error.
    """
    refusals = close(wanted)
    ids = {one.attempt_id for one, refusal in zip(wanted, refusals, strict=True) if refusal is None}
    failed = score(sorted(ids), max(one.now for one in wanted)) if ids else {}
    return [refusal or failed.get(one.attempt_id) for one, refusal in zip(wanted, refusals, strict=True)]


def _hand_in(wanted: list[Finish]) -> list[Result | Exception]:
    faults = finish(wanted)
    results = queries.get_results([one.attempt_id for one in wanted])
    return [fault or results[one.attempt_id] for one, fault in zip(wanted, faults, strict=True)]


_gathering: Gathering[Finish, Result] = Gathering(_hand_in, common=(psycopg.OperationalError,), most=64)


def hand_in(attempt_id: int, person_id: int, now: datetime) -> Result:
    """Close and score an attempt together with all that arrive with it, and return its result.

    Raises: NotFound when it is not this person's; psycopg.Error; core.errors.Unavailable.
    """
    return _gathering.do(Finish(attempt_id, "submitted", now, person_id))
