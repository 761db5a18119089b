"""Every type of item: what an answer earns, how values are drawn, and that an expression can do nothing but count."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Collection
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from questions import rules
from questions.errors import BadMedia
from questions.rules import PaperItem, Value, Version
from questions.rules.expressions import BadExpression, evaluate, holds
from tests.competitions import second_scorer

NO_UNIT = {"zh": "", "en": ""}
ABC = tuple({"id": one, "zh": one, "en": one} for one in "abcdef")
PROMPTS = tuple({"id": one, "zh": one, "en": one} for one in ("p1", "p2", "p3"))
STEM = {"zh": "{{1}}和{{2}}和{{3}}", "en": "{{1}} and {{2}} and {{3}}"}


def a_version(type_: str, key: dict[str, Any], **changes: Any) -> Version:
    options = ABC if type_ in ("single", "multiple", "ordering", "matching") else ()
    prompts = PROMPTS if type_ == "matching" else ()
    return Version(1, type_, "t", 1, STEM, options, key, {}, {}, prompts, **changes)


def credited(credit: str) -> dict[str, str]:
    return {} if credit == "all" else {"credit": credit}


@st.composite
def versions(draw: st.DrawFn, types: Collection[str] = rules.TYPES) -> Version:
    """A version of any of these types with any credit rule it knows."""
    type_ = draw(st.sampled_from(sorted(types)))
    credit = credited(draw(st.sampled_from(rules.TYPES[type_].credits)))
    words = st.lists(st.sampled_from(["欧姆", "Ω", "ohm", "V", "a b"]), min_size=1, max_size=3)
    match type_:
        case "single":
            return a_version(type_, {"options": [draw(st.sampled_from("abcdef"))]})
        case "multiple":
            key = draw(st.lists(st.sampled_from("abcdef"), min_size=2, unique=True))
            return a_version(type_, {"options": sorted(key), **credit})
        case "true_false":
            return a_version(type_, {"truth": draw(st.booleans())})
        case "fill_in" if draw(st.booleans()):
            return a_version(type_, {"blanks": [draw(words) for _ in range(3)], **credit})
        case "fill_in":
            return a_version(type_, {"accepted": draw(words)})
        case "numeric":
            tolerance = draw(st.sampled_from(["0", "0.1", "0.005", "1%", "2.5%"]))
            value = str(draw(st.decimals(-1000, 1000, places=3)))
            return a_version(type_, {"value": value, "tolerance": tolerance, "unit": NO_UNIT})
        case "ordering":
            return a_version(type_, {"order": draw(st.permutations("abcdef")), **credit})
    pairs = {prompt["id"]: draw(st.sampled_from("abcdef")) for prompt in PROMPTS}
    return a_version("matching", {"pairs": pairs, **credit})


IDS = st.sampled_from([*"abcdef", "g", ""])
TEXTS = st.one_of(st.sampled_from(["欧姆", "Ω", "Ｖ", "ＯＨＭ", "ab", "1,000", "−1", "+.5", "5."]), st.text(max_size=8))
ANYTHING = st.one_of(st.none(), st.booleans(), TEXTS, st.lists(IDS, max_size=7))


def answers(version: Version) -> st.SearchStrategy[Any]:
    """Values of the shape that an answer to a version has, some of them right."""
    shaped: st.SearchStrategy[Any]
    match version.type:
        case "single":
            shaped = st.sampled_from("abcdef").map(lambda one: [one])
        case "multiple":
            shaped = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)
        case "true_false":
            shaped = st.booleans()
        case "fill_in" if "blanks" in version.key:
            shaped = st.lists(TEXTS, min_size=3, max_size=3)
        case "fill_in":
            shaped = TEXTS
        case "numeric":
            shaped = st.one_of(TEXTS, st.decimals(-1001, 1001, places=3).map(str))
        case "ordering":
            shaped = st.permutations("abcdef")
        case _:
            shaped = st.lists(st.sampled_from([*"abcdef", ""]), min_size=3, max_size=3)
    return st.one_of(st.just(key_of(version)), shaped).filter(lambda value: rules.is_acceptable(version, value))


@settings(max_examples=400)
@given(versions(), st.data(), st.integers(1, 100))
def test_any_value_earns_between_nothing_and_all_and_the_second_scorer_agrees(
    version: Version, data: st.DataObject, points: int
) -> None:
    value = data.draw(st.one_of(answers(version), ANYTHING))
    item = PaperItem(1, (), points)
    share = rules.share(version, item, value)
    assert 0 <= share <= 1
    earned = rules.mark(version, item, value)
    assert earned == share * points // 1
    assert rules.is_right(version, item, value) == (earned == points)
    entry = {"version": 1, "options": [], "points": points}
    if value is None or not rules.is_acceptable(version, value):
        assert share == 0
    else:
        assert share == second_scorer.part((version.type, dict(version.key), version.prompts), entry, value)


def key_of(version: Version) -> Value:
    key = rules.TYPES[version.type].shown_key(version, PaperItem(1, (), 1))
    if version.type == "numeric":
        return str(key["value"])
    if version.type == "fill_in":
        return [one[0] for one in key] if "blanks" in version.key else str(key[0])
    return key  # type: ignore[no-any-return]


@given(versions())
def test_the_full_key_earns_all(version: Version) -> None:
    assert rules.is_acceptable(version, key_of(version))
    assert rules.share(version, PaperItem(1, (), 1), key_of(version)) == 1


@given(versions(("multiple", "ordering")), st.data())
def test_the_order_of_ticks_means_nothing_and_that_of_steps_everything(version: Version, data: st.DataObject) -> None:
    given_ = data.draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True))
    item = PaperItem(1, (), 1)
    if version.type == "multiple":
        shares = {rules.share(version, item, list(order)) for order in itertools.permutations(given_)}
        assert len(shares) == 1
    else:
        other = data.draw(st.permutations("abcdef"))
        assert rules.is_right(version, item, other) == (other == version.key["order"])


def blanks(credit: str) -> Version:
    return a_version("fill_in", {"blanks": [["欧姆", "Ω"], ["伏特"], ["安培"]], **credited(credit)})


def multiple(credit: str) -> Version:
    return a_version("multiple", {"options": ["a", "b", "c"], **credited(credit)})


def ordering(credit: str) -> Version:
    return a_version("ordering", {"order": list("abcdef"), **credited(credit)})


def matching(credit: str) -> Version:
    return a_version("matching", {"pairs": {"p1": "a", "p2": "b", "p3": "a"}, **credited(credit)})


@pytest.mark.parametrize(
    ("version", "value", "marks_of_ten"),
    [
        (multiple("all"), ["a", "b"], 0),
        (multiple("partial"), ["a"], 3),  # a third of ten, rounded down
        (multiple("partial"), ["a", "b"], 6),
        (multiple("partial"), ["c", "b", "a"], 10),
        (multiple("partial"), ["a", "b", "d"], 0),  # one wrong choice and nothing is left
        (multiple("partial"), ["a", "b", "c", "d"], 0),
        (multiple("each"), ["a", "b"], 6),
        (multiple("each"), ["a", "b", "d"], 3),
        (multiple("each"), ["a", "d"], 0),
        (multiple("each"), ["d", "e", "f"], 0),  # never below nothing
        (multiple("each"), ["a", "b", "c", "d"], 6),
        (multiple("each"), list("abcdef"), 0),  # ticking everything earns nothing
        (blanks("all"), ["Ω", "伏特", ""], 0),
        (blanks("each"), ["Ω", "", ""], 3),
        (blanks("each"), ["Ω", "安培", "伏特"], 3),  # a right word in the wrong blank is wrong
        (blanks("each"), ["Ω", "伏特", "安 培"], 10),
        (blanks("each"), ["", "", ""], 0),
        (ordering("all"), list("abcdfe"), 0),
        (ordering("each"), list("abcdfe"), 6),
        (ordering("each"), list("bcdefa"), 0),  # each step is one place off
        (ordering("each"), list("abcdef"), 10),
        (ordering("each"), list("abcde"), 0),  # no answer: a step is missing
        (matching("all"), ["a", "b", ""], 0),
        (matching("each"), ["a", "b", ""], 6),
        (matching("each"), ["b", "a", "a"], 3),
        (matching("each"), ["a", "b", "a"], 10),  # one option may fit two prompts
        (matching("each"), ["", "", ""], 0),
    ],
)
def test_partial_credit_is_what_the_table_worked_by_hand_says(
    version: Version, value: Value, marks_of_ten: int
) -> None:
    assert rules.mark(version, PaperItem(1, (), 10), value) == marks_of_ten


DIGITS = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


@given(DIGITS, st.decimals(min_value=0, max_value=1000, places=6), st.integers(1, 60))
def test_the_edge_of_a_tolerance_is_right_and_a_hair_beyond_it_is_wrong(
    value: Decimal, tolerance: Decimal, far: int
) -> None:
    version = a_version("numeric", {"value": str(value), "tolerance": str(tolerance), "unit": NO_UNIT})
    item = PaperItem(1, (), 1)
    hair = Fraction(1, 10**far)
    for sign in (1, -1):
        edge = Fraction(value) + sign * Fraction(tolerance)
        assert rules.is_right(version, item, written(edge))
        assert not rules.is_right(version, item, written(edge + sign * hair))


@example(Decimal("0.3"), Decimal("33.3"))
@given(DIGITS, st.decimals(min_value=0, max_value=100, places=3))
def test_a_tolerance_in_percent_is_exact_too(value: Decimal, percent: Decimal) -> None:
    version = a_version("numeric", {"value": str(value), "tolerance": f"{percent}%", "unit": NO_UNIT})
    edge = Fraction(value) + abs(Fraction(value)) * Fraction(percent) / 100
    assert rules.is_right(version, PaperItem(1, (), 1), written(edge))
    assert not rules.is_right(version, PaperItem(1, (), 1), written(edge + Fraction(1, 10**40)))


def written(number: Fraction) -> str:
    """Write a fraction whose decimals end, as somebody would type it."""
    scaled = number * 10**70
    assert scaled.denominator == 1
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled.numerator)).rjust(71, "0")
    return f"{sign}{digits[:-70]}.{digits[-70:].rstrip('0')}"


VARIABLES: dict[str, Any] = {
    "i": {"min": 100, "max": 200, "step": 10},
    "u": {"min": "20", "max": "30", "step": "0.5"},
    "v": {"min": "2.5", "max": "5", "step": "0.25"},
}
EXPRESSIONS = (
    ("60 * i * u / v / 1000", 2),
    ("i / 3 * 0.75", 0),  # of 130 it is 32.5, which a quotient of decimals just misses
    ("-(i - u) ** 2 / -v", 1),
    ("round(i / 7, 1) * 3 + floor(u / v) - ceil(v)", 3),
    ("sqrt(i ** 2 + u ** 2)", 6),
    ("min(i, u * v, 90) / max(v, 3) + abs(u - i)", 4),
    ("2 ** -3 * i", 0),
    ("floor(i / 3 * 3)", 0),
)


@given(st.integers(0, 2**63), st.sampled_from(EXPRESSIONS), st.sampled_from(["0", "0.01", "1%"]))
def test_a_parametrised_item_is_the_same_from_the_same_seed_and_its_answer_is_computed_twice(
    seed: int, expression: tuple[str, int], tolerance: str
) -> None:
    text, decimals = expression
    key = {"expression": text, "decimals": decimals, "tolerance": tolerance, "unit": NO_UNIT, "where": "i > 3 * u"}
    version = a_version("numeric", key, variables=VARIABLES)
    values = rules.draw_values(version, random.Random(seed))
    assert values == rules.draw_values(version, random.Random(seed))
    for name, bounds in VARIABLES.items():
        low, high, step = (Fraction(str(bounds[part])) for part in ("min", "max", "step"))
        assert low <= Fraction(values[name]) <= high
        assert (Fraction(values[name]) - low) % step == 0
    assert Fraction(values["i"]) > 3 * Fraction(values["u"])
    item = PaperItem(1, (), 5, values)
    right = second_scorer.answer(key, values)
    shown = rules.TYPES["numeric"].shown_key(version, item)["value"]
    assert Fraction(shown) == right
    assert rules.mark(version, item, shown) == 5
    off = str(Decimal(shown) + Decimal("0.011") + abs(Decimal(shown)) / 90)
    assert rules.mark(version, item, off) == 0


def test_values_that_no_draw_can_reach_are_refused_and_not_searched_for_ever() -> None:
    key = {"expression": "i", "decimals": 0, "tolerance": "0", "unit": NO_UNIT, "where": "i > 1000"}
    with pytest.raises(BadExpression):
        rules.draw_values(a_version("numeric", key, variables=VARIABLES), random.Random(1))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "i.real",
        "i[0]",
        "[i for i in (1, 2)]",
        "lambda: 1",
        "(i := 2)",
        "1 if i else 2",
        "f'{i}'",
        "'a' * 9",
        "b'a'",
        "open('x')",
        "eval('1')",
        "exec",
        "print(1)",
        "unknown + 1",
        "round(i, digits=1)",
        "max(*[i])",
        "sqrt",
        "(sqrt)(i)(i)",
        "True + 1",
        "None",
        "1j",
        "i // 2",
        "i % 2",
        "i << 9",
        "~i",
        "i @ i",
        "i < 2",
        "i and 2",
        "not i",
        "...",
        "1 / 0",
        "0 ** -1",
        "sqrt(-1)",
        "2 ** 0.5",
        "2 ** 65",
        "9 ** 9 ** 9",
        "((((9 ** 64) ** 64) ** 64) ** 64) ** 64",
        "1e999",
        "1e999 - 1e999",
        "9" * 301,
        "(" * 150 + "1" + ")" * 149,
        "-" * 299 + "1 1",
        "round(1, 9 ** 60)",
        "round(1, (((9 ** 64) ** 64) ** 64) ** 3)",
        "round(1, 1 / 3)" * 2,
        "min()",
        "abs(1, 2)",
        "i = 2",
        "import os",
        "1; 2",
        "1\n2",
        "",
    ],
)
def test_an_expression_can_do_nothing_but_arithmetic(text: str) -> None:
    began = time.thread_time()
    for values in ({"i": Decimal(3)}, {}):
        with pytest.raises(BadExpression):
            evaluate(text, values)
    with pytest.raises(BadExpression):
        holds(f"({text}) > 1", {"i": Decimal(3)})
    assert time.thread_time() - began < 1


PIECES = ("i", "9", "0.5", "64", "(", ")", "+", "-", "*", "/", "**", ",", "round", "sqrt", "max", ".", "_", "<", " ")


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    began = time.thread_time()
    with suppress(BadExpression):
        assert evaluate(text, {"i": Decimal(7)}).is_finite()
    assert time.thread_time() - began < 1


@given(versions(), st.data())
def test_the_fields_of_a_form_carry_every_answer_there_and_back(version: Version, data: st.DataObject) -> None:
    value = data.draw(answers(version))
    ids = list(data.draw(st.permutations("abcdef")))
    several = "blanks" in version.key or version.type == "matching"
    count = len(ids) if version.type == "ordering" else 3 if several else 0
    parts = rules.to_fields(version.type, value, ids, count)
    whole = [] if count else value if isinstance(value, list) else [str(value).lower() if value in (0, 1) else value]
    back = rules.from_fields(version.type, whole, parts, ids)
    trimmed = [one.strip() for one in value] if isinstance(value, list) else value
    if isinstance(value, str):
        trimmed = value.strip() or None
    elif several:
        trimmed = trimmed if any(trimmed) else None
    assert rules.alike(version.type, back, trimmed)
    nothing = rules.from_fields(version.type, ["", " "], [" "] * count, ids)
    assert nothing is None
    assert rules.to_fields(version.type, None, ids, count) == [""] * count


@given(st.lists(st.one_of(st.integers(-3, 9).map(str), st.sampled_from(["", "x", "２", "1.5", "9" * 40])), min_size=6))
def test_steps_numbered_anyhow_still_stand_in_one_order_each_once(places: list[str]) -> None:
    order = rules.from_fields("ordering", [], places[:6], list("abcdef"))
    if not any(places[:6]):
        assert order is None
        return
    assert isinstance(order, list)
    assert sorted(order) == list("abcdef")
    for step, place in zip("abcdef", places, strict=False):
        if places[:6].count(place) == 1 and place in "123456" and place:
            assert order[int(place) - 1] == step


def test_a_spelling_that_was_copied_with_signs_of_no_width_is_what_people_type() -> None:
    question = {"key": ["\ufeff氩\u200b气\u202c"], "stem": {"zh": "保护气是", "en": "The gas is"}}
    version = a_version("fill_in", rules.TYPES["fill_in"].read_key(question))
    assert rules.is_right(version, rules.PaperItem(1, (), 10), "氩气")
    with pytest.raises(rules.Fault):
        rules.TYPES["fill_in"].read_key(question | {"key": ["\u200b"]})


def test_the_order_of_ticks_is_no_change_but_that_of_steps_and_blanks_is() -> None:
    assert rules.alike("multiple", ["a", "b"], ["b", "a"])
    assert not rules.alike("ordering", ["a", "b"], ["b", "a"])
    assert not rules.alike("matching", ["a", ""], ["", "a"])
    assert not rules.alike("fill_in", ["a", "b"], ["b", "a"])
    assert not rules.alike("true_false", False, None)


def test_a_stem_is_cut_at_its_blanks() -> None:
    assert rules.cut_at_blanks("{{2}}和{{1}}。") == ["", "2", "和", "1", "。"]
    assert rules.cut_at_blanks("没有空 {i}") == ["没有空 {i}"]
    assert rules.show_blanks("{{2}}和{{1}}。") == "(2)____和(1)____。"


def test_a_number_and_its_unit_stay_on_one_line_and_words_do_not() -> None:
    shown = rules.hold_units("切割速度 360 mm/min，每个 2.4 m，用时 35 s；4 parts at 20 kPa, 12 months, 3 apples")
    assert shown.count("\u00a0") == 4
    assert "360\u00a0mm/min" in shown
    assert "20\u00a0kPa" in shown


FRAME = b"\xff\xfb\x90\x64" + bytes(413)


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(9), "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (FRAME, "audio/mpeg"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x02" + bytes(130) + FRAME, "audio/mpeg"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x02" + bytes(140) + FRAME, "audio/mpeg"),
        (b"\x89PNG\r\n\x1a\n".ljust(500_000, b"\0"), "image/png"),
        (FRAME.ljust(2_000_000, b"x"), "audio/mpeg"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(content: bytes, mime: str) -> None:
    assert rules.mime_of(content) == mime


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "unknown"),
        (b"<html>", "unknown"),
        (b"GIF89a" + bytes(20), "unknown"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "unknown"),
        (b"\xff\xfe<\x00h\x00", "unknown"),  # a text in UTF-16
        (b"\xff\xf1\x50\x80" + bytes(20), "unknown"),  # AAC
        (b"ID3\x04\x00\x00\x00\x00\x00\x02..<html>", "unknown"),
        (b"ID3\x04\x00\x00\xff\xff\xff\xff", "unknown"),
        (b"ID3", "unknown"),
        (b"\x89PNG\r\n\x1a\n".ljust(500_001, b"x"), "too_large"),
        (FRAME.ljust(2_000_001, b"x"), "too_large"),
    ],
)
def test_what_is_no_image_or_sound_or_too_large_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BadMedia) as refused:
        rules.mime_of(content)
    assert refused.value.details == {"why": why}
