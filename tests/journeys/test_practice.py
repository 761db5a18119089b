"""Practice in a real browser: answers at once, without a line, by keyboard, without scripts, and days later."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from sqlalchemy import text, update

from core import clock
from core.database import db
from practice.models import PracticeAnswer, PracticeCard, PracticeMock, PracticePoints
from tests.factories import make_bank
from tests.journeys.conftest import PASSWORD, PATIENCE, NewDevice, World, follow, sign_in
from tests.processes import wait_until

AT = "one => [...one.parentNode.children].indexOf(one)"
"""Which place an element has among its neighbours, from 0."""
TAP_TWICE = """([x, y]) => {
    const tap = { bubbles: true, cancelable: true, clientX: x, clientY: y, detail: 1, pointerType: "touch" };
    for (const _ of "12") document.elementFromPoint(x, y).dispatchEvent(new PointerEvent("click", tap));
}"""
"""Two taps at once: sent one by one, they would be too far apart for a double tap on a machine that is busy."""


@pytest.fixture
def trade(world: World) -> str:
    """The world's trade: its questions' right answer is option a."""
    return str(world.track.trade_code)


def answer(page: Page, words: str = "Option a") -> None:
    page.locator("[data-question] .option", has_text=words).click()
    page.get_by_role("button", name="Check my answer").click()


def stored() -> list[tuple[object, float]]:
    db.session.rollback()
    return [(row.value, row.share) for row in db.session.query(PracticeAnswer).order_by(PracticeAnswer.id)]


def wait_until_stored(count: int) -> None:
    wait_until(lambda: len(stored()) == count, PATIENCE, f"{count} answers stored")


def next_question(page: Page) -> None:
    """Go on, and wait until the question that was answered is gone."""
    answered = page.locator("[data-question]").get_attribute("data-question-id")
    page.get_by_role("button", name="Next question").click()
    expect(page.locator(f"[data-question-id='{answered}']")).to_have_count(0)


def let_days_pass(days: int) -> None:
    """Move everything practised into the past, for the server's own clock cannot be moved."""
    db.session.execute(
        update(PracticeCard).values(
            due_at=PracticeCard.due_at - timedelta(days=days),
            wrong_since=PracticeCard.wrong_since - timedelta(days=days),
            last_right_on=text(f"last_right_on - {days}"),
            state=text(
                "state || jsonb_build_object('last_review', to_jsonb((state->>'last_review')::timestamptz"
                f" - interval '{days} days'))"
            ),
        )
    )
    db.session.execute(update(PracticeAnswer).values(answered_at=PracticeAnswer.answered_at - timedelta(days=days)))
    db.session.commit()


def test_a_wrong_answer_is_explained_at_once_comes_back_days_later_and_is_learnt(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, "/")
    page.get_by_role("link", name="Practise today").click()
    expect(page.get_by_role("heading", name="Choose a trade")).to_be_visible()
    page.locator(f"main a[href='/practice/{trade}']").click()
    follow(page, page.get_by_role("link", name="In order"))
    stem = page.locator(".question__stem .bi[lang=en]").inner_text()
    answer(page, "Option b")
    expect(page.get_by_role("heading", name="Wrong")).to_be_focused()
    expect(page.locator(".option--wrong")).to_contain_text("Your answer, wrong")
    expect(page.locator(".option--right")).to_contain_text("Right answer")
    expect(page.locator("[data-explained]")).to_contain_text("Because")
    expect(page.locator("[data-explained]")).to_contain_text("Textbook fact")
    expect(page.locator("[data-note]")).to_contain_text("It is in your wrong-answer book")
    wait_until_stored(1)
    page.get_by_role("button", name="Next question").click()
    expect(page.locator(".question__stem .bi[lang=en]")).not_to_have_text(stem)

    rounds = 0
    let_days_pass(-1)  # it is due when the next day begins, which may be in a second
    page.goto(f"/practice/{trade}/wrong")
    expect(page.get_by_role("heading", name="Nothing is due now")).to_be_visible()
    while rounds < 6:
        due = db.session.query(PracticeCard.due_at).scalar()
        let_days_pass((due - clock.now()).days + 1)
        page.goto(f"/practice/{trade}/wrong")
        expect(page.locator(".question__stem .bi[lang=en]")).to_have_text(stem)
        answer(page)
        rounds += 1
        expect(page.get_by_role("heading", name="Right")).to_be_visible()
        wait_until_stored(1 + rounds)
        db.session.rollback()
        if db.session.query(PracticeCard.learnt_at).scalar():
            break
    assert 2 <= rounds < 6
    expect(page.locator("[data-note]")).to_contain_text("Learnt: this question has left your wrong-answer book.")
    page.get_by_role("button", name="Next question").click()
    expect(page.get_by_role("heading", name="Your wrong-answer book is empty")).to_be_visible()
    assert [row.kind for row in db.session.query(PracticePoints)] == ["learnt"]


