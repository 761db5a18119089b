from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from accounts.models import Person
from competitions import services
from competitions.models import Answer, Attempt, Competition, Level, Participation, Track
from core import clock
from core.database import db
from organizations.models import Organization
from questions.queries import forget
from tests.factories import (
    make_bank,
    make_competition,
    make_level,
    make_media,
    make_organization,
    make_participation,
    make_person,
    make_track,
    sign_in,
)

RIGHT: dict[str, dict[str, Any]] = {
    "single": {"answer-1": "a"},
    "multiple": {"answer-1": ["a", "b"]},
    "true_false": {"answer-1": "true"},
    "fill_in": {"answer-1": "氩气"},
    "numeric": {"answer-1": "120"},
    "blanks": {"answer-1-1": " 氩气 ", "answer-1-2": "120"},
    "matching": {"answer-1-1": "a", "answer-1-2": "b", "answer-1-3": "c"},
}
"""The fields of the right answer to the first item, by kind; those of an ordering depend on how its steps stand."""

KINDS = (*RIGHT, "ordering", "parametrised")


def right_fields(kind: str, page: str) -> dict[str, Any]:
    """The fields of the right answer to the only item of a play page."""
    if kind == "parametrised":
        amperes, volts = re.findall(r"([\d.]+) amperes at ([\d.]+) volts", page)[0]
        return {"answer-1": str(float(amperes) * float(volts) / 1000)}
    if kind == "ordering":
        steps = re.findall(r'<li class="order__step" data-id="(\w)"', page)
        return {f"answer-1-{at}": str("abcd".index(step) + 1) for at, step in enumerate(steps, 1)}
    return RIGHT[kind]


@dataclass
class Scene:
    """A person who takes part in a competition of two levels, and their browser."""

    client: FlaskClient
    person: Person
    place: Organization
    competition: Competition
    track: Track
    levels: list[Level]
    participation: Participation


@pytest.fixture
def scene(client: FlaskClient) -> Scene:
    place = make_organization()
    person = make_person(place)
    make_bank(size=6)
    competition = make_competition(place, rules_zh="# 规则\n\n<script>alert(1)</script>最好成绩算数")
    track = make_track(competition)
    levels = [make_level(track, 1), make_level(track, 2)]
    participation = make_participation(competition, person, place.path)
    client.set_cookie("lang", "en")  # what a form says after its redirect is written when it is posted
    sign_in(client, person)
    return Scene(client, person, place, competition, track, levels, participation)


def begin(scene: Scene, level: Level | None = None) -> int:
    reply = scene.client.post(f"/levels/{(level or scene.levels[0]).id}/start")
    assert reply.status_code == 303
    return int(reply.location.rsplit("/", 1)[1])


