"""The whole story in one go, in real browsers: from the draft of a competition to a prize marked as paid."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

import config
from competitions import rules as play_rules
from competitions.models import Attempt
from core import clock
from core.database import db
from core.zone import SHANGHAI
from organizations.models import Organization
from payouts.rules import luhn
from questions.queries import get_versions
from questions.rules import TYPES
from questions.services import load_banks
from tests.factories import make_organization
from tests.journeys.conftest import PASSWORD, PATIENCE, NewDevice, World, follow, make_account
from tests.journeys.conftest import sign_in as log_in
from tests.journeys.test_play import answer as pick
from tests.journeys.test_play import go_on, join_and_start, stored
from tests.processes import wait_until

DESK = {"viewport": {"width": 1280, "height": 900}, "has_touch": False}
SAVED = "[data-save][data-state=saved]"
CARD = next(card for card in (f"622202123456789012{digit}" for digit in range(10)) if luhn(card))
CODE = "HUAFENG8"


@dataclass
class Staff:
    """Phone numbers of those who run the event, and where they work."""

    organizer: str
    admin: str
    maker: str
    checker: str
    rival: str
    province: Organization
    plant: Organization
    other_plant: Organization


@pytest.fixture
def job_worker(app: Flask, address: str, settings: config.Settings) -> Iterator[None]:
    """The process that makes files and looks after deadlines."""
    own = replace(settings, public_url=address)
    log = Path(settings.state_dir, "worker.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "worker"],
            env=os.environ | own.environ(),
            stdout=out,
            stderr=out,
        )
        yield
        process.terminate()
        process.wait(60)


@pytest.fixture
def staff(app: Flask) -> Staff:
    """A province, a city, two plants, and somebody for every office; the five real banks."""
    load_banks(Path("content"))
    province = make_organization(name_zh="江海省总工会", name_en="Jianghai Federation of Trade Unions")
    city = make_organization(province, "city", name_zh="云麓市总工会", name_en="Yunlu Federation")
    plant = make_organization(city, "enterprise", name_zh="华锋重工", name_en="Huafeng Works", join_code=CODE)
    other = make_organization(city, "enterprise", name_zh="望潮船厂", name_en="Wangchao Shipyard")
    phones = {}
    for number, (office, name, role, place) in enumerate(
        (
            ("organizer", "何建国", "organizer", province),
            ("admin", "周敏", "enterprise_admin", plant),
            ("maker", "许文静", "finance", province),
            ("checker", "高远", "finance", province),
            ("rival", "陈大海", None, other),
        )
    ):
        phones[office] = f"1390000{2001 + number}"
        make_account(phones[office], name, place, role)
    return Staff(**phones, province=province, plant=plant, other_plant=other)


def look(page: Page) -> None:
    """Nothing sticks out of the page, nothing to press is too small for a thumb, nobody is led astray."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{page.url} is {wide} px wide on a screen of {width}"
    small = page.evaluate(
        """[...document.querySelectorAll('main .btn, main .choice, .nav a')].filter(one => {
             const box = one.getBoundingClientRect(); return box.height > 0 && box.height < 43.5;
           }).map(one => one.outerHTML.slice(0, 120))"""
    )
    assert small == [], f"{page.url}: {small}"
    assert page.locator("h1").count() == 1, page.url


def sign_in(page: Page, phone: str, onward: str = "/") -> Page:
    page.goto(f"/login?next={onward}")
    page.fill("[name=phone]", phone)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(onward)
    look(page)
    return page


def press(page: Page, name: str | re.Pattern[str], within: Locator | None = None) -> None:
    """Press the one button or link of that name, and look at where it leads."""
    place = within or page.locator("main")
    go(page, place.get_by_role("button", name=name, exact=True).or_(place.get_by_role("link", name=name, exact=True)))


def go(page: Page, way: Locator) -> None:
    follow(page, way)
    look(page)


def card(page: Page, heading: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=heading, exact=True)).last


def told(page: Page, text: str) -> None:
    expect(page.locator(".flashes")).to_contain_text(text)


def figure(page: Page, label: str) -> int:
    """Read an amount in a row of figures, in fen."""
    tile = page.locator(".tile", has=page.locator("dt", has_text=re.compile(rf"^{label}$"))).first
    found = re.search(r"¥([0-9,]+)\.(\d\d)", tile.inner_text())
    assert found, tile.inner_text()
    return int(found[1].replace(",", "") + found[2])


