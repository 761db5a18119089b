"""Deleting what is kept for a time only: ended sessions, files made for somebody, files that were never imported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import click
import structlog
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import ColumnElement, delete, select

from core import clock
from core.database import db, transaction
from core.jobs import jobs, task

BATCH = 1000

log = structlog.get_logger(__name__)

Stale = Callable[[datetime], ColumnElement[bool]]
"""Says which rows are done with since before a moment, aware UTC."""

_stale: dict[Any, Stale] = {}


def register(model: Any, stale: Stale) -> None:
    """Make rows known that are kept for a time only; called once, when their package is imported.

    Args:
        model: a table with an `id` that nothing refers to.
        stale: which of its rows may go.
    """
    _stale[model] = stale


def delete_stale(now: datetime) -> dict[str, int]:
    """Delete what was done with more than KEEP_DAYS ago, a batch a transaction; return how many rows of each table.

    Args:
        now: aware UTC.
    """
    before = now - timedelta(days=current_app.config["KEEP_DAYS"])
    deleted = {}
    for model, stale in _stale.items():
        total, last = 0, BATCH
        while last == BATCH:
            with transaction():
                some = select(model.id).where(stale(before)).limit(BATCH).with_for_update(skip_locked=True)
                last = db.session.execute(delete(model).where(model.id.in_(some))).rowcount  # type: ignore[attr-defined]
            total += last
        deleted[model.__tablename__] = total
    log.info("stale_deleted", **deleted)
    return deleted


@jobs.periodic(cron="30 19 * * *")
@task(name="core.delete_stale", queueing_lock="core.delete_stale")
def run_daily(timestamp: int) -> None:
    """Delete once a day, while China sleeps."""
    delete_stale(clock.now())


@click.command("delete-stale")
@with_appcontext
def command() -> None:
    """Delete ended sessions, old exports and abandoned imports now; the job worker does it daily."""
    for table, count in delete_stale(clock.now()).items():
        click.echo(f"{table}: {count} deleted")