def form_of(page: str) -> dict[str, Any]:
    """The fields of the play form as a browser without scripts would send them back untouched."""
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(saved-\d+)" value="([^"]*)"', page):
        fields[name] = value.replace("&#34;", '"')
    return fields


def test_a_passer_by_sees_the_unions_competitions_but_no_enterprises(client: FlaskClient) -> None:
    province = make_organization()
    plant = make_organization(province, "enterprise")
    public = make_competition(province, name_zh="全省比武")
    inner = make_competition(plant, name_zh="厂内比武")
    for page in ("/", "/competitions"):
        shown = client.get(page).text
        assert "全省比武" in shown
        assert "厂内比武" not in shown
    assert client.get(f"/competitions/{public.id}").status_code == 200
    for hidden in (inner.id, 999_999):
        reply = client.get(f"/competitions/{hidden}")
        assert (reply.status_code, reply.location) == (303, f"/login?next=/competitions/{hidden}")


def test_joining_leads_to_the_map_and_a_draft_is_found_by_nobody(scene: Scene) -> None:
    other = make_competition(scene.place, name_zh="第二场")
    assert scene.client.post(f"/competitions/{other.id}/join").location == f"/competitions/{other.id}"
    assert str(other.id) in str(db.session.query(Participation.competition_id).all())
    draft = make_competition(scene.place, state="draft")
    assert scene.client.get(f"/competitions/{draft.id}").status_code == 404
    assert scene.client.post(f"/competitions/{draft.id}/join").status_code == 404


def test_joining_what_is_over_is_refused_in_words(scene: Scene) -> None:
    now = clock.now()
    over = make_competition(scene.place, opens_at=now - timedelta(days=3), closes_at=now - timedelta(days=1))
    scene.client.post(f"/competitions/{over.id}/join")
    assert "This competition is over" in scene.client.get(f"/competitions/{over.id}?lang=en").text


def test_the_competition_page_shows_the_rules_without_their_scripts(scene: Scene) -> None:
    page = scene.client.get(f"/competitions/{scene.competition.id}").text
    assert "最好成绩算数" in page
    assert "<script>alert" not in page
    assert f'href="/levels/{scene.levels[0].id}"' in page
    assert f'href="/levels/{scene.levels[1].id}"' not in page, "a locked level is no link"


def test_a_level_says_what_awaits_and_counts_a_persons_own_time(scene: Scene) -> None:
    db.session.execute(
        db.text(
            "insert into adjustments (participation_id, kind, factor_percent, why, made_by, made_at) "
            "values (:participation, 'factor', 150, 'sight', :person, now())"
        ),
        {"participation": scene.participation.id, "person": scene.person.id},
    )
    db.session.commit()
    page = scene.client.get(f"/levels/{scene.levels[0].id}?lang=en").text
    assert "7:30" in page, "five minutes by one and a half"
    assert "longer for you: the limit is 5:00" in page
    assert "Start the clock and begin" in page


def test_a_locked_level_has_no_start_button_and_refuses_the_start(scene: Scene) -> None:
    second = scene.levels[1].id
    page = scene.client.get(f"/levels/{second}?lang=en").text
    assert "Clear the level before this one first." in page
    assert f'action="/levels/{second}/start"' not in page
    reply = scene.client.post(f"/levels/{second}/start")
    assert reply.status_code == 409
    assert "Clear the level before this one first." in reply.text
    assert db.session.query(Attempt).count() == 0


def test_no_tries_left_is_said_before_and_after_pressing(scene: Scene) -> None:
    scene.levels[0].tries_total = 1
    db.session.commit()
    scene.client.post(f"/attempts/{begin(scene)}/submission")
    assert "You have used all your tries" in scene.client.get(f"/levels/{scene.levels[0].id}?lang=en").text
    assert scene.client.post(f"/levels/{scene.levels[0].id}/start").status_code == 409


@pytest.mark.parametrize("page", ["", "/review", "/result"])
def test_an_attempt_of_somebody_else_is_not_found(scene: Scene, page: str) -> None:
    attempt_id = begin(scene)
    sign_in(scene.client, make_person(scene.place))
    assert scene.client.get(f"/attempts/{attempt_id}{page}").status_code == 404
    assert scene.client.get(f"/attempts/999999{page}").status_code == 404


def test_nobody_else_saves_or_hands_in(scene: Scene) -> None:
    attempt_id = begin(scene)
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    sign_in(scene.client, make_person(scene.place))
    reply = scene.client.post(f"/attempts/{attempt_id}", data={**fields, "answer-1": "a"})
    assert reply.status_code == 404
    assert scene.client.post(f"/attempts/{attempt_id}/submission").status_code == 404
    assert db.session.query(Answer).count() == 0
    assert db.session.get_one(Attempt, attempt_id).state == "open"


@pytest.mark.parametrize("address", ["/levels/1", "/attempts/1", "/attempts/1/review", "/attempts/1/result", "/me"])
def test_pages_of_a_person_ask_a_stranger_to_sign_in(client: FlaskClient, address: str) -> None:
    reply = client.get(address)
    assert (reply.status_code, reply.location) == (303, f"/login?next={address}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_form_saves_every_type_and_a_repeat_changes_nothing(scene: Scene, kind: str) -> None:
    attempt_id = begin_one(scene, kind)
    page = scene.client.get(f"/attempts/{attempt_id}").text
    fields = form_of(page)
    sent = {**fields, **right_fields(kind, page), "flag-1": "1", "then": "review"}
    assert scene.client.post(f"/attempts/{attempt_id}", data=sent).location == f"/attempts/{attempt_id}/review"
    assert scene.client.post(f"/attempts/{attempt_id}", data=sent).status_code == 303
    row = db.session.query(Answer).filter_by(attempt_id=attempt_id).one()
    assert (row.seq, row.flagged) == (1, True)
    review = scene.client.get(f"/attempts/{attempt_id}/review?lang=en").text
    assert "All questions are answered" in review
    assert "{{" not in review
    again = scene.client.get(f"/attempts/{attempt_id}").text
    assert right_fields(kind, again) == right_fields(kind, page), "the steps still stand where they stood"
    untouched = {**form_of(again), **right_fields(kind, page), "flag-1": "1"}
    assert scene.client.post(f"/attempts/{attempt_id}", data=untouched).status_code == 303
    assert db.session.query(Answer.seq).filter_by(attempt_id=attempt_id).scalar() == 1
    scene.client.post(f"/attempts/{attempt_id}/submission")
    result = scene.client.get(f"/attempts/{attempt_id}/result").text
    assert "10<small>" in result
    assert "10 of 10 points" in result
    assert "Because" in result or "/ 1000 = " in result
    assert "Textbook fact" in result


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_takes_an_answer_of_every_type_back(scene: Scene, kind: str) -> None:
    attempt_id = begin_one(scene, kind)
    page = scene.client.get(f"/attempts/{attempt_id}").text
    right = right_fields(kind, page)
    scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **right})
    page = scene.client.get(f"/attempts/{attempt_id}").text
    scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **dict.fromkeys(right, " ")})
    assert db.session.query(Answer.value).filter_by(attempt_id=attempt_id).scalar() is None
    assert "1 question is unanswered: 1." in scene.client.get(f"/attempts/{attempt_id}/review").text