def download(page: Page, button: Locator, folder: Path) -> list[list[str]]:
    """Take an Excel file; every cell must be a text in a text format (P6)."""
    with page.expect_download() as taken:
        button.click()
    file = folder / taken.value.suggested_filename
    taken.value.save_as(file)
    sheet = load_workbook(file).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}, file
    return [[str(value) if value is not None else "" for value in row] for row in sheet.iter_rows(values_only=True)]


def right_answers(attempt_id: int) -> dict[int, Any]:
    """Return what the key says, by position, as the API takes it."""
    db.session.rollback()
    paper = play_rules.paper_items(db.session.get_one(Attempt, attempt_id).paper)
    versions = get_versions([item.version for item in paper])
    found: dict[int, Any] = {}
    for position, item in enumerate(paper, 1):
        version = versions[item.version]
        key = TYPES[version.type].shown_key(version, item)
        if version.type == "fill_in":
            key = [one[0] for one in key] if "blanks" in version.key else key[0]
        found[position] = key["value"] if version.type == "numeric" else key
    return found


def answer(page: Page, number: int, value: Any) -> None:
    """Give an answer to the question shown, by touch or by typing."""
    question = page.locator(f"#q-{number}")
    expect(question).to_be_visible()
    if question.locator("[data-order]").count():
        move_steps(question, value)
    elif question.locator("select").count():
        for part, one in enumerate(value, 1):
            question.locator(f"[name=answer-{number}-{part}]").select_option(one)
    elif question.get_attribute("data-type") in ("fill_in", "numeric"):
        names = [f"-{part}" for part in range(1, len(value) + 1)] if isinstance(value, list) else [""]
        for name, one in zip(names, value if isinstance(value, list) else [value], strict=True):
            question.locator(f"[name=answer-{number}{name}]").fill(str(one))
    else:
        for one in value if isinstance(value, list) else [str(value).lower()]:
            question.locator(".option", has=page.locator(f"input[value='{one}']")).click()


def move_steps(question: Locator, wanted: list[str]) -> None:
    """Bring the steps of an ordering into an order; one that stands already is said to be right."""
    steps = question.locator(".order__step")
    for place, step in enumerate(wanted):
        for _ in range([one.get_attribute("data-id") for one in steps.all()].index(step) - place):
            question.locator(f"[data-id='{step}'] [data-move=up]").click()
    if question.locator("[data-keep-order]").is_visible():
        question.locator("[data-keep-order]").click()


def attempt_on(page: Page) -> int:
    found = re.search(r"/attempts/(\d+)", page.url)
    assert found, page.url
    return int(found[1])


def make_draft(page: Page, name: str, rules: str, opens: datetime, closes: datetime) -> int:
    """Fill in the form of a new competition and choose welding; return the competition's id."""
    press(page, "New competition")
    for field, value in {
        "name_zh": f"{name}（中文）",
        "name_en": name,
        "opens_at": f"{opens:%Y-%m-%dT%H:%M}",
        "closes_at": f"{closes:%Y-%m-%dT%H:%M}",
        "rules_zh": "# 规则\n- 独立作答",
        "rules_en": rules,
    }.items():
        page.fill(f"[name={field}]", value)
    press(page, "Save")
    told(page, "The draft is made")
    page.get_by_role("checkbox", name="Welding").check()
    press(page, "Save the trades")
    told(page, "The trades are saved")
    press(page, "Add five standard levels")
    told(page, "Five standard levels were added")
    found = re.search(r"/competitions/(\d+)/", page.url)
    assert found, page.url
    return int(found[1])


def open_it(page: Page) -> None:
    expect(page.locator(".check .is-good").first).to_be_visible()
    expect(page.locator(".check .is-bad")).to_have_count(0)
    press(page, "Open the competition")
    press(page, "Open it now")
    told(page, "The competition is open")


def rival_plays(page: Page, competition_id: int, phone: str) -> None:
    """Another plant's worker plays level 1 over the API, two items wrong."""
    api = page.context.request
    opened = api.post("/api/v1/sessions", data={"phone": phone, "password": PASSWORD})
    assert opened.status == 201, opened.text()
    token = opened.json()["token"]
    mine = {"Authorization": f"Bearer {token}"}
    assert api.put(f"/api/v1/competitions/{competition_id}/participation", headers=mine).ok
    shown = api.get(f"/api/v1/competitions/{competition_id}", headers=mine).json()
    begun = api.post(f"/api/v1/levels/{shown['tracks'][0]['levels'][0]['id']}/attempts", headers=mine).json()
    for position, value in list(right_answers(begun["id"]).items())[2:]:
        saved = api.put(
            f"/api/v1/attempts/{begun['id']}/answers/{position}",
            headers={"Authorization": f"Attempt {begun['token']}"},
            data={"seq": 1, "value": value, "flagged": False},
        )
        assert saved.ok, saved.text()
    result = api.post(f"/api/v1/attempts/{begun['id']}/submission", headers=mine).json()
    assert (result["points"], result["cleared"]) == (80, True)


