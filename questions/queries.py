"""Reading the question bank."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

from sqlalchemy import select

from core.database import db
from questions.models import Question, QuestionVersion, Topic, Trade
from questions.rules import Bank, Version

BANK_SECONDS = 5.0

_versions: dict[int, Version] = {}
_banks: dict[str, tuple[float, Bank]] = {}
_loading = threading.Lock()


def list_trades() -> list[Trade]:
    """Return all trades in the order in which they are shown."""
    return list(db.session.scalars(select(Trade).order_by(Trade.position)))


def list_topics(trade_code: str) -> list[Topic]:
    """Return the topics of a trade in the order in which they are shown."""
    return list(db.session.scalars(select(Topic).where(Topic.trade_code == trade_code).order_by(Topic.position)))


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
    )


def get_versions(ids: Collection[int]) -> dict[int, Version]:
    """Return question versions by id. They never change, so each is read once a process."""
    missing = [id_ for id_ in ids if id_ not in _versions]
    if missing:
        for row in db.session.scalars(select(QuestionVersion).where(QuestionVersion.id.in_(missing))):
            _versions[row.id] = _version(row)
    return {id_: _versions[id_] for id_ in ids}


def get_bank(trade_code: str) -> Bank:
    """Return the published questions of a trade, at most `BANK_SECONDS` old."""
    found = _banks.get(trade_code)
    if found and time.monotonic() - found[0] < BANK_SECONDS:
        return found[1]
    with _loading:
        found = _banks.get(trade_code)
        if found and time.monotonic() - found[0] < BANK_SECONDS:
            return found[1]
        ids = list(
            db.session.scalars(
                select(Question.current_version_id).where(
                    Question.trade_code == trade_code, Question.state == "published"
                )
            )
        )
        versions = get_versions([id_ for id_ in ids if id_ is not None])
        bank = found[1] if found and {v.id for v in found[1].versions} == set(versions) else Bank(versions.values())
        _banks[trade_code] = (time.monotonic(), bank)
        return bank


def forget() -> None:
    """Forget what was read, because the database behind it was emptied or replaced."""
    _versions.clear()
    _banks.clear()
