"""The audit trail and long exports: what every package writes to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class AuditEntry(Model):
    """Who did what to which rows, when and why. The database refuses UPDATE, DELETE and TRUNCATE (M2, P5)."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject", "subject_id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    action: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[int | None]
    organization_id: Mapped[int | None]
    why: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Export(Model):
    """A file being made by the job worker for the person who asked for it: progress, then the bytes."""

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'cancelled')", name="state"),
        Index("ix_exports_requested_by", "requested_by", "requested_at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    params: Mapped[dict[str, Any]]
    requested_by: Mapped[int]
    requested_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="waiting")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    filename: Mapped[str] = mapped_column(default="")
    media_type: Mapped[str] = mapped_column(default="")
    body: Mapped[bytes | None] = mapped_column(deferred=True)
    finished_at: Mapped[datetime | None]
