"""Use cases of taking part: join, start, save, submit, finalise; and opening and closing a competition."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from competitions import finishes, queries, rules, saves, starts
from competitions.errors import AttemptClosed, WrongState
from competitions.models import Attempt, Competition, Participation
from core import audit, clock
from core import secrets as sealed
from core.database import db, lock, release, transaction
from core.errors import Invalid, NotFound, NotSignedIn
from core.gather import together
from organizations.queries import path_of_person
from questions.queries import get_versions
from questions.rules import Value, Version, is_acceptable

log = structlog.get_logger(__name__)

PAPERS = 20_000
FINISHED_TOGETHER = 50
_papers: OrderedDict[int, tuple[Version, ...]] = OrderedDict()


def join(competition_id: int, person_id: int, name: str) -> Participation:
    """Let a person take part; doing it again returns the same participation.

    Args:
        competition_id: a competition whose audience the person belongs to.
        person_id: who joins.
        name: the person's name, kept as it is now.

    Raises: NotFound when the competition is not for this person; CompetitionNotOpen.
    """
    now = clock.now()
    with transaction():
        path = path_of_person(person_id)
        competition = queries.get_visible_competition(competition_id, path)
        found = queries.find_participation(competition_id, person_id)
        if found is not None:
            return found
        starts.require_running(competition.state, competition.opens_at, competition.closes_at, now)
        db.session.execute(
            insert(Participation)
            .values(competition_id=competition_id, person_id=person_id, name=name, path=path, joined_at=now)
            .on_conflict_do_nothing()
        )
        participation = queries.find_participation(competition_id, person_id)
        if participation is None:
            raise NotFound(what="participation")
    return participation


@dataclass(frozen=True, slots=True)
class Started:
    """A running attempt, and whether it was running before; a new one is not attached to the session."""

    attempt: Attempt
    resumed: bool


def start_attempt(person_id: int, level_id: int) -> Attempt:
    """Do what `begin_attempt` does and return the attempt as the session knows it."""
    return db.session.get_one(Attempt, begin_attempt(person_id, level_id).attempt.id, populate_existing=True)


def begin_attempt(person_id: int, level_id: int) -> Started:
    """Start an attempt at a level, or find the one that is running (on whatever device it was started).

    The deadline is fixed in this transaction, which is the one that first shows question 1.

    Args:
        person_id: who plays; must have joined the competition.
        level_id: the level.

    Raises: NotFound when there is no such level or the person has not joined; CompetitionNotOpen; LevelLocked;
        NoTriesLeft; questions.errors.BlueprintUnfillable.
    """
    wish = starts.Wish(person_id, level_id, clock.now())
    release()
    outcome = starts.start(wish)
    if isinstance(outcome, starts.Running) and outcome.due:
        finalise(outcome.attempt_id, wish.now)
        outcome = starts.start(wish)
    if isinstance(outcome, Attempt):
        return Started(outcome, False)
    if outcome.due:
        raise AttemptClosed(attempt_id=outcome.attempt_id)
    return Started(db.session.get_one(Attempt, outcome.attempt_id), True)


def attempt_token(attempt_id: int, session_id: int) -> str:
    """Return the token with which one device saves answers of one attempt; it dies with the device's session."""
    body = f"{attempt_id}.{session_id}"
    return f"{body}.{sealed.sign('attempt:' + body)}"


def read_attempt_token(token: str) -> tuple[int, int]:
    """Return (attempt id, session id) of a token. Raises: NotSignedIn when it is not one of ours."""
    body, _, signature = token.rpartition(".")
    attempt_id, _, session_id = body.partition(".")
    if not sealed.signed("attempt:" + body, signature):
        raise NotSignedIn()
    return int(attempt_id), int(session_id)


def _asked(attempt_id: int) -> tuple[Version, ...]:
    """Return what each item of an attempt's paper asks, which never changes, from memory when known."""
    asked = _papers.get(attempt_id)
    if asked is None:
        paper: Any = db.session.execute(
            text("select paper from attempts where id = :id"), {"id": attempt_id}
        ).scalar_one_or_none()
        db.session.rollback()
        if paper is None:
            raise NotFound(what="attempt")
        items = rules.paper_items(paper)
        versions = get_versions([item.version for item in items])
        asked = tuple(versions[item.version] for item in items)
        _papers[attempt_id] = asked
        while len(_papers) > PAPERS:
            _papers.popitem(last=False)
    return asked


def save_answer(
    attempt_id: int, session_id: int, position: int, seq: int, value: Value, flagged: bool, received_at: datetime
) -> saves.Outcome:
    """Save one answer and return what became of it once that is committed (A2).

    Args:
        attempt_id: the attempt.
        session_id: the signed-in device; the statement checks that it is alive and the attempt's owner's.
        position: the item, from 1.
        seq: grows with every change of this item; the highest one received in time stands (A3).
        value: option ids, a boolean, a text, or None to take the answer back.
        flagged: whether the person marked the item for review.
        received_at: when the request arrived, aware UTC.

    Raises: NotFound; Invalid with the JSON path of what cannot be; core.errors.Unavailable when the outcome is unknown.
    """
    asked = _asked(attempt_id)
    if not 1 <= position <= len(asked):
        raise NotFound(what="item")
    version = asked[position - 1]
    if not is_acceptable(version, value):
        raise Invalid(path="$.value", reason=f"not_an_answer_to_{version.type}")
    return saves.save(saves.Save(attempt_id, session_id, position, seq, value, flagged, received_at))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a person can keep to prove what was handed in: `signature` is the platform's over the other three (A13)."""

    attempt_id: int
    answers_hash: str
    server_time: datetime
    signature: str


