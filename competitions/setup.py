"""Setting a competition up: creating and editing it, its tracks and levels, and giving people more time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from competitions import queries, queries_admin, rules
from competitions.checklist import CompetitionFacts, LevelFacts, Line, TrackFacts, availability, check
from competitions.errors import WrongState
from competitions.models import Adjustment, Attempt, Competition, Level, Participation, Track
from competitions.queries_admin import Participant
from core import audit, clock
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound
from core.models import AuditEntry
from core.zone import SHANGHAI
from questions.models import Trade
from questions.rules import BlueprintRow, highest_exposure

prize_checks: list[Callable[[int], bool]] = []
"""Questions to the packages above that hold prizes: has this competition (id) any? `app.py` fills the list."""

discard_steps: list[Callable[[int, int], None]] = []
"""What the packages above do when a draft (id) is discarded by a person (id), in the same transaction; as above."""

NO_PRIZES = "competition.no_prizes"

STANDARD_LEVELS: tuple[tuple[str, str, int, tuple[int, int]], ...] = (
    ("第一关 入门", "Level 1: Entry", 10, (1, 2)),
    ("第二关 基础", "Level 2: Basics", 10, (2, 3)),
    ("第三关 进阶", "Level 3: Advanced", 12, (2, 4)),
    ("第四关 精通", "Level 4: Proficient", 12, (3, 4)),
    ("第五关 巅峰", "Level 5: Summit", 15, (4, 5)),
)
"""Names, minutes, and the difficulties of the two halves of ten items worth ten points each."""


@dataclass(frozen=True, slots=True)
class Basics:
    """What a competition is called, says and lasts; times in aware UTC, rules in Markdown."""

    name_zh: str
    name_en: str
    summary_zh: str
    summary_en: str
    rules_zh: str
    rules_en: str
    opens_at: datetime
    closes_at: datetime
    mask_names: bool
    draws_from: str = "all"


@dataclass(frozen=True, slots=True)
class LevelInput:
    """What a level is: names, limit in seconds, pass mark in points, tries (None: no limit), blueprint."""

    name_zh: str
    name_en: str
    time_limit_s: int
    pass_points: int
    tries_total: int | None
    tries_per_day: int | None
    opens_at: datetime | None
    reveal: str
    blueprint: tuple[BlueprintRow, ...]
    exposure_cap: int | None = None


def create_competition(person_id: int, organization_id: int, basics: Basics) -> Competition:
    """Create a draft that belongs to a node of the tree.

    Args:
        person_id: the organizer.
        organization_id: the node; its people are the audience.
        basics: what the form holds.

    Raises: Invalid when the window has no length.
    """
    _check_window(basics.opens_at, basics.closes_at)
    with transaction():
        competition = Competition(
            organization_id=organization_id,
            state="draft",
            created_by=person_id,
            created_at=clock.now(),
            **_columns(basics),
        )
        db.session.add(competition)
        db.session.flush()
        audit.record(
            "competition.create",
            "competition",
            competition.id,
            person_id=person_id,
            organization_id=organization_id,
        )
    return competition


def edit_competition(person_id: int, competition_id: int, basics: Basics, organization_id: int) -> Competition:
    """Change a draft in anything, an open competition only in names, summary and a later end.

    Args:
        person_id: the organizer.
        competition_id: which one.
        basics: the whole form; what may not change any more must be as it was.
        organization_id: the owner node.

    Raises: NotFound, WrongState once closed, Invalid (`reason`: "window", "earlier_end" or "fixed_after_opening").
    """
    _check_window(basics.opens_at, basics.closes_at)
    with transaction():
        competition = _lock_competition(competition_id)
        if competition.state not in ("draft", "open"):
            raise WrongState(state=competition.state)
        new = {**_columns(basics), "organization_id": organization_id}
        changed = {name: value for name, value in new.items() if getattr(competition, name) != value}
        if competition.state == "open":
            fixed = set(changed) - {"name_zh", "name_en", "summary_zh", "summary_en", "closes_at"}
            if fixed:
                raise Invalid(path=min(fixed), reason="fixed_after_opening")
            if basics.closes_at < competition.closes_at:
                raise Invalid(path="closes_at", reason="earlier_end")
        if changed:
            before = {name: getattr(competition, name) for name in changed}
            for name, value in changed.items():
                setattr(competition, name, value)
            _record("competition.edit", competition, person_id, before=_plain(before), after=_plain(changed))
    return competition


def copy_competition(person_id: int, competition_id: int, mark_zh: str, mark_en: str) -> Competition:
    """Make a new draft with the tracks and levels of another competition, opening tomorrow at eight for as long.

    Args:
        person_id: the organizer.
        competition_id: what is copied; its state does not matter.
        mark_zh: what is added to the Chinese name, e.g. "（副本）".
        mark_en: what is added to the English name.

    Raises: NotFound.
    """
    now = clock.now()
    morning = (now.astimezone(SHANGHAI) + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    with transaction():
        source = queries.get_competition(competition_id)
        copy = Competition(
            organization_id=source.organization_id,
            name_zh=source.name_zh + mark_zh,
            name_en=source.name_en + mark_en,
            summary_zh=source.summary_zh,
            summary_en=source.summary_en,
            rules_zh=source.rules_zh,
            rules_en=source.rules_en,
            state="draft",
            opens_at=morning,
            closes_at=morning + (source.closes_at - source.opens_at),
            mask_names=source.mask_names,
            draws_from=source.draws_from,
            created_by=person_id,
            created_at=now,
        )
        db.session.add(copy)
        db.session.flush()
        for track in queries.list_tracks(source.id):
            new = Track(
                competition_id=copy.id,
                trade_code=track.trade_code,
                position=track.position,
                name_zh=track.name_zh,
                name_en=track.name_en,
            )
            db.session.add(new)
            db.session.flush()
            for level in queries.list_levels(track.id):
                db.session.add(
                    Level(
                        track_id=new.id,
                        position=level.position,
                        name_zh=level.name_zh,
                        name_en=level.name_en,
                        blueprint=list(level.blueprint),
                        time_limit_s=level.time_limit_s,
                        pass_points=level.pass_points,
                        tries_total=level.tries_total,
                        tries_per_day=level.tries_per_day,
                        opens_at=None,
                        reveal=level.reveal,
                        exposure_cap=level.exposure_cap,
                    )
                )
        _record("competition.copy", copy, person_id, copied_from=source.id)
    return copy


def discard_competition(person_id: int, competition_id: int) -> None:
    """Put a draft away for good, with its levels and prizes: it is shown nowhere any more but in the audit log.

    Args:
        person_id: the organizer.
        competition_id: the draft.

    Raises: NotFound, WrongState after opening.
    """
    with transaction():
        competition = _lock_draft(competition_id)
        competition.discarded_at = clock.now()
        for step in discard_steps:
            step(competition_id, person_id)
        _record("competition.discard", competition, person_id, name_zh=competition.name_zh, name_en=competition.name_en)


def set_tracks(person_id: int, competition_id: int, trade_codes: Sequence[str]) -> None:
    """Give a draft one track for each trade named, in the trades' own order; tracks of other trades go, levels and all.

    Args:
        person_id: the organizer.
        competition_id: the draft.
        trade_codes: the trades wanted.

    Raises: NotFound, WrongState after opening.
    """
    with transaction():
        competition = _lock_draft(competition_id)
        trades = list(db.session.scalars(select(Trade).where(Trade.code.in_(trade_codes)).order_by(Trade.position)))
        wanted = {trade.code for trade in trades}
        there = queries.list_tracks(competition_id)
        gone = [track.id for track in there if track.trade_code not in wanted]
        db.session.execute(delete(Level).where(Level.track_id.in_(gone)))
        db.session.execute(delete(Track).where(Track.id.in_(gone)))
        kept = {track.trade_code: track for track in there if track.trade_code in wanted}
        ordered = []
        for trade in trades:
            track = kept.get(trade.code) or Track(
                competition_id=competition_id, trade_code=trade.code, name_zh=trade.name_zh, name_en=trade.name_en
            )
            ordered.append(track)
        _number(ordered)
        _record("competition.tracks", competition, person_id, trades=[trade.code for trade in trades])


def add_standard_levels(person_id: int, track_id: int) -> None:
    """Put the five standard levels after those a draft's track has already.

    Each draws ten items of ten points from two difficulties, passes at 60 and may be tried three times a day.
    Raises: NotFound, WrongState after opening.
    """
    levels = [
        LevelInput(
            name_zh=name_zh,
            name_en=name_en,
            time_limit_s=minutes * 60,
            pass_points=60,
            tries_total=None,
            tries_per_day=3,
            opens_at=None,
            reveal="after_close",
            blueprint=tuple(BlueprintRow(5, 10, difficulty=one) for one in difficulties),
        )
        for name_zh, name_en, minutes, difficulties in STANDARD_LEVELS
    ]
    with transaction():
        _add_levels(person_id, track_id, levels)


def add_level(person_id: int, track_id: int, given: LevelInput) -> Level:
    """Put one level at the end of a draft's track. Raises: NotFound, WrongState after opening, Invalid."""
    with transaction():
        return _add_levels(person_id, track_id, [given])[0]


