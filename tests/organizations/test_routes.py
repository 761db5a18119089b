from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.models import Person
from core.database import db
from core.models import AuditEntry
from organizations import queries, rules
from organizations.models import Organization
from tests.factories import grant, make_organization, make_person, sign_in


@dataclass
class World:
    """Two enterprises of one city, a worker in each, and a browser for whoever is asked for."""

    app: Flask
    province: Organization
    city: Organization
    plant: Organization
    team: Organization
    rival: Organization
    worker: Person
    stranger: Person

    def browser(self, person: Person | None) -> FlaskClient:
        browser = self.app.test_client()
        return browser if person is None else sign_in(browser, person)

    def holder(self, role: str, node: Organization) -> Person:
        person = make_person(self.plant, name="管理员")
        grant(person, role, node)
        return person


@pytest.fixture
def world(app: Flask) -> World:
    province = make_organization()
    city = make_organization(province, "city")
    plant, rival = (make_organization(city, "enterprise", join_code=f"ABCD234{n}") for n in (5, 6))
    team = make_organization(plant, "team")
    stranger = make_person(rival, name="外人", phone="+8613900001234")
    return World(
        app, province, city, plant, team, rival, make_person(team, name="王小明", phone="+8613800001234"), stranger
    )


SEES_TREE = {"enterprise_admin", "organizer", "auditor"}
MANAGES = {"enterprise_admin", "organizer"}


@pytest.mark.parametrize("role", rules.ROLES)
@pytest.mark.parametrize("node", ["province", "city", "plant", "team", "rival"])
def test_each_role_sees_exactly_its_part_of_the_tree(world: World, role: str, node: str) -> None:
    held_at, reached = getattr(world, node), node in ("province", "city", "plant")
    browser = world.browser(world.holder(role, held_at))
    page = browser.get(f"/organizations/{world.plant.id}")
    assert page.status_code == (200 if reached and role in SEES_TREE else 404)
    people = browser.get(f"/organizations/{world.plant.id}/people")
    assert people.status_code == (200 if reached and role in MANAGES else 404)
    audit = browser.get("/audit")
    assert audit.status_code == (200 if role in ("organizer", "auditor") else 404)
    added = browser.post(f"/organizations/{world.plant.id}/children", data={"name_zh": "新班组"})
    assert added.status_code == (303 if reached and role in MANAGES else 404)


@pytest.mark.parametrize("path", ["", "/people", "/people/1"])
def test_absent_and_forbidden_give_the_same_reply(world: World, path: str) -> None:
    browser = world.browser(world.holder("enterprise_admin", world.plant))
    replies = [browser.get(f"/organizations/{node}{path}") for node in (world.rival.id, world.city.id, 999_999)]
    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.text for reply in replies}) == 1
    nobody = world.browser(None)
    locations = [nobody.get(f"/organizations/{node}{path}").status_code for node in (world.rival.id, 999_999)]
    assert locations == [303, 303]


def test_an_administrator_sees_only_their_own_people_and_phones_masked(world: World) -> None:
    page = world.browser(world.holder("enterprise_admin", world.plant)).get(f"/organizations/{world.plant.id}/people")
    assert "王小明" in page.text
    assert "1234" in page.text
    assert "13800001234" not in page.text
    assert "外人" not in page.text


def test_a_role_is_given_and_taken_back_and_counts_at_the_next_request(world: World) -> None:
    browser, worker = world.browser(world.holder("enterprise_admin", world.plant)), world.browser(world.worker)
    address = f"/organizations/{world.plant.id}"
    assert worker.get(address).status_code == 404
    form = {"phone": "13800001234", "role": "enterprise_admin"}
    assert browser.post(f"{address}/roles", data=form).status_code == 303
    assert worker.get(address).status_code == 200
    held = next(one for one in queries.list_roles_at(world.plant.id) if one.person_id == world.worker.id)
    assert browser.post(f"{address}/roles/{held.id}/revoke").status_code == 303
    assert worker.get(address).status_code == 404
    acts = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert acts == ["role.grant", "role.revoke"]