def receipt(attempt: Attempt | queries.Result) -> Receipt:
    """Return the receipt of a closed attempt. Raises: WrongState while it is open."""
    if attempt.finished_at is None or attempt.answers_hash is None:
        raise WrongState(state=attempt.state)
    body = f"receipt:{attempt.id}:{attempt.answers_hash}:{attempt.finished_at.isoformat()}"
    return Receipt(attempt.id, attempt.answers_hash, attempt.finished_at, sealed.sign(body))


def submit_attempt(attempt_id: int, person_id: int) -> Attempt:
    """Do what `hand_in` does and return the attempt as the session knows it."""
    hand_in(attempt_id, person_id)
    return queries.get_own_attempt(attempt_id, person_id)


def hand_in(attempt_id: int, person_id: int) -> queries.Result:
    """Hand an attempt in: close it, then score it. Doing it again changes nothing and gives the same result.

    Raises: NotFound when it is not this person's attempt.
    """
    release()
    return finishes.hand_in(attempt_id, person_id, clock.now())


def finalise(attempt_id: int, now: datetime) -> None:
    """Bring an attempt whose time is over to its result; harmless when that has been done or time was added (A6)."""
    for fault in _finish([attempt_id], "time_up", now):
        raise fault


def _finish(attempt_ids: Sequence[int], reason: str, now: datetime) -> list[Exception]:
    """Finish attempts, some at a time, and return what went wrong with those that could not be."""
    faults: list[Exception] = []
    for start in range(0, len(attempt_ids), FINISHED_TOGETHER):
        wanted = [finishes.Finish(one, reason, now) for one in attempt_ids[start : start + FINISHED_TOGETHER]]
        outcomes = together(finishes.finish, wanted, common=(psycopg.OperationalError,))
        faults += [one for one in outcomes if one is not None]
    return faults


def recompute_standings(competition_id: int) -> dict[int, list[rules.StandingRow]]:
    """Return every participation's standings recomputed from raw answers alone, for checking a seal (L8, A9).

    Args:
        competition_id: the competition.

    Returns: standing rows by participation id; participations without a finished attempt are left out.
    """
    tries: dict[int, list[rules.Try]] = {}
    rows = db.session.execute(
        text(
            """
            select a.id, a.participation_id, a.level_id, l.track_id, a.paper, a.started_at, a.finished_at,
                l.pass_points,
                coalesce(jsonb_object_agg(n.position, n.value) filter (where n.position is not null), '{}') as answers
            from attempts a join levels l on l.id = a.level_id join tracks t on t.id = l.track_id
            left join answers n on n.attempt_id = a.id
            where t.competition_id = :competition and a.state <> 'open' group by a.id, l.id
            """
        ),
        {"competition": competition_id},
        execution_options={"yield_per": 500},
    )
    for row in rows:
        items = rules.paper_items(row.paper)
        given = {int(position): value for position, value in row.answers.items()}
        points = sum(rules.score(items, get_versions([item.version for item in items]), given))
        elapsed_ms = clock.ms(row.finished_at - row.started_at)
        tries.setdefault(row.participation_id, []).append(
            rules.Try(row.level_id, row.track_id, points, elapsed_ms, row.finished_at, points >= row.pass_points)
        )
    return {participation_id: rules.fold_standings(own) for participation_id, own in tries.items()}


def finalise_due(limit: int = 500) -> int:
    """Finalise attempts whose time is over and score closed ones that were left unscored; the sweeper's work (A6).

    Args:
        limit: how many at most.

    Returns: how many were brought to their result.
    """
    now = clock.now()
    ids = queries.due_attempt_ids(now, limit)
    db.session.rollback()
    faults = _finish(ids, "time_up", now)
    for fault in faults:
        log.error("finalise_failed", exc_info=fault)
    return len(ids) - len(faults)


def settle_person(person_id: int) -> None:
    """Finalise this person's attempts whose time is over, at first read."""
    now = clock.now()
    ids = db.session.scalars(
        text("select id from attempts where person_id = :person and state <> 'scored' and deadline_at < :due"),
        {"person": person_id, "due": now - rules.GRACE - rules.SETTLE},
    ).all()
    for fault in _finish(ids, "time_up", now):
        raise fault


def open_competition(competition_id: int, person_id: int) -> Competition:
    """Open a draft to its audience. The checklist is the caller's to hold.

    Raises: NotFound; WrongState when it is no draft.
    """
    with transaction():
        competition = lock(Competition, competition_id)
        if competition.state != "draft" or competition.discarded_at is not None:
            raise WrongState(state=competition.state)
        competition.state = "open"
        audit.record(
            "competition.open",
            "competition",
            competition_id,
            person_id=person_id,
            organization_id=competition.organization_id,
        )
    return competition


def close_competition(competition_id: int, person_id: int) -> Competition:
    """Close a competition for good: no start any more, running attempts end with what is saved, everything is scored.

    Repeating it after a crash goes on where it stopped.

    Raises: NotFound; WrongState when it is a draft or sealed.
    """
    now = clock.now()
    with transaction():
        db.session.execute(
            text("select pg_advisory_xact_lock(:space, :competition)"),
            {"space": starts.SPACE, "competition": competition_id},
        )
        competition = lock(Competition, competition_id)
        if competition.state not in ("open", "closed"):
            raise WrongState(state=competition.state)
        if competition.state == "open":
            competition.state = "closed"
            audit.record(
                "competition.close",
                "competition",
                competition_id,
                person_id=person_id,
                organization_id=competition.organization_id,
            )
    unfinished = db.session.scalars(
        text(
            "select a.id from attempts a join participations p on p.id = a.participation_id "
            "where p.competition_id = :competition and a.state <> 'scored' order by a.id"
        ),
        {"competition": competition_id},
    ).all()
    for fault in _finish(unfinished, "competition_closed", now):
        raise fault
    return competition