def edit_level(person_id: int, level_id: int, given: LevelInput) -> None:
    """Replace what a draft's level is. Raises: NotFound, WrongState after opening, Invalid (`reason`: "pass_mark")."""
    _check_level(given)
    with transaction():
        level, competition = _lock_level(level_id)
        for name, value in _level_columns(given).items():
            setattr(level, name, value)
        _record("level.edit", competition, person_id, level=level_id)


def move_level(person_id: int, level_id: int, step: int) -> None:
    """Move a draft's level one place up (step -1) or down (+1); at the end of the list nothing moves.

    Raises: NotFound, WrongState after opening.
    """
    with transaction():
        level, competition = _lock_level(level_id)
        levels = queries.list_levels(level.track_id)
        here = levels.index(level)
        there = here + step
        if 0 <= there < len(levels):
            levels[here], levels[there] = levels[there], levels[here]
            _number(levels)
            _record("level.move", competition, person_id, level=level_id, position=there + 1)


def delete_level(person_id: int, level_id: int) -> None:
    """Take a level out of a draft; those after it move up. Raises: NotFound, WrongState after opening."""
    with transaction():
        level, competition = _lock_level(level_id)
        db.session.delete(level)
        db.session.flush()
        _number(queries.list_levels(level.track_id))
        _record("level.delete", competition, person_id, level=level_id)


