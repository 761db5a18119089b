"""Reading for organizers: what one may run, how it goes, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from accounts.models import Person
from competitions.models import Adjustment, Attempt, Competition, Level, Participation, Standing, Track
from core.database import db
from core.errors import NotFound
from organizations.models import Organization

PAGE = 50


@dataclass(frozen=True, slots=True)
class Run:
    """A competition as its organizer's list shows it."""

    competition: Competition
    organization: Organization
    participants: int


def list_run_by(node_ids: Sequence[int]) -> list[Run]:
    """Return the competitions that belong to these nodes or to any under them, the newest first."""
    joined = (
        select(func.count())
        .where(Participation.competition_id == Competition.id)
        .correlate(Competition)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Competition, Organization, joined)
        .join(Organization, Organization.id == Competition.organization_id)
        .where(Organization.path.overlap(list(node_ids)), Competition.discarded_at.is_(None))
        .order_by(Competition.opens_at.desc(), Competition.id.desc())
    )
    return [Run(*row) for row in rows]


def list_nodes_under(node_ids: Sequence[int]) -> list[Organization]:
    """Return these nodes and all under them that may hold a competition (teams cannot), parents before children."""
    return list(
        db.session.scalars(
            select(Organization)
            .where(Organization.path.overlap(list(node_ids)), Organization.kind != "team")
            .order_by(Organization.path)
        )
    )


@dataclass(frozen=True, slots=True)
class LevelFunnel:
    """How many people have tried, are playing and have cleared a level."""

    level: Level
    tried: int
    playing: int
    cleared: int


@dataclass(frozen=True, slots=True)
class TrackFunnel:
    """A track with the funnel of its levels, and how many cleared them all."""

    track: Track
    levels: list[LevelFunnel]
    cleared_all: int


@dataclass(frozen=True, slots=True)
class Situation:
    """A competition at a glance."""

    joined: int
    playing: int
    submitted: int
    cleared_all: int
    tracks: list[TrackFunnel]


def find_situation(competition_id: int) -> Situation:
    """Return how a competition goes, in a handful of counts from the database."""
    joined = db.session.scalar(
        select(func.count()).select_from(Participation).where(Participation.competition_id == competition_id)
    )
    counts: dict[int, Any] = {
        row.level_id: row
        for row in db.session.execute(
            select(
                Attempt.level_id,
                func.count(Attempt.participation_id.distinct()).label("tried"),
                func.count().filter(Attempt.state == "open").label("playing"),
                func.count(Attempt.participation_id.distinct()).filter(Attempt.cleared.is_(True)).label("cleared"),
                func.count().filter(Attempt.state != "open").label("submitted"),
            )
            .join(Level, Level.id == Attempt.level_id)
            .join(Track, Track.id == Level.track_id)
            .where(Track.competition_id == competition_id)
            .group_by(Attempt.level_id)
        )
    }
    levels: dict[int, list[Level]] = {}
    for level in db.session.scalars(
        select(Level).join(Track).where(Track.competition_id == competition_id).order_by(Level.position)
    ):
        levels.setdefault(level.track_id, []).append(level)
    how_many = select(Level.track_id, func.count().label("n")).group_by(Level.track_id).subquery()
    all_cleared: dict[int | None, int] = {
        row[0]: row[1]
        for row in db.session.execute(
            select(Standing.track_id, func.count())
            .join(how_many, how_many.c.track_id == Standing.track_id)
            .where(Standing.competition_id == competition_id, Standing.levels_cleared == how_many.c.n)
            .group_by(Standing.track_id)
        )
    }
    people_cleared = db.session.scalar(
        select(func.count(Standing.participation_id.distinct()))
        .join(how_many, how_many.c.track_id == Standing.track_id)
        .where(Standing.competition_id == competition_id, Standing.levels_cleared == how_many.c.n)
    )
    tracks = db.session.scalars(select(Track).where(Track.competition_id == competition_id).order_by(Track.position))
    return Situation(
        joined=joined or 0,
        playing=sum(row.playing for row in counts.values()),
        submitted=sum(row.submitted for row in counts.values()),
        cleared_all=people_cleared or 0,
        tracks=[
            TrackFunnel(
                track,
                [
                    LevelFunnel(
                        level,
                        *((row.tried, row.playing, row.cleared) if (row := counts.get(level.id)) else (0, 0, 0)),
                    )
                    for level in levels.get(track.id, [])
                ],
                all_cleared.get(track.id, 0),
            )
            for track in tracks
        ],
    )


@dataclass(frozen=True, slots=True)
class Participant:
    """A participation with what an organizer's list shows of the person; `standing` None before the first result."""

    participation: Participation
    phone_tail: str
    standing: Standing | None


