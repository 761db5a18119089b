from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import redis
import structlog
from flask import Flask
from flask.testing import FlaskClient

import config
from app import create_app
from core import security
from core.security import Throttle, TooMany
from tests.accounts.helpers import PASSWORD, PHONE, json_of, make_account
from tests.factories import make_person, make_session


def sign_in_tries(client: FlaskClient, count: int, phone: str = PHONE, address: str = "10.0.0.1") -> list[int]:
    return [
        client.post(
            "/login",
            data={"phone": phone, "password": "not this one"},
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code
        for _ in range(count)
    ]


def test_the_eleventh_try_at_one_phone_in_a_minute_is_refused_from_any_address(client: FlaskClient) -> None:
    tries = [sign_in_tries(client, 1, address=f"10.0.0.{number}")[0] for number in range(1, 13)]
    assert tries[:10] == [422] * 10
    assert tries[11] == 429


def test_a_plant_behind_one_address_signs_in(client: FlaskClient) -> None:
    phones = [f"+861380000{number:04d}" for number in range(60)]
    assert {sign_in_tries(client, 1, phone)[0] for phone in phones} == {422}


@pytest.mark.usefixtures("app")
def test_an_address_is_stopped_at_three_hundred_a_minute(app: Flask) -> None:
    used = [app.extensions["throttle"].wait_s("300/minute", "sign-in-address", "10.9.9.9") for _ in range(301)]
    assert used[:300] == [0] * 300
    assert used[300] > 0


def test_a_refusal_says_when_to_try_again(client: FlaskClient) -> None:
    sign_in_tries(client, 11)
    page = client.post("/login", data={"phone": PHONE, "password": PASSWORD})
    assert page.status_code == 429
    assert 1 <= int(page.headers["Retry-After"]) <= 60
    assert "<h1" in page.text
    reply = client.post("/api/v1/sessions", json={"phone": PHONE, "password": PASSWORD})
    assert reply.status_code == 429
    assert json_of(reply)["error"] == "too_many_requests"
    assert json_of(reply)["details"]["retry_after"] == int(reply.headers["Retry-After"])


def test_without_valkey_people_sign_in_and_limits_still_hold(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_account()
    away = redis.Redis(unix_socket_path="/nonexistent/valkey.sock", socket_timeout=0.25)
    monkeypatch.setitem(app.extensions, "throttle", Throttle(away))
    browser = app.test_client()
    assert browser.post("/login", data={"phone": PHONE, "password": PASSWORD}).status_code == 303
    assert sign_in_tries(app.test_client(), 11)[-2:] == [429, 429]


def test_a_silent_valkey_is_asked_once_and_then_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(unix_socket_path="/nonexistent/valkey.sock")
    throttle = Throttle(away)
    asked: list[float] = []

    def refuse(*_: object) -> bool:
        asked.append(time.monotonic())
        raise redis.TimeoutError

    monkeypatch.setattr(throttle._shared, "hit", refuse)
    assert [throttle.wait_s("5/minute", "x") for _ in range(6)][:5] == [0] * 5
    assert len(asked) == 1


def test_a_limit_counts_each_account_by_itself_behind_one_address(app: Flask) -> None:
    @security.limited("export", "2/hour")
    def view() -> str:
        return "made"

    for number in range(2):
        make_session(make_person(), token=f"token-of-{number}")
        headers = {"Authorization": f"Bearer token-of-{number}"}
        with app.app_context(), app.test_request_context(headers=headers):
            assert [view(), view()] == ["made", "made"]
            with pytest.raises(TooMany):
                view()


def test_forwarded_addresses_are_believed_only_behind_a_proxy(application: Flask, settings: config.Settings) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    behind = create_app(replace(settings, trusted_proxies=1), TESTING=True)
    for app, expected in ((application, "127.0.0.1"), (behind, "203.0.113.9")):
        seen: list[str] = []
        app.before_request_funcs.setdefault(None, []).append(lambda seen=seen: seen.append(security.address()))
        try:
            app.test_client().get("/healthz", headers=headers)
        finally:
            app.before_request_funcs[None].pop()
        assert seen == [expected]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("call 13800001234 now", "call [number] now"),
        ("+86 138 0000 1234", "[number]"),
        ("id 11010519491231002X.", "id [number]."),
        ("card 6222 0212 3456 7890 123", "card [number]"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        (
            {"password": "x", "nested": {"api_token": "y", "n": 3}},
            {"password": "[hidden]"} | {"nested": {"api_token": "[hidden]", "n": 3}},
        ),
        (["13800001234", 13800001234, 42, True], ["[number]", "[number]", 42, True]),
        ("2026-11-23T14:05:06.123456Z took 12.5 ms", "2026-11-23T14:05:06.123456Z took 12.5 ms"),
    ],
)
def test_secrets_leave_a_log_value_and_the_rest_stays(said: object, written: object) -> None:
    assert security.redact(said) == written


def test_p4_a_phone_reaches_no_log_line_however_it_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    security.configure_logs("INFO")
    log = structlog.get_logger("test")
    log.info("signed_in", phone="13800001234", note="by 13800001234", headers={"Authorization": "Bearer abc"})
    try:
        raise ValueError("no account for 13800001234")
    except ValueError:
        log.exception("crashed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["signed_in", "crashed"]
    assert "13800001234" not in json.dumps(lines)
    assert "abc" not in json.dumps(lines)
    assert "ValueError" in lines[1]["exception"]


def test_the_logs_of_libraries_are_json_without_secrets_too() -> None:
    program = (
        "import logging\nfrom core import security\nsecurity.configure_logs('INFO')\n"
        "logging.getLogger('library').warning('lost %s', '13800001234')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert json.loads(done.stderr)["event"] == "lost [number]"
    assert logging.getLogger("library").level == logging.NOTSET
