"""What practice records, on PostgreSQL."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from core.database import db
from core.errors import NotFound
from practice import queries, rules, services
from practice.models import PracticeAnswer, PracticeCard, PracticeDay, PracticeMock
from practice.queries import Wish
from practice.services import Given
from questions.errors import BlueprintUnfillable
from questions.models import QuestionNote, QuestionVersion, Topic
from tests.factories import (
    make_bank,
    make_competition,
    make_level,
    make_organization,
    make_participation,
    make_person,
    make_track,
)
from tests.practice.helpers import NOON, Workplace, answer, change, given, learner, make_workplace, outcomes


@pytest.fixture
def work(app: Flask) -> Workplace:
    return make_workplace()


def chosen(work: Workplace, mode: str, now: datetime = NOON, count: int = 20, **wish: object) -> list[int]:
    """The questions a mode gives next."""
    asked = queries.choose(learner(work.person), Wish(mode, **wish), count, (), now, random.Random(1))  # type: ignore[arg-type]
    return [one.version.question_id for one in asked]


def later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def test_practice_has_the_shared_bank_and_that_of_the_own_enterprise_without_what_is_reserved(work: Workplace) -> None:
    own, foreign, reserved, retired = (one for one in work.versions[:4])
    change(own, organization_id=work.enterprise.id)
    change(foreign, organization_id=make_organization().id)
    change(reserved, reserved=True)
    change(retired, state="retired")
    found = set(learner(work.person).by_question)
    assert own.question_id in found
    assert found.isdisjoint({foreign.question_id, reserved.question_id, retired.question_id})
    assert len(found) == 9
    assert not {foreign.question_id, reserved.question_id} & set(chosen(work, "random"))


def test_an_answer_to_a_question_outside_the_practice_bank_or_of_a_wrong_shape_is_refused(work: Workplace) -> None:
    reserved, open_, other = work.versions[:3]
    change(reserved, reserved=True)
    batch = answer(
        work.person,
        given(reserved),
        given(open_, ["a", "b"]),
        given(open_, version_id=other.id),
        given(open_, trade_code="nothing"),
        given(open_),
    )
    assert outcomes(batch) == ["refused", "refused", "refused", "refused", "recorded"]
    assert db.session.scalar(select(func.count()).select_from(PracticeAnswer)) == 1


def test_an_answer_to_the_wording_before_the_last_change_is_still_taken(work: Workplace) -> None:
    old = work.versions[0]
    new = write_again(old, number=2)
    change(old, current_version_id=new.id)
    assert learner(work.person).by_question[old.question_id].id == new.id
    assert outcomes(answer(work.person, given(old))) == ["recorded"]


def test_an_answer_to_a_wording_that_was_never_in_use_is_refused(work: Workplace) -> None:
    in_use = work.versions[0]
    refused = write_again(in_use, number=2, created_by=work.person.id)
    used = write_again(in_use, number=3, created_by=work.person.id)
    db.session.add(
        QuestionNote(
            question_id=used.question_id, version_id=used.id, person_id=work.person.id, kind="approved", at=NOON
        )
    )
    change(in_use, current_version_id=write_again(in_use, number=4).id)
    pending = write_again(in_use, number=5, created_by=work.person.id)
    found = outcomes(answer(work.person, given(refused), given(used), given(pending)))
    assert found == ["refused", "recorded", "refused"]


def write_again(version: QuestionVersion, **changes: object) -> QuestionVersion:
    """Another version of the same question, whose right answer is b."""
    columns = {one.name: getattr(version, one.name) for one in QuestionVersion.__table__.columns if one.name != "id"}
    new = QuestionVersion(**columns | {"key": {"options": ["b"]}} | changes)
    db.session.add(new)
    db.session.commit()
    return new


def test_sending_a_batch_twice_records_it_once(work: Workplace) -> None:
    batch = [given(one, "wrong") for one in work.versions[:3]]
    first = answer(work.person, *batch)
    second = answer(work.person, *batch, given(work.versions[3]))
    assert outcomes(first) == ["recorded"] * 3
    assert outcomes(second) == ["known"] * 3 + ["recorded"]
    assert [one.answer_id for one in second.recorded[:3]] == [one.answer_id for one in first.recorded]
    assert db.session.scalar(select(func.sum(PracticeDay.answers))) == 4
    same_name = given(work.versions[5], client_id=batch[0].client_id)
    assert outcomes(answer(make_person(work.team), same_name)) == ["recorded"]  # another's device may call it the same


def test_a_wrong_question_comes_back_when_it_is_due_and_leaves_the_book_when_it_is_learnt(work: Workplace) -> None:
    wrong = work.versions[0]
    answer(work.person, given(wrong, "wrong"), given(work.versions[1]))
    assert chosen(work, "wrong") == []
    assert chosen(work, "wrong", early=True) == [wrong.question_id]
    at, learnt = NOON, list[int]()
    for _ in range(6):
        card = db.session.scalars(select(PracticeCard)).one()
        at = card.due_at + timedelta(hours=1)
        assert chosen(work, "wrong", card.due_at - timedelta(minutes=1)) == []
        assert chosen(work, "wrong", at) == [wrong.question_id]
        batch = answer(work.person, given(wrong, at=at, mode="wrong"))
        learnt += batch.learnt
        if batch.learnt:
            assert batch.earned == rules.POINTS["learnt"]
            break
    assert learnt == [wrong.question_id]
    assert at - NOON >= timedelta(days=7)
    assert chosen(work, "wrong", later(365)) == []
    figures = queries.figures(learner(work.person), later(365))
    assert (figures.book, figures.due, figures.learnt) == (0, 0, 1)
    answer(work.person, given(wrong, "wrong", at=later(366)))
    assert queries.figures(learner(work.person), later(366)).book == 1


def test_answers_that_arrive_in_any_order_are_followed_in_the_order_in_which_they_were_given(work: Workplace) -> None:
    first = given(work.versions[0], "wrong", later(-1))
    second = given(work.versions[0], "right", NOON)
    answer(work.person, second, first)
    card = db.session.scalars(select(PracticeCard)).one()
    assert (card.wrong_since, card.right_days) == (later(-1), 1)


def test_a_question_that_is_reserved_later_disappears_from_the_book_and_the_favourites(work: Workplace) -> None:
    wrong = work.versions[0]
    answer(work.person, given(wrong, "wrong"))
    services.set_favourite(work.person.id, "welding", wrong.question_id, True, NOON)
    assert chosen(work, "favourites") == [wrong.question_id]
    change(wrong, reserved=True)
    figures = queries.figures(learner(work.person), later(2))
    assert (figures.book, figures.due, figures.favourites) == (0, 0, 0)
    with pytest.raises(NotFound):
        services.set_favourite(work.person.id, "welding", wrong.question_id, True, NOON)


def test_a_favourite_is_kept_once_and_can_be_given_up(work: Workplace) -> None:
    question_id = work.versions[0].question_id
    for kept in (True, True, False, False, True):
        services.set_favourite(work.person.id, "welding", question_id, kept, NOON)
    assert queries.list_favourites(learner(work.person)) == [question_id]


def test_the_ordered_drill_goes_on_where_it_was_left_and_can_begin_again(work: Workplace) -> None:
    ids = [one.question_id for one in work.versions]
    assert chosen(work, "ordered") == ids
    answer(work.person, *(given(one, mode="ordered") for one in work.versions[:3]))
    answer(work.person, given(work.versions[7], mode="random"))
    assert chosen(work, "ordered") == ids[3:]
    answer(work.person, given(work.versions[-1], mode="ordered"))
    assert chosen(work, "ordered") == []
    services.begin_again(work.person.id, "welding")
    assert chosen(work, "ordered") == ids


def test_the_daily_ten_are_the_same_for_two_people_and_earn_points_once_they_are_done(work: Workplace) -> None:
    change(work.versions[0], organization_id=work.enterprise.id)  # of the own bank only: not for everyone
    ten = chosen(work, "daily")
    stranger = make_person(make_organization())
    asked = queries.choose(learner(stranger), Wish("daily"), 20, (), NOON, random.Random(2))
    assert [one.version.question_id for one in asked] == ten
    assert len({one.seed for one in asked}) == 1
    by_question = {one.question_id: one for one in work.versions}
    batch = answer(work.person, *(given(by_question[id_], "wrong", mode="daily") for id_ in ten[:-1]))
    assert batch.earned == 0
    assert chosen(work, "daily") == ten[-1:]
    last = given(by_question[ten[-1]], "wrong", mode="daily")
    assert answer(work.person, last).earned == rules.POINTS["daily"]
    assert answer(work.person, last).earned == 0
    assert chosen(work, "daily") == []
    assert len(chosen(work, "daily", later(1))) == 10


def test_ten_different_right_answers_on_a_day_earn_points_and_the_same_question_again_does_not(work: Workplace) -> None:
    nine = [given(one) for one in work.versions[:9]]
    assert answer(work.person, *nine, given(work.versions[0]), given(work.versions[1])).earned == 0
    assert answer(work.person, given(work.versions[9])).earned == rules.POINTS["ten"]
    assert answer(work.person, given(work.versions[10]), given(work.versions[11])).earned == 0
    assert queries.count_points(work.person.id) == rules.POINTS["ten"]


def test_weak_topics_are_practised_first_and_a_topic_alone_when_asked_for(work: Workplace) -> None:
    gas = make_bank(size=3, topic_code="gas")
    assert chosen(work, "weak") == []
    answer(work.person, *(given(one, "wrong") for one in gas), *(given(one) for one in work.versions))
    db.session.add(Topic(trade_code="welding", code="gas", name_zh="气体", name_en="Gas", position=2))
    db.session.commit()
    assert set(chosen(work, "weak")) == {one.question_id for one in gas}
    assert set(chosen(work, "random", topic="gas")) == {one.question_id for one in gas}
    standing = {one.code: (one.right, one.shown) for one in queries.topic_map(learner(work.person))}
    assert standing == {"safety": (12, 12), "gas": (0, 3)}


def test_certainty_adds_up_and_does_not_count_for_not_knowing(work: Workplace) -> None:
    one, two, three, four = work.versions[:4]
    answer(
        work.person,
        given(one, certainty=3),
        given(two, "wrong", certainty=3),
        given(three, certainty=1),
        given(four, None, certainty=3),
        given(four),
    )
    figures = queries.figures(learner(work.person), NOON)
    assert (figures.certain, figures.certainty_points) == (3, 3 - 6 + 1)


def test_progress_counts_questions_met_and_those_right_the_last_time(work: Workplace) -> None:
    one, two = work.versions[:2]
    answer(work.person, given(one, "wrong"), given(two), given(one, at=later(0.1)), given(two, "wrong", later(0.2)))
    figures = queries.figures(learner(work.person), later(1))
    assert (figures.size, figures.done, figures.known) == (12, 2, 1)
    assert figures.next_due is not None
    (progress,) = queries.list_progress(work.person.id, later(1.5))
    assert (progress.size, progress.done, progress.due) == (12, 2, 2)


def make_level_of(work: Workplace) -> int:
    competition = make_competition(work.enterprise)
    return int(make_level(make_track(competition), items=5, pass_points=30).id)


def test_a_mock_is_drawn_from_the_practice_bank_marked_like_a_level_and_leaves_no_trace_in_it(work: Workplace) -> None:
    level_id = make_level_of(work)
    for version in work.versions[:7]:
        change(version, reserved=True)
    mock = services.start_mock(work.person.id, level_id, NOON)
    assert services.start_mock(work.person.id, level_id, later(0.001)).id == mock.id
    assert {one.version for one in queries.mock_paper(mock)} == {one.id for one in work.versions[7:]}
    assert (mock.deadline_at - NOON).total_seconds() == 300
    done = services.hand_in_mock(mock.id, work.person.id, {1: ["a"], 2: ["a"], 3: ["b"], 4: ["x"]}, later(0.002))
    assert (done.points, done.max_points, done.marks) == (20, 50, [10, 10, 0, 0, 0])
    again = services.hand_in_mock(mock.id, work.person.id, {1: ["b"]}, later(0.003))
    assert again.points == 20
    assert db.session.scalar(select(func.count()).select_from(PracticeAnswer)) == 3
    assert queries.figures(learner(work.person), NOON).book == 1
    tables = ("attempts", "answers", "standings", "participations")
    assert [db.session.scalar(db.text(f"select count(*) from {table}")) for table in tables] == [0, 0, 0, 0]


def test_a_mock_needs_a_level_the_person_may_see_and_enough_questions(work: Workplace) -> None:
    level_id = make_level_of(work)
    stranger = make_person(make_organization())
    with pytest.raises(NotFound):
        services.start_mock(stranger.id, level_id, NOON)
    mock = services.start_mock(work.person.id, level_id, NOON)
    with pytest.raises(NotFound):
        services.hand_in_mock(mock.id, stranger.id, {}, NOON)
    for version in work.versions:
        change(version, reserved=True)
    with pytest.raises(BlueprintUnfillable):
        services.start_mock(work.person.id, level_id, later(1))
    assert db.session.scalar(select(func.count()).select_from(PracticeMock)) == 1


def test_the_levels_to_try_are_those_of_competitions_one_may_see(work: Workplace) -> None:
    seen = make_level_of(work)
    elsewhere = make_competition(make_organization())
    joined = make_level(make_track(elsewhere))
    draft = make_level(make_track(make_competition(work.enterprise, state="draft")))
    assert [one.id for one in queries.list_levels(work.person.id, "welding")] == [seen]
    assert queries.find_level(work.person.id, joined.id) is None
    make_participation(elsewhere, work.person, work.team.path)
    assert queries.find_level(work.person.id, joined.id) is not None
    assert queries.find_level(work.person.id, draft.id) is None
    assert queries.list_levels(work.person.id, "nursing") == []


def test_what_waits_today_follows_the_trade_practised_last(work: Workplace) -> None:
    assert queries.today(work.person.id, NOON).trade is None
    answer(work.person, given(work.versions[0], "wrong"))
    waiting = queries.today(work.person.id, later(1))
    assert waiting.trade is not None
    assert (waiting.trade.code, waiting.due, waiting.daily_left, waiting.streak.days) == ("welding", 1, 10, 1)


def test_batches_of_one_person_that_arrive_together_count_every_answer(work: Workplace, app: Flask) -> None:
    person_id = work.person.id
    pairs = zip(work.versions[:4], work.versions[4:8], strict=True)
    batches = [[given(one), given(other, "wrong"), given(work.versions[9], "wrong")] for one, other in pairs]
    db.session.rollback()

    def record(batch: list[Given]) -> None:
        with app.app_context():
            services.record(person_id, batch)

    threads = [threading.Thread(target=record, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalar(select(func.sum(PracticeDay.answers))) == 12
    assert db.session.scalar(select(func.count()).select_from(PracticeCard)) == 5


def test_a_mock_asked_for_twice_at_the_same_moment_is_one(work: Workplace, app: Flask) -> None:
    level_id, person_id = make_level_of(work), work.person.id
    db.session.rollback()
    started: list[int] = []

    def start() -> None:
        with app.app_context():
            started.append(services.start_mock(person_id, level_id, NOON).id)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 4
    assert len(set(started)) == 1
