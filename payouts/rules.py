"""Who wins how much: pure functions from sealed standings and rules to shares in fen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from core.money import split_equally
from payouts.errors import InvalidTerms, NoTaxRule, OverBudget, OverPool

MAX_FEN = 10**13
MAX_PLACES = 100_000
PRIZE_CATEGORY = "incidental"
BONUS_CATEGORY = "wages"
EDGES = frozenset(
    {
        ("created", "approved"),
        ("approved", "exported"),
        ("exported", "confirmed"),
        ("exported", "failed"),
        ("exported", "unknown"),
        ("unknown", "confirmed"),
        ("unknown", "failed"),
    }
)
"""The steps a payout may take; the database holds the same list (M5)."""


@dataclass(frozen=True)
class Band:
    """Places `first` to `last`, `each_fen` for each of them."""

    first: int
    last: int
    each_fen: int


@dataclass(frozen=True)
class Prize:
    """A prize rule: `places` has bands; `equal_split` has a pot for all who cleared every level.

    `track_id` None is the whole competition. There, `any_track` lets in whoever cleared every level of one track;
    otherwise it takes every level of every track.
    """

    id: int
    track_id: int | None
    kind: str
    bands: tuple[Band, ...] = ()
    pot_fen: int = 0
    any_track: bool = False


@dataclass(frozen=True)
class Tier:
    """A bonus tier of an enterprise: `per_level`, `all_levels` or `top_n`, `amount_fen` each time."""

    id: int
    track_id: int | None
    kind: str
    amount_fen: int
    top_n: int | None = None


@dataclass(frozen=True)
class Row:
    """What of a sealed standing decides money; equal `rank` on one board is a tie."""

    participation_id: int
    track_id: int | None
    rank: int
    levels_cleared: int
    points: int
    eligible: bool
    path: tuple[int, ...] = ()


@dataclass(frozen=True)
class Share:
    """What one rule or tier (`origin_id`) gives one participation; `rank` counts eligible entrants only."""

    origin_id: int
    participation_id: int
    rank: int | None
    gross_fen: int


@dataclass(frozen=True)
class Allocation:
    """Shares and what is left: `allocated_fen + unallocated_fen` is the pool, always."""

    shares: tuple[Share, ...]
    allocated_fen: int
    unallocated_fen: int


@dataclass(frozen=True)
class TaxRate:
    """A dated rate in basis points of one category."""

    id: int
    category: str
    valid_from: date
    rate_bp: int


Levels = Mapping[int | None, int]


def check_prize(prize: Prize) -> None:
    """Refuse a prize rule that cannot be meant.

    Raises: InvalidTerms with the reason `no_places`, `places_overlap`, `amount` or `kind`.
    """
    if prize.kind == "places":
        if not prize.bands:
            raise InvalidTerms(reason="no_places")
        before = 0
        for band in sorted(prize.bands, key=lambda band: band.first):
            if band.first <= before or band.last < band.first or band.last > MAX_PLACES:
                raise InvalidTerms(reason="places_overlap")
            before = band.last
        if any(not 0 < band.each_fen <= MAX_FEN for band in prize.bands):
            raise InvalidTerms(reason="amount")
    elif prize.kind == "equal_split":
        if not 0 < prize.pot_fen <= MAX_FEN:
            raise InvalidTerms(reason="amount")
    else:
        raise InvalidTerms(reason="kind")


def check_tier(tier: Tier) -> None:
    """Refuse a bonus tier that cannot be meant.

    Raises: InvalidTerms with the reason `kind`, `amount` or `top_n`.
    """
    if tier.kind not in ("per_level", "all_levels", "top_n"):
        raise InvalidTerms(reason="kind")
    if not 0 < tier.amount_fen <= MAX_FEN:
        raise InvalidTerms(reason="amount")
    if (tier.kind == "top_n") != (tier.top_n is not None) or not 0 < (tier.top_n or 1) <= MAX_PLACES:
        raise InvalidTerms(reason="top_n")


def demand_fen(prizes: Sequence[Prize]) -> int:
    """Return the most that prize rules can ever give out, in fen."""
    return sum(
        prize.pot_fen
        if prize.kind == "equal_split"
        else sum(band.each_fen * (band.last - band.first + 1) for band in prize.bands)
        for prize in prizes
    )


def check_demand(prizes: Sequence[Prize], pool_fen: int) -> None:
    """Refuse prize rules that could give out more than the pool holds (M3).

    Raises: OverPool with `demand_fen`, `pool_fen` and `by_fen`.
    """
    demand = demand_fen(prizes)
    if demand > pool_fen:
        raise OverPool(demand_fen=demand, pool_fen=pool_fen, by_fen=demand - pool_fen)


def allocate(prizes: Sequence[Prize], rows: Sequence[Row], levels: Levels, pool_fen: int) -> Allocation:
    """Give out a prize pool over sealed standings.

    Places go by award rank: ineligible entrants and those with zero points use up no place. The prizes of tied places
    are pooled and divided equally, so nobody gets more than the largest of them.

    Args:
        prizes: the rules.
        rows: sealed standings of every board the rules name, in any order.
        levels: how many levels each board has; None is the whole competition.
        pool_fen: what was funded, in fen.

    Raises: OverPool when the rules could give out more than the pool.
    Source: US Chess Federation rule 32B3 (prizes of tied places); largest remainder for the last fen.
    """
    check_demand(prizes, pool_fen)
    boards = _boards(row for row in rows if _may_win(row))
    shares: list[Share] = []
    for prize in prizes:
        if prize.kind == "places":
            shares.extend(_places(prize.id, prize.bands, boards[prize.track_id]))
        else:
            shares.extend(_equal_split(prize, boards, levels))
    return _allocation(shares, pool_fen)


def allocate_bonuses(
    tiers: Sequence[Tier], rows: Sequence[Row], levels: Levels, enterprise_id: int, budget_fen: int
) -> Allocation:
    """Compute what an enterprise adds for its own people.

    `per_level` pays for each level cleared on the board. `all_levels` pays for clearing all of a track; for the whole
    competition, once for each track cleared. `top_n` pays the first n of its own people, ties pooled as for prizes.

    Args:
        tiers: the enterprise's tiers.
        rows: sealed standings of every board of the competition, in any order.
        levels: how many levels each board has; None is the whole competition.
        enterprise_id: its node; its people are those whose path contains it.
        budget_fen: what it set aside, in fen.

    Raises: OverBudget with `demand_fen`, `budget_fen` and `by_fen`.
    """
    boards = _boards(row for row in rows if _may_win(row) and enterprise_id in row.path)
    shares: list[Share] = []
    for tier in tiers:
        if tier.kind == "top_n":
            shares.extend(_places(tier.id, (Band(1, tier.top_n or 1, tier.amount_fen),), boards[tier.track_id]))
            continue
        times: dict[int, int] = {}
        if tier.kind == "per_level":
            times = {row.participation_id: row.levels_cleared for row in boards[tier.track_id]}
        else:
            for track_id in (
                [tier.track_id] if tier.track_id is not None else [key for key in levels if key is not None]
            ):
                for row in _cleared(boards[track_id], levels[track_id]):
                    times[row.participation_id] = times.get(row.participation_id, 0) + 1
        shares.extend(
            Share(tier.id, participation_id, None, tier.amount_fen * count)
            for participation_id, count in sorted(times.items())
            if count
        )
    demand = sum(share.gross_fen for share in shares)
    if demand > budget_fen:
        raise OverBudget(demand_fen=demand, budget_fen=budget_fen, by_fen=demand - budget_fen)
    return _allocation(shares, budget_fen)


def tax_fen(gross_fen: int, rate_bp: int) -> int:
    """Return the tax to withhold from a gross amount, half a fen rounded up; net is gross minus this (M9).

    Args:
        gross_fen: the award before tax, in fen.
        rate_bp: the rate in basis points, 2000 for 20 %.
    """
    return (gross_fen * rate_bp + 5000) // 10_000


def rate_on(rates: Sequence[TaxRate], category: str, day: date) -> TaxRate:
    """Choose the rate of a category in force on a day: the one that began last.

    Raises: NoTaxRule when none has begun.
    """
    begun = [rate for rate in rates if rate.category == category and rate.valid_from <= day]
    if not begun:
        raise NoTaxRule(category=category, day=day.isoformat())
    return max(begun, key=lambda rate: rate.valid_from)


def luhn(card_number: str) -> bool:
    """Say whether a card number of 12 to 19 digits ends in the right check digit.

    Source: ISO/IEC 7812-1, annex B.
    """
    if not (card_number.isascii() and card_number.isdigit() and 12 <= len(card_number) <= 19):
        return False
    digits = [int(digit) for digit in reversed(card_number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def mask_name(name: str) -> str:
    """Show the first character of a name and hide the rest, e.g. 王小明 as 王**."""
    return name[:1] + "*" * max(1, len(name) - 1)


def _may_win(row: Row) -> bool:
    return row.eligible and row.points > 0


def _boards(rows: Iterator[Row]) -> defaultdict[int | None, list[Row]]:
    boards: defaultdict[int | None, list[Row]] = defaultdict(list)
    for row in rows:
        boards[row.track_id].append(row)
    for board in boards.values():
        board.sort(key=lambda row: (row.rank, row.participation_id))
    return boards


def _places(origin_id: int, bands: Sequence[Band], board: Sequence[Row]) -> Iterator[Share]:
    place, last = 1, max(band.last for band in bands)
    for _, group in groupby(board, key=lambda row: row.rank):
        if place > last:
            return
        tied = list(group)
        end = place + len(tied) - 1
        pot = sum(band.each_fen * max(0, min(band.last, end) - max(band.first, place) + 1) for band in bands)
        for row, gross_fen in zip(tied, split_equally(pot, len(tied)), strict=True):
            if gross_fen:
                yield Share(origin_id, row.participation_id, place, gross_fen)
        place = end + 1


def _equal_split(prize: Prize, boards: Mapping[int | None, Sequence[Row]], levels: Levels) -> Iterator[Share]:
    board = boards[prize.track_id]
    if prize.track_id is None and prize.any_track:
        cleared = {
            row.participation_id
            for track_id, count in levels.items()
            if track_id is not None
            for row in _cleared(boards[track_id], count)
        }
        winners = [row for row in board if row.participation_id in cleared]
    else:
        winners = _cleared(board, levels[prize.track_id])
    if winners:
        for row, gross_fen in zip(winners, split_equally(prize.pot_fen, len(winners)), strict=True):
            if gross_fen:
                yield Share(prize.id, row.participation_id, None, gross_fen)


def _cleared(board: Sequence[Row], count: int) -> list[Row]:
    return [row for row in board if count and row.levels_cleared >= count]


def _allocation(shares: list[Share], pool_fen: int) -> Allocation:
    allocated = sum(share.gross_fen for share in shares)
    return Allocation(tuple(shares), allocated, pool_fen - allocated)
