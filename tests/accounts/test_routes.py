from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from accounts import queries, services, sessions
from accounts.models import LoginSession
from app import create_app
from config import Settings
from core import clock, database
from core.database import db, transaction
from tests.accounts.helpers import PASSWORD, PHONE, is_signed_in, json_of, make_account, sign_in
from tests.factories import make_organization


def test_the_right_phone_and_password_lead_to_the_page_asked_for(client: FlaskClient) -> None:
    make_account()
    form = {"phone": "138 0000 1234", "password": PASSWORD, "next": "/me/account"}
    reply = client.post("/login", data=form)
    assert (reply.status_code, reply.location) == (303, "/me/account")
    page = client.get("/me/account")
    assert page.status_code == 200
    assert "1234" in page.text
    assert "13800001234" not in page.text


def test_a_wrong_password_and_an_unknown_phone_give_the_same_page(client: FlaskClient) -> None:
    make_account()
    pages = [
        client.post("/login", data={"phone": phone, "password": "not this one"})
        for phone in ("13800001234", "13900001234")
    ]
    assert [page.status_code for page in pages] == [422, 422]
    own = r'nonce="[^"]+"|name="csrf_token"[^>]+|1[38][0-9]{9}'
    texts = [re.sub(own, "", page.text) for page in pages]
    assert texts[0] == texts[1]


def test_log_in_never_leads_to_another_site(client: FlaskClient) -> None:
    make_account()
    form = {"phone": PHONE, "password": PASSWORD, "next": "//evil.example/"}
    assert client.post("/login", data=form).location == "/"


def test_a_page_that_needs_a_person_leads_through_log_in_and_back(client: FlaskClient) -> None:
    assert client.get("/me/account?x=1").location == "/login?next=/me/account?x%3D1"
    assert 'value="/me/account?x=1"' in client.get("/login?next=/me/account?x%3D1").text


def test_nothing_set_before_log_in_survives_it(client: FlaskClient) -> None:
    make_account()
    with client.session_transaction() as before:
        before["_user_id"] = "planted"
        before["planted"] = "yes"
    client.post("/login", data={"phone": PHONE, "password": PASSWORD})
    with client.session_transaction() as after:
        assert "planted" not in after
        assert sessions.find_live_session(after["_user_id"], "cookie") is not None


def test_p8_log_out_ends_the_session_even_for_a_kept_copy_of_the_cookie(app: Flask) -> None:
    make_account()
    browser, thief = sign_in(app), app.test_client()
    cookie = browser.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    assert is_signed_in(thief)
    browser.post("/logout")
    assert not is_signed_in(browser)
    assert not is_signed_in(thief)


