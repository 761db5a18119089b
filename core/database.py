"""The database session, the one way to open a transaction, and the one way to lock a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, registry

from core.errors import NotFound

log = structlog.get_logger(__name__)


class Base(DeclarativeBase):
    """The root of every table: aware times, bigints, jsonb, and constraint names that migrations can rely on."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: DateTime(timezone=True),
            int: BigInteger,
            dict[str, Any]: JSONB,
            list[Any]: JSONB,
        },
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


db = SQLAlchemy(
    model_class=Base,
    engine_options={
        "pool_size": 16,
        "max_overflow": 8,
        "pool_pre_ping": False,
        "hide_parameters": True,  # errors reach the log, personal data must not (P4)
        "json_serializer": _json,
        "json_deserializer": msgspec.json.decode,
    },
)

if TYPE_CHECKING:

    class Model(Base):
        """What tables inherit."""

        __abstract__ = True

else:
    Model = db.Model

Record = Callable[[object], None]
Subscriber = Callable[[Any], None]
T = TypeVar("T", bound=Base)

subscriptions: dict[type, list[Subscriber]] = {}


@contextmanager
def transaction() -> Iterator[Record]:
    """Run one use case: commit at the end, roll back on any error, then publish what was recorded.

    Yields a function that records an event. Subscribers run after the commit; a failing one is logged, never raised,
    because the facts are already true.
    """
    events: list[object] = []
    try:
        yield events.append
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    for event in events:
        for subscriber in subscriptions.get(type(event), []):
            try:
                subscriber(event)
            except Exception:
                log.exception("subscriber_failed", event_type=type(event).__name__, subscriber=subscriber.__qualname__)


def lock(model: type[T], key: object) -> T:
    """Lock one row until the transaction ends and return it as it is now, not as the session remembers it.

    Args:
        model: the table's class.
        key: its primary key.

    Raises: NotFound when there is no such row.
    """
    row = db.session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(what=model.__name__)
    return row
