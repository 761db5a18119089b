"""People and the sessions in which they are signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Person(Model):
    """One human being. The phone is sealed; `phone_index` finds it, `phone_tail` (last four digits) shows it masked."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    phone_index: Mapped[str] = mapped_column(unique=True)
    phone_sealed: Mapped[str]
    phone_tail: Mapped[str]
    password_hash: Mapped[str]
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(default="zh_CN")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class LoginSession(Model):
    """One device on which a person is signed in; ending the row ends the session at the next request (P8)."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        CheckConstraint("kind in ('cookie', 'bearer')", name="kind"),
        Index("ix_login_sessions_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token_digest: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str]
    device: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