def fund(page: Page, heading: str, yuan: str, memo: str) -> None:
    part = card(page, heading)
    part.locator("[name=fund-amount]").fill(yuan)
    part.locator("[name=fund-memo]").fill(memo)
    press(page, "Put in", part)


def set_prizes(page: Page) -> None:
    """From the red line of the checklist: ¥10,000, of which ¥5,000 for the first and ¥1,000 each for the next two."""
    go(page, page.locator(".check .is-bad").get_by_role("link"))
    fund(page, "Fund the pool", "10000", "Union funds")
    told(page, "¥10,000.00 was put into the pool")
    part = card(page, "Add prizes for places")
    for row, cells in enumerate((("1", "1", "5000"), ("2", "3", "1000"))):
        for cell, value in zip(("first", "last", "each"), cells, strict=True):
            part.locator(f"[name=places-bands-{row}-{cell}]").fill(value)
    press(page, "Add", part)
    told(page, "The rule was added")
    press(page, "Set-up")


def set_bonuses(page: Page, name: str) -> None:
    """The plant adds ¥100 for each level and ¥500 for its best, within ¥3,000."""
    go(page, page.get_by_role("link", name="Bonuses", exact=True))
    press(page, name)
    fund(page, "Put money into the budget", "3000", "Staff welfare")
    part = card(page, "Add a bonus")
    part.get_by_label("Each level cleared").check()
    part.locator("[name=tier-amount]").fill("100")
    press(page, "Add", part)
    part = card(page, "Add a bonus")
    part.get_by_label("The first n of our people").check()
    part.locator("[name=tier-amount]").fill("500")
    part.locator("[name=tier-top_n]").fill("1")
    press(page, "Add", part)
    told(page, "The bonus was added")
    assert (figure(page, "Budget"), figure(page, "Allocated")) == (300_000, 0)


def sign_up(page: Page, phone: str, name: str) -> None:
    page.goto("/")
    look(page)
    press(page, "Sign up")
    page.get_by_role("textbox", name="Join code").fill(CODE.lower())
    press(page, "Continue", card(page, "I have a join code"))
    expect(page.locator("main")).to_contain_text("Huafeng Works")
    for field, value in {"phone": phone, "password": PASSWORD, "name": name}.items():
        page.fill(f"[name={field}]", value)
    page.get_by_label("I agree that my name").check()
    press(page, "Sign up")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hello, {name}")


def begin_and_lose_the_line(page: Page, name: str) -> Page:
    """Join, start level 1, answer three, go offline for the fourth, close the tab; return a tab of the same phone."""
    press(page, re.compile(f"^{name}"))
    press(page, "Join")
    press(page, "Level 1: Entry")
    press(page, "Start the clock and begin")
    page.wait_for_url("**/attempts/*")
    key = right_answers(attempt_on(page))
    assert len(key) == 10
    for number in (1, 2, 3):
        answer(page, number, key[number])
        page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator(SAVED)).to_be_visible()
    look(page)
    page.context.set_offline(True)
    answer(page, 4, key[4])
    expect(page.locator("[data-save]")).to_contain_text("Offline: 1 kept here")
    page.close()
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto("/me")
    look(again)
    go_on(again)
    wait_until(lambda: len(stored()) == 4, PATIENCE, "what was kept is stored")
    return again


def finish_elsewhere(page: Page) -> None:
    """Go on in another browser, answer the rest and hand in."""
    go_on(page)
    expect(page.locator("[data-palette-count]").first).to_have_text("4/10")
    key = right_answers(attempt_on(page))
    for number in range(5, 11):
        if number == 5:
            page.locator("[data-open-palette]").click()
            page.locator("#palette [data-cell='5']").click()
        answer(page, number, key[number])
        if number < 10:
            page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("button", name="Check answers").click()
    expect(page.locator("#review")).to_contain_text("All 10 questions are answered.")
    page.get_by_role("button", name="Hand in").click()
    page.get_by_role("dialog").get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/result")
    look(page)
    expect(page.locator(".hero__figure")).to_contain_text("100 / 100")
    expect(page.locator("main")).to_contain_text("Level 2: Basics is unlocked.")
    press(page, "My place on the board")
    expect(page.locator("[data-board-live]")).to_contain_text("Huafeng Works")
    expect(page.locator("main")).to_contain_text("You: rank 1 of 1")


