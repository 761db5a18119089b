"""Who wins how much, in tables and by properties; no database."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import split
from payouts import rules
from payouts.errors import InvalidTerms, NoTaxRule, OverBudget, OverPool
from payouts.rules import Band, Prize, Row, Share, Tier

MINE, OTHERS = 7, 8


def row(participation_id: int, rank: int, **changes: object) -> Row:
    """A row of track 1 that cleared its two levels."""
    values: dict[str, object] = {"track_id": 1, "levels_cleared": 2, "points": 10, "eligible": True, "path": (1, MINE)}
    return Row(participation_id, rank=rank, **(values | changes))  # type: ignore[arg-type]


def places(*bands: tuple[int, int, int]) -> Prize:
    """A rule of places on track 1."""
    return Prize(1, 1, "places", tuple(Band(*band) for band in bands))


def given_out(prize: Prize, rows: list[Row], pool: int = 1000) -> dict[int, int]:
    """What each participation gets."""
    shares = rules.allocate([prize], rows, {1: 2, None: 2}, pool).shares
    return {share.participation_id: share.gross_fen for share in shares}


@pytest.mark.parametrize(
    ("why", "prize", "rows", "expected"),
    [
        (
            "no tie",
            places((1, 1, 100), (2, 3, 50)),
            [row(1, 1), row(2, 2), row(3, 3), row(4, 4)],
            {1: 100, 2: 50, 3: 50},
        ),
        ("two share first and second", places((1, 1, 100), (2, 2, 50)), [row(1, 1), row(2, 1)], {1: 75, 2: 75}),
        (
            "a tie at the last place shares it",
            places((1, 1, 100), (2, 2, 50)),
            [row(1, 1), row(2, 2), row(3, 2), row(4, 2)],
            {1: 100, 2: 17, 3: 17, 4: 16},
        ),
        (
            "the ineligible use up no place",
            places((1, 1, 100), (2, 2, 50)),
            [row(1, 1, eligible=False), row(2, 2), row(3, 3)],
            {2: 100, 3: 50},
        ),
        ("zero points win nothing", places((1, 2, 50)), [row(1, 1), row(2, 2, points=0)], {1: 50}),
        ("fewer people than places", places((1, 5, 10)), [row(1, 1)], {1: 10}),
        ("a gap between bands", places((1, 1, 9), (3, 3, 3)), [row(1, 1), row(2, 2), row(3, 3)], {1: 9, 3: 3}),
        ("another board's rows", places((1, 1, 9)), [row(1, 1, track_id=2)], {}),
        (
            "equal split in rank order, the odd fen to the first",
            Prize(1, 1, "equal_split", pot_fen=100),
            [row(9, 2), row(5, 1), row(6, 2)],
            {5: 34, 6: 33, 9: 33},
        ),
        (
            "only who cleared every level",
            Prize(1, 1, "equal_split", pot_fen=100),
            [row(1, 1), row(2, 2, levels_cleared=1)],
            {1: 100},
        ),
        ("nobody cleared", Prize(1, 1, "equal_split", pot_fen=100), [row(1, 1, levels_cleared=1)], {}),
    ],
)
def test_a_prize_goes_to_whom_the_rule_says(why: str, prize: Prize, rows: list[Row], expected: dict[int, int]) -> None:
    assert given_out(prize, rows) == expected, why


def test_the_real_events_pool_splits_over_its_finishers_to_the_last_fen() -> None:
    """2017: 140,000 yuan over 2,071 people who cleared every level."""
    rows = [row(number, number) for number in range(1, 2072)]
    won = given_out(Prize(1, 1, "equal_split", pot_fen=14_000_000), rows, 14_000_000)
    assert sum(won.values()) == 14_000_000
    assert sorted(set(won.values())) == [6760, 6761] or sorted(set(won.values())) == [6760]


def test_a_whole_track_is_enough_where_the_rule_says_any_track() -> None:
    rows = [
        row(1, 1, track_id=None, levels_cleared=2),
        row(2, 2, track_id=None, levels_cleared=3),
        row(1, 1, track_id=1, levels_cleared=2),
        row(2, 2, track_id=1, levels_cleared=1),
        row(2, 1, track_id=2, levels_cleared=2),
    ]
    levels = {None: 5, 1: 2, 2: 3}
    strict = Prize(1, None, "equal_split", pot_fen=10)
    assert rules.allocate([strict], rows, levels, 10).unallocated_fen == 10
    loose = Prize(1, None, "equal_split", pot_fen=10, any_track=True)
    assert rules.allocate([loose], rows, levels, 10).shares == (Share(1, 1, None, 10),)


rows_of_a_board = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 3), st.integers(0, 2)), max_size=14
).map(
    lambda values: [
        row(number, rank, eligible=eligible, points=points, levels_cleared=cleared)
        for number, (rank, eligible, points, cleared) in enumerate(values, 1)
    ]
)
bands = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9999)), min_size=1, max_size=5).map(
    lambda steps: tuple(
        Band(sum(size for size, _ in steps[:index]) + 1, sum(size for size, _ in steps[: index + 1]), each)
        for index, (_, each) in enumerate(steps)
    )
)
prizes = st.one_of(
    bands.map(lambda found: Prize(1, 1, "places", found)),
    st.integers(1, 99999).map(lambda pot: Prize(2, 1, "equal_split", pot_fen=pot)),
)


@given(st.lists(prizes, max_size=3), rows_of_a_board, st.integers(0, 500))
def test_m8_allocated_and_unallocated_are_the_pool_whatever_the_ties(
    some: list[Prize], rows: list[Row], spare: int
) -> None:
    """Would catch rounding each share by itself."""
    pool = rules.demand_fen(some) + spare
    done = rules.allocate(some, rows, {1: 2, None: 2}, pool)
    assert done.allocated_fen + done.unallocated_fen == pool
    assert sum(share.gross_fen for share in done.shares) == done.allocated_fen
    assert done.unallocated_fen >= spare
    eligible = {one.participation_id for one in rows if one.eligible and one.points}
    assert {share.participation_id for share in done.shares} <= eligible


@given(bands, rows_of_a_board)
def test_a_tied_person_never_gets_more_than_the_largest_or_less_than_the_smallest_of_the_tied_places(
    found: tuple[Band, ...], rows: list[Row]
) -> None:
    prize = Prize(1, 1, "places", found)
    won = given_out(prize, rows, rules.demand_fen([prize]))
    worth = [each for band in found for each in [band.each_fen] * (band.last - band.first + 1)] + [0] * 20
    place = 0
    for rank in sorted({one.rank for one in rows}):
        tied = [one.participation_id for one in rows if one.rank == rank and one.eligible and one.points]
        prizes_here = worth[place : place + len(tied)]
        for participation_id in tied:
            assert min(prizes_here) <= won.get(participation_id, 0) <= max(prizes_here)
        assert sum(won.get(one, 0) for one in tied) == sum(prizes_here)
        place += len(tied)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 1000), min_size=1, max_size=50).filter(any))
def test_m8_a_split_sums_to_the_pot_and_is_within_a_fen_of_exact(pot: int, weights: list[int]) -> None:
    parts = split(pot, weights)
    assert sum(parts) == pot
    assert all(
        abs(part * sum(weights) - pot * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


def test_m3_rules_that_could_give_out_more_than_the_pool_are_refused_by_how_much() -> None:
    with pytest.raises(OverPool) as refused:
        rules.allocate([places((1, 3, 100))], [], {1: 2}, 299)
    assert refused.value.details == {"demand_fen": 300, "pool_fen": 299, "by_fen": 1}


@pytest.mark.parametrize(
    ("prize", "reason"),
    [
        (Prize(1, 1, "places"), "no_places"),
        (places((1, 2, 5), (2, 3, 4)), "places_overlap"),
        (places((2, 1, 5)), "places_overlap"),
        (places((0, 1, 5)), "places_overlap"),
        (places((1, 1, 0)), "amount"),
        (Prize(1, 1, "equal_split"), "amount"),
        (Prize(1, 1, "lottery"), "kind"),
    ],
)
def test_a_prize_rule_that_cannot_be_meant_is_refused(prize: Prize, reason: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        rules.check_prize(prize)
    assert refused.value.details["reason"] == reason


@pytest.mark.parametrize(
    ("tier", "reason"),
    [
        (Tier(1, None, "per_level", 0), "amount"),
        (Tier(1, None, "top_n", 5), "top_n"),
        (Tier(1, None, "per_level", 5, 3), "top_n"),
        (Tier(1, None, "raffle", 5), "kind"),
    ],
)
def test_a_bonus_tier_that_cannot_be_meant_is_refused(tier: Tier, reason: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        rules.check_tier(tier)
    assert refused.value.details["reason"] == reason


BONUS_ROWS = [
    row(1, 1, path=(1, OTHERS)),
    row(2, 2),
    row(3, 3, levels_cleared=1),
    row(4, 3, eligible=False),
    row(2, 2, track_id=None, levels_cleared=3),
    row(3, 3, track_id=None, levels_cleared=1),
    row(1, 1, track_id=None, levels_cleared=5, path=(1, OTHERS)),
    row(2, 5, track_id=2, levels_cleared=1),
]


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (Tier(1, 1, "per_level", 10), {2: 20, 3: 10}),
        (Tier(1, None, "per_level", 10), {2: 30, 3: 10}),
        (Tier(1, 1, "all_levels", 10), {2: 10}),
        (Tier(1, None, "all_levels", 10), {2: 20}),
        (Tier(1, 1, "top_n", 10, 1), {2: 10}),
        (Tier(1, 1, "top_n", 10, 9), {2: 10, 3: 10}),
    ],
)
def test_a_bonus_goes_to_the_enterprises_own_eligible_people(tier: Tier, expected: dict[int, int]) -> None:
    done = rules.allocate_bonuses([tier], BONUS_ROWS, {None: 3, 1: 2, 2: 1}, MINE, 1000)
    assert {share.participation_id: share.gross_fen for share in done.shares} == expected
    assert done.allocated_fen + done.unallocated_fen == 1000


def test_m3_bonuses_over_the_budget_are_refused_by_how_much() -> None:
    with pytest.raises(OverBudget) as refused:
        rules.allocate_bonuses([Tier(1, 1, "per_level", 10)], BONUS_ROWS, {None: 2, 1: 2}, MINE, 29)
    assert refused.value.details["by_fen"] == 1


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [(100_000, 2000, 20_000), (1, 2000, 0), (2, 2000, 0), (3, 2000, 1), (5, 1000, 1), (4, 1000, 0), (99, 0, 0)],
)
def test_m9_tax_is_the_rate_with_half_a_fen_rounded_up(gross: int, rate: int, tax: int) -> None:
    assert rules.tax_fen(gross, rate) == tax


@given(st.integers(1, 10**12), st.integers(0, 10_000))
def test_m9_net_and_tax_are_never_negative_and_sum_to_gross(gross: int, rate: int) -> None:
    assert 0 <= rules.tax_fen(gross, rate) <= gross


def test_m9_the_rate_is_the_one_in_force_on_the_day() -> None:
    rates = [
        rules.TaxRate(1, "incidental", date(2019, 1, 1), 2000),
        rules.TaxRate(2, "incidental", date(2030, 1, 1), 1000),
        rules.TaxRate(3, "wages", date(2025, 1, 1), 0),
    ]
    assert [rules.rate_on(rates, "incidental", day).id for day in (date(2029, 12, 31), date(2030, 1, 1))] == [1, 2]
    with pytest.raises(NoTaxRule):
        rules.rate_on(rates, "wages", date(2024, 12, 31))


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("6222021234567890", False),
        ("4111111111111111", True),
        ("41111111111111", False),
        ("４１１１１１１１１１１１１１１１", False),
    ],
)
def test_a_card_number_is_right_when_its_check_digit_is(number: str, right: bool) -> None:
    assert rules.luhn(number) is right


@given(st.text("0123456789", min_size=11, max_size=18), st.data())
def test_one_wrong_digit_is_always_seen(body: str, data: st.DataObject) -> None:
    number = next(body + digit for digit in "0123456789" if rules.luhn(body + digit))
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert not rules.luhn(number[:place] + other + number[place + 1 :])


@given(rows_of_a_board)
def test_an_equal_split_gives_the_better_ranked_never_less(rows: list[Row]) -> None:
    won = given_out(Prize(1, 1, "equal_split", pot_fen=997), rows)
    shares = [
        won[one.participation_id]
        for one in sorted(rows, key=lambda one: (one.rank, one.participation_id))
        if one.participation_id in won
    ]
    assert all(first >= second for first, second in pairwise(shares))


@pytest.mark.parametrize(("name", "masked"), [("王小明", "王**"), ("李雷", "李*"), ("单", "单*")])
def test_a_masked_name_shows_its_first_character(name: str, masked: str) -> None:
    assert rules.mask_name(name) == masked
