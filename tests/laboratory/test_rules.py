"""Item and level statistics against hand-worked and independently computed cases."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laboratory import rules
from laboratory.rules import Response
from questions.rules import Bank, BlueprintRow, Value, Version

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def item_figures(responses: Iterable[Response], right: Iterable[str] = ()) -> rules.ItemFigures:
    tally = rules.ItemTally()
    for one in responses:
        tally.add(one)
    return tally.figures(right)


def response(mark: float, rest: float, value: str = "a", share: float | None = None, ms: int | None = None) -> Response:
    """One answer worth `mark` percent of the paper on an attempt that earned `rest` percent elsewhere."""
    return Response(mark / 10 if share is None else share, mark, mark + rest, [value], ms, NOON)


def test_figures_of_a_case_worked_by_hand() -> None:
    # x = 10, 10, 0, 0 and r = 40, 20, 30, 10: cov(x, r) = 100/3, var x = 100/3, var r = 500/3.
    figures = item_figures([response(10, 40), response(10, 20), response(0, 30), response(0, 10)])
    assert figures.facility == 0.5
    assert figures.deviation == pytest.approx(3**-0.5)
    assert figures.discrimination == pytest.approx(100 / 5**0.5)
    # Sorted by themselves: x = 0, 0, 10, 10 and r = 10, 20, 30, 40: cov_max = 200/3.
    assert figures.efficiency == pytest.approx(50)


def test_a_variance_of_nothing_gives_no_figure() -> None:
    figures = item_figures([response(10, rest) for rest in (10, 20, 30)])
    assert (figures.facility, figures.discrimination, figures.efficiency) == (1.0, None, None)
    assert item_figures([response(10, 10)]).deviation is None


@given(st.lists(st.tuples(st.sampled_from([0.0, 5.0, 10.0]), st.integers(0, 90)), min_size=2, max_size=60))
def test_discrimination_is_the_correlation_of_the_item_with_the_rest(pairs: list[tuple[float, int]]) -> None:
    figures = item_figures([response(mark, rest) for mark, rest in pairs])
    marks, rests = [mark for mark, _ in pairs], [float(rest) for _, rest in pairs]
    if len(set(marks)) == 1 or len(set(rests)) == 1:
        assert figures.discrimination is None
    else:
        assert figures.discrimination == pytest.approx(100 * statistics.correlation(marks, rests), abs=1e-6)
        if figures.efficiency is not None:
            assert figures.efficiency <= 100 + 1e-6


def answers(*groups: tuple[int, str, float, int]) -> list[Response]:
    """So many responses that chose a value for a mark, each with its total."""
    return [response(mark, rest, value) for count, value, mark, rest in groups for _ in range(count)]


NEARLY_ALIKE = (("a", 10, 40), ("a", 10, 58), ("b", 0, 42), ("b", 0, 60))


@pytest.mark.parametrize(
    ("responses", "light"),
    [
        (answers((10, "a", 10, 60), (10, "b", 0, 20)), ("grey", "few")),
        (answers((20, "a", 10, 60), (20, "b", 0, 20)), ("green", "good")),
        (answers((20, "a", 10, 20), (20, "b", 0, 60)), ("red", "key")),  # the better earn nothing: b may be the key
        (answers((39, "a", 10, 60), (1, "b", 0, 20)), ("amber", "too_easy")),
        (answers((8, "a", 10, 80), (30, "b", 0, 60), (60, "b", 0, 20)), ("red", "key")),  # the best third prefers b
        (answers((6, "a", 10, 80), (10, "b", 0, 60), (24, "b", 0, 20)), ("amber", "too_hard")),  # by chance, if at all
        (answers(*((8, key, mark, rest) for key, mark, rest in NEARLY_ALIKE)), ("amber", "weak")),  # -10: chance
        (answers(*((1, "abcdefgh"[n % 8], 10 if n % 8 == 0 else 0, 90 - n) for n in range(48))), ("amber", "too_hard")),
        (answers((20, "a", 10, 40), (20, "b", 0, 40)), ("amber", "weak")),
    ],
)
def test_the_light_shows_what_is_wrong(responses: list[Response], light: tuple[str, str]) -> None:
    figures = item_figures(responses, right=["a"])
    assert (figures.light, figures.reason) == light


def test_answers_are_counted_by_thirds_of_the_total() -> None:
    table = item_figures(answers((3, "a", 10, 80), (3, "b", 0, 40), (3, "c", 0, 10)), ["a"]).answers
    assert [(one.text, one.right, one.lower, one.middle, one.upper) for one in table] == [
        ("a", True, 0, 0, 3),
        ("b", False, 0, 3, 0),
        ("c", False, 3, 0, 0),
    ]


@pytest.mark.parametrize(
    ("value", "type_", "entries"),
    [
        (None, "ordering", [""]),
        (["c", "a"], "multiple", ["c", "a"]),
        (["c", "a", "b"], "ordering", ["c a b"]),
        (["c", "a"], "matching", ["1:c", "2:a"]),
        (["argon", ""], "fill_in", ["1:argon", "2:"]),
        ("argon", "fill_in", ["argon"]),
        (True, "true_false", ["true"]),
    ],
)
def test_an_answer_counts_for_what_tells_wrong_ones_apart(value: Value, type_: str, entries: list[str]) -> None:
    assert rules.spell(value, type_) == entries


def test_weeks_are_isos_and_the_time_is_the_median() -> None:
    days = [NOON, NOON + timedelta(days=7), NOON + timedelta(days=8)]
    figures = item_figures(
        [
            Response(share, 0, 0, None, ms, day)
            for day, share, ms in zip(days, (1.0, 0.0, 0.5), (9999, 4000, None), strict=True)
        ]
    )
    assert figures.weeks == [("2026-W48", 1, 1.0), ("2026-W49", 2, 0.25)]
    assert figures.seconds == 6.5


def test_alpha_of_a_case_worked_by_hand() -> None:
    # Places: 1,0,1,0 / 1,0,1,0 / 1,0,0,1; totals 3,0,2,1; var x_i = 1/3 each, k2 = 5/3.
    tally = rules.LevelTally()
    for marks in ((1, 1, 1), (0, 0, 0), (1, 1, 0), (0, 0, 1), (5, 5)):
        tally.add(marks)
    figures = tally.figures()
    assert figures.n == 4  # the paper of another length is left out
    assert figures.alpha == pytest.approx(100 * 1.5 * (1 - 0.6))
    assert figures.error_ratio == pytest.approx(100 * 0.4**0.5)
    assert figures.standard_error == pytest.approx((0.4 * 5 / 3) ** 0.5)
    assert figures.mean == 1.5


def version(id_: int, difficulty: int) -> Version:
    return Version(id_, "single", "t", difficulty, {}, ({"id": "a"}, {"id": "b"}), {"options": ["a"]}, {}, {})


BANK = Bank([version(number, number % 5 + 1) for number in range(1, 101)])


def test_every_paper_of_a_simulation_is_equally_hard() -> None:
    blueprint = [BlueprintRow(10, 5), BlueprintRow(4, 5, difficulty=2)]
    difficulty = {one.id: one.difficulty for one in BANK.versions}
    simulation = rules.Simulation()
    simulation.add(blueprint, BANK, difficulty, {}, map(str, range(500)))
    assert simulation.papers == 500
    assert not simulation.shortfalls
    assert len(simulation.difficulties) == 1, simulation.difficulties
    assert sum(simulation.exposure.values()) == 500 * 14


def test_a_draw_without_quotas_would_not_be() -> None:
    chance = random.Random(1)
    means = {
        round(100 * statistics.fmean(one.difficulty for one in chance.sample(BANK.versions, 10))) for _ in range(99)
    }
    assert len(means) > 10
