"""What papers would make of a question: its drawn values, and what is right with them. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from questions.rules.drawing import draw_item
from questions.rules.items import TYPES, Text, Version, fill

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One drawn paper's item: its values, stem, right answer and explanation."""

    values: Mapping[str, str]
    stem: Text
    key: Any
    explanation: Text


def draw_samples(version: Version) -> list[Sample]:
    """Draw some items of a parametrised question, the same ones each time.

    Raises: BadExpression where no values can be drawn or the answer cannot be computed.
    """
    found = []
    for seed in range(SAMPLES):
        item = draw_item(version, 1, random.Random(seed))  # noqa: S311 - the same samples each time
        key = TYPES[version.type].shown_key(version, item)
        known = {**item.values, "answer": key["value"]}
        found.append(Sample(item.values, fill(version.stem, known), key, fill(version.explanation, known)))
    return found
