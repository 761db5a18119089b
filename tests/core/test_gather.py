"""Doing together under interleavings that threads meet too seldom to wait for (A2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from core.errors import NotFound, Unavailable
from core.gather import Gathering


def upper(words: list[str]) -> list[str | Exception]:
    """Work that refuses "?" alone and breaks whole lists over "!"."""
    if "!" in words:
        raise ValueError("!")
    return [NotFound() if word == "?" else word.upper() for word in words]


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


class Held:
    """Work that holds its first list until so many wishes wait behind it."""

    def __init__(self, work: Callable[[list[str]], list[str | Exception]], until: int) -> None:
        self.lists: list[list[str]] = []
        self.gathering: Gathering[str, str] = Gathering(self.run, common=(ConnectionError,))
        self.work, self.until = work, until

    def run(self, words: list[str]) -> list[str | Exception]:
        self.lists.append(words)
        while len(self.lists) == 1 and len(self.gathering._waiting) < self.until:
            time.sleep(0.001)
        return self.work(words)

    def do_all(self, *words: str) -> dict[str, str | Exception]:
        """The first word leads; the others arrive, in any order, while it is being done."""
        outcomes: dict[str, str | Exception] = {}

        def ask(word: str) -> None:
            try:
                outcomes[word] = self.gathering.do(word)
            except Exception as error:
                outcomes[word] = error

        first = in_thread(lambda: ask(words[0]))
        while not self.lists:
            time.sleep(0.001)
        for thread in [in_thread(lambda word=word: ask(word)) for word in words[1:]]:  # type: ignore[misc]
            thread.join(timeout=10)
        first.join(timeout=10)
        return outcomes


def test_a2_what_arrives_while_a_list_is_done_is_done_with_the_next() -> None:
    held = Held(upper, until=4)
    assert held.do_all(*"abcde") == {word: word.upper() for word in "abcde"}
    assert [len(words) for words in held.lists] == [1, 4]


def test_a_refusal_meets_only_the_wish_that_earned_it() -> None:
    outcomes = Held(upper, until=3).do_all("a", "b", "?", "c")
    assert isinstance(outcomes.pop("?"), NotFound)
    assert outcomes == {"a": "A", "b": "B", "c": "C"}


def test_work_that_breaks_over_one_wish_is_done_for_the_others_alone() -> None:
    held = Held(upper, until=3)
    outcomes = held.do_all("a", "b", "!", "c")
    assert isinstance(outcomes.pop("!"), ValueError)
    assert outcomes == {"a": "A", "b": "B", "c": "C"}
    assert sorted(map(len, held.lists)) == [1, 1, 1, 1, 3]


def test_a_lost_connection_is_everybodys_and_nobody_is_tried_again() -> None:
    def lost(words: list[str]) -> list[str | Exception]:
        raise ConnectionError

    held = Held(lost, until=3)
    assert all(isinstance(one, ConnectionError) for one in held.do_all(*"abcd").values())
    assert [len(words) for words in held.lists] == [1, 3]


def test_a2_a_leader_that_is_killed_leaves_nobody_waiting_for_ever() -> None:
    class Killed(BaseException):
        pass

    def killed(words: list[str]) -> list[str | Exception]:
        if "a" in words:
            raise Killed
        return upper(words)

    gathering: Gathering[str, str] = Gathering(killed, common=())
    with pytest.raises(Killed):
        gathering.do("a")
    assert gathering.do("b") == "B"

    def killed_with_company(words: list[str]) -> list[str | Exception]:
        if "c" in words:
            raise Killed
        return upper(words)

    held = Held(killed_with_company, until=2)
    threads: dict[str, str | BaseException] = {}

    def ask(word: str) -> None:
        try:
            threads[word] = held.gathering.do(word)
        except BaseException as error:
            threads[word] = error

    first = in_thread(lambda: ask("a"))
    while not held.lists:
        time.sleep(0.001)
    second = in_thread(lambda: ask("c"))
    while not held.gathering._waiting:
        time.sleep(0.001)
    third = in_thread(lambda: ask("d"))
    for thread in (first, second, third):
        thread.join(timeout=10)
    assert threads["a"] == "A"
    assert isinstance(threads["c"], Killed)
    assert isinstance(threads["d"], Unavailable)
