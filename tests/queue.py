"""The real queue, worked off inside a test."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import procrastinate
from flask import Flask

from core import jobs
from core.database import db

T = TypeVar("T")


def connector(app: Flask) -> procrastinate.PsycopgConnector:
    """The queue of an application, as its worker opens it."""
    url = str(app.config["SQLALCHEMY_DATABASE_URI"]).replace("postgresql+psycopg://", "postgresql://", 1)
    return procrastinate.PsycopgConnector(conninfo=url)


def beside_the_browser(action: Callable[[], T]) -> T:
    """Do what starts an event loop, in a thread: in this one the browser of earlier tests keeps its own running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(contextvars.copy_context().run, action).result()


def work_off(app: Flask) -> None:
    """Do what waits in the queue until it is empty, as the worker does."""
    db.session.rollback()
    with jobs.jobs.replace_connector(connector(app)) as worker:
        beside_the_browser(
            lambda: worker.run_worker(wait=False, install_signal_handlers=False, listen_notify=False, concurrency=1)
        )
    db.session.expire_all()
