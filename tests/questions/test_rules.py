"""Drawing and marking, without a database."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import pytest

from questions import rules
from questions.errors import BlueprintUnfillable
from questions.rules import Bank, BlueprintRow, PaperItem, Version


def a_version(id_: int, type_: str = "single", key: dict[str, Any] | None = None, **changes: Any) -> Version:
    options = tuple({"id": one, "zh": one, "en": one} for one in "abcd") if type_ in ("single", "multiple") else ()
    values: dict[str, Any] = {"topic": f"t{id_ % 5}", "difficulty": id_ % 5 + 1, **changes}
    return Version(id_, type_, values["topic"], values["difficulty"], {}, options, key or {"options": ["a"]}, {}, {})


FIRST_TYPES = ("single", "multiple", "true_false")
BANK = Bank([a_version(id_, FIRST_TYPES[id_ % 3]) for id_ in range(1, 1001)])


def test_the_same_seed_draws_the_same_paper_and_another_seed_another() -> None:
    blueprint = [BlueprintRow(10, 5), BlueprintRow(10, 5, difficulty=3)]
    papers = [rules.draw(blueprint, BANK, random.Random(seed)) for seed in (1, 1, 2)]
    assert papers[0] == papers[1] != papers[2]


def test_every_row_is_filled_with_distinct_questions_of_its_kind() -> None:
    blueprint = [BlueprintRow(8, 5, topic="t2"), BlueprintRow(7, 3), BlueprintRow(5, 2, type="multiple", difficulty=4)]
    paper = rules.draw(blueprint, BANK, random.Random(7))
    assert len({item.version for item in paper}) == 20
    assert Counter(item.points for item in paper) == {5: 8, 3: 7, 2: 5}
    kinds = {version.id: version for version in BANK.versions}
    assert all(kinds[item.version].topic == "t2" for item in paper if item.points == 5)
    assert all(
        (kinds[item.version].type, kinds[item.version].difficulty) == ("multiple", 4)
        for item in paper
        if item.points == 2
    )


def test_a_general_row_leaves_a_narrow_one_what_it_needs() -> None:
    bank = Bank([a_version(1, topic="rare"), a_version(2, topic="common")])
    for seed in range(50):
        paper = rules.draw([BlueprintRow(1, 1), BlueprintRow(1, 2, topic="rare")], bank, random.Random(seed))
        assert {item.version: item.points for item in paper} == {1: 2, 2: 1}


def test_a_row_the_bank_cannot_fill_is_named() -> None:
    with pytest.raises(BlueprintUnfillable) as refused:
        rules.draw([BlueprintRow(1, 1), BlueprintRow(3, 1, topic="none")], BANK, random.Random(1))
    assert refused.value.details == {"row": 2, "wanted": 3, "found": 0}


def test_options_are_shuffled_by_id_and_none_is_lost() -> None:
    orders = {
        item.options
        for seed in range(40)
        for item in rules.draw([BlueprintRow(1, 1, type="single")], BANK, random.Random(seed))
    }
    assert len(orders) > 5
    assert all(sorted(order) == list("abcd") for order in orders)


def test_drawing_20_from_1000_costs_less_than_5_ms() -> None:
    blueprint = [BlueprintRow(5, 5, difficulty=n) for n in (1, 2, 3, 4)]
    took = []
    for seed in range(20):
        began = time.perf_counter()
        rules.draw(blueprint, Bank(BANK.versions), random.Random(seed))
        took.append(time.perf_counter() - began)
    assert min(took) < 0.005  # the others may have had to wait for a processor


CHOICE = a_version(1, "multiple", {"options": ["a", "c"]})
NUMBER = a_version(2, "numeric", {"value": "12.5", "tolerance": "0.1", "unit": {"zh": "A", "en": "A"}})
WORD = a_version(3, "fill_in", {"accepted": ["氩气", "Argon"]})
TRUTH = a_version(4, "true_false", {"truth": False})


@pytest.mark.parametrize(
    ("version", "value", "right"),
    [
        (CHOICE, ["c", "a"], True),  # the order of ticks means nothing
        (CHOICE, ["a"], False),
        (CHOICE, ["a", "b", "c"], False),
        (CHOICE, None, False),
        (NUMBER, "12.5", True),
        (NUMBER, "12.60", True),  # the tolerance includes its ends
        (NUMBER, "12.61", False),
        (NUMBER, "１２．４", True),  # full-width digits of a Chinese keyboard
        (NUMBER, " 12.5 ", True),
        (NUMBER, "1.25e1", False),
        (NUMBER, "twelve", False),
        (NUMBER, "", False),
        (a_version(5, "numeric", {"value": "700000", "tolerance": "0", "unit": {}}), "700,000", True),
        (a_version(5, "numeric", {"value": "700000", "tolerance": "0", "unit": {}}), "7,00000", False),
        (a_version(5, "numeric", {"value": "0.3", "tolerance": "0.1", "unit": {}}), "0.4", True),  # exact decimals
        (WORD, "氩 气", True),
        (WORD, "ＡＲＧＯＮ", True),
        (WORD, "氮气", False),
        (TRUTH, False, True),
        (TRUTH, True, False),
        (TRUTH, None, False),
    ],
)
def test_an_answer_is_right_exactly_when_it_matches_the_key(version: Version, value: rules.Value, right: bool) -> None:
    assert rules.is_right(version, PaperItem(version.id, (), 5), value) is right


@pytest.mark.parametrize(
    ("type_", "value", "acceptable"),
    [
        ("single", ["a"], True),
        ("single", ["a", "b"], False),
        ("single", [], False),
        ("single", ["z"], False),
        ("multiple", ["a", "b"], True),
        ("multiple", ["a", "a"], False),
        ("true_false", True, True),
        ("true_false", "true", False),
        ("fill_in", "x" * 200, True),
        ("fill_in", "x" * 201, False),
        ("numeric", ["a"], False),
        ("numeric", None, True),
    ],
)
def test_only_a_value_of_the_questions_shape_is_taken(type_: str, value: rules.Value, acceptable: bool) -> None:
    version = Version(1, type_, "t", 1, {}, CHOICE.options, {"options": ["a"]}, {}, {})
    assert rules.is_acceptable(version, value) is acceptable
