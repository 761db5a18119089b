"""How a paper is drawn from a bank: by blueprint, from a seed, and as hard as every other paper of its level. Pure."""

from __future__ import annotations

import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, factorial

from questions.errors import BlueprintUnfillable
from questions.rules.items import PaperItem, Version, draw_values

CASE = "case"
"""The type of a blueprint row that draws whole case groups."""

CASE_SIZE = 3
"""How many questions a case group has."""


@dataclass(frozen=True, slots=True)
class BlueprintRow:
    """So many items of one kind, None meaning any; with the type "case" so many case groups of three items each.

    A topic stands for itself and all topics under it. `points` is for each item.
    """

    count: int
    points: int
    topic: str | None = None
    type: str | None = None
    difficulty: int | None = None

    @property
    def items(self) -> int:
        """How many items the row puts on a paper."""
        return self.count * (CASE_SIZE if self.type == CASE else 1)

    @property
    def unit_points(self) -> int:
        """What one drawn item, or one drawn case group, is worth."""
        return self.points * self.items // self.count


Kind = tuple[str, str, int]
"""Topic, type and difficulty."""

Unit = tuple[Version, ...]
"""What is drawn together: one version, or those of a case group in their order."""


class Bank:
    """The questions of one trade that may be drawn, ready to be drawn from.

    Args:
        versions: the versions in use.
        parents: the topic above each topic, for those that have one.
    """

    def __init__(self, versions: Iterable[Version], parents: Mapping[str, str] | None = None) -> None:
        self.versions = tuple(sorted(versions, key=lambda version: version.id))
        self.parents = dict(parents or {})
        self._strata: dict[tuple[str | None, str | None, int | None], dict[int, tuple[Unit, ...]]] = {}
        self._plans: dict[tuple[BlueprintRow, ...], Plan] = {}
        cases: dict[str, list[Version]] = defaultdict(list)
        kinds: dict[Kind, list[Unit]] = defaultdict(list)
        for version in self.versions:
            if version.case:
                cases[version.case["code"]].append(version)
            else:
                kinds[version.topic, version.type, version.difficulty].append((version,))
        grouped: dict[Kind, list[Unit]] = defaultdict(list)
        self._cases: dict[str, Unit] = {
            code: tuple(sorted(group, key=lambda one: (one.case_place, one.question_id or one.id)))
            for code, group in cases.items()
        }
        for unit in self._cases.values():
            if len(unit) == CASE_SIZE:
                difficulty = round(sum(version.difficulty for version in unit) / CASE_SIZE)
                grouped[unit[0].topic, CASE, difficulty].append(unit)
        self._units = (kinds, grouped)

    def lies_under(self, topic: str, wanted: str | None) -> bool:
        """Say whether a topic is the wanted one or lies under it; every topic lies under None."""
        at: str | None = topic
        while at is not None:
            if at == wanted:
                return True
            at = self.parents.get(at)
        return wanted is None

    def place_in_case(self, version: Version) -> tuple[int, int] | None:
        """Return a question's number in its case group, from 1, and how many that has here; None outside of one."""
        members = [one.question_id for one in self._cases.get((version.case or {}).get("code", ""), ())]
        found = version.question_id in members
        return (members.index(version.question_id) + 1, len(members)) if found else None

    def count(self, row: BlueprintRow) -> int:
        """Return how many units a blueprint row may draw."""
        return sum(len(units) for units in self.strata(row).values())

    def matching(self, row: BlueprintRow) -> tuple[Unit, ...]:
        """Return the units that a blueprint row may draw, in a fixed order."""
        return tuple(unit for units in self.strata(row).values() for unit in units)

    def strata(self, row: BlueprintRow) -> dict[int, tuple[Unit, ...]]:
        """Return the same by difficulty; that of a case group is the rounded mean."""
        wanted = (row.topic, row.type, row.difficulty)
        if wanted not in self._strata:
            found: dict[int, list[Unit]] = defaultdict(list)
            for (topic, type_, difficulty), units in self._units[row.type == CASE].items():
                if (
                    (row.type is None or row.type in (CASE, type_))
                    and row.difficulty in (None, difficulty)
                    and self.lies_under(topic, row.topic)
                ):
                    found[difficulty] += units
            self._strata[wanted] = {
                difficulty: tuple(sorted(units, key=lambda unit: unit[0].id))
                for difficulty, units in sorted(found.items())
            }
        return self._strata[wanted]

    def plan(self, blueprint: Sequence[BlueprintRow]) -> Plan:
        """Return how a blueprint's papers are divided among difficulties."""
        rows = tuple(blueprint)
        if rows not in self._plans:
            self._plans[rows] = Plan(rows, self)
        return self._plans[rows]