def begin_one(scene: Scene, kind: str, credit: str = "all", **changes: Any) -> int:
    """Start a level of one item of a kind, in a trade of its own."""
    make_bank(f"trade_{kind}", 1, kind, credit, **changes)
    position = db.session.query(Track).count() + 1
    track = make_track(scene.competition, trade_code=f"trade_{kind}", position=position)
    return begin(scene, make_level(track, items=1, pass_points=10))


def test_steps_with_the_same_number_or_none_are_put_where_there_is_room_and_the_page_says_so(scene: Scene) -> None:
    attempt_id = begin_one(scene, "ordering")
    page = scene.client.get(f"/attempts/{attempt_id}").text
    first, second, third, fourth = re.findall(r'<li class="order__step" data-id="(\w)"', page)
    places = {"answer-1-1": "2", "answer-1-2": "2", "answer-1-3": "1", "answer-1-4": ""}
    scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **places})
    assert db.session.query(Answer.value).filter_by(attempt_id=attempt_id).scalar() == [third, first, second, fourth]
    again = scene.client.get(f"/attempts/{attempt_id}").text
    assert "Question 1: steps without a number of their own got the free ones." in again
    assert re.findall(r"<option selected>(\d)", again) == ["2", "3", "1", "4"]


def test_the_order_of_steps_of_blanks_and_of_matches_is_a_change_and_that_of_ticks_is_none(scene: Scene) -> None:
    for kind, one, other, saves in (
        ("multiple", {"answer-1": ["a", "b"]}, {"answer-1": ["b", "a"]}, 1),
        ("blanks", {"answer-1-1": "x"}, {"answer-1-2": "x"}, 2),
        ("matching", {"answer-1-1": "a", "answer-1-2": "b"}, {"answer-1-1": "b", "answer-1-2": "a"}, 2),
    ):
        attempt_id = begin_one(scene, kind)
        for fields in (one, other):
            page = scene.client.get(f"/attempts/{attempt_id}").text
            scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **fields})
        assert db.session.query(Answer.seq).filter_by(attempt_id=attempt_id).scalar() == saves, kind
        scene.client.post(f"/attempts/{attempt_id}/submission")


