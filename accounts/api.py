"""Signing in without a browser: bearer tokens."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, jsonify, request

from accounts import identity, rules, services
from accounts.routes import device_name, limit_sign_in
from core.errors import Invalid

blueprint = Blueprint("accounts_api", __name__, url_prefix="/api/v1")


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What signs a person in."""

    phone: str
    password: str


class SessionOpened(msgspec.Struct):
    """A bearer token, shown this once, and until when it is valid."""

    token: str
    expires_at: str


class Me(msgspec.Struct):
    """The signed-in person."""

    person_id: int
    name: str
    locale: str


def _decode(kind: type[Credentials]) -> Credentials:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.DecodeError as error:
        raise Invalid(path="$", reason=str(error)) from error


@blueprint.post("/sessions")
def open_session() -> Any:
    """Give a bearer token for a phone and password."""
    asked = _decode(Credentials)
    phone = rules.normalise_phone(asked.phone)
    limit_sign_in(phone)
    token, session = services.sign_in(phone, asked.password[: rules.PASSWORD_LENGTH[1]], "bearer", device_name())
    return jsonify(msgspec.to_builtins(SessionOpened(token, session.expires_at.isoformat()))), 201


@blueprint.delete("/sessions/current")
def end_session() -> Any:
    """End the session that asks."""
    services.end_session(identity.require().session_id)
    return "", 204


@blueprint.get("/me")
def me() -> Any:
    """Say who is signed in."""
    person = identity.require()
    return jsonify(msgspec.to_builtins(Me(person.person_id, person.name, person.locale)))
