"""Every type of item in a real browser: by keyboard, without a line, on two devices."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from competitions.models import Answer, Attempt
from core.database import db
from questions.queries import get_versions
from tests.competitions import second_scorer
from tests.factories import make_bank, make_level, make_media, make_track
from tests.journeys.conftest import NewDevice, World, sign_in
from tests.journeys.test_play import make_joined, stored

SAVED = "[data-save][data-state=saved]"
KINDS = {
    "blanks": "each",
    "ordering": "each",
    "matching": "each",
    "parametrised": "all",
    "multiple": "partial",
    "case": "all",
}
ROWS = ("fill_in", "ordering", "matching", "numeric", "multiple", "case")
READ = """() => [...document.querySelectorAll('[data-question]')].map((one) => [
    ...[...one.querySelectorAll('.order__step')].map((step) => step.dataset.id),
    ...[...one.querySelectorAll('input:checked[name^=answer], input[type=text], select')].map((input) => input.value),
])"""
"""What a screen holds of every question: the order of steps, and every field."""


@pytest.fixture
def mixed(world: World) -> World:
    """The world with a level of one item of each kind, worth ten points each, in front."""
    trade = f"{world.track.trade_code}-mixed"
    for kind, credit in KINDS.items():
        make_bank(trade, 1, kind, credit, **({"media": [make_media()]} if kind == "matching" else {}))
    track = make_track(world.competition, trade_code=trade, position=2)
    row = {"topic": None, "difficulty": None, "count": 1, "points": 10}
    world.levels[0] = make_level(track, blueprint=[{**row, "type": type_} for type_ in ROWS], pass_points=20)
    make_joined(world)
    return world


def start(page: Page, world: World) -> str:
    """Sign in and start by keyboard; return the address of the attempt."""
    sign_in(page, world, f"/levels/{world.levels[0].id}")
    page.get_by_role("button", name="Start the clock").press("Enter")
    page.wait_for_url("**/attempts/*#q-1")
    return page.url.split("#")[0]


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what the selector finds has the focus."""
    for _ in range(60):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def power(page: Page, number: int) -> str:
    """The right answer to the parametrised item, from what the screen says."""
    amperes, volts = re.findall(r"[\d.]+", page.locator(f"#q-{number} .question__stem .bi[lang=en]").inner_text())
    return str(float(amperes) * float(volts) / 1000)


def ids_of(page: Page, number: int) -> list[str]:
    return [step.get_attribute("data-id") or "" for step in page.locator(f"#q-{number} .order__step").all()]


def order_by_keyboard(page: Page, number: int, wanted: str) -> None:
    """Move steps up until they stand as wanted; the focus stays with the step that moves."""
    for place, step in enumerate(wanted):
        at = ids_of(page, number).index(step)
        if at > place:
            tab_to(page, f"#q-{number} [data-id='{step}'] [data-move=up]")
        for now in range(at, place, -1):
            page.keyboard.press("Enter" if now % 2 else "Space")
            said = page.locator(f"#q-{number} [data-moved]")
            expect(said).to_have_text(f"Option {step}: now step {now} of {len(wanted)}")


def answer_by_keyboard(page: Page, number: int) -> Any:
    """Answer the question on the screen, partly wrong, and return what should be saved of it."""
    question = page.locator(f"#q-{number}")
    name = f"[name=answer-{number}"
    kind = question.get_attribute("data-type")
    if kind == "fill_in":
        tab_to(page, f"{name}-1]")
        page.keyboard.type("argon")
        return ["argon", ""]
    if kind == "ordering":
        # Each has two steps at their places; one that is drawn already would be no answer.
        wanted = next(one for one in ("abdc", "bacd") if list(one) != ids_of(page, number))
        order_by_keyboard(page, number, wanted)
        return list(wanted)
    if kind == "matching":
        options = question.locator(f"{name}-1] option").all()
        at = [option.get_attribute("value") for option in options].index("a")
        tab_to(page, f"{name}-1]")
        for _ in range(at):
            page.keyboard.press("ArrowDown")
        return ["a", "", ""]
    if kind == "numeric":
        right = power(page, number)
        tab_to(page, f"{name}]")
        page.keyboard.type(right)
        return right
    options = question.locator(".option").all()
    at = ["Option a" in option.inner_text() for option in options].index(True)
    page.keyboard.press(str(at + 1))
    return ["a"]


