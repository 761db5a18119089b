"""A memory of one process for about a second: a hot board costs one dictionary lookup, however many watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Brief(Generic[Value]):
    """Values by key, each for a short time. While one caller makes a value anew, others get the one just expired."""

    def __init__(self, seconds: float, size: int = 4096) -> None:
        self.seconds = seconds
        self.size = size
        self._values: dict[Hashable, tuple[float, Value]] = {}
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Value], keep: Callable[[Value], float] | None = None) -> Value:
        """Return the value of a key, made when there is none or it is too old.

        Args:
            key: everything the value depends on, its audience included (L6).
            make: makes the value; what it raises is not remembered.
            keep: seconds to keep this value, when they depend on it.
        """
        known = self._values.get(key)
        now = time.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        making = self._making.setdefault(key, threading.Lock())
        if not making.acquire(blocking=False):
            if known is not None and known[0] > now - self.seconds:
                return known[1]
            making.acquire()
        try:
            known = self._values.get(key)
            if known is not None and known[0] > time.monotonic():
                return known[1]
            value = make()
            if len(self._values) >= self.size:
                self._forget()
            self._values[key] = (time.monotonic() + (keep(value) if keep else self.seconds), value)
            return value
        finally:
            making.release()
            self._making.pop(key, None)

    def _forget(self) -> None:
        now = time.monotonic()
        for key in [key for key, (until, _) in self._values.items() if until <= now]:
            del self._values[key]
        if len(self._values) >= self.size:
            self._values.clear()
