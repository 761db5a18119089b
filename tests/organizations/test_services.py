from __future__ import annotations

from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import func, select

from accounts import services as accounts
from accounts.models import Person
from accounts.queries import list_live_sessions
from core.database import db, transaction
from core.errors import NotFound
from core.models import AuditEntry
from organizations import queries, services
from organizations.errors import BadPlace, NotJoinable, OwnRole
from organizations.models import Membership, Organization, RoleGrant
from tests.accounts.helpers import PASSWORD, PHONE, make_account
from tests.factories import grant, make_organization, make_person

pytestmark = pytest.mark.usefixtures("app")


def make_tree() -> tuple[Organization, Organization, Organization, Organization]:
    province = make_organization()
    city = make_organization(province, "city")
    plant = make_organization(city, "enterprise")
    return province, city, plant, make_organization(plant, "team")


def test_a_node_knows_its_path_and_an_enterprise_gets_a_join_code() -> None:
    with transaction():
        province = services.create_organization(None, "province", "省总工会", "Province")
        city = services.create_organization(province.id, "city", "市总工会", "City")
        plant = services.create_organization(city.id, "enterprise", "钢厂", "Steel works")
    assert plant.path == [province.id, city.id, plant.id]
    assert (province.join_code, city.join_code) == (None, None)
    assert plant.join_code is not None
    assert queries.find_by_code(plant.join_code.lower()) is plant


@pytest.mark.parametrize("kind", ["province", "enterprise", "team", "planet"])
def test_a_node_stands_only_under_its_own_kind_of_parent(kind: str) -> None:
    province = make_organization()
    with pytest.raises(BadPlace), transaction():
        services.create_organization(province.id, kind, "错", "Wrong")


def test_a_person_belongs_to_one_node_at_a_time() -> None:
    province, _city, plant, team = make_tree()
    person = make_person()
    with transaction():
        services.join_organization(person.id, plant.id)
    with transaction():
        services.join_organization(person.id, team.id)
        services.join_organization(person.id, team.id)
    assert queries.path_of_person(person.id) == team.path
    assert db.session.scalar(select(func.count()).select_from(Membership)) == 2
    with pytest.raises(NotJoinable), transaction():
        services.join_organization(person.id, province.id)


def test_people_who_join_twice_at_once_belong_once(app: Flask) -> None:
    *_, plant, team = make_tree()
    person_id, targets, start = make_person().id, [plant.id, team.id] * 4, Barrier(8)
    db.session.commit()

    def join(target: int) -> None:
        with app.app_context():
            start.wait()
            with transaction():
                services.join_organization(person_id, target)

    threads = [Thread(target=join, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live = select(func.count()).select_from(Membership).where(Membership.ended_at.is_(None))
    assert db.session.scalar(live) == 1


def test_a_role_is_given_once_with_a_trace_and_never_to_oneself() -> None:
    _province, _city, plant, _team = make_tree()
    admin, worker = make_person(plant), make_person(plant)
    for _ in range(2):
        with transaction():
            services.grant_role(worker.id, "finance", plant.id, admin.id)
    assert [(one.role, one.path) for one in queries.list_grants(worker.id)] == [("finance", tuple(plant.path))]
    entries = db.session.scalars(select(AuditEntry)).all()
    assert [(one.action, one.person_id, one.details["to"]) for one in entries] == [("role.grant", admin.id, worker.id)]
    with pytest.raises(OwnRole), transaction():
        services.grant_role(admin.id, "finance", plant.id, admin.id)


def test_a_role_is_taken_back_only_at_its_own_node_and_by_another() -> None:
    _province, city, plant, _team = make_tree()
    admin, worker = make_person(plant), make_person(plant)
    held: RoleGrant = grant(worker, "finance", plant)
    with pytest.raises(NotFound):
        services.revoke_role(held.id, city.id, admin.id)
    with pytest.raises(OwnRole):
        services.revoke_role(held.id, plant.id, worker.id)
    services.revoke_role(held.id, plant.id, admin.id)
    services.revoke_role(held.id, plant.id, admin.id)
    assert queries.list_grants(worker.id) == []
    assert db.session.scalars(select(AuditEntry.action)).all() == ["role.revoke"]


def test_a_role_is_given_by_phone_only_to_someone_who_belongs_there() -> None:
    _province, city, plant, team = make_tree()
    admin = make_person(plant)
    elsewhere = make_organization(city, "enterprise")
    make_person(team, phone="+8613800001234")
    make_person(elsewhere, phone="+8613900001234")
    services.give_role("+8613800001234", "finance", plant.id, admin.id)
    for phone in ("+8613900001234", "+8613700001234"):
        with pytest.raises(NotFound) as refusal:
            services.give_role(phone, "finance", plant.id, admin.id)
        assert refusal.value.details == {"what": "Person"}


def test_signing_up_keeps_the_consent_and_all_of_it_or_nothing() -> None:
    province, _city, plant, _team = make_tree()
    with pytest.raises(NotJoinable):
        services.sign_up(PHONE, PASSWORD, "王小明", "zh_CN", province.id, "")
    assert db.session.scalar(select(func.count()).select_from(Person)) == 0
    _token, session = services.sign_up(PHONE, PASSWORD, "王小明", "zh_CN", plant.id, "")
    consent = db.session.scalars(select(AuditEntry)).one()
    assert (consent.action, consent.person_id) == ("consent.give", session.person_id)
    assert consent.details == {"version": services.CONSENT_VERSION}
    assert queries.path_of_person(session.person_id) == plant.path


def test_reading_a_list_of_people_leaves_who_read_whom() -> None:
    _province, _city, plant, team = make_tree()
    admin, worker = make_person(plant), make_person(team)
    seen = services.view_members(plant.id, "", 1, admin.id)
    assert [one.person_id for one in seen] == [admin.id, worker.id]
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.person_id, entry.details["people"]) == ("people.view", admin.id, [admin.id, worker.id])


def test_a_new_password_from_an_administrator_works_and_ends_the_sessions() -> None:
    _province, _city, plant, _team = make_tree()
    person = make_account()
    with transaction():
        services.join_organization(person.id, plant.id)
    accounts.sign_in(PHONE, PASSWORD, "cookie", "")
    password = services.reset_password(plant.id, person.id, make_person(plant).id, "forgot")
    assert list_live_sessions(person.id) == []
    accounts.sign_in(PHONE, password, "cookie", "")
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.why) == ("password.reset", "forgot")
    assert password not in str(entry.details)
