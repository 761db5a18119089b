from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, Route, expect

from accounts import services as accounts
from accounts.models import Person
from competitions import setup
from competitions.models import Answer, Attempt, Level, Participation
from core import clock
from core.database import db
from tests.factories import make_level, make_participation
from tests.journeys.conftest import PASSWORD, PATIENCE, NewDevice, World, sign_in
from tests.processes import wait_until

SAVED = "[data-save][data-state=saved]"


def answer(page: Page, number: int, text: str = "Option a") -> None:
    """Answer a question by touching the whole row of an option."""
    if f"#q-{number}" not in page.url:
        page.locator("[data-open-palette]").click()
        page.locator(f"#palette [data-cell='{number}']").click()
    page.locator(f"#q-{number} .option", has_text=text).click()


def stored() -> dict[int, Any]:
    db.session.rollback()
    return {row.position: row.value for row in db.session.query(Answer)}


def wait_until_stored(wanted: dict[int, Any]) -> None:
    """Wait for these answers: what was kept on a device may reach the server before its next page asks."""
    wait_until(lambda: stored() == wanted, PATIENCE, "the answers are stored")


def go_on(page: Page) -> None:
    """Go back to the attempt in progress, and wait until its scripts run."""
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url("**/attempts/*#q-*")


def join_and_start(world: World, page: Page) -> None:
    make_joined(world)
    sign_in(page, world, f"/levels/{world.levels[0].id}")
    page.get_by_role("button", name="Start the clock").click()
    page.wait_for_url("**/attempts/*")


def make_joined(world: World) -> Participation:
    participation: Participation = make_participation(
        world.competition, db.session.get_one(Person, world.person_id), world.place.path
    )
    return participation


def test_a_worker_plays_through_a_lost_line_a_closed_tab_and_a_second_phone(device: NewDevice, world: World) -> None:
    page = device()
    sign_in(page, world, f"/competitions/{world.competition.id}")
    page.get_by_role("button", name="Join").click()
    page.get_by_role("link", name="Level 1").click()
    page.get_by_role("button", name="Start the clock").click()
    page.wait_for_url("**/attempts/*")
    play = page.url.split("#")[0]
    answer(page, 1)
    expect(page.locator(SAVED)).to_be_visible()

    page.context.set_offline(True)
    answer(page, 2)
    answer(page, 3)
    expect(page.locator("[data-save]")).to_contain_text("Offline: 2 kept here")
    assert stored() == {1: ["a"]}
    page.close()
    page.context.set_offline(False)

    page = page.context.new_page()
    page.goto("/competitions")
    expect(page.get_by_role("complementary", name="Attempt in progress")).to_contain_text("Level 1")
    go_on(page)
    wait_until_stored({1: ["a"], 2: ["a"], 3: ["a"]})
    page.close()

    other = device()
    sign_in(other, world, "/")
    go_on(other)
    expect(other.locator("#q-4")).to_be_visible()
    assert other.url.split("#")[0] == play
    answer(other, 4)
    other.get_by_role("button", name="Next").click()
    other.get_by_role("button", name="Check answers").click()
    expect(other.locator("#review")).to_contain_text("4 of 5 answered.")
    other.get_by_role("button", name="Hand in").click()
    expect(other.get_by_role("dialog")).to_contain_text("Unanswered questions: 1.")
    other.get_by_role("dialog").get_by_role("button", name="Hand in").click()
    other.wait_for_url("**/result")
    expect(other.locator(".hero__figure")).to_have_text("40 / 50 points")
    expect(other.locator(".stamp--press")).to_be_visible()
    other.get_by_role("link", name="Next: Level 2").click()
    expect(other.get_by_role("button", name="Start the clock")).to_be_visible()
    other.go_back()
    expect(other.locator(".stamp")).to_be_visible()
    expect(other.locator(".stamp--press")).to_have_count(0)


def test_the_keyboard_alone_plays_a_level(device: NewDevice, world: World) -> None:
    page = device(viewport={"width": 1280, "height": 800}, has_touch=False)
    make_joined(world)
    sign_in(page, world, f"/levels/{world.levels[0].id}")
    tab_to(page, lambda text: "Start the clock" in text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/attempts/*#q-1")
    letter = {}
    for number in range(1, 6):
        labels = page.locator(f"#q-{number} .option").all_inner_texts()
        letter[number] = next(index for index, label in enumerate(labels) if "Option a" in label)
    page.keyboard.press(str(letter[1] + 1))
    page.keyboard.press("Enter")
    page.keyboard.press("abcdef"[letter[2]])
    page.keyboard.press("f")
    expect(page.locator("[data-cell='2']")).to_have_attribute("aria-label", "Question 2, answered, flagged")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#q-2")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator("[data-say]")).to_contain_text(re.compile(r"^\d+:\d\d left$"))
    for number in (3, 4, 5):
        page.keyboard.press("Enter")
        expect(page.locator(f"#q-{number}")).to_be_visible()
        page.keyboard.press(str(letter[number] + 1))
    page.keyboard.press("Enter")
    expect(page.locator("#review")).to_contain_text("All 5 questions are answered.")
    tab_to(page, lambda text: text == "Hand in")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, lambda text: text == "Hand in")
    page.keyboard.press("Enter")
    page.wait_for_url("**/result")
    expect(page.locator(".hero__figure")).to_have_text("50 / 50 points")


def tab_to(page: Page, wanted: Callable[[str], bool]) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted(page.evaluate("document.activeElement.innerText.trim()")):
            return
    raise AssertionError("the keyboard does not reach it")


def test_without_scripts_the_form_plays_a_level(device: NewDevice, world: World) -> None:
    page = device(java_script_enabled=False)
    join_and_start(world, page)
    for number in range(1, 4):
        page.locator(f"#q-{number} .option", has_text="Option a").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".flashes")).to_contain_text("3 answers saved.")
    assert stored() == {1: ["a"], 2: ["a"], 3: ["a"]}
    page.locator("#q-4 .option", has_text="Option b").click()
    page.get_by_role("button", name="Save and check").click()
    expect(page.locator("main")).to_contain_text("1 question is unanswered: 5.")
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator(".hero__figure")).to_have_text("30 / 50 points")
    expect(page.get_by_role("link", name="Next: Level 2")).to_be_visible()