def close_and_award(page: Page, folder: Path) -> None:
    """Close, see the hash and who won what, and take the list of winners away."""
    press(page, "Close the competition")
    press(page, "Close and seal")
    expect(page.locator("main")).to_contain_text(re.compile(r"[0-9a-f]{64}"))
    press(page, "Prizes", card(page, "What comes next"))
    press(page, "Award the prizes")
    told(page, "The prizes are awarded")
    pool, allocated, unallocated = (figure(page, one) for one in ("Pool", "Allocated", "Unallocated"))
    assert (pool, allocated, unallocated) == (1_000_000, 600_000, 400_000)
    winners = page.get_by_role("table", name="2 awards")
    expect(winners.get_by_role("row").nth(1)).to_contain_text("¥5,000.00")
    expect(winners.get_by_role("row").nth(1)).to_contain_text("Huafeng Works")
    expect(winners).not_to_contain_text("李焊花")
    part = card(page, "Take the list away")
    part.locator("[name=winners-why]").fill("For the ceremony")
    part.get_by_label("Names and phones in full").check()
    rows = download(page, part.get_by_role("button", name="Download"), folder)
    first = next(row for row in rows if "李焊花" in row)
    assert {"+8613900003001", "5000.00", "1000.00", "4000.00"} <= set(first), rows
    assert [row for row in rows if "陈大海" in row and "1000.00" in row]


def export_ranking(page: Page, event: int, folder: Path) -> None:
    """The job worker makes the file while the page waits; names in it are masked unless asked for in full."""
    page.goto(f"/organizer/competitions/{event}/result")
    press(page, "Export the ranking")
    press(page, "Make the file")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download").click()
    taken.value.save_as(folder / "ranking.xlsx")
    sheet = load_workbook(folder / "ranking.xlsx").active
    assert sheet is not None
    cells = [str(value) for row in sheet.iter_rows(values_only=True) for value in row]
    assert "李**" in cells or "李*花" in cells, cells
    assert "李焊花" not in cells


def award_bonuses(page: Page, folder: Path, name: str) -> None:
    go(page, page.get_by_role("link", name="Bonuses", exact=True))
    press(page, name)
    press(page, "Award the bonuses")
    told(page, "The bonuses are awarded")
    assert [figure(page, one) for one in ("Budget", "Allocated", "Unallocated")] == [300_000, 60_000, 240_000]
    part = card(page, "Payroll list")
    part.locator("[name=payroll-why]").fill("November wages")
    rows = download(page, part.get_by_role("button", name="Download"), folder)
    assert sorted(next(cell for cell in row if cell in ("100.00", "500.00")) for row in rows if "李焊花" in row) == [
        "100.00",
        "500.00",
    ]
    assert not [row for row in rows if "陈大海" in row], "another plant's worker"


def pay(maker: Page, checker: Page, folder: Path) -> None:
    """One makes the payouts, another approves them; the bank pays the one winner who gave a card."""
    for page in (maker, checker):
        go(page, page.get_by_role("link", name="Payouts", exact=True))
        go(page, page.locator("main").get_by_role("link", name="Prize pool"))
    press(maker, "Make payouts")
    told(maker, "2 payouts were made")
    press(maker, "Approve all I may")
    told(maker, "another person must approve them")
    checker.reload()
    press(checker, "Approve all I may")
    told(checker, "2 payouts were approved")
    press(maker, "Make the transfer list")
    told(maker, "The transfer list is ready below")
    rows = download(maker, maker.get_by_role("button", name="Download list"), folder)
    assert len(rows) == 2
    assert {"李焊花", "4000.00", CARD} <= set(rows[1])
    go(maker, maker.get_by_role("row", name=re.compile("李")).get_by_role("link").first)
    maker.locator("[name=bank_reference]").fill("ICBC-20261123-0001")
    press(maker, "Mark as paid")
    told(maker, "The payout is marked as paid")


