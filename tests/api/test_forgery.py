"""Requests that another site makes a browser send: refused where a cookie speaks, and nowhere else (P1)."""

from __future__ import annotations

import re
import secrets

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories as make
from tests.accounts.helpers import PASSWORD, PHONE, make_account


@pytest.fixture
def protected(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    return app


def token_on(browser: FlaskClient, page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(page).text)
    assert found
    return found[1]


@pytest.fixture
def signed_in(protected: Flask) -> FlaskClient:
    """A browser with the cookie of a person."""
    make_account()
    browser = protected.test_client()
    data = {"phone": PHONE, "password": PASSWORD, "csrf_token": token_on(browser, "/login")}
    assert browser.post("/login", data=data).status_code == 303
    return browser


UNSAFE = (
    ("PUT", "/api/v1/competitions/1/participation", 404),
    ("POST", "/api/v1/levels/1/attempts", 404),
    ("POST", "/api/v1/attempts/1/submission", 404),
    ("DELETE", "/api/v1/sessions/current", 204),
)
"""Unsafe routes and what they answer to somebody who may ask."""


@pytest.mark.parametrize(("method", "path", "answer"), UNSAFE)
def test_p1_a_call_with_the_cookie_alone_is_refused_and_with_the_token_accepted(
    signed_in: FlaskClient, method: str, path: str, answer: int
) -> None:
    token = token_on(signed_in, "/me/account")
    for headers in ({}, {"X-CSRFToken": "forged"}, {"X-CSRFToken": token[:-2]}):
        refused = signed_in.open(path, method=method, headers=headers)
        assert (refused.status_code, refused.get_json()) == (400, {"error": "csrf_failed", "details": {}})
    assert signed_in.get("/api/v1/me").status_code == 200
    assert signed_in.open(path, method=method, headers={"X-CSRFToken": token}).status_code == answer


@pytest.mark.parametrize(("method", "path", "answer"), UNSAFE)
def test_p1_a_bearer_needs_no_token(protected: Flask, method: str, path: str, answer: int) -> None:
    bearer = secrets.token_urlsafe()
    make.make_session(make.make_person(make.make_organization()), token=bearer)
    browser = protected.test_client()
    assert browser.open(path, method=method, headers={"Authorization": f"Bearer {bearer}"}).status_code == answer


def test_p1_a_header_beside_the_cookie_switches_the_cookie_off_with_the_protection(signed_in: FlaskClient) -> None:
    for scheme in ("Bearer", "bearer", "Attempt"):
        reply = signed_in.delete("/api/v1/sessions/current", headers={"Authorization": f"{scheme} nonsense"})
        assert reply.status_code == 401
    assert signed_in.get("/api/v1/me").status_code == 200


def test_p1_the_planted_bug_of_an_api_without_the_protection_is_caught(
    signed_in: FlaskClient, protected: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_on(signed_in, "/me/account")
    monkeypatch.setitem(protected.config, "WTF_CSRF_ENABLED", False)
    with pytest.raises((AssertionError, TypeError)):
        test_p1_a_call_with_the_cookie_alone_is_refused_and_with_the_token_accepted(signed_in, *UNSAFE[3])