def cells(page: str) -> list[str]:
    """What the table of a result says, cell by cell, in English."""
    found = re.findall(r'data-label="[^"]*">(.*?)</t[hd]>', page, re.S)
    plain = [re.sub(r'<span class="bi" lang="zh-CN">.*?</span>', "", cell) for cell in found]
    labels = [re.sub(r'<svg[^>]*aria-label="(\w+)".*?</svg>', r"\1: ", cell, flags=re.S) for cell in plain]
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in labels]


@pytest.mark.parametrize(
    ("kind", "credit", "fields", "badge", "marks", "said"),
    [
        (
            "blanks",
            "each",
            {"answer-1-1": "argon", "answer-1-2": "99"},
            "Partly right",
            "5 of 10 points",
            ["Blank 1", "right: argon", "氩气 / argon", "Blank 2", "wrong: 99", "120"],
        ),
        (
            "blanks",
            "all",
            {"answer-1-1": "argon"},
            "Wrong",
            "0 of 10 points",
            ["Blank 1", "right: argon", "氩气 / argon", "Blank 2", "wrong: no answer", "120"],
        ),
        (
            "matching",
            "each",
            {"answer-1-1": "a", "answer-1-3": "d"},
            "Partly right",
            "3 of 10 points",
            [
                *("Prompt 1", "right: Option a", "Option a"),
                *("Prompt 2", "wrong: no answer", "Option b"),
                *("Prompt 3", "wrong: Option d", "Option c"),
            ],
        ),
        (
            "matching",
            "each",
            {},
            "Unanswered",
            "0 of 10 points",
            [
                *("Prompt 1", "wrong: no answer", "Option a"),
                *("Prompt 2", "wrong: no answer", "Option b"),
                *("Prompt 3", "wrong: no answer", "Option c"),
            ],
        ),
    ],
)
def test_the_result_sets_every_part_of_an_answer_beside_the_key(
    scene: Scene, kind: str, credit: str, fields: dict[str, str], badge: str, marks: str, said: list[str]
) -> None:
    attempt_id = begin_one(scene, kind, credit)
    page = scene.client.get(f"/attempts/{attempt_id}").text
    assert ("earns its share" in page) == (credit == "each"), "how parts count is said before the answer"
    scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **fields})
    scene.client.post(f"/attempts/{attempt_id}/submission")
    result = scene.client.get(f"/attempts/{attempt_id}/result").text
    assert badge in result
    assert marks in result
    assert cells(result) == said


def test_the_result_shows_both_orders_and_which_steps_stand_right(scene: Scene) -> None:
    attempt_id = begin_one(scene, "ordering", "each")
    page = scene.client.get(f"/attempts/{attempt_id}").text
    steps = re.findall(r'<li class="order__step" data-id="(\w)"', page)
    places = {f"answer-1-{at}": str("abdc".index(step) + 1) for at, step in enumerate(steps, 1)}
    scene.client.post(f"/attempts/{attempt_id}", data={**form_of(page), **places})
    scene.client.post(f"/attempts/{attempt_id}/submission")
    result = scene.client.get(f"/attempts/{attempt_id}/result").text
    assert "5 of 10 points" in result
    assert cells(result) == [
        *("Step 1", "right: Option a", "Option a"),
        *("Step 2", "right: Option b", "Option b"),
        *("Step 3", "wrong: Option d", "Option c"),
        *("Step 4", "wrong: Option c", "Option d"),
    ]


