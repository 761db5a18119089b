"""A case is begun, written, judged and changed as a whole, and papers never mix its texts."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from accounts.models import Person
from core import clock
from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from questions import authoring, cases, queries, queries_admin
from questions.authoring import Actor
from questions.errors import CaseApart, CaseRefused, ChangedMeanwhile, NotNow, OwnQuestion, QuestionInvalid
from questions.exports import write_questions
from questions.formats.neutral import WriteOptions
from questions.models import Question, QuestionVersion
from questions.queries_admin import Wanted
from questions.rules import Bank, BlueprintRow
from tests.factories import grant, make_bank, make_organization, make_person, sign_in
from tests.questions.written import text, written

STEM = {"stem": text("某车间有一台焊机。", "There is a welder in a workshop."), "media": []}
OTHER = {"stem": text("某工地有一台焊机。", "There is a welder on a site."), "media": []}


class World:
    def __init__(self, app: Flask) -> None:
        make_bank(size=2)
        self.app = app
        self.province = make_organization()
        self.plant = make_organization(make_organization(self.province, "city"), "enterprise")
        self.author, self.reviewer = self.actor(), self.actor()

    def actor(self) -> Actor:
        return Actor(make_person(self.province).id, self.province.id)

    def begin(self, bank: int | None = None) -> list[int]:
        first = cases.begin(
            "welding", bank, ["single", "true_false", "numeric"], "safety", STEM, self.author, clock.now()
        )
        return members(first.id)

    def write(self, ids: list[int], by: Actor | None = None) -> None:
        for id_, type_ in zip(ids, ("single", "true_false", "numeric"), strict=True):
            authoring.save(id_, written(type_), 1, by or self.author, clock.now())

    def in_use(self) -> list[int]:
        ids = self.begin()
        self.write(ids)
        assert cases.take(ids[0], "submit", "", self.author, clock.now()) == 3
        assert cases.take(ids[0], "approve", "", self.reviewer, clock.now()) == 3
        return ids

    def browser(self, role: str, node: Organization | None = None, person: Person | None = None) -> FlaskClient:
        node = node or self.province
        person = person or make_person(node, locale="en")
        grant(person, role, node)
        return sign_in(self.app.test_client(), person)


@pytest.fixture
def world(app: Flask) -> World:
    return World(app)


def members(question_id: int) -> list[int]:
    return [one.question.id for one in cases.get_case(question_id).members]


def states(ids: list[int]) -> list[str]:
    return [db.session.get_one(Question, id_, populate_existing=True).state for id_ in ids]


def bank() -> Bank:
    queries.forget()
    return queries.get_bank("welding")


def drawn() -> list[list[int]]:
    """The questions of every case that may be drawn, in their order."""
    row = BlueprintRow(count=1, points=1, type="case")
    return [[version.question_id for version in unit] for unit in bank().matching(row)]


def change(ids: list[int], case_text: dict[str, Any], by: Actor, places: list[int] | None = None) -> int:
    case = cases.get_case(ids[0])
    return cases.change(ids[0], case_text, places or list(range(1, len(ids) + 1)), case.base, by, clock.now())


def test_a_case_begins_as_unfinished_drafts_that_carry_its_text_and_is_drawn_once_it_is_approved(world: World) -> None:
    ids = world.begin()
    versions = [queries_admin.get_listed(id_).version for id_ in ids]
    assert [(one.type, one.unfinished) for one in versions] == [
        ("single", True),
        ("true_false", True),
        ("numeric", True),
    ]
    assert {one.case_group["code"] for one in versions if one.case_group} == {f"welding-c{ids[0]}"}
    with pytest.raises(QuestionInvalid):
        cases.take(ids[0], "submit", "", world.author, clock.now())
    world.write(ids)
    cases.take(ids[0], "submit", "", world.author, clock.now())
    assert drawn() == []
    cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    assert drawn() == [ids]


def test_a_new_text_is_a_new_version_of_each_question_and_goes_to_review_again(world: World) -> None:
    ids = world.in_use()
    before = {version.id: version.case for version in bank().versions}
    assert change(ids, OTHER, world.author) == 3
    assert states(ids) == ["draft"] * 3
    assert [queries_admin.get_listed(id_).version.number for id_ in ids] == [3, 3, 3]
    assert {version.id: version.case for version in bank().versions} == before
    assert change(ids, OTHER, world.author) == 0
    cases.take(ids[0], "submit", "", world.author, clock.now())
    cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    texts = [version.case["stem"] for version in bank().versions if version.case]
    assert texts == [OTHER["stem"]] * 3


def test_no_question_is_approved_alone_while_the_others_are_in_use_with_another_text(world: World) -> None:
    ids = world.in_use()
    change(ids, OTHER, world.author)
    cases.take(ids[0], "submit", "", world.author, clock.now())
    with pytest.raises(CaseApart):
        authoring.approve(ids[1], "", world.reviewer, clock.now())
    assert states(ids) == ["submitted"] * 3
    assert drawn() == [ids]


def test_a_question_of_a_case_that_alone_was_mended_is_approved_alone(world: World) -> None:
    ids = world.in_use()
    authoring.save(ids[1], written("true_false", key=False), 2, world.author, clock.now())
    authoring.submit(ids[1], "", world.author, clock.now())
    authoring.approve(ids[1], "", world.reviewer, clock.now())
    assert drawn() == [ids]


def test_nobody_approves_a_case_that_changed_after_they_read_it(world: World) -> None:
    ids = world.in_use()
    seen = cases.get_case(ids[0]).base
    change(ids, OTHER, world.author)
    cases.take(ids[0], "submit", "", world.author, clock.now())
    with pytest.raises(ChangedMeanwhile):
        cases.take(ids[0], "approve", "", world.reviewer, clock.now(), seen)
    cases.take(ids[0], "approve", "", world.reviewer, clock.now(), cases.get_case(ids[0]).base)
    assert states(ids) == ["approved"] * 3


def test_who_changed_the_text_of_a_case_approves_none_of_its_questions(world: World) -> None:
    ids = world.in_use()
    change(ids, OTHER, world.reviewer)
    cases.take(ids[0], "submit", "", world.author, clock.now())
    with pytest.raises(OwnQuestion):
        cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    assert states(ids) == ["submitted"] * 3


def test_a_step_with_a_case_is_taken_with_all_of_its_questions_or_none(world: World) -> None:
    ids = world.begin()
    world.write(ids)
    authoring.save(ids[2], written("numeric", difficulty=4), 2, world.reviewer, clock.now())
    cases.take(ids[0], "submit", "", world.author, clock.now())
    with pytest.raises(OwnQuestion):
        cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    assert states(ids) == ["submitted"] * 3
    assert cases.take(ids[0], "return", "单位不对", world.reviewer, clock.now()) == 3
    with pytest.raises(NotNow):
        cases.take(ids[0], "approve", "", world.actor(), clock.now())


def test_its_questions_are_drawn_in_the_order_they_are_given(world: World) -> None:
    ids = world.in_use()
    change(ids, STEM, world.author, [3, 1, 2])
    order = [ids[1], ids[2], ids[0]]
    assert members(ids[0]) == order
    cases.take(ids[0], "submit", "", world.author, clock.now())
    cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    assert drawn() == [order]


def test_a_file_holds_its_questions_one_after_the_other_in_their_order(world: World) -> None:
    ids = world.in_use()
    change(ids, STEM, world.author, [3, 1, 2])
    codes = [db.session.get_one(Question, one).code for one in (ids[1], ids[2], ids[0])]
    body = write_questions(Wanted(banks=[None], trade="welding"), "csv", WriteOptions(headings="en")).body
    rows = [row for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"))) if row["Case"]]
    assert [row["ID"] for row in rows] == codes


def test_who_changed_a_case_from_an_older_reading_is_told_and_overwrites_nothing(world: World) -> None:
    ids = world.begin()
    base = cases.get_case(ids[0]).base
    world.write(ids)
    with pytest.raises(ChangedMeanwhile):
        cases.change(ids[0], OTHER, [1, 2, 3], base, world.author, clock.now())
    with pytest.raises(ChangedMeanwhile):
        cases.change(ids[0], OTHER, [1, 2], cases.get_case(ids[0]).base, world.author, clock.now())
    assert cases.get_case(ids[0]).text["stem"] == STEM["stem"]


def test_a_question_that_is_taken_out_stays_in_use_in_its_case_until_it_is_approved_without(world: World) -> None:
    ids = world.in_use()
    cases.take_out(ids[2], world.author, clock.now())
    assert [one.question.id for one in cases.get_case(ids[0]).leaving] == [ids[2]]
    assert drawn() == [ids]
    cases.take(ids[0], "submit", "", world.author, clock.now())
    cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    assert (drawn(), cases.get_case(ids[0]).leaving) == ([], [])
    with pytest.raises(NotFound):
        cases.get_case(ids[2])


def test_another_question_takes_the_free_place_and_no_fourth_joins(world: World) -> None:
    ids = world.in_use()
    joining = authoring.create("welding", None, written("multiple"), world.author, clock.now())
    code = joining.code
    with pytest.raises(CaseRefused) as refusal:
        cases.add_existing(ids[0], code, world.author, clock.now())
    assert refusal.value.details == {"why": "full"}
    cases.take_out(ids[0], world.author, clock.now())
    with pytest.raises(CaseRefused) as refusal:
        cases.add_existing(ids[1], "welding-q0", world.author, clock.now())
    assert refusal.value.details == {"why": "absent"}
    cases.add_existing(ids[1], code, world.author, clock.now())
    assert members(ids[1]) == [ids[1], ids[2], joining.id]
    other = world.begin()
    cases.take_out(other[2], world.author, clock.now())
    with pytest.raises(CaseRefused) as refusal:
        cases.add_existing(other[0], code, world.author, clock.now())
    assert refusal.value.details == {"why": "elsewhere"}
    made = cases.add_new(other[0], "ordering", world.author, clock.now())
    assert members(other[0]) == [other[0], other[1], made.id]


def test_a_question_that_joins_a_case_for_official_use_does_not_bring_its_text_into_practice(world: World) -> None:
    ids = world.in_use()
    for id_ in ids:
        authoring.set_reserved(id_, True, "留给决赛", world.reviewer, clock.now())
    cases.take_out(ids[2], world.author, clock.now())
    joining = authoring.create("welding", None, written("multiple"), world.author, clock.now())
    cases.add_existing(ids[0], joining.code, world.author, clock.now())
    for step, by in (("submit", world.author), ("approve", world.reviewer)):
        cases.take(ids[0], step, "", by, clock.now())
    queries.forget()
    assert [one for one in queries.get_bank("welding", part="open").versions if one.case] == []


def test_a_question_of_another_bank_does_not_join(world: World) -> None:
    own = world.begin(world.plant.id)
    cases.take_out(own[0], world.author, clock.now())
    shared = authoring.create("welding", None, written(), world.author, clock.now())
    with pytest.raises(CaseRefused):
        cases.add_existing(own[1], shared.code, world.author, clock.now())


def form(case_text: dict[str, Any] = STEM, **more: Any) -> dict[str, Any]:
    return {"stem_zh": case_text["stem"]["zh"], "stem_en": case_text["stem"]["en"], **more}


def test_a_case_is_begun_seen_changed_ordered_filled_and_judged_in_the_browser(world: World) -> None:
    author, reviewer = world.browser("question_author"), world.browser("question_reviewer")
    start = author.get("/questions/write?owner=shared&trade=welding&type=case").headers["Location"]
    types: dict[str, Any] = {"topic": "safety", "types-0": "single", "types-1": "true_false", "types-2": "numeric"}
    assert author.get(start).status_code == 200
    refused = author.post(start, data=form(**types) | {"stem_en": ""})
    assert (refused.status_code, "stem_en-error-1" in refused.text) == (422, True)
    here = author.post(start, data=form(**types)).headers["Location"].removesuffix("#saved")
    ids = members(int(here.split("/")[2]))
    page = author.get(here).text
    assert "3 questions are still to be written." in page
    assert "There is a welder in a workshop." in page
    author.post(f"{here}/submit")
    assert "It is not whole yet." in author.get(here).text
    world.write(ids)
    page = author.get(here).text
    assert page.count('data-question="') == 3
    assert "Case for questions 1 to 3" in page
    assert [f"Question {n} of 3 of this case" in page for n in (1, 2, 3)] == [True] * 3
    alone = author.get(f"/questions/{ids[1]}").text
    assert ("Question 2 of 3 of this case" in alone, "Question 1 of 3" in alone) == (True, False)
    edit = author.get(f"{here}/edit").text
    base = str(cases.get_case(ids[0]).base)
    assert f'name="base" type="hidden" value="{base}"' in edit
    places: dict[str, Any] = {"places-0": "2", "places-1": "1", "places-2": "3"}
    twice = author.post(f"{here}/edit", data=form(OTHER, base=base, **places | {"places-0": "1"}))
    assert (twice.status_code, "Two questions have this place." in twice.text) == (422, True)
    stale = author.post(f"{here}/edit", data=form(OTHER, base="1", **places))
    assert (stale.status_code, "Somebody changed the case meanwhile" in stale.text) == (422, True)
    assert author.post(f"{here}/edit", data=form(OTHER, base=base, **places)).status_code == 303
    assert "3 questions have a new version" in author.get(here).text
    assert members(ids[0]) == [ids[1], ids[0], ids[2]]
    author.post(f"{here}/submit")
    assert reviewer.post(f"{here}/return").status_code == 303
    assert "Write the reason into the note first." in reviewer.get(here).text
    assert reviewer.post(f"{here}/approve").status_code == 303
    assert states(ids) == ["submitted"] * 3
    assert reviewer.post(f"{here}/approve", data={"seen": cases.get_case(ids[0]).base}).status_code == 303
    assert states(ids) == ["approved"] * 3
    out = f"/questions/{ids[2]}/case"
    assert author.post(f"{out}/leave").headers["Location"] == f"/questions/{ids[2]}"
    assert "Taken out" in author.get(here).text
    made = author.post(f"{here}/add", data={"type": "matching", "code": ""}).headers["Location"]
    assert made.endswith("/edit")
    assert author.get(made).status_code == 200
    author.post(f"{here}/add", data={"code": "absent"})
    assert "A case has no more than three questions." in author.get(here).text


def test_a_case_begins_with_the_questions_that_the_author_chooses_and_grows_while_it_is_a_draft(world: World) -> None:
    author = world.browser("question_author")
    start = "/questions/cases/write?owner=shared&trade=welding"
    without = author.post(start, data=form() | {"types-0": "", "types-1": "single", "types-2": ""})
    assert [f'id="{name}-error-1"' in without.text for name in ("topic", "types-0", "types-1")] == [True, True, False]
    chosen: dict[str, Any] = {"topic": "safety", "types-0": "multiple", "types-1": "", "types-2": ""}
    here = author.post(start, data=form(**chosen)).headers["Location"].removesuffix("#saved")
    first = int(here.split("/")[2])
    assert members(first) == [first]
    author.post(f"{here}/add", data={"type": "ordering"})
    found = [(one.version.type, one.version.topic_code) for one in cases.get_case(first).members]
    assert found == [("multiple", "safety"), ("ordering", "safety")]


def test_an_empty_draft_of_a_case_is_discarded_and_one_that_says_something_is_kept(world: World) -> None:
    author = world.browser("question_author")
    ids = world.begin()
    authoring.save(ids[0], written("single"), 1, world.author, clock.now())
    page = author.get(f"/questions/{ids[0]}/case").text
    assert (page.count('aria-label="Discard: '), page.count('aria-label="Take out: ')) == (2, 1)
    assert author.post(f"/questions/{ids[1]}/case/leave").headers["Location"] == f"/questions/{ids[0]}/case"
    assert "The empty draft is discarded." in author.get(f"/questions/{ids[0]}/case").text
    assert author.post(f"/questions/{ids[0]}/case/leave").headers["Location"] == f"/questions/{ids[0]}"
    assert author.post(f"/questions/{ids[2]}/case/leave").headers["Location"] == f"/questions/{ids[2]}"
    assert states(ids) == ["draft", "retired", "retired"]


def test_what_was_kept_of_a_case_comes_back_without_being_saved(world: World) -> None:
    author = world.browser("question_author")
    start = "/questions/cases/write?owner=shared&trade=welding"
    types: dict[str, Any] = {"topic": "safety", "types-0": "single", "types-1": "", "types-2": ""}
    before = db.session.scalar(select(func.count()).select_from(QuestionVersion))
    back = author.post(start, data=form(**types, check="1"))
    assert (back.status_code, "There is a welder in a workshop." in back.text) == (200, True)
    assert db.session.scalar(select(func.count()).select_from(QuestionVersion)) == before
    ids = world.begin()
    edited: dict[str, Any] = {
        "base": str(cases.get_case(ids[0]).base),
        "places-0": "1",
        "places-1": "2",
        "places-2": "3",
    }
    back = author.post(f"/questions/{ids[0]}/case/edit", data=form(OTHER, **edited, check="1"))
    assert (back.status_code, "There is a welder on a site." in back.text) == (200, True)
    assert cases.get_case(ids[0]).text["stem"] == STEM["stem"]


def test_only_authors_of_its_bank_change_a_case_and_only_readers_see_it(world: World) -> None:
    ids = world.begin(world.plant.id)
    here = f"/questions/{ids[0]}/case"
    count = db.session.scalar(select(func.count()).select_from(QuestionVersion))
    for browser, reads in (
        (world.browser("question_author", world.province), False),
        (world.browser("question_reviewer", world.plant), True),
        (world.browser("organizer", world.plant), True),
        (world.browser("finance", world.plant), False),
    ):
        assert browser.get(here).status_code == (200 if reads else 404)
        assert browser.get(f"{here}/edit").status_code == 404
        assert browser.post(f"{here}/edit", data=form(OTHER)).status_code == 404
        for step in ("add", "leave", "submit"):
            assert browser.post(f"{here}/{step}", data={"type": "single"}).status_code == 404
    assert db.session.scalar(select(func.count()).select_from(QuestionVersion)) == count
    alone = authoring.create("welding", world.plant.id, written(), world.author, clock.now())
    assert world.browser("question_author", world.plant).get(f"/questions/{alone.id}/case").status_code == 404


def test_an_offer_of_one_question_does_not_open_the_others_of_its_case(world: World) -> None:
    ids = world.begin(world.plant.id)
    world.write(ids)
    cases.take(ids[0], "submit", "", world.author, clock.now())
    cases.take(ids[0], "approve", "", world.reviewer, clock.now())
    authoring.offer(ids[0], "", world.author, clock.now())
    federation = world.browser("question_reviewer")
    assert federation.get(f"/questions/{ids[0]}").status_code == 200
    assert federation.get(f"/questions/{ids[0]}/case").status_code == 404
