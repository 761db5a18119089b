"""Signing in without a browser: bearer tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint

from accounts import identity, rules, services
from accounts.routes import device_name, limit_sign_in
from core.api import ANYONE, body, endpoint, reply

blueprint = Blueprint("accounts_api", __name__, url_prefix="/api/v1")


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What signs a person in."""

    phone: str
    password: str


class SessionOpened(msgspec.Struct):
    """A bearer token, shown this once, and until when it is valid."""

    token: str
    expires_at: datetime


class Me(msgspec.Struct):
    """The signed-in person."""

    person_id: int
    name: str
    locale: str


@blueprint.post("/sessions")
@endpoint("Accounts", gives=SessionOpened, status=201, takes=Credentials, refuses=(422, 429), security=ANYONE)
def open_session() -> Any:
    """Give a bearer token for a phone and password."""
    asked = body(Credentials)
    phone = rules.normalise_phone(asked.phone)
    limit_sign_in(phone)
    token, session = services.sign_in(phone, asked.password[: rules.PASSWORD_LENGTH[1] + 1], "bearer", device_name())
    return reply(SessionOpened(token, session.expires_at), 201)


@blueprint.delete("/sessions/current")
@endpoint("Accounts", gives=None, status=204, refuses=(401,))
def end_session() -> Any:
    """End the session that asks."""
    services.end_session(identity.require().session_id)
    return "", 204


@blueprint.get("/me")
@endpoint("Accounts", gives=Me, refuses=(401,))
def me() -> Any:
    """Say who is signed in."""
    person = identity.require()
    return reply(Me(person.person_id, person.name, person.locale))