def test_without_a_line_practice_goes_on_and_what_was_answered_is_sent_when_it_is_back(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, "/")
    with page.expect_response(re.compile(r"/questions\?")) as ahead:
        page.goto(f"/practice/{trade}/ordered")
    ahead.value.finished()
    page.context.set_offline(True)
    for number in range(8):
        answer(page, "Option a" if number % 2 else "Option b")
        expect(page.get_by_role("heading", name="Right" if number % 2 else "Wrong")).to_be_visible()
        page.get_by_role("button", name="Next question").click()
    expect(page.locator("[data-no-more]")).to_be_visible()
    expect(page.locator("[data-outbox-note]")).to_contain_text("Answers kept on this device: 8.")
    assert stored() == []
    page.context.set_offline(False)
    wait_until_stored(8)
    assert [share for _, share in stored()] == [0, 1] * 4
    expect(page.locator("[data-outbox-note]")).to_be_hidden()
    expect(page.get_by_role("heading", name="You have come to the end")).to_be_visible()


def test_the_second_tap_of_a_double_tap_answers_nothing_on_the_next_question(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, f"/practice/{trade}/ordered")
    answer(page)
    wait_until_stored(1)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    box = box_of(page.get_by_role("button", name="Next question"))
    page.evaluate(TAP_TWICE, [box["x"] + 20, box["y"] + 20])
    expect(page.locator(".question__no")).to_contain_text("2")
    expect(page.locator("[data-question] input:checked")).to_have_count(0)
    assert len(stored()) == 1


@pytest.mark.parametrize("certainty", ["off", "on"])
def test_on_a_small_phone_the_answer_lies_above_the_tab_bar_and_hides_nothing_that_has_the_focus(
    device: NewDevice, world: World, trade: str, certainty: str
) -> None:
    page = device(viewport={"width": 360, "height": 480}, reduced_motion="reduce")
    sign_in(page, world, f"/practice/{trade}/ordered")
    page.goto(f"/practice/{trade}/ordered?certainty={certainty}")
    first = page.locator("[data-answering] button").first
    expect(first).to_be_in_viewport(ratio=1)
    bar, tabs = page.locator("[data-answering]"), page.get_by_role("navigation", name="Main")
    assert all(bottom(button) <= top(tabs) for button in bar.locator("button").all())
    first.click()
    expect(page.locator("[data-nothing]")).to_be_visible()
    for option in page.locator("[data-question] .option input").all():
        page.evaluate("scrollTo(0, 0)")
        option.focus()
        assert bottom(option) <= top(bar)
    page.set_viewport_size({"width": 360, "height": 340})
    expect(bar).to_have_css("position", "static")


def top(part: Locator) -> float:
    return box_of(part)["y"]


def bottom(part: Locator) -> float:
    box = box_of(part)
    return box["y"] + box["height"]


def box_of(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box
    return box


def test_whoever_is_signed_out_meanwhile_comes_back_to_the_same_level(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    drill = f"/practice/{trade}/level?level={world.levels[0].id}"
    sign_in(page, world, f"/practice/{trade}")
    page.goto(drill)
    page.context.clear_cookies()
    answer(page)
    page.locator("[data-outbox-note] a").click()
    page.fill("[name=phone]", world.phone)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"**{drill}")
    wait_until_stored(1)


def test_answers_kept_on_the_device_outlive_the_page_and_are_sent_once(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, f"/practice/{trade}/random")
    page.context.set_offline(True)
    answer(page)
    expect(page.locator("[data-outbox-note]")).to_contain_text("Answers kept on this device: 1.")
    page.close()
    page.context.set_offline(False)
    page = page.context.new_page()
    page.goto("/practice")
    wait_until_stored(1)
    page.goto("/practice")
    page.wait_for_timeout(300)
    assert stored() == [(["a"], 1.0)]


def test_certainty_and_favourites_and_the_keyboard(device: NewDevice, world: World, trade: str) -> None:
    page = device(viewport={"width": 1280, "height": 800}, has_touch=False)
    sign_in(page, world, f"/practice/{trade}/ordered")
    follow(page, page.get_by_role("link", name="Say how sure you are"))
    expect(page.get_by_text("It teaches you to tell what you know")).to_be_visible()
    labels = page.locator("[data-question] .option").all_inner_texts()
    page.keyboard.press(str(next(n for n, label in enumerate(labels, 1) if "Option b" in label)))
    page.get_by_role("button", name="Sure +3").press("Enter")
    expect(page.get_by_role("heading", name="Wrong −6 certainty points")).to_be_focused()
    expect(page.locator("[data-tally]")).to_have_text(
        "This round: 0 of 1 right. Certainty points: −6, answers marked: 1."
    )
    keep = page.get_by_role("button", name="Favourite")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    page.locator("[data-verdict]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Fairly sure")).to_be_visible()
    page.get_by_role("button", name="Fairly sure").click()
    expect(page.get_by_text("Give an answer first")).to_be_visible()
    page.goto(f"/practice/{trade}/kept")
    expect(page.locator("details")).to_have_count(1)


