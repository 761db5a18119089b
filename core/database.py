"""The database session, the one way to open a transaction, and the one way to lock a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import msgspec
import psycopg
import structlog
from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, BigInteger, DateTime, MetaData, QueuePool
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

_READERS = 8


def fetch_one(statement: LiteralString, values: Mapping[str, object]) -> tuple[Any, ...] | None:
    """Run one prepared read outside any transaction and return its first row: for paths that every request takes.

    It sees what is committed, not what the caller's session has pending. A connection that turns out to be dead is
    replaced once.

    Args:
        statement: SQL with %(name)s placeholders.
        values: their values.

    Raises: psycopg.Error.
    """
    readers = current_app.extensions.get("readers")
    if readers is None:
        url = db.engine.url
        readers = current_app.extensions.setdefault(
            "readers",
            QueuePool(lambda: _connect(url), pool_size=_READERS, max_overflow=0, reset_on_return=None, use_lifo=True),
        )
    for last in (False, True):
        held = readers.connect()
        try:
            row: tuple[Any, ...] | None = held.cursor().execute(statement, values, prepare=True).fetchone()
            return row
        except psycopg.OperationalError:
            held.invalidate()
            if last:
                raise
        finally:
            held.close()
    raise AssertionError("unreachable")


def _connect(url: URL) -> Any:
    return psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True, connect_timeout=3
    )


def close_readers() -> None:
    """Close the connections of `fetch_one`."""
    readers = current_app.extensions.pop("readers", None)
    if readers is not None:
        readers.dispose()


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
