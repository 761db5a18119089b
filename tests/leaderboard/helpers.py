"""A small federation with standings, for the tests of boards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from competitions.models import Competition, Participation, Standing, Track
from core import clock
from core.database import db
from leaderboard import queries
from organizations.models import Organization
from tests import factories


@dataclass
class Federation:
    """A province with two cities, an enterprise in each, and a competition of the province with one track."""

    province: Organization
    city: Organization
    enterprise: Organization
    other_enterprise: Organization
    competition: Competition
    track: Track


def make_federation() -> Federation:
    province = factories.make_organization()
    city = factories.make_organization(province, "city")
    other_city = factories.make_organization(province, "city")
    enterprise = factories.make_organization(city, "enterprise", name_zh="东方焊接厂", name_en="Dongfang Welding")
    other = factories.make_organization(other_city, "enterprise")
    factories.make_bank()
    competition = factories.make_competition(province)
    return Federation(province, city, enterprise, other, competition, factories.make_track(competition))


def join(federation: Federation, enterprise: Organization | None = None, name: str = "王小明") -> Participation:
    node = enterprise or federation.enterprise
    person = factories.make_person(node, name=name)
    return factories.make_participation(federation.competition, person, node.path)


def stand(
    participation: Participation,
    track: Track | None = None,
    levels: int = 1,
    points: int = 10,
    elapsed_ms: int = 1000,
    reached_at: datetime | None = None,
    version: int = 1,
) -> Standing:
    """A standing written the way scoring leaves it."""
    now = clock.now()
    standing = Standing(
        competition_id=participation.competition_id,
        participation_id=participation.id,
        track_id=track.id if track else None,
        levels_cleared=levels,
        points=points,
        elapsed_ms=elapsed_ms,
        reached_at=reached_at or now - timedelta(minutes=5),
        changed_at=now,
        version=version,
    )
    db.session.add(standing)
    db.session.commit()
    return standing


def read(federation: Federation, track: Track | None = None, node: Organization | None = None, page: int = 1):  # type: ignore[no-untyped-def]
    """A page of a board as it is this moment, past what the process remembers."""
    queries.forget()
    board = queries.get_board(federation.competition.id)
    return queries.board_page(board, track.id if track else None, (node or federation.province).id, page)