@pytest.mark.parametrize(
    "type_", ["multiple", "true_false", "blanks", "numeric", "parametrised", "ordering", "matching"]
)
def test_every_type_is_marked_in_the_browser_as_on_the_server(
    device: NewDevice, world: World, trade: str, type_: str
) -> None:
    own = f"{trade}-{type_}"
    make_bank(own, size=2, type_=type_)
    page = device()
    sign_in(page, world, f"/practice/{own}/ordered")
    for _ in range(2):
        question = page.locator("[data-question]")
        key = page.evaluate("JSON.parse(document.querySelector('[data-question]').dataset.key)")
        match type_:
            case "multiple":
                question.locator(".option", has_text="Option a").click()
                question.locator(".option", has_text="Option b").click()
            case "true_false":
                question.locator(".option", has_text="True").click()
            case "blanks":
                question.locator("[name=answer-1-1]").fill(" ＡＲＧＯＮ")
                question.locator("[name=answer-1-2]").fill("120")
            case "numeric":
                question.locator("[name=answer-1]").fill("１２０.5")
            case "parametrised":
                question.locator("[name=answer-1]").fill(str(key["value"]))
            case "ordering":
                for letter in reversed("abcd"):
                    for _ in range(question.locator(f"[data-id={letter}]").evaluate(AT)):
                        question.locator(f"[data-id={letter}] [data-move=up]").click()
                if question.locator("[data-keep-order]").is_visible():
                    question.locator("[data-keep-order]").click()
            case "matching":
                for number, letter in enumerate("abc", 1):
                    question.locator(f"[name=answer-1-{number}]").select_option(letter)
        page.get_by_role("button", name="Check my answer").click()
        expect(page.get_by_role("heading", name="Right")).to_be_visible()
        next_question(page)
    wait_until_stored(2)
    assert [share for _, share in stored()] == [1, 1]


def test_a_mock_keeps_what_is_filled_in_over_a_reload_and_time_up_hands_it_in(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, f"/practice/levels/{world.levels[0].id}")
    follow(page, page.get_by_role("button", name="Start the mock"))
    page.locator("[data-question] .option", has_text="Option a").first.click()
    db.session.execute(update(PracticeMock).values(deadline_at=clock.now() + timedelta(seconds=8)))
    db.session.commit()
    page.reload()
    expect(
        page.locator("[data-question]").first.locator(".option", has_text="Option a").locator("input")
    ).to_be_checked()
    expect(page.get_by_role("heading", name="Questions and answers")).to_be_visible()
    expect(page.locator(".hero__figure")).to_contain_text("10 / 50 points")


def test_a_mock_with_open_questions_is_handed_in_by_the_second_press(
    device: NewDevice, world: World, trade: str
) -> None:
    page = device()
    sign_in(page, world, f"/practice/levels/{world.levels[0].id}")
    follow(page, page.get_by_role("button", name="Start the mock"))
    page.locator("[data-question] .option", has_text="Option a").first.click()
    hand_in = page.get_by_role("button", name="Hand in")
    hand_in.click()
    expect(page.locator("[data-open]")).to_have_text(
        "Questions without an answer: 4. Press again to hand in all the same."
    )
    hand_in.click()
    expect(page.locator(".hero__figure")).to_contain_text("10 / 50 points")


def test_without_scripts_a_question_is_answered_and_explained(device: NewDevice, world: World, trade: str) -> None:
    page = device(java_script_enabled=False)
    sign_in(page, world, f"/practice/{trade}/ordered")
    answer(page, "Option b")
    expect(page.get_by_role("heading", name="Wrong")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Because")
    follow(page, page.get_by_role("link", name="Next question"))
    answer(page)
    expect(page.get_by_role("heading", name="Right", exact=True)).to_be_visible()
    assert [share for _, share in stored()] == [0, 1]
