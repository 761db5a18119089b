"""The organizer's pages: a whole story, and who may not see them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.models import Person
from competitions import services
from competitions.models import Attempt, Competition, Level, Track
from core import clock
from core.database import db
from core.exports import make_export
from core.models import AuditEntry, Export
from leaderboard.models import Seal
from organizations.models import Organization
from tests import factories as make
from tests.factories import sign_in


@pytest.fixture
def province(app: Flask) -> Organization:
    return make.make_organization()


@pytest.fixture
def organizer(client: FlaskClient, province: Organization) -> Person:
    person = make.make_person(province, name="组织者")
    make.grant(person, "organizer", province)
    sign_in(client, person)
    return person


def basics(province: Organization, **changes: Any) -> dict[str, Any]:
    values = {
        "name_zh": "省赛",
        "name_en": "Province contest",
        "organization_id": province.id,
        "opens_at": "2020-01-01T08:00",
        "closes_at": "2099-01-15T08:00",
        "summary_zh": "简介",
        "summary_en": "Summary",
        "rules_zh": "# 规则\n**公平** <script>alert(1)</script>",
        "rules_en": "# Rules",
        "mask_names": "y",
        "draws_from": "all",
    }
    return values | changes


def big_bank() -> None:
    make.make_bank(size=60)


def test_a_competition_goes_from_an_empty_list_to_a_seal_by_forms_alone(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    big_bank()
    assert "empty" in client.get("/organizer?lang=en").text
    reply = client.post("/organizer/competitions/new", data=basics(province))
    assert reply.status_code == 302
    competition = db.session.scalars(select(Competition)).one()
    assert competition.opens_at.isoformat() == "2020-01-01T00:00:00+00:00", "Shanghai time is typed, UTC is stored"
    place = f"/organizer/competitions/{competition.id}"

    page = client.get(f"{place}/setup").text
    assert "is-bad" in page
    assert "<script>alert" not in page
    assert client.get(f"{place}/open").status_code == 302, "a red checklist does not open"

    client.post(f"{place}/tracks", data={"trades": ["welding"]})
    track = db.session.scalars(select(Track)).one()
    client.post(f"/organizer/tracks/{track.id}/standard-levels")
    levels = list(db.session.scalars(select(Level).order_by(Level.position)))
    assert [level.position for level in levels] == [1, 2, 3, 4, 5]
    assert client.get(f"{place}/setup").text.count("is-bad") == 1, "prizes are neither set nor said to be absent"
    assert client.get(f"{place}/open").status_code == 302
    client.post(f"{place}/no-prizes")
    assert "is-bad" not in client.get(f"{place}/setup").text

    assert client.get(f"{place}/open").status_code == 200
    client.post(f"{place}/open")
    db.session.refresh(competition)
    assert competition.state == "open"

    worker = make.make_person(province, name="李四")
    services.join(competition.id, worker.id, worker.name)
    attempt = services.start_attempt(worker.id, levels[0].id)
    control = client.get(f"{place}?lang=en").text
    assert "1 person is playing" in control

    before = attempt.deadline_at
    client.post(f"/organizer/levels/{levels[0].id}/extend", data={"minutes": "5", "why": "power cut"})
    db.session.refresh(attempt)
    assert attempt.deadline_at == before + timedelta(minutes=5)

    assert client.get(f"{place}/close").status_code == 200
    client.post(f"{place}/close")
    db.session.refresh(competition)
    assert competition.state == "sealed"
    seal = db.session.scalars(select(Seal)).one()
    assert seal.sha256 in client.get(f"{place}/result").text
    actions = set(db.session.scalars(select(AuditEntry.action)))
    assert {
        "competition.create",
        "competition.open",
        "level.extend",
        "competition.close",
        "competition.seal",
    } <= actions


@pytest.mark.parametrize(
    "path",
    ["", "/setup", "/basics", "/open", "/close", "/result", "/participants", "/exports", "/participants/1"],
)
def test_a_foreign_competition_and_an_absent_one_give_the_same_reply(
    client: FlaskClient, province: Organization, path: str
) -> None:
    city = make.make_organization(province, "city")
    other = make.make_organization(province, "city")
    competition = make.make_competition(other)
    stranger = make.make_person(city)
    make.grant(stranger, "organizer", city)
    sign_in(client, stranger)
    foreign = client.get(f"/organizer/competitions/{competition.id}{path}")
    absent = client.get(f"/organizer/competitions/999999{path}")
    assert foreign.status_code == absent.status_code == 404
    changing = re.compile(r'nonce="[^"]*"|csrf[^>]*|competitions/[0-9]+')
    assert changing.sub("", foreign.text) == changing.sub("", absent.text)


def test_an_anonymous_visitor_is_asked_to_sign_in_for_absent_and_present_alike(
    client: FlaskClient, province: Organization
) -> None:
    competition = make.make_competition(province)
    replies = {client.get(f"/organizer/competitions/{one}").status_code for one in (competition.id, 999999)}
    assert replies == {303}


def test_a_worker_without_a_role_sees_no_organizer_page(client: FlaskClient, province: Organization) -> None:
    sign_in(client, make.make_person(province))
    assert client.get("/organizer").status_code == 404
    assert client.post("/organizer/competitions/new", data=basics(province)).status_code == 404


def test_an_enterprise_admin_runs_internal_competitions_and_no_others(
    client: FlaskClient, province: Organization
) -> None:
    enterprise = make.make_organization(make.make_organization(province, "city"), "enterprise")
    admin = make.make_person(enterprise)
    make.grant(admin, "enterprise_admin", enterprise)
    sign_in(client, admin)
    assert client.post("/organizer/competitions/new", data=basics(enterprise)).status_code == 302
    refused = client.post("/organizer/competitions/new", data=basics(province))
    assert refused.status_code == 422, "the province is not among the choices"
    assert [one.organization_id for one in db.session.scalars(select(Competition))] == [enterprise.id]


def test_an_open_competition_refuses_a_changed_opening_and_says_so_at_the_field(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(province)
    reply = client.post(f"/organizer/competitions/{competition.id}/basics?lang=en", data=basics(province))
    assert reply.status_code == 422
    assert "can no longer be changed" in reply.text


def test_times_that_nobody_touched_stay_what_they_were_to_the_second(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(
        province,
        opens_at=datetime(2026, 1, 1, 3, 4, 37, tzinfo=UTC),
        closes_at=datetime(2099, 1, 1, 3, 4, 38, 123456, tzinfo=UTC),
    )
    kept = {name: getattr(competition, name) for name in ("summary_zh", "summary_en", "rules_zh", "rules_en")}
    shown = {"opens_at": "2026-01-01T11:04", "closes_at": "2099-01-01T11:04", "name_en": "Renamed"}
    data = basics(province, **kept, **shown)
    assert client.post(f"/organizer/competitions/{competition.id}/basics", data=data).status_code == 302
    changed = db.session.get_one(Competition, competition.id, populate_existing=True)
    assert changed.name_en == "Renamed"
    assert (changed.opens_at.second, changed.closes_at.microsecond) == (37, 123456)


def test_a_level_form_says_what_the_bank_lacks_before_anything_is_saved(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    make.make_bank(size=4)
    track = make.make_track(make.make_competition(province, state="draft"))
    data = {
        "name_zh": "关",
        "name_en": "Level",
        "minutes": "2.5",
        "pass_points": "6",
        "reveal": "never",
        "tries_total": "",
        "tries_per_day": "",
        "rows-0-count": "5",
        "rows-0-points": "2",
        "rows-0-topic": "",
        "rows-0-type": "",
        "rows-0-difficulty": "",
    }
    checked = client.post(f"/organizer/tracks/{track.id}/levels/new?lang=en", data=data | {"check": "1"})
    assert "The bank has only 4" in checked.text
    assert db.session.scalars(select(Level)).first() is None
    client.post(f"/organizer/tracks/{track.id}/levels/new", data=data)
    level = db.session.scalars(select(Level)).one()
    assert (level.time_limit_s, level.tries_per_day) == (150, None)
    assert client.get(f"/organizer/levels/{level.id}").text.count('value="2.5"') == 1


def test_participants_are_found_by_name_and_by_the_tail_of_their_phone(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(province)
    for name, phone in (("张三", "+8613800001234"), ("李四", "+8613800005678")):
        make.make_participation(competition, make.make_person(province, name=name, phone=phone), province.path)
    place = f"/organizer/competitions/{competition.id}/participants"
    assert [name in client.get(f"{place}?q=5678").text for name in ("张三", "李四")] == [False, True]
    assert [name in client.get(f"{place}?q=张").text for name in ("张三", "李四")] == [True, False]
    assert "13800001234" not in client.get(place).text


def test_p5_whoever_looks_at_participants_leaves_a_trace(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(province)
    seen = [make.make_person(province) for _ in range(2)]
    participations = [make.make_participation(competition, person, province.path) for person in seen]
    place = f"/organizer/competitions/{competition.id}/participants"
    client.get(place)
    client.get(f"{place}/{participations[1].id}")
    traces = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "participants.view").order_by(AuditEntry.id)
    ).all()
    assert [entry.details["people"] for entry in traces] == [[person.id for person in seen], [seen[1].id]]
    assert {(entry.person_id, entry.organization_id) for entry in traces} == {(organizer.id, province.id)}


def test_an_attempt_of_another_competition_cannot_be_extended_through_this_one(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    make.make_bank()
    here = make.make_competition(province)
    mine = make.make_participation(here, make.make_person(province), province.path)
    elsewhere = make.make_competition(make.make_organization())
    player = make.make_person()
    make.make_participation(elsewhere, player, [elsewhere.organization_id])
    foreign = services.start_attempt(player.id, make.make_level(make.make_track(elsewhere)).id)
    before = foreign.deadline_at
    reply = client.post(
        f"/organizer/competitions/{here.id}/participants/{mine.id}/extend",
        data={"attempt": foreign.id, "minutes": "5", "why": "mistake"},
    )
    assert reply.status_code == 404
    assert db.session.get_one(Attempt, foreign.id, populate_existing=True).deadline_at == before


def test_only_who_asked_may_fetch_an_export_and_each_fetch_is_logged(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(province)
    make.make_participation(competition, make.make_person(province, name="赵六"), province.path)
    data = {"kind": "participants", "names": "full", "format": "csv", "track": "", "node": ""}
    unsaid = client.post(f"/organizer/competitions/{competition.id}/exports?lang=en", data=data)
    assert unsaid.status_code == 422
    assert "Say what the full names are for." in unsaid.text
    data["why"] = "证书制作"
    reply = client.post(f"/organizer/competitions/{competition.id}/exports", data=data)
    export = db.session.scalars(select(Export)).one()
    assert reply.location == f"/exports/{export.id}"
    assert "noscript" in client.get(reply.location).text
    assert client.get(f"/exports/{export.id}/download").status_code == 404, "not made yet"
    make_export(export.id)
    fetched = client.get(f"/exports/{export.id}/download")
    assert "赵六" in fetched.data.decode("utf-8-sig")
    logged = {
        (entry.action, entry.organization_id, entry.why)
        for entry in db.session.scalars(select(AuditEntry).where(AuditEntry.subject_id == export.id))
    }
    assert ("participants.export", province.id, "证书制作") in logged
    assert ("participants.download", province.id, "") in logged

    colleague = make.make_person(province)
    make.grant(colleague, "organizer", province)
    sign_in(client, colleague)
    assert client.get(f"/exports/{export.id}").status_code == 404
    assert client.get(f"/exports/{export.id}/download").status_code == 404


def test_a_role_taken_away_takes_the_finished_file_away_too(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    competition = make.make_competition(province)
    data = {"kind": "ranking", "names": "full", "format": "xlsx", "why": "表彰"}
    client.post(f"/organizer/competitions/{competition.id}/exports", data=data)
    export = db.session.scalars(select(Export)).one()
    make_export(export.id)
    assert client.get(f"/exports/{export.id}/download").status_code == 200
    db.session.execute(db.text("update role_grants set revoked_at = :now"), {"now": clock.now()})
    db.session.commit()
    assert client.get(f"/exports/{export.id}/download").status_code == 404


def test_a_draft_is_discarded_after_asking_and_an_open_competition_never(
    client: FlaskClient, organizer: Person, province: Organization
) -> None:
    big_bank()
    draft = make.make_competition(province, state="draft", name_en="Mistaken draft")
    make.make_level(make.make_track(draft))
    running = make.make_competition(province, name_en="Running one")
    place = f"/organizer/competitions/{draft.id}"
    assert f'href="{place}/discard"' in client.get(f"{place}/setup").text
    asked = client.get(f"{place}/discard?lang=en").text
    assert "Welding · 1 level" in asked
    assert client.get(f"{place}/setup").status_code == 200, "asking discards nothing"
    listed = client.post(f"{place}/discard?lang=en", follow_redirects=True).text
    assert "The draft Mistaken draft is discarded." in listed
    assert f'href="{place}"' not in listed
    for page in (
        place,
        f"{place}/setup",
        f"{place}/prizes",
        f"{place}/discard",
        f"/laboratory/competitions/{draft.id}",
    ):
        assert client.get(page).status_code == 404, page
    refused = client.post(f"/organizer/competitions/{running.id}/discard?lang=en", follow_redirects=True).text
    assert "Only a draft can be discarded" in refused
    assert client.get(f"/organizer/competitions/{running.id}").status_code == 200
