"""Argon2id, capped and kept off the event loop: a hash holds a processor for some 20 ms."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import monkey

T = TypeVar("T")

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_slots = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))


def hash_password(password: str) -> str:
    """Hash a password with argon2id, 19 MiB, t=2, p=1 (OWASP's password storage cheat sheet)."""
    return _apart(lambda: _hasher.hash(password))


def fits(password_hash: str | None, password: str) -> bool:
    """Say whether a password fits a hash; without a hash it takes as long and is False.

    Args:
        password_hash: what `hash_password` gave, or None for an unknown person.
        password: as typed.
    """
    known = _apart(lambda: _verify(password_hash or _nobodys_hash(), password))
    return known and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(os.urandom(16).hex())


def _apart(work: Callable[[], T]) -> T:
    with _slots:
        if not monkey.is_module_patched("threading"):
            return work()
        result: T = gevent.get_hub().threadpool.apply(work)
        return result
