"""Trades, topics, questions and their immutable versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Trade(Model):
    """A skilled trade with a question bank of its own, e.g. welding."""

    __tablename__ = "trades"

    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    position: Mapped[int]


class Topic(Model):
    """A part of a trade that a blueprint can ask for."""

    __tablename__ = "topics"

    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    position: Mapped[int]


class Question(Model):
    """A question as authors know it. What is asked and scored is always one of its versions."""

    __tablename__ = "questions"
    __table_args__ = (
        CheckConstraint("state in ('draft', 'published', 'retired')", name="state"),
        Index("ix_questions_trade_code", "trade_code"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    state: Mapped[str]
    current_version_id: Mapped[int | None]


class QuestionVersion(Model):
    """One wording of a question with its key. Append-only: the database refuses UPDATE and DELETE (A10).

    `stem`, `explanation` and `source` are {zh, en}; `options` is [{id, zh, en}]; `key` is what `rules.Key` reads.
    """

    __tablename__ = "question_versions"
    __table_args__ = (
        UniqueConstraint("question_id", "number"),
        CheckConstraint("type in ('single', 'multiple', 'true_false', 'fill_in', 'numeric')", name="type"),
        CheckConstraint("difficulty between 1 and 5", name="difficulty"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"))
    number: Mapped[int]
    type: Mapped[str]
    topic_code: Mapped[str]
    difficulty: Mapped[int]
    stem: Mapped[dict[str, Any]]
    options: Mapped[list[Any]]
    key: Mapped[dict[str, Any]]
    explanation: Mapped[dict[str, Any]]
    source: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
