"""Reading competitions, levels, participations and attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

from sqlalchemy import and_, or_, select, text

from competitions import papers, rules
from competitions.models import Answer, Attempt, Competition, Level, Participation, Track
from core.database import db, fetch_all
from core.errors import NotFound
from organizations.queries import get_organization, list_grants
from organizations.rules import holds
from questions.queries import Part, get_bank, get_versions
from questions.rules import Bank, Value


def find_competition(competition_id: int) -> Competition | None:
    """Return a competition by id, or None; a discarded draft is as good as none."""
    found = db.session.get(Competition, competition_id)
    return found if found is not None and found.discarded_at is None else None


def holds_over(competition_id: int, roles: Sequence[str], person_id: int) -> bool:
    """Say whether a person holds one of the roles over a competition; nobody does over an absent one.

    Args:
        competition_id: its id.
        roles: any of which will do.
        person_id: who asks.
    """
    competition = find_competition(competition_id)
    return competition is not None and holds(
        list_grants(person_id), roles, get_organization(competition.organization_id).path
    )


def get_competition(competition_id: int) -> Competition:
    """Return a competition by id. Raises: NotFound."""
    found = find_competition(competition_id)
    if found is None:
        raise NotFound(what="competition")
    return found


def get_official_bank(competition: Competition, trade_code: str) -> Bank:
    """Return what a competition's papers are drawn from: the shared bank and that of its node, or the reserved part.

    Args:
        competition: whose papers.
        trade_code: one of its trades.
    """
    return get_bank(trade_code, competition.organization_id, cast(Part, competition.draws_from))


def get_visible_competition(competition_id: int, path: Sequence[int]) -> Competition:
    """Return a competition whose audience includes a place in the tree and that is no draft.

    Args:
        competition_id: its id.
        path: the ids from the root to the person's node.

    Raises: NotFound, for absent and hidden alike (P3).
    """
    found = find_competition(competition_id)
    if found is None or found.state == "draft" or found.organization_id not in path:
        raise NotFound(what="competition")
    return found


def visible_competitions(path: Sequence[int]) -> list[Competition]:
    """Return the competitions, no drafts, whose audience includes a place in the tree; the last to end first."""
    return list(
        db.session.scalars(
            select(Competition)
            .where(Competition.organization_id.in_(path), Competition.state != "draft")
            .order_by(Competition.closes_at.desc(), Competition.id)
        )
    )


def list_tracks(competition_id: int) -> list[Track]:
    """Return a competition's tracks in order."""
    return list(
        db.session.scalars(select(Track).where(Track.competition_id == competition_id).order_by(Track.position))
    )


def list_levels(track_id: int) -> list[Level]:
    """Return a track's levels in order."""
    return list(db.session.scalars(select(Level).where(Level.track_id == track_id).order_by(Level.position)))


def find_participation(competition_id: int, person_id: int) -> Participation | None:
    """Return a person's participation in a competition, or None."""
    return db.session.scalar(
        select(Participation).where(
            Participation.competition_id == competition_id, Participation.person_id == person_id
        )
    )


@dataclass(frozen=True, slots=True)
class LevelPlace:
    """A level with where it stands: its track, its competition and the level before it."""

    level: Level
    track: Track
    competition: Competition
    previous_id: int | None


def get_level_place(level_id: int) -> LevelPlace:
    """Return a level with its track, competition and predecessor. Raises: NotFound."""
    before = (select(Level.id.label("previous_id"), Level.track_id, Level.position)).subquery()
    row = db.session.execute(
        select(Level, Track, Competition, before.c.previous_id)
        .join(Track, Track.id == Level.track_id)
        .join(Competition, Competition.id == Track.competition_id)
        .outerjoin(before, and_(before.c.track_id == Level.track_id, before.c.position == Level.position - 1))
        .where(Level.id == level_id, Competition.discarded_at.is_(None))
    ).first()
    if row is None:
        raise NotFound(what="level")
    return LevelPlace(*row)


@dataclass(frozen=True, slots=True)
class LevelState:
    """A level as one person sees it on the map.

    state: "locked" (why: "previous", "opens_at", "competition"), "open", "playing" or "done" (cleared, perhaps not
    with full marks).
    """

    level: Level
    state: str
    why: str
    stars: int
    best_points: int | None
    max_points: int
    tries_used: int
    tries_refusal: str | None
    open_attempt_id: int | None
    running: bool

    @property
    def may_start(self) -> bool:
        """Whether a new try may start now."""
        return self.running and self.state in ("open", "done") and self.tries_refusal is None


