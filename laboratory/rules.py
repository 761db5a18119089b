"""What answers say about items, and what draws say about papers. Pure: facts in, figures out."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import atanh, sqrt
from typing import Any, cast

from questions.errors import BlueprintUnfillable
from questions.rules import Bank, BlueprintRow, Value, draw

LEAST = 30
"""Fewer first attempts than this say nothing yet."""
SURELY = 1.645
"""Standard errors beyond which chance alone would go in one of twenty cases (one-sided, normal)."""
TOO_EASY, TOO_HARD, WEAK = 0.95, 0.20, 10.0
"""Facility above and below which an item hardly separates; a discrimination index (percent) that is weak."""
MOST_ANSWERS = 12
"""How many different answers the table of answers lists."""

LIGHTS = ("red", "amber", "grey", "green")


@dataclass(frozen=True, slots=True)
class Response:
    """One item on one first attempt.

    share: of the item's points, 0 to 1. mark and total: in percent of the paper's points, so that papers of different
    worth may be pooled. ms: how long it took, None when unknown. at: when the attempt ended, aware UTC. type: the
    question's, which says what the parts of the value are.
    """

    share: float
    mark: float
    total: float
    value: Value
    ms: int | None
    at: datetime
    type: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """How often an answer was given, in all and by the lower, middle and upper third of the entrants."""

    text: str
    right: bool
    count: int
    lower: int
    middle: int
    upper: int


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """The statistics of one item; None where a variance is nothing.

    Facility = mean(x) / max. Discrimination index = 100 cov(x, r) / sqrt(var x var r) with r = X - x. Discriminative
    efficiency = 100 cov(x, r) / cov_max, cov_max after sorting x and r each by itself. Sample variances (n - 1).
    Source: Moodle's quiz statistics, as in the project's definitions.
    """

    n: int
    facility: float
    deviation: float | None
    discrimination: float | None
    efficiency: float | None
    seconds: float | None
    light: str
    reason: str
    answers: list[Answer] = field(default_factory=list)
    weeks: list[tuple[str, int, float]] = field(default_factory=list)


class ItemTally:
    """What is counted of one item while its first attempts pass by; its size depends on the item, not on how many.

    Marks and totals are kept to a hundredth of a percent, seconds to one.
    """

    __slots__ = ("answers", "n", "product", "rests", "seconds", "shares", "weeks")

    def __init__(self) -> None:
        self.n = 0
        self.product = 0.0
        self.shares: Counter[tuple[float, float]] = Counter()
        self.rests: Counter[float] = Counter()
        self.seconds: Counter[int] = Counter()
        self.weeks: dict[tuple[int, int], list[float]] = {}
        self.answers: Counter[tuple[str, int]] = Counter()

    def add(self, one: Response) -> None:
        """Count one response."""
        rest = round(one.total - one.mark, 2)
        self.n += 1
        self.product += one.mark * rest
        self.shares[one.share, one.mark] += 1
        self.rests[rest] += 1
        if one.ms is not None:
            self.seconds[one.ms // 1000] += 1
        year, week, _ = one.at.isocalendar()
        seen = self.weeks.setdefault((year, week), [0, 0.0])
        seen[0] += 1
        seen[1] += one.share
        total = round(100 * one.total)
        for entry in set(spell(one.value, one.type)):
            self.answers[entry, total] += 1

    def figures(self, right: Iterable[str] = ()) -> ItemFigures:
        """Compute the statistics of what was counted, at least one response.

        Args:
            right: the answers, as `spell` writes them, that are wholly right, for the table of answers.
        """
        n = self.n
        facility = sum(share * count for (share, _), count in self.shares.items()) / n
        deviation = discrimination = efficiency = None
        if n > 1:
            marks: Counter[float] = Counter()
            for (_, mark), count in self.shares.items():
                marks[mark] += count
            deviation = sqrt(
                sum(count * (share - facility) ** 2 for (share, _), count in self.shares.items()) / (n - 1)
            )
            mean_x, mean_r = _mean(marks, n), _mean(self.rests, n)
            var_x, var_r = _variance(marks, mean_x, n), _variance(self.rests, mean_r, n)
            if var_x > 1e-9 and var_r > 1e-9:
                together = (self.product - n * mean_x * mean_r) / (n - 1)
                discrimination = 100 * together / sqrt(var_x * var_r)
                most = (_sorted_product(marks, self.rests) - n * mean_x * mean_r) / (n - 1)
                efficiency = 100 * together / most if most > 1e-9 else None
        answers = self._table(set(right))
        light, reason = traffic_light(n, facility, discrimination, answers)
        return ItemFigures(
            n=n,
            facility=facility,
            deviation=deviation,
            discrimination=discrimination,
            efficiency=efficiency,
            seconds=_median(self.seconds),
            light=light,
            reason=reason,
            answers=answers,
            weeks=[
                (f"{year}-W{week:02d}", int(count), shares / count)
                for (year, week), (count, shares) in sorted(self.weeks.items())
            ],
        )

    def _table(self, right: set[str]) -> list[Answer]:
        """Count the answers by thirds of the totals, the most frequent first; equal totals are in the same third."""
        totals: Counter[int] = Counter()
        for (_, total), count in self.answers.items():
            totals[total] += count
        given, below, part = sum(totals.values()), 0, {}
        for total in sorted(totals):
            middle = below + totals[total] / 2
            part[total] = 0 if 3 * middle < given else 2 if 3 * middle > 2 * given else 1
            below += totals[total]
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for (text, total), count in self.answers.items():
            counts[text][part[total]] += count
        table = [Answer(text, text in right, sum(parts), *parts) for text, parts in counts.items()]
        return sorted(table, key=lambda one: (-one.count, one.text))[:MOST_ANSWERS]


def _mean(counts: Mapping[float, int], n: int) -> float:
    return sum(value * count for value, count in counts.items()) / n


def _variance(counts: Mapping[float, int], mean: float, n: int) -> float:
    return sum(count * (value - mean) ** 2 for value, count in counts.items()) / (n - 1)


def _sorted_product(xs: Mapping[float, int], ys: Mapping[float, int]) -> float:
    """Return sum x y after each series is sorted by itself."""
    left, right = sorted(xs.items()), sorted(ys.items())
    total, at, used = 0.0, 0, 0
    for x, count in left:
        while count:
            y, there = right[at]
            take = min(count, there - used)
            total += take * x * y
            count -= take
            used += take
            if used == there:
                at, used = at + 1, 0
    return total


def _median(counts: Mapping[int, int]) -> float | None:
    n, below, lower = sum(counts.values()), 0, None
    for value in sorted(counts):
        below += counts[value]
        if lower is not None:
            return (lower + value) / 2
        if 2 * below > n:
            return float(value)
        if 2 * below == n:
            lower = value
    return None


def spell(value: Value, type_: str = "") -> list[str]:
    """Write an answer as the entries it counts for in the table of answers.

    Each ticked option of a choice; each "place:answer" of a matching, or of a fill-in with several blanks, places from
    1; the whole order of an ordering, divided by blanks; else the whole answer. No answer is the empty entry.

    Args:
        value: the answer.
        type_: the question's.
    """
    if value is None:
        return [""]
    if isinstance(value, list | tuple) and type_ == "ordering":
        return [" ".join(value)]
    if isinstance(value, list | tuple) and type_ in ("matching", "fill_in"):
        return [f"{place}:{one}" for place, one in enumerate(value, 1)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value] if isinstance(value, str) else [str(one) for one in value]


def traffic_light(n: int, facility: float, discrimination: float | None, answers: Sequence[Answer]) -> tuple[str, str]:
    """Judge an item: (light, reason).

    red "key": probably a wrong key, because the better an entrant is the less they earn here, or the upper third choose
    a wrong answer more often than any right one, both by more than chance: Fisher's z of the discrimination, and the
    sign test of the two answers, beyond `SURELY`. amber: "too_easy", "too_hard" or "weak". grey "few": under `LEAST`.
    """
    if n < LEAST:
        return "grey", "few"
    best_right = max((one.upper for one in answers if one.right), default=None)
    best_wrong = max((one.upper for one in answers if not one.right and one.text), default=0)
    falls = discrimination is not None and atanh(min(99.9, max(-99.9, discrimination)) / 100) * sqrt(n - 3) < -SURELY
    prefers = best_right is not None and best_wrong - best_right > SURELY * sqrt(best_wrong + best_right)
    if falls or prefers:
        return "red", "key"
    if facility > TOO_EASY:
        return "amber", "too_easy"
    if facility < TOO_HARD:
        return "amber", "too_hard"
    if discrimination is None or discrimination < WEAK:
        return "amber", "weak"
    return "green", "good"


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """The statistics of one level's papers, totals in points; None where a variance is nothing.

    Alpha = 100 p / (p - 1) (1 - sum var x_i / k2), x_i the mark at place i and k2 the variance of the totals; error
    ratio = 100 sqrt(1 - alpha / 100); standard error = error ratio x deviation / 100. Source: as for items.
    """

    n: int
    mean: float
    deviation: float | None
    alpha: float | None
    error_ratio: float | None
    standard_error: float | None


class LevelTally:
    """What is counted of one level while its first attempts pass by, apart for each length of paper."""

    __slots__ = ("by_length",)

    def __init__(self) -> None:
        self.by_length: dict[int, list[list[float]]] = {}

    def add(self, marks: Sequence[float]) -> None:
        """Count one paper: the marks, in points, by place."""
        sums = self.by_length.setdefault(len(marks), [[0.0, 0.0, 0.0], [0.0] * len(marks), [0.0] * len(marks)])
        total = sum(marks)
        for index, amount in enumerate((1.0, total, total * total)):
            sums[0][index] += amount
        for place, mark in enumerate(marks):
            sums[1][place] += mark
            sums[2][place] += mark * mark

    def figures(self) -> LevelFigures:
        """Compute the statistics of what was counted, at least one paper; of those of the most frequent length."""
        length, ((count, total, squares), sums, square_sums) = max(
            self.by_length.items(), key=lambda one: (one[1][0][0], one[0])
        )
        n = int(count)
        deviation = alpha = ratio = error = None
        if n > 1:
            k2 = max(0.0, squares - total * total / n) / (n - 1)
            deviation = sqrt(k2)
            if k2 > 1e-9 and length > 1:
                each = sum((square - one * one / n) / (n - 1) for one, square in zip(sums, square_sums, strict=True))
                alpha = 100 * length / (length - 1) * (1 - each / k2)
                ratio = 100 * sqrt(max(0.0, 1 - alpha / 100))
                error = ratio * deviation / 100
        return LevelFigures(n, total / n, deviation, alpha, ratio, error)


@dataclass(slots=True)
class Simulation:
    """What drawing many papers of one level showed.

    `difficulties`: papers by mean declared difficulty of a point (hundredths). `expected`: papers by expected share of
    the points (percent), from the facility of their items where it is known. `exposure`: papers by version.
    `shortfalls`: papers that could not be drawn, by the row, from 1, that could not be filled.
    """

    papers: int = 0
    shortfalls: Counter[int] = field(default_factory=Counter)
    difficulties: Counter[int] = field(default_factory=Counter)
    expected: Counter[int] = field(default_factory=Counter)
    exposure: Counter[int] = field(default_factory=Counter)

    def add(
        self,
        blueprint: Sequence[BlueprintRow],
        bank: Bank,
        difficulty: Mapping[int, int],
        facility: Mapping[int, float],
        seeds: Iterable[str],
    ) -> None:
        """Draw one more paper for each seed.

        Args:
            blueprint: the level's rows.
            bank: what to draw from.
            difficulty: the declared difficulty by version.
            facility: the facility by version, where it is known.
            seeds: one a paper; the same seeds draw the same papers.
        """
        for seed in seeds:
            self.papers += 1
            try:
                paper = draw(blueprint, bank, random.Random(seed))  # noqa: S311 - a simulation
            except BlueprintUnfillable as refusal:
                self.shortfalls[cast(int, refusal.details["row"])] += 1
                continue
            points = sum(item.points for item in paper)
            total = sum(item.points * difficulty[item.version] for item in paper)
            self.difficulties[round(100 * total / points)] += 1
            if all(item.version in facility for item in paper):
                self.expected[round(100 * sum(item.points * facility[item.version] for item in paper) / points)] += 1
            self.exposure.update(item.version for item in paper)


def histogram(counts: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return (value, count) for every value from the least to the greatest, empty ones too."""
    return [(value, counts.get(value, 0)) for value in range(min(counts), max(counts) + 1)] if counts else []


def figures_json(figures: ItemFigures) -> dict[str, Any]:
    """Return what is stored beside the columns: the table of answers and the weeks."""
    return {
        "answers": [[one.text, one.right, one.count, one.lower, one.middle, one.upper] for one in figures.answers],
        "weeks": [list(one) for one in figures.weeks],
    }
