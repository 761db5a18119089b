"""The look keeps its promises: readable pairs in both themes, and a small style sheet."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"
SHARED = ("base.css", "dark.css", "components.css", "play.css")
GROUNDS = ("paper", "surface", "sunken")
TEXTS = ("ink", "ink-2", "link", "brand-text", "jade", "warn", "bad", "gold-text")
WASHES = {
    "info-wash": "link",
    "jade-wash": "jade",
    "warn-wash": "warn",
    "bad-wash": "bad",
    "gold-wash": "gold-text",
    "brand-wash": "brand-text",
}
PAIRS = (
    [(text, ground, 4.5) for text in TEXTS for ground in GROUNDS]
    + [(text, wash, 4.5) for wash, text in WASHES.items()]
    + [("ink", wash, 4.5) for wash in WASHES]
    + [("ink-2", "brand-wash", 4.5), ("jade", "brand-wash", 4.5), ("warn", "brand-wash", 4.5)]
    + [("on-brand", "brand", 4.5), ("on-brand", "brand-deep", 4.5), ("on-jade", "jade", 4.5), ("paper", "ink", 4.5)]
    + [("edge", ground, 3.0) for ground in GROUNDS]
    + [("brand", ground, 3.0) for ground in GROUNDS]
)


def tokens(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        layer = (CSS / name).read_text(encoding="utf-8").split("@layer base {")[0]
        found.update(re.findall(r"--([a-z0-9-]+):\s*#([0-9a-f]{6})", layer))
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours (1 to 21), by WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sheets", [("base.css",), ("base.css", "dark.css")], ids=["light", "dark"])
def test_every_pair_of_text_and_ground_is_readable(sheets: tuple[str, ...]) -> None:
    theme = tokens(*sheets)
    poor = {
        (text, ground): round(contrast(theme[text], theme[ground]), 2)
        for text, ground, least in PAIRS
        if contrast(theme[text], theme[ground]) < least
    }
    assert poor == {}


def test_the_dark_theme_redraws_every_ground_and_text() -> None:
    light, dark = tokens("base.css"), tokens("dark.css")
    assert set(light) - set(dark) == set()


def test_the_shared_style_sheets_together_stay_under_forty_kilobytes() -> None:
    assert sum((CSS / name).stat().st_size for name in SHARED) < 40 * 1024


def test_the_scripts_of_the_play_screen_stay_under_25_kilobytes_compressed() -> None:
    waiting, seen = ["ui.js", "play.js"], dict[str, int]()
    while waiting:
        name = waiting.pop()
        source = (CSS.parent / "js" / name).read_bytes()
        seen[name] = len(gzip.compress(source))
        waiting += set(re.findall(r'from "\./(\w+\.js)"', source.decode())) - set(seen)
    assert {"outbox.js", "timer.js", "items.js"} <= set(seen)
    assert sum(seen.values()) < 25_000


def test_colours_are_written_in_the_token_layer_only() -> None:
    sheets = ("components.css", "play.css", "items.css")
    rest = "".join((CSS / name).read_text(encoding="utf-8") for name in sheets)
    literal = set(re.findall(r"#[0-9a-f]{6}\b", rest))
    assert literal <= {"#1e1a15", "#f4b266"}, "medal figures and the flag on a filled cell are the same in both themes"
