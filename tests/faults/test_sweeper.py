"""Attempts whose time runs out while the job worker is killed and started again (A5, A6)."""

from __future__ import annotations

import time
from datetime import timedelta

import psycopg

from competitions.rules import GRACE, SETTLE, answers_hash
from core import clock
from tests.faults.rig import PATIENCE, Rig
from tests.processes import best_of, wait_until

PROMISE = timedelta(seconds=5)


def test_a6_overdue_attempts_are_finalised_once_and_in_time_though_the_worker_is_killed(rig: Rig) -> None:
    def once() -> float:
        stage = rig.set_up(20, closes_in=8.0)
        with rig.playing(stage) as players:
            pass
        ids = [player.attempt_id for player in players]
        [(deadline,)] = rig.rows("select max(deadline_at) from attempts where id = any(%(ids)s)", ids=ids)
        kills, known = 0, set[int]()
        while clock.now() < deadline + GRACE + SETTLE / 2:
            if rig.find("job worker"):
                rig.kill("job worker")
                kills, known = kills + 1, rig.workers()
            time.sleep(0.1)
        assert kills > 0
        wait_until(lambda: rig.workers() - known, PATIENCE, "the job worker is back")
        runs_since = clock.now()
        wait_until(lambda: _unscored(rig, ids) == 0, PATIENCE, "everything is scored")
        rows = rig.rows(
            "select a.state, a.close_reason, a.finished_at - a.deadline_at, a.answers_hash, a.id, s.version, "
            "s.changed_at from attempts a join standings s on s.participation_id = a.participation_id "
            "where a.id = any(%(ids)s)",
            ids=ids,
        )
        assert len(rows) == 2 * len(players), "one standing for the track and one for the whole each"
        values = {player.attempt_id: player.last_values() for player in players}
        for state, reason, over, digest, attempt_id, version, _ in rows:
            assert (state, reason, over) == ("scored", "time_up", timedelta(0))
            assert version == 1, "scored once"
            assert digest == answers_hash(attempt_id, values[attempt_id])
        return float(max((row[-1] - max(runs_since, deadline + GRACE)).total_seconds() for row in rows))

    assert best_of(2, PROMISE.total_seconds(), once) <= PROMISE.total_seconds()


def _unscored(rig: Rig, ids: list[int]) -> int:
    [(count,)] = rig.rows("select count(*) from attempts where id = any(%(ids)s) and state <> 'scored'", ids=ids)
    return int(count)


def test_a6_the_sweeper_goes_on_after_it_was_killed_in_the_middle_of_its_work(rig: Rig) -> None:
    """A job that a killed worker left as being done must not keep the next ones from being done."""
    stage = rig.set_up(3, closes_in=8.0)
    with rig.playing(stage) as players:
        pass
    ids = [player.attempt_id for player in players]
    address = rig.environ["DATABASE_URL"].replace("+psycopg", "", 1)
    with psycopg.connect(address) as blocker:
        blocker.execute("select from attempts where id = %s for update", (min(ids),))
        wait_until(lambda: _waiting(rig), PATIENCE, "the sweeper waits for a locked attempt")
        rig.kill("job worker")
    wait_until(lambda: _unscored(rig, ids) == 0, PATIENCE, "everything is scored")


def _waiting(rig: Rig) -> bool:
    return (
        rig.rows("select 1 from procrastinate_jobs where task_name = 'competitions.sweep' and status = 'doing'") != []
        and rig.rows("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%%attempts%%'")
        != []
    )
