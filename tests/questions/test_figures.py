"""The list of questions by what first attempts say of them, for those who may know it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from core import clock
from core.database import db
from laboratory.models import ItemStatistic
from organizations.models import Organization
from questions import authoring, queries_admin
from questions.authoring import Actor
from questions.models import Question
from questions.queries_admin import Measured, Wanted
from tests.factories import grant, make_bank, make_organization, make_person, sign_in
from tests.questions.written import written

FIGURES: list[dict[str, Any]] = [
    {"n": 200, "facility": 0.9, "discrimination": 40.0, "light": "green", "reason": "good"},
    {"n": 100, "facility": 0.8, "discrimination": 5.0, "light": "amber", "reason": "weak"},
    {"n": 90, "facility": 0.4, "discrimination": None, "light": "amber", "reason": "weak"},
    {"n": 60, "facility": 0.39, "discrimination": -20.0, "light": "red", "reason": "key"},
    {"n": 5, "facility": 0.1, "discrimination": 30.0, "light": "grey", "reason": "few"},
]
"""Of the first five of six questions."""


@pytest.fixture
def ids(app: Flask) -> list[int]:
    make_bank(size=6)
    found = list(db.session.scalars(select(Question).order_by(Question.id)))
    for question, figures in zip(found, FIGURES, strict=False):
        version_id, papers = question.current_version_id, figures["n"]
        statistic = ItemStatistic(version_id=version_id, papers=papers, detail={}, computed_at=clock.now(), **figures)
        db.session.add(statistic)
    db.session.commit()
    return [question.id for question in found]


def browser(app: Flask, role: str, node: Organization) -> FlaskClient:
    person = make_person(node, locale="en")
    grant(person, role, node)
    return sign_in(app.test_client(), person)


def places(ids: list[int], order: str = "newest", **measured: Any) -> list[int]:
    rows, total = queries_admin.list_questions(Wanted({None}, measured=Measured(**measured)), order=order)
    assert total == len(rows) == sum(queries_admin.count_states(Wanted({None}, measured=Measured(**measured))).values())
    return [ids.index(row.question.id) for row in rows]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({}, {0, 1, 2, 3, 4, 5}),
        ({"lowest": 0.8}, {0, 1}),
        ({"lowest": 0.4, "below": 0.8}, {2}),
        ({"below": 0.4}, {3, 4}),
        ({"light": "amber"}, {1, 2}),
        ({"light": "key"}, {3}),
        ({"least": 90}, {0, 1, 2}),
        ({"none": True}, {5}),
        ({"least": 90, "light": "green"}, {0}),
    ],
)
def test_questions_are_found_by_their_figures(ids: list[int], measured: dict[str, Any], expected: set[int]) -> None:
    assert set(places(ids, **measured)) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("hardest", [4, 3, 2, 1, 0, 5]),
        ("easiest", [0, 1, 2, 3, 4, 5]),
        ("weakest", [3, 1, 4, 0, 2, 5]),
        ("answered", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_questions_are_ordered_by_their_figures_and_those_without_any_come_last(
    ids: list[int], order: str, expected: list[int]
) -> None:
    assert places(ids, order) == expected


def test_figures_are_those_of_the_version_in_use(ids: list[int]) -> None:
    by = Actor(make_person().id, 1)
    question_id = ids[0]
    authoring.save(question_id, written(), 1, by, clock.now())
    assert 0 in places(ids, light="green")
    authoring.submit(question_id, "", by, clock.now())
    authoring.approve(question_id, "", Actor(make_person().id, 1), clock.now())
    assert set(places(ids, none=True)) == {0, 5}


def shown(reply: Any) -> int:
    return int(reply.text.count('class="questions__stem"'))


def test_the_list_shows_facility_and_light_and_is_filtered_in_the_browser(app: Flask, ids: list[int]) -> None:
    reader = browser(app, "organizer", make_organization())
    page = reader.get("/questions").text
    assert "Facility 90.0%" in page
    assert "Discrimination -20" in page
    assert re.search(r"badge--bad.*Check at once", page)
    for asked, count in (
        ("facility=easy", 2),
        ("facility=middle", 1),
        ("facility=hard&facility_from=90", 2),
        ("facility_from=35&facility_to=45", 2),
        ("facility_from=39,5", 6),
        ("light=key", 1),
        ("attempts=none", 1),
        ("attempts=100&order=hardest", 2),
        ("attempts=999999999999999999999&light=x&facility=x&order=x&facility_from=-1&facility_to=1e9", 6),
    ):
        assert shown(reader.get(f"/questions?{asked}")) == count, asked
    assert "state=approved&amp;facility=easy" in reader.get("/questions?facility=easy").text.replace(
        "facility=easy&amp;state=approved", "state=approved&amp;facility=easy"
    )


def test_who_has_no_role_at_a_root_neither_sees_figures_nor_finds_by_them(app: Flask, ids: list[int]) -> None:
    province = make_organization()
    plant = make_organization(make_organization(province, "city"), "enterprise")
    question = db.session.get_one(Question, ids[0])
    question.organization_id = plant.id
    db.session.commit()
    reader = browser(app, "question_author", plant)
    page = reader.get("/questions?light=red&facility=hard").text
    assert page.count('class="questions__stem"') == 1
    assert "Facility" not in page


def test_a_page_of_the_list_takes_as_many_statements_whatever_it_shows(app: Flask, ids: list[int]) -> None:
    reader = browser(app, "organizer", make_organization())
    reader.get("/questions")
    seen: list[str] = []

    def note(*told: Any) -> None:
        seen.append(told[2])

    event.listen(db.engine, "before_cursor_execute", note)
    counts = []
    try:
        for address in ("/questions?light=grey", "/questions?order=weakest"):
            seen.clear()
            reader.get(address)
            counts.append(len(seen))
            assert sum("figures" in statement for statement in seen) == 2
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert counts[0] == counts[1]
