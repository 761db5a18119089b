"""A half-written question is kept, says what is to be mended, and goes no further until nothing is."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from core import clock
from core.database import db
from organizations.models import Organization
from questions import authoring, queries, queries_admin
from questions.authoring import Actor
from questions.errors import QuestionInvalid
from questions.forms import EditorForm
from questions.models import Question, QuestionVersion
from questions.queries_admin import Wanted
from questions.services import content_of
from tests.factories import PIXEL, grant, make_bank, make_organization, make_person, sign_in
from tests.questions.written import PARTS, text, written

EMPTY = text("", "")


@pytest.fixture
def author(app: Flask) -> Actor:
    make_bank(size=2)
    province = make_organization()
    return Actor(make_person(province).id, province.id)


@pytest.fixture
def browser(app: Flask, author: Actor) -> FlaskClient:
    province = db.session.get_one(Organization, author.node_id)
    person = make_person(province, locale="en")
    grant(person, "question_author", province)
    return sign_in(app.test_client(), person)


def half(type_: str = "single", **changes: Any) -> dict[str, Any]:
    return written(type_, stem=text("写了一半", ""), source=EMPTY, **changes)


def keep(by: Actor, question: dict[str, Any]) -> Question:
    return authoring.create("welding", None, question, by, clock.now(), unfinished=True)


def latest(question_id: int) -> QuestionVersion:
    return queries_admin.get_listed(question_id).version


def fields(question: dict[str, Any]) -> dict[str, Any]:
    """What the editor's form sends for a question."""
    data: dict[str, Any] = {}
    for name, value in EditorForm.fields_of(question).items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for number, row in enumerate(value):
                data |= {f"{name}-{number}-{part}": one for part, one in row.items() if one is not None}
        elif value not in ([], None):
            data[name] = value
    return data


@pytest.mark.parametrize("type_", PARTS)
def test_half_a_question_of_every_type_is_kept_as_typed_and_read_back_as_typed(author: Actor, type_: str) -> None:
    question = keep(author, half(type_))
    version = latest(question.id)
    assert (version.unfinished, question.state) == (True, "draft")
    assert authoring.written_of(version) == half(type_)
    assert authoring.save(question.id, half(type_), 1, author, clock.now(), unfinished=True) is False
    assert authoring.save(question.id, written(type_), 1, author, clock.now(), unfinished=True)
    assert latest(question.id).unfinished is False
    assert content_of(authoring.written_of(latest(question.id))) == content_of(written(type_))


def test_what_has_faults_is_neither_submitted_nor_approved_nor_drawn(author: Actor) -> None:
    question = keep(author, half())
    with pytest.raises(QuestionInvalid) as refusal:
        authoring.submit(question.id, "", author, clock.now())
    assert [str(fault) for fault in refusal.value.faults] == [
        "The question has no English text yet.",
        "The source has no Chinese text yet.",
        "The source has no English text yet.",
    ]
    question.state = "submitted"
    db.session.commit()
    with pytest.raises(QuestionInvalid):
        authoring.approve(question.id, "", Actor(make_person().id, author.node_id), clock.now())
    queries.forget()
    assert question.id not in {version.question_id for version in queries.get_bank("welding").versions}


def test_a_half_written_change_leaves_the_version_in_use_in_use_and_in_exports(author: Actor) -> None:
    question_id = authoring.create("welding", None, written(), author, clock.now()).id
    authoring.submit(question_id, "", author, clock.now())
    authoring.approve(question_id, "", Actor(make_person().id, author.node_id), clock.now())
    in_use = latest(question_id).id
    authoring.save(question_id, half(), 1, author, clock.now(), unfinished=True)
    assert db.session.get_one(Question, question_id).current_version_id == in_use
    wanted = Wanted({None}, trade="welding", author_id=author.person_id)
    assert [version.id for _, version in queries_admin.list_latest(wanted)] == [in_use]
    keep(author, half())
    assert queries_admin.count_wanted(wanted) == 1


def test_nothing_at_all_is_not_kept(author: Actor) -> None:
    nothing = written(stem=EMPTY, explanation=EMPTY, source=EMPTY, options=[], key=[])
    with pytest.raises(QuestionInvalid, match="question_invalid"):
        keep(author, nothing)
    assert db.session.scalars(select(Question).where(Question.author_id.is_not(None))).all() == []


