"""Limits on how often, CSRF where a cookie speaks, the address behind a proxy, and logs without secrets."""

from __future__ import annotations

import functools
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import limits
import redis
import structlog
from flask import Flask, Response, current_app, make_response, request
from flask_login import current_user
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.middleware.proxy_fix import ProxyFix

from core import web
from core.errors import Refusal

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger(__name__)

RETRY_VALKEY_AFTER_S = 5.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
WITHOUT_COOKIE = ("bearer ", "attempt ")


class TooMany(Refusal):
    """Too often; `retry_after` says after how many seconds to try again."""

    code = "too_many_requests"
    status = 429


class Throttle:
    """Counts in Valkey so that all workers share them, and in this process while Valkey is away.

    It stands on the library limits alone: Flask-Limiter, its wrapper, adds three hooks to every request.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._shared = FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=client.connection_pool))
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def wait_s(self, rule: str, *key: str) -> int:
        """Count one use and return 0, or the seconds to wait when the limit is reached.

        Args:
            rule: such as "10/minute".
            key: what is counted, such as ("sign-in", phone index).
        """
        limit = limits.parse(rule)
        if time.monotonic() >= self._away_until:
            try:
                return _count(self._shared, limit, key)
            except redis.RedisError:
                self._away_until = time.monotonic() + RETRY_VALKEY_AFTER_S
                log.warning("limits_without_valkey")
        return _count(self._own, limit, key)


def _count(strategy: FixedWindowRateLimiter, limit: limits.RateLimitItem, key: tuple[str, ...]) -> int:
    if strategy.hit(limit, *key):
        return 0
    return max(1, round(strategy.get_window_stats(limit, *key).reset_time - time.time()))


def spend(name: str, rule: str, key: str) -> None:
    """Count one use of something limited.

    Args:
        name: what is used, e.g. "sign-in".
        rule: such as "10/minute".
        key: by whom: an account, a phone index, an address.

    Raises: TooMany with `retry_after` in seconds.
    """
    wait = current_app.extensions["throttle"].wait_s(rule, name, key)
    if wait:
        raise TooMany(retry_after=wait)


def address() -> str:
    """Return the address the request came from; a whole factory may share it."""
    return request.remote_addr or "unknown"


def account_or_address() -> str:
    """Return the key of the signed-in person, or of the address when nobody is."""
    if current_user.is_authenticated:
        return f"person:{current_user.person_id}"
    return f"address:{address()}"


def limited(name: str, rule: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Limit a view per account, or per address when nobody is signed in; other views pay nothing.

    Args:
        name: what is used, e.g. "export".
        rule: such as "30/hour".
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            spend(name, rule, account_or_address())
            return view(*args, **kwargs)

        return counted

    return decorate


def _on_too_many(refusal: TooMany) -> Response:
    response = make_response(web.refuse(429, refusal.code, **refusal.details))
    response.headers["Retry-After"] = str(refusal.details["retry_after"])
    return response


def _protect_from_forgery() -> None:
    """Ask for a CSRF token wherever a browser could send the cookie unasked.

    A page of another site cannot set the Authorization header, and with that header the cookie counts for nothing.
    """
    if request.method in SAFE_METHODS or not request.endpoint or not current_app.config["WTF_CSRF_ENABLED"]:
        return
    if request.headers.get("Authorization", "").lower().startswith(WITHOUT_COOKIE):
        return
    if web.wants_json() and current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return
    web.csrf.protect(apply_exemptions=True)


_SECRET_NAMES = re.compile(r"authorization|cookie|token|passw|secret|phone|id_number|card", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.])\+?\d(?:[ -]?\d){9,18}[xX]?(?!\w)")
_BEARER = re.compile(r"\b(bearer|attempt)\s+[\w.~+/=-]+", re.IGNORECASE)


def redact(value: Any) -> Any:
    """Take phone, ID and card numbers, tokens and passwords out of a log value (P4).

    Args:
        value: a text, a list, a mapping or anything else; only texts and secret names change.
    """
    if isinstance(value, str):
        return _BEARER.sub(r"\1 [hidden]", _DIGITS.sub("[number]", value))
    if isinstance(value, Mapping):
        return {key: "[hidden]" if _SECRET_NAMES.search(str(key)) else redact(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [redact(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**10:
        return "[number]"
    return value


def redact_entry(_: Any, __: str, entry: structlog.types.EventDict) -> structlog.types.EventDict:
    """Redact a whole log entry; a structlog processor."""
    return {key: "[hidden]" if _SECRET_NAMES.search(key) else redact(value) for key, value in entry.items()}


_PROCESSORS: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.format_exc_info,
    redact_entry,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(level: str) -> None:
    """Write every log line, ours and the libraries', as JSON on stderr, without secrets.

    Args:
        level: "DEBUG", "INFO", "WARNING" or "ERROR".
    """
    structlog.configure(
        processors=[*_PROCESSORS, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_PROCESSORS,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level="WARNING")


def prepare(app: Flask) -> None:
    """Fit the application with limits, CSRF protection and, behind a proxy, the client's real address.

    Args:
        app: an application whose Valkey client and CSRF extension are in place.
    """
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, SESSION_REFRESH_EACH_REQUEST=False)
    configure_logs(app.config["LOG_LEVEL"])
    app.extensions["throttle"] = Throttle(app.extensions["valkey"])
    app.before_request(_protect_from_forgery)
    app.register_error_handler(TooMany, _on_too_many)
    if hops := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
