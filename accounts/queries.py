"""Reads about people and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sqlalchemy import select

from accounts.models import LoginSession, Person
from core import clock
from core.database import db, fetch_one
from core.errors import NotFound
from core.secrets import blind_index, token_digest

_IDENTIFY: LiteralString = """
    select s.id, s.person_id, p.name, p.locale, s.last_seen_at
    from login_sessions s join people p on p.id = s.person_id
    where s.token_digest = %(digest)s and s.kind = %(kind)s and s.ended_at is null and s.expires_at > %(now)s
      and p.disabled_at is null
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
    """Find the session of a token, in one statement, unless it ended, expired, or its person is disabled (P8).

    Args:
        token: what the client holds.
        kind: "cookie" or "bearer"; a token of one kind is none of the other.
    """
    row = fetch_one(_IDENTIFY, {"digest": token_digest(token), "kind": kind, "now": clock.now()})
    return LiveSession(*row) if row else None


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
