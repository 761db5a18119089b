"""A case from its first words to its use, with a question left half-written in between, on phones."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy import select

from core import clock
from core.database import db
from questions import authoring, cases
from questions.authoring import Actor
from questions.models import Question, QuestionVersion
from tests.journeys.conftest import AUTHOR, PATIENCE, REVIEWER, NewDevice
from tests.journeys.test_authoring import FIELDS, KEPT
from tests.journeys.test_story import go, look, press, sign_in, told
from tests.processes import wait_until
from tests.questions.written import text, written


def finish(page: Page, number: int) -> None:
    """Write the rest of a statement that is true, and save it."""
    page.fill("[name=stem_en]", f"Statement {number}")
    page.select_option("[name=topic]", "safety")
    page.get_by_label("True", exact=True).check()
    for name in ("explanation", "source"):
        page.fill(f"[name={name}_zh]", "依据")
        page.fill(f"[name={name}_en]", "Reason")
    press(page, "Save")
    told(page, "Saved as a new version.")


def finish_others(url: str) -> None:
    """Write the other two questions of the case of the question at an address."""
    first = int(url.split("#")[0].split("/")[-1])
    db.session.rollback()
    author_id = db.session.get_one(Question, first).author_id or 0
    for number, one in enumerate(cases.get_case(first).members[1:], 2):
        statement = written("true_false", stem=text(f"陈述 {number}", f"Statement {number}"))
        authoring.save(one.question.id, statement, 1, Actor(author_id, 1), clock.now())


@pytest.mark.usefixtures("writers")
def test_a_case_is_begun_half_written_left_finished_ordered_and_approved_as_a_whole(device: NewDevice) -> None:
    author, reviewer = device(), device()
    sign_in(author, AUTHOR, "/questions")
    press(author, "New question")
    author.get_by_label("Case: one text, three questions drawn together").check()
    press(author, "Write it")
    author.fill("[name=stem_zh]", "某车间有一台焊机。")
    author.fill("[name=stem_en]", "There is a welder in a workshop.")
    author.select_option("[name=topic]", "safety")
    author.select_option("[name=types-0]", "true_false")
    wait_until(lambda: "There is a welder" in author.evaluate(FIELDS), PATIENCE)
    author.reload()
    press(author, "Bring it back", author.locator("#unsaved"))
    expect(author.locator("[name=stem_zh]")).to_have_value("某车间有一台焊机。")
    expect(author.locator("[name=types-0]")).to_have_value("true_false")
    press(author, "Begin the case")
    told(author, "The case is begun.")
    expect(author.get_by_role("heading", name="Add a question")).to_be_visible()
    assert author.evaluate(KEPT) == 0
    for type_ in ("true_false", "single"):
        author.select_option("[name=type]", type_)
        press(author, "Add")
        press(author, "Back")
        press(author, "The whole case")
    author.get_by_role("button", name="Discard: ").last.click()
    told(author, "The empty draft is discarded.")
    author.select_option("[name=type]", "true_false")
    press(author, "Add")
    press(author, "Back")
    press(author, "The whole case")
    look(author)
    go(author, author.get_by_role("link", name="Write: ").first)
    author.fill("[name=stem_zh]", "陈述 1")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    author.once("dialog", stay)
    with author.expect_event("dialog"):
        author.evaluate("location.assign('/questions')")
    assert (asked, author.input_value("[name=stem_zh]")) == (["beforeunload"], "陈述 1")
    press(author, "Save what there is")
    told(author, "Saved as far as it goes.")
    expect(author.locator(".faults")).to_contain_text("The question has no English text yet.")
    expect(author.get_by_role("button", name="Submit for review")).to_have_count(0)
    press(author, "Go on writing")
    assert author.input_value("[name=stem_zh]") == "陈述 1"
    finish(author, 1)
    finish_others(author.url)
    press(author, "The whole case")
    expect(author.locator(".phone [data-question]")).to_have_count(3)
    expect(author.locator("[data-question='2']")).to_contain_text("Question 2 of 3 of this case")
    inside = "one => one.offsetParent.closest('.phone') !== null"
    assert author.locator(".phone .question__no .sr").last.evaluate(inside), "or it makes the page longer than it is"
    press(author, "Edit text and order")
    author.select_option("[name=places-0]", "3")
    author.select_option("[name=places-2]", "1")
    press(author, "Save the case")
    expect(author.locator(".phone [data-question='1']")).to_contain_text("Statement 3")
    press(author, "Submit the whole case")

    sign_in(reviewer, REVIEWER, "/questions/inbox")
    press(reviewer, "Statement 3")
    press(reviewer, "The whole case")
    press(reviewer, "Approve the whole case")
    told(reviewer, "Approved.")
    db.session.rollback()
    rows = db.session.execute(
        select(QuestionVersion.stem["en"].astext, QuestionVersion.case_group["place"].astext, Question.state)
        .join(Question, Question.current_version_id == QuestionVersion.id)
        .where(QuestionVersion.created_by.is_not(None))
    )
    assert sorted(rows) == [(f"Statement {n}", str(4 - n), "approved") for n in (1, 2, 3)]