def start_short_level(page: Page, world: World) -> Level:
    """Start a level of two questions and fifteen seconds."""
    make_joined(world)
    short: Level = make_level(world.track, 3, items=2, time_limit_s=15)
    world.levels[1].pass_points = 0
    unlock(world)
    sign_in(page, world, f"/levels/{short.id}")
    page.get_by_role("button", name="Start the clock").click()
    page.wait_for_url("**/attempts/*")
    return short


def test_time_up_hands_in_by_itself_after_the_time_an_organizer_added(device: NewDevice, world: World) -> None:
    page = device()
    short = start_short_level(page, world)
    expect(page.locator("[data-timer]")).to_have_attribute("data-level", "red")
    expect(page.locator("[data-timer-word]")).to_have_text("last minute")
    answer(page, 1)
    expect(page.locator(SAVED)).to_be_visible()
    attempt_id = db.session.query(Attempt.id).filter_by(level_id=short.id).scalar()
    setup.extend_attempt(world.person_id, attempt_id, 10, "the bell rang")
    expect(page.locator("[data-say]")).to_contain_text("Your time was extended.")
    answer(page, 2)
    page.wait_for_url("**/result")
    expect(page.locator(".hero__figure")).to_have_text("20 / 20 points")
    assert db.session.query(Attempt.state).filter_by(level_id=short.id).scalar() == "scored"


def test_what_came_too_late_is_said_plainly(device: NewDevice, world: World) -> None:
    page = device()
    start_short_level(page, world)
    answer(page, 1)
    expect(page.locator(SAVED)).to_be_visible()
    page.context.set_offline(True)
    answer(page, 2)
    expect(page.get_by_role("dialog")).to_contain_text("There is no connection.")
    page.context.set_offline(False)
    expect(page.get_by_role("dialog")).to_contain_text("Not saved in time: question 2.")
    assert stored() == {1: ["a"]}
    page.get_by_role("link", name="See the result").click()
    expect(page.locator(".hero__figure")).to_have_text("10 / 20 points")


def unlock(world: World) -> None:
    """Let the person have cleared the level before the third."""
    own = db.session.query(Participation).filter_by(person_id=world.person_id).one()
    now = clock.now()
    levels = db.session.query(Level).filter_by(track_id=world.track.id).order_by(Level.position)
    for position, level in enumerate(levels, 1):
        if position < 3:
            db.session.add(
                Attempt(
                    participation_id=own.id,
                    person_id=world.person_id,
                    level_id=level.id,
                    number=1,
                    state="scored",
                    seed=1,
                    paper=[],
                    marks=[],
                    points=0,
                    max_points=0,
                    cleared=True,
                    elapsed_ms=1000,
                    started_at=now - timedelta(seconds=1),
                    finished_at=now,
                    deadline_at=now,
                    answers_hash="",
                    close_reason="submitted",
                    rule_version=1,
                )
            )
    db.session.commit()


def test_two_tabs_end_in_the_newer_answer_and_say_so(device: NewDevice, world: World) -> None:
    first = device()
    join_and_start(world, first)
    answer(first, 1, "Option b")
    expect(first.locator(SAVED)).to_be_visible()
    second = device()
    sign_in(second, world, "/")
    go_on(second)
    answer(second, 1, "Option c")
    expect(second.locator(SAVED)).to_be_visible()
    answer(first, 1, "Option d")
    expect(first.locator("[data-say]")).to_contain_text("Question 1 was answered on another device")
    expect(first.locator("#q-1 .option", has_text="Option c").locator("input")).to_be_checked()
    assert stored() == {1: ["c"]}
    answer(first, 1, "Option d")
    expect(first.locator(SAVED)).to_be_visible()
    assert stored() == {1: ["d"]}


def test_a_session_that_ended_while_playing_loses_no_answer(device: NewDevice, world: World) -> None:
    page = device()
    join_and_start(world, page)
    accounts.end_other_sessions(world.person_id, None)
    answer(page, 1)
    expect(page.get_by_role("dialog")).to_contain_text("Your answers are kept on this device")
    page.get_by_role("link", name="Sign in").click()
    page.fill("[name=phone]", world.phone)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/attempts/*")
    expect(page.locator(SAVED)).to_be_visible()
    assert stored() == {1: ["a"]}


def test_an_unsteady_line_saves_every_answer_in_the_end(device: NewDevice, world: World) -> None:
    page = device()
    tries: list[str] = []

    def unsteady(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) % 3 == 1:
            route.abort()
        elif len(tries) % 3 == 2:
            route.fulfill(status=503, json={"error": "unknown_retry", "details": {}})
        else:
            route.continue_()

    page.route("**/answers/*", unsteady)
    join_and_start(world, page)
    for number in range(1, 6):
        answer(page, number)
    expect(page.locator("[data-save]")).to_have_attribute("data-state", "saved", timeout=90_000)
    assert stored() == {number: ["a"] for number in range(1, 6)}
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('biwu.attempt')).length") == 0
