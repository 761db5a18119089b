from __future__ import annotations

import itertools

import pytest

from organizations import rules
from organizations.rules import Grant

PROVINCE, CITY, PLANT, TEAM = (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)
OTHER_CITY, OTHER_PLANT = (1, 5), (1, 2, 6)


def given(role: str, path: tuple[int, ...]) -> list[Grant]:
    return [Grant(role, path[-1], path)]


@pytest.mark.parametrize("role", rules.ROLES)
@pytest.mark.parametrize(
    ("held_at", "asked_at", "reaches"),
    [
        (PROVINCE, PROVINCE, True),
        (PROVINCE, TEAM, True),  # a role reaches everything under its node
        (CITY, PLANT, True),
        (PLANT, PLANT, True),
        (PLANT, TEAM, True),
        (PLANT, CITY, False),  # and nothing above it
        (PLANT, PROVINCE, False),
        (PLANT, OTHER_PLANT, False),  # nor beside it (P2)
        (CITY, OTHER_CITY, False),
        (PLANT, (), False),  # what belongs to no node belongs to nobody
    ],
)
def test_a_role_reaches_its_node_and_downwards_only(
    role: str, held_at: tuple[int, ...], asked_at: tuple[int, ...], reaches: bool
) -> None:
    assert rules.holds(given(role, held_at), role, asked_at) is reaches


@pytest.mark.parametrize(("held", "asked"), list(itertools.permutations(rules.ROLES, 2)))
def test_no_role_counts_as_another(held: str, asked: str) -> None:
    assert not rules.holds(given(held, PROVINCE), asked, PROVINCE)


@pytest.mark.parametrize(
    ("role", "may_give"),
    [
        ("organizer", set(rules.ROLES)),
        ("enterprise_admin", {"enterprise_admin", "organizer", "finance"}),
        ("question_author", set()),
        ("question_reviewer", set()),
        ("finance", set()),  # who pays does not choose who approves
        ("auditor", set()),  # who watches changes nothing
    ],
)
def test_each_role_gives_exactly_these_roles_within_its_node(role: str, may_give: set[str]) -> None:
    assert set(rules.grantable_roles(given(role, PLANT), TEAM)) == may_give
    assert rules.grantable_roles(given(role, PLANT), CITY) == []
    assert rules.grantable_roles(given(role, PLANT), OTHER_PLANT) == []


@pytest.mark.parametrize(
    ("theirs", "manageable"),
    [
        ([], True),
        (given("enterprise_admin", PLANT), True),
        (given("auditor", PLANT), False),  # an enterprise cannot take over who watches it
        (given("organizer", PROVINCE), False),  # nor an employee who answers for the whole province
    ],
)
def test_an_administrator_never_takes_over_an_account_that_may_more(theirs: list[Grant], manageable: bool) -> None:
    assert rules.may_manage(given("enterprise_admin", PLANT), TEAM, theirs) is manageable


@pytest.mark.parametrize(("typed", "read"), [("abcd-2345", "ABCD2345"), (" ab cd 23 45 ", "ABCD2345"), ("--", "")])
def test_a_join_code_is_read_as_people_type_it(typed: str, read: str) -> None:
    assert rules.normalise_code(typed) == read
