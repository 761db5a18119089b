"""For whoever runs Biwu: is it alive, is it ready, what is wrong and how to mend it; and the job worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import redis
import structlog
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock, jobs, valkey
from core.database import db

log = structlog.get_logger(__name__)
blueprint = Blueprint("operation", __name__)

SKEW_S = 1.0


@dataclass(frozen=True)
class Finding:
    """The verdict on one thing: `mend` says what to do when it is not well."""

    name: str
    well: bool
    found: str
    mend: str = ""


def _database() -> Finding:
    began = time.perf_counter()
    try:
        version = db.session.execute(text("show server_version")).scalar_one()
    except DBAPIError as error:
        return Finding("PostgreSQL", False, type(error.orig).__name__, "Start it, or correct DATABASE_URL.")
    return Finding("PostgreSQL", True, f"{version}, answers in {(time.perf_counter() - began) * 1000:.1f} ms")


def _durability() -> Finding:
    wrong = [
        name
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if db.session.execute(text(f"show {name}")).scalar_one() not in ("on", "remote_apply", "remote_write")
    ]
    found = "every commit reaches the disk" if not wrong else f"off: {', '.join(wrong)}"
    return Finding(
        "Durability", not wrong, found, "Set fsync, synchronous_commit and full_page_writes to on in postgresql.conf."
    )


def _migrations() -> Finding:
    config = Config()
    config.set_main_option("script_location", current_app.root_path + "/migrations")
    wanted = ScriptDirectory.from_config(config).get_current_head()
    exists = db.session.execute(text("select to_regclass('alembic_version')")).scalar_one()
    has = db.session.execute(text("select version_num from alembic_version")).scalar() if exists else None
    return Finding("Migrations", has == wanted, f"at {has}, newest is {wanted}", "Run: flask db upgrade")


def _skew() -> Finding:
    before = clock.now()
    there: datetime = db.session.execute(text("select clock_timestamp()")).scalar_one().astimezone(UTC)
    seconds = max(timedelta(), before - there, there - clock.now()).total_seconds()  # the way there takes time too
    return Finding(
        "Clock", seconds <= SKEW_S, f"{seconds:.3f} s apart from the database", "Let both hosts follow the same NTP."
    )


def _valkey() -> Finding:
    began = time.perf_counter()
    try:
        valkey.client().ping()
    except redis.RedisError as error:
        return Finding(
            "Valkey",
            False,
            type(error).__name__,
            "Start it, or correct REDIS_URL. Boards come from PostgreSQL meanwhile; nothing is lost.",
        )
    return Finding("Valkey", True, f"answers in {(time.perf_counter() - began) * 1000:.1f} ms")


def _worker() -> Finding:
    seen = db.session.execute(
        text("select extract(epoch from now() - max(last_heartbeat)) from procrastinate_workers")
    ).scalar()
    well = seen is not None and seen < 60
    return Finding(
        "Job worker",
        well,
        "never seen" if seen is None else f"seen {seen:.0f} s ago",
        "Start it: flask worker. Without it attempts are finalised only when read, and exports wait.",
    )


def _banks() -> Finding:
    in_use = text("select count(*) from questions where current_version_id is not null and state <> 'retired'")
    count = db.session.execute(in_use).scalar_one()
    return Finding("Questions", count > 0, f"{count} in use", "Run: flask questions load")


CHECKS: tuple[Callable[[], Finding], ...] = (_database, _durability, _migrations, _skew, _valkey, _worker, _banks)
"""What `flask doctor` looks at, in the order in which one thing rests on another."""


def examine(checks: tuple[Callable[[], Finding], ...] = CHECKS) -> list[Finding]:
    """Look at everything; after a lost database only Valkey is left to look at."""
    findings: list[Finding] = []
    for check in checks:
        if findings and not findings[0].well and check is not _valkey:
            continue
        findings.append(check())
        db.session.rollback()
    return findings


class UnsafeDatabase(Exception):
    """The database's settings or clock put acknowledged answers or deadlines at risk (O5)."""


def refuse_unsafe() -> None:
    """Refuse to serve on a database that may lose commits, or whose clock is off.

    A database that is away is no reason to refuse: its pages say so until it is back.

    Raises: UnsafeDatabase saying what is wrong and how to mend it.
    """
    try:
        wrong = [one for one in (_durability(), _skew()) if not one.well]
    except DBAPIError as error:
        log.warning("database_away_at_start", kind=type(error.orig).__name__)
        return
    finally:
        db.session.rollback()
    if wrong:
        raise UnsafeDatabase(" ".join(f"{one.name}: {one.found}. {one.mend}" for one in wrong))


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that this process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether people can be served: the database is there and migrated. Valkey may be away."""
    findings = examine((_database, _migrations, _valkey))
    ready = all(one.well for one in findings if one.name != "Valkey")
    return jsonify(status="ok" if ready else "unready", checks={one.name: one.well for one in findings}), (
        200 if ready else 503
    )


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what is wrong and how to mend it; the exit code is 1 when something is."""
    findings = examine()
    for one in findings:
        click.echo(f"{'ok  ' if one.well else 'BAD '} {one.name}: {one.found}")
        if not one.well:
            click.echo(f"     {one.mend}")
    if not all(one.well for one in findings):
        raise SystemExit(1)


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Work on jobs and schedules until stopped."""
    refuse_unsafe()
    jobs.run_worker(current_app._get_current_object())  # type: ignore[attr-defined]
