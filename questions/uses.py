"""What packages above know of questions: who draws them and what they are worth. They connect themselves here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Use:
    """A level that may draw a question or has drawn it.

    `needed` says that the level could not be drawn without it; `attempts` how many papers contain it. Without a name it
    belongs to somebody else.
    """

    competition: Mapping[str, str] | None
    track: Mapping[str, str] | None
    level: Mapping[str, str] | None
    state: str
    draws: bool
    needed: bool
    attempts: int


use_finders: list[Callable[[int, Sequence[int]], list[Use]]] = []
"""Each is given a question's id and the nodes whose competitions the reader may see by name."""

point_finders: list[Callable[[str, Sequence[int]], dict[str, float]]] = []
"""Each is given a trade and the reader's nodes, and says what points its levels give to which topic."""


@dataclass(frozen=True, slots=True)
class FigureSource:
    """Where the figures that first attempts gave are read.

    `table` selects version_id, n (first attempts), facility (0 to 1), discrimination (-100 to 100, or null), light and
    reason, a row a version; `lights` says each light's word and tone.
    """

    table: Callable[[], Any]
    lights: Callable[[], Mapping[str, tuple[str, str]]]


figure_source: list[FigureSource] = []
"""One at most."""


def find_uses(question_id: int, nodes: Sequence[int]) -> list[Use]:
    """Return the levels that may draw a question or have drawn it.

    Args:
        question_id: the question.
        nodes: where the reader holds roles; what lies elsewhere has no name.
    """
    return [use for find in use_finders for use in find(question_id, nodes)]


def find_points(trade_code: str, nodes: Sequence[int]) -> dict[str, float]:
    """Return by topic what points the levels at and under some nodes give to a trade's topics."""
    found: dict[str, float] = {}
    for find in point_finders:
        for topic, points in find(trade_code, nodes).items():
            found[topic] = found.get(topic, 0.0) + points
    return found
