"""Doing together what arrives together: requests of one process share a statement, a commit or a round trip.

A request puts its wish on the list. If nobody is at work it does the whole list at once and leaves each wish its own
outcome; otherwise it waits until its outcome is there, or until it is its turn to do what has gathered. Nobody waits
for company: a wish that comes alone is done alone and at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from core.errors import Unavailable

Wish = TypeVar("Wish")
Outcome = TypeVar("Outcome")


def together(
    work: Callable[[list[Wish]], Sequence[Outcome | Exception]],
    wishes: list[Wish],
    common: tuple[type[Exception], ...],
) -> list[Outcome | Exception]:
    """Do wishes at once; when that raises, each alone, so that nobody suffers from another's.

    Args:
        work: does a list of wishes and returns for each, in their order, its outcome or the refusal that only it meets.
            When it raises, nothing was done, or what was done may be done again.
        wishes: what to do.
        common: exceptions that would meet every wish alike, such as a lost connection; nobody is tried again.

    Returns: for each its outcome, or the exception.
    """
    try:
        return list(work(wishes))
    except Exception as error:
        if len(wishes) == 1 or isinstance(error, common):
            return [error for _ in wishes]
    return [outcome for wish in wishes for outcome in together(work, [wish], common)]


class _Place(Generic[Wish, Outcome]):
    """A wish in the list, and its outcome once there is one."""

    __slots__ = ("done", "outcome", "turn", "wish")

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.done = False
        self.outcome: Outcome | Exception = Unavailable()
        self.turn = threading.Lock()
        self.turn.acquire()


class Gathering(Generic[Wish, Outcome]):
    """The one door of a process to one kind of work.

    Args:
        work: as for `together`; it is run in the context of whichever request leads.
        common: as for `together`.
        most: how many wishes are done at once.
    """

    def __init__(
        self,
        work: Callable[[list[Wish]], Sequence[Outcome | Exception]],
        common: tuple[type[Exception], ...],
        most: int = 256,
    ) -> None:
        self.work = work
        self.common = common
        self.most = most
        self._list = threading.Lock()
        self._waiting: list[_Place[Wish, Outcome]] = []
        self._busy = False

    def do(self, wish: Wish) -> Outcome:
        """Have a wish done together with all that wait, and return its outcome.

        The caller must hold nothing that others wait for: no row lock, no connection of the session's pool.

        Raises: what the work raised or returned as this wish's refusal; Unavailable when who led was killed.
        """
        place: _Place[Wish, Outcome] = _Place(wish)
        with self._list:
            self._waiting.append(place)
            leads = not self._busy
            self._busy = True
        if not leads:
            place.turn.acquire()
        if not place.done:
            self._do_waiting()
        if isinstance(place.outcome, Exception):
            raise place.outcome
        return place.outcome

    def _do_waiting(self) -> None:
        """Do all that wait, then let the first of those that came meanwhile do the next, then wake the others."""
        time.sleep(0)  # whoever is ready to join joins: under gevent all requests that have arrived
        with self._list:
            batch, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
        try:
            outcomes = together(self.work, [place.wish for place in batch], self.common)
            for place, outcome in zip(batch, outcomes, strict=True):
                place.outcome = outcome
        finally:
            with self._list:
                following = self._waiting[0] if self._waiting else None
                self._busy = following is not None
            if following is not None:
                following.turn.release()
            for place in batch:
                place.done = True
                place.turn.release()
