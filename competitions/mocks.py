"""Levels as practice may try them: their blueprints, limits and pass marks, never an attempt."""

from __future__ import annotations

from sqlalchemy import select

from competitions import queries, rules
from competitions.models import Competition, Level, Track
from core.database import db
from core.errors import NotFound
from organizations.queries import path_of_person
from practice.rules import LevelPlan

MOST_COMPETITIONS = 3
"""How many competitions of a trade practice offers the levels of: those that end last."""


def find_plan(person_id: int, level_id: int) -> LevelPlan | None:
    """Return a level of a competition that a person takes part in or may see, or None."""
    try:
        place = queries.get_level_place(level_id)
        if queries.find_participation(place.competition.id, person_id) is None:
            queries.get_visible_competition(place.competition.id, path_of_person(person_id))
    except NotFound:
        return None
    return _plan(place.level, place.track, place.competition)


def list_plans(person_id: int, trade_code: str) -> list[LevelPlan]:
    """Return the levels of a trade in the competitions that a person may see, those that end last first."""
    rows = db.session.execute(
        select(Level, Track, Competition)
        .join(Track, Track.id == Level.track_id)
        .join(Competition, Competition.id == Track.competition_id)
        .where(
            Track.trade_code == trade_code,
            Competition.state != "draft",
            Competition.organization_id.in_(path_of_person(person_id)),
        )
        .order_by(Competition.closes_at.desc(), Competition.id, Track.position, Level.position)
    ).all()
    shown = list(dict.fromkeys(competition.id for _, _, competition in rows))[:MOST_COMPETITIONS]
    return [_plan(level, track, competition) for level, track, competition in rows if competition.id in shown]


def _plan(level: Level, track: Track, competition: Competition) -> LevelPlan:
    return LevelPlan(
        id=level.id,
        trade_code=track.trade_code,
        name={"zh": level.name_zh, "en": level.name_en},
        competition={"zh": competition.name_zh, "en": competition.name_en},
        blueprint=tuple(rules.blueprint_rows(level.blueprint)),
        time_limit_s=level.time_limit_s,
        pass_points=level.pass_points,
    )
