"""Every route x method has a row in access.yaml, and behaves as its row says (P1, P3)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from core.database import db
from tests.site.demo_site import browser_of

MATRIX: dict[str, str] = yaml.safe_load((Path(__file__).parent / "access.yaml").read_text())
CLASSES = {"public", "signed-in", "owner", "attempt-token", "redirect"}
HOLDERS = ("enterprise_admin", "organizer", "finance", "auditor", "question_author", "question_reviewer")
SIGN_OUT = "POST accounts.sign_out"  # leads to the log-in page, for that is what comes next
ABSENT = 2_000_000_000

_IDS = {
    "competition_id": "select min(id) from competitions where state = 'sealed'",
    "organization_id": "select organization_id from role_grants where role = 'enterprise_admin' limit 1",
    "employer_id": "select organization_id from role_grants where role = 'enterprise_admin' limit 1",
    "person_id": "select max(person_id) from memberships where organization_id in (select id from organizations where"
    " (select organization_id from role_grants where role = 'enterprise_admin' limit 1) = any(path))",
    "grant_id": "select min(id) from role_grants",
    "track_id": "select min(id) from tracks",
    "level_id": "select min(id) from levels",
    "participation_id": "select min(p.id) from participations p join competitions c on c.id = p.competition_id"
    " where c.state = 'sealed'",
    "attempt_id": "select min(id) from attempts where person_id <> (select min(id) from people)",
    "session_id": "select max(id) from login_sessions where person_id <> (select min(id) from people)",
    "export_id": "select coalesce(min(id), 1) from exports",
    "ledger_id": "select min(id) from ledgers",
    "payout_id": "select min(id) from payouts",
    "batch_id": "select coalesce(min(id), 1) from payout_batches",
    "rule_id": "select min(r.id) from prize_rules r join competitions c on c.id = r.competition_id"
    " where c.state = 'sealed'",
    "tier_id": "select min(t.id) from bonus_tiers t join ledgers l on l.id = t.ledger_id"
    " join competitions c on c.id = l.competition_id where c.state = 'sealed'",
    "statistic_id": "select min(id) from item_statistics where competition_id is null",
    "position": "select 1",
    "trade_code": "select min(code) from trades",
    "question_id": "select min(question_id) from question_versions where case_group is not null",
    "import_id": "select coalesce(min(id), 1) from question_imports",
    "answer_id": "select min(id) from practice_answers where person_id <> (select min(id) from people)",
    "mock_id": "select min(id) from practice_mocks where person_id <> (select min(id) from people)",
}


def rows_of(app: Flask) -> dict[str, tuple[Rule, str]]:
    """Every route x method by the name of its row; HEAD and OPTIONS follow from the others."""
    return {
        f"{method} {rule.endpoint}": (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }


def address_of(app: Flask, rule: Rule, ids: dict[str, int]) -> str:
    """The path of a rule with these ids; of a choice of words the first."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        if name in ids:
            values[name] = ids[name]
        elif name == "filename":
            values[name] = "css/base.css"
        elif name == "sha256":
            values[name] = "0" * 64
        else:
            values[name] = sorted(converter.items)[0]  # type: ignore[attr-defined]
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, values, method=next(iter(rule.methods or ()))))


@pytest.fixture(scope="module")
def ids(site: Flask) -> dict[str, int]:
    browser_of(site, "organizer")  # whose session another may not end
    found = {name: db.session.execute(text(statement)).scalar_one() for name, statement in _IDS.items()}
    db.session.rollback()
    assert None not in found.values(), found
    return found


def ask(browser: FlaskClient, method: str, address: str) -> TestResponse:
    """Send a request as it comes from a page, or from a program under /api."""
    if method in ("POST", "PUT", "DELETE") and address.startswith("/api"):
        return browser.open(address, method=method, json={}, buffered=True)
    return browser.open(address, method=method, buffered=True)