def find_checklist(competition_id: int) -> list[Line]:
    """Return the checklist of a competition as it stands now, prizes included. Raises: NotFound."""
    competition = queries.get_competition(competition_id)
    tracks = []
    for track in queries.list_tracks(competition_id):
        bank = queries.get_official_bank(competition, track.trade_code)
        levels = []
        for level in queries.list_levels(track.id):
            blueprint = rules.blueprint_rows(level.blueprint)
            levels.append(
                LevelFacts(
                    id=level.id,
                    name=str(level.position),
                    rows=availability(blueprint, bank),
                    max_points=rules.max_points(blueprint),
                    pass_points=level.pass_points,
                    time_limit_s=level.time_limit_s,
                    opens_at=level.opens_at,
                    exposure=highest_exposure(blueprint, bank),
                    exposure_cap=level.exposure_cap,
                )
            )
        tracks.append(TrackFacts(id=track.id, name=track.trade_code, levels=levels))
    lines = check(
        CompetitionFacts(
            now=clock.now(),
            opens_at=competition.opens_at,
            closes_at=competition.closes_at,
            names=(competition.name_zh, competition.name_en),
            rules=(competition.rules_zh, competition.rules_en),
            tracks=tracks,
        )
    )
    prizes = any(has_prizes(competition_id) for has_prizes in prize_checks)
    lines.append(Line("prizes", prizes or said_no_prizes(competition_id), "prizes", details={"set": prizes}))
    return lines


def say_no_prizes(person_id: int, competition_id: int) -> None:
    """Put on record that a draft is meant to have no prizes, so that none are missing by oversight.

    Raises: NotFound, WrongState after opening.
    """
    with transaction():
        _record(NO_PRIZES, _lock_draft(competition_id), person_id)


def said_no_prizes(competition_id: int) -> bool:
    """Say whether it is on record that a competition is meant to have no prizes."""
    said = select(AuditEntry.id).where(
        AuditEntry.subject == "competition", AuditEntry.subject_id == competition_id, AuditEntry.action == NO_PRIZES
    )
    return db.session.scalar(said.limit(1)) is not None