def _participants(
    competition_id: int, *, search: str = "", track_id: int | None = None, node_id: int | None = None
) -> Any:
    on_board: ColumnElement[bool] = Standing.track_id.is_(None) if track_id is None else Standing.track_id == track_id
    statement: Any = (
        select(Participation, Person.phone_tail, Standing)
        .join(Person, Person.id == Participation.person_id)
        .outerjoin(Standing, (Standing.participation_id == Participation.id) & on_board)
        .where(Participation.competition_id == competition_id)
    )
    if track_id is not None:
        playing = (
            select(Attempt.id)
            .join(Level, Level.id == Attempt.level_id)
            .where(Attempt.participation_id == Participation.id, Level.track_id == track_id)
        )
        statement = statement.where(playing.exists())
    if node_id is not None:
        statement = statement.where(Participation.path.contains([node_id]))
    if search:
        wanted = search.strip()
        by_tail = wanted.isdigit() and len(wanted) == 4
        statement = statement.where(
            Person.phone_tail == wanted if by_tail else Participation.name.contains(wanted, autoescape=True)
        )
    return statement


def list_participants(
    competition_id: int, page: int, *, search: str = "", track_id: int | None = None, node_id: int | None = None
) -> tuple[list[Participant], int]:
    """Return one page of participants in the order of joining, and how many there are in all.

    Args:
        competition_id: the competition.
        page: from 1, of `PAGE` people.
        search: a part of the name, or the last four digits of the phone.
        track_id: only those who have tried this track.
        node_id: only those who joined from this node of the tree or under it.
    """
    statement = _participants(competition_id, search=search, track_id=track_id, node_id=node_id)
    total = db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    rows = db.session.execute(
        statement.order_by(Participation.joined_at, Participation.id).limit(PAGE).offset((page - 1) * PAGE)
    )
    return [Participant(*row) for row in rows], total


def count_participants(competition_id: int, *, track_id: int | None = None, node_id: int | None = None) -> int:
    """Return how many participants there are, filtered as in `list_participants`."""
    statement = _participants(competition_id, track_id=track_id, node_id=node_id)
    return db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0


def stream_participants(
    competition_id: int, *, track_id: int | None = None, node_id: int | None = None
) -> Iterator[tuple[Participation, Person, Standing | None]]:
    """Yield participants in the order of joining without holding them all, filtered as in `list_participants`."""
    statement = (
        _participants(competition_id, track_id=track_id, node_id=node_id)
        .with_only_columns(Participation, Person, Standing)
        .order_by(Participation.joined_at, Participation.id)
    )
    for row in db.session.execute(statement, execution_options={"yield_per": 500}):
        yield row[0], row[1], row[2]


def list_represented(competition_id: int) -> list[Organization]:
    """Return the cities and enterprises from which people have joined, in the order of the tree."""
    nodes = select(func.unnest(Participation.path)).where(Participation.competition_id == competition_id).distinct()
    return list(
        db.session.scalars(
            select(Organization)
            .where(Organization.id.in_(nodes), Organization.kind.in_(("city", "enterprise")))
            .order_by(Organization.path)
        )
    )


def names_of(ids: set[int]) -> dict[int, Organization]:
    """Return organizations by id."""
    return {one.id: one for one in db.session.scalars(select(Organization).where(Organization.id.in_(ids)))}


def count_playing(level_id: int) -> int:
    """Return how many attempts at a level are running."""
    running = select(func.count()).where(Attempt.level_id == level_id, Attempt.state == "open")
    return db.session.scalar(running) or 0


def get_participation_in(competition_id: int, participation_id: int) -> tuple[Participation, Person]:
    """Return a participation of this competition and its person. Raises: NotFound."""
    row = db.session.execute(
        select(Participation, Person)
        .join(Person, Person.id == Participation.person_id)
        .where(Participation.id == participation_id, Participation.competition_id == competition_id)
    ).first()
    if row is None:
        raise NotFound(what="participation")
    return row[0], row[1]


def list_attempts_of(participation_id: int) -> list[tuple[Attempt, Level, Track]]:
    """Return a participation's attempts with level and track, the latest first."""
    rows = db.session.execute(
        select(Attempt, Level, Track)
        .join(Level, Level.id == Attempt.level_id)
        .join(Track, Track.id == Level.track_id)
        .where(Attempt.participation_id == participation_id)
        .order_by(Attempt.started_at.desc())
    )
    return [(row[0], row[1], row[2]) for row in rows]


def list_adjustments_of(participation_id: int) -> list[tuple[Adjustment, str, datetime]]:
    """Return a participation's adjustments, who made each and when, the latest first."""
    rows = db.session.execute(
        select(Adjustment, Person.name, Adjustment.made_at)
        .join(Person, Person.id == Adjustment.made_by)
        .where(Adjustment.participation_id == participation_id)
        .order_by(Adjustment.id.desc())
    )
    return [(row[0], row[1], row[2]) for row in rows]
