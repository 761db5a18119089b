"""The connection to Valkey: short timeouts, because it only ever holds pictures of facts."""

from __future__ import annotations

from typing import Any

import redis
from flask import Flask, current_app


def connect(app: Flask) -> None:
    """Give the application a client; connections open on first use.

    Args:
        app: an application whose config holds REDIS_URL.
    """
    app.extensions["valkey"] = redis.Redis.from_url(
        app.config["REDIS_URL"], socket_timeout=0.25, socket_connect_timeout=0.25, decode_responses=False, protocol=3
    )


def client() -> Any:
    """Return the current application's Valkey client."""
    return current_app.extensions["valkey"]
