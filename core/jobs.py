"""Background work: jobs live in PostgreSQL and are deferred inside the caller's transaction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import procrastinate
from flask import Flask, current_app
from procrastinate.tasks import Task

from core.database import db

jobs = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def task(**options: Any) -> Callable[[Callable[..., Any]], Task[Any, Any, Any]]:
    """Declare a job: the function runs in a thread of the worker with an application context and session of its own.

    Args:
        options: what `procrastinate.App.task` takes, e.g. name, queueing_lock, retry.
    """

    def declare(function: Callable[..., Any]) -> Task[Any, Any, Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with current_app._get_current_object().app_context():  # type: ignore[attr-defined]
                return function(*args, **kwargs)

        declared: Task[Any, Any, Any] = jobs.task(**options)(run)
        return declared

    return declare


def defer(job: Task[Any, Any, Any], **arguments: Any) -> None:
    """Put a job in the queue as part of the caller's transaction: no commit, no job.

    Args:
        job: a function declared with `@task`.
        arguments: its JSON arguments.
    """
    connection = db.session.connection().connection.dbapi_connection
    job.configure(connection=connection).defer(**arguments)


def run_worker(app: Flask) -> None:
    """Work on jobs and schedules until SIGINT or SIGTERM.

    Args:
        app: the application whose database holds the jobs.
    """
    url = str(app.config["SQLALCHEMY_DATABASE_URI"]).replace("postgresql+psycopg://", "postgresql://", 1)
    with app.app_context(), jobs.replace_connector(procrastinate.PsycopgConnector(conninfo=url)) as worker:
        worker.run_worker(concurrency=4, delete_jobs="successful", listen_notify=True)