def shape(reply: TestResponse, address: str) -> str:
    """A reply without what differs between any two requests: nonces, tokens and the ids of the address."""
    said = re.sub(r'(nonce|name="csrf_token" value|content)="[^"]*"', r'\1=""', reply.text)
    return re.sub(r"\d{3,}|(?<=/)\d+", "0", said.replace(address, ""))


def asks_to_sign_in(reply: TestResponse, address: str) -> bool:
    if address.startswith("/api"):
        return reply.status_code == 401 and set(reply.get_json()) == {"error", "details"}
    return reply.status_code == 303 and reply.headers["Location"].startswith("/login")


def test_p1_every_route_has_a_row_and_every_row_a_route(application: Flask) -> None:
    assert set(rows_of(application)) == set(MATRIX)
    assert {row for row, access in MATRIX.items() if access not in CLASSES and not access.startswith("role:")} == set()


def test_p1_p3_every_route_behaves_as_its_row_says(site: Flask, ids: dict[str, int]) -> None:
    nobody = site.test_client()
    worker = browser_of(site, "worker")
    absent = dict.fromkeys(ids, ABSENT)
    faults: list[tuple[object, ...]] = []
    for row, (rule, method) in rows_of(site).items():
        access = MATRIX[row]
        here, nowhere = address_of(site, rule, ids), address_of(site, rule, absent)
        reply = ask(nobody, method, here)
        if access == "public":
            if reply.status_code in (401, 404, 500) or (asks_to_sign_in(reply, here) and row != SIGN_OUT):
                faults.append((row, "nobody", reply.status_code))
            continue
        if access == "redirect":
            if reply.status_code != 303 or shape(reply, here) != shape(ask(nobody, method, nowhere), nowhere):
                faults.append((row, "nobody", reply.status_code))
            continue
        if not asks_to_sign_in(reply, here):
            faults.append((row, "nobody", reply.status_code))
        if access == "owner" or access.startswith("role:"):
            reply, other = ask(worker, method, here), ask(worker, method, nowhere)
            if (reply.status_code, other.status_code) != (404, 404):
                faults.append((row, "worker", reply.status_code, other.status_code))
            elif shape(reply, here) != shape(other, nowhere):
                faults.append((row, "worker", "absent and forbidden differ"))
    assert faults == [], faults


def test_p1_each_role_sees_the_pages_of_its_rows_and_finds_no_other(site: Flask, ids: dict[str, int]) -> None:
    """Every role route as each of the log-ins with roles; what a role may do is not done here, only read."""
    browsers = {role: browser_of(site, role) for role in HOLDERS}
    faults: list[tuple[object, ...]] = []
    for row, (rule, method) in rows_of(site).items():
        if MATRIX[row].startswith("role:"):
            may = {role.strip() for role in MATRIX[row].removeprefix("role:").split(",")}
            assert may <= set(HOLDERS), row
            for role in HOLDERS:
                if method == "GET" or role not in may:
                    status = ask(browsers[role], method, address_of(site, rule, ids)).status_code
                    if (status < 400) != (role in may) or status >= 500 or (role not in may and status != 404):
                        faults.append((row, role, status))
    assert faults == [], faults


def test_p1_the_check_sees_a_page_that_is_open_and_a_reply_that_tells_absent_from_forbidden(
    site: Flask, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bugs: a view without its permission, and one that says what it hides."""
    monkeypatch.setitem(site.view_functions, "payouts.list_ledgers", lambda: "open")
    with pytest.raises(AssertionError, match=r"payouts\.list_ledgers"):
        test_p1_p3_every_route_behaves_as_its_row_says(site, ids)
    monkeypatch.undo()
    monkeypatch.setitem(
        site.view_functions,
        "payouts.show_ledger",
        lambda ledger_id: ("nothing", 404) if ledger_id == ABSENT else ("not yours", 404),
    )
    with pytest.raises(AssertionError, match=r"payouts\.show_ledger"):
        test_p1_p3_every_route_behaves_as_its_row_says(site, ids)
