"""A scorer written separately from `competitions.rules` and `questions.rules`, to check them against (A9).

It reads stored JSON only, shares no code with the first one, and computes in fractions.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

Question = tuple[str, dict[str, Any], Sequence[Mapping[str, Any]]]
"""Type, stored key and stored prompts of a version."""


def points(paper: list[dict[str, Any]], questions: dict[int, Question], given: dict[int, Any]) -> int:
    """Total the points of an attempt.

    Args:
        paper: the stored paper.
        questions: what is stored of each version, by its id.
        given: the stored value by position, from 1.
    """
    total = 0
    for place in range(len(paper)):
        entry = paper[place]
        earned = part(questions[entry["version"]], entry, given.get(place + 1))
        total += math.floor(entry["points"] * earned)
    return total


def part(question: Question, entry: dict[str, Any], value: Any) -> Fraction:
    """Say what part of an entry's points a value earns; a value that is no answer at all earns nothing."""
    type_, key, prompts = question
    if value is None:
        return Fraction(0)
    if type_ == "true_false":
        return Fraction(1 if value == key["truth"] else 0)
    if type_ == "numeric":
        return Fraction(1 if _hits(key, entry.get("values", {}), value) else 0)
    if type_ in ("single", "multiple"):
        return _choices(key, value)
    if type_ == "ordering":
        verdicts = [value[at] == wanted for at, wanted in enumerate(key["order"])]
    elif type_ == "matching":
        verdicts = [value[at] == key["pairs"][prompts[at]["id"]] for at in range(len(prompts))]
    elif "blanks" in key:
        verdicts = [_spelled(value[at], accepted) for at, accepted in enumerate(key["blanks"])]
    else:
        verdicts = [_spelled(value, key["accepted"])]
    if key.get("credit") == "each":
        return Fraction(len([verdict for verdict in verdicts if verdict]), len(verdicts))
    return Fraction(0 if False in verdicts else 1)


def _choices(key: dict[str, Any], value: list[str]) -> Fraction:
    wanted = key["options"]
    hits = [one for one in value if one in wanted]
    misses = [one for one in value if one not in wanted]
    rule = key.get("credit", "all")
    if rule == "partial" and not misses:
        return Fraction(len(hits), len(wanted))
    if rule == "each" and len(hits) > len(misses):
        return Fraction(len(hits) - len(misses), len(wanted))
    return Fraction(1 if not misses and len(hits) == len(wanted) else 0)


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def _spelled(text: str, accepted: list[str]) -> bool:
    return any(_squeeze(one) == _squeeze(text) for one in accepted)


def _hits(key: dict[str, Any], values: dict[str, str], text: str) -> bool:
    squeezed = _squeeze(text).replace("\u2212", "-")
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", squeezed):
        squeezed = "".join(character for character in squeezed if character != ",")
    if not re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)", squeezed):
        return False
    right = answer(key, values)
    tolerance = key["tolerance"]
    far = Fraction(tolerance[:-1]) * abs(right) / 100 if tolerance[-1] == "%" else Fraction(tolerance)
    return right - far <= Fraction(squeezed) <= right + far


def answer(key: dict[str, Any], values: dict[str, str]) -> Fraction:
    """Compute the right number of an entry from what is stored.

    Args:
        key: of a numeric version.
        values: those drawn for the entry.
    """
    if "expression" not in key:
        return Fraction(key["value"])
    exact = _Reader(key["expression"], {name: Fraction(value) for name, value in values.items()}).read()
    return _half_up(exact, key["decimals"])


def _half_up(number: Fraction, decimals: int) -> Fraction:
    scale = Fraction(10) ** decimals
    size = math.floor(abs(number) * scale + Fraction(1, 2))
    return Fraction(size if number >= 0 else -size) / scale


def _root(number: Fraction) -> Fraction:
    with localcontext(prec=80):
        return Fraction((Decimal(number.numerator) / Decimal(number.denominator)).sqrt())


class _Reader:
    """An arithmetic expression read by recursive descent; the power binds tighter than a sign before it."""

    def __init__(self, text: str, values: dict[str, Fraction]) -> None:
        self.tokens = re.findall(r"\d+\.\d*|\.\d+|\d+|\w+|\*\*|[-+*/(),]", text)
        self.values = values

    def read(self) -> Fraction:
        """Return the value of the whole text."""
        number = self.sum()
        assert not self.tokens, f"left over: {self.tokens}"
        return number

    def takes(self, *signs: str) -> str:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in signs else ""

    def sum(self) -> Fraction:
        number = self.product()
        while sign := self.takes("+", "-"):
            number = number + self.product() if sign == "+" else number - self.product()
        return number

    def product(self) -> Fraction:
        number = self.signed()
        while sign := self.takes("*", "/"):
            number = number * self.signed() if sign == "*" else number / self.signed()
        return number

    def signed(self) -> Fraction:
        if sign := self.takes("+", "-"):
            return self.signed() if sign == "+" else -self.signed()
        number = self.atom()
        return number ** int(self.signed()) if self.takes("**") else number

    def atom(self) -> Fraction:
        token = self.tokens.pop(0)
        if token == "(":
            number = self.sum()
            assert self.takes(")")
            return number
        if self.tokens[:1] == ["("]:
            self.tokens.pop(0)
            given = [self.sum()]
            while self.takes(","):
                given.append(self.sum())
            assert self.takes(")")
            return _FUNCTIONS[token](*given)
        return self.values[token] if token in self.values else Fraction(token)


_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "round": lambda number, decimals=Fraction(0): _half_up(number, int(decimals)),
    "floor": lambda number: Fraction(math.floor(number)),
    "ceil": lambda number: Fraction(math.ceil(number)),
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": _root,
}