def test_a_chosen_right_option_is_told_from_one_that_was_left_out(scene: Scene) -> None:
    attempt_id = begin_one(scene, "multiple", "partial")
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    scene.client.post(f"/attempts/{attempt_id}", data={**fields, "answer-1": "b"})
    scene.client.post(f"/attempts/{attempt_id}/submission")
    result = scene.client.get(f"/attempts/{attempt_id}/result").text
    rows = result.split('<label class="option')[1:]
    verdicts = {row.split('value="')[1][0]: re.findall(r"</svg>([^<]+)</span>", row) for row in rows}
    assert "5 of 10 points" in result
    assert verdicts == {"a": ["Right answer"], "b": ["Your answer, right"], "c": [], "d": []}


def test_a_case_stands_above_each_of_its_questions_with_its_images(scene: Scene) -> None:
    picture = make_media()
    case = {"code": "c1", "stem": {"zh": "变电站", "en": "A substation"}, "media": [picture]}
    make_bank("cases", 1, "case", case_group=case)
    track = make_track(scene.competition, trade_code="cases", position=10)
    blueprint = [{"topic": None, "type": "case", "difficulty": None, "count": 1, "points": 10}]
    attempt_id = begin(scene, make_level(track, blueprint=blueprint))
    page = scene.client.get(f"/attempts/{attempt_id}").text
    assert page.count("A substation") == page.count("Case for questions 1 to 3") == 3
    assert [page.count(f"Question {n} of 3 of this case") for n in (1, 2, 3)] == [1, 1, 1]
    assert page.count(f'src="/media/{picture["sha256"]}" alt="A black dot"') == 3
    assert page.count("<details") - page.count("open>") == 2, "without scripts it is read once"
    assert scene.client.get(f"/media/{picture['sha256']}").mimetype == "image/png"


def test_images_of_questions_options_and_prompts_and_sounds_are_in_the_page(scene: Scene) -> None:
    def illustrated(kind: str, words: str) -> list[dict[str, Any]]:
        return [{"id": one, "zh": one, "en": one, "image": make_media(en=f"{words} {one}")} for one in kind]

    sound = make_media(b"\xff\xfb\x90\x64" + bytes(413), en="A motor")
    attempt_id = begin_one(scene, "single", options=illustrated("ab", "Option"), media=[make_media(), sound])
    page = scene.client.get(f"/attempts/{attempt_id}").text
    assert page.count("<img") == 3
    for words in ("Option a", "Option b", "A black dot"):
        assert f'alt="{words}"' in page
    assert f'<audio controls preload="metadata" src="/media/{sound["sha256"]}">' in page
    scene.client.post(f"/attempts/{attempt_id}/submission")
    assert scene.client.get(f"/attempts/{attempt_id}/result").text.count("<img") == 3
    attempt_id = begin_one(scene, "matching", options=illustrated("abcd", "Option"), prompts=illustrated("pqr", "Part"))
    assert scene.client.get(f"/attempts/{attempt_id}").text.count("<img") == 7


def test_an_old_form_never_overwrites_what_another_device_saved_since(scene: Scene) -> None:
    attempt_id = begin(scene)
    old = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    scene.client.post(f"/attempts/{attempt_id}", data={**old, "answer-1": "b"})
    scene.client.post(f"/attempts/{attempt_id}", data={**old, "answer-1": "c", "answer-2": "d"})
    page = scene.client.get(f"/attempts/{attempt_id}?lang=en").text
    assert "Question 1: a newer answer was already saved and stands." in page
    assert {row.position: row.value for row in db.session.query(Answer)} == {1: ["b"], 2: ["d"]}
    scene.client.post(f"/attempts/{attempt_id}", data=old)
    assert db.session.query(Answer).count() == 2, "what the person left alone is not taken back"