def test_each_type_is_answered_by_keyboard_through_a_lost_line_and_a_reload_and_shows_its_marks(
    device: NewDevice, mixed: World
) -> None:
    page = device()
    play = start(page, mixed)
    given: dict[int, Any] = {}
    for number in range(1, 9):
        if number == 4:
            page.context.set_offline(True)
        expect(page.locator(f"#q-{number}")).to_be_visible()
        given[number] = answer_by_keyboard(page, number)
        expect(page.locator(f"[data-cell='{number}']")).to_have_class(re.compile("cell--answered"))
        expect(page, "keys of a select or a button lead nowhere").to_have_url(f"{play}#q-{number}")
        if number == 3:
            expect(page.locator(SAVED)).to_be_visible()
        tab_to(page, "[data-go='1']")
        page.keyboard.press("Enter")
    expect(page.locator("[data-save]")).to_contain_text("Offline: 5 kept here")
    assert stored() == {number: given[number] for number in (1, 2, 3)}

    held = page.evaluate(READ)
    page.route("**/answers/*", lambda route: route.abort())
    page.context.set_offline(False)
    page.goto(play)
    expect(page.locator("[data-save]")).to_contain_text("Offline: 5 kept here")
    assert page.evaluate(READ) == held, "what is kept here is back after a reload"
    page.unroute("**/answers/*")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == given

    other = device(viewport={"width": 1280, "height": 800}, has_touch=False)
    sign_in(other, mixed, "/")
    other.goto(play)
    other.locator("[data-timer]").wait_for()
    assert other.evaluate(READ) == held, "another device shows the same"
    other.close()

    page.goto(f"{play}#review")
    expect(page.locator("#review")).to_contain_text("All 8 questions are answered.")
    tab_to(page, "[data-hand-in]")
    page.keyboard.press("Enter")
    tab_to(page, "#hand-in [data-yes]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/result")
    # blanks 1 of 2: 5; two of four steps: 5; one match of three: 3; the power: 10; one choice of two: 5; the case: 30
    expect(page.locator(".hero__figure")).to_have_text("58 / 80 points")
    marks = page.locator("details.answer > summary .muted").all_inner_texts()
    kinds = sorted(text.split()[0] for text in marks)
    assert kinds == ["10", "10", "10", "10", "3", "5", "5", "5"]
    assert page.locator(".badge", has_text="Partly right").count() == 4
    attempt = db.session.query(Attempt).filter_by(level_id=mixed.levels[0].id).one()
    shown = get_versions([item["version"] for item in attempt.paper])
    questions: dict[int, second_scorer.Question] = {
        id_: (one.type, dict(one.key), one.prompts) for id_, one in shown.items()
    }
    assert second_scorer.points(attempt.paper, questions, stored()) == 58


def number_of(page: Page, kind: str) -> int:
    return int(page.locator(f"[data-type={kind}]").first.get_attribute("data-question") or 0)


def open_question(page: Page, kind: str) -> int:
    """Go to the item of a type."""
    number = number_of(page, kind)
    page.goto(f"{page.url.split('#')[0]}#q-{number}")
    expect(page.locator(f"#q-{number}")).to_be_visible()
    return number


def test_an_order_counts_only_once_a_step_was_moved_or_the_order_was_said_to_be_right(
    device: NewDevice, mixed: World
) -> None:
    page = device()
    start(page, mixed)
    number = open_question(page, "ordering")
    question = page.locator(f"#q-{number}")
    expect(question.get_by_text("Not answered yet.")).to_be_visible()
    expect(page.locator(f"[data-cell='{number}']")).to_have_attribute("aria-label", f"Question {number}, unanswered")
    drawn = ids_of(page, number)
    question.get_by_role("button", name="This order is right").tap()
    expect(question.locator("[data-order-done]")).to_have_text("The order that you see is your answer.")
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {number: drawn}
    first = question.locator(".order__step").first
    expect(first.get_by_role("button", name="Move up: Option")).to_have_attribute("aria-disabled", "true")
    first.get_by_role("button", name=f"Move down: Option {drawn[0]}").tap()
    expect(question.locator("[data-moved]")).to_have_text(f"Option {drawn[0]}: now step 2 of 4")
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {number: [drawn[1], drawn[0], *drawn[2:]]}
    for button in question.locator("[data-move]").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 48


def test_a_newer_order_from_another_device_is_shown_and_not_overwritten(device: NewDevice, mixed: World) -> None:
    page = device()
    play = start(page, mixed)
    number = open_question(page, "ordering")
    other = device()
    sign_in(other, mixed, "/")
    other.goto(play)
    open_question(other, "ordering")
    moved = ids_of(other, number)[0]
    for step in range(2):
        other.locator(f"#q-{number} .order__step").nth(step).locator("[data-move=down]").tap()
        expect(other.locator(f"#q-{number} [data-moved]")).to_have_text(f"Option {moved}: now step {step + 2} of 4")
        expect(other.locator(SAVED)).to_be_visible()
    theirs = ids_of(other, number)
    page.locator(f"#q-{number} [data-keep-order]").tap()
    expect(page.locator("[data-say]")).to_contain_text(f"Question {number} was answered on another device")
    assert ids_of(page, number) == theirs
    assert stored() == {number: theirs}


