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
from psycopg.types.json import set_json_loads
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
        "max_overflow": 4,
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

T = TypeVar("T")

BY_KEY = "-c statement_timeout=5000 -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
"""For connections that run few prepared statements, all by key: one plan each, and never one that reads whole tables
because they were small when it was made. Measured on saves: 35 us of the database's time each instead of 150."""

_POOL = "direct_connections"
_POOL_SIZE = 12


def _pool() -> QueuePool:
    pool: QueuePool | None = current_app.extensions.get(_POOL)
    if pool is None:
        url = db.engine.url
        pool = QueuePool(
            lambda: _connect(url), pool_size=_POOL_SIZE, max_overflow=0, reset_on_return=None, use_lifo=True
        )
        current_app.extensions[_POOL] = pool
    return pool


def _connect(url: URL) -> Any:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address, autocommit=True, options=BY_KEY, connect_timeout=3)
    set_json_loads(msgspec.json.decode, connection)
    return connection


def close_direct() -> None:
    """Close the connections that `fetch_one` and `direct` keep; the next use opens others."""
    pool = current_app.extensions.pop(_POOL, None)
    if pool is not None:
        pool.dispose()


@contextmanager
def _held() -> Iterator[psycopg.Connection[Any]]:
    held = _pool().connect()
    try:
        yield held.dbapi_connection  # type: ignore[misc]
    except psycopg.OperationalError:
        held.invalidate()
        close_direct()  # whatever cut this connection has most likely cut its neighbours
        raise
    finally:
        held.close()


def again_if_lost(work: Callable[[], T]) -> T:
    """Do something that may be repeated, and once more when its connection turned out to be dead.

    Raises: psycopg.OperationalError when the database stays away.
    """
    try:
        return work()
    except psycopg.OperationalError:
        return work()


def fetch_all(statement: LiteralString, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """Run one prepared read outside any transaction and return its rows: for paths that every request takes.

    It sees what is committed, not what the caller's session has pending.

    Args:
        statement: SQL with %(name)s placeholders.
        values: their values.

    Raises: psycopg.Error.
    """

    def read() -> list[tuple[Any, ...]]:
        with _held() as connection:
            return connection.execute(statement, values, prepare=True).fetchall()

    return again_if_lost(read)


def fetch_one(statement: LiteralString, values: Mapping[str, object]) -> tuple[Any, ...] | None:
    """Do what `fetch_all` does and return the first row, or None."""
    rows = fetch_all(statement, values)
    return rows[0] if rows else None


def release() -> None:
    """End the session's reading, so that nobody waits for others while holding one of its connections.

    Raises: RuntimeError when the session has changed rows: that is a use case of its own.
    """
    if db.session.registry.has():
        if db.session.new or db.session.dirty or db.session.deleted:
            raise RuntimeError("release() inside a use case that has changed rows through the session")
        db.session.rollback()


@contextmanager
def direct() -> Iterator[Callable[[LiteralString, Mapping[str, object]], psycopg.Cursor[Any]]]:
    """Run one use case in a transaction of its own, past the session: for the few that thousands wait for.

    Yields a function that sends one prepared statement without waiting for the reply of the one before; reading a
    cursor waits. Commits at the end, rolls back on any error. A cursor may be read after the end. The session must have
    nothing pending; its own transaction ends here, so that nobody waits for one pool while holding the other, and what
    it remembers of rows is read anew afterwards.

    Raises: psycopg.Error; with OperationalError the outcome is unknown.
    """
    release()
    try:
        with _held() as connection, connection.pipeline(), connection.transaction():
            yield lambda statement, values: connection.execute(statement, values, prepare=True)
    finally:
        if db.session.registry.has():
            db.session.expire_all()


Record = Callable[[object], None]
Subscriber = Callable[[Any], None]
Row = TypeVar("Row", bound=Base)

subscriptions: dict[type, list[Subscriber]] = {}


_AFTER = "after_commit"


def after_commit(action: Callable[[], None]) -> None:
    """Have something done once the caller's transaction is committed, before its events; not at all when it is not.

    Args:
        action: quick and sure to work; what may fail is an event.
    """
    db.session.info.setdefault(_AFTER, []).append(action)


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
        db.session.info.pop(_AFTER, None)
        db.session.rollback()
        raise
    for action in db.session.info.pop(_AFTER, []):
        action()
    publish(*events)


def publish(*events: object) -> None:
    """Tell subscribers what is committed; a failing one is logged, never raised, because the facts are already true.

    Args:
        events: what happened.
    """
    for event in events:
        for subscriber in subscriptions.get(type(event), []):
            try:
                subscriber(event)
            except Exception:
                log.exception("subscriber_failed", event_type=type(event).__name__, subscriber=subscriber.__qualname__)


def lock(model: type[Row], key: object) -> Row:
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
