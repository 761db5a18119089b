"""Case groups, topic trees and equally hard papers, without a database."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questions.errors import BlueprintUnfillable
from questions.rules import (
    CASE,
    CASE_SIZE,
    Bank,
    BlueprintRow,
    Version,
    draw,
    highest_exposure,
    row_exposures,
)


def version(id_: int, topic: str = "arc", difficulty: int = 3, case: str | None = None) -> Version:
    options = tuple({"id": one, "zh": one, "en": one} for one in "abc")
    group = {"code": case, "stem": {"zh": "", "en": ""}} if case else None
    return Version(
        id_, "single", topic, difficulty, {}, options, {"options": ["a"]}, {}, {}, case=group, question_id=id_
    )


PARENTS = {"gas": "safety", "arc": "safety", "bottles": "gas"}
LONE = [version(number, ("arc", "gas", "bottles", "other")[number % 4], number % 5 + 1) for number in range(1, 61)]
GROUPS = [version(100 + 3 * group + place, case=f"case-{group}") for group in range(5) for place in range(CASE_SIZE)]
BANK = Bank([*LONE, *GROUPS], PARENTS)


def test_a_topic_stands_for_all_topics_under_it() -> None:
    counts = {topic: BANK.count(BlueprintRow(1, 1, topic=topic)) for topic in ("safety", "gas", "bottles", "other")}
    assert counts == {"safety": 45, "gas": 30, "bottles": 15, "other": 15}


@given(st.integers(0, 10_000))
def test_a_case_group_is_drawn_whole_together_and_in_its_order(seed: int) -> None:
    paper = [
        item.version for item in draw([BlueprintRow(2, 5, type=CASE), BlueprintRow(6, 5)], BANK, random.Random(seed))
    ]
    assert len(paper) == 2 * CASE_SIZE + 6
    starts = [place for place, id_ in enumerate(paper) if id_ >= 100 and (id_ - 100) % CASE_SIZE == 0]
    assert len(starts) == 2
    for place in starts:
        assert paper[place : place + CASE_SIZE] == [paper[place] + step for step in range(CASE_SIZE)]


def test_each_question_of_a_case_group_knows_its_place_there_in_whichever_wording() -> None:
    bank = Bank([*LONE, *GROUPS])
    assert [bank.place_in_case(one) for one in GROUPS[:3]] == [(1, 3), (2, 3), (3, 3)]
    assert bank.place_in_case(replace(GROUPS[1], id=999)) == (2, 3)
    assert bank.place_in_case(LONE[0]) is None


def test_items_of_a_case_group_are_never_drawn_alone() -> None:
    for seed in range(100):
        assert all(item.version < 100 for item in draw([BlueprintRow(20, 1)], BANK, random.Random(seed)))


def test_a_case_group_that_lacks_a_question_is_not_drawn() -> None:
    with pytest.raises(BlueprintUnfillable):
        draw([BlueprintRow(1, 1, type=CASE)], Bank(GROUPS[:2]), random.Random(1))


def bank_of(sizes: dict[int, int]) -> Bank:
    levels = [difficulty for difficulty, size in sizes.items() for _ in range(size)]
    return Bank([version(number, difficulty=difficulty) for number, difficulty in enumerate(levels, 1)])


@given(st.dictionaries(st.integers(1, 5), st.integers(1, 40), min_size=1), st.data())
def test_a_row_draws_each_difficulty_in_proportion_but_for_the_places_left_over(
    sizes: dict[int, int], data: st.DataObject
) -> None:
    total = sum(sizes.values())
    count = data.draw(st.integers(1, total))
    plan = bank_of(sizes).plan([BlueprintRow(count, 5)])
    chosen = plan.choose(random.Random(data.draw(st.integers())))[0]
    assert sum(chosen.values()) == count
    left = count - sum(size * count // total for size in sizes.values())
    for difficulty, size in sizes.items():
        assert size * count // total <= chosen[difficulty] <= min(size, size * count // total + left)


ROWS_APART = st.lists(
    st.tuples(
        st.integers(1, 4), st.integers(1, 6), st.dictionaries(st.integers(1, 5), st.integers(1, 9), min_size=1)
    ).filter(lambda row: row[0] <= sum(row[2].values())),
    min_size=1,
    max_size=4,
)


@given(ROWS_APART, st.integers())
def test_every_paper_has_the_difficulty_of_the_plan(rows: list[tuple[int, int, dict[int, int]]], seed: int) -> None:
    questions: list[Version] = []
    for topic, (_, _, sizes) in enumerate(rows):
        for difficulty, size in sizes.items():
            start = len(questions) + 1
            questions += [version(number, str(topic), difficulty) for number in range(start, start + size)]
    bank = Bank(questions)
    blueprint = [BlueprintRow(count, points, topic=str(topic)) for topic, (count, points, _) in enumerate(rows)]
    chance = random.Random(seed)
    for _ in range(5):
        paper = draw(blueprint, bank, chance)
        points = sum(item.points * questions[item.version - 1].difficulty for item in paper)
        assert points == bank.plan(blueprint).difficulty


def test_a_row_too_short_for_all_difficulties_still_uses_them_all_equally() -> None:
    bank = bank_of(dict.fromkeys(range(1, 6), 4))
    blueprint = [BlueprintRow(2, 5)]  # {1, 5}, {2, 4} and {3, 3} are equally hard
    drawn = Counter(item.version for seed in range(4000) for item in draw(blueprint, bank, random.Random(seed)))
    assert {row.exposure for row in row_exposures(blueprint, bank, None)} == {Fraction(1, 10)}
    assert len(drawn) == 20
    assert all(300 < count < 500 for count in drawn.values())


BLUEPRINT = [BlueprintRow(7, 5, topic="safety"), BlueprintRow(3, 5, topic="other")]


def test_exposure_tells_what_is_missing_under_a_cap() -> None:
    blueprint = [BlueprintRow(6, 5, difficulty=2)]
    (row,) = row_exposures(blueprint, BANK, cap_percent=25)
    assert (int(row.drawn), row.candidates, row.exposure, row.missing) == (6, 12, Fraction(1, 2), 12)
    assert highest_exposure(blueprint, BANK) == Fraction(1, 2)
    assert row_exposures(blueprint, BANK, None)[0].missing == 0


ROWS = st.builds(
    BlueprintRow,
    st.integers(1, 3),
    st.just(5),
    topic=st.sampled_from([None, "safety", "gas", "other"]),
    difficulty=st.sampled_from([None, None, 2, 3]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_no_item_is_drawn_more_often_than_the_highest_exposure_says(blueprint: list[BlueprintRow]) -> None:
    papers = 400
    try:
        drawn = Counter(item.version for seed in range(papers) for item in draw(blueprint, BANK, random.Random(seed)))
    except BlueprintUnfillable:
        return
    bound = float(highest_exposure(blueprint, BANK))
    four_deviations = 4 * (max(bound * (1 - bound), 1 / papers) / papers) ** 0.5
    assert max(drawn.values()) / papers <= bound + four_deviations
