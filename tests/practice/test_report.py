"""Who practises how much, for those who answer for a part of the tree."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from core.database import db
from core.exports import Sheet
from organizations.models import Organization
from practice import exports, queries_admin, rules
from practice.queries_admin import Effort
from tests.factories import grant, make_organization, make_person, sign_in
from tests.practice.helpers import NOON, Workplace, answer, given, make_workplace

DAY = rules.day_of(NOON)
WEEK = (DAY, DAY + timedelta(days=6))
POINTS = rules.POINTS["ten"]


@pytest.fixture
def work(app: Flask) -> Workplace:
    """One team where one of two practised on two days, and a person at the enterprise itself who did not."""
    work = make_workplace()
    make_person(work.team)
    make_person(work.enterprise)
    for days in (0, 1, 9):
        answer(work.person, *(given(one, at=NOON + timedelta(days=days)) for one in work.versions[:10]))
    return work


def people_file(node: Organization) -> Sheet:
    return exports.people({"node": node.id, "first": WEEK[0].isoformat(), "last": WEEK[1].isoformat()})


def test_effort_is_counted_by_the_node_under_the_one_asked_for_and_within_the_days(work: Workplace) -> None:
    assert queries_admin.list_efforts(work.enterprise.id, *WEEK) == [
        Effort(child=work.team.id, people=2, practised=1, answers=20, points=2 * POINTS),
        Effort(child=None, people=1, practised=0, answers=0, points=0),
    ]
    (province,) = queries_admin.list_efforts(work.enterprise.path[0], *WEEK)
    assert (province.people, province.practised) == (3, 1)


def test_people_are_counted_once_on_each_day_they_practised(work: Workplace) -> None:
    colleague = make_person(work.team)
    answer(colleague, given(work.versions[0], at=NOON), given(work.versions[1], at=NOON))
    make_person(make_organization())
    assert queries_admin.count_people_by_day(work.enterprise.id, *WEEK) == {DAY: 2, DAY + timedelta(days=1): 1}


def test_the_file_has_everyone_with_days_answers_and_learning_points_by_trade(app: Flask, work: Workplace) -> None:
    with app.test_request_context("/?lang=en"):
        sheet = people_file(work.enterprise)
        titles = [column.title for column in sheet.columns]
        rows = [dict(zip(titles, row, strict=True)) for row in sheet.rows]
    assert len(rows) == sheet.total == 3
    counts = [(row["Days practised"], row["Answers"], row["Learning points"]) for row in rows]
    assert sorted(counts) == [(0, 0, 0), (0, 0, 0), (2, 20, 2 * POINTS)]
    assert all("*" in str(row["Phone"]) for row in rows)


def test_only_who_answers_for_the_node_sees_the_report_and_gets_the_file(app: Flask, work: Workplace) -> None:
    stranger, boss = make_person(make_organization()), make_person(work.enterprise)
    grant(boss, "enterprise_admin", work.enterprise)
    page = f"/organizations/{work.enterprise.id}/practice"
    worker = sign_in(app.test_client(), work.person)
    assert worker.get(page).status_code == worker.post(f"{page}/export").status_code == 404
    params = {"node": work.enterprise.id}
    assert [exports.may_export(params, person.id) for person in (work.person, stranger, boss)] == [False, False, True]
    shown = sign_in(app.test_client(), boss)
    seen = shown.get(f"{page}?lang=en&first={WEEK[0]}&last={WEEK[1]}").text
    assert "25.0% of 4" in seen
    assert work.person.name not in seen
    assert shown.post(f"{page}/export").status_code == 303
    assert shown.get(f"{page}?first=nonsense&last=2026-13-99").status_code == 200


def test_an_enterprise_without_people_and_a_time_without_practice_say_what_to_do(app: Flask, work: Workplace) -> None:
    empty = make_organization(kind="enterprise")
    boss = make_person(work.enterprise)
    for node in (empty, work.enterprise):
        grant(boss, "enterprise_admin", node)
    db.session.commit()
    browser = sign_in(app.test_client(), boss)
    assert "join code" in browser.get(f"/organizations/{empty.id}/practice?lang=en").text
    long_ago = f"/organizations/{work.enterprise.id}/practice?lang=en&first=2020-01-01&last=2020-01-31"
    assert "Nobody practised in this time" in browser.get(long_ago).text


@pytest.mark.parametrize("asked", ["first=9999-12-31", "last=0001-01-01", "last=9999-12-31", "first=x"])
def test_days_that_nobody_can_have_practised_on_are_not_asked_for(app: Flask, work: Workplace, asked: str) -> None:
    manager = make_person(work.enterprise)
    grant(manager, "enterprise_admin", work.enterprise)
    client = sign_in(app.test_client(), manager)
    assert client.get(f"/organizations/{work.enterprise.id}/practice?{asked}").status_code == 200
