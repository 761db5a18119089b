"""The ranking and the participants as files: which view, whose rows, how much of a person."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from accounts.models import Person
from competitions import services
from competitions.models import Competition
from core import clock, exports
from core.database import db
from core.models import Export
from leaderboard.exports import may_export
from leaderboard.models import Seal
from leaderboard.services import seal
from organizations.models import Organization
from tests import factories as make


@pytest.fixture
def contest(app: Flask) -> tuple[Competition, Person, list[Organization]]:
    """A province's competition with three players in two cities: 30, 20 and 20 points at the same speed."""
    make.make_bank(size=20)
    province = make.make_organization()
    cities = [make.make_organization(province, "city") for _ in range(2)]
    competition = make.make_competition(province)
    level = make.make_level(make.make_track(competition))
    organizer = make.make_person(province)
    make.grant(organizer, "organizer", province)
    for name, city, right in (("张三", 0, 3), ("李四", 1, 1), ("王五", 1, 2)):
        player = make.make_person(cities[city], name=name, phone=f"+861380000100{right}")
        make.make_participation(competition, player, cities[city].path)
        session = make.make_session(player)
        attempt = services.start_attempt(player.id, level.id)
        for position in range(1, right + 1):
            services.save_answer(attempt.id, session.id, position, 1, ["a"], False, clock.now())
        services.submit_attempt(attempt.id, player.id)
    return competition, organizer, cities


def fetch(kind: str, competition: Competition, person: Person, **changes: Any) -> list[list[str]]:
    params = {"competition": competition.id, "track": None, "node": None, "full": False, "language": "en"}
    export = exports.request_export(kind, params | {"format": "csv"} | changes, person.id)
    exports.make_export(export.id)
    body, _name, _type = exports.download_export(export.id, person.id)
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def table(rows: list[list[str]]) -> list[dict[str, str]]:
    top = next(number for number, row in enumerate(rows) if len(row) > 1)
    return [dict(zip(rows[top], row, strict=True)) for row in rows[top + 1 :]]


def test_a_live_ranking_says_that_it_is_live_and_a_sealed_one_names_its_hash(
    contest: tuple[Competition, Person, list[Organization]],
) -> None:
    competition, organizer, _cities = contest
    live = fetch("ranking", competition, organizer)
    assert ["View: live standings, not sealed yet"] in live
    services.close_competition(competition.id, organizer.id)
    seal(competition.id, organizer.id)
    sealed = fetch("ranking", competition, organizer)
    recorded = db.session.scalars(select(Seal.sha256)).one()
    assert any(recorded in row[0] for row in sealed if len(row) == 1)
    assert [(row["Rank"], row["Points"]) for row in table(sealed)] == [("1", "30"), ("2", "20"), ("3", "10")]
    assert table(live) == table(sealed)


def test_names_and_phones_are_masked_unless_asked_for_in_full(
    contest: tuple[Competition, Person, list[Organization]],
) -> None:
    competition, organizer, _cities = contest
    masked = str(fetch("ranking", competition, organizer))
    assert "张三" not in masked
    assert "13800001003" not in masked
    full = table(fetch("ranking", competition, organizer, full=True))
    assert (full[0]["Name"], full[0]["Phone"]) == ("张三", "13800001003")


def test_narrowed_to_a_city_the_rank_of_the_whole_board_stays(
    contest: tuple[Competition, Person, list[Organization]],
) -> None:
    competition, organizer, cities = contest
    rows = table(fetch("ranking", competition, organizer, node=cities[1].id, full=True))
    assert [(row["Name"], row["Rank"], row["Place among these"]) for row in rows] == [
        ("王五", "2", "1"),
        ("李四", "3", "2"),
    ]
    assert {row["City"] for row in rows} == {cities[1].name_en}


def test_participants_come_in_the_order_of_joining_with_their_standing(
    contest: tuple[Competition, Person, list[Organization]],
) -> None:
    competition, organizer, _cities = contest
    late = make.make_person(name="赵六")
    when = clock.now() + timedelta(seconds=1)
    make.make_participation(competition, late, [competition.organization_id], joined_at=when)
    rows = table(fetch("participants", competition, organizer, full=True))
    assert [(row["Name"], row["Points"]) for row in rows] == [
        ("张三", "30"),
        ("李四", "10"),
        ("王五", "20"),
        ("赵六", ""),
    ]
    assert db.session.scalars(select(Export.total)).all() == [4]


@pytest.mark.parametrize(
    ("role", "full", "may"),
    [
        ("organizer", True, True),
        ("enterprise_admin", True, True),
        ("auditor", False, True),
        ("auditor", True, False),  # an auditor checks results and needs no telephone book
        ("finance", False, False),
        ("question_author", False, False),
    ],
)
def test_who_may_export_what(app: Flask, role: str, full: bool, may: bool) -> None:
    node = make.make_organization()
    competition = make.make_competition(node)
    person = make.make_person(node)
    make.grant(person, role, node)
    assert may_export({"competition": competition.id, "full": full}, person.id) is may
    assert not may_export({"competition": make.make_competition(make.make_organization()).id, "full": full}, person.id)
