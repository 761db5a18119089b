"""What changed between two wordings, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"[0-9A-Za-z_]+(?:[.'’-][0-9A-Za-z_]+)*|\s+|.", re.DOTALL)

Piece = tuple[str, str]
"""Some text and what became of it: "same", "gone" or "new"."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in two versions: its name, both texts, and the pieces that lead from one to the other."""

    field: str
    old: str
    new: str
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        """Whether the field differs."""
        return self.old != self.new


def compare_texts(old: str, new: str) -> tuple[Piece, ...]:
    """Return the pieces of two texts in reading order; a Latin word, a number or a Chinese character is one unit."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    pieces: list[Piece] = []
    for step, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if step == "equal":
            pieces.append(("same", "".join(before[i1:i2])))
            continue
        if i1 < i2:
            pieces.append(("gone", "".join(before[i1:i2])))
        if j1 < j2:
            pieces.append(("new", "".join(after[j1:j2])))
    return tuple(pieces)


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    """Compare two versions field by field, in the order of the newer one, fields that are no more at the end.

    Args:
        old: the texts of the older version by field.
        new: those of the newer one.
    """
    names = [*new, *(name for name in old if name not in new)]
    return [
        Difference(name, old.get(name, ""), new.get(name, ""), compare_texts(old.get(name, ""), new.get(name, "")))
        for name in names
    ]
