"""What is kept for a time only, and what is not touched."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from accounts.models import LoginSession
from core import clock, retention
from core.database import db
from core.models import Export
from questions.models import QuestionImport, Trade
from tests import factories as make

NOW = datetime(2026, 11, 24, 19, 30, tzinfo=clock.now().tzinfo)
OLD, NEW = NOW - timedelta(days=91), NOW - timedelta(days=89)
FAR = NOW + timedelta(days=30)


def fill(at: datetime) -> None:
    """One of each kind that was done with at a moment, and one of each that is not done with."""
    person = make.make_person(make.make_organization())
    make.make_session(person, "cookie", f"ended {at}", ended_at=at, expires_at=FAR)
    make.make_session(person, "cookie", f"expired {at}", expires_at=at)
    make.make_session(person, "cookie", f"live since {at}", created_at=at, expires_at=FAR)
    for state, finished in (("done", at), ("running", None)):
        db.session.add(
            Export(
                kind="ranking", params={}, requested_by=person.id, requested_at=at, state=state, finished_at=finished
            )
        )
    for state in ("checked", "done"):
        db.session.add(
            QuestionImport(trade_code="welding", filename="a.txt", settings={}, report={}, state=state, created_at=at)
        )
    db.session.commit()


def counts() -> list[int]:
    models = (LoginSession, Export, QuestionImport)
    return [db.session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


@pytest.fixture
def filled(app: Flask) -> Flask:
    make.make_bank()
    assert db.session.get(Trade, "welding")
    fill(OLD)
    fill(NEW)
    return app


def test_what_was_done_with_longer_ago_than_the_setting_says_is_deleted_and_nothing_else(
    filled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counts() == [6, 4, 4]
    monkeypatch.setattr(retention, "BATCH", 1)
    assert retention.delete_stale(NOW) == {"exports": 1, "login_sessions": 2, "question_imports": 1}
    assert counts() == [4, 3, 3]
    assert retention.delete_stale(NOW) == {"exports": 0, "login_sessions": 0, "question_imports": 0}


def test_the_command_deletes_at_once_and_says_what(filled: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setitem(filled.config, "KEEP_DAYS", 80)
    told = filled.test_cli_runner().invoke(args=["delete-stale"])
    assert "login_sessions: 4 deleted" in told.output
