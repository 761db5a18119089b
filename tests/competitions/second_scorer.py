"""A scorer written separately from `competitions.rules` and `questions.rules`, to check them against (A9).

It reads stored JSON only and shares no code with the first one.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Any


def points(paper: list[dict[str, Any]], questions: dict[int, tuple[str, dict[str, Any]]], given: dict[int, Any]) -> int:
    """Total the points of an attempt.

    Args:
        paper: the stored paper.
        questions: type and stored key by version id.
        given: the stored value by position, from 1.
    """
    total = 0
    for place in range(len(paper)):
        entry = paper[place]
        type_, key = questions[entry["version"]]
        value = given.get(place + 1)
        if value is None:
            continue
        if _right(type_, key, value):
            total += entry["points"]
    return total


def _right(type_: str, key: dict[str, Any], value: Any) -> bool:
    if type_ in ("single", "multiple"):
        return sorted(value) == sorted(key["options"])
    if type_ == "true_false":
        return bool(value) == bool(key["truth"])
    squeezed = re.sub(r"\s+", "", unicodedata.normalize("NFKC", value).casefold())
    if type_ == "fill_in":
        return any(
            re.sub(r"\s+", "", unicodedata.normalize("NFKC", accepted).casefold()) == squeezed
            for accepted in key["accepted"]
        )
    squeezed = squeezed.replace("\u2212", "-")
    if re.fullmatch(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", squeezed):
        squeezed = "".join(character for character in squeezed if character != ",")
    if not re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", squeezed):
        return False
    low = Fraction(key["value"]) - Fraction(key["tolerance"])
    high = Fraction(key["value"]) + Fraction(key["tolerance"])
    return low <= Fraction(squeezed) <= high
