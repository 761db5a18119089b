"""One account with a real password, and browsers signed in to it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts import services
from accounts.models import Person
from core.database import transaction

PHONE, PASSWORD = "+8613800001234", "焊花很美 2026"


def make_account(phone: str = PHONE, name: str = "王小明") -> Person:
    """A person who can sign in with PASSWORD."""
    with transaction():
        return services.create_person(phone, PASSWORD, name)


def sign_in(app: Flask, phone: str = PHONE, password: str = PASSWORD) -> FlaskClient:
    """A new browser, signed in."""
    browser = app.test_client()
    assert browser.post("/login", data={"phone": phone, "password": password}).status_code == 303
    return browser


def is_signed_in(browser: FlaskClient) -> bool:
    """Whether the account page answers."""
    return browser.get("/me/account").status_code == 200


def json_of(reply: TestResponse) -> dict[str, Any]:
    """The JSON object of a reply."""
    found = reply.get_json()
    assert isinstance(found, dict)
    return found
