"""The rules of levels, attempts and standings, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitions import rules
from competitions.rules import More, StandingRow, Try

START = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
FAR = START + timedelta(days=10)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("why", "closes_at", "adjustments", "expected"),
    [
        ("the limit alone", FAR, [], START + 10 * MINUTE),
        ("the competition ends before the limit", START + 4 * MINUTE, [], START + 4 * MINUTE),
        ("a factor scales the limit", FAR, [More(factor_percent=150)], START + 15 * MINUTE),
        (
            "the most lenient factor counts",
            FAR,
            [More(factor_percent=125), More(factor_percent=200)],
            START + 20 * MINUTE,
        ),
        ("extensions add up", FAR, [More(seconds=60), More(seconds=120)], START + 13 * MINUTE),
        ("a factor and an extension", FAR, [More(factor_percent=150), More(seconds=60)], START + 16 * MINUTE),
        ("more time moves this person's end too", START + 4 * MINUTE, [More(seconds=60)], START + 5 * MINUTE),
        ("a factor moves this person's end too", START + 4 * MINUTE, [More(factor_percent=200)], START + 14 * MINUTE),
    ],
)
def test_the_deadline_is_the_earlier_of_limit_and_end_with_all_adjustments_added(
    why: str, closes_at: datetime, adjustments: list[More], expected: datetime
) -> None:
    assert rules.deadline(START, 600, closes_at, adjustments) == expected, why


@pytest.mark.parametrize(
    ("total", "per_day", "ages_in_hours", "expected"),
    [
        (None, None, [1, 2, 3], None),
        (3, None, [1, 2], None),
        (3, None, [1, 2, 3], "total"),
        (None, 2, [1, 2], "day"),
        (None, 2, [1, 30], None),  # one of the two was yesterday
        (2, 5, [1, 30], "total"),
    ],
)
def test_tries_are_limited_in_total_and_by_the_day_in_china(
    total: int | None, per_day: int | None, ages_in_hours: list[int], expected: str | None
) -> None:
    now = datetime(2026, 5, 3, 15, 0, tzinfo=UTC)  # 23:00 in China
    starts = [now - timedelta(hours=age) for age in ages_in_hours]
    assert rules.tries_refusal(total, per_day, starts, now) == expected


def test_the_day_of_tries_begins_at_midnight_in_china() -> None:
    before = datetime(2026, 5, 3, 15, 59, tzinfo=UTC)
    after = datetime(2026, 5, 3, 16, 1, tzinfo=UTC)
    assert rules.tries_refusal(None, 1, [before], before) == "day"
    assert rules.tries_refusal(None, 1, [before], after) is None


def a_try(level: int, points: int, elapsed: int = 1000, minute: int = 0, track: int = 1) -> Try:
    return Try(level, track, points, elapsed, START + minute * MINUTE, points >= 20)


@pytest.mark.parametrize(
    ("why", "tries", "best"),
    [
        ("most points", [a_try(1, 20), a_try(1, 30, 9000)], a_try(1, 30, 9000)),
        ("then the shorter time", [a_try(1, 30, 900, 5), a_try(1, 30, 800, 9)], a_try(1, 30, 800, 9)),
        ("then the earlier", [a_try(1, 30, 900, 9), a_try(1, 30, 900, 5)], a_try(1, 30, 900, 5)),
    ],
)
def test_the_best_try_counts(why: str, tries: list[Try], best: Try) -> None:
    assert rules.counted_tries(tries) == {1: best}, why


def test_a_fold_gives_one_row_a_track_and_one_for_the_whole() -> None:
    rows = rules.fold_standings(
        [a_try(1, 30, 100, 1), a_try(2, 10, 200, 2), a_try(7, 20, 400, 9, track=2), a_try(1, 20, 50, 3)]
    )
    assert rows == [
        StandingRow(None, 2, 60, 700, START + 9 * MINUTE),
        StandingRow(1, 1, 40, 300, START + 2 * MINUTE),
        StandingRow(2, 1, 20, 400, START + 9 * MINUTE),
    ]


def test_a_try_worth_nothing_never_moves_the_time_a_standing_was_reached() -> None:
    first = rules.fold_standings([a_try(1, 30, 100, 1)])
    then = rules.fold_standings([a_try(1, 30, 100, 1), a_try(2, 0, 5, 60)])
    assert then[0].reached_at == first[0].reached_at
    assert then[0].elapsed_ms == first[0].elapsed_ms


@given(
    st.lists(
        st.builds(
            a_try, st.integers(1, 4), st.integers(0, 3).map(lambda n: n * 10), st.integers(1, 5), st.integers(0, 9)
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_fold_does_not_depend_on_the_order_of_tries(tries: list[Try], chance: object) -> None:
    shuffled = list(tries)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rules.fold_standings(shuffled) == rules.fold_standings(tries)


@pytest.mark.parametrize(("points", "stars"), [(0, 0), (59, 0), (60, 1), (79, 1), (80, 2), (99, 2), (100, 3)])
def test_stars_run_from_cleared_to_full_marks(points: int, stars: int) -> None:
    assert rules.stars(points, 60, 100) == stars


def test_an_attempt_is_not_due_while_a_save_received_in_time_may_still_be_committed() -> None:
    assert not rules.is_due(START, START + rules.GRACE + rules.SETTLE)
    assert rules.is_due(START, START + rules.GRACE + rules.SETTLE + timedelta(microseconds=1))


def test_the_answers_hash_is_the_documented_bytes() -> None:
    import hashlib

    expected = hashlib.sha256(b'[7,[[1,["a"]],[3,true]]]').hexdigest()
    assert rules.answers_hash(7, {3: True, 1: ["a"], 2: None}) == expected
