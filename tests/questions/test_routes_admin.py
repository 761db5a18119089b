"""The pages of authors and reviewers: who reaches them, what they say, and that they work without JavaScript."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.models import Person
from core import clock
from core.database import db
from organizations.models import Organization
from questions import authoring, queries_admin
from questions.authoring import Actor
from questions.forms import EditorForm
from questions.models import Question, QuestionVersion, Topic
from questions.services import content_of
from tests.factories import PIXEL, grant, make_bank, make_organization, make_person, sign_in
from tests.questions.written import PARTS, text, written


@dataclass
class World:
    """A federation and two enterprises, and a browser for a person with a role somewhere."""

    app: Flask
    province: Organization
    plant: Organization
    rival: Organization

    def browser(self, role: str | None, node: Organization | None = None, person: Person | None = None) -> FlaskClient:
        node = node or self.province
        person = person or make_person(node, locale="en")
        if role:
            grant(person, role, node)
        return sign_in(self.app.test_client(), person)

    def make(self, bank: Organization | None = None, state: str = "draft", **changes: Any) -> int:
        """A question by somebody else."""
        author = Actor(make_person().id, (bank or self.province).id)
        made = authoring.create("welding", bank.id if bank else None, written(**changes), author, clock.now())
        question_id = made.id
        if state != "draft":
            authoring.submit(question_id, "", author, clock.now())
        if state == "approved":
            authoring.approve(question_id, "", Actor(make_person().id, self.province.id), clock.now())
        return question_id


@pytest.fixture
def world(app: Flask) -> World:
    make_bank(size=2)
    province = make_organization()
    city = make_organization(province, "city")
    return World(app, province, make_organization(city, "enterprise"), make_organization(city, "enterprise"))


def fields(type_: str = "single", **changes: Any) -> dict[str, Any]:
    """What the editor's form sends for the question of `written`."""
    data: dict[str, Any] = {}
    for name, value in EditorForm.fields_of(written(type_)).items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for number, row in enumerate(value):
                data |= {f"{name}-{number}-{part}": one for part, one in row.items()}
        elif value not in ([], None):
            data[name] = value
    return data | changes


def question(question_id: int) -> Question:
    return db.session.get_one(Question, question_id, populate_existing=True)


