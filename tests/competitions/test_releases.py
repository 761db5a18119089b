"""Releasing a finished competition's questions: what goes to practice, what stays, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.models import Person
from competitions import releases, services
from competitions.errors import WrongState
from competitions.models import Attempt, Competition, Level
from core import clock
from core.database import db
from core.models import AuditEntry
from organizations.models import Organization
from practice.services import start_mock
from questions.models import Question, QuestionNote, QuestionVersion
from questions.queries import forget
from tests import factories as make
from tests.factories import sign_in
from tests.practice.helpers import answer, change, given, learner


@dataclass
class Final:
    """A sealed competition for official use only, one paper of which somebody has played."""

    province: Organization
    organizer: Person
    worker: Person
    competition: Competition
    level: Level
    shown: set[int]
    bank: list[QuestionVersion]


@pytest.fixture
def final(app: Flask, client: FlaskClient) -> Final:
    """Six questions for official use, three of them on the only paper."""
    bank = make.make_bank(size=6)
    for version in bank:
        change(version, reserved=True)
    province = make.make_organization()
    competition = make.make_competition(province, draws_from="reserved")
    level = make.make_level(make.make_track(competition))
    organizer, worker = make.make_person(province), make.make_person(make.make_organization(province, "enterprise"))
    make.grant(organizer, "organizer", province)
    services.join(competition.id, worker.id, worker.name)
    attempt = services.start_attempt(worker.id, level.id)
    drawn = {item["version"] for item in attempt.paper}
    sign_in(client, organizer)
    client.post(f"/organizer/competitions/{competition.id}/close")
    assert db.session.get_one(Competition, competition.id, populate_existing=True).state == "sealed"
    shown = {version.question_id for version in bank if version.id in drawn}
    return Final(province, organizer, worker, competition, level, shown, bank)


def practised(final: Final) -> set[int]:
    """What the worker may practise now."""
    return set(learner(final.worker).by_question)


def press(client: FlaskClient, final: Final, path: str = "release") -> str:
    """Send the form and return the page it leads to, in English."""
    place = f"/organizer/competitions/{final.competition.id}/{path}"
    return client.post(place, follow_redirects=True, query_string={"lang": "en"}).text


def page(client: FlaskClient, final: Final) -> str:
    """The page that asks, in English."""
    return client.get(f"/organizer/competitions/{final.competition.id}/release?lang=en").text


def test_nothing_kept_for_official_use_is_practised_before_the_release_and_only_what_was_on_papers_after(
    client: FlaskClient, final: Final
) -> None:
    assert len(final.shown) == 3
    assert practised(final) == set()
    assert "Release 3 questions" in page(client, final)
    assert practised(final) == set(), "asking releases nothing"
    assert "3 questions were released" in press(client, final)
    assert practised(final) == final.shown
    notes = db.session.scalars(select(QuestionNote).where(QuestionNote.kind == "released")).all()
    assert {note.question_id for note in notes} == final.shown
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "questions.release"))
    assert (set(entry.details["questions"]), entry.subject_id) == (final.shown, final.competition.id)
    assert entry.person_id == final.organizer.id


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_competition_that_is_not_sealed_releases_nothing(client: FlaskClient, final: Final, state: str) -> None:
    final.competition.state = state
    db.session.commit()
    press(client, final)
    with pytest.raises(WrongState):
        releases.release(final.competition.id, [None], [], final.organizer.id)
    assert practised(final) == set()


@pytest.mark.parametrize("state", ["draft", "open"])
def test_what_another_competition_still_draws_from_stays_and_the_page_names_it(
    client: FlaskClient, final: Final, state: str
) -> None:
    other = make.make_competition(final.province, draws_from="reserved", state=state, name_en="Autumn final")
    level = make.make_level(make.make_track(other))
    wanted = next(version for version in final.bank if version.question_id in final.shown)
    row = {"topic": None, "type": None, "difficulty": wanted.difficulty, "count": 1, "points": 10}
    level.blueprint = [row]
    db.session.commit()
    held = {one.question_id for one in final.bank if one.difficulty == wanted.difficulty} & final.shown
    said = page(client, final)
    assert f"Autumn final: {len(held)} question" in said
    assert f"Release {3 - len(held)} question" in said
    press(client, final)
    assert practised(final) == final.shown - held


def test_a_competition_that_draws_from_all_questions_or_is_over_holds_none_back(
    client: FlaskClient, final: Final
) -> None:
    for draws_from, state in (("all", "open"), ("reserved", "closed")):
        other = make.make_competition(final.province, draws_from=draws_from, state=state)
        make.make_level(make.make_track(other))
    press(client, final)
    assert practised(final) == final.shown


def test_a_competition_of_somebody_else_holds_questions_without_its_name(client: FlaskClient, final: Final) -> None:
    other = make.make_competition(make.make_organization(), draws_from="reserved", name_en="Neighbour's secret")
    make.make_level(make.make_track(other))
    said = page(client, final)
    assert "A competition that you do not run: 3 questions" in said
    assert "Neighbour" not in said
    press(client, final)
    assert practised(final) == set()


def test_an_enterprise_releases_its_own_questions_and_is_told_how_many_are_not_its_own(
    app: Flask, final: Final
) -> None:
    enterprise = db.session.get_one(Organization, final.competition.organization_id)
    plant = make.make_organization(enterprise, "enterprise")
    own, *shared = sorted(final.shown)
    db.session.get_one(Question, own).organization_id = plant.id
    final.competition.organization_id = plant.id
    db.session.commit()
    admin = make.make_person(plant)
    make.grant(admin, "enterprise_admin", plant)
    client = app.test_client()
    sign_in(client, admin)
    said = page(client, final)
    assert "Release 1 question" in said
    assert f"{len(shared)} stay, because they belong to a bank that you do not look after (Shared bank)" in said
    press(client, final)
    assert {one.id for one in db.session.scalars(select(Question).where(Question.reserved.is_(False)))} == {own}


def test_what_nobody_has_practised_is_kept_for_official_use_again(client: FlaskClient, final: Final) -> None:
    press(client, final)
    first = next(version for version in final.bank if version.question_id in final.shown)
    forget()
    answer(final.worker, given(first, at=clock.now()))
    assert "Keep 2 for official use again" in page(client, final)
    assert "2 questions are kept for official use again" in press(client, final, "release/undo")
    assert practised(final) == {first.question_id}
    assert "so they stay released" in page(client, final)
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "questions.keep"))
    assert set(entry.details["questions"]) == final.shown - {first.question_id}


def test_what_somebody_has_seen_in_a_mock_stays_released(client: FlaskClient, final: Final) -> None:
    press(client, final)
    forget()
    start_mock(final.worker.id, final.level.id, clock.now())
    assert "Keep" not in page(client, final)
    press(client, final, "release/undo")
    assert practised(final) == final.shown


def test_a_second_press_releases_nothing_and_leaves_no_second_trace(client: FlaskClient, final: Final) -> None:
    press(client, final)
    assert "Nothing was released" in press(client, final)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "questions.release")).all()
    assert len(entries) == 1


def test_papers_stay_as_they_were(client: FlaskClient, final: Final) -> None:
    before = db.session.scalars(select(Attempt)).one().paper
    press(client, final)
    db.session.expire_all()
    assert db.session.scalars(select(Attempt)).one().paper == before


def test_the_page_of_the_result_leads_to_the_release(client: FlaskClient, final: Final) -> None:
    place = f"/organizer/competitions/{final.competition.id}"
    assert f'href="{place}/release"' in client.get(f"{place}/result").text