def view_participants(
    person_id: int, competition: Competition, page: int, *, search: str, track_id: int | None, node_id: int | None
) -> tuple[list[Participant], int]:
    """Read a page of participants, leaving the trace of who saw whom in the same transaction (P5).

    Args and Returns: as `queries_admin.list_participants`; `person_id` is who reads.
    """
    with transaction():
        found, total = queries_admin.list_participants(
            competition.id, page, search=search, track_id=track_id, node_id=node_id
        )
        _record("participants.view", competition, person_id, people=[one.participation.person_id for one in found])
        for row in (row for one in found for row in (one.participation, one.standing) if row is not None):
            db.session.expunge(row)  # else the commit would have each read again, one by one
    return found, total


def note_view(person_id: int, competition: Competition, participation_id: int) -> None:
    """Leave the trace that one participant's page was looked at (P5). Raises: NotFound."""
    participation, seen = queries_admin.get_participation_in(competition.id, participation_id)
    with transaction():
        _record("participants.view", competition, person_id, people=[seen.id], participation=participation.id)


def extend_attempt(person_id: int, attempt_id: int, seconds: int, why: str) -> None:
    """Give one running attempt more time.

    Args:
        person_id: the organizer.
        attempt_id: an open attempt.
        seconds: 1 to 86,400.
        why: the reason, which is kept.

    Raises: NotFound, WrongState when the attempt is no longer open.
    """
    with transaction():
        attempt = lock(Attempt, attempt_id)
        if attempt.state != "open":
            raise WrongState(state=attempt.state)
        competition = _competition_of(attempt.level_id)
        _adjust(person_id, attempt.participation_id, None, attempt_id, why, seconds=seconds)
        _move_deadlines([attempt])
        _record("attempt.extend", competition, person_id, why=why, attempt=attempt_id, seconds=seconds)


def extend_person(person_id: int, participation_id: int, seconds: int, why: str) -> int:
    """Give one person more time in every attempt of the competition, the running ones too.

    Args: as `extend_attempt`, for a participation.
    Returns: how many running attempts now end later.
    Raises: NotFound, WrongState when the competition is closed.
    """
    return _change_person(person_id, participation_id, why, "participation.extend", seconds=seconds)


def set_factor(person_id: int, participation_id: int, factor_percent: int, why: str) -> int:
    """Scale one person's limit in every attempt that starts from now on, and in those that run.

    Args:
        person_id: the organizer.
        participation_id: whose.
        factor_percent: 125 is x1.25; the most lenient of several counts.
        why: the reason, which is kept.

    Returns: how many running attempts now end later.
    Raises: NotFound, WrongState when the competition is closed.
    """
    return _change_person(person_id, participation_id, why, "participation.factor", factor_percent=factor_percent)


