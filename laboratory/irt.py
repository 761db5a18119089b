"""The two-parameter logistic model of item response theory: an extra that needs requirements-irt.txt.

P(right) = 1 / (1 + exp(-a (theta - b))), theta the entrant's ability, standard normal among the entrants; a, the slope,
says how sharply the item separates, b, the location, the ability at which half get it right. Estimated by marginal
maximum likelihood (Bock and Aitkin 1981), in which items that somebody did not meet are simply absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import exp

LEAST_PEOPLE = 500
"""Fewer entrants do not settle two parameters an item (Hulin, Lissak and Drasgow 1982)."""
LEAST_RESPONSES = 200
"""Items that fewer entrants met are left out."""
STEEPEST, FARTHEST = 3.9, 5.9
"""Estimates stop at a slope of 4 and a location of 6: what comes that far is not an estimate."""
ABILITIES = [step / 4 for step in range(-12, 13)]
"""Where a curve is drawn: three standard deviations to both sides."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the model says of one item, and from how many entrants who met it."""

    slope: float
    location: float
    n: int


def is_available() -> bool:
    """Say whether the packages of the extra are installed."""
    return find_spec("girth") is not None


def fit(people: Sequence[Mapping[int, bool]]) -> dict[int, Parameters]:
    """Estimate the parameters of every item that enough entrants met; empty when there are too few entrants.

    Args:
        people: for each entrant, by item, whether they earned all its points; only items they met.

    Returns: the parameters by item, without items that all or none got right and those that did not settle.
    """
    met = Counter(item for one in people for item in one)
    right = Counter(item for one in people for item, earned in one.items() if earned)
    items = sorted(item for item, n in met.items() if n >= LEAST_RESPONSES and 0 < right[item] < n)
    if len(people) < LEAST_PEOPLE or len(items) < 2:
        return {}

    import girth
    import numpy as np

    row = {item: index for index, item in enumerate(items)}
    answers = np.full((len(items), len(people)), girth.INVALID_RESPONSE, dtype=int)
    for column, one in enumerate(people):
        for item, earned in one.items():
            if item in row:
                answers[row[item], column] = earned
    found = girth.twopl_mml(answers[:, (answers != girth.INVALID_RESPONSE).any(axis=0)])
    return {
        item: Parameters(float(slope), float(location), met[item])
        for item, slope, location in zip(items, found["Discrimination"], found["Difficulty"], strict=True)
        if slope < STEEPEST and abs(location) < FARTHEST
    }


def chance(ability: float, slope: float, location: float) -> float:
    """Return how likely somebody of an ability is to get an item right, 0 to 1."""
    return 1 / (1 + exp(-slope * (ability - location)))
