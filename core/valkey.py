"""The connection to Valkey: short timeouts and a breaker, because it only ever holds pictures of facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import redis
import structlog
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 0.25
PATIENT_TIMEOUT_SECONDS = 5.0

_patient: ContextVar[bool] = ContextVar("patient", default=False)
T = TypeVar("T")


class Away(Exception):
    """Valkey does not answer, or did not a moment ago: use PostgreSQL."""


def connect(app: Flask) -> None:
    """Give the application a client; connections open on first use.

    A connection that a restarted server has dropped is tried once more at once; nobody waits for a slow answer twice.

    Args:
        app: an application whose config holds REDIS_URL.
    """
    for name, seconds in (("valkey", TIMEOUT_SECONDS), ("valkey_patient", PATIENT_TIMEOUT_SECONDS)):
        app.extensions[name] = redis.Redis.from_url(
            app.config["REDIS_URL"],
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            decode_responses=False,
            protocol=3,
        )
    app.extensions["valkey_back_at"] = 0.0


def client() -> Any:
    """Return the current application's Valkey client."""
    return current_app.extensions["valkey"]


@contextmanager
def patience() -> Iterator[None]:
    """Within it, `ask` waits five seconds for an answer: for background work that nobody waits for."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


def ask(question: Callable[[Any], T]) -> T:
    """Ask Valkey; after a failure nobody in this process asks again for two seconds, so that nothing waits in line.

    Args:
        question: called with the client.

    Raises: Away when Valkey is down, slow, loading, read-only or still within the pause after such a failure.
    """
    extensions = current_app.extensions
    patient = _patient.get()
    if not patient and time.monotonic() < extensions["valkey_back_at"]:
        raise Away
    try:
        return question(extensions["valkey_patient" if patient else "valkey"])
    except redis.RedisError as error:
        if not patient:
            extensions["valkey_back_at"] = time.monotonic() + PAUSE_SECONDS
        log.warning("valkey_away", kind=type(error).__name__, said=str(error))
        raise Away from error