def said(reply: Any) -> str:
    """A page's text without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.text))


def write(browser: FlaskClient, type_: str, owner: str = "shared", **changes: Any) -> Any:
    address = f"/questions/write?owner={owner}&trade=welding&type={type_}"
    return browser.post(address, data=fields(type_, **changes), headers={"Accept-Language": "en"})


@pytest.mark.parametrize("type_", PARTS)
def test_every_type_is_written_shown_edited_and_compared_in_the_browser(world: World, type_: str) -> None:
    author = world.browser("question_author")
    empty = author.get(f"/questions/write?owner=shared&trade=welding&type={type_}")
    assert (empty.status_code, empty.text.count("<h1")) == (200, 1)
    made = write(author, type_)
    assert made.status_code == 303, said(made)
    here = made.headers["Location"].removesuffix("#saved")
    question_id = int(here.split("/")[-1])
    version = queries_admin.get_latest(question(question_id))
    assert content_of(authoring.written_of(version)) == content_of(written(type_))
    assert author.get(here).status_code == 200
    assert author.post(f"{here}/edit", data=fields(type_, base="1")).status_code == 303
    assert len(queries_admin.list_versions(question_id)) == 1
    page = author.get(f"{here}/edit")
    assert 'name="base" type="hidden" value="1"' in page.text
    assert author.post(f"{here}/edit", data=fields(type_, base="1", source_en="Another standard")).status_code == 303
    compared = author.get(f"{here}/versions")
    assert re.search(r"<ins>.*Another.*</ins>", compared.text)
    assert "1 field differs." in compared.text


def test_every_fault_is_said_beside_its_field_and_nothing_is_kept(world: World) -> None:
    author = world.browser("question_author")
    cases: list[tuple[str, dict[str, Any], str, str]] = [
        ("single", {"stem_en": ""}, "stem_en-error", "Write it in both languages."),
        ("single", {"topic": ""}, "topic-error", "Choose a topic."),
        ("single", {"options-1-zh": ""}, "options-1-zh-error", "Write it in both languages."),
        ("single", {"right": []}, "group-options-error", "A single choice needs exactly one right option"),
        ("multiple", {"right": ["a"]}, "group-options-error", "two or more right options"),
        ("true_false", {"truth": ""}, "truth-error", "The answer must be true or false."),
        ("fill_in", {"stem_zh": "没有标记的题目"}, "stem_zh-error", "must mark each blank once"),
        ("fill_in", {"blanks-0-accepted": "", "blanks-1-accepted": ""}, "group-blanks-error", "at least one"),
        ("numeric", {"drawn": "no", "value": "zwölf"}, "value-error", "Type a number."),
        ("numeric", {"tolerance": "-1"}, "tolerance-error", "A tolerance is not negative."),
        ("numeric", {"tolerance": "1e999999"}, "tolerance-error", "Type a number."),
        ("numeric", {"variables-0-max": "many"}, "variables-0-max-error", "Type a number."),
        ("numeric", {"variables-0-name": "I"}, "variables-0-name-error", "small letters"),
        ("numeric", {"variables-0-min": "900"}, "group-variables-error", "The variable i cannot be drawn"),
        ("numeric", {"stem_en": "What is the power?"}, "stem_en-error", "must show every variable"),
        ("numeric", {"explanation_zh": "{z}"}, "explanation_zh-error", "no variable"),
        ("numeric", {"expression": "i * import"}, "expression-error", "This is no expression"),
        ("numeric", {"expression": "i / (u - u)"}, "expression-error", "cannot be computed"),
        ("numeric", {"expression": "i * w"}, "expression-error", "which is no variable"),
        ("numeric", {"expression": ""}, "expression-error", "how the answer is computed"),
        ("numeric", {"where": "i >"}, "where-error", "This is no expression"),
        ("numeric", {"where": "i > 999"}, "where-error", "No values satisfy the condition."),
        ("numeric", {"where": "i + 1"}, "where-error", "This is no condition"),
        ("ordering", {"options-0-place": "2", "options-2-place": "2"}, "options-0-place-error", "this place"),
        ("ordering", {"options-1-place": ""}, "options-1-place-error", "Give it its place."),
        ("matching", {"prompts-1-fits": ""}, "group-prompts-error", "its partner on the right"),
        ("matching", {"prompts-1-zh": "", "prompts-1-en": ""}, "group-prompts-error", "items on the left"),
    ]
    before = set(db.session.scalars(select(Question.id)))
    for type_, changes, at, sentence in cases:
        reply = write(author, type_, **changes)
        assert reply.status_code == 422, (type_, changes)
        found = re.search(rf'id="{at}-1">.*?<span>(.*?)</span>', reply.text, re.DOTALL)
        assert found is not None, (type_, changes, said(reply)[:2000])
        assert sentence in found[1], (type_, changes, found[1])
        assert 'role="alert"' in reply.text
    assert set(db.session.scalars(select(Question.id))) == before


def test_checking_shows_five_drawn_papers_and_their_answers_and_keeps_nothing(world: World) -> None:
    author = world.browser("question_author")
    reply = write(author, "numeric", check="1")
    assert reply.status_code == 200
    assert len(re.findall(r"Right answer: \d\.\d", reply.text)) == 5
    assert "{i}" not in re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", reply.text, flags=re.DOTALL).replace(
        "such as {i}.", ""
    )
    assert db.session.scalars(select(QuestionVersion).where(QuestionVersion.created_by.is_not(None))).all() == []


def test_rows_can_be_added_and_left_empty_without_javascript(world: World) -> None:
    author = world.browser("question_author")
    reply = write(author, "single", check="1")
    ids = re.findall(r'name="options-\d+-id" type="hidden" value="(\w)"', reply.text)
    assert ids == list("abcde")
    more = {"options-3-id": "d", "options-3-zh": "绿", "options-3-en": "Green", "options-4-id": "e", "right": "d"}
    made = write(author, "single", **more)
    version = queries_admin.get_latest(question(int(made.headers["Location"].removesuffix("#saved").split("/")[-1])))
    assert ([one["id"] for one in version.options], version.key) == (list("abcd"), {"options": ["d"]})


def test_an_image_is_uploaded_kept_over_a_check_and_shown_with_its_words(world: World) -> None:
    author = world.browser("question_author")
    address = "/questions/write?owner=shared&trade=welding&type=single"

    def upload(content: bytes, **changes: Any) -> Any:
        file = (io.BytesIO(content), "a.png")
        return author.post(address, data=fields("single", **{"options-0-file": file}, **changes))

    refused = upload(b"GIF89a" + b"0" * 20)
    assert "options-0-file-error-1" in refused.text
    unspoken = upload(PIXEL, check="1")
    assert "options-0-alt_zh-error-1" in unspoken.text
    digest = re.search(r'name="options-0-sha256" type="hidden" value="(\w{64})"', unspoken.text)
    assert digest is not None
    words = {"options-0-alt_zh": "一个点", "options-0-alt_en": "A dot", "options-0-sha256": digest[1]}
    made = author.post(address, data=fields("single", **words))
    version = queries_admin.get_latest(question(int(made.headers["Location"].removesuffix("#saved").split("/")[-1])))
    assert version.options[0]["image"] == {
        "sha256": digest[1],
        "mime": "image/png",
        "alt": {"zh": "一个点", "en": "A dot"},
    }
    assert f"/media/{digest[1]}" in author.get(made.headers["Location"]).text
    foreign = words | {"options-0-sha256": "0" * 64}
    made = author.post(address, data=fields("single", **foreign))
    version = queries_admin.get_latest(question(int(made.headers["Location"].removesuffix("#saved").split("/")[-1])))
    assert "image" not in version.options[0]


def test_a_file_over_the_limit_is_refused_before_anything_reads_it(world: World) -> None:
    author = world.browser("question_author")
    file = (io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"0" * 500_000), "a.png")
    address = "/questions/write?owner=shared&trade=welding&type=single"
    too_large = author.post(address, data=fields("single", **{"options-0-file": file}))
    assert (too_large.status_code, "at most 500 kB" in too_large.text) == (422, True)
    whole = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "7000000"}
    assert author.post(address, environ_overrides=whole).status_code == 413


def test_who_saves_over_a_newer_version_is_told_first(world: World) -> None:
    question_id = world.make()
    authoring.save(question_id, written(stem=text("别人", "Other")), 1, Actor(make_person().id, 1), clock.now())
    author = world.browser("question_author")
    reply = author.post(f"/questions/{question_id}/edit", data=fields(base="1", source_en="Mine"))
    assert (reply.status_code, "newer version meanwhile" in reply.text) == (422, True)
    assert 'name="base" type="hidden" value="2"' in reply.text
    assert author.post(f"/questions/{question_id}/edit", data=fields(base="2", source_en="Mine")).status_code == 303


PLACES = ["province", "plant", "rival"]
ROLES = ["question_author", "question_reviewer", "organizer", "enterprise_admin", "finance", "auditor"]
READS = {"question_author", "question_reviewer", "organizer", "enterprise_admin"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("place", PLACES)
def test_p1_p2_a_role_reaches_the_bank_of_its_own_node_and_no_other(world: World, role: str, place: str) -> None:
    shared, own = world.make(), world.make(world.plant)
    browser = world.browser(role, getattr(world, place))
    for question_id, home in ((shared, "province"), (own, "plant")):
        reads = place == home and role in READS
        for path in ("", "/versions", "/uses"):
            status = browser.get(f"/questions/{question_id}{path}").status_code
            assert status == (200 if reads else 404), (question_id, path)
        writes = place == home and role == "question_author"
        assert browser.get(f"/questions/{question_id}/edit").status_code == (200 if writes else 404)
        assert browser.post(f"/questions/{question_id}/submit").status_code == (303 if writes else 404)
        judges = place == home and role == "question_reviewer"
        assert browser.post(f"/questions/{question_id}/reserve").status_code == (303 if judges else 404)
    listed = browser.get("/questions")
    assert listed.status_code == (200 if role in READS else 404)
    codes = {question(shared).code: place == "province", question(own).code: place == "plant"}
    if role in READS:
        assert all((code in listed.text) == seen for code, seen in codes.items())
    topics = browser.get("/questions/topics/welding")
    assert topics.status_code == (200 if role in READS and place == "province" else 404)


@pytest.mark.parametrize("path", ["", "/edit", "/versions", "/uses"])
def test_p3_absent_and_forbidden_questions_give_the_same_reply(world: World, path: str) -> None:
    browser = world.browser("question_author", world.rival)
    replies = [browser.get(f"/questions/{id_}{path}") for id_ in (world.make(), world.make(world.plant), 999_999)]
    assert {reply.status_code for reply in replies} == {404}
    pages = {re.sub(r'nonce="[^"]*"|/questions/\d+\S*', "", reply.text) for reply in replies}
    assert len(pages) == 1


def test_p2_nobody_writes_into_a_bank_that_is_not_theirs(world: World) -> None:
    author = world.browser("question_author", world.plant)
    for owner in ("shared", str(world.rival.id), str(world.province.id), ""):
        assert write(author, "single", owner).headers["Location"] == "/questions/new"
    assert write(author, "single", str(world.plant.id)).status_code == 303
    made = db.session.scalars(select(Question).where(Question.author_id.is_not(None))).one()
    assert made.organization_id == world.plant.id


def test_an_offer_opens_a_question_to_the_federations_reviewers_and_a_decline_closes_it(world: World) -> None:
    question_id = world.make(world.plant, "approved")
    here = f"/questions/{question_id}"
    reviewer, author = world.browser("question_reviewer"), world.browser("question_author", world.plant)
    other = world.browser("question_author")
    assert (reviewer.get(here).status_code, other.get(here).status_code) == (404, 404)
    assert author.post(f"{here}/offer", data={"body": "请看"}).status_code == 303
    assert question(question_id).offered_at is not None
    assert question(question_id).code in reviewer.get("/questions/inbox").text
    assert reviewer.get(here).status_code == 200
    assert reviewer.get(f"{here}/edit").status_code == 404
    for step in ("approve", "retire", "reserve", "submit"):
        assert reviewer.post(f"{here}/{step}", data={"body": "不行"}).status_code == 404
    assert world.browser("question_reviewer", world.rival).get(here).status_code == 404
    assert reviewer.post(f"{here}/comment", data={"body": "很好"}).status_code == 303
    reviewer.post(f"{here}/decline", data={"body": "太专门"})
    assert reviewer.get(here).status_code == 404
    author.post(f"{here}/offer")
    reviewer.post(f"{here}/adopt", data={"seen": "7"})
    assert question(question_id).organization_id == world.plant.id, "not the version that was read"
    reviewer.post(f"{here}/adopt", data={"seen": "1"})
    assert question(question_id).organization_id is None
    assert (reviewer.get(here).status_code, author.get(here).status_code) == (200, 404)


def test_a_reviewer_is_told_that_they_cannot_judge_what_they_wrote(world: World) -> None:
    person = make_person(world.province, locale="en")
    both = world.browser("question_author", person=person)
    grant(person, "question_reviewer", world.province)
    here = write(both, "single").headers["Location"].removesuffix("#saved")
    both.post(f"{here}/submit")
    page = both.get(here)
    assert "another reviewer has to decide" in page.text
    assert "/approve" not in page.text
    both.post(f"{here}/approve", data={"seen": "1"})
    assert "nobody approves what they wrote themselves" in both.get(here).text
    assert question(int(here.split("/")[-1])).state == "submitted"


def test_a_form_that_does_not_say_what_was_read_approves_nothing(world: World) -> None:
    question_id = world.make(state="submitted")
    reviewer = world.browser("question_reviewer")
    reviewer.post(f"/questions/{question_id}/approve")
    assert "read it as it is now, then decide" in reviewer.get(f"/questions/{question_id}").text
    assert question(question_id).state == "submitted"


def test_a_step_that_is_too_late_or_lacks_its_reason_changes_nothing_and_says_so(world: World) -> None:
    here = f"/questions/{world.make(state='submitted')}"
    reviewer = world.browser("question_reviewer")
    reviewer.post(f"{here}/return", data={"body": "  "})
    assert "Write the reason into the note first." in reviewer.get(here).text
    reviewer.post(f"{here}/return", data={"body": "缺来源"})
    assert "缺来源" in reviewer.get(here).text
    reviewer.post(f"{here}/approve", data={"seen": "1"})
    assert "not possible as the question stands now" in reviewer.get(here).text
    reviewer.post(f"{here}/comment", data={"body": "长" * 2001})
    assert "The note is too long." in reviewer.get(here).text
    assert reviewer.get(f"{here}/approve").headers["Location"] == here
    assert reviewer.post(f"{here}/explode").status_code == 404


def test_a_note_is_shown_as_text_and_never_as_markup(world: World) -> None:
    here = f"/questions/{world.make(stem=text('<b>题</b>', '<b>Stem</b>'))}"
    author = world.browser("question_author")
    author.post(f"{here}/comment", data={"body": "<script>alert(1)</script>"})
    for path in (here, f"{here}/versions", f"{here}/uses", "/questions", f"{here}/edit"):
        page = author.get(path).text
        assert "<script>alert" not in page
        assert "<b>" not in page.replace("<b>1</b>", "")


def test_the_list_is_filtered_counted_and_paged(world: World) -> None:
    make_bank(size=queries_admin.PAGE + 3)
    world.make(type_="numeric", difficulty=5)
    reader = world.browser("organizer")
    first = reader.get("/questions?trade=welding")
    assert first.text.count('class="questions__stem"') == queries_admin.PAGE
    assert "page=2" in first.text
    assert reader.get("/questions?trade=welding&page=2").text.count('class="questions__stem"') == 6
    only = reader.get("/questions?type=numeric&difficulty=5&state=draft&q=power&topic=safety&trade=welding")
    assert only.text.count('class="questions__stem"') == 1
    none = reader.get("/questions?q=nothing-like-this")
    assert "No question matches" in none.text
    assert reader.get("/questions?page=0&difficulty=x&type=x&state=x&trade=x&owner=x").status_code == 200


def test_topics_are_edited_by_those_who_look_after_the_shared_bank(world: World) -> None:
    db.session.add(Topic(trade_code="welding", code="gas", name_zh="气", name_en="Gas", position=2, weight=40))
    db.session.get_one(Topic, ("welding", "safety")).weight = 60
    db.session.commit()
    rows = {
        f"topics-{number}-{part}": value
        for number, row in enumerate(
            (
                {"code": "safety", "name_zh": "焊接安全", "name_en": "Safe welding", "weight": "70"},
                {"code": "gas", "name_zh": "气", "name_en": "Gas", "weight": "30"},
            )
        )
        for part, value in row.items()
    }
    here = "/questions/topics/welding"
    organizer = world.browser("organizer")
    assert organizer.post(here, data=rows).status_code == 303
    assert "Safe welding" in organizer.get(here).text
    bad = organizer.post(here, data=rows | {"topics-1-weight": "40"})
    assert (bad.status_code, bad.text.count("do not sum to 100")) == (422, 3)
    assert organizer.post(here, data=rows | {"topics-1-code": "absent"}).status_code == 404
    assert world.browser("question_author").post(here, data=rows).status_code == 404
    assert world.browser("organizer", world.plant).get(here).status_code == 404
    assert organizer.get("/questions/topics/absent").status_code == 404


def test_the_menu_leads_to_the_question_bank_for_those_who_have_one(world: World) -> None:
    for role in ROLES:
        assert ('href="/questions"' in world.browser(role).get("/me").text) == (role in READS)
