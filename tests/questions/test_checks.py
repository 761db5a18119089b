"""Each fault that an examiner would not let pass, planted alone in a bank that is otherwise good."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from questions import checks
from questions.rules import TYPES
from questions.services import check_banks, find_problems, read_banks

CONTENT = Path(__file__).parents[2] / "content"


def test_the_five_banks_have_no_problem() -> None:
    assert check_banks(CONTENT) == []


def test_every_bank_uses_every_type_and_sixty_items_or_more_are_parametrised() -> None:
    _trades, banks = read_banks(CONTENT)
    questions = [question for bank in banks.values() for question in bank["questions"]]
    assert len(banks) == 5
    assert all({one["type"] for one in bank["questions"]} == set(TYPES) for bank in banks.values())
    assert sum("variables" in question for question in questions) >= 60
    assert sum("case" in question for question in questions) >= 5 * 9
    assert {one["difficulty"] for one in questions} == {1, 2, 3, 4, 5}


@pytest.fixture(scope="module")
def welding() -> dict[str, Any]:
    return dict(read_banks(CONTENT)[1][CONTENT / "welding.yaml"])


def first(bank: dict[str, Any], type_: str) -> dict[str, Any]:
    return dict(next(one for one in bank["questions"] if one["type"] == type_))


def spoil(bank: dict[str, Any], type_: str, **changes: Any) -> dict[str, Any]:
    """The bank with its first question of a type changed."""
    spoilt = copy.deepcopy(bank)
    next(one for one in spoilt["questions"] if one["type"] == type_).update(changes)
    return spoilt


@pytest.mark.parametrize(
    ("type_", "changes", "said"),
    [
        ("single", {"key": ["z"]}, "exactly one right option"),
        ("multiple", {"key": ["a"]}, "two or more right options"),
        ("multiple", {"credit": "some"}, "credit rule some is not one of"),
        ("true_false", {"key": "yes"}, "must be true or false"),
        ("ordering", {"key": ["a"]}, "name every step once"),
        ("matching", {"key": {}}, "its partner on the right"),
        ("single", {"topic": "nowhere"}, "The topic is not one of"),
        ("single", {"difficulty": 6}, "not a number from 1 to 5"),
        ("single", {"source": {"zh": "书"}}, "The source has no English text"),
        ("single", {"case": "nothing"}, "the case is not listed"),
    ],
)
def test_what_keeps_a_bank_from_being_loaded_is_named(
    welding: dict[str, Any], type_: str, changes: dict[str, Any], said: str
) -> None:
    problems = find_problems(spoil(welding, type_, **changes), {"welding"})
    assert any(said in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"expression": "a +"}, "This is no expression"),
        ({"expression": "unknown * 2"}, "which is no variable"),
        ({"expression": "__import__('os')"}, "which is no variable"),
        ({"expression": "v ** 99"}, "A power must be whole"),
        ({"expression": "v / (v - v)"}, "cannot be computed"),
        ({"tolerance": "-1"}, "A tolerance is not negative"),
    ],
)
def test_an_expression_that_cannot_be_is_named(key: dict[str, str], said: str) -> None:
    question = {
        "stem": {"zh": "{v}", "en": "{v}"},
        "explanation": {"zh": "{answer}", "en": "{answer}"},
        "variables": {"v": {"min": 1, "max": 9, "step": 1}},
        "key": {"expression": "v * 2", "decimals": 0, "tolerance": "0", **key},
        "type": "numeric",
        "topic": "t",
        "difficulty": 1,
        "source": {"zh": "书", "en": "book"},
    }
    bank = {"trade": "welding", "topics": [{"code": "t"}], "questions": [{"id": "x", **question}]}
    problems = find_problems(bank, {"welding"})
    assert any(said in problem for problem in problems), problems


def test_a_pattern_that_a_guesser_would_learn_is_named(welding: dict[str, Any]) -> None:
    longest, placed = copy.deepcopy(welding), copy.deepcopy(welding)
    for question in longest["questions"]:
        if question["type"] == "single":
            next(one for one in question["options"] if one["id"] == question["key"][0])["zh"] += "，" + "长" * 60
    for question in placed["questions"]:
        if question["type"] == "single":
            question["options"].sort(key=lambda one: one["id"] != question["key"][0])
    assert any("the longest" in one for one in checks.bank_problems(longest))
    assert any("is number 1" in one for one in checks.bank_problems(placed))


def test_two_questions_that_ask_the_same_are_named(welding: dict[str, Any]) -> None:
    twice = copy.deepcopy(welding)
    twice["questions"].append({**first(welding, "single"), "id": "welding-999"})
    assert any("ask the same" in one for one in checks.bank_problems(twice))


def test_weights_that_do_not_sum_to_100_are_named(welding: dict[str, Any]) -> None:
    light = copy.deepcopy(welding)
    light["topics"][0]["weight"] += 1
    assert any("do not sum to 100" in one for one in find_problems(light, {"welding"}))
