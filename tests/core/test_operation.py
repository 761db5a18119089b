"""What an operator is told, and what is refused before it can do harm (O5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy.exc import OperationalError

from core import operation
from core.database import db
from tests.factories import make_bank


@pytest.fixture
def loosened(app: Flask, superuser: psycopg.Connection[Any]) -> Iterator[None]:
    """A database whose commits no longer wait for the disk."""
    name = sql.Identifier(db.engine.url.database or "")
    superuser.execute(sql.SQL("alter database {} set synchronous_commit = off").format(name))
    db.session.remove()
    db.engine.dispose()
    yield
    superuser.execute(sql.SQL("alter database {} reset synchronous_commit").format(name))
    db.session.remove()
    db.engine.dispose()


def test_o5_a_database_that_may_lose_commits_is_refused_with_the_mend(loosened: None) -> None:
    with pytest.raises(operation.UnsafeDatabase, match="synchronous_commit"):
        operation.refuse_unsafe()


def test_o5_a_clock_more_than_a_second_off_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    operation.refuse_unsafe()
    monkeypatch.setattr(operation, "SKEW_S", -1.0)
    with pytest.raises(operation.UnsafeDatabase, match="NTP"):
        operation.refuse_unsafe()


def test_a_database_that_is_away_is_no_reason_to_refuse(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> operation.Finding:
        raise OperationalError("select 1", {}, psycopg.OperationalError())

    monkeypatch.setattr(operation, "_durability", away)
    operation.refuse_unsafe()


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(app: Flask) -> None:
    told = app.test_cli_runner().invoke(args=["doctor"])
    assert told.exit_code == 1
    assert "BAD  Questions: 0 in use" in told.output
    assert "Run: flask questions load" in told.output
    make_bank()
    assert "ok   Questions: 10 in use" in app.test_cli_runner().invoke(args=["doctor"]).output


def test_health_and_readiness_answer_without_a_person(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["checks"]) == (
        200,
        {"Migrations": True, "PostgreSQL": True, "Valkey": True},
    )