def test_p8_disabling_counts_at_the_next_request_on_every_device(app: Flask) -> None:
    person_id = make_account().id
    phone, laptop = sign_in(app), sign_in(app)
    token = json_of(app.test_client().post("/api/v1/sessions", json={"phone": PHONE, "password": PASSWORD}))["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert is_signed_in(phone)
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 200
    with transaction():
        services.mark_disabled(person_id, True)
    assert not is_signed_in(phone)
    assert not is_signed_in(laptop)
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 401


def test_p8_a_password_change_signs_every_other_device_out(app: Flask) -> None:
    make_account()
    here, there = sign_in(app), sign_in(app)
    form = {"current": PASSWORD, "password": "a new one 2026"}
    assert here.post("/me/account/password", data=form).status_code == 303
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_a_device_is_signed_out_from_the_list_and_only_by_its_owner(app: Flask) -> None:
    make_account()
    make_account("+8613900001234", "李四")
    mine, lost, stranger = sign_in(app), sign_in(app), sign_in(app, "+8613900001234")
    lost_id = db.session.scalars(select(LoginSession.id).order_by(LoginSession.id)).all()[1]
    assert stranger.post(f"/me/account/sessions/{lost_id}/end").status_code == 404
    assert stranger.post("/me/account/sessions/999999/end").status_code == 404
    assert is_signed_in(lost)
    assert mine.post(f"/me/account/sessions/{lost_id}/end").status_code == 303
    assert not is_signed_in(lost)
    again = sign_in(app)
    mine.post("/me/account/sessions/end-others")
    assert (is_signed_in(mine), is_signed_in(again), is_signed_in(stranger)) == (True, False, True)


def test_a_request_asks_for_the_session_once_and_notes_it_once_a_minute(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account()
    browser = sign_in(app)
    statements: list[str] = []
    fetch_all = database.fetch_all

    def note_direct(statement: LiteralString, values: Mapping[str, object]) -> Any:
        statements.append(statement.split()[0])
        return fetch_all(statement, values)

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]).split()[0].lower())

    monkeypatch.setattr(sessions, "fetch_all", note_direct)
    monkeypatch.setattr(app.extensions["sessions"], "seconds", 0.0)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        browser.get("/api/v1/me")
        assert statements == ["select"]
        with transaction():
            db.session.execute(update(LoginSession).values(last_seen_at=clock.now() - timedelta(minutes=2)))
        statements.clear()
        browser.get("/api/v1/me")
        browser.get("/api/v1/me")
        assert statements == ["select", "update", "select"]
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_session_that_cannot_be_noted_as_seen_is_a_session_all_the_same(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account()
    browser = sign_in(app)
    fetch_all = database.fetch_all

    def full_disk(statement: LiteralString, values: Mapping[str, object]) -> Any:
        if statement.split()[0] == "update":
            raise psycopg.errors.DiskFull
        return fetch_all(statement, values)

    monkeypatch.setattr(sessions, "fetch_all", full_disk)
    monkeypatch.setattr(app.extensions["sessions"], "seconds", 0.0)
    with transaction():
        db.session.execute(update(LoginSession).values(last_seen_at=clock.now() - timedelta(minutes=2)))
    assert browser.get("/api/v1/me").status_code == 200


def test_a_bearer_token_opens_the_api_until_it_is_ended(client: FlaskClient) -> None:
    person_id = make_account().id
    reply = client.post("/api/v1/sessions", json={"phone": "13800001234", "password": PASSWORD})
    assert reply.status_code == 201
    bearer = {"Authorization": f"Bearer {json_of(reply)['token']}"}
    assert client.get("/api/v1/me", headers=bearer).json == {
        "person_id": person_id,
        "name": "王小明",
        "locale": "zh_CN",
    }
    assert client.delete("/api/v1/sessions/current", headers=bearer).status_code == 204
    assert client.get("/api/v1/me", headers=bearer).json == {"error": "not_signed_in", "details": {}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"phone": 1, "password": "x"}',
        b'{"phone": "13800001234"}',
        b'{"phone": "\\u0000", "password": "x"}',
        b'{"phone": "13800001234", "password": "x", "admin": true}',
        b'{"phone": "1", "password": "x"}',
    ],
)
def test_a_malformed_sign_in_is_refused_and_never_crashes(client: FlaskClient, body: bytes) -> None:
    reply = client.post("/api/v1/sessions", data=body, content_type="application/json")
    assert reply.status_code == 422
    assert set(json_of(reply)) == {"error", "details"}


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x y", "Bearer \xff", "bearer nobody", "Basic YTpi", "Attempt x"]
)
def test_an_authorization_header_that_fits_nobody_is_nobody_even_with_a_good_cookie(app: Flask, header: str) -> None:
    make_account()
    browser = sign_in(app)
    assert browser.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


