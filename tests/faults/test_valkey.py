"""Valkey stopped or killed under people who play: saves, boards and submits go on (L2, L3), and boards catch up."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import redis

from core import clock
from tests.faults.rig import PATIENCE, Player, Rig, Stage, statuses_of
from tests.processes import best_of, wait_until

WINDOW = 1.5
WINDOWS = 10
GROWTH = 1.2
NOISE = 0.025
"""Seconds by which two measurements of the same thing differ on a machine that is shared."""
CATCH_UP = 5.0 + 2.0
"""Staleness of five seconds and the sweep's period (L3)."""


@contextmanager
def stopped(rig: Rig) -> Iterator[None]:
    """Valkey accepts connections and says nothing."""
    pid = rig.pid("valkey")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def killed(rig: Rig) -> Iterator[None]:
    """Valkey is killed again and again, whenever the launcher has brought it back."""
    over = threading.Event()

    def keep_killing() -> None:
        while not over.is_set():
            pid = rig.find("valkey")
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            over.wait(0.02)

    killer = threading.Thread(target=keep_killing)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()
        wait_until(lambda: rig.find("valkey") and _pongs(rig), PATIENCE, "Valkey is back")


def _pongs(rig: Rig) -> bool:
    try:
        with redis.Redis.from_url(rig.environ["REDIS_URL"]) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def board(player: Player, stage: Stage) -> dict[str, Any]:
    """The whole competition's board as this player gets it."""
    status, said = player.insist("GET", f"/api/v1/competitions/{stage.competition_id}/board", bearer=True)
    assert status == 200, said
    return dict(said)


def shows(source: str, count: int, player: Player, stage: Stage) -> Callable[[], bool]:
    """Whether the board comes from there with so many rows; each web process remembers its own for a second or five."""

    def check() -> bool:
        shown = board(player, stage)
        return (shown["source"], shown["total"]) == (source, count)

    return check


def percentile_99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


@pytest.mark.parametrize("fault", [stopped, killed])
def test_l2_saves_go_on_as_fast_without_valkey(rig: Rig, fault: Callable[[Rig], Any]) -> None:
    """Windows with and without Valkey take turns; of each kind the quietest counts, for others use the machine too."""
    with_valkey, without = [], []
    with rig.playing(rig.set_up(12), pause=0.03) as players:
        # Where a test before killed PostgreSQL, the first to ask each web process was told to try again.
        at_first = statuses_of(players)

        def measure() -> float:
            began = time.monotonic()

            def times() -> list[float]:
                return [
                    one.acknowledged_at - one.sent_at
                    for player in players
                    for one in list(player.acknowledged)
                    if one.sent_at >= began
                ]

            time.sleep(WINDOW)
            wait_until(lambda: len(times()) > 100, PATIENCE, "enough saves to tell the slowest hundredth")
            return percentile_99(times())

        for _ in range(WINDOWS):
            with_valkey.append(measure())
            with fault(rig):
                without.append(measure())
            if len(without) > 1 and min(without) <= min(with_valkey) * GROWTH + NOISE:
                break
    assert [player.error for player in players if player.error] == []
    said = statuses_of(players) - at_first
    assert set(said) == {200}, (said, rig.said()[-3000:])
    assert min(without) <= min(with_valkey) * GROWTH + NOISE


@pytest.mark.parametrize("fault", [stopped, killed])
def test_l2_l3_boards_and_submits_work_without_valkey_and_boards_catch_up(
    rig: Rig, fault: Callable[[Rig], Any]
) -> None:
    stage = rig.set_up(8)
    with rig.playing(stage) as players:
        pass
    first, *others = players
    first.submit()
    wait_until(shows("live", 1, first, stage), PATIENCE, "the board is live")

    shown: dict[str, Any] = {}
    with fault(rig):
        for player in others[:-1]:
            assert player.submit()["state"] == "scored"
        wait_until(shows("database", 7, first, stage), PATIENCE, "the board of the database")
        # Each web process remembers a page of the database for a while, so the next reply may still be an older one.
        wait_until(
            lambda: shown.update(board(first, stage)) or (shown["source"], len(shown["rows"])) == ("database", 7),
            PATIENCE,
            "the same",
        )
        assert {row["is_me"] for row in shown["rows"]} == {True, False}
        assert datetime.fromisoformat(shown["as_of"]) <= clock.now()
    taken = [wait_until(shows("live", 7, first, stage), PATIENCE, "the board caught up")]

    def caught_up() -> float:
        if taken:
            return taken.pop()
        with fault(rig):
            wait_until(shows("database", 7, first, stage), PATIENCE, "the board of the database")
        return wait_until(shows("live", 7, first, stage), PATIENCE, "the board caught up")

    assert best_of(3, CATCH_UP, caught_up) <= CATCH_UP
    others[-1].submit()
    wait_until(shows("live", 8, first, stage), PATIENCE, "a submit after it shows")


def test_l3_boards_catch_up_though_the_job_worker_was_killed_in_the_middle_of_a_sweep(rig: Rig) -> None:
    stage = rig.set_up(3)
    with rig.playing(stage) as players:
        pass
    players[0].submit()
    wait_until(shows("live", 1, players[0], stage), PATIENCE, "the board is live")
    with stopped(rig):
        wait_until(lambda: _doing(rig), PATIENCE, "a sweep waits for Valkey")
        players[1].submit()
        rig.kill("job worker")
    with redis.Redis.from_url(rig.environ["REDIS_URL"]) as client:
        client.flushall()
    wait_until(shows("live", 2, players[0], stage), PATIENCE, "the board was drawn again")


def _doing(rig: Rig) -> list[Any]:
    return rig.rows("select id from procrastinate_jobs where task_name = 'leaderboard.sweep' and status = 'doing'")
