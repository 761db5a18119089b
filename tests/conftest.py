"""Real servers for every test: one PostgreSQL and one Valkey for the run, one database for each test process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from flask_migrate import upgrade

import config
from accounts.sessions import forget_sessions
from app import create_app
from core import valkey
from core.database import close_direct, db
from core.servers import Endpoints, Servers
from questions.queries import forget

hypothesis.settings.load_profile("ci")  # the same examples in every run, and no deadline that a busy machine misses


class Browser(FlaskClient):
    """A client whose every request starts with an empty `g`, as in production, also inside a test's own context."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request."""
        if has_app_context():
            vars(g._get_current_object()).clear()
        return super().open(*args, **kwargs)


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """The servers of this test process; each process starts its own, so that faults in one harm no other."""
    with tempfile.TemporaryDirectory(prefix="biwu-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder) / "state")
        try:
            yield servers.start()
        finally:
            servers.remove()


@pytest.fixture(scope="session")
def settings(endpoints: Endpoints) -> config.Settings:
    """Settings that name the test servers."""
    loaded = config.load({"STATE_DIR": tempfile.mkdtemp(prefix="biwu-test-"), "DEMO": "on"})
    return replace(loaded, database_url=endpoints.database_url, redis_url=endpoints.redis_url)


@pytest.fixture(scope="session")
def application(settings: config.Settings) -> Iterator[Flask]:
    """The application on a migrated, empty database."""
    with pytest.MonkeyPatch.context() as patience:  # an answer that a busy machine delays is no fault of Valkey
        patience.setattr(valkey, "TIMEOUT_SECONDS", valkey.PATIENT_TIMEOUT_SECONDS)
        app = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = Browser
    with app.app_context():
        upgrade("migrations")
        db.session.remove()
    yield app
    with app.app_context():
        close_direct()
        db.engine.dispose()
    app.extensions["valkey"].close()


@pytest.fixture(scope="session")
def superuser(settings: config.Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection that may do what the application must not: empty the append-only tables between tests."""
    address = settings.database_url.replace("postgresql+psycopg://biwu@", "postgresql://postgres@", 1)
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


_EMPTY = """
do $$ declare own text[]; t text; begin
    set local session_replication_role = replica;
    set local deadlock_timeout = '1min';
    select array_agg(format('%I.%I', schemaname, tablename)) into own
    from pg_tables where schemaname = 'public' and tablename <> 'alembic_version';
    execute 'lock table ' || array_to_string(own, ', ') || ' in share row exclusive mode';
    foreach t in array own loop
        execute 'delete from ' || t;
    end loop;
end $$
"""
"""What a server still writes for the test before is waited for, and gives way where the two wait for each other."""


@pytest.fixture
def app(application: Flask, superuser: psycopg.Connection[Any]) -> Iterator[Flask]:
    """The application inside a context, with empty tables, an empty Valkey and no memories before the test."""
    superuser.execute(_EMPTY)
    with application.app_context():
        application.extensions["valkey"].flushall()
        forget()
        forget_sessions()
        yield application
        db.session.remove()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser-like client that is not signed in."""
    return app.test_client()
