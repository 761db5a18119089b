"""The order, its bytes, ties and masks, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard import rules
from leaderboard.rules import Place, SealedRow, deciding_step, mask_name, pack, ranks, unpack

# Few values each, so that ties at every step are common.
near = st.builds(
    Place,
    st.integers(0, 2),
    st.integers(-1, 2),
    st.integers(0, 2),
    st.integers(1_700_000_000_000_000, 1_700_000_000_000_002),
    st.integers(1, 10_000),
)
far = st.builds(
    Place,
    st.integers(0, 2**16 - 1),
    st.integers(-(2**39), 2**39 - 1),
    st.integers(0, 2**48 - 1),
    st.integers(0, 2**56 - 1),
    st.integers(0, 2**48 - 1),
)


@given(st.lists(st.one_of(near, far), unique_by=lambda place: place.participation_id))
def test_bytes_sort_like_the_published_order(places: list[Place]) -> None:
    plain = sorted(
        places,
        key=lambda one: (-one.levels_cleared, -one.points, one.elapsed_ms, one.reached_us, one.participation_id),
    )
    assert sorted(places, key=pack) == plain


@given(far)
def test_a_packed_row_reads_back_exactly(place: Place) -> None:
    assert unpack(pack(place)) == place
    assert len(pack(place)) == rules.KEY_BYTES + 6


@given(st.lists(near, unique_by=lambda place: place.participation_id), st.integers(0, 50), st.integers(1, 50))
def test_any_stretch_of_a_board_gives_each_row_the_number_strictly_better_plus_one(
    places: list[Place], start: int, size: int
) -> None:
    ordered = sorted(places, key=pack)
    stretch = ordered[start : start + size]
    better = sum(one.order < stretch[0].order for one in ordered) if stretch else 0
    expected = [1 + sum(one.order < place.order for one in ordered) for place in stretch]
    assert ranks(stretch, start, better) == expected


@given(near, near)
def test_the_deciding_step_is_the_first_that_differs_and_none_means_a_shared_rank(mine: Place, other: Place) -> None:
    step = deciding_step(mine, other)
    if step is None:
        assert mine.order == other.order
        return
    names = ["levels_cleared", "points", "elapsed_ms", "reached_at"]
    at = names.index(step.name)
    assert mine.order[:at] == other.order[:at]
    assert mine.order[at] != other.order[at]
    assert (step.mine, step.other) == (mine[at], other[at])


@pytest.mark.parametrize(
    "place",
    [
        Place(2**16, 0, 0, 0, 1),
        Place(0, 2**39, 0, 0, 1),
        Place(0, -(2**39) - 1, 0, 0, 1),
        Place(0, 0, -1, 0, 1),
        Place(0, 0, 0, -1, 1),
        Place(0, 0, 0, 0, 2**48),
    ],
)
def test_a_number_that_does_not_fit_is_refused_instead_of_misplaced(place: Place) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pack(place)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王小明", "王*明"),
        ("王明", "王*"),
        ("王", "王*"),  # a single character must not stand there as if it were the whole name in full
        ("欧阳小明", "欧**明"),
        ("阿不都热合曼·买买提", "阿*·买*"),
        ("迪丽热巴•迪力木拉提", "迪*•迪*"),  # another dot in use
        ("John Smith", "J* S*"),
        ("Madonna", "M*"),
        ("Élodie", "É*"),
        ("王 小明", "王* 小*"),  # somebody typed a space
        ("𬱖氏", "𬱖*"),  # outside the basic plane
        ("葛\U000e0100城明", "葛\U000e0100*明"),  # a variation selector belongs to its character
        ("  王小明 ", "王*明"),
        ("", "*"),
        ("··", "*"),
    ],
)
def test_names_are_masked_as_readers_expect(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@given(st.text(min_size=1, max_size=20))
def test_a_masked_name_never_shows_a_name_of_two_letters_or_more_in_full(name: str) -> None:
    assert "*" in mask_name(name)


def test_a_participation_stands_on_the_boards_from_the_competitions_node_down() -> None:
    assert rules.nodes_of([1, 4, 9, 12], 1) == [1, 4, 9, 12]
    assert rules.nodes_of([1, 4, 9, 12], 9) == [9, 12]
    assert rules.nodes_of([2, 5], 9) == [9]


def test_a_seal_hashes_documented_lines() -> None:
    moment = rules.microseconds(datetime(2026, 11, 23, 6, 5, 4, 3, tzinfo=UTC))
    row = SealedRow(0, 1, 7, 5, 480, 61_002, moment, True, [1, 4, 9])
    assert rules.seal_head(3) + rules.seal_line(row) == ("biwu-seal-1|3\n0|1|7|5|480|61002|1795413904000003|1|1/4/9\n")
    # printf 'biwu-seal-1|3\n0|1|7|5|480|61002|1795413904000003|1|1/4/9\n' | sha256sum
    assert rules.seal_hash(3, [row]) == "22286aaf674d694dca98ade6405b70e0f06efc8808d87bb0e71ab10e8172ccf5"


def test_sealed_rows_are_ranked_like_boards_and_carry_what_was_sealed() -> None:
    scored = [(0, Place(1, 10, 5, 5, 2)), (0, Place(1, 10, 5, 5, 1)), (0, Place(2, 0, 9, 9, 3))]
    rows = rules.seal_rows(scored, {1: (True, [1]), 3: (True, [1])})
    assert [(row.rank, row.participation_id, row.eligible) for row in rows] == [
        (1, 3, True),
        (2, 1, True),
        (2, 2, False),
    ]
