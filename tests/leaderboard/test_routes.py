"""Boards over HTTP: who sees which, ETags, masked names, both languages, Valkey away."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from accounts.models import Person
from competitions.models import Participation, Standing
from competitions.services import start_attempt
from core import clock
from core.database import db
from leaderboard import queries, services
from tests import factories
from tests.leaderboard.helpers import Federation, join, make_federation, stand


@pytest.fixture
def federation(app: Flask) -> Federation:
    return make_federation()


def browse(client: FlaskClient, path: str, person: Person | None, **headers: str) -> Any:
    """Ask as a person with a bearer session of their own; what the process remembers is kept."""
    if person is not None:
        token = f"token-of-{person.id}"
        if token not in _signed_in:
            factories.make_session(person, token=token)
            _signed_in.add(token)
        headers["Authorization"] = f"Bearer {token}"
    return client.get(path, headers=headers)


_signed_in: set[str] = set()


def person_of(participation: Participation) -> Person:
    return db.session.get_one(Person, participation.person_id)


def board_url(federation: Federation, query: str = "") -> str:
    return f"/api/v1/competitions/{federation.competition.id}/board{query}"


def page_url(federation: Federation, query: str = "") -> str:
    return f"/competitions/{federation.competition.id}/leaderboard{query}"


def test_my_own_row_bears_my_name_and_everybody_elses_is_masked(client: FlaskClient, federation: Federation) -> None:
    me, other = join(federation, name="王小明"), join(federation, name="李大力")
    stand(me, points=5)
    stand(other, points=9)
    services.rebuild(federation.competition.id)
    reply = browse(client, board_url(federation), person_of(me))
    assert [(row["rank"], row["name"], row["is_me"]) for row in reply.json["rows"]] == [
        (1, "李*力", False),
        (2, "王小明", True),
    ]
    assert reply.json["source"] == "live"
    assert reply.json["rows"][0]["organization"] == {"zh": "东方焊接厂", "en": "Dongfang Welding"}
    theirs = browse(client, board_url(federation), person_of(other))
    assert [row["name"] for row in theirs.json["rows"]] == ["李大力", "王*明"]
    assert theirs.headers["ETag"] != reply.headers["ETag"]
    page = browse(client, page_url(federation), person_of(me)).text
    assert "李*力" in page
    assert "李大力" not in page
    assert "王小明" in page


def test_the_same_board_answers_304_until_something_shown_changes(client: FlaskClient, federation: Federation) -> None:
    person = join(federation)
    stand(person, points=5)
    services.rebuild(federation.competition.id)
    for url in (board_url(federation), page_url(federation)):
        first = browse(client, url, person_of(person))
        assert first.status_code == 200
        assert first.headers["Cache-Control"].startswith("private")
        tag = first.headers["ETag"]
        queries.forget()  # another process, or a second later
        again = browse(client, url, person_of(person), **{"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    db.session.execute(update(Standing).values(points=6, version=2, changed_at=clock.now()))
    db.session.commit()
    services.project([person.id])
    queries.forget()
    for url in (board_url(federation), page_url(federation)):
        changed = browse(client, url, person_of(person), **{"If-None-Match": tag})
        assert changed.status_code == 200


def test_a_page_with_the_clock_of_a_running_attempt_is_never_unchanged(
    client: FlaskClient, federation: Federation
) -> None:
    person = join(federation)
    stand(person)
    services.rebuild(federation.competition.id)
    tag = browse(client, page_url(federation), person_of(person)).headers["ETag"]
    start_attempt(person.person_id, factories.make_level(federation.track).id)
    again = browse(client, page_url(federation), person_of(person), **{"If-None-Match": tag})
    assert again.status_code == 200
    assert "/attempts/" in again.text


def test_p3_an_internal_board_is_absent_for_people_of_another_enterprise(
    client: FlaskClient, federation: Federation
) -> None:
    federation.competition.organization_id = federation.enterprise.id
    db.session.commit()
    insider = join(federation)
    stand(insider)
    services.rebuild(federation.competition.id)
    outsider = factories.make_person(federation.other_enterprise)
    nobody = factories.make_person()
    urls = (board_url(federation), page_url(federation), board_url(federation).replace("board", "me/rank"))
    for url in urls:
        assert browse(client, url, person_of(insider)).status_code == 200  # the board is warm in every cache
        refused = browse(client, url, outsider)
        absent = browse(client, url.replace(f"/{federation.competition.id}/", "/999999/"), outsider)
        assert refused.status_code == absent.status_code == 404
        if url.startswith("/api"):
            assert refused.data == absent.data
        assert browse(client, url, nobody).status_code == 404


def test_l6_a_nodes_board_is_seen_by_its_own_people_and_by_roles_above_it_only(
    client: FlaskClient, federation: Federation
) -> None:
    mine, theirs = join(federation), join(federation, federation.other_enterprise)
    stand(mine)
    stand(theirs)
    services.rebuild(federation.competition.id)
    query = f"?node={federation.other_enterprise.id}"
    assert browse(client, board_url(federation, query), person_of(theirs)).json["total"] == 1
    assert browse(client, board_url(federation, query), person_of(mine)).status_code == 404
    assert browse(client, page_url(federation, query), person_of(mine)).status_code == 404
    auditor = factories.make_person()
    given = factories.grant(auditor, "auditor", federation.province)
    assert browse(client, board_url(federation, query), auditor).json["total"] == 1
    given.revoked_at = clock.now()
    db.session.commit()
    assert browse(client, board_url(federation, query), auditor).status_code == 404  # at the next request (P8)
    assert browse(client, board_url(federation, "?node=999999"), person_of(mine)).status_code == 404


def test_a_draft_is_seen_by_roles_only(client: FlaskClient, federation: Federation) -> None:
    federation.competition.state = "draft"
    db.session.commit()
    worker, organizer = factories.make_person(federation.enterprise), factories.make_person(federation.province)
    factories.grant(organizer, "organizer", federation.province)
    assert browse(client, board_url(federation), worker).status_code == 404
    assert browse(client, board_url(federation), organizer).status_code == 200


def test_my_rank_is_mine_on_every_board_and_null_before_i_stand_there(
    client: FlaskClient, federation: Federation
) -> None:
    me, other = join(federation), join(federation, federation.other_enterprise)
    stand(other, points=9)
    services.rebuild(federation.competition.id)
    url = board_url(federation).replace("board", "me/rank")
    assert browse(client, url, person_of(me)).json == {"rank": None}
    stand(me, points=5)
    services.project([me.id])
    reply = browse(client, url, person_of(me)).json
    assert (reply["rank"], reply["total"], reply["points"], reply["source"]) == (2, 2, 5, "live")
    assert browse(client, f"{url}?node={federation.enterprise.id}", person_of(me)).json["rank"] == 1
    assert browse(client, f"{url}?track={federation.track.id}", person_of(me)).json == {"rank": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?page=0", 422),
        ("?page=-1", 422),
        ("?page=abc", 422),
        ("?page=99999999999999999999", 422),
        ("?page=999999999", 422),
        ("?track=999999", 404),
        ("?node=" + "1" * 15, 404),
        ("?node=١", 422),
        ("?page=2", 200),
        ("?track=", 422),
    ],
)
def test_odd_addresses_are_refused_without_a_crash(
    client: FlaskClient, federation: Federation, query: str, status: int
) -> None:
    person = join(federation)
    assert browse(client, board_url(federation, query), person_of(person)).status_code == status


def test_a_board_asks_who_you_are(client: FlaskClient, federation: Federation) -> None:
    assert browse(client, board_url(federation), None).status_code == 401
    assert browse(client, page_url(federation), None).status_code == 303
    assert browse(client, "/leaderboards", None).status_code == 303


def test_the_page_tells_the_rule_my_place_and_why_in_both_languages(
    client: FlaskClient, federation: Federation
) -> None:
    people = [join(federation) for _ in range(53)]
    for number, person in enumerate(people):
        stand(person, points=1000 - number)
    services.rebuild(federation.competition.id)
    last = person_of(people[-1])
    page = browse(client, page_url(federation, "?lang=en"), last).text
    assert "How places are decided" in page
    assert "You: rank 53 of 53" in page
    assert "Levels are equal, points decide: they 949, you 948." in page
    assert f"/competitions/{federation.competition.id}/leaderboard?page=2#me" in page
    second = browse(client, page_url(federation, "?lang=en&page=2"), last).text
    assert second.count('id="me"') == 1
    assert browse(client, page_url(federation, "?lang=zh-CN"), last).status_code == 200
    assert "Skills competition" in browse(client, "/leaderboards?lang=en", last).text


def test_l2_with_valkey_away_the_page_says_that_and_how_old_it_is(
    app: Flask, client: FlaskClient, federation: Federation
) -> None:
    person = join(federation)
    stand(person)
    asked = clock.now()
    app.extensions["valkey_back_at"] = float("inf")
    try:
        reply = browse(client, board_url(federation), person_of(person))
        page = browse(client, page_url(federation, "?lang=en"), person_of(person)).text
    finally:
        app.extensions["valkey_back_at"] = 0.0
    assert reply.json["source"] == "database"
    assert "The live board is away for a moment" in page
    assert datetime.fromisoformat(reply.json["as_of"]) >= asked


def test_a_payload_holds_nothing_but_what_is_shown(client: FlaskClient, federation: Federation) -> None:
    person = join(federation)
    stand(person)
    row = json.loads(browse(client, board_url(federation), person_of(person)).data)["rows"][0]
    assert set(row) == {
        "rank",
        "name",
        "organization",
        "levels_cleared",
        "points",
        "elapsed_ms",
        "reached_at",
        "is_me",
    }
