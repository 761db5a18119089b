"""Requests that no client would send: every API route refuses them with JSON, never with a crash (O6)."""

from __future__ import annotations

import random
import re
import resource
import secrets
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from competitions import services
from core.api import BODY_LIMIT
from core.database import db
from tests import factories as make

REQUESTS = 4000

LONE_SURROGATE = '"\\ud800"'
BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'""',
    b"1e999",
    b"NaN",
    b"\xff\xfe\x00",
    b'{"seq": 1, "value": "\xc3\x28"}',
    b'{"seq": 1, "value": "\x00"}',
    b'\xef\xbb\xbf{"seq": 1, "value": null}',
    b"[" * 10_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b"{" + b'"seq": 1, ' * 1_000 + b'"value": null}',
    b'{"seq": ' + b"9" * 5_000 + b', "value": null}',
    b"<?xml version='1.0'?><seq>1</seq>",
    b"seq=1&value=a",
]
VALUES = [
    "null",
    "true",
    "0",
    "-1",
    "1",
    "1.5",
    "1e400",
    "9007199254740992",
    "99999999999999999999999999",
    '""',
    '"a"',
    '"\\u0000"',
    '"a\\u0000b"',
    LONE_SURROGATE,
    '"\\udfff\\ud800"',
    '"' + "焊" * 3_000 + '"',
    "[]",
    '["a"]',
    '["a","a"]',
    '["\\u0000"]',
    f"[{LONE_SURROGATE}]",
    "[" + ",".join(['"a"'] * 2_000) + "]",
    "[" * 200 + "]" * 200,
    "{}",
    '{"a": 1}',
    '{"__class__": "os.system"}',
]
FIELDS = ("seq", "value", "flagged", "phone", "password", "unknown", "", "\\u0000", "__proto__")
TYPES = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "",
    "ä/ö",
)
TOKENS = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer \udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
    "Bearer a\x00b",
    "Bearer " + "x" * 5_000,
    "Attempt",
    "Attempt 1.2.x",
    "Attempt x.y.z",
    "Attempt 1.2." + "é" * 22,
    "Attempt ..",
    "Attempt " + "9" * 5_000 + ".1.x",
    "Basic YTpi",
)
IDS = ("0", "1", "-1", "2147483648", "9223372036854775807", "9223372036854775808", "9" * 60, "x", "%00", "１", "1.0")
QUERIES = (
    "",
    "page=1",
    "page=0",
    "page=-1",
    "page=" + "9" * 40,
    "page=x",
    "page=%00",
    "page=1&page=2",
    "track=1",
    "track=99999999999999999999",
    "node=%ff%fe",
    "node=9223372036854775808",
    "unknown=1",
    "lang=xx",
    "lang=%00",
    "cursor=%F0%9F%92%A9",
    "&&&===",
)


@pytest.fixture
def known(app: Flask) -> dict[str, Any]:
    """A signed-in player with a running attempt, so that requests reach the depth of every view."""
    make.make_bank(size=6)
    province = make.make_organization()
    person = make.make_person(province)
    bearer = secrets.token_urlsafe()
    session = make.make_session(person, token=bearer)
    competition = make.make_competition(province)
    level = make.make_level(make.make_track(competition))
    make.make_participation(competition, person, province.path)
    attempt = services.start_attempt(person.id, level.id)
    return {
        "attempt_id": attempt.id,
        "level_id": level.id,
        "competition_id": competition.id,
        "position": 1,
        "bearer": bearer,
        "attempt": services.attempt_token(attempt.id, session.id),
    }


