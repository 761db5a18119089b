"""The demo event with sixty people behind the test servers, and one signed-in browser for each log-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

import demo
from demo.services import make
from questions.queries import forget
from questions.services import load_banks

ROLES = {
    "worker": demo.WORKER,
    "enterprise_admin": demo.ADMIN,
    "organizer": demo.ORGANIZER,
    "finance": demo.FINANCE_A,
    "auditor": demo.AUDITOR,
    "question_author": demo.AUTHOR,
    "question_reviewer": demo.REVIEWER,
}


@contextmanager
def filled(application: Flask) -> Iterator[Flask]:
    """The application on the demo event."""
    with application.app_context():
        application.extensions["valkey"].flushall()
        forget()
        load_banks(Path("content"))
        make(60, lambda line: None)
        yield application


def browser_of(app: Flask, role: str) -> FlaskClient:
    """A browser that has signed in on the log-in page."""
    browser = app.test_client()
    log_in = demo.LOGINS[ROLES[role]]
    reply = browser.post("/login", data={"phone": log_in.phone, "password": log_in.password})
    assert reply.status_code == 303, reply.text
    return browser
