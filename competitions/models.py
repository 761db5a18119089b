"""Competitions, tracks, levels, participations, attempts, answers and the standings folded from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Competition(Model):
    """A competition of one node of the tree: its audience is the people at and under that node.

    A province's competition is federation-wide; an enterprise's is internal to it. A discarded draft stays as a row
    that the audit log and the books can point to, and is shown nowhere else.
    """

    __tablename__ = "competitions"
    __table_args__ = (
        CheckConstraint("state in ('draft', 'open', 'closed', 'sealed')", name="state"),
        CheckConstraint("closes_at > opens_at", name="window"),
        CheckConstraint("draws_from in ('all', 'reserved')", name="draws_from"),
        CheckConstraint("discarded_at is null or state = 'draft'", name="discarded"),
        Index("ix_competitions_organization_id", "organization_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    name_zh: Mapped[str]
    name_en: Mapped[str]
    summary_zh: Mapped[str] = mapped_column(default="")
    summary_en: Mapped[str] = mapped_column(default="")
    rules_zh: Mapped[str] = mapped_column(default="")
    rules_en: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="draft")
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    mask_names: Mapped[bool] = mapped_column(default=True)
    draws_from: Mapped[str] = mapped_column(default="all", server_default="all")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    discarded_at: Mapped[datetime | None]


class Track(Model):
    """The levels of one trade within a competition."""

    __tablename__ = "tracks"
    __table_args__ = (UniqueConstraint("competition_id", "position"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"))
    trade_code: Mapped[str] = mapped_column(ForeignKey("trades.code"))
    position: Mapped[int]
    name_zh: Mapped[str]
    name_en: Mapped[str]


class Level(Model):
    """One timed level. `blueprint` is [{topic, type, difficulty, count, points}]; the first three may be null.

    `exposure_cap`: the largest share of papers, in percent, on which one item should appear; null for no cap.
    """

    __tablename__ = "levels"
    __table_args__ = (
        UniqueConstraint("track_id", "position"),
        CheckConstraint("time_limit_s between 10 and 86400", name="time_limit"),
        CheckConstraint("reveal in ('never', 'after_submit', 'after_close')", name="reveal"),
        CheckConstraint("tries_total > 0 and tries_per_day > 0", name="tries"),
        CheckConstraint("exposure_cap between 1 and 100", name="exposure_cap"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey("tracks.id"))
    position: Mapped[int]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    blueprint: Mapped[list[Any]]
    time_limit_s: Mapped[int]
    pass_points: Mapped[int]
    tries_total: Mapped[int | None]
    tries_per_day: Mapped[int | None]
    opens_at: Mapped[datetime | None]
    reveal: Mapped[str] = mapped_column(default="after_submit")
    exposure_cap: Mapped[int | None]


class Participation(Model):
    """A person in a competition, with the path in the tree and the name of the moment of joining."""

    __tablename__ = "participations"
    __table_args__ = (
        UniqueConstraint("competition_id", "person_id"),
        Index("ix_participations_person_id", "person_id"),
        Index("ix_participations_path", "path", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str]
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    joined_at: Mapped[datetime]
    eligible: Mapped[bool] = mapped_column(default=True)


class Adjustment(Model):
    """More time for one person: a factor on the limit, or seconds added. A list on top of a base, never an overwrite.

    `level_id` null means every level; `attempt_id` set means that attempt alone. Append-only.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        CheckConstraint("kind in ('factor', 'extension')", name="kind"),
        CheckConstraint("(kind = 'factor') = (factor_percent is not null)", name="factor"),
        CheckConstraint("(kind = 'extension') = (seconds is not null)", name="seconds"),
        CheckConstraint("factor_percent between 100 and 400 and seconds between 1 and 86400", name="more"),
        Index("ix_adjustments_participation_id", "participation_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    participation_id: Mapped[int] = mapped_column(ForeignKey("participations.id"))
    level_id: Mapped[int | None] = mapped_column(ForeignKey("levels.id"))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("attempts.id"))
    kind: Mapped[str]
    factor_percent: Mapped[int | None]
    seconds: Mapped[int | None]
    why: Mapped[str]
    made_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]


class Attempt(Model):
    """One try at one level: the stored paper, its deadline, and after scoring its result.

    `paper` is [{version, options, points}]: the drawn question versions with their option order. `seed` is evidence.
    open -> closed -> scored, never back; `started_at` is written once and `deadline_at` only ever grows (A8).
    """

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("participation_id", "level_id", "number"),
        Index("uq_attempts_open", "participation_id", "level_id", unique=True, postgresql_where="state = 'open'"),
        Index("ix_attempts_unfinished", "deadline_at", postgresql_where="state <> 'scored'"),
        Index("ix_attempts_level_id", "level_id"),
        Index("ix_attempts_paper", "paper", postgresql_using="gin", postgresql_ops={"paper": "jsonb_path_ops"}),
        Index("ix_attempts_person_id", "person_id", "level_id"),
        CheckConstraint("state in ('open', 'closed', 'scored')", name="state"),
        CheckConstraint("close_reason in ('submitted', 'time_up', 'competition_closed')", name="close_reason"),
        CheckConstraint("(state = 'open') = (finished_at is null)", name="finished"),
        CheckConstraint("(state = 'scored') = (points is not null)", name="scored"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    participation_id: Mapped[int] = mapped_column(ForeignKey("participations.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    level_id: Mapped[int] = mapped_column(ForeignKey("levels.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")
    seed: Mapped[int]
    paper: Mapped[list[Any]]
    started_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    answers_hash: Mapped[str | None]
    rule_version: Mapped[int | None]
    marks: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    points: Mapped[int | None]
    max_points: Mapped[int]
    cleared: Mapped[bool | None]
    elapsed_ms: Mapped[int | None]


class Answer(Model):
    """The latest answer to one item of an attempt; `seq` decides which of two saves is later (A3).

    `value` is a list of option ids, a boolean, a text, or null for an answer taken back.
    """

    __tablename__ = "answers"
    __table_args__ = ({"postgresql_with": {"fillfactor": "70"}},)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    seq: Mapped[int]
    value: Mapped[Any | None] = mapped_column(JSONB)
    flagged: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[datetime]


class Standing(Model):
    """Where a participation stands: one row a track and one, with `track_id` null, for the whole competition.

    A stored fold over its scored attempts, always recomputed whole. `version` grows with every change, so that an older
    picture of it never replaces a newer one (L5). Order: levels cleared, points, elapsed_ms, reached_at.
    """

    __tablename__ = "standings"
    __table_args__ = (
        UniqueConstraint("participation_id", "track_id", postgresql_nulls_not_distinct=True),
        Index(
            "ix_standings_order",
            "competition_id",
            "track_id",
            text("levels_cleared desc"),
            text("points desc"),
            "elapsed_ms",
            "reached_at",
        ),
        Index("ix_standings_changed", "competition_id", "changed_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"))
    participation_id: Mapped[int] = mapped_column(ForeignKey("participations.id"))
    track_id: Mapped[int | None] = mapped_column(ForeignKey("tracks.id"))
    levels_cleared: Mapped[int]
    points: Mapped[int]
    elapsed_ms: Mapped[int]
    reached_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int]
