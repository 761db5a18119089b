"""Reads for those who write and review questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from accounts.models import Person
from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from questions.models import Media, Question, QuestionNote, QuestionVersion
from questions.uses import figure_source

PAGE = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What the figures of the version in use must be; nothing means any.

    `lowest` and `below` bound the facility, 0 to 1; `light` is one of the laboratory's, or "key": probably a wrong key;
    `least` is how many first attempts there must be; with `none` there are none yet.
    """

    lowest: float | None = None
    below: float | None = None
    light: str = ""
    least: int = 0
    none: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions to list; empty means any. `banks` are organizations, None the shared bank; `topics` are codes.

    `measured` counts only where figures may be seen: None where they may not.
    """

    banks: Collection[int | None]
    trade: str = ""
    search: str = ""
    topics: Collection[str] = ()
    type: str = ""
    difficulty: int = 0
    state: str = ""
    author_id: int | None = None
    measured: Measured | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What first attempts say of the version in use: how many there are, the mean share of the points, 0 to 1, how well
    it goes with the rest of the paper, -100 to 100, and the laboratory's light."""

    n: int
    facility: float
    discrimination: float | None
    light: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A question with its latest version, the number of the one in use, its author's name and whose it is."""

    question: Question
    version: QuestionVersion
    current_number: int | None
    author: str
    owner: Organization | None
    figures: Figures | None = None


_Current = aliased(QuestionVersion)
_Latest = aliased(QuestionVersion)


def _in_banks(banks: Collection[int | None]) -> ColumnElement[bool]:
    own = Question.organization_id.in_([bank for bank in banks if bank is not None])
    return or_(own, Question.organization_id.is_(None)) if None in banks else own


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [_in_banks(wanted.banks)]
    if wanted.trade:
        found.append(Question.trade_code == wanted.trade)
    if wanted.topics:
        found.append(QuestionVersion.topic_code.in_(wanted.topics))
    if wanted.type:
        found.append(QuestionVersion.type == wanted.type)
    if wanted.difficulty:
        found.append(QuestionVersion.difficulty == wanted.difficulty)
    if wanted.state:
        found.append(Question.state == wanted.state)
    if wanted.author_id is not None:
        found.append(Question.author_id == wanted.author_id)
    for word in wanted.search.split():
        found.append(
            or_(
                QuestionVersion.stem["zh"].astext.icontains(word, autoescape=True),
                QuestionVersion.stem["en"].astext.icontains(word, autoescape=True),
                Question.code.icontains(word, autoescape=True),
            )
        )
    return found


def _listed() -> Any:
    return (
        select(Question, QuestionVersion, _Current.number, func.coalesce(Person.name, ""), Organization)
        .join(QuestionVersion, QuestionVersion.id == Question.latest_version_id)
        .outerjoin(_Current, _Current.id == Question.current_version_id)
        .outerjoin(Person, Person.id == Question.author_id)
        .outerjoin(Organization, Organization.id == Question.organization_id)
    )


ORDERS = ("newest", "hardest", "easiest", "weakest", "answered")
"""How a list may be ordered; all but the first only where figures may be seen."""


def _figures(wanted: Wanted) -> Any:
    """Return the table of figures, or None where they are not to be seen."""
    return figure_source[0].table().subquery("figures") if wanted.measured is not None and figure_source else None


def _measured(wanted: Measured, figures: Any) -> list[ColumnElement[bool]]:
    found = []
    if wanted.none:
        found.append(figures.n.is_(None))
    if wanted.lowest is not None:
        found.append(figures.facility >= wanted.lowest)
    if wanted.below is not None:
        found.append(figures.facility < wanted.below)
    if wanted.light:
        found.append(figures.reason == "key" if wanted.light == "key" else figures.light == wanted.light)
    if wanted.least:
        found.append(figures.n >= wanted.least)
    return found


def _filtered(statement: Any, wanted: Wanted, figures: Any) -> Any:
    """Keep of a statement over questions and their latest versions what is wanted."""
    statement = statement.where(*_conditions(wanted))
    if figures is None or wanted.measured is None:
        return statement
    joined = statement.outerjoin(figures, figures.c.version_id == Question.current_version_id)
    return joined.where(*_measured(wanted.measured, figures.c))


