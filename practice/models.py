"""What people practised. Nothing here is read or locked by an official attempt."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class PracticeAnswer(Model):
    """One answer given in practice.

    `seed` and `values` say which item of the version was shown (no seed in a mock, which stores its paper); `share` is
    the part of it that was right, 0 to 1; `client_id` is what the device calls it, so that sending it twice records it
    once.
    """

    __tablename__ = "practice_answers"
    __table_args__ = (
        UniqueConstraint("person_id", "client_id"),
        CheckConstraint("share between 0 and 1", name="share"),
        CheckConstraint("certainty between 1 and 3", name="certainty"),
        CheckConstraint(
            "mode in ('ordered', 'random', 'daily', 'wrong', 'favourites', 'weak', 'level', 'mock')", name="mode"
        ),
        Index("ix_practice_answers_person_id", "person_id", "trade_code", "answered_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    topic_code: Mapped[str]
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("question_versions.id"))
    seed: Mapped[int | None]
    values: Mapped[dict[str, Any]]
    value: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    share: Mapped[float] = mapped_column(Float)
    certainty: Mapped[int | None] = mapped_column(SmallInteger)
    mode: Mapped[str]
    answered_at: Mapped[datetime]
    client_id: Mapped[str]


class PracticeCard(Model):
    """What a person remembers of a question that was once wrong: `rules.Memory` as a row."""

    __tablename__ = "practice_cards"
    __table_args__ = (
        Index(
            "ix_practice_cards_due",
            "person_id",
            "trade_code",
            "due_at",
            postgresql_where=text("wrong_since is not null"),
        ),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), primary_key=True)
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    state: Mapped[dict[str, Any]]
    due_at: Mapped[datetime]
    wrong_since: Mapped[datetime | None]
    learnt_at: Mapped[datetime | None]
    right_days: Mapped[int] = mapped_column(SmallInteger)
    last_right_on: Mapped[date | None]


class PracticeFavourite(Model):
    """A question somebody keeps to look at again."""

    __tablename__ = "practice_favourites"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), primary_key=True)
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    marked_at: Mapped[datetime]


class PracticePlace(Model):
    """How far somebody has come through a trade's questions in order: the last one answered."""

    __tablename__ = "practice_places"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"), primary_key=True)
    question_id: Mapped[int]
    moved_at: Mapped[datetime]


class PracticeDay(Model):
    """A calendar day in China on which somebody practised; streaks and their freezes follow from these rows alone."""

    __tablename__ = "practice_days"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    answers: Mapped[int]


class PracticePoints(Model):
    """One award of learning points; `ref` says what for, and nothing is awarded twice."""

    __tablename__ = "practice_points"
    __table_args__ = (
        UniqueConstraint("person_id", "kind", "ref"),
        CheckConstraint("kind in ('ten', 'daily', 'learnt')", name="kind"),
        CheckConstraint("points > 0", name="points"),
        Index("ix_practice_points_trade_code", "trade_code", "awarded_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    kind: Mapped[str]
    ref: Mapped[str]
    points: Mapped[int]
    awarded_at: Mapped[datetime]


class PracticeMock(Model):
    """A level tried against the clock for practice. It has no place in any competition and never counts.

    `level_id` is a name, not a reference: what the level was called, and its pass mark, are kept as of the start.
    """

    __tablename__ = "practice_mocks"
    __table_args__ = (
        CheckConstraint("(finished_at is null) = (points is null)", name="finished"),
        Index("ix_practice_mocks_person_id", "person_id", "trade_code", "started_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    level_id: Mapped[int]
    name: Mapped[dict[str, Any]]
    paper: Mapped[list[Any]]
    pass_points: Mapped[int]
    max_points: Mapped[int]
    started_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    points: Mapped[int | None]
    marks: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    answers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
