"""From an empty form to a question in use: written, sent back with a reason, mended and approved, on phones."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.database import db
from questions.models import Question, QuestionVersion
from tests.journeys.conftest import AUTHOR, PATIENCE, REVIEWER, NewDevice
from tests.journeys.test_story import look, press, sign_in, told
from tests.processes import wait_until

TEXTS = {
    "stem_zh": "焊接电流 {i} A，电弧电压 {u} V，焊接速度 5 mm/s，热输入是多少？",
    "stem_en": "At {i} A, {u} V and 5 mm/s, what is the heat input?",
    "expression": "i * u / 5 / 1000",
    "where": "i > 5 * u",
    "decimals": "2",
    "tolerance": "1%",
    "unit_zh": "kJ/mm",
    "unit_en": "kJ/mm",
    "explanation_zh": "{i} × {u} ÷ 5 ÷ 1000 = {answer}",
    "explanation_en": "{i} × {u} / 5 / 1000 = {answer}",
    "source_zh": "教科书事实：焊接热输入",
    "source_en": "Textbook fact: heat input of welding",
}


def versions() -> list[QuestionVersion]:
    db.session.rollback()
    wanted = select(QuestionVersion).where(QuestionVersion.created_by.is_not(None)).order_by(QuestionVersion.number)
    return list(db.session.scalars(wanted))


def variable(page: Page, row: int, *values: str) -> None:
    for part, value in zip(("name", "min", "max", "step"), values, strict=True):
        page.fill(f"[name=variables-{row}-{part}]", value)


@pytest.mark.usefixtures("writers")
def test_a_parametrised_question_goes_from_an_empty_form_through_a_return_to_its_approval(device: NewDevice) -> None:
    author, reviewer = device(), device()
    sign_in(author, AUTHOR, "/questions")
    press(author, "New question")
    author.get_by_label("Number", exact=True).check()
    press(author, "Write it")

    press(author, "Save as a draft")
    expect(author.get_by_role("alert")).to_contain_text("Question in Chinese: Write it in both languages.")
    assert versions() == []
    author.get_by_label("are drawn anew for every paper").check()
    author.select_option("[name=topic]", "safety")
    for name, text in TEXTS.items():
        author.fill(f"[name={name}]", text)
    variable(author, 0, "i", "100", "200", "10")
    author.get_by_role("button", name="Add a variable").click()
    variable(author, 1, "u", "30", "20", "0.5")
    press(author, "Check and preview")
    expect(author.locator("#group-variables")).to_contain_text("The variable u cannot be drawn")
    look(author)

    variable(author, 1, "u", "20", "30", "0.5")
    sample = author.locator("[data-sample] li")
    expect(sample).to_have_count(5)
    expect(sample.first).to_contain_text("Right answer: 0.")
    expect(sample.first).not_to_contain_text("{")
    press(author, "Check and preview")
    expect(author.locator(".phone")).to_contain_text("what is the heat input?")
    press(author, "Save as a draft")
    told(author, "The draft is saved.")
    press(author, "Submit for review")
    told(author, "Submitted.")
    here = author.url.split("#")[0]

    sign_in(reviewer, REVIEWER, "/questions")
    press(reviewer, "Inbox")
    press(reviewer, "At {i} A, {u} V and 5 mm/s, what is the heat input?")
    press(reviewer, "Return with the reason")
    told(reviewer, "Write the reason into the note first.")
    reviewer.get_by_label("Note").fill("热输入的单位不对：应为 kJ/cm 或改算式。")
    press(reviewer, "Return with the reason")
    told(reviewer, "Returned to the author")

    author.goto("/questions/inbox")
    look(author)
    expect(author.locator("main")).to_contain_text("应为 kJ/cm 或改算式")
    press(author, re.compile("^Mend"))
    author.fill("[name=expression]", "i * u / 5 / 100")
    author.fill("[name=unit_zh]", "kJ/cm")
    author.fill("[name=unit_en]", "kJ/cm")
    press(author, "Save")
    told(author, "Saved as a new version.")
    author.get_by_label("Note").fill("已改为 kJ/cm。")
    press(author, "Submit for review")

    reviewer.goto(here)
    press(reviewer, "Versions")
    expect(reviewer.locator("del", has_text="1000")).to_have_count(1)
    expect(reviewer.locator("ins", has_text="100")).to_have_count(1)
    reviewer.go_back()
    press(reviewer, "Approve")
    told(reviewer, "Approved.")
    expect(reviewer.locator(".notes li")).to_have_count(4)
    first, second = versions()
    question = db.session.get_one(Question, first.question_id)
    assert (question.state, question.current_version_id) == ("approved", second.id)
    assert (first.key["expression"], second.key["expression"]) == ("i * u / 5 / 1000", "i * u / 5 / 100")
    assert second.key["unit"] == {"zh": "kJ/cm", "en": "kJ/cm"}
    press(reviewer, "Where it is used")
    press(reviewer, "Back to the question")


WRITE = "/questions/write?owner=shared&trade=welding&type=single"
KEPT = "Object.keys(localStorage).filter(key => key.startsWith('biwu.unsaved.')).length"
FIELDS = "Object.values(localStorage).join()"


def type_a_question(page: Page) -> None:
    """Type a question that is not whole, with one more option than the form begins with, and wait until it is kept."""
    page.goto(WRITE)
    page.fill("[name=stem_zh]", "焊条为什么要烘干？\n说明理由。")
    page.get_by_role("button", name="Add an option").click()
    page.fill("[name=options-4-zh]", "第五个选项")
    wait_until(lambda: "第五个选项" in page.evaluate(FIELDS), PATIENCE)


@pytest.mark.usefixtures("writers")
def test_what_an_author_typed_outlives_a_crash_and_an_expired_session_until_it_is_saved(device: NewDevice) -> None:
    page = device()
    sign_in(page, AUTHOR, "/questions")
    type_a_question(page)
    context = page.context
    page.close()

    page = context.new_page()
    page.goto(WRITE)
    press(page, "Bring it back", page.locator("#unsaved"))
    expect(page.locator("[name=stem_zh]")).to_have_value("焊条为什么要烘干？\n说明理由。")
    expect(page.locator("[name=options-4-zh]")).to_have_value("第五个选项")
    assert versions() == []

    context.clear_cookies()
    page.get_by_role("button", name="Save what there is").click()
    expect(page.get_by_role("heading", name="This page is out of date")).to_be_visible()
    context.clear_cookies()
    sign_in(page, AUTHOR, "/questions")
    page.goto(WRITE)
    press(page, "Bring it back", page.locator("#unsaved"))
    press(page, "Save what there is")
    told(page, "Saved as far as it goes.")
    assert [version.stem["zh"].split() for version in versions()] == [["焊条为什么要烘干？", "说明理由。"]]
    page.goto(WRITE)
    expect(page.get_by_role("heading", name="Options")).to_be_visible()
    expect(page.locator("#unsaved")).to_be_hidden()
    assert page.evaluate(KEPT) == 0


@pytest.mark.usefixtures("writers")
def test_what_was_kept_can_be_thrown_away_and_goes_when_the_author_signs_out(device: NewDevice) -> None:
    page = device()
    sign_in(page, AUTHOR, "/questions")
    type_a_question(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.keyboard.press("Escape")
    expect(page.locator("#unsaved")).to_be_visible()
    page.get_by_role("button", name="Throw it away").click()
    expect(page.locator("#unsaved")).to_be_hidden()
    expect(page.locator("[name=stem_zh]")).to_have_value("")
    assert page.evaluate(KEPT) == 0

    type_a_question(page)
    page.goto("/me/account")
    assert page.evaluate(KEPT) == 1
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("[name=password]").or_(page.get_by_role("link", name="Sign in")).first).to_be_visible()
    assert page.evaluate(KEPT) == 0
