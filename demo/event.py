"""Where the demo event is, as its own audit entries tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from core.database import db
from core.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Event:
    """Where the demo is: its rows' ids, and the moment everything in it counts from."""

    anchor: datetime
    province_id: int
    competition_ids: tuple[int, ...]
    login_ids: tuple[int, ...]
    people: int
    offered: bool
    finished: bool
    practised: bool


def find_event() -> Event | None:
    """Return the demo as its audit entries tell it, or None before it is made."""
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.subject == "demo").order_by(AuditEntry.id)).all()
    if not entries:
        return None
    begun = next(entry.details for entry in entries if entry.action == "demo.begin")
    return Event(
        anchor=datetime.fromisoformat(begun["anchor"]),
        province_id=begun["province"],
        competition_ids=tuple(begun["competitions"]),
        login_ids=tuple(begun["log_ins"]),
        people=max((entry.details["people"] for entry in entries if entry.action == "demo.fill"), default=0),
        offered=any(entry.action == "demo.offer" for entry in entries),
        finished=any(entry.action == "demo.finish" for entry in entries),
        practised=any(entry.action == "demo.practise" for entry in entries),
    )


def take_turn() -> None:
    """Wait, within the caller's transaction, until no other process is making the demo."""
    db.session.execute(text("select pg_advisory_xact_lock(hashtext('demo'))"))
