"""The pages of practice and their JSON, without a script."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select

from accounts.models import Person
from core.database import db
from practice.models import PracticeAnswer, PracticeMock
from practice.queries import list_favourites
from questions.models import QuestionVersion
from tests.factories import (
    make_bank,
    make_competition,
    make_level,
    make_organization,
    make_participation,
    make_person,
    make_track,
    sign_in,
)
from tests.practice.helpers import NOON, Workplace, answer, change, given, learner, make_workplace


@dataclass
class Scene:
    """A signed-in worker at noon on a Monday, and the clock, which a test may move."""

    client: FlaskClient
    work: Workplace
    clock: time_machine.Traveller

    @property
    def person(self) -> Person:
        """The worker."""
        return self.work.person

    def get(self, address: str) -> str:
        """A page in English."""
        reply = self.client.get(address, headers={"Accept-Language": "en"}, follow_redirects=True)
        assert reply.status_code == 200, reply.status_code
        return html.unescape(reply.text)

    def send(self, address: str, **fields: Any) -> str:
        """Send the form of the question that an address shows, with these fields, and return the page that follows."""
        page = self.get(address)
        known = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        reply = self.client.post(address, data=known | fields, follow_redirects=True)
        assert reply.status_code == 200, reply.status_code
        return html.unescape(reply.text)


@pytest.fixture
def scene(client: FlaskClient) -> Iterator[Scene]:
    with time_machine.travel(NOON, tick=False) as clock:
        work = make_workplace()
        client.set_cookie("lang", "en")
        sign_in(client, work.person, expires_at=NOON + timedelta(days=400))
        yield Scene(client, work, clock)


def stored() -> list[PracticeAnswer]:
    db.session.rollback()
    return list(db.session.scalars(select(PracticeAnswer).order_by(PracticeAnswer.id)))


def shown_question(page: str) -> int:
    found = re.search(r'data-question-id="(\d+)"', page)
    assert found
    return int(found[1])


def test_the_whole_way_of_a_wrong_answer_with_the_clock_moved(scene: Scene) -> None:
    page = scene.send("/practice/welding/ordered", **{"answer-1": "b"})
    assert "Your answer, wrong" in page
    assert "Because" in page
    assert "Textbook fact" in page
    assert "It is in your wrong-answer book" in page
    first = scene.work.versions[0]
    assert shown_question(scene.get("/practice/welding/ordered")) == scene.work.versions[1].question_id
    assert "Nothing is due now" in scene.get("/practice/welding/wrong")
    assert f"Question {first.stem['en'].split()[-1]}" in scene.get("/practice/welding/book")
    pauses = []
    for _ in range(8):
        page, waited = scene.get("/practice/welding/wrong"), 0
        while "Nothing is due now" in page:
            scene.clock.shift(timedelta(days=1))
            waited += 1
            page = scene.get("/practice/welding/wrong")
        if "Your wrong-answer book is empty" in page:
            break
        pauses.append(waited)
        assert shown_question(page) == first.question_id
        page = scene.send("/practice/welding/wrong", **{"answer-1": "a"})
        assert "Right</span></h1>" in page
    assert pauses[0] == 1
    assert len(pauses) >= 2
    assert "Your wrong-answer book is empty" in scene.get("/practice/welding/book")


def test_an_empty_answer_is_asked_for_again_and_not_knowing_shows_the_answer(scene: Scene) -> None:
    page = scene.send("/practice/welding/ordered")
    assert "Give an answer first" in page
    assert stored() == []
    page = scene.send("/practice/welding/ordered", unknown="1")
    assert "Here is the answer" in page
    assert [(one.value, one.share) for one in stored()] == [(None, 0.0)]


def test_marking_with_certainty_is_remembered_and_adds_up(scene: Scene) -> None:
    assert "How sure are you?" not in scene.get("/practice/welding/ordered")
    assert "It teaches you" in scene.get("/practice/welding/ordered?certainty=on")
    page = scene.send("/practice/welding/ordered", **{"answer-1": "a", "certainty": "3"})
    assert "Certainty points: +3 for this answer, 3 in all." in page
    page = scene.send("/practice/welding/ordered", **{"answer-1": "b", "certainty": "2"})
    assert "Certainty points: −2 for this answer, 1 in all." in page
    assert "How sure are you?" not in scene.get("/practice/welding/ordered?certainty=off")


@pytest.mark.parametrize(
    ("type_", "fields", "share"),
    [
        ("multiple", {"answer-1": ["a", "b"]}, 1),
        ("true_false", {"answer-1": "true"}, 1),
        ("fill_in", {"answer-1": "ARGON"}, 1),
        ("blanks", {"answer-1-1": "argon", "answer-1-2": "12"}, 0),
        ("numeric", {"answer-1": "120.4"}, 1),
        ("parametrised", {"answer-1": "0.1"}, 0),
        ("matching", {"answer-1-1": "a", "answer-1-2": "b", "answer-1-3": "c"}, 1),
        ("case", {"answer-1": "a"}, 1),
    ],
)
def test_every_type_of_item_can_be_practised_without_a_script(
    scene: Scene, type_: str, fields: dict[str, Any], share: int
) -> None:
    make_bank("nursing", size=1, type_=type_)
    page = scene.send("/practice/nursing/ordered", **fields)
    assert "Next question" in page
    assert [one.share for one in stored()] == [share]
    assert "Because" in page or type_ == "parametrised"


def test_each_question_of_a_case_says_which_of_the_case_it_is(scene: Scene) -> None:
    make_bank("nursing", size=2, type_="case")
    page = scene.get("/practice/nursing/ordered")
    assert "Question 1 of 3 of this case" in page
    known = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    after = scene.client.post("/practice/nursing/ordered", data=known | {"answer-1": "a"})
    assert "Question 1 of 3 of this case" in scene.get(after.location)
    assert "Question 2 of 3 of this case" in scene.get("/practice/nursing/ordered")


def test_an_ordering_is_answered_by_numbers(scene: Scene) -> None:
    make_bank("nursing", size=1, type_="ordering")
    page = scene.get("/practice/nursing/ordered")
    drawn = re.findall(r'data-id="(\w)"', page)
    places = {f"answer-1-{number}": "abcd".index(id_) + 1 for number, id_ in enumerate(drawn, 1)}
    known = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    scene.client.post("/practice/nursing/ordered", data=known | places)
    assert [(one.value, one.share) for one in stored()] == [(["a", "b", "c", "d"], 1.0)]


def test_sending_a_form_twice_records_it_once(scene: Scene) -> None:
    page = scene.get("/practice/welding/ordered")
    known = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    replies = [scene.client.post("/practice/welding/ordered", data=known | {"answer-1": "a"}) for _ in range(2)]
    assert replies[0].location == replies[1].location
    assert len(stored()) == 1


def test_another_persons_answer_and_mock_are_as_if_absent(scene: Scene) -> None:
    other = make_person(scene.work.team)
    answer_id = answer(other, given(scene.work.versions[0])).recorded[0].answer_id
    assert scene.client.get(f"/practice/answers/{answer_id}").status_code == 404
    mock = PracticeMock(
        person_id=other.id,
        trade_code="welding",
        level_id=1,
        name={"zh": "关", "en": "Level"},
        paper=[],
        pass_points=1,
        max_points=1,
        started_at=NOON,
        deadline_at=NOON,
    )
    db.session.add(mock)
    db.session.commit()
    assert scene.client.get(f"/practice/mocks/{mock.id}").status_code == 404
    assert scene.client.post(f"/practice/mocks/{mock.id}").status_code == 404


def test_a_reserved_question_can_be_neither_answered_nor_looked_at(scene: Scene) -> None:
    version = scene.work.versions[0]
    answer_id = answer(scene.person, given(version)).recorded[0].answer_id
    assert "Because" in scene.get(f"/practice/answers/{answer_id}")
    change(version, reserved=True)
    assert scene.client.get(f"/practice/answers/{answer_id}").status_code == 404
    fields = {"question_id": version.question_id, "version_id": version.id, "seed": 1, "client_id": "x" * 9}
    assert scene.client.post("/practice/welding/ordered", data=fields | {"answer-1": "a"}).status_code == 404
    assert len(stored()) == 1


@pytest.mark.parametrize("change", [{"question_id": "x"}, {"seed": "-1"}, {"client_id": "a b"}, {"certainty": "4"}])
def test_a_form_that_was_tampered_with_is_refused(scene: Scene, change: dict[str, str]) -> None:
    version = scene.work.versions[0]
    fields = {"question_id": version.question_id, "version_id": version.id, "seed": 1, "client_id": "x" * 9}
    reply = scene.client.post("/practice/welding/ordered", data=fields | {"answer-1": "a"} | change)
    assert reply.status_code == 422
    assert stored() == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("wrong", "Your wrong-answer book is empty"),
        ("favourites", "No favourites yet"),
        ("weak", "No weak topics are known yet"),
    ],
)
def test_a_way_to_practise_without_questions_says_what_to_do(scene: Scene, mode: str, words: str) -> None:
    page = scene.get(f"/practice/welding/{mode}")
    assert words in page
    assert "Practise at random" in page


def test_the_daily_ten_end_and_the_ordered_drill_begins_again(scene: Scene) -> None:
    for _ in range(9):
        scene.send("/practice/welding/daily", **{"answer-1": "a"})
    assert "15 learning points earned." in scene.send("/practice/welding/daily", **{"answer-1": "a"})
    assert "Today's ten are done" in scene.get("/practice/welding/daily")
    for _ in range(12):
        scene.send("/practice/welding/ordered", **{"answer-1": "a"})
    assert "You have come to the end" in scene.get("/practice/welding/ordered")
    scene.client.post("/practice/welding/ordered/begin-again")
    assert shown_question(scene.get("/practice/welding/ordered")) == scene.work.versions[0].question_id


def test_a_favourite_is_kept_after_an_answer_and_listed(scene: Scene) -> None:
    scene.send("/practice/welding/ordered", **{"answer-1": "a"})
    question_id = scene.work.versions[0].question_id
    kept = scene.client.post(f"/practice/welding/favourites/{question_id}", data={"kept": "1"}, follow_redirects=True)
    assert "Kept among your favourites." in kept.text
    assert list_favourites(learner(scene.person)) == [question_id]
    assert "1 question" in scene.get("/practice/welding/kept")
    scene.client.post(f"/practice/welding/favourites/{question_id}", data={"kept": "0"})
    assert list_favourites(learner(scene.person)) == []


def test_the_pages_show_progress_streak_and_what_is_due(scene: Scene) -> None:
    assert "Choose a trade" in scene.get("/practice")
    assert "Choose your trade and begin." in scene.get("/")
    answer(scene.person, *(given(one, "wrong", at=NOON - timedelta(days=3)) for one in scene.work.versions[:6]))
    page = scene.get("/practice")
    assert "6 questions from your wrong-answer book are due." in page
    assert "one question today keeps it" in page
    page = scene.get("/practice/welding")
    assert "0 of 6 right" in page
    assert "Weak" in page
    assert "6 questions from your wrong-answer book are due." in scene.get("/")


def test_a_long_wrong_answer_book_has_pages(scene: Scene) -> None:
    more = make_bank(size=15)
    answer(scene.person, *(given(one, "wrong") for one in [*more, *scene.work.versions][:20]))
    answer(scene.person, given(scene.work.versions[-1], "wrong"))
    assert scene.get("/practice/welding/book").count("<details") == 20
    assert scene.get("/practice/welding/book?page=2").count("<details") == 1
    assert scene.client.get("/practice/welding/book?page=3").status_code == 404


def test_a_mock_level_is_played_with_a_form_and_never_counts(scene: Scene) -> None:
    level = make_level(make_track(make_competition(scene.work.enterprise)), items=5, pass_points=30)
    page = scene.get("/practice/welding")
    assert f'href="/practice/levels/{level.id}"' in page
    assert "never counts" in scene.get(f"/practice/levels/{level.id}")
    mock = scene.client.post(f"/practice/levels/{level.id}/start").location
    page = scene.get(mock)
    assert page.count('class="question"') == 5
    assert "Because" not in page
    scene.clock.shift(60)
    page = scene.client.post(mock, data={f"answer-{n}": "a" for n in (1, 2, 3)}, follow_redirects=True).text
    assert "This would have cleared the level: the pass mark is 30." in page
    assert "Because" in page
    assert "after the time" not in page
    assert shown_question(scene.get(f"/practice/welding/level?level={level.id}"))


def test_a_mock_handed_in_late_says_so_and_one_that_cannot_be_drawn_is_refused(scene: Scene) -> None:
    track = make_track(make_competition(scene.work.enterprise))
    mock = scene.client.post(f"/practice/levels/{make_level(track).id}/start").location
    scene.clock.shift(301)
    assert "The time is over." in scene.get(mock)
    scene.clock.shift(30)
    page = scene.client.post(mock, data={"answer-1": "a"}, follow_redirects=True).text
    assert "handed in after the time" in page
    reply = scene.client.post(f"/practice/levels/{make_level(track, 2, items=90).id}/start")
    assert reply.status_code == 409
    assert "too few questions" in reply.text


def test_the_result_of_a_failed_level_leads_to_its_practice(scene: Scene) -> None:
    competition = make_competition(scene.work.enterprise)
    level = make_level(make_track(competition))
    make_participation(competition, scene.person, scene.work.team.path)
    attempt = scene.client.post(f"/levels/{level.id}/start").location
    scene.client.post(f"{attempt}/submission")
    assert f'href="/practice/levels/{level.id}"' in scene.get(f"{attempt}/result")


def test_a_level_one_may_not_see_cannot_be_practised(scene: Scene) -> None:
    level = make_level(make_track(make_competition(make_organization())))
    for address in (
        f"/practice/levels/{level.id}",
        f"/practice/welding/level?level={level.id}",
        "/practice/welding/level",
    ):
        assert scene.client.get(address).status_code == 404
    assert scene.client.post(f"/practice/levels/{level.id}/start").status_code == 404
    assert scene.client.get("/practice/nothing").status_code == 404


def body(version: QuestionVersion, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": f"device-{version.id}",
        "trade": "welding",
        "mode": "random",
        "question_id": version.question_id,
        "version_id": version.id,
        "seed": 1,
        "value": ["a"],
    } | changes


def test_the_api_gives_the_next_questions_with_their_keys_and_without_those_known(scene: Scene) -> None:
    versions = scene.work.versions
    change(versions[3], reserved=True)
    known = f"{versions[0].question_id},{versions[1].question_id}"
    found = scene.client.get(f"/api/v1/practice/welding/questions?mode=ordered&exclude={known}").get_json()
    assert [one["question_id"] for one in found] == [
        one.question_id for one in versions if one not in (versions[0], versions[1], versions[3])
    ]
    assert found[0]["key"] == ["a"]
    assert found[0]["explanation"] == {"zh": "因为所以", "en": "Because"}
    assert sorted(option["id"] for option in found[0]["item"]["options"]) == list("abcd")
    (piece,) = scene.client.get("/api/v1/practice/welding/questions?mode=ordered&count=1&fragments=true").get_json()
    assert piece["item"] is None
    assert f'data-question-id="{versions[0].question_id}"' in piece["fragment"]


def test_the_api_takes_a_batch_kept_without_a_line_dates_it_and_takes_it_once(scene: Scene) -> None:
    one, two, three = scene.work.versions[:3]
    batch = {
        "answers": [
            body(one, value=["b"], age_ms=2 * 86_400_000),
            body(two, certainty=3),
            body(three, value="nonsense"),
            body(three, client_id="device-other", trade="unknown"),
        ]
    }
    said = scene.client.post("/api/v1/practice/answers", json=batch).get_json()
    assert [(item["outcome"], item["share"]) for item in said["recorded"]] == [
        ("recorded", 0.0),
        ("recorded", 1.0),
        ("refused", 0.0),
        ("refused", 0.0),
    ]
    progress = said["progress"]
    assert (progress["done"], progress["due"], progress["certainty_points"], progress["streak_days"]) == (2, 1, 3, 2)
    assert [item.answered_at for item in stored()] == [NOON - timedelta(days=2), NOON]
    again = scene.client.post("/api/v1/practice/answers", json=batch).get_json()
    assert [item["outcome"] for item in again["recorded"]] == ["known", "known", "refused", "refused"]
    assert len(stored()) == 2
    assert scene.client.get("/api/v1/practice/welding").get_json() == again["progress"]


@pytest.mark.parametrize(
    "wrong",
    [{"seed": -1}, {"client_id": "x"}, {"mode": "mock"}, {"certainty": 4}, {"age_ms": -1}, {"more": 1}, {"value": 7}],
)
def test_the_api_refuses_what_cannot_be_an_answer(scene: Scene, wrong: dict[str, Any]) -> None:
    reply = scene.client.post("/api/v1/practice/answers", json={"answers": [body(scene.work.versions[0], **wrong)]})
    assert reply.status_code == 422
    assert stored() == []


def test_the_api_takes_twenty_answers_at_once_and_not_more(scene: Scene) -> None:
    version = scene.work.versions[0]
    many = [body(version, client_id=f"device-{number}") for number in range(21)]
    assert scene.client.post("/api/v1/practice/answers", json={"answers": many}).status_code == 422
    assert scene.client.post("/api/v1/practice/answers", json={"answers": many[:20]}).status_code == 200
    assert db.session.scalar(select(func.count()).select_from(PracticeAnswer)) == 20


def test_the_api_keeps_and_gives_up_favourites(scene: Scene) -> None:
    question_id = scene.work.versions[0].question_id
    address = f"/api/v1/practice/welding/favourites/{question_id}"
    assert [scene.client.put(address).status_code for _ in range(2)] == [204, 204]
    assert list_favourites(learner(scene.person)) == [question_id]
    assert scene.client.delete(address).status_code == 204
    assert list_favourites(learner(scene.person)) == []
    assert scene.client.put("/api/v1/practice/welding/favourites/999999").status_code == 404


def test_a_visitor_is_asked_to_sign_in(client: FlaskClient) -> None:
    make_bank()
    assert client.get("/practice/welding").status_code == 303
    assert client.get("/api/v1/practice/welding").status_code == 401
    assert client.post("/api/v1/practice/answers", json={}).status_code == 401
