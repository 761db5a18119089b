"""A question is written, judged by somebody else, used, mended and retired; and nothing of that touches an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from accounts.models import Person
from competitions.models import Attempt
from competitions.queries import get_official_bank
from competitions.services import join, start_attempt
from core import clock
from core.database import db
from core.errors import NotFound
from core.models import AuditEntry
from organizations.models import Organization
from questions import authoring, queries, queries_admin
from questions.authoring import Actor, TopicChange
from questions.errors import BadMedia, ChangedMeanwhile, NoReason, NotNow, OwnQuestion, QuestionInvalid
from questions.models import Media, Question, QuestionNote, QuestionVersion, Topic, Trade
from questions.queries import get_bank, get_versions
from questions.queries_admin import Wanted
from questions.rules import TYPES, Fault
from questions.rules.differences import compare, compare_texts
from questions.rules.life import bad_weights, may_judge, share_of_whole, tree_order
from questions.services import content_of, load_banks
from questions.uses import find_points, find_uses
from tests.factories import PIXEL, make_bank, make_competition, make_level, make_organization, make_person, make_track
from tests.questions.written import PARTS, text, written


@dataclass
class World:
    """A federation with an enterprise, and at each an author and two who review."""

    province: Organization
    plant: Organization
    author: Actor
    second: Actor
    reviewer: Actor
    plant_author: Actor
    plant_reviewer: Actor


@pytest.fixture
def world(app: Flask) -> World:
    make_bank(size=4)
    province = make_organization()
    plant = make_organization(make_organization(province, "city"), "enterprise")

    def actor(node: Organization) -> Actor:
        return Actor(make_person(node).id, node.id)

    return World(province, plant, *(actor(province) for _ in range(3)), *(actor(plant) for _ in range(2)))


def make(by: Actor, bank: int | None = None, **changes: Any) -> int:
    return authoring.create("welding", bank, written(**changes), by, clock.now()).id


def approved(by: Actor, reviewer: Actor, bank: int | None = None, **changes: Any) -> int:
    question_id = make(by, bank, **changes)
    authoring.submit(question_id, "", by, clock.now())
    authoring.approve(question_id, "", reviewer, clock.now())
    return question_id


def question(question_id: int) -> Question:
    return db.session.get_one(Question, question_id, populate_existing=True)


def edit(question_id: int, by: Actor, stem: str, base: int | None = None) -> bool:
    number = base or queries_admin.get_latest(question(question_id)).number
    return authoring.save(question_id, written(stem=text(stem, stem)), number, by, clock.now())


def drawable(bank: int | None = None) -> set[int]:
    queries.forget()
    return {version.question_id for version in get_bank("welding", bank).versions}


def notes(question_id: int) -> list[tuple[str, str]]:
    return [(one.note.kind, one.note.body) for one in reversed(queries_admin.list_notes(question_id))]


@pytest.mark.parametrize("type_", PARTS)
def test_a_question_of_every_type_is_kept_as_written_and_read_back_as_written(world: World, type_: str) -> None:
    question_id = make(world.author, type_=type_)
    version = queries_admin.get_latest(question(question_id))
    assert (version.number, version.type, question(question_id).state) == (1, type_, "draft")
    assert version.key == TYPES[type_].read_key(written(type_))
    again = authoring.written_of(version)
    assert not authoring.find_faults("welding", again)
    assert content_of(again) == content_of(written(type_))
    assert authoring.save(question_id, written(type_), 1, world.author, clock.now()) is False


def test_a_question_with_faults_is_not_kept(world: World) -> None:
    with pytest.raises(QuestionInvalid) as refusal:
        make(world.author, key=["z"], difficulty=9)
    assert len(refusal.value.faults) == 2
    assert db.session.scalar(select(func.count()).select_from(Question).where(Question.state == "draft")) == 0


def test_every_save_is_a_version_of_its_own_unless_nothing_changed(world: World) -> None:
    question_id = make(world.author)
    before = queries_admin.get_latest(question(question_id)).stem
    assert edit(question_id, world.second, "新的问题")
    assert not edit(question_id, world.second, "新的问题")
    versions = queries_admin.list_versions(question_id)
    assert [(one.version.number, one.version.created_by) for one in versions] == [
        (2, world.second.person_id),
        (1, world.author.person_id),
    ]
    assert versions[1].version.stem == before


def test_numbers_that_are_only_written_in_another_way_make_no_version(world: World) -> None:
    bounds = {"i": {"min": 100, "max": 200, "step": 10}, "u": {"min": 20, "max": 30, "step": 0.5}}
    question_id = make(world.author, type_="numeric", variables=bounds)
    assert authoring.save(question_id, written("numeric"), 1, world.author, clock.now()) is False
    other = written("numeric", variables=bounds | {"i": {"min": 100, "max": 300, "step": 10}})
    assert authoring.save(question_id, other, 1, world.author, clock.now()) is True


def test_who_wrote_from_an_older_version_is_told_and_overwrites_nothing(world: World) -> None:
    question_id = make(world.author)
    edit(question_id, world.second, "别人改的")
    with pytest.raises(ChangedMeanwhile) as refusal:
        edit(question_id, world.author, "我改的", base=1)
    assert refusal.value.details == {"number": 2}
    assert queries_admin.get_latest(question(question_id)).stem["zh"] == "别人改的"


def test_nobody_approves_a_question_of_their_own(world: World) -> None:
    question_id = make(world.author)
    authoring.submit(question_id, "", world.author, clock.now())
    with pytest.raises(OwnQuestion):
        authoring.approve(question_id, "", world.author, clock.now())
    assert (question(question_id).state, question(question_id).current_version_id) == ("submitted", None)
    assert notes(question_id) == [("submitted", "")]
    authoring.approve(question_id, "很好", world.reviewer, clock.now())
    assert question_id in drawable()


def test_nobody_approves_a_version_that_came_after_the_one_they_read(world: World) -> None:
    question_id = make(world.author)
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.save(question_id, written("single", difficulty=5), 1, world.author, clock.now())
    authoring.submit(question_id, "", world.author, clock.now())
    with pytest.raises(ChangedMeanwhile):
        authoring.approve(question_id, "", world.reviewer, clock.now(), seen=1)
    assert question_id not in drawable()
    authoring.approve(question_id, "", world.reviewer, clock.now(), seen=2)
    assert question_id in drawable()


def test_nobody_approves_a_version_they_had_a_hand_in_since_the_last_approval(world: World) -> None:
    question_id = approved(world.author, world.reviewer)
    edit(question_id, world.second, "第二版")
    edit(question_id, world.author, "第三版")
    authoring.submit(question_id, "", world.author, clock.now())
    with pytest.raises(OwnQuestion):
        authoring.approve(question_id, "", world.second, clock.now())
    authoring.approve(question_id, "", world.reviewer, clock.now())
    edit(question_id, world.reviewer, "第四版")
    authoring.submit(question_id, "", world.reviewer, clock.now())
    authoring.approve(question_id, "", world.second, clock.now())
    assert question(question_id).current_version_id == queries_admin.get_latest(question(question_id)).id


@given(
    st.integers(1, 4), st.one_of(st.none(), st.integers(1, 4)), st.frozensets(st.one_of(st.none(), st.integers(1, 4)))
)
def test_a_judge_is_neither_author_nor_writer(person: int, author: int | None, writers: frozenset[int | None]) -> None:
    assert may_judge(person, author, writers) == (person not in {author, *writers})


def test_an_approved_question_being_edited_stays_in_use_as_it_was_until_the_new_version_is_approved(
    world: World,
) -> None:
    question_id = approved(world.author, world.reviewer)
    first = question(question_id).current_version_id
    edit(question_id, world.author, "改过的题")
    assert (question(question_id).state, question(question_id).current_version_id) == ("draft", first)
    assert question_id in drawable()
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.send_back(question_id, "选项太长", world.reviewer, clock.now())
    assert question(question_id).current_version_id == first
    authoring.submit(question_id, "改好了", world.author, clock.now())
    authoring.approve(question_id, "", world.reviewer, clock.now())
    assert question(question_id).current_version_id != first


def start(world: World, question_ids: set[int]) -> Attempt:
    """An attempt at a level that draws every question there is."""
    competition = make_competition(world.province)
    level = make_level(make_track(competition), items=len(drawable()))
    person = make_person(world.province)
    join(competition.id, person.id, person.name)
    attempt = start_attempt(person.id, level.id)
    drawn = get_versions([item["version"] for item in attempt.paper])
    assert question_ids <= {version.question_id for version in drawn.values()}
    return db.session.get_one(Attempt, attempt.id)


def test_a10_approving_a_new_version_and_retiring_change_no_attempt(world: World) -> None:
    question_id = approved(world.author, world.reviewer)
    attempt = start(world, {question_id})
    paper = attempt.paper
    pinned = question(question_id).current_version_id
    edit(question_id, world.author, "改过的题")
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.approve(question_id, "", world.reviewer, clock.now())
    authoring.retire(question_id, "过时了", world.reviewer, clock.now())
    db.session.expire_all()
    assert db.session.get_one(Attempt, attempt.id).paper == paper
    assert pinned in [item["version"] for item in paper]
    assert pinned is not None
    assert get_versions([pinned])[pinned].stem == written()["stem"]
    assert question_id not in drawable()


def test_a_retired_question_comes_back_only_through_a_reviewer(world: World) -> None:
    question_id = approved(world.author, world.reviewer)
    authoring.retire(question_id, "过时了", world.reviewer, clock.now())
    edit(question_id, world.author, "更新过的题")
    assert question_id not in drawable()
    authoring.submit(question_id, "", world.author, clock.now())
    assert question_id not in drawable()
    authoring.approve(question_id, "", world.reviewer, clock.now())
    assert question_id in drawable()


@pytest.mark.parametrize("step", [authoring.send_back, authoring.retire])
def test_returning_and_retiring_need_a_reason(world: World, step: Any) -> None:
    question_id = make(world.author)
    authoring.submit(question_id, "", world.author, clock.now())
    with pytest.raises(NoReason):
        step(question_id, "", world.reviewer, clock.now())
    assert question(question_id).state == "submitted"
    step(question_id, "理由", world.reviewer, clock.now())
    assert notes(question_id)[-1][1] == "理由"


@pytest.mark.parametrize(
    ("step", "states"),
    [
        (authoring.submit, {"draft", "retired"}),
        (authoring.withdraw, {"submitted"}),
        (authoring.send_back, {"submitted"}),
        (authoring.approve, {"submitted"}),
        (authoring.retire, {"draft", "submitted", "approved"}),
        (authoring.comment, {"draft", "submitted", "approved", "retired"}),
    ],
)
@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "retired"])
def test_each_step_is_taken_in_its_states_only(world: World, step: Any, states: set[str], state: str) -> None:
    question_id = make(world.author)
    question(question_id).state = state
    db.session.commit()
    if state in states:
        step(question_id, "话", world.reviewer, clock.now())
    else:
        with pytest.raises(NotNow):
            step(question_id, "话", world.reviewer, clock.now())
        assert question(question_id).state == state
        assert notes(question_id) == []


def test_p5_what_reviewers_decide_is_in_the_audit_log_of_their_node_with_the_reason(world: World) -> None:
    question_id = make(world.author)
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.send_back(question_id, "缺来源", world.reviewer, clock.now())
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.approve(question_id, "", world.reviewer, clock.now())
    authoring.retire(question_id, "过时了", world.reviewer, clock.now())
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.subject == "question").order_by(AuditEntry.id)
    ).all()
    assert [(one.action, one.why) for one in entries] == [
        ("question.return", "缺来源"),
        ("question.approve", ""),
        ("question.retire", "过时了"),
    ]
    assert {(one.person_id, one.organization_id, one.subject_id) for one in entries} == {
        (world.reviewer.person_id, world.province.id, question_id)
    }


def test_an_enterprises_question_is_drawn_by_its_own_competitions_alone(world: World) -> None:
    question_id = approved(world.plant_author, world.plant_reviewer, world.plant.id)
    assert question_id in drawable(world.plant.id)
    assert question_id not in drawable()
    assert question_id not in drawable(world.province.id)


def test_p2_lists_counts_and_inboxes_hold_only_the_banks_asked_for(world: World) -> None:
    other = make_organization(db.session.get_one(Organization, world.plant.parent_id), "enterprise")
    ours = make(world.plant_author, world.plant.id)
    theirs = make(Actor(make_person(other).id, other.id), other.id)
    shared = make(world.author)
    for question_id in (ours, theirs, shared):
        authoring.submit(question_id, "", world.author, clock.now())

    def listed(*banks: int | None) -> set[int]:
        rows, total = queries_admin.list_questions(Wanted(banks, state="submitted"))
        assert total == len(rows) == queries_admin.count_states(Wanted(banks)).get("submitted", 0)
        waiting, count = queries_admin.list_waiting(banks, 0)
        assert count == len(waiting)
        assert {row.question.id for row in waiting} == {row.question.id for row in rows}
        return {row.question.id for row in rows}

    assert listed(world.plant.id) == {ours}
    assert listed(other.id) == {theirs}
    assert listed(None) == {shared}
    assert listed(None, world.plant.id) == {shared, ours}
    assert listed() == set()


def test_what_a_reviewer_wrote_does_not_wait_for_them(world: World) -> None:
    own, helped = make(world.reviewer), approved(world.author, world.reviewer)
    edit(helped, world.reviewer, "我改的")
    free = make(world.author)
    for question_id in (own, helped, free):
        authoring.submit(question_id, "", world.author, clock.now())
    waiting, count = queries_admin.list_waiting([None], world.reviewer.person_id)
    assert ([row.question.id for row in waiting], count) == ([free], 1)
    assert [row.question.id for row in queries_admin.list_waiting([None], world.second.person_id)[0]] == [
        own,
        helped,
        free,
    ]


def test_an_author_sees_what_came_back_until_it_is_submitted_again(world: World) -> None:
    question_id = make(world.author)
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.send_back(question_id, "缺来源", world.reviewer, clock.now())
    edit(question_id, world.author, "补了来源")
    assert [row.question.id for row in queries_admin.list_returned(world.author.person_id)] == [question_id]
    assert queries_admin.list_returned(world.second.person_id) == []
    authoring.submit(question_id, "", world.author, clock.now())
    authoring.withdraw(question_id, "", world.author, clock.now())
    assert queries_admin.list_returned(world.author.person_id) == []


def test_questions_are_found_by_words_topic_type_difficulty_and_author(world: World) -> None:
    found = make(world.author, type_="numeric", difficulty=5)
    make(world.second, difficulty=1)

    def codes(**wanted: Any) -> set[int]:
        return {row.question.id for row in queries_admin.list_questions(Wanted((None,), **wanted))[0]}

    assert codes(search="功率 电流") == {found}
    assert codes(search="power AMPS") == set()
    assert codes(search=question(found).code) == {found}
    assert codes(search="100%_") == set()
    assert codes(type="numeric") == codes(difficulty=5, author_id=world.author.person_id) == {found}
    assert found in codes(topics=["safety"])
    assert codes(topics=["absent"]) == set()


def test_an_offer_is_adopted_by_the_federation_and_its_author_stays_its_author(world: World) -> None:
    question_id = approved(world.plant_author, world.plant_reviewer, world.plant.id)
    assert queries_admin.list_offered() == []
    authoring.offer(question_id, "别的厂也用得上", world.plant_author, clock.now())
    assert [row.question.id for row in queries_admin.list_offered()] == [question_id]
    with pytest.raises(NotNow):
        authoring.offer(question_id, "", world.plant_author, clock.now())
    authoring.adopt(question_id, "", world.reviewer, clock.now())
    adopted = question(question_id)
    assert (adopted.organization_id, adopted.offered_at, adopted.state) == (None, None, "approved")
    assert adopted.author_id == world.plant_author.person_id
    assert question_id in drawable()
    assert notes(question_id)[-2:] == [("offered", "别的厂也用得上"), ("adopted", "")]
    assert queries_admin.list_offered() == []


def test_a_declined_offer_stays_where_it_is_and_may_be_made_again(world: World) -> None:
    question_id = approved(world.plant_author, world.plant_reviewer, world.plant.id)
    authoring.offer(question_id, "", world.plant_author, clock.now())
    with pytest.raises(NoReason):
        authoring.decline(question_id, "", world.reviewer, clock.now())
    authoring.decline(question_id, "太专门", world.reviewer, clock.now())
    assert question(question_id).organization_id == world.plant.id
    assert question_id in drawable(world.plant.id)
    with pytest.raises(NotNow):
        authoring.adopt(question_id, "", world.reviewer, clock.now())
    authoring.offer(question_id, "", world.plant_author, clock.now())
    authoring.decline(question_id, "仍然太专门", world.reviewer, clock.now())
    authoring.save(question_id, written("single", difficulty=5), 1, world.plant_author, clock.now())
    assert queries_admin.list_returned(world.plant_author.person_id) == [], "declined is not sent back to be mended"


def test_only_what_is_approved_and_not_shared_is_offered_and_its_writers_do_not_adopt_it(world: World) -> None:
    draft = make(world.plant_author, world.plant.id)
    shared = approved(world.author, world.reviewer)
    for question_id in (draft, shared):
        with pytest.raises(NotNow):
            authoring.offer(question_id, "", world.plant_author, clock.now())
    offered = approved(world.plant_author, world.plant_reviewer, world.plant.id)
    authoring.offer(offered, "", world.plant_author, clock.now())
    with pytest.raises(OwnQuestion):
        authoring.adopt(offered, "", Actor(world.plant_author.person_id, world.province.id), clock.now())
    assert question(offered).organization_id == world.plant.id


def test_a_reserved_question_is_in_no_practice_until_it_is_released_with_a_reason(world: World) -> None:
    question_id = approved(world.author, world.reviewer)
    authoring.set_reserved(question_id, True, "留给决赛", world.reviewer, clock.now())

    def practised() -> set[int]:
        queries.forget()
        return {version.question_id for version in get_bank("welding", part="open").versions}

    assert question_id in drawable() - practised()
    with pytest.raises(NoReason):
        authoring.set_reserved(question_id, False, "", world.reviewer, clock.now())
    assert question_id not in practised()
    authoring.set_reserved(question_id, False, "决赛已结束", world.reviewer, clock.now())
    assert question_id in practised()
    assert notes(question_id)[-1] == ("released", "决赛已结束")
    with pytest.raises(NotNow):
        authoring.set_reserved(question_id, False, "再来", world.reviewer, clock.now())


def test_a_competition_may_draw_from_reserved_questions_only(world: World) -> None:
    make_bank(size=30)
    kept = {approved(world.author, world.reviewer) for _ in range(3)}
    for question_id in kept:
        authoring.set_reserved(question_id, True, "留给决赛", world.reviewer, clock.now())
    queries.forget()
    competition = make_competition(world.province, draws_from="reserved")
    level = make_level(make_track(competition))
    person = make_person(world.province)
    join(competition.id, person.id, person.name)
    attempt = start_attempt(person.id, level.id)
    versions = get_versions([item["version"] for item in attempt.paper])
    assert {version.question_id for version in versions.values()} == kept


def test_whoever_runs_an_enterprise_s_competition_cannot_draw_what_the_shared_bank_keeps_for_official_use(
    world: World,
) -> None:
    shared, own = (
        approved(world.author, world.reviewer),
        approved(world.plant_author, world.plant_reviewer, world.plant.id),
    )
    make_bank(size=3)
    for question_id in (shared, own):
        authoring.set_reserved(question_id, True, "留给决赛", world.reviewer, clock.now())
    queries.forget()
    for draws_from in ("all", "reserved"):
        for node, expected in ((world.province, {shared}), (world.plant, {own})):
            bank = get_official_bank(make_competition(node, draws_from=draws_from), "welding")
            assert {one.question_id for one in bank.versions} & {shared, own} == expected


def test_where_a_question_is_used_says_which_level_needs_it_and_which_attempts_contain_it(world: World) -> None:
    question_id = approved(world.author, world.reviewer)
    attempt = start(world, {question_id})
    mine = [world.province.id]
    (use,) = find_uses(question_id, mine)
    assert (use.draws, use.needed, use.attempts, use.state) == (True, True, 1, "open")
    assert use.competition is not None
    (other,) = find_uses(question_id, [world.plant.id])
    assert (other.competition, other.track, other.level, other.needed) == (None, None, None, True)
    make_bank(size=3)
    queries.forget()
    (use,) = find_uses(question_id, mine)
    assert (use.draws, use.needed) == (True, False)
    authoring.retire(question_id, "过时了", world.reviewer, clock.now())
    queries.forget()
    (use,) = find_uses(question_id, mine)
    assert (use.draws, use.needed, use.attempts) == (False, False, 1)
    assert db.session.get_one(Attempt, attempt.id).paper
    assert find_uses(make(world.author), mine) == []


def test_the_points_of_levels_are_spread_over_topics_as_papers_draw_them(world: World) -> None:
    db.session.add(Topic(trade_code="welding", code="gas", name_zh="气", name_en="Gas", position=2))
    db.session.commit()
    for _ in range(4):
        approved(world.author, world.reviewer, topic="gas")
    queries.forget()
    rows = [
        {"topic": "gas", "type": None, "difficulty": None, "count": 2, "points": 5},
        {"topic": None, "type": None, "difficulty": None, "count": 3, "points": 10},
    ]
    make_level(make_track(make_competition(world.province)), blueprint=rows)
    assert find_points("welding", [world.province.id]) == pytest.approx({"gas": 10 + 15, "safety": 15})
    assert find_points("welding", [world.plant.id]) == {}


def test_an_image_is_kept_once_and_what_is_no_image_not_at_all(world: World) -> None:
    png = PIXEL
    first = authoring.keep_media(png, world.author.person_id)
    assert authoring.keep_media(png, world.second.person_id) == first
    assert queries_admin.find_mime(first["sha256"]) == "image/png"
    with pytest.raises(BadMedia):
        authoring.keep_media(b"<svg onload=alert(1)>", world.author.person_id)
    assert db.session.scalar(select(func.count()).select_from(Media)) == 1


def topics() -> list[Topic]:
    db.session.add_all(
        Topic(trade_code="welding", code=code, name_zh=code, name_en=code, position=9, parent_code=above, weight=weight)
        for code, above, weight in (("gas", None, 60), ("oxygen", "gas", 70), ("argon", "gas", 30))
    )
    db.session.get_one(Topic, ("welding", "safety")).weight = 40
    db.session.commit()
    return queries.list_topics("welding")


def test_weights_sum_to_a_hundred_at_every_level_of_the_tree(world: World) -> None:
    same = [TopicChange(one.code, one.name_zh, one.name_en, one.weight) for one in topics()]
    renamed = TopicChange(same[-1].code, "氩", "Argon", same[-1].weight)
    authoring.edit_topics("welding", [*same[:-1], renamed], world.reviewer)
    assert db.session.get_one(Topic, ("welding", same[-1].code)).name_en == "Argon"
    for number, one in enumerate(same):
        changed = [*same]
        changed[number] = TopicChange(one.code, one.name_zh, one.name_en, (one.weight or 0) - 1)
        with pytest.raises(Fault):
            authoring.edit_topics("welding", changed, world.reviewer)
    with pytest.raises(NotFound):
        authoring.edit_topics("welding", same[1:], world.reviewer)
    none = [TopicChange(one.code, one.name_zh, one.name_en, None) for one in same]
    authoring.edit_topics("welding", none, world.reviewer)


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.one_of(st.none(), st.integers(0, 100))), max_size=8))
def test_a_level_of_topics_has_no_weights_or_a_hundred_percent(rows: list[tuple[str | None, int | None]]) -> None:
    bad = set(bad_weights(rows))
    for parent in {parent for parent, _ in rows}:
        weights = [weight for above, weight in rows if above == parent]
        whole = all(weight is None for weight in weights) or sum(weight or 0 for weight in weights) == 100
        assert (parent in bad) != whole


def test_a_topics_share_of_the_whole_is_the_product_of_the_weights_above_it() -> None:
    parents = {"gas": None, "argon": "gas", "pure": "argon", "safety": None}
    weights = {"gas": 60, "argon": 50, "pure": 10, "safety": None}
    assert share_of_whole("pure", parents, weights) == pytest.approx(0.03)
    assert share_of_whole("safety", parents, weights) is None
    assert tree_order([("safety", None), ("argon", "gas"), ("gas", None), ("pure", "argon")]) == [
        ("safety", 0),
        ("gas", 0),
        ("argon", 1),
        ("pure", 2),
    ]


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_pieces_of_a_difference_give_back_both_texts(old: str, new: str) -> None:
    pieces = compare_texts(old, new)
    assert "".join(said for kind, said in pieces if kind != "new") == old
    assert "".join(said for kind, said in pieces if kind != "gone") == new
    assert (old == new) == all(kind == "same" for kind, _ in pieces)


def test_a_difference_marks_whole_latin_words_numbers_and_single_chinese_characters() -> None:
    assert compare_texts("At 120 amps", "At 125 amps") == (
        ("same", "At "),
        ("gone", "120"),
        ("new", "125"),
        ("same", " amps"),
    )
    assert compare_texts("氧气瓶", "氮气瓶")[:2] == (("gone", "氧"), ("new", "氮"))
    fields = compare({"Stem": "a", "Option D": "x"}, {"Stem": "a", "Unit": "kW"})
    assert [(one.field, one.changed) for one in fields] == [("Stem", False), ("Unit", True), ("Option D", True)]


@pytest.fixture
def folder(app: Flask, tmp_path: Path) -> Path:
    tmp_path.joinpath("trades.yaml").write_text("trades: [{code: welding, zh: 焊工, en: Welding}]")
    write_bank(tmp_path, "氧气瓶的颜色是什么？")
    load_banks(tmp_path)
    return tmp_path


def write_bank(folder: Path, stem: str) -> None:
    bank = {
        "trade": "welding",
        "topics": [{"code": "safety", "zh": "安全", "en": "Safety"}],
        "questions": [written(id="welding-001", stem=text(stem, "What colour?"))],
    }
    folder.joinpath("welding.yaml").write_text(yaml.safe_dump(bank, allow_unicode=True))


def loaded_question() -> Question:
    return db.session.scalars(select(Question).where(Question.code == "welding-001")).one()


def test_loading_the_banks_again_leaves_what_people_wrote_until_the_file_says_something_new(folder: Path) -> None:
    author, reviewer = (Actor(make_person().id, make_organization().id) for _ in range(2))
    question_id = loaded_question().id
    edit(question_id, author, "浏览器里改的")
    authoring.submit(question_id, "", author, clock.now())
    authoring.approve(question_id, "", reviewer, clock.now())
    loaded = load_banks(folder)
    assert (loaded.changed, loaded.unchanged) == (0, 1)
    assert queries_admin.get_latest(loaded_question()).stem["zh"] == "浏览器里改的"
    write_bank(folder, "文件里改的")
    assert load_banks(folder).changed == 1
    latest = queries_admin.get_latest(loaded_question())
    assert (latest.stem["zh"], latest.number, loaded_question().current_version_id) == ("文件里改的", 3, latest.id)
    write_bank(folder, "氧气瓶的颜色是什么？")
    assert load_banks(folder).changed == 1
    assert queries_admin.get_latest(loaded_question()).number == 4


def test_loading_the_banks_again_brings_back_no_retired_question_and_no_old_topic_names(folder: Path) -> None:
    author, reviewer = (Actor(make_person().id, make_organization().id) for _ in range(2))
    authoring.retire(loaded_question().id, "过时了", reviewer, clock.now())
    authoring.edit_topics("welding", [TopicChange("safety", "焊接安全", "Welding safety", 100)], author)
    load_banks(folder)
    write_bank(folder, "文件里改的")
    load_banks(folder)
    assert (loaded_question().state, loaded_question().current_version_id) == ("retired", None)
    assert db.session.get_one(Topic, ("welding", "safety")).name_zh == "焊接安全"


def test_a_code_made_here_is_never_one_that_a_bank_file_uses(world: World) -> None:
    ids = [make(world.author), make(world.author)]
    codes = [question(one).code for one in ids]
    assert codes == [f"welding-q{one}" for one in ids]
    assert db.session.scalar(select(func.count()).select_from(QuestionNote)) == 0
    assert db.session.get_one(Trade, "welding")
    assert db.session.get_one(Person, world.author.person_id)
    assert db.session.scalar(select(func.count()).select_from(QuestionVersion).where(QuestionVersion.number > 1)) == 0


def test_two_long_texts_that_share_nothing_are_compared_at_once() -> None:
    old, new = "甲乙" * 2000, "丙丁" * 2000
    assert compare_texts(f"起{old}止", f"起{new}止") == (("same", "起"), ("gone", old), ("new", new), ("same", "止"))