def test_the_whole_story_from_a_draft_to_a_paid_prize(
    device: NewDevice, staff: Staff, job_worker: None, tmp_path: Path
) -> None:
    now = clock.now().astimezone(SHANGHAI)
    opens, closes = now - timedelta(minutes=2), now + timedelta(days=2)

    organizer = sign_in(device(**DESK), staff.organizer)
    go(organizer, organizer.get_by_role("link", name="Organizer", exact=True))
    event = make_draft(organizer, "Welding Cup", "# Rules\n- Work alone", opens, closes)
    expect(organizer.locator("main")).to_contain_text("It can be opened when every line is green.")
    set_prizes(organizer)
    open_it(organizer)

    admin = sign_in(device(**DESK), staff.admin)
    go(admin, admin.get_by_role("link", name="Organizer", exact=True))
    inner = make_draft(admin, "Plant Safety Month", "# Rules\n- For our own people", opens, closes)
    press(admin, "Yes, there are no prizes")
    open_it(admin)
    set_bonuses(admin, "Welding Cup")

    worker = device()
    sign_up(worker, "13900003001", "李焊花")
    expect(worker.get_by_role("link", name=re.compile("^Plant Safety Month"))).to_be_visible()
    worker = begin_and_lose_the_line(worker, "Welding Cup")

    expect(organizer.locator(".tile", has_text="Playing now")).to_contain_text("1")
    finish_elsewhere(sign_in(device(), "13900003001"))
    rival = sign_in(device(), staff.rival)
    expect(rival.get_by_role("link", name=re.compile("^Welding Cup"))).to_be_visible()
    expect(rival.get_by_role("link", name=re.compile("^Plant Safety Month"))).to_have_count(0)
    inside = rival.goto(f"/competitions/{inner}")
    assert inside is not None
    assert inside.status == 404
    rival_plays(device(), event, staff.rival)

    close_and_award(organizer, tmp_path)
    export_ranking(organizer, event, tmp_path)
    award_bonuses(admin, tmp_path, "Welding Cup")

    worker.goto("/me")
    expect(worker.locator("main")).to_contain_text("Awarded")
    press(worker, "Give bank details")
    worker.fill("[name=bank_name]", "示例银行云麓支行")
    worker.fill("[name=card_number]", CARD)
    worker.locator("[name=consent]").check()
    press(worker, "Save")
    told(worker, "Saved")

    pay(sign_in(device(**DESK), staff.maker), sign_in(device(**DESK), staff.checker), tmp_path)

    worker.goto("/me")
    look(worker)
    prize = worker.get_by_role("row", name=re.compile("Prize for places"))
    expect(prize).to_contain_text("¥4,000.00")
    expect(prize).to_contain_text("Paid")
    press(worker, re.compile("Level 1: Entry$"))
    expect(worker.locator(".hero__figure")).to_contain_text("100 / 100")


def test_a_phone_set_to_chinese_reads_chinese(device: NewDevice, staff: Staff) -> None:
    page = device(locale="zh-CN")
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    for path in ("/", "/login", "/sign-up", "/rules", "/privacy"):
        page.goto(path)
        look(page)
        expect(page.locator("h1")).to_have_text(re.compile(r"^[^a-zA-Z]+$"))


def test_two_tabs_of_one_browser_hold_the_same_answers(device: NewDevice, world: World) -> None:
    first = device()
    join_and_start(world, first)
    second = first.context.new_page()
    second.goto(first.url.split("#")[0])
    first.context.set_offline(True)
    pick(first, 1, "Option b")
    pick(second, 1, "Option a")
    pick(second, 2, "Option a")
    pick(first, 3, "Option a")
    first.context.set_offline(False)
    for page in (first, second):
        expect(page.locator(SAVED)).to_be_visible()
    saved = stored()
    assert saved.keys() == {1, 2, 3}
    third = first.context.new_page()
    third.goto(first.url.split("#")[0])
    for number, value in saved.items():
        expect(third.locator(f"#q-{number} input[value='{value[0]}']")).to_be_checked()


def test_a_phone_signed_out_from_another_device_keeps_what_is_answered(device: NewDevice, world: World) -> None:
    lost = device()
    join_and_start(world, lost)
    other = device()
    log_in(other, world, "/me/account")
    press(other, "End all others")
    pick(lost, 1, "Option a")
    expect(lost.get_by_role("dialog")).to_contain_text("Your answers are kept on this device")
    lost.get_by_role("link", name="Sign in").click()
    lost.fill("[name=phone]", world.phone)
    lost.fill("[name=password]", PASSWORD)
    lost.press("[name=password]", "Enter")
    lost.wait_for_url("**/attempts/*")
    expect(lost.locator(SAVED)).to_be_visible()
    assert stored() == {1: ["a"]}