def list_questions(wanted: Wanted, page: int = 1, order: str = "newest") -> tuple[list[Listed], int]:
    """Return one page of questions, and how many there are on all of them.

    Args:
        wanted: which.
        page: from 1, of `PAGE` questions; one after the last has nothing and counts nothing.
        order: one of `ORDERS`; of equals the latest written first.
    """
    figures = _figures(wanted)
    statement = _filtered(_listed().add_columns(func.count().over()), wanted, figures)
    first = []
    if figures is not None:
        columns = figures.c
        statement = statement.add_columns(columns.n, columns.facility, columns.discrimination, columns.light)
        answered = columns.n.desc().nulls_last()
        first = {
            "hardest": [columns.facility.asc().nulls_last()],
            "easiest": [columns.facility.desc().nulls_last()],
            "weakest": [columns.discrimination.asc().nulls_last(), answered],
            "answered": [answered],
        }.get(order, [])
    rows = db.session.execute(
        statement.order_by(*first, QuestionVersion.created_at.desc(), Question.id).limit(PAGE).offset((page - 1) * PAGE)
    ).all()
    found = []
    for question, version, number, author, owner, _total, *known in rows:
        shown = Figures(*known) if known and known[0] is not None else None
        found.append(Listed(question, version, number, author, owner, shown))
    return found, rows[0][5] if rows else 0


def _whole(*columns: Any) -> Any:
    """Select from questions with their latest versions; where that is unfinished, the one in use stands for it."""
    last = case((_Latest.unfinished, Question.current_version_id), else_=Question.latest_version_id)
    return (
        select(*columns)
        .select_from(Question)
        .join(_Latest, _Latest.id == Question.latest_version_id)
        .join(QuestionVersion, QuestionVersion.id == last)
    )


def list_latest(wanted: Wanted) -> list[tuple[Question, QuestionVersion]]:
    """Return all whole questions wanted with their latest versions, by topic and then in the order they were made."""
    rows = db.session.execute(
        _whole(Question, QuestionVersion).where(*_conditions(wanted)).order_by(QuestionVersion.topic_code, Question.id)
    )
    return [(question, version) for question, version in rows]


def count_wanted(wanted: Wanted) -> int:
    """Count the whole questions wanted."""
    return db.session.scalar(_whole(func.count()).where(*_conditions(wanted))) or 0


def count_states(wanted: Wanted) -> dict[str, int]:
    """Return how many questions are in which state, whatever state `wanted` names."""
    counted = (
        select(Question.state, func.count())
        .select_from(Question)
        .join(QuestionVersion, QuestionVersion.id == Question.latest_version_id)
        .group_by(Question.state)
    )
    rows = db.session.execute(_filtered(counted, replace(wanted, state=""), _figures(wanted)))
    return {state: count for state, count in rows}  # noqa: C416 - dict() of rows is not typed


def list_waiting(banks: Collection[int | None], person_id: int) -> tuple[list[Listed], int]:
    """Return the submitted questions that somebody may judge, the longest waiting first, and how many there are.

    Args:
        banks: whose questions.
        person_id: the reviewer; what they wrote themselves is for others.
    """
    written, in_use = aliased(QuestionVersion), aliased(QuestionVersion)
    approved = (
        select(in_use.number).where(in_use.id == Question.current_version_id).correlate(Question).scalar_subquery()
    )
    own = exists().where(
        written.question_id == Question.id,
        written.created_by == person_id,
        written.number > func.coalesce(approved, 0),
    )
    conditions = [
        _in_banks(banks),
        Question.state == "submitted",
        Question.author_id.is_distinct_from(person_id),
        ~own,
    ]
    total = db.session.scalar(select(func.count()).select_from(Question).where(*conditions)) or 0
    submitted = (
        select(func.max(QuestionNote.id))
        .where(QuestionNote.question_id == Question.id, QuestionNote.kind == "submitted")
        .scalar_subquery()
    )
    rows = db.session.execute(_listed().where(*conditions).order_by(submitted, Question.id).limit(PAGE))
    return [Listed(*row) for row in rows], total


