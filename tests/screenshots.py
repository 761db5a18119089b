"""Take the README's pictures of the real pages: `make screenshots` starts the demo, photographs it and stops it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

import demo
from tests.processes import free_port

FOLDER = Path(__file__).resolve().parents[1] / "docs/screenshots"
LARGEST = 250_000
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
OPEN, FINISHED = 1, 2
"""The demo's competitions, by the order in which it makes them."""


@contextmanager
def demo_site() -> Iterator[str]:
    """Run the whole application with its demo on a free port, and give its address."""
    port = free_port()
    url = f"http://localhost:{port}"
    with tempfile.TemporaryDirectory(prefix="biwu-screenshots-", ignore_cleanup_errors=True) as state:
        environ = os.environ | {"PORT": str(port), "HOST": "127.0.0.1", "STATE_DIR": f"{state}/state", "DEMO": "on"}
        site = subprocess.Popen([sys.executable, "-m", "core.launch", "run"], env=environ)
        try:
            _wait(f"{url}/readyz", site)
            yield url
        finally:
            site.send_signal(signal.SIGINT)
            site.wait(60)


def _wait(url: str, site: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and site.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.3)
    sys.exit("The demo did not start; its words are above.")


def sign_in(browser: Browser, url: str, who: int, scheme: Literal["light", "dark"] = "light", **device: Any) -> Page:
    """Open a browser of one of the demo's people, in Chinese.

    Args:
        browser: chromium.
        url: where the demo is.
        who: an index of `demo.LOGINS`.
        scheme: light or dark.
        device: PHONE or DESK.
    """
    login = demo.LOGINS[who]
    context = browser.new_context(base_url=url, locale="zh-CN", color_scheme=scheme, reduced_motion="reduce", **device)
    page = context.new_page()
    page.goto("/login")
    page.fill("[name=phone]", login.phone)
    page.fill("[name=password]", login.password)
    with page.expect_navigation():
        page.press("[name=password]", "Enter")
    return page


def keep(page: Page, name: str) -> None:
    """Write what the window shows to docs/screenshots.

    Args:
        page: where it is.
        name: the file's, without .png.
    """
    page.wait_for_load_state("networkidle")
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    size = file.stat().st_size
    print(f"{file.relative_to(FOLDER.parents[1])}  {size // 1000} kB")
    if size > LARGEST:
        sys.exit(f"{file.name} is larger than {LARGEST // 1000} kB")


def show(page: Page, name: str, path: str, at: str = "") -> None:
    """Go to a page, to a place on it when named, and keep the picture."""
    page.goto(path)
    if at:
        page.locator(at).first.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 62)")
    keep(page, name)


def worker_pictures(page: Page) -> None:
    """The level map, the board, a result, and a running attempt with three answers and a flag."""
    page.goto("/me")
    mine = page.locator("main tr", has=page.locator(".stars")).locator("a[href*='/attempts/']").first
    show(page, "result", str(mine.get_attribute("href")))
    show(page, "leaderboard", f"/competitions/{OPEN}/leaderboard", "[data-board-live]")
    page.goto("/")
    page.locator("main .hero a.btn--primary").click()
    page.locator("main form[action$='/start'] button").wait_for()
    level_map = page.locator("nav.crumbs a").last.get_attribute("href")
    show(page, "levels", str(level_map), "[data-tabs]")
    page.go_back()
    page.locator("main form[action$='/start'] button").click()
    page.wait_for_url(re.compile("/attempts/"))
    for number in (1, 2, 3):
        answer(page, number)
        page.locator("[data-go='1']").click()
    page.locator("[data-flag]").click()
    answer(page, 4)
    page.locator("[data-save][data-state=saved]").wait_for()
    keep(page, "play")


def practice_pictures(page: Page) -> None:
    """What waits today, and a question with its answer, explanation and source."""
    show(page, "practice", "/practice")
    page.goto("/practice/welding/wrong")
    page.locator("[name=unknown]").click()
    page.locator("[data-result]").wait_for()
    keep(page, "explanation")


def answer(page: Page, number: int) -> None:
    """Choose the second option of a question, or type something where there are none."""
    question = page.locator(f"#q-{number}")
    question.wait_for()
    if question.locator(".option").count():
        question.locator(".option").nth(1).click()
    elif question.locator("[data-keep-order]").count():
        question.locator("[data-keep-order]").click()
    elif question.locator("select").count():
        question.locator("select").first.select_option(index=1)
    else:
        question.locator("input.input").first.fill("120")


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo_site() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        practice_pictures(sign_in(browser, url, demo.WORKER, **PHONE))
        worker_pictures(sign_in(browser, url, demo.WORKER, **PHONE))
        dark = sign_in(browser, url, demo.WORKER, "dark", **PHONE)
        dark.goto("/")
        dark.locator("main .hero a.btn--primary").click()
        dark.locator("[data-timer]").wait_for()
        keep(dark, "play-dark")
        organizer = sign_in(browser, url, demo.ORGANIZER, **DESK)
        show(organizer, "who-practises", "/organizations/1/practice")
        show(organizer, "control-room", f"/organizer/competitions/{OPEN}")
        show(organizer, "prizes", f"/organizer/competitions/{FINISHED}/prizes")
        finance = sign_in(browser, url, demo.FINANCE_A, **DESK)
        finance.goto("/payouts")
        ledger = finance.locator("main a[href*='/finance/ledgers/']").first.get_attribute("href")
        show(finance, "finance", str(ledger))
        browser.close()


if __name__ == "__main__":
    main()
