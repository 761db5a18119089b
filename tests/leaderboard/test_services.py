"""Boards on real servers: projection, rebuild, comparison, faults of Valkey, sealing."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from accounts.models import Person
from competitions.errors import AttemptsUnfinished, WrongState
from competitions.models import Attempt, Participation, Standing
from competitions.services import close_competition, save_answer, start_attempt, submit_attempt
from core import clock, valkey
from core.database import db
from core.errors import NotFound
from core.valkey import Away
from leaderboard import live, queries, rules, services, tasks
from leaderboard.models import SealedStanding
from tests import factories
from tests.leaderboard.helpers import Federation, join, make_federation, read, stand


@pytest.fixture
def federation(app: Flask) -> Federation:
    return make_federation()


@contextmanager
def standing_still(app: Flask) -> Iterator[None]:
    """Have Valkey stand still, its sockets open: the worst way of being away, met with the patience of production."""
    kept = {name: app.extensions[name] for name in ("valkey", "valkey_patient")}
    process = kept["valkey"].info("server")["process_id"]
    valkey.connect(app)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
        for name, client in kept.items():
            app.extensions[name].close()
            app.extensions[name] = client
        app.extensions["valkey_back_at"] = 0.0


def shortest_wait(app: Flask, participation: Participation) -> float:
    """Seconds that a projection lasts which has to find out that Valkey is away; of three, as a machine may be busy."""
    took = []
    for _ in range(3):
        app.extensions["valkey_back_at"] = 0.0
        began = time.monotonic()
        services.project([participation.id])
        took.append(time.monotonic() - began)
    return min(took)


def crowd(federation: Federation, size: int = 120) -> list[Participation]:
    """People at both enterprises with many ties at every step."""
    chance = random.Random(7)
    base = clock.now() - timedelta(hours=2)
    people = []
    for _ in range(size):
        person = join(federation, chance.choice([federation.enterprise, federation.other_enterprise]))
        people.append(person)
        for track in (None, federation.track):
            stand(
                person,
                track,
                levels=chance.randrange(3),
                points=chance.randrange(3),
                elapsed_ms=chance.randrange(2),
                reached_at=base + timedelta(microseconds=chance.randrange(2)),
            )
    return people


def whole_board(federation: Federation, source: str) -> list[tuple[Any, ...]]:
    """Every row of every board, all pages, and where they came from."""
    found = []
    nodes = (federation.province, federation.city, federation.enterprise, federation.other_enterprise)
    for track in (None, federation.track):
        for node in nodes:
            first = read(federation, track, node)
            for page in range(1, first.pages + 1):
                shown = read(federation, track, node, page)
                assert shown.source == source
                found += [(track and track.id, node.id, shown.total, row) for row in shown.rows]
    return found


def test_a_rebuilt_board_shows_every_node_and_shares_ranks(federation: Federation) -> None:
    first, second, third = join(federation), join(federation), join(federation, federation.other_enterprise)
    moment = stand(first, points=20).reached_at
    stand(second, points=20, reached_at=moment)
    stand(third, points=10)
    services.rebuild(federation.competition.id)
    whole = read(federation)
    assert whole.source == "live"
    assert [(row.rank, row.participation_id) for row in whole.rows] == [(1, first.id), (1, second.id), (3, third.id)]
    assert [row.participation_id for row in read(federation, node=federation.enterprise).rows] == [first.id, second.id]
    assert [row.rank for row in read(federation, node=federation.other_enterprise).rows] == [1]


def test_l1_after_a_flush_and_a_rebuild_every_row_of_every_board_is_what_postgresql_says(
    app: Flask, federation: Federation
) -> None:
    crowd(federation)
    services.rebuild(federation.competition.id)
    before = whole_board(federation, "live")
    app.extensions["valkey"].flushall()
    assert whole_board(federation, "database") == before
    assert services.sweep(federation.competition.id) is None
    services.rebuild(federation.competition.id)
    assert whole_board(federation, "live") == before


def test_a_missing_picture_makes_the_sweep_ask_for_one_rebuild_only(app: Flask, federation: Federation) -> None:
    for timestamp in (0, 2):
        tasks.sweep.func(timestamp=timestamp)  # type: ignore[arg-type] # the decorators hide its arguments
    waiting = "select count(*) from procrastinate_jobs where task_name = 'leaderboard.rebuild' and status = 'todo'"
    assert db.session.scalar(text(waiting)) == 1
    tasks.rebuild.func(competition_id=federation.competition.id)
    assert read(federation).source == "live"


def test_my_rank_and_my_neighbours_agree_with_postgresql_for_everybody(app: Flask, federation: Federation) -> None:
    people = crowd(federation, 40)
    services.rebuild(federation.competition.id)
    board = queries.get_board(federation.competition.id)

    def seen(source: str) -> list[Any]:
        found = []
        for person in people:
            viewer = queries.Viewer(board, federation.province.id, person.id, person.name, tuple(person.path))
            rank = queries.my_rank(board, None, federation.province.id, person.id)
            why = queries.why_am_i_here(board, None, federation.province.id, viewer)
            assert rank is not None
            assert why is not None
            assert rank.source == source
            assert rank.rank == why.rank == next(row.rank for row in why.around if row.is_me)
            assert rank.page == why.page
            found.append((rank.rank, rank.total, rank.page, why))
        return found

    live_view = seen("live")
    app.extensions["valkey"].flushall()
    assert seen("database") == live_view


def test_why_am_i_here_names_the_step_that_decides_above_and_below(federation: Federation) -> None:
    above, me, below = join(federation), join(federation), join(federation)
    moment = stand(me, points=20, elapsed_ms=5000).reached_at
    stand(above, points=20, elapsed_ms=4000)
    stand(below, points=20, elapsed_ms=5000, reached_at=moment + timedelta(microseconds=1))
    board = queries.get_board(federation.competition.id)
    viewer = queries.Viewer(board, federation.province.id, me.id, "王小明", tuple(me.path))
    why = queries.why_am_i_here(board, None, federation.province.id, viewer)
    assert why is not None
    assert why.above is not None
    assert why.below is not None
    assert why.above.step == rules.Step("elapsed_ms", 5000, 4000)
    assert why.below.step is not None
    assert why.below.step.name == "reached_at"
    assert [row.name for row in why.around] == ["王*明", "王小明", "王*明"]


def test_l2_with_valkey_standing_still_boards_come_from_postgresql_and_nobody_waits_twice(
    app: Flask, federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = join(federation)
    stand(person)
    waits: list[str] = []
    monkeypatch.setattr(valkey, "log", SimpleNamespace(warning=lambda event, **_: waits.append(event)))
    with standing_still(app):
        began = time.monotonic()
        for _ in range(20):
            services.project([person.id])
            shown = read(federation)
            assert (shown.source, [row.participation_id for row in shown.rows]) == ("database", [person.id])
        assert 1 <= len(waits) <= 1 + (time.monotonic() - began) // valkey.PAUSE_SECONDS


def test_l2_a_submit_is_not_slowed_and_its_row_appears_when_valkey_is_back(app: Flask, federation: Federation) -> None:
    services.rebuild(federation.competition.id)
    person = join(federation)
    with standing_still(app):
        stand(person)
        assert shortest_wait(app, person) < 0.6
    services.sweep(federation.competition.id)
    assert [row.participation_id for row in read(federation).rows] == [person.id]


@pytest.mark.parametrize("way", ["event", "sweep"])
def test_l3_event_and_sweep_each_alone_bring_a_change_to_every_board(federation: Federation, way: str) -> None:
    person = join(federation)
    stand(person, points=1)
    stand(person, federation.track, points=1)
    services.rebuild(federation.competition.id)
    db.session.execute(update(Standing).values(points=99, version=2, changed_at=clock.now()))
    db.session.commit()
    if way == "event":
        services.project([person.id])
    else:
        assert services.sweep(federation.competition.id) == 2
    for track in (None, federation.track):
        for node in (federation.province, federation.city, federation.enterprise):
            shown = read(federation, track, node)
            assert [(row.rank, row.points) for row in shown.rows] == [(1, 99)]
            assert shown.total == 1


def older_after_newer(federation: Federation) -> list[int]:
    """The points shown after version 2 (90 points) was projected and then a late version 1 (10 points)."""
    person = join(federation)
    standing = stand(person, points=90, version=2)
    services.rebuild(federation.competition.id)
    place = rules.Place(1, 10, 1000, rules.microseconds(standing.reached_at), person.id)
    nodes = rules.nodes_of(person.path, federation.province.id)
    live.write(federation.competition.id, [live.Entry(0, 1, place, nodes)])
    return [row.points for row in read(federation).rows]


def test_l5_an_older_standing_never_replaces_a_newer_one(federation: Federation) -> None:
    assert older_after_newer(federation) == [90]


def test_l5_with_the_comparison_of_versions_taken_out_the_older_one_wins(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "if not old or tonumber(string.sub(old, 1, 16)) < tonumber(version) then"
    assert guard in live._WRITE
    planted = live._WRITE.replace(guard, "if true then")
    monkeypatch.setattr(live, "_WRITE", planted)
    monkeypatch.setitem(live._DIGESTS, planted, live._digest(planted))
    assert older_after_newer(federation) == [10]


def test_l5_versions_are_compared_as_numbers_not_as_text(federation: Federation) -> None:
    person = join(federation)
    stand(person, points=10, version=9)
    services.rebuild(federation.competition.id)
    db.session.execute(update(Standing).values(points=20, version=10))
    db.session.commit()
    services.project([person.id])
    assert [row.points for row in read(federation).rows] == [20]


def test_a_projection_during_a_rebuild_is_not_lost_to_the_older_rows_it_read(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = join(federation)
    stand(person, points=10)
    real = services._batches

    def meanwhile(competition_id: int) -> Iterator[list[live.Entry]]:
        for batch in real(competition_id):
            newer = [entry._replace(version=2, place=entry.place._replace(points=77)) for entry in batch]
            live.write(competition_id, newer)
            yield batch

    monkeypatch.setattr(services, "_batches", meanwhile)
    services.rebuild(federation.competition.id)
    assert [row.points for row in read(federation).rows] == [77]


def test_a_flush_in_the_middle_of_a_rebuild_begins_it_again_and_leaves_nothing_half_drawn(
    app: Flask, federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = crowd(federation, 20)
    monkeypatch.setattr(services, "BATCH", 5)
    real = services._batches
    flushes = iter([True])

    def flushed(competition_id: int) -> Iterator[list[live.Entry]]:
        for number, batch in enumerate(real(competition_id)):
            if number == 2 and next(flushes, False):
                app.extensions["valkey"].flushall()
            yield batch

    monkeypatch.setattr(services, "_batches", flushed)
    services.rebuild(federation.competition.id)
    assert read(federation).total == len(people)
    monkeypatch.undo()
    assert services.reconcile(federation.competition.id, repair=False).differences == 0


def test_only_the_picture_being_served_stays_in_valkey(app: Flask, federation: Federation) -> None:
    stand(join(federation))
    for _ in range(3):
        services.rebuild(federation.competition.id)
    left = live.begin(federation.competition.id)  # a rebuild that was killed
    stand(join(federation))
    assert services.sweep(federation.competition.id) == 3  # one new to the served picture, two to the one begun
    services.rebuild(federation.competition.id)
    keys = [key.decode() for key in app.extensions["valkey"].keys("lb:*")]
    tokens = {key.split(":")[2] for key in keys} - {"generation", "building"}
    assert len(tokens) == 1
    assert left not in tokens


def test_reconcile_finds_and_repairs_every_kind_of_difference(app: Flask, federation: Federation) -> None:
    people = [join(federation) for _ in range(6)]
    for number, person in enumerate(people):
        stand(person, points=number, version=5)
    competition_id = federation.competition.id
    services.rebuild(competition_id)
    assert services.reconcile(competition_id, repair=False).differences == 0

    valkey = app.extensions["valkey"]
    token = valkey.get(f"lb:{{c{competition_id}}}:generation").decode()
    base = f"lb:{{c{competition_id}}}:{token}"
    board = f"{base}:b:0:{federation.province.id}"
    members = valkey.zrange(board, 0, -1)
    valkey.hdel(f"{base}:e:0", people[0].id)  # missing
    older = rules.Place(0, 0, 0, 0, people[1].id)
    valkey.hset(f"{base}:e:0", people[1].id, b"%016d" % 1 + rules.pack(older))  # older
    valkey.zrem(board, members[0])  # on the books, not on the board: wrong
    valkey.zadd(board, {rules.pack(rules.Place(9, 9, 9, 9, 999_999)): 0})  # belongs to nobody
    found = services.reconcile(competition_id, repair=False)
    assert (found.checked, found.missing, found.older, found.wrong) == (6, 1, 1, 1)

    assert services.reconcile(competition_id, repair=True).rebuilt
    assert services.reconcile(competition_id, repair=False).differences == 0
    assert [row.points for row in read(federation).rows] == [5, 4, 3, 2, 1, 0]


def test_reconcile_sees_a_member_that_belongs_to_nobody(app: Flask, federation: Federation) -> None:
    stand(join(federation))
    competition_id = federation.competition.id
    services.rebuild(competition_id)
    token = app.extensions["valkey"].get(f"lb:{{c{competition_id}}}:generation").decode()
    board = f"lb:{{c{competition_id}}}:{token}:b:0:{federation.province.id}"
    app.extensions["valkey"].zadd(board, {rules.pack(rules.Place(9, 9, 9, 9, 999_999)): 0})
    assert services.reconcile(competition_id, repair=False).extra == 1
    assert services.reconcile(competition_id, repair=True).rebuilt
    assert read(federation).total == 1


def test_p4_no_name_is_found_in_valkey(app: Flask, federation: Federation) -> None:
    person = join(federation, name="欧阳独一")
    stand(person)
    services.rebuild(federation.competition.id)
    read(federation)
    valkey = app.extensions["valkey"]
    dump = b""
    for key in valkey.keys("*"):
        kind = valkey.type(key)
        dump += key + b"".join(
            valkey.zrange(key, 0, -1)
            if kind == b"zset"
            else [one for pair in valkey.hgetall(key).items() for one in pair]
            if kind == b"hash"
            else valkey.smembers(key)
            if kind == b"set"
            else [valkey.get(key)]
        )
    assert str(person.id).encode() in dump
    assert "独".encode() not in dump


def test_with_valkey_stopped_a_rebuild_says_so(app: Flask, federation: Federation) -> None:
    with standing_still(app), pytest.raises(Away):
        services.rebuild(federation.competition.id)


def play(federation: Federation, right: int, name: str = "王小明") -> Attempt:
    """A real attempt with `right` right answers, handed in."""
    level = factories.make_level(federation.track) if not db.session.scalar(text("select id from levels")) else None
    level_id = level.id if level else int(db.session.scalar(text("select id from levels")) or 0)
    participation = join(federation, name=name)
    session = factories.make_session(db.session.get_one(Person, participation.person_id))
    attempt = start_attempt(participation.person_id, level_id)
    for position in range(1, 4):
        value = ["a"] if position <= right else ["b"]
        save_answer(attempt.id, session.id, position, 1, value, False, clock.now())
    return submit_attempt(attempt.id, participation.person_id)


def test_l8_a_seal_is_recomputed_from_its_rows_and_from_the_raw_answers(federation: Federation) -> None:
    for right in (3, 1, 3, 0):
        play(federation, right)
    close_competition(federation.competition.id, None)  # type: ignore[arg-type]
    sealed = services.seal(federation.competition.id, None)
    found = services.verify(federation.competition.id)
    assert found.rows == sealed.row_count == 8  # each of four people on the whole board and on the track's
    assert found.recorded == found.from_rows == found.from_answers == sealed.sha256
    assert found.holds


@pytest.mark.parametrize(
    "tampering",
    [
        "update sealed_standings set points = points + 1 where rank = 1",
        "update sealed_standings set rank = 1 where rank = 2",
        "update sealed_standings set eligible = false where rank = 1",
        "update sealed_standings set reached_at = reached_at + interval '1 microsecond' where rank = 1",
        "delete from sealed_standings where rank = 2",
    ],
)
def test_l8_a_changed_row_breaks_the_seal(
    federation: Federation, superuser: psycopg.Connection[Any], tampering: str
) -> None:
    play(federation, 3)
    play(federation, 1)
    close_competition(federation.competition.id, None)  # type: ignore[arg-type]
    services.seal(federation.competition.id, None)
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(tampering))
    db.session.rollback()
    with superuser.transaction():
        superuser.execute("set local session_replication_role = replica")
        superuser.execute(tampering)
    assert not services.verify(federation.competition.id).holds


def test_l8_a_changed_answer_breaks_the_seal(federation: Federation, superuser: psycopg.Connection[Any]) -> None:
    attempt = play(federation, 3)
    close_competition(federation.competition.id, None)  # type: ignore[arg-type]
    services.seal(federation.competition.id, None)
    superuser.execute("update answers set value = '[\"b\"]' where attempt_id = %s and position = 1", [attempt.id])
    found = services.verify(federation.competition.id)
    assert found.from_rows == found.recorded
    assert found.from_answers != found.recorded


def test_sealing_is_refused_while_open_or_unfinished_and_happens_once(federation: Federation) -> None:
    competition_id = federation.competition.id
    with pytest.raises(WrongState):
        services.seal(competition_id, None)
    play(federation, 3)
    unfinished = join(federation)
    start_attempt(unfinished.person_id, int(db.session.scalar(text("select id from levels")) or 0))
    db.session.execute(text("update competitions set state = 'closed'"))
    db.session.commit()
    with pytest.raises(AttemptsUnfinished) as refusal:
        services.seal(competition_id, None)
    assert refusal.value.details == {"count": 1}
    with pytest.raises(NotFound):
        services.verify(competition_id)
    close_competition(competition_id, None)  # type: ignore[arg-type]
    services.seal(competition_id, None)
    with pytest.raises(WrongState):
        services.seal(competition_id, None)
    assert db.session.scalar(text("select count(*) from audit_entries where action = 'competition.seal'")) == 1


def test_a_sealed_board_shows_the_sealed_rows_whatever_happens_to_standings_and_valkey(
    app: Flask, federation: Federation
) -> None:
    crowd(federation, 60)
    services.rebuild(federation.competition.id)
    before = [row for _, _, _, row in whole_board(federation, "live")]
    federation.competition.state = "closed"
    db.session.commit()
    services.seal(federation.competition.id, None)
    db.session.execute(text("update standings set points = 999"))
    db.session.commit()
    assert app.extensions["valkey"].keys("lb:*") == []
    assert [row for _, _, _, row in whole_board(federation, "sealed")] == before
    assert db.session.query(SealedStanding).filter_by(track_id=federation.track.id).count() == 60