@dataclass(frozen=True, slots=True)
class TrackMap:
    """A track with the state of each of its levels."""

    track: Track
    levels: list[LevelState]

    @property
    def cleared(self) -> int:
        """Return how many levels of the track are cleared."""
        return sum(state.stars > 0 for state in self.levels)


def level_map(competition: Competition, participation_id: int | None, now: datetime) -> list[TrackMap]:
    """Return every track with its levels as one participation sees them.

    Args:
        competition: the competition.
        participation_id: whose view; None for a person who has not joined.
        now: aware UTC.
    """
    attempts: dict[int, list[Attempt]] = {}
    if participation_id is not None:
        for attempt in db.session.scalars(
            select(Attempt).where(Attempt.participation_id == participation_id).order_by(Attempt.number)
        ):
            attempts.setdefault(attempt.level_id, []).append(attempt)
    levels: dict[int, list[Level]] = {}
    for level in db.session.scalars(
        select(Level).join(Track).where(Track.competition_id == competition.id).order_by(Level.position)
    ):
        levels.setdefault(level.track_id, []).append(level)
    running = competition.state == "open" and competition.opens_at <= now < competition.closes_at
    maps = []
    for track in list_tracks(competition.id):
        states: list[LevelState] = []
        before_cleared = True
        for level in levels.get(track.id, []):
            tries = attempts.get(level.id, [])
            scored = [one.points for one in tries if one.points is not None]
            best = max(scored, default=None)
            most = rules.max_points(rules.blueprint_rows(level.blueprint))
            earned = rules.stars(best, level.pass_points, most) if best is not None else 0
            playing = next((one.id for one in tries if one.state == "open"), None)
            refusal = rules.tries_refusal(
                level.tries_total, level.tries_per_day, [one.started_at for one in tries], now
            )
            why = ""
            if playing:
                state = "playing"
            elif earned:
                state = "done"
            elif not running:
                state, why = "locked", "competition"
            elif not before_cleared:
                state, why = "locked", "previous"
            elif level.opens_at and level.opens_at > now:
                state, why = "locked", "opens_at"
            else:
                state = "open"
            states.append(LevelState(level, state, why, earned, best, most, len(tries), refusal, playing, running))
            before_cleared = earned > 0
        maps.append(TrackMap(track, states))
    return maps


def list_participations(person_id: int) -> list[Participation]:
    """Return a person's participations, the latest first."""
    return list(
        db.session.scalars(
            select(Participation).where(Participation.person_id == person_id).order_by(Participation.joined_at.desc())
        )
    )


def joined_competition_ids(person_id: int) -> set[int]:
    """Return the competitions in which a person takes part."""
    return set(db.session.scalars(select(Participation.competition_id).where(Participation.person_id == person_id)))


def marked_items(attempt: Attempt, place: LevelPlace) -> list[papers.MarkedItem] | None:
    """Return an attempt's items with marks and keys, or None while they may not be seen (A11)."""
    if not papers.may_reveal(place.level.reveal, attempt.state, place.competition.state):
        return None
    paper = rules.paper_items(attempt.paper)
    versions = get_versions([item.version for item in paper])
    return papers.present_marked(paper, versions, attempt.marks or [], answer_values(attempt.id))


def get_own_attempt(attempt_id: int, person_id: int) -> Attempt:
    """Return an attempt of this person. Raises: NotFound, for absent and foreign alike (P3)."""
    found = db.session.scalar(select(Attempt).where(Attempt.id == attempt_id, Attempt.person_id == person_id))
    if found is None:
        raise NotFound(what="attempt")
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt that is over, with what its level and competition say of it; `items` only when keys may be seen."""

    id: int
    person_id: int
    level_id: int
    state: str
    close_reason: str | None
    finished_at: datetime | None
    answers_hash: str | None
    points: int | None
    max_points: int
    cleared: bool | None
    elapsed_ms: int | None
    pass_points: int
    items: list[papers.MarkedItem] | None


_RESULT: LiteralString = """
    select a.id, a.person_id, a.level_id, a.state, a.close_reason, a.finished_at, a.answers_hash, a.points,
        a.max_points, a.cleared, a.elapsed_ms, l.pass_points, l.reveal, c.state, a.paper, a.marks,
        (select coalesce(jsonb_object_agg(n.position, n.value), '{}') from answers n where n.attempt_id = a.id)
    from attempts a join levels l on l.id = a.level_id join tracks t on t.id = l.track_id
    join competitions c on c.id = t.competition_id
    where a.id = any(%(ids)s)
