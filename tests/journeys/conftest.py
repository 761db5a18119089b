"""A real browser against a real gunicorn on the test database."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import config
from accounts import services as accounts
from competitions.models import Competition, Level, Track
from core import clock
from core.database import db, transaction
from organizations.models import Membership, Organization
from tests.factories import make_bank, make_competition, make_level, make_organization, make_track

PASSWORD = "焊花很美 2026"
PHONE = {"viewport": {"width": 360, "height": 740}, "locale": "en-US", "has_touch": True}
_count = itertools.count(1)


@pytest.fixture(scope="session")
def address(application: Flask, settings: config.Settings) -> Iterator[str]:
    """Where a gunicorn of one worker serves the test database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
            _wait_until_up(url, server, log)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"gunicorn did not start: {log.read_text()[-2000:]}")


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
        context.set_default_timeout(8000)
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
    with transaction():
        person_id = accounts.create_person(f"+86{phone}", PASSWORD, "王小明", "en").id
        db.session.add(Membership(person_id=person_id, organization_id=place.id, began_at=clock.now()))
    return World(phone, person_id, place, competition, track, levels)


def sign_in(page: Page, world: World, onward: str = "/") -> None:
    """Sign in by the form, and arrive at a page of the site."""
    page.goto(f"/login?next={onward}")
    page.fill("[name=phone]", world.phone)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"**{onward}")
