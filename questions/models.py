"""Trades, topics, questions and their immutable versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, false
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
    """A part of a trade that a blueprint can ask for; in the tree `weight` is a share in percent among siblings."""

    __tablename__ = "topics"

    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    position: Mapped[int]
    parent_code: Mapped[str | None]
    weight: Mapped[int | None]


class Question(Model):
    """A question as authors know it. What is asked and scored is always one of its versions.

    `state` is that of the latest version; `current_version_id` is the one in use, of a question that has been approved
    once and is not retired. Without an organization it belongs to the bank that all share. A reserved question is for
    official use only and appears in no practice until it is released. `import_id` is the file it came with.
    """

    __tablename__ = "questions"
    __table_args__ = (
        CheckConstraint("state in ('draft', 'submitted', 'approved', 'retired')", name="state"),
        Index("ix_questions_trade_code", "trade_code"),
        Index("ix_questions_import_id", "import_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    state: Mapped[str]
    current_version_id: Mapped[int | None]
    latest_version_id: Mapped[int | None]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    reserved: Mapped[bool] = mapped_column(default=False, server_default=false())
    offered_at: Mapped[datetime | None]
    import_id: Mapped[int | None] = mapped_column(ForeignKey("question_imports.id"))


class QuestionVersion(Model):
    """One wording of a question with its key. Append-only: the database refuses UPDATE and DELETE (A10).

    `stem`, `explanation` and `source` are {zh, en}; the other JSON columns are those of docs/bank-format.md, `key` in
    the form that `rules.ItemType.read_key` makes, `case_group` as {code, stem, media}, with its `place` in the case
    where somebody has given it one. An unfinished version has faults, so it is neither submitted nor drawn; `written`
    in its `key` is the key as it was typed.
    """

    __tablename__ = "question_versions"
    __table_args__ = (
        UniqueConstraint("question_id", "number"),
        CheckConstraint(
            "type in ('single', 'multiple', 'true_false', 'fill_in', 'numeric', 'ordering', 'matching')", name="type"
        ),
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
    prompts: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    media: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    case_group: Mapped[dict[str, Any] | None]
    unfinished: Mapped[bool] = mapped_column(default=False, server_default=false())
    content_hash: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class QuestionNote(Model):
    """What somebody said of a question, or did to it: submitted, returned, approved, retired, offered, released."""

    __tablename__ = "question_notes"
    __table_args__ = (
        CheckConstraint(
            "kind in ('comment', 'submitted', 'returned', 'approved', 'retired', 'offered', 'declined', 'adopted', "
            "'released')",
            name="kind",
        ),
        Index("ix_question_notes_question_id", "question_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("question_versions.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str]
    body: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class Media(Model):
    """An image or a sound, found by the SHA-256 of its content, which never changes."""

    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    mime: Mapped[str]
    content: Mapped[bytes]
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class QuestionImport(Model):
    """A file of questions being taken into a bank: read and checked first, then imported whole or not at all.

    `node_id` is where the person holds the role for it; `settings` and `report` are those of `examining`, `error` is a
    note. The file itself is kept until it is imported or discarded.
    """

    __tablename__ = "question_imports"
    __table_args__ = (
        CheckConstraint(
            "state in ('waiting', 'reading', 'checked', 'importing', 'done', 'failed', 'discarded', 'undone')",
            name="state",
        ),
        Index("ix_question_imports_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    node_id: Mapped[int | None]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    filename: Mapped[str]
    format: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="waiting")
    settings: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    error: Mapped[dict[str, Any] | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    imported: Mapped[int] = mapped_column(default=0)
    body: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
