"""Accounts and sessions: making them, signing in, ending them."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import or_, update

from accounts import passwords, queries, rules, sessions
from accounts.errors import SignInFailed, WrongPassword
from accounts.models import LoginSession, Person
from core import audit, clock, retention
from core.database import after_commit, db, lock, transaction
from core.errors import NotFound
from core.secrets import blind_index, seal, token_digest, unseal

SESSION_LIFETIME = timedelta(days=30)


def create_person(phone: str, password: str, name: str, locale: str = "zh_CN") -> Person:
    """Add a person to the caller's transaction; it hashes the password, so prefer `add_person` where many wait.

    Args:
        phone: as typed.
        password: as typed.
        name: as shown to others.
        locale: "zh_CN" or "en".

    Raises: BadPhone, BadPassword; sqlalchemy.exc.IntegrityError when the phone has an account.
    """
    phone = rules.normalise_phone(phone)
    rules.check_password(password, phone)
    return add_person(phone, passwords.hash_password(password), name, locale)


def add_person(phone: str, password_hash: str, name: str, locale: str = "zh_CN") -> Person:
    """Add a person whose password is hashed already to the caller's transaction.

    Args:
        phone: E.164.
        password_hash: what `passwords.hash_password` gave.
        name: as shown to others.
        locale: "zh_CN" or "en".

    Raises: sqlalchemy.exc.IntegrityError when the phone has an account.
    """
    person = Person(
        phone_index=blind_index(phone),
        phone_sealed=seal(phone),
        phone_tail=phone[-4:],
        password_hash=password_hash,
        name=name.strip(),
        locale=locale,
        created_at=clock.now(),
    )
    db.session.add(person)
    db.session.flush()
    return person


def open_session(person_id: int, kind: str, device: str) -> tuple[str, LoginSession]:
    """Add a session to the caller's transaction and return its token, which is stored nowhere.

    Args:
        person_id: who signs in.
        kind: "cookie" or "bearer".
        device: what the person will recognise it by.
    """
    token, now = secrets.token_urlsafe(32), clock.now()
    session = LoginSession(
        token_digest=token_digest(token),
        person_id=person_id,
        kind=kind,
        device=device[:120],
        created_at=now,
        last_seen_at=now,
        expires_at=now + SESSION_LIFETIME,
    )
    db.session.add(session)
    db.session.flush()
    return token, session


def sign_in(phone: str, password: str, kind: str, device: str) -> tuple[str, LoginSession]:
    """Open a session for whoever has this phone and password.

    Args:
        phone: E.164.
        password: as typed.
        kind: "cookie" or "bearer".
        device: what the person will recognise the session by.

    Raises: SignInFailed, after the same work for an unknown phone as for a wrong password.
    """
    with transaction():
        person = queries.find_person_by_phone(phone)
        person_id, known_hash = (person.id, person.password_hash) if person else (0, None)
    if not passwords.fits(known_hash, password) or known_hash is None:
        raise SignInFailed
    new_hash = passwords.hash_password(password) if passwords.is_outdated(known_hash) else known_hash
    with transaction():
        person = lock(Person, person_id)
        if person.disabled_at or person.password_hash != known_hash:
            raise SignInFailed
        person.password_hash = new_hash
        return open_session(person_id, kind, device)


def end_session(session_id: int, person_id: int | None = None) -> None:
    """End one session; ending it again changes nothing.

    Args:
        session_id: which.
        person_id: whose it must be, when a person asks.

    Raises: NotFound when there is none, or it is another person's.
    """
    with transaction():
        session = lock(LoginSession, session_id)
        if person_id is not None and session.person_id != person_id:
            raise NotFound(what="LoginSession")
        session.ended_at = session.ended_at or clock.now()
        after_commit(sessions.forget_sessions)


def end_other_sessions(person_id: int, keep_id: int | None) -> int:
    """End all sessions of a person but one and return how many ended.

    Args:
        person_id: whose.
        keep_id: the session that stays; None ends all.
    """
    with transaction():
        return _end_sessions(person_id, keep_id)


def change_password(person_id: int, current: str, new: str, keep_id: int | None) -> None:
    """Change a password and end every other session of the person (P8).

    Args:
        person_id: whose.
        current: the present password, as typed.
        new: the new one, as typed.
        keep_id: the session that asks.

    Raises: WrongPassword; BadPassword.
    """
    with transaction():
        person = queries.get_person(person_id)
        known_hash, phone = person.password_hash, unseal(person.phone_sealed)
    rules.check_password(new, phone)
    if not passwords.fits(known_hash, current):
        raise WrongPassword(path="current")
    new_hash = passwords.hash_password(new)
    with transaction():
        person = lock(Person, person_id)
        if person.password_hash != known_hash:
            raise WrongPassword(path="current")
        replace_password(person_id, new_hash, keep_id)
        audit.record("password.change", "person", person_id, person_id=person_id)


def change_profile(person_id: int, name: str, locale: str) -> None:
    """Change the name others see and the language of the pages.

    Args:
        person_id: whose.
        name: not empty.
        locale: "zh_CN" or "en".
    """
    with transaction():
        person = lock(Person, person_id)
        if person.name != name.strip():
            audit.record("name.change", "person", person_id, person_id=person_id)
        person.name, person.locale = name.strip(), locale
        after_commit(sessions.forget_sessions)


def mark_disabled(person_id: int, disabled: bool) -> None:
    """Disable or enable an account in the caller's transaction; disabling ends all its sessions (P8).

    Args:
        person_id: whose.
        disabled: what it shall be.

    Raises: NotFound.
    """
    person = lock(Person, person_id)
    after_commit(sessions.forget_sessions)
    if disabled:
        person.disabled_at = person.disabled_at or clock.now()
        _end_sessions(person_id, None)
    else:
        person.disabled_at = None


def replace_password(person_id: int, password_hash: str, keep_id: int | None = None) -> None:
    """Set a password in the caller's transaction and end the person's sessions (P8).

    Args:
        person_id: whose.
        password_hash: what `passwords.hash_password` gave.
        keep_id: the session that stays, if one does.

    Raises: NotFound.
    """
    lock(Person, person_id).password_hash = password_hash
    _end_sessions(person_id, keep_id)


def _end_sessions(person_id: int, keep_id: int | None) -> int:
    after_commit(sessions.forget_sessions)
    ended = db.session.execute(
        update(LoginSession)
        .where(LoginSession.person_id == person_id, LoginSession.ended_at.is_(None), LoginSession.id != (keep_id or 0))
        .values(ended_at=clock.now())
        .returning(LoginSession.id)
    )
    return len(ended.all())


retention.register(LoginSession, lambda before: or_(LoginSession.ended_at < before, LoginSession.expires_at < before))
