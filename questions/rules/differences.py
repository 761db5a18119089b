"""What changed between two wordings, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"[0-9A-Za-z_]+(?:[.'’-][0-9A-Za-z_]+)*|\s+|.", re.DOTALL)

MOST_COMPARISONS = 1_000_000
"""Texts that differ in more than that many pairs of words are simply replaced: comparing them would take seconds."""

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
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    tail = next((at for at in range(most - head) if before[-1 - at] != after[-1 - at]), most - head)
    whole = [("same", before[:head]), *_middle(before[head : len(before) - tail], after[head : len(after) - tail])]
    whole.append(("same", before[len(before) - tail :]))
    return tuple((kind, "".join(words)) for kind, words in whole if words)


def _middle(before: list[str], after: list[str]) -> list[tuple[str, list[str]]]:
    if len(before) * len(after) > MOST_COMPARISONS:
        return [("gone", before), ("new", after)]
    pieces = []
    for step, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if step == "equal":
            pieces.append(("same", before[i1:i2]))
        else:
            pieces += [("gone", before[i1:i2]), ("new", after[j1:j2])]
    return pieces


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
