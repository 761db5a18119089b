"""The rules of practice, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import rules
from practice.rules import Memory, Streak
from questions.rules import Version

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in China, on that Monday."""


def a_version(id_: int = 1, **changes: Any) -> Version:
    options = tuple({"id": one, "zh": one, "en": one} for one in "abcdef")
    return Version(id_, "single", "t", 1, {}, options, {"options": ["a"]}, {}, {}, **changes)


def study(answers: list[tuple[datetime, bool]], certainty: int | None = None) -> Memory | None:
    memory = None
    for at, right in answers:
        memory = rules.review(7, memory, right, certainty, at)
    return memory


def later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def test_a_day_of_practice_begins_at_midnight_in_china() -> None:
    assert rules.day_of(datetime(2026, 3, 2, 15, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert rules.day_of(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == date(2026, 3, 3)
    assert rules.day_begins(date(2026, 3, 3)) == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


def test_the_same_seed_shows_the_same_item_and_another_one_another_order() -> None:
    orders = [rules.make_item(a_version(), seed).options for seed in (1, 1, 2, 3, 4)]
    assert orders[0] == orders[1]
    assert len(set(orders)) > 2


def test_the_daily_ten_are_the_same_for_everyone_and_others_the_next_day() -> None:
    ids = list(range(1, 201))
    ten = rules.daily_ten("welding", MONDAY, ids)
    assert len(set(ten)) == 10
    assert rules.daily_ten("welding", MONDAY, reversed(ids)) == ten
    assert set(rules.daily_ten("welding", MONDAY + timedelta(days=1), ids)) != set(ten)
    assert set(rules.daily_ten("nursing", MONDAY, ids)) != set(ten)
    assert rules.daily_seed("welding", MONDAY) != rules.daily_seed("welding", MONDAY + timedelta(days=1))


@given(st.sets(st.integers(1, 500), min_size=12, max_size=60), st.integers(501, 999))
def test_a_question_that_comes_or_goes_changes_one_of_the_daily_ten_at_most(ids: set[int], new: int) -> None:
    ten = set(rules.daily_ten("welding", MONDAY, ids))
    assert len(ten - set(rules.daily_ten("welding", MONDAY, ids | {new}))) <= 1
    gone = min(ten)
    assert ten - set(rules.daily_ten("welding", MONDAY, ids - {gone})) == {gone}


def test_marking_with_certainty_pays_when_one_is_honest() -> None:
    assert [rules.certainty_points(one, True) for one in rules.CERTAINTIES] == [1, 2, 3]
    assert [rules.certainty_points(one, False) for one in rules.CERTAINTIES] == [0, -2, -6]

    def best(chance: float) -> int:
        worth = {
            one: chance * rules.certainty_points(one, True) + (1 - chance) * rules.certainty_points(one, False)
            for one in rules.CERTAINTIES
        }
        return max(worth, key=lambda one: worth[one])

    assert [best(0.5), best(0.7), best(0.9)] == [1, 2, 3]


def test_what_was_never_wrong_is_not_remembered() -> None:
    assert study([(NOON, True)]) is None


def test_a_wrong_answer_is_in_the_book_and_due_when_the_next_day_begins() -> None:
    memory = study([(NOON, False)])
    assert memory is not None
    assert (memory.wrong_since, memory.learnt_at, memory.right_days) == (NOON, None, 0)
    assert memory.due_at == rules.day_begins(date(2026, 3, 3))


def test_it_comes_back_after_ever_longer_pauses_and_leaves_the_book_when_it_is_learnt() -> None:
    memory = study([(NOON, False)])
    pauses, at = [], NOON
    while memory and memory.wrong_since:
        at = memory.due_at + timedelta(hours=12)
        memory = rules.review(7, memory, True, None, at)
        assert memory is not None
        pauses.append((rules.day_of(memory.due_at) - rules.day_of(at)).days)
    assert pauses == sorted(pauses)
    assert len(pauses) >= 2
    assert pauses[-1] >= 7 > pauses[-2]
    assert memory is not None
    assert memory.learnt_at == at


def test_right_answers_on_one_day_alone_never_take_it_out_of_the_book() -> None:
    minutes = [(NOON + timedelta(minutes=number), True) for number in range(1, 40)]
    memory = study([(NOON, False), *minutes], certainty=3)
    assert memory is not None
    assert memory.wrong_since == NOON
    assert memory.right_days == 1


def test_an_error_on_the_way_counts_the_days_anew_and_keeps_when_it_came_into_the_book() -> None:
    memory = study([(NOON, False), (later(1), True), (later(3), False)])
    assert memory is not None
    assert (memory.wrong_since, memory.right_days) == (NOON, 0)


def test_an_answer_given_before_the_last_one_never_takes_a_question_out_of_the_book_but_an_error_counts() -> None:
    wrong = study([(NOON, False)])
    assert study([(NOON, False), (later(-2), True), (later(-1), True)], 3) == wrong
    known = study([(NOON, False), (later(2), True)])
    late = study([(NOON, False), (later(2), True), (later(1), False)])
    assert known is not None
    assert late is not None
    assert (known.right_days, late.right_days) == (1, 0)
    assert late.wrong_since == NOON
    assert late.due_at > later(2)


def test_a_learnt_question_that_is_wrong_again_comes_back_into_the_book() -> None:
    learnt = study([(NOON, False), (later(1), True), (later(3), True), (later(9), True)])
    assert learnt is not None
    assert learnt.wrong_since is None
    again = rules.review(7, learnt, False, None, later(30))
    assert again is not None
    assert (again.wrong_since, again.learnt_at) == (later(30), None)


@pytest.mark.parametrize(
    ("days", "interval", "learnt"),
    [(2, 7, True), (5, 30, True), (1, 30, False), (2, 6.9, False)],
)
def test_learnt_means_two_days_and_a_week(days: int, interval: float, learnt: bool) -> None:
    assert rules.is_learnt(days, timedelta(days=interval)) is learnt


def test_a_sure_answer_comes_back_later_than_a_guess() -> None:
    due = []
    for certainty in (1, 2, 3):
        memory = rules.review(7, study([(NOON, False)]), True, certainty, later(1))
        assert memory is not None
        due.append(memory.due_at)
    assert due == sorted(due)
    assert due[0] < due[2]


def test_an_answer_that_arrives_late_is_dated_when_it_was_given_but_not_long_ago_nor_ahead() -> None:
    assert rules.answered_at(60_000, NOON) == NOON - timedelta(minutes=1)
    assert rules.answered_at(-5, NOON) == NOON
    assert rules.answered_at(10**12, NOON) == NOON - rules.KEPT


def days(*numbers: int) -> set[date]:
    return {MONDAY + timedelta(days=number) for number in numbers}


@pytest.mark.parametrize(
    ("practised", "today", "streak"),
    [
        (days(), 0, Streak(0, False, 2)),
        (days(0), 0, Streak(1, True, 2)),
        (days(0, 1, 2), 2, Streak(3, True, 2)),
        (days(0, 1, 2), 3, Streak(3, False, 2)),  # today is not over yet
        (days(0, 1, 2, 3, 4, 7), 7, Streak(6, True, 2)),  # the weekend between breaks nothing
        (days(0, 1, 2, 3, 4, 5, 7), 7, Streak(7, True, 2)),  # and counts when it is used
        (days(0, 2), 2, Streak(2, True, 1, (MONDAY + timedelta(days=1),))),
        (days(0), 2, Streak(1, False, 1, (MONDAY + timedelta(days=1),))),
        (days(0, 3), 3, Streak(2, True, 0, (MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)))),
        (days(0, 4), 4, Streak(1, True, 2)),  # three missed workdays are too many, and no freeze is spent on them
        (days(0), 30, Streak(0, False, 2)),
        (
            days(0, 2, 4, 8),
            8,
            Streak(1, True, 0, tuple(sorted(days(1, 3)))),
        ),  # a third freeze in one month there is not
    ],
)
def test_a_streak_is_broken_by_workdays_only_and_two_a_month_are_frozen(
    practised: set[date], today: int, streak: Streak
) -> None:
    assert rules.streak(practised, MONDAY + timedelta(days=today)) == streak


def test_a_public_holiday_is_no_workday_and_a_weekend_worked_instead_is_one() -> None:
    october = [date(2026, 10, day) for day in range(1, 12)]
    assert [day.day for day in october if rules.is_workday(day)] == [8, 9, 10]
    assert rules.is_workday(date(2026, 9, 20))  # a Sunday


def test_the_national_day_week_breaks_no_streak_and_a_shifted_sunday_can() -> None:
    last = date(2026, 9, 30)
    assert rules.streak([last], date(2026, 10, 8)) == Streak(1, False, 2)
    assert rules.streak([last, date(2026, 10, 8)], date(2026, 10, 8)) == Streak(2, True, 2)
    assert rules.streak([date(2026, 9, 19)], date(2026, 9, 21)) == Streak(1, False, 1, (date(2026, 9, 20),))


def test_in_a_year_whose_holidays_are_not_known_monday_to_friday_are_workdays() -> None:
    first = date(2150, 10, 1)
    week = [first + timedelta(days=number) for number in range(7)]
    assert [rules.is_workday(day) for day in week] == [day.weekday() < 5 for day in week]
    assert rules.streak([first], first).days == 1


def test_weeks_without_practice_break_a_streak_though_a_long_holiday_lies_in_them() -> None:
    assert rules.streak([date(2025, 1, 24), date(2025, 2, 12)], date(2025, 2, 12)).days == 1


def test_every_month_has_its_own_freezes() -> None:
    march = {date(2026, 3, 25), date(2026, 3, 27), date(2026, 3, 31), date(2026, 4, 2), date(2026, 4, 3)}
    found = rules.streak(march, date(2026, 4, 3))
    assert found == Streak(5, True, 1, (date(2026, 3, 26), date(2026, 3, 30), date(2026, 4, 1)))


TOPICS: list[tuple[str, str | None]] = [
    ("safety", None),
    ("gas", "safety"),
    ("arc", "safety"),
    ("metal", None),
]


def test_the_topic_map_counts_the_last_answers_and_adds_them_up_the_tree() -> None:
    answers = [("gas", False)] * 4 + [("arc", True)] * 3 + [("gas", True)] * 30 + [("elsewhere", True)]
    found = {one.code: one for one in rules.topic_map(TOPICS, answers)}
    assert [one.code for one in rules.topic_map(TOPICS, answers)] == ["safety", "gas", "arc", "metal"]
    assert (found["gas"].shown, found["gas"].right, found["gas"].depth, found["gas"].leaf) == (20, 16, 1, True)
    assert (found["arc"].shown, found["arc"].right) == (3, 3)
    assert (found["safety"].shown, found["safety"].right, found["safety"].leaf) == (20, 16, False)
    assert (found["metal"].shown, found["metal"].share, found["metal"].weak) == (0, 0.0, False)


def test_a_topic_is_called_weak_only_with_enough_answers_and_is_practised_first() -> None:
    few = rules.topic_map(TOPICS, [("gas", False)] * 4)
    assert not any(one.weak for one in few)
    assert rules.weakest(few) == ["gas"]
    answers = [("gas", False)] * 5 + [("arc", False)] * 3 + [("arc", True)] * 2 + [("metal", True)] * 9
    assert rules.weakest(rules.topic_map(TOPICS, answers)) == ["gas", "arc"]
    assert rules.weakest(rules.topic_map(TOPICS, [("metal", True)])) == []


@pytest.mark.parametrize(("right", "full"), [(0, []), (9, []), (10, [1]), (25, [1, 2]), (99, [1, 2, 3, 4])])
def test_every_ten_right_answers_of_a_day_earn_points_four_times_at_most(right: int, full: list[int]) -> None:
    assert list(rules.tens(right)) == full
