"""Background work: jobs live in PostgreSQL and are deferred inside the caller's transaction."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import procrastinate
import structlog
from flask import Flask, current_app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.tasks import Task

from core.database import db

HEARTBEAT_S = 2.0
STALLED_S = 10.0
MOST_TRIES = 5

log = structlog.get_logger(__name__)

_given_up: dict[str, Callable[..., None]] = {}

jobs = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
_queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""Puts jobs in the queue through the caller's connection; `jobs` itself has an asynchronous connector in a worker."""


def task(
    given_up: Callable[..., None] | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Task[Any, Any, Any]]:
    """Declare a job: the function runs in a thread of the worker with an application context and session of its own.

    Args:
        given_up: called with the job's arguments when it is given up, so that nobody waits for it any longer.
        options: what `procrastinate.App.task` takes, e.g. name, queueing_lock, retry.
    """

    def declare(function: Callable[..., Any]) -> Task[Any, Any, Any]:
        declared: Task[Any, Any, Any] = jobs.task(**options)(_in_context(function))
        if given_up is not None:
            _given_up[declared.name] = _in_context(given_up)
        return declared

    return declare


def _in_context(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with current_app._get_current_object().app_context():  # type: ignore[attr-defined]
            return function(*args, **kwargs)

    return run


def defer(job: Task[Any, Any, Any], lock: str | None = None, **arguments: Any) -> None:
    """Put a job in the queue as part of the caller's transaction: no commit, no job. Jobs may defer jobs.

    Args:
        job: a function declared with `@task`.
        lock: of the jobs with this lock at most one waits and one runs; the job's own locks when left out.
        arguments: its JSON arguments.

    Raises: procrastinate.exceptions.AlreadyEnqueued when one waits already; the transaction can then not go on.
    """
    _queue.configure_task(
        job.name,
        lock=lock or job.lock,
        queueing_lock=lock or job.queueing_lock,
        queue=job.queue,
        priority=job.priority,
        connection=db.session.connection().connection.dbapi_connection,
    ).defer(**arguments)


@jobs.periodic(cron="* * * * * */5")
@jobs.task(name="core.retry_stalled", queueing_lock="core.retry_stalled", pass_context=True)
async def retry_stalled(context: procrastinate.JobContext, timestamp: int) -> None:
    """Do again what a killed worker left undone: with its lock it would keep the next of its kind waiting for ever.

    What has stalled `MOST_TRIES` times most likely kills its workers itself, and is given up.
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        if job.attempts >= MOST_TRIES:
            log.error("job_given_up", job_id=job.id, task=job.task_name)
            if job.task_name in _given_up:
                await asyncio.to_thread(_given_up[job.task_name], **job.task_kwargs)
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            continue
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # the same work waits already
            await manager.finish_job(job, Status.FAILED, delete_job=True)


def run_worker(app: Flask) -> None:
    """Work on jobs and schedules until SIGINT or SIGTERM.

    Args:
        app: the application whose database holds the jobs.
    """
    url = str(app.config["SQLALCHEMY_DATABASE_URI"]).replace("postgresql+psycopg://", "postgresql://", 1)
    with app.app_context(), jobs.replace_connector(procrastinate.PsycopgConnector(conninfo=url)) as worker:
        worker.run_worker(
            concurrency=4,
            delete_jobs="successful",
            listen_notify=True,
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_S,
        )