def test_a_form_that_was_tampered_with_is_refused_whole(scene: Scene) -> None:
    attempt_id = begin(scene)
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    for bad in ("", "[]", "[-1,null,false]", '["x",null,false]', "[1]", "[99999999999999999999,null,false]"):
        reply = scene.client.post(f"/attempts/{attempt_id}", data={**fields, "saved-1": bad, "answer-1": "a"})
        assert reply.status_code == 422, bad
    assert scene.client.post(f"/attempts/{attempt_id}", data={**fields, "answer-1": "zz"}).status_code == 422
    assert db.session.query(Answer).count() == 0


def test_the_form_says_what_came_too_late(scene: Scene, superuser: psycopg.Connection[Any]) -> None:
    attempt_id = begin(scene)
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    backdate(superuser, attempt_id)
    reply = scene.client.post(f"/attempts/{attempt_id}", data={**fields, "answer-1": "a"})
    assert reply.location == f"/attempts/{attempt_id}/result"
    page = scene.client.get(f"/attempts/{attempt_id}/result?lang=en").text
    assert "Not saved, the attempt is over: question 1." in page
    assert "Time was up" in page, "the first read brings it to its result"


def backdate(superuser: psycopg.Connection[Any], attempt_id: int) -> None:
    with superuser.transaction():
        superuser.execute("set local session_replication_role = replica")
        superuser.execute(
            "update attempts set started_at = now() - interval '10 minutes', "
            "deadline_at = now() - interval '5 minutes' where id = %s",
            (attempt_id,),
        )


def test_clearing_a_level_shows_receipt_and_the_next_level(scene: Scene) -> None:
    attempt_id = begin(scene)
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    scene.client.post(f"/attempts/{attempt_id}", data={**fields, "answer-1": "a", "answer-2": "a", "answer-3": "b"})
    reply = scene.client.post(f"/attempts/{attempt_id}/submission")
    assert reply.location == f"/attempts/{attempt_id}/result"
    page = scene.client.get(f"/attempts/{attempt_id}/result?lang=en").text
    receipt = services.receipt(db.session.get_one(Attempt, attempt_id))
    assert receipt.signature in page
    assert receipt.answers_hash in page
    assert f'href="/levels/{scene.levels[1].id}"' in page
    assert "is unlocked" in page
    assert scene.client.get(f"/attempts/{attempt_id}").location == f"/attempts/{attempt_id}/result"
    assert f'href="/attempts/{attempt_id}/result"' in scene.client.get("/me").text


def test_every_page_but_the_play_page_tells_of_the_running_attempt(scene: Scene) -> None:
    assert "You are in the middle of" not in scene.client.get("/competitions?lang=en").text
    attempt_id = begin(scene)
    for page in ("/competitions", "/me", "/leaderboards"):
        assert f'href="/attempts/{attempt_id}"' in scene.client.get(page).text, page
    assert "You are in the middle of" not in scene.client.get(f"/attempts/{attempt_id}?lang=en").text
    assert "Your attempt is running" in scene.client.get("/?lang=en").text


NUMBER = "70911309770911"
"""So long that no hash, signature or moment of a page holds it by chance."""
SECRETS = ("KEYTEXT", NUMBER, "EXPLAINED", "GROUNDED", "凭据", "解释")


def plant_secrets(superuser: psycopg.Connection[Any], right: str) -> None:
    """Give every question a key, an explanation and a source whose words would be seen if they left."""
    with superuser.transaction():
        superuser.execute("set local session_replication_role = replica")
        superuser.execute(
            """
            update question_versions set
                explanation = '{"zh": "解释", "en": "EXPLAINED"}', source = '{"zh": "凭据", "en": "GROUNDED"}',
                key = case
                    when key ? 'blanks' then jsonb_build_object('blanks', jsonb_build_array('["KEYTEXT"]'::jsonb,
                        jsonb_build_array(%(number)s::text)))
                    when key ? 'order' then jsonb_build_object('order', '["a", "b", "c", "d"]'::jsonb - %(right)s
                        || jsonb_build_array(%(right)s))
                    when key ? 'pairs' then jsonb_build_object('pairs', '{"p2": "c", "p3": "d"}'::jsonb
                        || jsonb_build_object('p1', %(right)s))
                    when key ? 'expression'
                        then key || jsonb_build_object('expression', %(number)s::text, 'decimals', 0)
                    else case type
                    when 'fill_in' then '{"accepted": ["KEYTEXT"]}'::jsonb
                    when 'numeric' then '{"tolerance": "0", "unit": {"zh": "A", "en": "A"}}'::jsonb
                        || jsonb_build_object('value', %(number)s::text)
                    when 'true_false' then jsonb_build_object('truth', %(right)s = 'a')
                    else jsonb_build_object('options', jsonb_build_array(%(right)s::text)) end end
            """,
            {"right": right, "number": NUMBER},
        )
    forget()


