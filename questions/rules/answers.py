"""Answers in the fields of a plain form, and back. Pure.

An item is one field, or so many numbered ones: blanks, prompts, or the steps of an ordering in the order in which they
stand on the paper, each with the place it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from questions.rules.items import Value

_BLANK = re.compile(r"\{\{(\d+)\}\}")


def cut_at_blanks(text: str) -> list[str]:
    """Cut a stem at its marks {{1}}, {{2}}: running text and numbers of blanks by turns; the text alone without any."""
    return _BLANK.split(text)


def show_blanks(text: str) -> str:
    """Write a stem with a numbered line for every blank, where it is only read."""
    return _BLANK.sub(r"(\1)____", text)


_BEFORE_UNIT = re.compile(
    r"(?<=\d) (?=(?:[kMGTcdmµμ]?(?:m|g|s|A|V|W|Pa|Hz|B|bit|bps|J|N|L|l|Ω|mol)|mmHg|min|h|d|%|‰|℃|°C|r)(?![A-Za-z]))"
)


def hold_units(text: str) -> str:
    """Return a text in which a number and its unit stay on one line, where it is only shown."""
    return _BEFORE_UNIT.sub("\u00a0", text)


def from_fields(type_: str, whole: Sequence[str], parts: Sequence[str], options: Sequence[str]) -> Value:
    """Turn the fields of a form into an answer; None when nothing was given.

    Args:
        type_: of the item.
        whole: what was sent for the item as one: ticked options, a typed text.
        parts: what was sent for its numbered fields, where it has those.
        options: the ids of its options in the order of the paper.
    """
    parts = [part.strip() for part in parts]
    whole = [one.strip() for one in whole if one.strip()]
    if type_ == "ordering":
        return _in_places(parts, options) if any(parts) else None
    if parts:
        return list(parts) if any(parts) else None
    if not whole:
        return None
    if type_ in ("single", "multiple"):
        return whole
    return whole[0] == "true" if type_ == "true_false" else whole[0]


def _in_places(places: Sequence[str], options: Sequence[str]) -> list[str]:
    """Order steps by the places they were given; those without one of their own fill the free ones in turn."""
    order = [""] * len(options)
    left = []
    for option, place in zip(options, places, strict=True):
        at = int(place) - 1 if place.isascii() and place.isdigit() and len(place) < 4 else -1
        if 0 <= at < len(order) and not order[at]:
            order[at] = option
        else:
            left.append(option)
    return [option or left.pop(0) for option in order]


def to_fields(type_: str, value: Value, options: Sequence[str], count: int) -> list[str]:
    """Return what the numbered fields of an item hold for an answer: `count` texts, empty where there is none."""
    if not isinstance(value, list) or type_ in ("single", "multiple"):
        return [""] * count
    if type_ == "ordering":
        return [str(value.index(option) + 1) if option in value else "" for option in options]
    return [*value, *[""] * count][:count]


def alike(type_: str, one: Value, other: Value) -> bool:
    """Say whether two answers are the same one: the order of ticks means nothing, that of everything else does."""
    if type_ in ("single", "multiple") and isinstance(one, list) and isinstance(other, list):
        return sorted(one) == sorted(other)
    return one == other and isinstance(one, bool) == isinstance(other, bool)
