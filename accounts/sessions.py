"""Whose session a token is: read for every request, by one statement for all that arrive together (P8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import structlog
from flask import Flask, current_app

from core import clock
from core.brief import Brief
from core.database import fetch_all
from core.epoch import Epoch
from core.gather import Gathering
from core.secrets import token_digest

log = structlog.get_logger(__name__)

REMEMBERED_S = 5.0
SEEN_EVERY = timedelta(minutes=1)

_IDENTIFY: LiteralString = """
    select s.token_digest, s.kind, s.last_seen_at, s.id, s.person_id, p.name, p.locale
    from login_sessions s join people p on p.id = s.person_id
    where s.token_digest = any(%(digests)s) and s.ended_at is null and s.expires_at > %(now)s and p.disabled_at is null
    """

# What another process is noting at this moment is skipped: waiting for each other, two of them could wait forever.
_NOTE_SEEN: LiteralString = """
    update login_sessions set last_seen_at = %(now)s
    where id in (select id from login_sessions where id = any(%(ids)s) for no key update skip locked)
    returning id
    """


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is valid now, and whose it is."""

    id: int
    person_id: int
    name: str
    locale: str


def find_live_session(token: str, kind: str) -> LiveSession | None:
    """Find the session of a token unless it ended, expired, or its person is disabled (P8).

    That it was seen is noted to the minute.

    Args:
        token: what the client holds.
        kind: "cookie" or "bearer"; a token of one kind is none of the other.
    """
    epoch: Epoch = current_app.extensions["sessions_epoch"]
    known: Brief[LiveSession | None] = current_app.extensions["sessions"]
    return known.get((epoch.value(), kind, token), lambda: _gathering.do((token_digest(token), kind)))


def _find(wanted: list[tuple[str, str]]) -> list[LiveSession | Exception | None]:
    now = clock.now()
    found: dict[tuple[str, str], LiveSession] = {}
    long_ago: list[int] = []
    for digest, kind, last_seen_at, *session in fetch_all(
        _IDENTIFY, {"digests": [digest for digest, _ in wanted], "now": now}
    ):
        live = found[digest, kind] = LiveSession(*session)
        if now - last_seen_at > SEEN_EVERY:
            long_ago.append(live.id)
    if long_ago:
        _note_seen(long_ago, now)
    return [found.get(one) for one in wanted]


def _note_seen(session_ids: list[int], now: datetime) -> None:
    try:
        fetch_all(_NOTE_SEEN, {"ids": session_ids, "now": now})
    except psycopg.Error as error:
        log.warning("last_seen_not_noted", kind=type(error).__name__)


_gathering: Gathering[tuple[str, str], LiveSession | None] = Gathering(_find, common=(psycopg.OperationalError,))


def forget_sessions() -> None:
    """Have every process of this host look sessions up anew, because one ended or its person changed (P8)."""
    current_app.extensions["sessions_epoch"].advance()


def prepare(app: Flask) -> None:
    """Give the application its memory of live sessions.

    Each is remembered for `REMEMBERED_S`, and by no process of the host once any of them ends a session. Only a change
    made on another host, or in the database by hand, may take those seconds to be seen; saving answers asks the row.

    Args:
        app: an application whose config holds STATE_DIR.
    """
    app.extensions["sessions_epoch"] = Epoch(Path(app.config["STATE_DIR"]) / "sessions.epoch")
    app.extensions["sessions"] = Brief(REMEMBERED_S, size=65_536)
