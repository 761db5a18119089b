"""Saving answers: one guarded statement, and saves that arrive together share one commit (A1 to A5).

A request puts its save on the list. If nobody is writing it writes the whole list in one statement and leaves each save
its own outcome; otherwise it waits until its outcome is there, or until it is its turn to write what has gathered. An
outcome exists only after the commit, so 2xx still means committed.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg
import structlog
from flask import current_app
from psycopg.types.json import set_json_loads

from competitions.rules import GRACE
from core.database import BY_KEY
from core.errors import Unavailable
from questions.rules import Value

log = structlog.get_logger(__name__)

BATCH = 256

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


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class Save:
    """One answer on its way to the database; `received_at` is when the request arrived, aware UTC."""

    attempt_id: int
    session_id: int
    position: int
    seq: int
    value: Value
    flagged: bool
    received_at: datetime
    outcome: Outcome | None = None
    turn: threading.Lock = field(default_factory=_locked, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a save.

    verdict: "saved" (committed), or why not: "superseded" (a later save stands; `seq` and `value` are that one),
    "late", "closed", "not_found", "not_signed_in", "unknown_retry".
    """

    verdict: str
    deadline_at: datetime | None = None
    seq: int | None = None
    value: Value = None


UNKNOWN = Outcome("unknown_retry")


class Writer:
    """The one writer of answers in a process."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._list = threading.Lock()
        self._waiting: list[Save] = []
        self._writing = False
        self._connection: psycopg.Connection[Any] | None = None

    def save(self, one: Save) -> Outcome:
        """Write a save together with all that wait, and return its outcome once that is committed.

        Raises: Unavailable when the database cannot be reached: the outcome is unknown, trying again is safe.
        """
        with self._list:
            self._waiting.append(one)
            writes = not self._writing
            self._writing = True
        if not writes:
            one.turn.acquire()
        if one.outcome is None:
            self._write_waiting()
        if one.outcome is None or one.outcome is UNKNOWN:
            raise Unavailable()
        return one.outcome

    def _write_waiting(self) -> None:
        """Write all that wait, then let the first of those that came meanwhile write next, then wake the others."""
        time.sleep(0)  # whoever is ready to join this write joins it: under gevent all requests that have arrived
        with self._list:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        try:
            self._write(batch)
        finally:
            with self._list:
                following = self._waiting[0] if self._waiting else None
                self._writing = following is not None
            if following is not None:
                following.turn.release()
            for one in batch:
                one.turn.release()

    def close(self) -> None:
        """Close the connection; the next save opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, batch: list[Save]) -> None:
        try:
            outcomes = self._execute(batch)
        except psycopg.OperationalError:
            # The connection may only have been old: a save repeated is the same save, so one more try is safe.
            self.close()
            try:
                outcomes = self._execute(batch)
            except psycopg.Error as error:
                log.error("saves_unknown", saves=len(batch), kind=type(error).__name__)
                self.close()
                outcomes = {}
        except psycopg.Error as error:
            log.error("saves_failed", saves=len(batch), kind=type(error).__name__)
            self.close()
            outcomes = {}
        finally:
            for one in batch:
                one.outcome = UNKNOWN
        for index, outcome in outcomes.items():
            batch[index].outcome = outcome

    def _execute(self, batch: list[Save]) -> dict[int, Outcome]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, options=BY_KEY, connect_timeout=3)
            set_json_loads(msgspec.json.decode, self._connection)
        saves = [
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
            for index, one in enumerate(batch)
        ]
        rows = self._connection.execute(
            _WRITE, {"saves": msgspec.json.encode(saves).decode(), "grace": GRACE}, prepare=True
        )
        return {row[0]: _outcome(batch[row[0]], *row[1:]) for row in rows}


def _outcome(
    one: Save, verdict: str, deadline_at: datetime | None, seq: int | None, value: Value, same: bool | None
) -> Outcome:
    if verdict != "saved":
        return Outcome(verdict, deadline_at)
    if same:
        return Outcome("saved", deadline_at, one.seq, one.value)
    if seq is not None and seq >= one.seq:
        return Outcome("superseded", deadline_at, seq, value)
    return UNKNOWN


def writer() -> Writer:
    """Return this process's writer for the current application."""
    found: Writer | None = current_app.extensions.get("answer_writer")
    if found is None:
        found = current_app.extensions.setdefault(
            "answer_writer", Writer(current_app.config["SQLALCHEMY_DATABASE_URI"])
        )
    return found
