"""Whatever is killed while fifty people play: nothing acknowledged is lost, and everybody goes on (A1, A2, O1, O2)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from competitions.rules import answers_hash
from tests.faults.rig import PATIENCE, Player, Rig, Sent, find_lost, statuses_of
from tests.processes import ROOT, best_of, free_port, wait_until

PLAYERS = 50
PROMISES = {
    "web process": 5.0,
    "gunicorn": 5.0,
    "job worker": 5.0,
    "valkey": 5.0,
    "backend": 10.0,
    "postgres": 10.0,
}
"""Seconds until saves succeed again after a part was killed (O1, O2)."""


def has_saved_since(moment: float, players: list[Player]) -> bool:
    return all(any(one.sent_at > moment for one in player.acknowledged[-3:]) for player in players)


def lost(rig: Rig, players: list[Player]) -> list[Sent]:
    """What these players were told is saved and is not."""
    return find_lost(
        [one for player in players for one in player.acknowledged],
        [one for player in players for one in player.sent],
        rig.stored(players),
    )


def test_a1_o1_o2_nothing_acknowledged_is_lost_whatever_is_killed_and_everybody_goes_on(rig: Rig) -> None:
    taken = {}
    with rig.playing(rig.set_up(PLAYERS)) as players:
        for victim, promise in PROMISES.items():

            def kill_and_wait(victim: str = victim) -> float:
                moment = rig.kill(victim)
                wait_until(lambda: has_saved_since(moment, players), PATIENCE, f"saves after killing {victim}")
                recovered = time.monotonic() - moment
                wait_until(lambda: rig.find(victim) is not None, PATIENCE, f"{victim} is back")
                return recovered

            taken[victim] = best_of(3, promise, kill_and_wait)
    assert [player.error for player in players if player.error] == []
    assert lost(rig, players) == []
    assert {victim: seconds for victim, seconds in taken.items() if seconds > PROMISES[victim]} == {}
    statuses = statuses_of(players)
    assert set(statuses) <= {0, 200, 503}, (statuses, [player.bodies for player in players if player.bodies][:3])
    for player in players:
        receipt = player.submit()["receipt"]
        assert receipt["answers_hash"] == answers_hash(player.attempt_id, player.last_values())


@contextmanager
def serving_early(rig: Rig) -> Iterator[int]:
    """The application with the planted bug on the same database; gives its port."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "tests.faults.acknowledges_early:create_app()"],
        cwd=ROOT,
        env=rig.environ | {"PORT": str(port), "WEB_WORKERS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        server.kill()
        server.wait()


def test_a1_the_planted_bug_of_acknowledging_before_the_commit_is_caught_when_postgresql_is_killed(rig: Rig) -> None:
    stage = rig.set_up(10)
    with serving_early(rig) as port, rig.playing(stage, port, pause=0.05) as players:
        moment = rig.kill("postgres")
        wait_until(lambda: has_saved_since(moment, players), PATIENCE, "saves acknowledged without a database")
    wait_until(lambda: rig.find("postgres"), PATIENCE, "PostgreSQL is back")
    wait_until(lambda: _answers(rig), PATIENCE, "PostgreSQL answers")
    assert lost(rig, players) != []


def _answers(rig: Rig) -> bool:
    try:
        return bool(rig.rows("select 1"))
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize(
    ("stored", "is_lost"),
    [
        ({(1, 1): (5, ["a"])}, False),
        ({(1, 1): (6, ["b"])}, False),
        ({}, True),
        ({(1, 1): (4, ["a"])}, True),
        ({(1, 1): (5, ["b"])}, True),
        ({(1, 1): (7, ["a"])}, True),
        ({(1, 2): (5, ["a"])}, True),
    ],
)
def test_a1_the_check_tells_what_is_stored_or_superseded_from_what_is_lost(
    stored: dict[tuple[int, int], tuple[int, list[str]]], is_lost: bool
) -> None:
    save = Sent(1, 1, 5, ["a"], 0.0)
    assert find_lost([save], [save, Sent(1, 1, 6, ["b"], 0.0), Sent(1, 1, 4, ["a"], 0.0)], stored) == ([save] * is_lost)