def scrub(page: str) -> str:
    """A page without what no two have in common."""
    return re.sub(r'(csrf_token" value|nonce)="[^"]*"', r"\1", page)


@pytest.mark.parametrize("reveal", ["never", "after_close"])
def test_a11_nothing_of_a_key_leaves_before_it_may_be_seen(
    scene: Scene, superuser: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, reveal: str
) -> None:
    types = ("single", "multiple", "true_false", "fill_in", "numeric", "ordering", "matching", "case")
    blueprint = [
        {"topic": None, "type": type_, "difficulty": None, "count": 1 if type_ == "case" else 2, "points": 10}
        for type_ in types
    ]
    for kind in (*KINDS, "case"):
        make_bank(size=1 if kind in ("blanks", "fill_in", "numeric", "parametrised") else 2, type_=kind)
    level = make_level(scene.track, 3, blueprint=blueprint, reveal=reveal)
    scene.levels[0].pass_points = scene.levels[1].pass_points = 0
    db.session.commit()
    for one in scene.levels:
        scene.client.post(f"/attempts/{begin(scene, one)}/submission")
    plant_secrets(superuser, "a")
    attempt_id = begin(scene, level)
    fields = form_of(scene.client.get(f"/attempts/{attempt_id}").text)
    scene.client.post(f"/attempts/{attempt_id}", data={**fields, "flag-1": "1"})

    while_playing = [
        f"/competitions/{scene.competition.id}",
        f"/levels/{level.id}",
        f"/attempts/{attempt_id}",
        f"/attempts/{attempt_id}/review",
        f"/api/v1/competitions/{scene.competition.id}",
        f"/api/v1/attempts/{attempt_id}",
    ]

    def read(addresses: list[str]) -> list[str]:
        replies = [scene.client.get(address) for address in addresses]
        assert [reply.status_code for reply in replies] == [200] * len(addresses)
        return [scrub(reply.text) for reply in replies]

    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    read(while_playing[:1])  # shows the notice about the save, once
    first = read(while_playing)
    plant_secrets(superuser, "b")
    assert read(while_playing) == first, "with other keys the same bytes leave: nothing follows from a key"
    again = scene.client.post(f"/api/v1/levels/{level.id}/attempts")
    assert again.status_code == 200
    handed_in = scene.client.post(f"/api/v1/attempts/{attempt_id}/submission")
    assert json.loads(handed_in.text)["items"] is None
    afterwards = read([f"/attempts/{attempt_id}/result", f"/api/v1/attempts/{attempt_id}/result", "/me"])
    for page in (*first, again.text, handed_in.text, *afterwards):
        for secret in SECRETS:
            assert secret not in page


def test_a11_keys_show_after_the_close_when_the_level_says_so(scene: Scene, superuser: psycopg.Connection[Any]) -> None:
    scene.levels[0].reveal = "after_close"
    db.session.commit()
    plant_secrets(superuser, "a")
    attempt_id = begin(scene)
    scene.client.post(f"/attempts/{attempt_id}/submission")
    assert "EXPLAINED" not in scene.client.get(f"/attempts/{attempt_id}/result?lang=en").text
    services.close_competition(scene.competition.id, scene.person.id)
    assert "EXPLAINED" in scene.client.get(f"/attempts/{attempt_id}/result?lang=en").text
