"""Reads about people and where they are signed in."""

from __future__ import annotations

from sqlalchemy import select

from accounts.models import LoginSession, Person
from core import clock
from core.database import db
from core.errors import NotFound
from core.secrets import blind_index


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
