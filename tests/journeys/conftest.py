"""A real browser against a real gunicorn on the test database."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

import config
from accounts import services as accounts
from accounts.models import Person
from competitions.models import Competition, Level, Track
from core import clock
from core.database import db, transaction
from organizations.models import Membership, Organization
from tests.factories import grant, make_bank, make_competition, make_level, make_organization, make_track
from tests.processes import free_port, wait_until

PASSWORD = "焊花很美 2026"
AUTHOR, REVIEWER = "13900003001", "13900003002"
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "locale": "en-US",
    "has_touch": True,
    "reduced_motion": "reduce",  # what still moves cannot be measured
}
PATIENCE = 30
"""Seconds that anything a page shows or does may take: other programs use the machine too, and no speed is promised."""
_count = itertools.count(1)
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="session")
def address(application: Flask, settings: config.Settings) -> Iterator[str]:
    """Where a gunicorn of one worker serves the test database."""
    port = free_port()
    own = replace(settings, port=port, host="127.0.0.1", web_workers=1, public_url=f"http://localhost:{port}")
    log = Path(settings.state_dir, "gunicorn.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:create_app()"],
            env=os.environ | own.environ(),
            stdout=out,
            stderr=out,
        )
        try:
            url = f"http://localhost:{port}"
            wait_until(lambda: server.poll() is not None or _answers(url), 120, "gunicorn answers")
            assert server.poll() is None, log.read_text()[-2000:]
            yield url
        finally:
            server.terminate()
            server.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=10):  # noqa: S310 - our own server
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


NewDevice = Callable[..., Page]


@pytest.fixture
def device(app: Flask, address: str, chromium: Browser) -> Iterator[NewDevice]:
    """Make a phone, 360 px wide unless changed, whose page fails the test when a script of it fails."""
    contexts: list[BrowserContext] = []
    broken: list[str] = []

    def make(**changes: Any) -> Page:
        context = chromium.new_context(base_url=address, **{**PHONE, **changes})
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert broken == []


@dataclass
class World:
    """A worker who can sign in, and a competition of two levels."""

    phone: str
    person_id: int
    place: Organization
    competition: Competition
    track: Track
    levels: list[Level]


@pytest.fixture
def world(app: Flask) -> World:
    """Each world has a trade of its own: the server remembers banks for a while."""
    place = make_organization()
    trade = f"trade{next(_count)}"
    make_bank(trade, size=8)
    competition = make_competition(place)
    track = make_track(competition, trade_code=trade)
    levels = [make_level(track, 1, items=5, pass_points=30), make_level(track, 2, items=5, pass_points=30)]
    phone = f"1380000{1000 + next(_count)}"
    return World(phone, make_account(phone, "王小明", place).id, place, competition, track, levels)


@pytest.fixture
def writers(app: Flask) -> None:
    """A federation with an author, a reviewer, and a trade."""
    make_bank(size=2)
    province = make_organization(name_en="Jianghai Federation")
    make_account(AUTHOR, "吴思远", province, "question_author")
    make_account(REVIEWER, "沈丽华", province, "question_reviewer")


def make_account(phone: str, name: str, place: Organization, role: str | None = None) -> Person:
    """Somebody of an organization who can sign in."""
    with transaction():
        person = accounts.create_person(f"+86{phone}", PASSWORD, name, "en")
        db.session.add(Membership(person_id=person.id, organization_id=place.id, began_at=clock.now()))
    if role:
        grant(person, role, place)
    return person


def sign_in(page: Page, world: World, onward: str = "/") -> None:
    """Sign in by the form, and arrive at a page of the site."""
    page.goto(f"/login?next={onward}")
    page.fill("[name=phone]", world.phone)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(onward)


def follow(page: Page, way: Locator) -> None:
    """Press what leads to another page, and wait until the scripts of that page run."""
    with page.expect_navigation():
        way.click()
