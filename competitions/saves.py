"""Saving answers: one guarded statement, in which saves that arrive together share one commit (A1 to A5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

import msgspec
import psycopg
import structlog

from competitions.rules import GRACE
from core import clock, valkey
from core.database import fetch_all
from core.errors import Unavailable
from core.gather import Gathering
from questions.rules import Value

log = structlog.get_logger(__name__)

RECENT_MINUTES = 10

_WRITE: LiteralString = """
with batch as (
    select * from jsonb_to_recordset(%(saves)s::jsonb) as b(
        i int, attempt_id bigint, session_id bigint, position smallint, seq bigint, value jsonb, flagged bool,
        received_at timestamptz
    )
),
target as materialized (
    select id, person_id, state, deadline_at from attempts where id in (select attempt_id from batch)
    order by id for share
),
judged as (
    select b.*, a.deadline_at,
        case
            when a.id is null then 'not_found'
            when s.id is null then 'not_signed_in'
            when b.received_at > a.deadline_at + %(grace)s then 'late'
            when a.state <> 'open' then 'closed'
            else 'saved'
        end as verdict
    from batch b
    left join target a on a.id = b.attempt_id
    left join login_sessions s on s.id = b.session_id and s.person_id = a.person_id
        and s.ended_at is null and s.expires_at > b.received_at
),
written as (
    insert into answers (attempt_id, position, seq, value, flagged, received_at)
    select distinct on (attempt_id, position) attempt_id, position, seq, value, flagged, received_at
    from judged where verdict = 'saved' order by attempt_id, position, seq desc
    on conflict (attempt_id, position) do update
        set seq = excluded.seq, value = excluded.value, flagged = excluded.flagged, received_at = excluded.received_at
        where answers.seq < excluded.seq
    returning attempt_id, position, seq, value, flagged
)
select j.i, j.verdict, j.deadline_at, now_there.seq, now_there.value,
    (now_there.seq, now_there.value, now_there.flagged) is not distinct from (j.seq, j.value, j.flagged)
from judged j
left join lateral (
    select seq, value, flagged from written w where w.attempt_id = j.attempt_id and w.position = j.position
    union all
    select seq, value, flagged from answers c where c.attempt_id = j.attempt_id and c.position = j.position
    order by seq desc limit 1
) as now_there on true
"""


@dataclass(frozen=True, slots=True)
class Save:
    """One answer on its way to the database; `received_at` is when the request arrived, aware UTC."""

    attempt_id: int
    session_id: int
    position: int
    seq: int
    value: Value
    flagged: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a save.

    verdict: "saved" (committed), or why not: "superseded" (a later save stands; `seq` and `value` are that one),
    "late", "closed", "not_found", "not_signed_in".
    """

    verdict: str
    deadline_at: datetime | None = None
    seq: int | None = None
    value: Value = None


def write(saves: list[Save]) -> list[Outcome | Exception]:
    """Write saves in one statement and commit; the outcomes exist only after the commit, so 2xx means committed.

    A save repeated is the same save: a connection that turns out to be dead is tried once more.

    Args:
        saves: of any attempts, in any order.

    Returns: for each its outcome; Unavailable where neither it nor a later one is there (A2: unknown, retry).
    Raises: psycopg.Error.
    """
    rows = fetch_all(_WRITE, {"saves": _numbered(saves), "grace": GRACE})
    outcomes: list[Outcome | Exception] = [Unavailable() for _ in saves]
    for index, *judged in rows:
        outcomes[index] = _outcome(saves[index], *judged)
    return outcomes


def _numbered(saves: list[Save]) -> str:
    return msgspec.json.encode(
        [
            {
                "i": index,
                "attempt_id": one.attempt_id,
                "session_id": one.session_id,
                "position": one.position,
                "seq": one.seq,
                "value": one.value,
                "flagged": one.flagged,
                "received_at": one.received_at,
            }
            for index, one in enumerate(saves)
        ]
    ).decode()


def _outcome(
    one: Save, verdict: str, deadline_at: datetime | None, seq: int | None, value: Value, same: bool | None
) -> Outcome | Exception:
    if verdict != "saved":
        return Outcome(verdict, deadline_at)
    if same:
        return Outcome("saved", deadline_at, one.seq, one.value)
    if seq is not None and seq >= one.seq:
        return Outcome("superseded", deadline_at, seq, value)
    return Unavailable()


_gathering: Gathering[Save, Outcome] = Gathering(write, common=(psycopg.OperationalError,))


def save(one: Save) -> Outcome:
    """Save one answer together with all that arrive with it, and return what became of it once that is committed (A2).

    Raises: Unavailable when the database cannot be reached or refuses: the outcome is unknown, trying again is safe.
    """
    try:
        return _gathering.do(one)
    except psycopg.Error as error:
        log.error("save_unknown", kind=type(error).__name__)
        _note_failure(clock.now())
        raise Unavailable from error


def _failures(minute: datetime) -> str:
    return f"saves:failed:{minute:%Y%m%d%H%M}"


def _note_failure(now: datetime) -> None:
    """Count a failure in Valkey: the database, which has just failed, could not."""
    key = _failures(now)
    try:
        valkey.ask(lambda client: client.pipeline().incr(key).expire(key, 60 * (RECENT_MINUTES + 1)).execute())
    except valkey.Away:
        return


def count_failures(now: datetime) -> int | None:
    """Return how many saves, of all competitions, failed in the last `RECENT_MINUTES`; None while nobody can say.

    Args:
        now: aware UTC.
    """
    keys = [_failures(now - timedelta(minutes=number)) for number in range(RECENT_MINUTES)]
    try:
        return sum(int(count or 0) for count in valkey.ask(lambda client: client.mget(keys)))
    except valkey.Away:
        return None