@dataclass(frozen=True, slots=True)
class Quota:
    """How many units of each difficulty a row draws, how many times as likely as others, and how hard they are in all.

    `difficulty` is the sum of points times declared difficulty.
    """

    counts: Mapping[int, int]
    weight: int
    difficulty: int


def quotas(row: BlueprintRow, sizes: Mapping[int, int]) -> list[Quota]:
    """Return the ways in which a row may divide what it draws among the difficulties.

    Whole shares in proportion to the bank are fixed. The places left over by rounding are filled by independent draws
    with the chances of the remainders, so that on average every difficulty keeps its share of the bank; a way's weight
    is the multinomial one.

    Args:
        row: the row.
        sizes: candidates by difficulty; a row that wants more than there are draws all.
    """
    total = sum(sizes.values())
    count = min(row.count, total)
    shares = {difficulty: divmod(size * count, total) for difficulty, size in sizes.items() if total}
    left = count - sum(whole for whole, _ in shares.values())
    ways: list[tuple[dict[int, int], int, int]] = [({}, factorial(left), left)]
    for difficulty, (whole, remainder) in shares.items():
        ways = [
            ({**counts, difficulty: whole + more}, weight * remainder**more // factorial(more), places - more)
            for counts, weight, places in ways
            for more in range(min(places, sizes[difficulty] - whole if remainder else 0) + 1)
        ]
    return [
        Quota(counts, weight, row.unit_points * sum(difficulty * drawn for difficulty, drawn in counts.items()))
        for counts, weight, places in ways
        if not places
    ]


class Plan:
    """How a paper is divided among difficulties: by chance row by row, and yet as hard as every other paper in all.

    Of all ways to choose one quota for each row, those count whose difficulties add up to `difficulty`, the sum nearest
    to the mean of all ways; each is chosen with the product of its quotas' weights. So every paper is as hard as the
    others, and no difficulty of the bank goes unused because a row is too short for it.

    Args:
        blueprint: the rows.
        bank: what they draw from.
    """

    def __init__(self, blueprint: Sequence[BlueprintRow], bank: Bank) -> None:
        self._rows = [
            quotas(row, {difficulty: len(units) for difficulty, units in bank.strata(row).items()}) for row in blueprint
        ]
        # weights of what the rows from each on can add up to, from the last row back
        self._sums: list[dict[int, int]] = [{0: 1}]
        for row in reversed(self._rows):
            self._sums.append(_combine(row, self._sums[-1]))
        self._sums.reverse()
        whole = self._sums[0]
        mean = Fraction(sum(total * weight for total, weight in whole.items()), sum(whole.values()))
        self.difficulty = min(whole, key=lambda total: (abs(total - mean), total))
        self._weights: dict[tuple[int, int], list[int]] = {}

    def choose(self, chance: random.Random) -> list[Mapping[int, int]]:
        """Choose one quota for each row: units to draw by difficulty.

        Args:
            chance: the source of chance, seeded by the caller.
        """
        chosen, left = [], self.difficulty
        for index, row in enumerate(self._rows):
            if (index, left) not in self._weights:
                rest = self._sums[index + 1]
                self._weights[index, left] = list(
                    accumulate(quota.weight * rest.get(left - quota.difficulty, 0) for quota in row)
                )
            weights = self._weights[index, left]
            quota = row[bisect(weights, chance.randrange(weights[-1]))]
            chosen.append(quota.counts)
            left -= quota.difficulty
        return chosen

    def expected(self) -> list[dict[int, tuple[Fraction, int]]]:
        """Return for each row and difficulty how many units are drawn, on average and at most."""
        before, found = {0: 1}, []
        for row, rest in zip(self._rows, self._sums[1:], strict=True):
            means: dict[int, Fraction] = defaultdict(Fraction)
            most: dict[int, int] = defaultdict(int)
            for quota in row:
                ways = sum(
                    weight * quota.weight * rest.get(self.difficulty - total - quota.difficulty, 0)
                    for total, weight in before.items()
                )
                if ways:
                    for difficulty, drawn in quota.counts.items():
                        means[difficulty] += Fraction(drawn * ways, self._sums[0][self.difficulty])
                        most[difficulty] = max(most[difficulty], drawn)
            found.append({difficulty: (means[difficulty], most[difficulty]) for difficulty in most})
            before = _combine(row, before)
        return found


def _combine(row: Sequence[Quota], sums: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = defaultdict(int)
    for quota in row:
        for total, weight in sums.items():
            found[total + quota.difficulty] += weight * quota.weight
    return dict(found)


@dataclass(frozen=True, slots=True)
class RowExposure:
    """One difficulty of one blueprint row: how many are drawn of how many, and how many are missing under the cap.

    `drawn` is the mean over all papers; `taken` is how many of the candidates rows that draw earlier may have used up.
    """

    row: int
    difficulty: int
    drawn: Fraction
    candidates: int
    taken: int
    missing: int

    @property
    def exposure(self) -> Fraction:
        """The largest share of papers on which a candidate appears because of this row."""
        left = Fraction(max(self.candidates - self.taken, 1))
        return min(self.drawn, Fraction(self.candidates)) / max(self.drawn, left)


def row_exposures(blueprint: Sequence[BlueprintRow], bank: Bank, cap_percent: int | None) -> list[RowExposure]:
    """Return how often each candidate is drawn, and how many questions are missing to keep under the cap.

    Args:
        blueprint: the level's rows.
        bank: what is drawn from.
        cap_percent: the largest share of papers, in percent, on which one item may appear; None for no cap.
    """
    found: list[list[RowExposure]] = [[] for _ in blueprint]
    earlier: list[tuple[int, set[int]]] = []
    expected = bank.plan(blueprint).expected()
    for index in _order(blueprint, bank):
        draws = []
        for difficulty, units in bank.strata(blueprint[index]).items():
            drawn, most = expected[index][difficulty]
            ids = {unit[0].id for unit in units}
            taken = min(len(ids), sum(min(others, len(ids & used)) for others, used in earlier))
            if most:
                missing = max(0, ceil(100 * drawn / cap_percent) + taken - len(ids)) if cap_percent else 0
                found[index].append(RowExposure(index + 1, difficulty, drawn, len(ids), taken, missing))
                draws.append((most, ids))
        earlier += draws
    return [one for of_row in found for one in of_row]


def highest_exposure(blueprint: Sequence[BlueprintRow], bank: Bank) -> Fraction:
    """Return a share of papers that no item of a level exceeds, over all rows that may draw it.

    In each row an item is drawn at most with the chance of those that earlier rows have left, so the sum over the rows
    bounds what the simulation of a level counts.

    Args: as `row_exposures`.
    """
    shares: dict[int, Fraction] = defaultdict(Fraction)
    for one in row_exposures(blueprint, bank, None):
        for unit in bank.strata(blueprint[one.row - 1])[one.difficulty]:
            shares[unit[0].id] += one.exposure
    return min(Fraction(1), max(shares.values(), default=Fraction(0)))


def _order(blueprint: Sequence[BlueprintRow], bank: Bank) -> list[int]:
    """The row with the fewest candidates draws first, so that a general one does not use up what a narrow one needs."""
    return sorted(range(len(blueprint)), key=lambda index: (bank.count(blueprint[index]), index))


def draw(blueprint: Sequence[BlueprintRow], bank: Bank, chance: random.Random) -> list[PaperItem]:
    """Draw a paper: every row filled with distinct questions, items and options in a drawn order, case groups together.

    The quotas of difficulties are the plan's; where an earlier row has used up one, the nearest difficulties fill in.

    Args:
        blueprint: the rows to fill.
        bank: the questions to draw from.
        chance: the source of chance, seeded by the caller; the same seed and bank give the same paper.

    Raises: BlueprintUnfillable when a row cannot be filled.
    """
    drawn: list[list[PaperItem]] = []
    used: set[int] = set()
    chosen = bank.plan(blueprint).choose(chance)
    for index in _order(blueprint, bank):
        row = blueprint[index]
        free = {
            difficulty: [unit for unit in units if unit[0].id not in used]
            for difficulty, units in bank.strata(row).items()
        }
        found = sum(len(units) for units in free.values())
        if found < row.count:
            raise BlueprintUnfillable(row=index + 1, wanted=row.count, found=found)
        for unit in _sample(free, chosen[index], chance):
            used.update(version.id for version in unit)
            drawn.append([draw_item(version, row.points, chance) for version in unit])
    chance.shuffle(drawn)
    return [item for unit in drawn for item in unit]


def _sample(free: Mapping[int, list[Unit]], wanted: Mapping[int, int], chance: random.Random) -> list[Unit]:
    taken: list[Unit] = []
    short: list[int] = []
    for difficulty, count in wanted.items():
        some = chance.sample(free[difficulty], min(count, len(free[difficulty])))
        taken += some
        short += [difficulty] * (count - len(some))
    for difficulty in short:
        left = [
            (abs(other - difficulty), other)
            for other, units in free.items()
            if any(unit not in taken for unit in units)
        ]
        other = min(left)[1]
        taken.append(chance.choice([unit for unit in free[other] if unit not in taken]))
    return taken


def draw_item(version: Version, points: int, chance: random.Random) -> PaperItem:
    """Draw one item of a version: the order of its options and, where it has variables, its values.

    Args:
        version: what is asked.
        points: what it is worth.
        chance: the source of chance, seeded by the caller; the same seed gives the same item.
    """
    order = [option["id"] for option in version.options]
    chance.shuffle(order)
    if version.type == "ordering" and order == list(version.key["order"]):
        order = order[1:] + order[:1]  # the steps are never shown in the right order
    return PaperItem(version.id, tuple(order), points, draw_values(version, chance))
