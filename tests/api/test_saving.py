"""Saving over HTTP as two tabs, two devices, a bad network and strangers do it (A2 to A5, A12, P3)."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from competitions import api, rules, saves
from competitions.shortcut import Shortcut
from core import clock
from core.database import db
from tests import factories as make

Reply = tuple[int, dict[str, Any]]


@dataclass
class Device:
    """A phone or a tab: a session of its own, and with it a token of its own for the attempt."""

    browser: FlaskClient
    bearer: str
    attempt: dict[str, Any]

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        return self.browser.open(path, method=method, headers={"Authorization": f"Bearer {self.bearer}"}, **more)

    def save(self, position: int, seq: int, value: Any, token: str | None = None, attempt: int | None = None) -> Reply:
        reply = self.browser.put(
            f"/api/v1/attempts/{attempt or self.attempt['id']}/answers/{position}",
            json={"seq": seq, "value": value},
            headers={"Authorization": f"Attempt {token or self.attempt['token']}"},
        )
        return reply.status_code, reply.get_json()

    def again(self) -> dict[int, Any]:
        """What this device shows after a reload."""
        reply = self.send("GET", f"/api/v1/attempts/{self.attempt['id']}")
        assert reply.status_code == 200, reply.text
        return {one["position"]: one["value"] for one in reply.get_json()["answers"]}

    def submit(self) -> dict[str, Any]:
        reply = self.send("POST", f"/api/v1/attempts/{self.attempt['id']}/submission")
        assert reply.status_code == 200, reply.text
        return dict(reply.get_json())


@dataclass
class Players:
    """People of one province who joined one competition; each call gives a device that has started or resumed."""

    app: Flask
    level_id: int
    competition: Any
    province: Any

    def device(self, person: Any = None) -> Device:
        if person is None:
            person = make.make_person(self.province)
            make.make_participation(self.competition, person, self.province.path)
        bearer = secrets.token_urlsafe()
        make.make_session(person, token=bearer)
        device = Device(self.app.test_client(), bearer, {})
        reply = device.send("POST", f"/api/v1/levels/{self.level_id}/attempts")
        assert reply.status_code == 200, reply.text
        device.attempt = reply.get_json()
        return device


@pytest.fixture
def players(app: Flask) -> Players:
    make.make_bank(size=6)
    province = make.make_organization()
    competition = make.make_competition(province)
    return Players(app, make.make_level(make.make_track(competition)).id, competition, province)


@pytest.fixture
def two(players: Players) -> tuple[Device, Device]:
    """Two devices of one person."""
    person = make.make_person(players.province)
    make.make_participation(players.competition, person, players.province.path)
    return players.device(person), players.device(person)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move the one clock by a distance from when the test began; between moves it stands still."""
    began = clock.now()

    def move(distance: timedelta) -> None:
        monkeypatch.setattr(clock, "now", lambda: began + distance)

    move(timedelta(0))
    return move


def test_a3_a12_two_tabs_see_one_attempt_and_the_later_number_stands(two: tuple[Device, Device]) -> None:
    phone, desk = two
    assert phone.attempt["id"] == desk.attempt["id"]
    assert phone.attempt["deadline_at"] == desk.attempt["deadline_at"]
    assert phone.save(1, 1, ["a"])[0] == 200
    assert desk.save(1, 2, ["b"])[0] == 200
    status, refused = phone.save(1, 2, ["c"])
    assert (status, refused["error"]) == (409, "superseded")
    assert (refused["details"]["seq"], refused["details"]["value"]) == (2, ["b"])
    assert phone.save(1, 3, ["c"])[0] == 200
    assert phone.again() == desk.again() == {1: ["c"]}