def extend_level(person_id: int, level_id: int, seconds: int, why: str) -> int:
    """Give everyone who is playing a level now more time.

    Args: as `extend_attempt`, for a level.
    Returns: how many attempts now end later.
    Raises: NotFound.
    """
    with transaction():
        competition = _competition_of(level_id)
        attempts = list(
            db.session.scalars(
                select(Attempt)
                .where(Attempt.level_id == level_id, Attempt.state == "open")
                .order_by(Attempt.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        )
        for attempt in attempts:
            _adjust(person_id, attempt.participation_id, level_id, attempt.id, why, seconds=seconds)
        _move_deadlines(attempts)
        _record(
            "level.extend", competition, person_id, why=why, level=level_id, seconds=seconds, attempts=len(attempts)
        )
    return len(attempts)


def _columns(basics: Basics) -> dict[str, Any]:
    return {name: getattr(basics, name) for name in Basics.__dataclass_fields__}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _record(action: str, competition: Competition, person_id: int, why: str = "", **details: Any) -> None:
    audit.record(
        action,
        "competition",
        competition.id,
        person_id=person_id,
        organization_id=competition.organization_id,
        why=why,
        **details,
    )


def _check_window(opens_at: datetime, closes_at: datetime) -> None:
    if closes_at <= opens_at:
        raise Invalid(path="closes_at", reason="window")


def _check_level(given: LevelInput) -> None:
    if given.blueprint and given.pass_points > rules.max_points(given.blueprint):
        raise Invalid(path="pass_points", reason="pass_mark")


def _lock_draft(competition_id: int) -> Competition:
    competition = _lock_competition(competition_id)
    if competition.state != "draft":
        raise WrongState(state=competition.state)
    return competition


def _lock_competition(competition_id: int) -> Competition:
    competition = lock(Competition, competition_id)
    if competition.discarded_at is not None:
        raise NotFound(what="competition")
    return competition


def _lock_level(level_id: int) -> tuple[Level, Competition]:
    place = queries.get_level_place(level_id)
    competition = _lock_draft(place.competition.id)
    return lock(Level, level_id), competition


def _competition_of(level_id: int) -> Competition:
    return queries.get_level_place(level_id).competition


def _level_columns(given: LevelInput) -> dict[str, Any]:
    columns = {name: getattr(given, name) for name in LevelInput.__dataclass_fields__}
    columns["blueprint"] = [
        {"topic": row.topic, "type": row.type, "difficulty": row.difficulty, "count": row.count, "points": row.points}
        for row in given.blueprint
    ]
    return columns


def _add_levels(person_id: int, track_id: int, given: Sequence[LevelInput]) -> list[Level]:
    for one in given:
        _check_level(one)
    track = db.session.get(Track, track_id)
    if track is None:
        raise NotFound(what="track")
    competition = _lock_draft(track.competition_id)
    there = len(queries.list_levels(track_id))
    levels = [
        Level(track_id=track_id, position=position, **_level_columns(one))
        for position, one in enumerate(given, there + 1)
    ]
    db.session.add_all(levels)
    db.session.flush()
    _record("level.add", competition, person_id, track=track_id, levels=[level.id for level in levels])
    return levels


def _number(rows: Sequence[Track | Level]) -> None:
    # Twice, because (parent, position) is unique at every statement and a swap would collide half-way.
    for position, row in enumerate(rows, 1):
        row.position = -position
    db.session.add_all(rows)
    db.session.flush()
    for row in rows:
        row.position = -row.position
    db.session.flush()


def _adjust(
    person_id: int,
    participation_id: int,
    level_id: int | None,
    attempt_id: int | None,
    why: str,
    *,
    seconds: int | None = None,
    factor_percent: int | None = None,
) -> None:
    db.session.add(
        Adjustment(
            participation_id=participation_id,
            level_id=level_id,
            attempt_id=attempt_id,
            kind="extension" if seconds is not None else "factor",
            seconds=seconds,
            factor_percent=factor_percent,
            why=why,
            made_by=person_id,
            made_at=clock.now(),
        )
    )


def _change_person(
    person_id: int,
    participation_id: int,
    why: str,
    action: str,
    *,
    seconds: int | None = None,
    factor_percent: int | None = None,
) -> int:
    with transaction():
        # The start of an attempt locks this row too, so none can begin between the adjustment and the reading of it.
        participation = lock(Participation, participation_id)
        competition = queries.get_competition(participation.competition_id)
        if competition.state not in ("draft", "open"):
            raise WrongState(state=competition.state)
        attempts = list(
            db.session.scalars(
                select(Attempt)
                .where(Attempt.participation_id == participation_id, Attempt.state == "open")
                .order_by(Attempt.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        )
        _adjust(person_id, participation_id, None, None, why, seconds=seconds, factor_percent=factor_percent)
        later = _move_deadlines(attempts)
        given = {"seconds": seconds} if seconds is not None else {"factor_percent": factor_percent}
        _record(action, competition, person_id, why=why, participation=participation_id, **given)
    return later


def _move_deadlines(attempts: Sequence[Attempt]) -> int:
    """Derive the deadlines of locked attempts anew from the whole list of adjustments; return how many moved.

    Saves wait for these rows, so what is needed is read for all at once.
    """
    db.session.flush()
    moved = 0
    places = {level_id: queries.get_level_place(level_id) for level_id in {attempt.level_id for attempt in attempts}}
    adjustments = queries.map_adjustments([attempt.id for attempt in attempts])
    for attempt in attempts:
        place, more = places[attempt.level_id], adjustments.get(attempt.id, [])
        new = rules.deadline(attempt.started_at, place.level.time_limit_s, place.competition.closes_at, more)
        if new > attempt.deadline_at:
            attempt.deadline_at = new
            moved += 1
    db.session.flush()
    return moved
