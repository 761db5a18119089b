"""Figures computed from real attempts, checked against PostgreSQL's own statistics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from competitions import services as competitions
from competitions.models import Competition, Level
from core import clock
from core.database import db
from laboratory import irt, queries, services, tasks
from laboratory.models import ItemParameters, ItemStatistic, LevelStatistic, Simulation
from organizations.models import Organization
from questions.models import Question
from tests import factories as make

PLAYERS = 34


@pytest.fixture
def stage(app: Flask) -> tuple[Competition, Level, Organization]:
    """A level of four items; person n gets those right whose question number divides n, everybody handed in."""
    province = make.make_organization()
    make.make_bank(size=4)
    competition = make.make_competition(province)
    blueprint = [{"topic": None, "type": None, "difficulty": None, "count": 4, "points": 10}]
    level = make.make_level(make.make_track(competition), blueprint=blueprint, pass_points=10)
    first = db.session.scalar(text("select min(id) from question_versions")) or 0
    for number in range(1, PLAYERS + 1):
        person = make.make_person(province)
        make.make_participation(competition, person, province.path)
        session = make.make_session(person)
        attempt = competitions.start_attempt(person.id, level.id)
        for position, item in enumerate(attempt.paper, 1):
            right = number % (item["version"] - first + 2) == 0
            competitions.save_answer(attempt.id, session.id, position, 1, ["a"] if right else ["b"], False, clock.now())
        competitions.submit_attempt(attempt.id, person.id)
    return competition, level, province


def test_figures_agree_with_those_of_postgresql(stage: tuple[Competition, Level, Organization]) -> None:
    competition, level, _province = stage
    done = services.compute([competition.id])
    assert (done.items, done.levels, done.attempts) == (4, 1, PLAYERS)
    own = {
        row.version: row
        for row in db.session.execute(
            text(
                """
                select (item ->> 'version')::bigint as version, count(*) as n, avg(mark / 10.0) as facility,
                    100 * corr(mark, points - mark) as discrimination
                from (
                    select a.points, item, (a.marks ->> (place - 1)::int)::int as mark
                    from attempts a cross join jsonb_array_elements(a.paper) with ordinality as p(item, place)
                ) as marked group by 1
                """
            )
        )
    }
    for found in db.session.query(ItemStatistic).filter_by(competition_id=competition.id):
        expected = own[found.version_id]
        assert found.n == expected.n == PLAYERS
        assert found.facility == pytest.approx(float(expected.facility))
        assert found.discrimination == pytest.approx(expected.discrimination)
        assert found.seconds is not None
    figures = db.session.get_one(LevelStatistic, level.id)
    assert figures.n == PLAYERS


def test_only_first_attempts_count(stage: tuple[Competition, Level, Organization]) -> None:
    competition, level, _province = stage
    person_id = db.session.scalar(text("select min(person_id) from attempts")) or 0
    competitions.submit_attempt(competitions.start_attempt(person_id, level.id).id, person_id)
    assert services.compute([competition.id]).attempts == PLAYERS


def test_what_is_due_is_computed_once(stage: tuple[Competition, Level, Organization]) -> None:
    competition, _level, _province = stage
    assert services.compute_due() == [competition.id]
    assert services.compute_due() == []
    assert {one.competition_id for one in db.session.query(ItemStatistic)} == {competition.id, None}


def test_figures_computed_anew_replace_the_old(stage: tuple[Competition, Level, Organization]) -> None:
    competition, _level, _province = stage
    services.compute([competition.id])
    services.compute([competition.id])
    assert db.session.query(ItemStatistic).count() == 8


def test_items_are_found_by_light_and_words(stage: tuple[Competition, Level, Organization]) -> None:
    competition, _level, province = stage
    services.compute([competition.id])
    rows, total = queries.list_items("welding", [province.id], competition.id)
    assert total == 4
    lights = [row.statistic.light for row in rows]
    assert lights == sorted(lights, key=["red", "amber", "green", "grey"].index)
    assert queries.list_items("welding", [], competition.id, search=rows[0].question.code)[1] == 1
    db.session.query(Question).filter_by(id=rows[0].question.id).update({"organization_id": province.id})
    assert queries.list_items("welding", [], competition.id)[1] == 3
    assert queries.list_items("welding", [province.id], competition.id)[1] == 4


def test_the_two_parameter_model_is_fitted_once_asked_and_again_replaces_it(
    stage: tuple[Competition, Level, Organization], monkeypatch: pytest.MonkeyPatch
) -> None:
    competition, _level, _province = stage
    assert services.fit(competition.id) == 0, "34 entrants settle nothing"
    monkeypatch.setattr(irt, "LEAST_PEOPLE", PLAYERS)
    monkeypatch.setattr(irt, "LEAST_RESPONSES", PLAYERS)
    assert services.request_fit(competition.id, tasks.fit)
    assert not services.request_fit(competition.id, tasks.fit), "one waits already"
    first = services.fit(competition.id)
    assert first > 0
    assert services.fit(competition.id) == first
    fitted = queries.find_fit(competition.id)
    assert fitted is not None
    assert fitted.items == first == db.session.query(ItemParameters).count()
    one = db.session.query(ItemParameters).first()
    assert one is not None
    assert one.n == PLAYERS
    assert queries.find_parameters(one.version_id, None) is one
    assert queries.find_parameters(one.version_id, competition.id + 1) is None


def test_a_simulation_draws_every_paper_and_tells_how_far_it_is(
    stage: tuple[Competition, Level, Organization],
) -> None:
    _competition, level, _province = stage
    person_id = db.session.scalar(text("select min(person_id) from attempts")) or 0
    asked = services.request_simulation(level.id, person_id, tasks.simulate, papers=1200)
    assert db.session.scalar(text("select count(*) from procrastinate_jobs where task_name = 'laboratory.simulate'"))
    services.run_simulation(asked.id)
    db.session.expire_all()
    done = db.session.get_one(Simulation, asked.id)
    assert (done.state, done.done) == ("done", 1200)
    assert done.result["unfillable"] == 0
    assert sum(count for _, count in done.result["exposure"]) == 1200 * 4
    assert clock.now() - done.requested_at < timedelta(minutes=1)


def test_a_simulation_of_a_level_that_cannot_be_filled_says_so(
    stage: tuple[Competition, Level, Organization],
) -> None:
    _competition, level, _province = stage
    level.blueprint = [{"topic": None, "type": None, "difficulty": None, "count": 9, "points": 10}]
    db.session.commit()
    person_id = db.session.scalar(text("select min(person_id) from attempts")) or 0
    asked = services.request_simulation(level.id, person_id, tasks.simulate, papers=10)
    services.run_simulation(asked.id)
    db.session.expire_all()
    result = db.session.get_one(Simulation, asked.id).result
    assert (result["unfillable"], result["shortfalls"]) == (10, [[1, 10]])
