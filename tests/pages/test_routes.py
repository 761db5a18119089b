from __future__ import annotations

from flask.testing import FlaskClient

from accounts.models import Person
from competitions.models import Level
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


def make_player(client: FlaskClient) -> tuple[Person, Level]:
    place = make_organization()
    person = make_person(place)
    make_bank(size=6)
    competition = make_competition(place)
    track = make_track(competition)
    level = make_level(track, pass_points=0)
    make_level(track, 2)
    make_participation(competition, person, place.path)
    sign_in(client, person)
    return person, level


def play(client: FlaskClient, level: Level) -> str:
    attempt: str = client.post(f"/levels/{level.id}/start").location
    client.post(f"{attempt}/submission")
    return attempt


def test_the_front_page_leads_to_the_level_that_comes_next(client: FlaskClient) -> None:
    _, level = make_player(client)
    assert f'href="/levels/{level.id}"' in client.get("/").text
    play(client, level)
    page = client.get("/?lang=en").text
    assert f'href="/levels/{level.id}"' not in page
    assert "Next: Level 2" in page
    assert "Rank 1 of 1" in page


def test_the_front_page_offers_competitions_not_joined_yet(client: FlaskClient) -> None:
    place = make_organization()
    make_competition(place, name_en="Welding day")
    draft = make_competition(place, name_en="Not yet public", state="draft")
    sign_in(client, make_person(place))
    page = client.get("/?lang=en").text
    assert "Welding day" in page
    assert draft.name_en not in page


def test_my_record_shows_my_attempts_and_nobody_elses(client: FlaskClient) -> None:
    _, level = make_player(client)
    attempt = play(client, level)
    page = client.get("/me?lang=en").text
    assert f'href="{attempt}/result"' in page
    assert "Rank 1 of 1" in page
    sign_in(client, make_person(make_organization()))
    assert f'href="{attempt}/result"' not in client.get("/me").text


def test_my_record_of_a_newcomer_leads_to_the_competitions(client: FlaskClient) -> None:
    sign_in(client, make_person(make_organization()))
    assert "You take part in no competition yet" in client.get("/me?lang=en").text