@pytest.mark.parametrize(
    ("type_", "changes"),
    [
        ("true_false", {"key": None}),
        ("ordering", {"key": ["b"]}),
        ("matching", {"key": {"p1": "a"}}),
        ("fill_in", {"key": [[], ["安培", "A"]]}),
        ("numeric", {"variables": {"i": {"min": "viel", "max": "", "step": "1"}}, "key": {
            "expression": "i *", "decimals": 2, "tolerance": "etwa 1", "unit": EMPTY}}),
        ("numeric", {"variables": {}, "key": {"expression": "i", "decimals": 0, "tolerance": "0", "unit": EMPTY}}),
        ("single", {"key": []}),
    ],
)  # fmt: skip
def test_a_half_given_answer_comes_back_into_the_form_as_it_was_typed(
    author: Actor, browser: FlaskClient, type_: str, changes: dict[str, Any]
) -> None:
    asked = written(type_) | changes
    address = f"/questions/write?owner=shared&trade=welding&type={type_}"
    made = browser.post(address, data=fields(asked) | {"unfinished": "1"})
    assert made.status_code == 303
    page = made.headers["Location"].removesuffix("#saved")
    version = latest(int(page.split("/")[-1]))
    assert (version.unfinished, version.key["written"]) == (True, asked["key"])
    if type_ == "numeric":
        assert version.variables == asked["variables"]
    again = browser.post(f"{page}/edit", data=fields(asked) | {"unfinished": "1", "base": "1"})
    assert (again.status_code, latest(version.question_id).number) == (303, 1)
    for path in ("", "/edit", "/versions", "/uses"):
        assert browser.get(f"{page}{path}").status_code == 200
    assert "Unfinished" in browser.get("/questions").text


def test_the_page_lists_what_to_mend_and_offers_no_submission_until_nothing_is(
    author: Actor, browser: FlaskClient
) -> None:
    question_id = keep(author, half(key=[])).id
    here = f"/questions/{question_id}"
    page = browser.get(here).text
    assert "4 things to mend before it can be submitted" in page
    assert "A single choice needs exactly one right option" in page
    assert f"{here}/submit" not in page
    browser.post(f"{here}/submit")
    assert "It is not whole yet." in browser.get(here).text
    saved = browser.post(f"{here}/edit", data=fields(written()) | {"base": "1", "unfinished": "1"})
    assert saved.status_code == 303
    page = browser.get(here).text
    assert "to mend" not in page
    assert f"{here}/submit" in page


def test_what_cannot_be_kept_at_all_is_said_beside_its_field(author: Actor, browser: FlaskClient) -> None:
    address = "/questions/write?owner=shared&trade=welding&type="
    nothing = browser.post(f"{address}single", data={"unfinished": "1", "topic": "", "difficulty": "3"})
    assert (nothing.status_code, "Nothing is written yet" in nothing.text) == (422, True)
    numbers = fields(half("numeric"))
    for changes, at in (
        ({"decimals": "two"}, "decimals-error-1"),
        ({"variables-1-name": "i"}, "variables-0-name-error-1"),
        ({"variables-1-name": ""}, "variables-1-name-error-1"),
        ({"stem_zh": "长" * 2001}, "stem_zh-error-1"),
    ):
        refused = browser.post(f"{address}numeric", data=numbers | changes | {"unfinished": "1"})
        assert (refused.status_code, at in refused.text) == (422, True), at
    assert db.session.scalars(select(Question).where(Question.author_id.is_not(None))).all() == []


def test_an_image_without_words_is_a_fault(author: Actor) -> None:
    kept = authoring.keep_media(PIXEL, author.person_id)
    question = written(media=[{**kept, "alt": text("一个点", "")}])
    assert [fault.part for fault in authoring.find_faults("welding", question)] == ["media"]
    assert latest(keep(author, question).id).unfinished


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999999", "", "zwölf"])
def test_what_is_no_number_to_reckon_with_is_a_fault(author: Actor, value: str) -> None:
    key = {"value": value, "tolerance": "0", "unit": EMPTY}
    bare = written("numeric", key=key, stem=text("题", "Q"), explanation=text("因为", "Because"))
    del bare["variables"], bare["where"]
    assert [fault.part for fault in authoring.find_faults("welding", bare)] == ["value"]