def test_an_administrator_gives_no_role_they_may_not_and_none_outside(world: World) -> None:
    browser, address = world.browser(world.holder("enterprise_admin", world.plant)), f"/organizations/{world.plant.id}"
    assert browser.post(f"{address}/roles", data={"phone": "13800001234", "role": "auditor"}).status_code == 422
    assert browser.post(f"{address}/roles", data={"phone": "13900001234", "role": "finance"}).status_code == 422
    elsewhere = f"/organizations/{world.rival.id}/roles"
    assert browser.post(elsewhere, data={"phone": "13900001234", "role": "finance"}).status_code == 404
    auditor = grant(make_person(world.plant), "auditor", world.plant)
    assert browser.post(f"{address}/roles/{auditor.id}/revoke").status_code == 404


def test_an_account_is_disabled_with_a_reason_and_its_owner_is_out(world: World) -> None:
    browser, worker = world.browser(world.holder("enterprise_admin", world.plant)), world.browser(world.worker)
    address = f"/organizations/{world.plant.id}/people/{world.worker.id}"
    assert browser.post(f"{address}/disable", data={"why": ""}).status_code == 422
    assert browser.post(f"{address}/disable", data={"why": "left the plant"}).status_code == 303
    assert worker.get("/me/account").status_code == 303
    assert browser.post(f"{address}/enable", data={"why": "came back"}).status_code == 303
    page = browser.post(f"{address}/reset", data={"why": "forgot it"})
    assert page.status_code == 200
    stranger = f"/organizations/{world.plant.id}/people/{world.stranger.id}"
    assert browser.post(f"{stranger}/disable", data={"why": "out"}).status_code == 404


def test_an_enterprise_cannot_take_over_its_employee_who_is_an_organizer_of_the_province(world: World) -> None:
    grant(world.worker, "organizer", world.province)
    browser = world.browser(world.holder("enterprise_admin", world.plant))
    address = f"/organizations/{world.plant.id}/people/{world.worker.id}"
    assert '<form method="post"' not in browser.get(address).text
    assert browser.post(f"{address}/reset", data={"why": "mine"}).status_code == 404


def test_a_new_join_code_closes_the_old_one(world: World) -> None:
    browser = world.browser(world.holder("enterprise_admin", world.plant))
    assert browser.post(f"/organizations/{world.plant.id}/code").status_code == 303
    db.session.expire_all()
    assert world.plant.join_code != "ABCD2345"
    assert "No enterprise has this code" in world.browser(None).get("/sign-up?code=ABCD2345&lang=en").text


def test_an_auditor_reads_the_acts_of_their_nodes_only(world: World) -> None:
    admin, rival_admin = world.holder("enterprise_admin", world.plant), world.holder("enterprise_admin", world.rival)
    world.browser(admin).post(f"/organizations/{world.plant.id}/code")
    world.browser(rival_admin).post(f"/organizations/{world.rival.id}/children", data={"name_zh": "新班组"})
    here = world.browser(world.holder("auditor", world.plant)).get("/audit").text
    assert ("join_code.renew" in here, "organization.create" in here) == (True, False)
    above = world.browser(world.holder("auditor", world.city)).get("/audit?action=organization.").text
    assert ("join_code.renew" in above, "organization.create" in above) == (False, True)


@pytest.mark.parametrize(
    ("role", "extra"),
    [
        (None, []),
        ("organizer", ["/organizer", "/organizations", "/questions", "/laboratory", "/audit"]),
        ("finance", ["/payouts"]),
        ("auditor", ["/audit"]),
        ("question_author", ["/questions", "/laboratory"]),
    ],
)
def test_the_menu_shows_what_a_role_may_open(world: World, role: str | None, extra: list[str]) -> None:
    person = world.holder(role, world.province) if role else world.worker
    page = world.browser(person).get("/me/account").text
    menu = page.split('<nav class="nav')[1].split("</nav>")[0]
    links = [part.split('"')[0] for part in menu.split('href="')[1:]]
    links = [link for link in links if not link.startswith("/static")]
    assert links == ["/", "/competitions", "/leaderboards", "/practice", "/me", *extra]
