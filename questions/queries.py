"""Reading the question bank."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, or_, select

from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from questions.models import Media, Question, QuestionVersion, Topic, Trade
from questions.rules import Bank, Version

BANK_SECONDS = 5.0

_versions: dict[int, Version] = {}
Part = Literal["all", "open", "reserved"]
"""Of a bank: every question, those that anybody may practise, or those kept for official use."""

_banks: dict[tuple[str, int | None, Part], tuple[float, Bank]] = {}
_loading = threading.Lock()


def list_trades() -> list[Trade]:
    """Return all trades in the order in which they are shown."""
    return list(db.session.scalars(select(Trade).order_by(Trade.position)))


def list_topics(trade_code: str) -> list[Topic]:
    """Return the topics of a trade in the order in which they are shown."""
    return list(db.session.scalars(select(Topic).where(Topic.trade_code == trade_code).order_by(Topic.position)))


def list_leaves(trade_code: str) -> dict[str, dict[str, str]]:
    """Return the topics of a trade that have none under them, those that questions belong to: code to {zh, en}."""
    topics = list_topics(trade_code)
    above = {topic.parent_code for topic in topics}
    return {topic.code: {"zh": topic.name_zh, "en": topic.name_en} for topic in topics if topic.code not in above}


def find_trade(code: str | None) -> Trade | None:
    """Return a trade by its code, or None."""
    return db.session.get(Trade, code) if code else None


def _version(row: QuestionVersion) -> Version:
    return Version(
        id=row.id,
        type=row.type,
        topic=row.topic_code,
        difficulty=row.difficulty,
        stem=row.stem,
        options=tuple(row.options),
        key=row.key,
        explanation=row.explanation,
        source=row.source,
        prompts=tuple(row.prompts),
        variables=row.variables,
        media=tuple(row.media),
        case=row.case_group,
        question_id=row.question_id,
    )


def get_versions(ids: Collection[int]) -> dict[int, Version]:
    """Return question versions by id. They never change, so each is read once a process."""
    missing = [id_ for id_ in ids if id_ not in _versions]
    if missing:
        for row in db.session.scalars(select(QuestionVersion).where(QuestionVersion.id.in_(missing))):
            _versions[row.id] = _version(row)
    return {id_: _versions[id_] for id_ in ids}


def get_bank(trade_code: str, organization_id: int | None = None, part: Part = "all") -> Bank:
    """Return the questions of a trade that may be drawn, at most `BANK_SECONDS` old.

    Args:
        trade_code: the trade.
        organization_id: whose own bank is added to the shared one; None for the shared one alone.
        part: which of them; what is kept for official use is drawn for the node whose bank it is in alone, the shared
            bank's for a root: whoever runs a competition elsewhere could read it there.
    """
    key = (trade_code, organization_id, part)
    found = _banks.get(key)
    if found and time.monotonic() - found[0] < BANK_SECONDS:
        return found[1]
    with _loading:
        found = _banks.get(key)
        if found and time.monotonic() - found[0] < BANK_SECONDS:
            return found[1]
        ids = db.session.scalars(
            select(Question.current_version_id).where(
                Question.trade_code == trade_code,
                Question.current_version_id.is_not(None),
                Question.state != "retired",
                or_(Question.organization_id.is_(None), Question.organization_id == organization_id),
                _in_part(part, organization_id),
            )
        )
        versions = get_versions([id_ for id_ in ids if id_ is not None])
        parents = {topic.code: topic.parent_code for topic in list_topics(trade_code) if topic.parent_code}
        bank = found[1] if found else None
        if bank is None or bank.parents != parents or {version.id for version in bank.versions} != set(versions):
            bank = Bank(versions.values(), parents)
        _banks[key] = (time.monotonic(), bank)
        return bank


def _in_part(part: Part, organization_id: int | None) -> ColumnElement[bool]:
    is_root = exists().where(Organization.id == organization_id, Organization.parent_id.is_(None))
    own = or_(Question.organization_id == organization_id, and_(Question.organization_id.is_(None), is_root))
    parts = {
        "open": Question.reserved.is_(False),
        "reserved": and_(Question.reserved, own),
        "all": or_(Question.reserved.is_(False), own),
    }
    return parts[part]


def get_media(sha256: str) -> Media:
    """Return an image or a sound. Raises: NotFound."""
    found = db.session.get(Media, sha256)
    if found is None:
        raise NotFound(what="media")
    return found


def forget() -> None:
    """Forget what was read, because the database behind it was emptied or replaced."""
    _versions.clear()
    _banks.clear()
