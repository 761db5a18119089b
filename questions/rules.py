"""What a question is, how a paper is drawn, and when an answer is right. Pure."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from questions.errors import BlueprintUnfillable

TYPES = ("single", "multiple", "true_false", "fill_in", "numeric")
DIFFICULTIES = (1, 2, 3, 4, 5)
TEXT_LIMIT = 200

Text = Mapping[str, str]
Value = list[str] | bool | str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable wording of a question, as it is asked and scored."""

    id: int
    type: str
    topic: str
    difficulty: int
    stem: Text
    options: tuple[Mapping[str, str], ...]
    key: Mapping[str, Any]
    explanation: Text
    source: Text
    option_ids: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "option_ids", frozenset(option["id"] for option in self.options))


@dataclass(frozen=True, slots=True)
class BlueprintRow:
    """So many items of one kind; None means any."""

    count: int
    points: int
    topic: str | None = None
    type: str | None = None
    difficulty: int | None = None


@dataclass(frozen=True, slots=True)
class PaperItem:
    """One place on a paper: a pinned question version, the order of its options by id, and what it is worth."""

    version: int
    options: tuple[str, ...]
    points: int


class Bank:
    """The published questions of one trade, ready to be drawn from."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.versions = tuple(sorted(versions, key=lambda version: version.id))
        self._matching: dict[tuple[str | None, str | None, int | None], tuple[Version, ...]] = {}

    def matching(self, row: BlueprintRow) -> tuple[Version, ...]:
        """Return the versions that a blueprint row may draw, in a fixed order."""
        wanted = (row.topic, row.type, row.difficulty)
        if wanted not in self._matching:
            self._matching[wanted] = tuple(
                version
                for version in self.versions
                if row.topic in (None, version.topic)
                and row.type in (None, version.type)
                and row.difficulty in (None, version.difficulty)
            )
        return self._matching[wanted]


def draw(blueprint: Sequence[BlueprintRow], bank: Bank, chance: random.Random) -> list[PaperItem]:
    """Draw a paper: every row filled with distinct questions, items and options in a drawn order.

    The row with the fewest candidates draws first, so that a general row does not use up what a narrow one needs.

    Args:
        blueprint: the rows to fill.
        bank: the trade's published questions.
        chance: the source of chance, seeded by the caller; the same seed and bank give the same paper.

    Raises: BlueprintUnfillable when a row cannot be filled.
    """
    drawn: dict[int, list[PaperItem]] = defaultdict(list)
    used: set[int] = set()
    for index in sorted(range(len(blueprint)), key=lambda i: (len(bank.matching(blueprint[i])), i)):
        row = blueprint[index]
        candidates = [version for version in bank.matching(row) if version.id not in used]
        if len(candidates) < row.count:
            raise BlueprintUnfillable(row=index + 1, wanted=row.count, found=len(candidates))
        for version in chance.sample(candidates, row.count):
            used.add(version.id)
            order = [option["id"] for option in version.options]
            chance.shuffle(order)
            drawn[index].append(PaperItem(version.id, tuple(order), row.points))
    paper = [item for index in range(len(blueprint)) for item in drawn[index]]
    chance.shuffle(paper)
    return paper


def normalise(text: str) -> str:
    """Bring a typed answer to the form in which it is compared: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def parse_number(text: str) -> Decimal | None:
    """Read a typed decimal number (full-width digits and thousands commas too, no exponent); None when it is none."""
    plain = normalise(text).replace("−", "-")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


def is_acceptable(type_: str, option_ids: frozenset[str], value: Value) -> bool:
    """Say whether a value has the shape an answer to this type of question must have; None takes an answer back."""
    if value is None:
        return True
    if type_ in ("single", "multiple"):
        if (
            not isinstance(value, list)
            or not value
            or len(set(value)) != len(value)
            or not option_ids.issuperset(value)
        ):
            return False
        return type_ == "multiple" or len(value) == 1
    if type_ == "true_false":
        return isinstance(value, bool)
    return isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT


def is_right(version: Version, value: Value) -> bool:
    """Say whether an answer is right.

    single and multiple: exactly the key's options. true_false: the key's value. fill_in: any accepted spelling after
    `normalise`. numeric: |answer - key| <= tolerance, in exact decimals.
    """
    key = version.key
    if version.type in ("single", "multiple"):
        return isinstance(value, list) and set(value) == set(key["options"])
    if version.type == "true_false":
        return value is key["truth"]
    if not isinstance(value, str):
        return False
    if version.type == "fill_in":
        return normalise(value) in {normalise(spelling) for spelling in key["accepted"]}
    number = parse_number(value)
    return number is not None and abs(number - Decimal(key["value"])) <= Decimal(key["tolerance"])
