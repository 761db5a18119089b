"""The two-parameter model finds again what answers were made from."""

import random

import pytest

from laboratory import irt

SLOPES = {1: 0.6, 2: 1.0, 3: 1.4, 4: 0.8, 5: 1.2, 6: 1.8, 7: 1.0, 8: 0.7}
LOCATIONS = {1: -1.5, 2: -0.8, 3: -0.2, 4: 0.0, 5: 0.4, 6: 0.9, 7: 1.5, 8: -0.4}


def entrants(count: int, per_paper: int = 8) -> list[dict[int, bool]]:
    """Answers of people of normal ability, each to items of their own draw."""
    drawn = random.Random(7)
    people = []
    for _ in range(count):
        ability = drawn.gauss(0, 1)
        people.append(
            {
                item: drawn.random() < irt.chance(ability, SLOPES[item], LOCATIONS[item])
                for item in drawn.sample(sorted(SLOPES), per_paper)
            }
        )
    return people


@pytest.mark.parametrize("per_paper", [8, 6])
def test_the_curves_that_answers_were_made_from_are_found_again(per_paper: int) -> None:
    found = irt.fit(entrants(8000, per_paper))
    assert sorted(found) == sorted(SLOPES)
    for item, one in found.items():
        for ability in (-2, -1, 0, 1, 2):
            made_from = irt.chance(ability, SLOPES[item], LOCATIONS[item])
            assert irt.chance(ability, one.slope, one.location) == pytest.approx(made_from, abs=0.06)
    assert sum(one.n for one in found.values()) == 8000 * per_paper


def test_too_few_entrants_settle_nothing() -> None:
    assert irt.fit(entrants(irt.LEAST_PEOPLE - 1)) == {}


def test_items_that_all_or_few_got_are_left_out_and_spoil_nothing() -> None:
    people = entrants(1000)
    for number, one in enumerate(people):
        one[9] = True
        if number < irt.LEAST_RESPONSES - 1:
            one[10] = number % 2 == 0
    assert sorted(irt.fit(people)) == sorted(SLOPES)


def test_half_get_an_item_right_at_its_location_and_the_slope_says_how_fast_more_do() -> None:
    assert irt.chance(0.7, 1.3, 0.7) == 0.5
    assert irt.chance(1.7, 1.3, 0.7) == pytest.approx(0.7858, abs=1e-4)
