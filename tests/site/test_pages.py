"""Every page that a person of each role comes upon by following links: a whole page, and no link into nothing."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.site.demo_site import ROLES, browser_of

PAGES = 150
ALIKE = 8
"""How many pages are looked at whose addresses differ in numbers only."""
STARTS = (
    "/",
    "/me",
    "/competitions",
    "/practice",
    "/leaderboards",
    "/organizer",
    "/organizations",
    "/questions",
    "/laboratory",
    "/payouts",
    "/exports",
    "/audit",
)


@dataclass
class Page(HTMLParser):
    """What is looked at on a page."""

    language: str | None = None
    headings: int = 0
    title: str = ""
    links: list[str] = field(default_factory=list)
    nonces: list[str | None] = field(default_factory=list)
    inline_styles: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang")
        elif tag == "h1":
            self.headings += 1
        elif tag == "title":
            self._in_title = not self.title
        elif tag == "script":
            self.nonces.append(given.get("nonce"))
        elif tag == "style":
            self.inline_styles.append(tag)
        elif tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if given.get("style") is not None:
            self.inline_styles.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.handlers += [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


def read(said: str) -> Page:
    page = Page()
    page.feed(said)
    return page


def faults_of(reply: TestResponse, page: Page) -> list[str]:
    """Say what a whole page must have and this one has not."""
    policy = reply.headers.get("Content-Security-Policy", "")
    return [
        what
        for what, wrong in {
            "lang": page.language not in ("zh-CN", "en"),
            "one h1": page.headings != 1,
            "title": not page.title.strip(),
            "script nonce": any(not nonce or f"'nonce-{nonce}'" not in policy for nonce in page.nonces),
            "inline style": bool(page.inline_styles),
            "inline handler": bool(page.handlers),
            "ids twice": len(page.ids) != len(set(page.ids)),
            "no-store": reply.headers.get("Cache-Control") not in ("no-store", "private, no-cache"),
        }.items()
        if wrong
    ]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("role", ROLES)
def test_p1_every_page_a_role_comes_upon_is_whole_and_its_links_lead_somewhere(
    site: Flask, role: str, language: str
) -> None:
    browser = browser_of(site, role)
    faults: list[tuple[str, object]] = []
    found = dict.fromkeys(STARTS, "a start")
    waiting = deque(STARTS)
    shown = 0
    alike: Counter[str] = Counter()
    while waiting and shown < PAGES:
        address = waiting.popleft()
        kind = re.sub(r"\d+", "0", address)
        alike[kind] += 1
        if alike[kind] > ALIKE:
            continue
        reply = browser.get(address, headers={"Accept-Language": language}, buffered=True)
        hops = 0
        while reply.status_code in (301, 302, 303) and hops < 5:
            reply = browser.get(urljoin(address, reply.headers["Location"]), buffered=True)
            hops += 1
        if found[address] == "a start" and reply.status_code == 404:
            continue  # not a page of this role
        if reply.status_code != 200:
            faults.append((address, f"{reply.status_code}, linked on {found[address]}"))
            continue
        if reply.mimetype != "text/html":
            continue
        shown += 1
        page = read(reply.text)
        if wrong := faults_of(reply, page):
            faults.append((address, wrong))
        for link in page.links:
            parts = urlsplit(urljoin(address, link))
            where = parts.path + (f"?{parts.query}" if parts.query else "")
            if parts.netloc in ("", "localhost") and parts.scheme in ("", "http") and where not in found:
                if "lang=" in parts.query or parts.path.startswith("/static"):
                    continue
                found[where] = address
                waiting.append(where)
    assert faults == [], faults
    assert shown >= 8


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("<html><title>x</title><h1>x</h1>", "lang"),
        ("<html lang=en><title>x</title><h1>x</h1><h1>x</h1>", "one h1"),
        ("<html lang=en><title> </title><h1>x</h1>", "title"),
        ("<html lang=en><title>x</title><h1>x</h1><script src=a></script>", "script nonce"),
        ("<html lang=en><title>x</title><h1 style='color:red'>x</h1>", "inline style"),
        ("<html lang=en><title>x</title><h1 onclick='x'>x</h1>", "inline handler"),
        ("<html lang=en><title>x</title><h1 id=a><b id=a>x</b></h1>", "ids twice"),
    ],
)
def test_the_check_of_pages_sees_each_fault(application: Flask, said: str, fault: str) -> None:
    view = application.response_class(said, headers={"Cache-Control": "no-store"})
    reply = TestResponse(view.response, view.status, view.headers, request=None)  # type: ignore[arg-type]
    assert faults_of(reply, read(said)) == [fault]
