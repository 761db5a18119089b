"""Figures about items and levels, computed from attempts, and simulations of papers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class ItemStatistic(Model):
    """The figures of one question version: in one competition, or in all of them when `competition_id` is null.

    A picture of the attempts, computed anew by the job; `detail` is {answers, weeks} (rules.figures_json).
    """

    __tablename__ = "item_statistics"
    __table_args__ = (
        UniqueConstraint("version_id", "competition_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("light in ('red', 'amber', 'grey', 'green')", name="light"),
        Index("ix_item_statistics_competition_id", "competition_id", "light"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("question_versions.id"))
    competition_id: Mapped[int | None] = mapped_column(ForeignKey("competitions.id"))
    n: Mapped[int]
    papers: Mapped[int]
    facility: Mapped[float]
    deviation: Mapped[float | None]
    discrimination: Mapped[float | None]
    efficiency: Mapped[float | None]
    seconds: Mapped[float | None]
    light: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]]
    computed_at: Mapped[datetime]


class ItemParameters(Model):
    """What the two-parameter logistic model says of one question version in one competition (irt.Parameters)."""

    __tablename__ = "item_parameters"

    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("question_versions.id"), primary_key=True)
    slope: Mapped[float]
    location: Mapped[float]
    n: Mapped[int]
    computed_at: Mapped[datetime]


class LevelStatistic(Model):
    """The figures of one level, and up to which attempt they count."""

    __tablename__ = "level_statistics"

    level_id: Mapped[int] = mapped_column(ForeignKey("levels.id"), primary_key=True)
    n: Mapped[int]
    mean: Mapped[float]
    deviation: Mapped[float | None]
    alpha: Mapped[float | None]
    error_ratio: Mapped[float | None]
    standard_error: Mapped[float | None]
    computed_at: Mapped[datetime]


class Simulation(Model):
    """A simulation: so many papers of a level drawn to see how hard they are and how often each item appears."""

    __tablename__ = "simulations"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("ix_simulations_level_id", "level_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    level_id: Mapped[int] = mapped_column(ForeignKey("levels.id"))
    requested_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    requested_at: Mapped[datetime]
    state: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    result: Mapped[dict[str, Any]]