def test_a3_the_planted_bug_of_two_tabs_that_overwrite_each_other_is_caught(
    two: tuple[Device, Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saves, "_WRITE", saves._WRITE.replace("answers.seq < excluded.seq", "true"))
    with pytest.raises((AssertionError, KeyError)):
        test_a3_a12_two_tabs_see_one_attempt_and_the_later_number_stands(two)


@pytest.mark.parametrize("order", [*itertools.permutations((1, 2, 3)), (1, 1, 2, 3, 3), (3, 1, 3, 2, 1)])
def test_a3_saves_reordered_and_doubled_by_the_network_end_in_the_last(
    players: Players, order: tuple[int, ...]
) -> None:
    device = players.device()
    values = {1: ["a"], 2: ["b"], 3: None}
    highest = 0
    for seq in order:
        status, said = device.save(1, seq, values[seq])
        assert status == (200 if seq >= highest else 409), said
        highest = max(highest, seq)
    assert device.again() == {1: None}


def test_a2_a_repeated_save_is_acknowledged_again_with_the_same_words(players: Players) -> None:
    device = players.device()
    first, second = device.save(2, 7, ["d"]), device.save(2, 7, ["d"])
    for status, said in (first, second):
        assert (status, said["seq"], said["deadline_at"]) == (200, 7, device.attempt["deadline_at"])


def test_p3_a_strangers_token_saves_nothing_and_learns_nothing(players: Players) -> None:
    mine, other = players.device(), players.device()
    status, said = other.save(1, 1, ["a"], attempt=mine.attempt["id"])
    absent = other.save(1, 1, ["a"], attempt=2_000_000_000)
    assert (status, said) == absent == (404, {"error": "not_found", "details": {"what": "attempt"}})
    seen = [other.send("GET", f"/api/v1/attempts/{one}") for one in (mine.attempt["id"], 2_000_000_000)]
    assert [(one.status_code, one.text) for one in seen] == [(404, seen[0].text)] * 2
    ended = [other.send("POST", f"/api/v1/attempts/{one}/submission") for one in (mine.attempt["id"], 2_000_000_000)]
    assert [(one.status_code, one.text) for one in ended] == [(404, ended[0].text)] * 2
    assert mine.again() == {}


def test_p3_the_planted_bug_of_a_token_that_opens_every_attempt_is_caught(
    players: Players, monkeypatch: pytest.MonkeyPatch
) -> None:
    def any_token(attempt_id: int) -> int:
        return int(db.session.execute(db.text("select min(id) from login_sessions")).scalar_one())

    monkeypatch.setattr(api, "_device", any_token)
    with pytest.raises((AssertionError, KeyError)):
        test_p3_a_strangers_token_saves_nothing_and_learns_nothing(players)


@pytest.mark.parametrize("after_deadline", [timedelta(0), rules.GRACE])
def test_a4_a5_a_save_until_the_grace_is_over_counts(
    players: Players, at: Callable[[timedelta], None], after_deadline: timedelta
) -> None:
    device = players.device()
    at(timedelta(seconds=300) + after_deadline)
    assert device.save(1, 1, ["a"])[0] == 200
    at(timedelta(seconds=310))
    assert device.submit()["points"] == 10


def test_a4_a_late_save_is_refused_says_so_and_leaves_what_was_saved(
    players: Players, at: Callable[[timedelta], None]
) -> None:
    device = players.device()
    assert device.save(1, 1, ["a"])[0] == 200
    at(timedelta(seconds=300) + rules.GRACE + timedelta(milliseconds=1))
    for position in (1, 2):
        status, said = device.save(position, 2, ["b"])
        assert (status, said["error"]) == (409, "too_late")
        assert said["details"]["deadline_at"] == device.attempt["deadline_at"]
    at(timedelta(seconds=310))
    result = device.submit()
    assert (result["points"], result["close_reason"]) == (10, "time_up")
    assert device.save(1, 3, ["b"])[1]["error"] == "too_late"


def test_a4_the_planted_bug_of_a_grace_that_does_not_end_is_caught(
    players: Players, at: Callable[[timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saves, "GRACE", timedelta(hours=1))
    with pytest.raises((AssertionError, KeyError)):
        test_a4_a_late_save_is_refused_says_so_and_leaves_what_was_saved(players, at)


def test_a2_a13_after_the_submit_of_one_device_the_other_is_told_and_nothing_changes(
    two: tuple[Device, Device],
) -> None:
    phone, desk = two
    phone.save(1, 1, ["a"])
    receipt = desk.submit()["receipt"]
    status, said = phone.save(2, 1, ["b"])
    assert (status, said["error"]) == (409, "attempt_closed")
    assert receipt["answers_hash"] == rules.answers_hash(phone.attempt["id"], {1: ["a"]})
    assert phone.submit()["receipt"] == receipt


def test_a12_a_device_whose_session_ended_is_told_to_sign_in_and_another_goes_on(two: tuple[Device, Device]) -> None:
    phone, desk = two
    assert phone.save(1, 1, ["a"])[0] == 200
    assert phone.send("DELETE", "/api/v1/sessions/current").status_code == 204
    assert phone.save(2, 1, ["b"])[0] == 401
    assert desk.again() == {1: ["a"]}
    assert desk.save(2, 1, ["b"])[0] == 200


def test_a11_no_key_or_explanation_is_sent_while_an_attempt_runs(players: Players) -> None:
    device = players.device()
    device.save(1, 1, ["a"])
    said = device.send("GET", f"/api/v1/attempts/{device.attempt['id']}").text
    for word in ('"key"', '"explanation"', "因为所以", "Because", '"right"', '"source"'):
        assert word not in said


def test_a_save_through_the_shortcut_is_answered_as_flask_answers_it(
    players: Players, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = players.device()
    option = device.attempt["items"][0]["options"][0]["id"]

    def put(seq: int) -> TestResponse:
        return device.browser.put(
            f"/api/v1/attempts/{device.attempt['id']}/answers/1",
            json={"seq": seq, "value": [option]},
            headers={"Authorization": f"Attempt {device.attempt['token']}"},
        )

    short = put(1)
    shortcut = players.app.wsgi_app
    assert isinstance(shortcut, Shortcut)
    with monkeypatch.context() as without:
        without.setattr(players.app, "wsgi_app", shortcut.behind)
        long = put(2)
    assert (short.status, long.status) == ("200 OK", "200 OK")
    assert sorted(short.headers) == sorted(long.headers)
    assert short.get_json()["deadline_at"] == long.get_json()["deadline_at"]
    assert (short.get_json()["seq"], long.get_json()["seq"]) == (1, 2)


def test_saves_that_the_database_refuses_are_counted_for_the_control_room(
    players: Players, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_save: saves.Save) -> saves.Outcome:
        raise psycopg.OperationalError

    device = players.device()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    with players.app.app_context():
        assert saves.count_failures(now) == 0
    with monkeypatch.context() as broken:
        broken.setattr(saves._gathering, "do", away)
        assert [device.save(1, seq, ["a"])[0] for seq in (1, 2)] == [503, 503]
    assert device.save(1, 3, ["a"])[0] == 200
    with players.app.app_context():
        assert saves.count_failures(now + timedelta(minutes=9)) == 2
        assert saves.count_failures(now + timedelta(minutes=10)) == 0