@pytest.fixture
def csrf(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection as it is in production."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)


@pytest.mark.usefixtures("csrf")
def test_a_form_from_elsewhere_changes_nothing(client: FlaskClient) -> None:
    make_account()
    assert client.post("/login", data={"phone": PHONE, "password": PASSWORD}).status_code == 400
    page = client.get("/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"phone": PHONE, "password": PASSWORD, "csrf_token": token}
    assert client.post("/login", data=form).status_code == 303
    assert client.post("/logout").status_code == 400
    assert is_signed_in(client)


@pytest.mark.usefixtures("csrf")
def test_an_api_call_by_cookie_needs_the_header_and_one_by_bearer_does_not(app: Flask) -> None:
    make_account()
    with app.test_request_context():
        token, _session = services.sign_in(PHONE, PASSWORD, "cookie", "")
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = token
    assert json_of(browser.delete("/api/v1/sessions/current"))["error"] == "csrf_failed"
    assert browser.delete("/api/v1/sessions/current", headers={"Authorization": "Bearer x"}).status_code == 401
    page = browser.get("/me/account").text
    header = page.split('name="csrf_token" value="')[1].split('"')[0]
    assert browser.delete("/api/v1/sessions/current", headers={"X-CSRFToken": header}).status_code == 204
    other = app.test_client()
    opened = other.post("/api/v1/sessions", json={"phone": PHONE, "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {json_of(opened)['token']}"}
    assert other.delete("/api/v1/sessions/current", headers=bearer).status_code == 204


def test_the_chosen_language_follows_the_person(app: Flask) -> None:
    make_account()
    browser = sign_in(app)
    assert '<html lang="zh-CN"' in browser.get("/me/account").text
    browser.get("/me/account?lang=zh-CN")  # a cookie of an earlier choice
    assert browser.post("/me/account/profile", data={"name": "王小明", "locale": "en"}).status_code == 303
    assert '<html lang="en"' in browser.get("/me/account").text


def test_a_name_that_no_database_holds_is_refused(app: Flask) -> None:
    make_account()
    reply = sign_in(app).post("/me/account/profile", data={"name": "王\x00", "locale": "en"})
    assert reply.status_code == 400


def test_p8_a_remembered_session_is_forgotten_by_every_process_when_it_ends(app: Flask, settings: Settings) -> None:
    make_account()
    here, there = sign_in(app), sign_in(app)
    other_process = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
    elsewhere = other_process.test_client()
    with there.session_transaction() as known, elsewhere.session_transaction() as copied:
        copied.update(known)
    with other_process.app_context():
        assert is_signed_in(elsewhere)
    here.post("/me/account/sessions/end-others")
    with other_process.app_context():
        assert not is_signed_in(elsewhere)
        database.close_direct()
        db.engine.dispose()


def _connect_nowhere(_: object) -> Any:
    return psycopg.connect("host=/nonexistent")


def test_a_lost_database_still_gives_a_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_account()
    browser = sign_in(app)
    monkeypatch.setattr(database, "_connect", _connect_nowhere)
    database.close_direct()
    reply = browser.get("/me/account")
    assert (reply.status_code, "<h1" in reply.text) == (503, True)


def sign_up_form(**changes: str) -> dict[str, str]:
    return {"phone": "13800001234", "password": PASSWORD, "name": "王小明", "consent": "y"} | changes


def test_a_person_signs_up_down_the_tree_without_a_script(client: FlaskClient) -> None:
    province = make_organization()
    city = make_organization(province, "city")
    plant = make_organization(city, "enterprise", join_code="ABCD2345")
    assert f'name="node" value="{province.id}"' in client.get("/sign-up").text
    assert f'name="node" value="{city.id}"' in client.get(f"/sign-up?node={province.id}").text
    assert f'name="employer" value="{plant.id}"' in client.get(f"/sign-up?node={city.id}").text
    assert client.get("/sign-up?code=abcd-2345").location == f"/sign-up?employer={plant.id}"
    assert client.get(f"/sign-up?employer={plant.id}").status_code == 200
    assert client.post(f"/sign-up/{plant.id}", data=sign_up_form()).status_code == 303
    assert "王小明" in client.get("/me/account").text


@pytest.mark.parametrize(
    "changes", [{"phone": "123"}, {"password": "12345678"}, {"name": ""}, {"consent": ""}, {"password": ""}]
)
def test_a_sign_up_with_something_missing_makes_no_account(client: FlaskClient, changes: dict[str, str]) -> None:
    plant = make_organization(kind="enterprise")
    form = {key: value for key, value in sign_up_form(**changes).items() if value}
    assert client.post(f"/sign-up/{plant.id}", data=form).status_code == 422
    assert queries.find_person_by_phone(PHONE) is None


def test_a_second_sign_up_signs_in_who_knows_the_password_and_changes_nothing_for_others(client: FlaskClient) -> None:
    plant = make_organization(kind="enterprise")
    person_id = make_account().id
    refused = client.post(f"/sign-up/{plant.id}", data=sign_up_form(password="guessed at random", name="骗子"))
    assert refused.status_code == 422
    assert not is_signed_in(client)
    assert client.post(f"/sign-up/{plant.id}", data=sign_up_form(name="别名")).status_code == 303
    assert is_signed_in(client)
    assert queries.get_person(person_id).name == "王小明"


def test_nobody_signs_up_at_a_federation(client: FlaskClient) -> None:
    province = make_organization()
    assert client.post(f"/sign-up/{province.id}", data=sign_up_form()).status_code == 404
    assert client.post("/sign-up/999999", data=sign_up_form()).status_code == 404


def test_changing_the_language_after_a_refused_form_leads_to_the_form(client: FlaskClient) -> None:
    """The switch is a link to the page itself, and a page drawn by a POST has an address of its own."""
    plant = make_organization(kind="enterprise")
    assert client.post(f"/sign-up/{plant.id}", data={}).status_code == 422
    assert client.get(f"/sign-up/{plant.id}?lang=en", follow_redirects=True).status_code == 200
    make_account()
    client.post("/login", data={"phone": PHONE, "password": PASSWORD})
    for form in ("profile", "password"):
        assert client.post(f"/me/account/{form}", data={}).status_code == 422
        assert client.get(f"/me/account/{form}?lang=en", follow_redirects=True).status_code == 200
