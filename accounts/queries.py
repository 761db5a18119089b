"""Reads about people and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from flask import Flask, current_app
from sqlalchemy import select

from accounts.models import LoginSession, Person
from core import clock
from core.brief import Brief
from core.database import db, fetch_all
from core.epoch import Epoch
from core.errors import NotFound
from core.gather import Gathering
from core.secrets import blind_index, token_digest

REMEMBERED_S = 5.0

_IDENTIFY: LiteralString = """
    select s.token_digest, s.kind, s.id, s.person_id, p.name, p.locale, s.last_seen_at
    from login_sessions s join people p on p.id = s.person_id
    where s.token_digest = any(%(digests)s) and s.ended_at is null and s.expires_at > %(now)s and p.disabled_at is null
    """


@dataclass(frozen=True)
class LiveSession:
    """A session that is valid now, and whose it is."""

    id: int
    person_id: int
    name: str
    locale: str
    last_seen_at: datetime


def find_live_session(token: str, kind: str) -> LiveSession | None:
    """Find the session of a token unless it ended, expired, or its person is disabled (P8).

    Args:
        token: what the client holds.
        kind: "cookie" or "bearer"; a token of one kind is none of the other.
    """
    epoch: Epoch = current_app.extensions["sessions_epoch"]
    known: Brief[LiveSession | None] = current_app.extensions["sessions"]
    return known.get((epoch.value(), kind, token), lambda: _gathering.do((token_digest(token), kind)))


def _read_sessions(wanted: list[tuple[str, str]]) -> list[LiveSession | Exception | None]:
    rows = fetch_all(_IDENTIFY, {"digests": [digest for digest, _ in wanted], "now": clock.now()})
    found = {(digest, kind): LiveSession(*session) for digest, kind, *session in rows}
    return [found.get(one) for one in wanted]


_gathering: Gathering[tuple[str, str], LiveSession | None] = Gathering(
    _read_sessions, common=(psycopg.OperationalError,)
)


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


def find_person_by_phone(phone: str) -> Person | None:
    """Find a person by phone in E.164."""
    return db.session.scalar(select(Person).where(Person.phone_index == blind_index(phone)))


def get_person(person_id: int) -> Person:
    """Return a person. Raises: NotFound."""
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound(what="Person")
    return person


def list_live_sessions(person_id: int) -> list[LoginSession]:
    """List where a person is signed in now, the most recently seen first."""
    return list(
        db.session.scalars(
            select(LoginSession)
            .where(
                LoginSession.person_id == person_id,
                LoginSession.ended_at.is_(None),
                LoginSession.expires_at > clock.now(),
            )
            .order_by(LoginSession.last_seen_at.desc(), LoginSession.id.desc())
        )
    )