def list_returned(person_id: int) -> list[Listed]:
    """Return the drafts of an author that a reviewer has sent back, the latest first."""
    last = (
        select(QuestionNote.kind)
        .where(QuestionNote.question_id == Question.id, QuestionNote.kind.in_(("submitted", "returned", "approved")))
        .order_by(QuestionNote.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = db.session.execute(
        _listed()
        .where(Question.state == "draft", Question.author_id == person_id, last == "returned")
        .order_by(QuestionVersion.created_at.desc(), Question.id)
        .limit(PAGE)
    )
    return [Listed(*row) for row in rows]


def list_offered() -> list[Listed]:
    """Return what organizations offer to the shared bank, the longest waiting first."""
    rows = db.session.execute(
        _listed()
        .where(Question.offered_at.is_not(None), Question.organization_id.is_not(None), Question.state == "approved")
        .order_by(Question.offered_at, Question.id)
        .limit(PAGE)
    )
    return [Listed(*row) for row in rows]


def get_listed(question_id: int) -> Listed:
    """Return a question with what a list shows of it. Raises: NotFound."""
    row = db.session.execute(_listed().where(Question.id == question_id)).first()
    if row is None:
        raise NotFound(what="Question")
    return Listed(*row)


def place_of(version: QuestionVersion) -> int:
    """Return the place of a version in its case, 0 where nobody has given it one."""
    return int((version.case_group or {}).get("place", 0))


def list_case(code: str, bank: int | None) -> list[Listed]:
    """Return the questions of a case in their order, at the end those that were taken out but are in use in it still.

    Args:
        code: of the case.
        bank: the organization whose bank it is in; None for the shared bank.
    """
    latest, current = QuestionVersion.case_group["code"].astext, _Current.case_group["code"].astext
    rows = db.session.execute(
        _listed().where(or_(latest == code, current == code), Question.state != "retired", _in_banks({bank}))
    )
    found = [Listed(*row) for row in rows]
    return sorted(
        found,
        key=lambda one: (
            (one.version.case_group or {}).get("code") != code,
            place_of(one.version),
            one.question.id,
        ),
    )


def find_by_code(code: str, trade_code: str, bank: int | None) -> Question | None:
    """Return the question of a trade and a bank with a code, or None; `bank` as for `list_case`."""
    return db.session.scalar(
        select(Question).where(Question.code == code, Question.trade_code == trade_code, _in_banks({bank}))
    )


def count_case_texts(code: str) -> int:
    """Return in how many different texts and pictures the questions in use of a case tell it."""
    text = QuestionVersion.case_group.op("-", return_type=JSONB())(literal("place", String()))
    return (
        db.session.scalar(
            select(func.count(text.distinct()))
            .join(Question, Question.current_version_id == QuestionVersion.id)
            .where(QuestionVersion.case_group["code"].astext == code)
        )
        or 0
    )


def get_latest(question: Question) -> QuestionVersion:
    """Return the latest version of a question. Raises: NotFound."""
    version = db.session.get(QuestionVersion, question.latest_version_id) if question.latest_version_id else None
    if version is None:
        raise NotFound(what="QuestionVersion")
    return version


@dataclass(frozen=True, slots=True)
class Written:
    """A version and the name of who wrote it; empty for one that came with a bank file."""

    version: QuestionVersion
    writer: str


def list_versions(question_id: int) -> list[Written]:
    """Return all versions of a question, the latest first."""
    rows = db.session.execute(
        select(QuestionVersion, func.coalesce(Person.name, ""))
        .outerjoin(Person, Person.id == QuestionVersion.created_by)
        .where(QuestionVersion.question_id == question_id)
        .order_by(QuestionVersion.number.desc())
    )
    return [Written(*row) for row in rows]


def list_writers(question_id: int, after: int | None = None) -> set[int | None]:
    """Return who wrote versions of a question.

    Args:
        question_id: the question.
        after: the id of a version; only those written after it count. None for all.
    """
    wanted = select(QuestionVersion.created_by).where(QuestionVersion.question_id == question_id)
    if after is not None:
        number = select(QuestionVersion.number).where(QuestionVersion.id == after).scalar_subquery()
        wanted = wanted.where(QuestionVersion.number > number)
    return set(db.session.scalars(wanted))


@dataclass(frozen=True, slots=True)
class Noted:
    """A note, who left it, and on which version."""

    note: QuestionNote
    person: str
    number: int | None


def list_notes(question_id: int) -> list[Noted]:
    """Return what was said of a question and done to it, the latest first."""
    rows = db.session.execute(
        select(QuestionNote, Person.name, QuestionVersion.number)
        .join(Person, Person.id == QuestionNote.person_id)
        .outerjoin(QuestionVersion, QuestionVersion.id == QuestionNote.version_id)
        .where(QuestionNote.question_id == question_id)
        .order_by(QuestionNote.id.desc())
    )
    return [Noted(*row) for row in rows]


def last_note(question_id: int, kinds: Sequence[str]) -> Noted | None:
    """Return the latest note of some kinds, or None."""
    return next((noted for noted in list_notes(question_id) if noted.note.kind in kinds), None)


def count_in_use(trade_code: str) -> dict[str, int]:
    """Return how many questions of a trade's shared bank are in use by topic."""
    rows = db.session.execute(
        select(QuestionVersion.topic_code, func.count())
        .join(Question, and_(Question.current_version_id == QuestionVersion.id, Question.state != "retired"))
        .where(Question.trade_code == trade_code, Question.organization_id.is_(None))
        .group_by(QuestionVersion.topic_code)
    )
    return {code: count for code, count in rows}  # noqa: C416 - dict() of rows is not typed


def find_mime(sha256: str) -> str | None:
    """Return the type of a kept image or sound, or None."""
    return db.session.scalar(select(Media.mime).where(Media.sha256 == sha256))