"""


def get_result(attempt_id: int, person_id: int) -> Result:
    """Return the result of a person's attempt. Raises: NotFound, for absent and foreign alike (P3)."""
    found = get_results([attempt_id]).get(attempt_id)
    if found is None or found.person_id != person_id:
        raise NotFound(what="attempt")
    return found


def get_results(attempt_ids: list[int]) -> dict[int, Result]:
    """Return the results of attempts by id, in one read; whose they are the caller has checked."""
    results = {}
    for *facts, reveal, competition_state, stored_paper, marks, given in fetch_all(_RESULT, {"ids": attempt_ids}):
        items = None
        if papers.may_reveal(reveal, facts[3], competition_state):
            paper = rules.paper_items(stored_paper)
            versions = get_versions([item.version for item in paper])
            answers = {int(position): value for position, value in given.items()}
            items = papers.present_marked(paper, versions, marks, answers)
        results[facts[0]] = Result(*(*facts, items))
    return results


def list_answers(attempt_id: int) -> list[Answer]:
    """Return the stored answers of an attempt by position."""
    return list(db.session.scalars(select(Answer).where(Answer.attempt_id == attempt_id).order_by(Answer.position)))


def answer_values(attempt_id: int) -> dict[int, Value]:
    """Return the last acknowledged value at each position of an attempt."""
    rows = db.session.execute(text("select position, value from answers where attempt_id = :id"), {"id": attempt_id})
    return {row.position: row.value for row in rows}


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt that is running: its level, its deadline, and the item answered last."""

    attempt_id: int
    name_zh: str
    name_en: str
    deadline_at: datetime
    position: int | None


def find_running(person_id: int, now: datetime) -> Running | None:
    """Return the person's attempt that is running, the one that ends first; for the banner on every page.

    Args:
        person_id: whose.
        now: aware UTC; an attempt whose time is over is left out.
    """
    row: Any = db.session.execute(
        text(
            """
            select a.id, l.name_zh, l.name_en, a.deadline_at,
                (select n.position from answers n where n.attempt_id = a.id order by n.received_at desc limit 1)
            from attempts a join levels l on l.id = a.level_id
            where a.person_id = :person and a.state = 'open' and a.deadline_at > :now
            order by a.deadline_at limit 1
            """
        ),
        {"person": person_id, "now": now},
    ).first()
    return Running(*row) if row else None


def list_person_attempts(person_id: int, limit: int = 100) -> list[tuple[Attempt, Level, Track, Competition]]:
    """Return a person's attempts with their places, the latest first."""
    rows = db.session.execute(
        select(Attempt, Level, Track, Competition)
        .join(Level, Level.id == Attempt.level_id)
        .join(Track, Track.id == Level.track_id)
        .join(Competition, Competition.id == Track.competition_id)
        .where(Attempt.person_id == person_id)
        .order_by(Attempt.started_at.desc())
        .limit(limit)
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


def list_adjustments(participation_id: int, level_id: int) -> list[rules.More]:
    """Return the adjustments that apply to an attempt of a level that is about to start."""
    rows = db.session.execute(
        text(
            "select factor_percent, seconds from adjustments where participation_id = :participation "
            "and (level_id is null or level_id = :level) and attempt_id is null"
        ),
        {"participation": participation_id, "level": level_id},
    )
    return [rules.More(*row) for row in rows]


def map_adjustments(attempt_ids: Sequence[int]) -> dict[int, list[rules.More]]:
    """Return the adjustments that apply to each of these attempts; an attempt without any is left out."""
    found: dict[int, list[rules.More]] = defaultdict(list)
    for attempt_id, factor_percent, seconds in db.session.execute(
        text(
            "select a.id, j.factor_percent, j.seconds from attempts a join adjustments j "
            "on j.participation_id = a.participation_id and (j.level_id is null or j.level_id = a.level_id) "
            "and (j.attempt_id is null or j.attempt_id = a.id) where a.id = any(:ids)"
        ),
        {"ids": list(attempt_ids)},
    ):
        found[attempt_id].append(rules.More(factor_percent, seconds))
    return found


def due_attempt_ids(now: datetime, limit: int) -> list[int]:
    """Return attempts that wait to be finalised: open ones whose time is over, and closed ones not scored yet."""
    return list(
        db.session.scalars(
            select(Attempt.id)
            .where(
                Attempt.state != "scored",
                or_(Attempt.state == "closed", Attempt.deadline_at < now - rules.GRACE - rules.SETTLE),
            )
            .order_by(Attempt.deadline_at)
            .limit(limit)
        )
    )