def routes(app: Flask) -> list[tuple[str, str]]:
    """Method and rule of everything under /api."""
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def make_body(chance: random.Random) -> bytes:
    """Something that is not, or not quite, what a route reads."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(BODIES)
    if kind == 1:
        return f'{{"seq": {chance.randrange(1, 9)}, "value": {chance.choice(VALUES)}}}'.encode()
    if kind == 2:
        return chance.choice(VALUES).encode()
    fields = chance.sample(FIELDS, chance.randrange(1, 5))
    return ("{" + ", ".join(f'"{name}": {chance.choice(VALUES)}' for name in fields) + "}").encode()


def send_one(client: FlaskClient, chance: random.Random, method: str, rule: str, known: dict[str, Any]) -> TestResponse:
    """Send one request with at least one thing wrong, most of it as a real client would have it."""
    path = re.sub(
        r"<int:(\w+)>",
        lambda found: str(known.get(found[1], 1)) if chance.random() < 0.7 else chance.choice(IDS),
        rule,
    )
    headers = {}
    if chance.random() < 0.7:
        headers["Authorization"] = f"Attempt {known['attempt']}" if "/answers/" in rule else f"Bearer {known['bearer']}"
    elif token := chance.choice(TOKENS):
        headers["Authorization"] = token
    return client.open(
        path,
        method=method,
        query_string=chance.choice(QUERIES),
        data=make_body(chance) if method != "GET" or chance.random() < 0.1 else None,
        content_type="application/json" if chance.random() < 0.7 else chance.choice(TYPES),
        headers=headers,
    )


def fault_of(reply: TestResponse, rule: str) -> str | None:
    """Say what is wrong with a reply, None when nothing is."""
    if reply.status_code >= 500:
        return "5xx"
    if "Traceback" in reply.text:
        return "traceback"
    if reply.status_code < 400 or rule.endswith("/docs"):
        return None
    if reply.mimetype != "application/json":
        return "no JSON"
    said = reply.get_json()
    if set(said) != {"error", "details"} or not re.fullmatch(r"[a-z_]+", said["error"]):
        return "another shape"
    if reply.status_code == 422 and not said["details"].get("path", "$").startswith("$"):
        return "422 without a JSON path"
    return None


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_o6_thousands_of_malformed_requests_are_refused_with_json_and_without_a_crash(
    client: FlaskClient, known: dict[str, Any]
) -> None:
    chance = random.Random(20_261)
    every = [one for one in routes(client.application) if one != ("DELETE", "/api/v1/sessions/current")]
    faults: list[tuple[Any, ...]] = []
    statuses: Counter[int] = Counter()
    before = 0
    for sent in range(REQUESTS):
        method, rule = every[sent % len(every)]
        reply = send_one(client, chance, method, rule, known)
        statuses[reply.status_code] += 1
        if fault := fault_of(reply, rule):
            faults.append((method, rule, reply.status_code, fault, reply.text[:200], reply.request.get_data()[:80]))
        reply.close()
        db.session.remove()  # in production the end of a request does
        if sent == REQUESTS // 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert faults == []
    assert {200, 401, 404, 422} <= set(statuses), statuses
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= before * 1.1


@pytest.mark.parametrize("body", [*BODIES, *(value.encode() for value in VALUES)])
def test_o6_every_malformed_sign_in_is_422_with_a_path(client: FlaskClient, body: bytes) -> None:
    reply = client.post("/api/v1/sessions", data=body, content_type="application/json")
    assert reply.status_code in (413, 422)
    if reply.status_code == 422:
        assert reply.get_json()["error"] == "invalid"
        assert reply.get_json()["details"]["path"].startswith("$")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"seq": "1", "value": ["a"]}, "$.seq"),
        ({"seq": 0, "value": ["a"]}, "$.seq"),
        ({"seq": 2**53, "value": ["a"]}, "$.seq"),
        ({"seq": 1, "value": {"a": 1}}, "$.value"),
        ({"seq": 1, "value": [1]}, "$.value[0]"),
        ({"seq": 1, "value": ["e"]}, "$.value"),
        ({"seq": 1, "value": ["a"], "flagged": 1}, "$.flagged"),
        ({"seq": 1, "value": ["a"], "more": 1}, "$"),
        ({"value": ["a"]}, "$"),
    ],
)
def test_o6_a_refused_save_names_the_path_and_stores_nothing(
    client: FlaskClient, known: dict[str, Any], body: dict[str, Any], path: str
) -> None:
    reply = client.put(
        f"/api/v1/attempts/{known['attempt_id']}/answers/1",
        json=body,
        headers={"Authorization": f"Attempt {known['attempt']}"},
    )
    assert (reply.status_code, reply.get_json()["details"]["path"]) == (422, path)
    assert db.session.execute(db.text("select count(*) from answers")).scalar_one() == 0


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 300 * 1024, 3 * 1024 * 1024])
def test_o6_a_body_over_the_limit_is_413(client: FlaskClient, known: dict[str, Any], size: int) -> None:
    body = b'{"seq": 1, "value": "' + b"x" * size + b'"}'
    headers = {"Authorization": f"Attempt {known['attempt']}"}
    reply = client.put(f"/api/v1/attempts/{known['attempt_id']}/answers/1", data=body, headers=headers)
    assert reply.status_code == 413
    assert reply.get_json() == {"error": "request_entity_too_large", "details": {}}


def test_o6_the_check_sees_a_crash_a_page_and_another_shape(app: Flask) -> None:
    """The planted bugs: what `fault_of` is there to find."""
    for status, mimetype, body, fault in (
        (500, "application/json", '{"error": "x", "details": {}}', "5xx"),
        (400, "application/json", '{"error": "Traceback", "details": {}}', "traceback"),
        (404, "text/html", "<h1>", "no JSON"),
        (404, "application/json", '{"message": "x"}', "another shape"),
        (422, "application/json", '{"error": "invalid", "details": {"path": "seq"}}', "422 without a JSON path"),
    ):
        view = app.response_class(body, status, mimetype=mimetype)
        reply = TestResponse(view.response, view.status, view.headers, request=None)  # type: ignore[arg-type]
        assert fault_of(reply, "/api/v1/x") == fault
