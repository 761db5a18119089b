"""Sealed standings: what a closed competition ended as, for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Seal(Model):
    """The seal on a competition's standings: a hash over its rows that anyone can recompute (L8). Append-only."""

    __tablename__ = "seals"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"), unique=True)
    sealed_at: Mapped[datetime]
    sealed_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    row_count: Mapped[int]
    sha256: Mapped[str]


class SealedStanding(Model):
    """One row of sealed standings; `track_id` null is the whole competition. Append-only."""

    __tablename__ = "sealed_standings"
    __table_args__ = (
        UniqueConstraint("seal_id", "participation_id", "track_id", postgresql_nulls_not_distinct=True),
        Index("ix_sealed_standings_rank", "seal_id", "track_id", "rank"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    seal_id: Mapped[int] = mapped_column(ForeignKey("seals.id"))
    participation_id: Mapped[int] = mapped_column(ForeignKey("participations.id"))
    track_id: Mapped[int | None] = mapped_column(ForeignKey("tracks.id"))
    rank: Mapped[int]
    levels_cleared: Mapped[int]
    points: Mapped[int]
    elapsed_ms: Mapped[int]
    reached_at: Mapped[datetime]
    eligible: Mapped[bool]
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