def test_the_language_changes_without_a_line_and_blanks_keep_their_words(device: NewDevice, mixed: World) -> None:
    page = device()
    start(page, mixed)
    matching, number = number_of(page, "matching"), open_question(page, "fill_in")
    page.context.set_offline(True)
    page.locator(f"[name=answer-{number}-1]").fill("argon")
    page.locator("[data-lang]").tap()
    stem = page.locator(f"#q-{number} .question__stem")
    expect(stem).to_contain_text("保护气是", use_inner_text=True)
    expect(page.locator(f"[name=answer-{number}-1]")).to_be_visible()
    page.locator(f"[name=answer-{number}-2]").fill("120")
    expect(page.locator(f"#q-{matching} option", has_text="选项a")).to_have_count(3)
    expect(page.locator(f"#q-{matching} .media img")).to_have_attribute("alt", "一个黑点")
    page.locator("[data-lang]").tap()
    expect(stem).to_contain_text("amperes the gas is", use_inner_text=True)
    assert page.locator(f"[name=answer-{number}-2]").input_value() == "120"
    page.context.set_offline(False)
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {number: ["argon", "120"]}


def test_a_case_that_was_closed_stays_closed_for_its_three_questions_and_an_image_opens_large(
    device: NewDevice, mixed: World
) -> None:
    page = device()
    start(page, mixed)
    first = int(page.locator(".case").first.locator("xpath=..").get_attribute("data-question") or 0)
    page.goto(f"{page.url.split('#')[0]}#q-{first}")
    for number in (first, first + 1):
        expect(page.locator(f"#q-{number} .case p")).to_be_visible()
        page.locator("[data-go='1']").tap()
    expect(page.locator(f"#q-{first + 2} .case p")).to_be_visible()
    page.locator(f"#q-{first + 2} .case summary").press("Enter")
    expect(page.locator(f"#q-{first + 2} .case p")).to_be_hidden()
    page.locator("[data-go='-1']").tap()
    expect(page.locator(f"#q-{first + 1} .case summary")).to_be_visible()
    expect(page.locator(f"#q-{first + 1} .case p")).to_be_hidden()
    number = open_question(page, "matching")
    page.locator(f"#q-{number} .media").get_by_role("link", name="Enlarge the image").tap()
    large = page.get_by_role("dialog", name="Enlarged image").get_by_role("img", name="A black dot")
    expect(large).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    assert db.session.query(Answer).count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_type_can_be_read_and_used_by_everybody(device: NewDevice, mixed: World, scheme: str) -> None:
    page = device(color_scheme=scheme)
    start(page, mixed)
    for number in range(1, 9):
        page.goto(f"{page.url.split('#')[0]}#q-{number}")
        expect(page.locator(f"#q-{number}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert problems(page) == []
    page.goto(f"{page.url.split('#')[0]}#review")
    page.locator("[data-hand-in]").tap()
    page.locator("#hand-in [data-yes]").tap()
    page.wait_for_url("**/result")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert problems(page) == []


def problems(page: Page) -> list[tuple[str, str]]:
    """What axe finds on a page: the rule, and where."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).response["violations"]
    return [(one["id"], node["html"][:200]) for one in found for node in one["nodes"]]


def test_steps_are_dragged_by_finger_and_by_mouse_and_only_letting_go_elsewhere_is_an_answer(
    device: NewDevice, mixed: World
) -> None:
    page = device()
    start(page, mixed)
    number = open_question(page, "ordering")
    grips = page.locator(f"#q-{number} [data-grip]")
    drawn = ids_of(page, number)

    def middle(index: int) -> tuple[float, float]:
        grips.nth(index).scroll_into_view_if_needed()
        box = grips.nth(index).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    x, y = middle(0)
    page.mouse.click(x, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, middle(2)[1], steps=6)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert ids_of(page, number) == drawn
    expect(page.locator(f"#q-{number}").get_by_text("Not answered yet.")).to_be_visible()
    assert stored() == {}

    finger = page.context.new_cdp_session(page)
    x, y = middle(1)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for place in range(1, 9):
        points = [{"x": x, "y": y + place * 10}]
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    once = [drawn[0], drawn[2], drawn[1], drawn[3]]
    expect(page.locator(f"#q-{number} [data-moved]")).to_have_text(f"Option {drawn[1]}: now step 3 of 4")
    assert ids_of(page, number) == once
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {number: once}

    x, y = middle(3)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, middle(0)[1] - 4, steps=8)
    page.mouse.up()
    twice = [drawn[3], *once[:3]]
    assert ids_of(page, number) == twice
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {number: twice}
    assert page.locator(f"#q-{number} .order__place").evaluate_all("all => all.map((one) => one.value)") == list("1234")
