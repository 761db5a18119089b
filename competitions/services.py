"""Use cases of taking part: join, start, save, submit, finalise; and opening and closing a competition."""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from competitions import events, queries, rules
from competitions.errors import AttemptClosed, CompetitionNotOpen, LevelLocked, NoTriesLeft, WrongState
from competitions.models import Attempt, Competition, Participation, Standing
from competitions.writer import Outcome, Save, writer
from core import audit, clock
from core import secrets as sealed
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound, NotSignedIn
from organizations.queries import path_of_person
from questions.queries import get_bank, get_versions
from questions.rules import Value, draw, is_acceptable

log = structlog.get_logger(__name__)

PAPERS = 20_000
_papers: OrderedDict[int, tuple[tuple[str, frozenset[str]], ...]] = OrderedDict()


def join(competition_id: int, person_id: int, name: str) -> Participation:
    """Let a person take part; doing it again returns the same participation.

    Args:
        competition_id: a competition whose audience the person belongs to.
        person_id: who joins.
        name: the person's name, kept as it is now.

    Raises: NotFound when the competition is not for this person; CompetitionNotOpen.
    """
    now = clock.now()
    with transaction() as record:
        path = path_of_person(person_id)
        competition = queries.get_visible_competition(competition_id, path)
        found = queries.find_participation(competition_id, person_id)
        if found is not None:
            return found
        _require_running(competition.state, competition.opens_at, competition.closes_at, now)
        db.session.execute(
            insert(Participation)
            .values(competition_id=competition_id, person_id=person_id, name=name, path=path, joined_at=now)
            .on_conflict_do_nothing()
        )
        participation = queries.find_participation(competition_id, person_id)
        if participation is None:
            raise NotFound(what="participation")
        record(events.ParticipationJoined(participation.id, competition_id))
    return participation


def _require_running(state: str, opens_at: datetime, closes_at: datetime, now: datetime) -> None:
    if state != "open" or now >= closes_at:
        raise CompetitionNotOpen(why="over" if state != "draft" else "draft")
    if now < opens_at:
        raise CompetitionNotOpen(why="not_begun")


_PLACE = text(
    """
    select l.id, l.position, l.blueprint, l.time_limit_s, l.tries_total, l.tries_per_day, l.opens_at as level_opens_at,
        t.id as track_id, t.trade_code, t.competition_id, pg_advisory_xact_lock_shared(:space, t.competition_id::int)
    from levels l join tracks t on t.id = l.track_id where l.id = :level
    """
)
_STANDING_IN = text(
    """
    select p.id, c.state, c.opens_at, c.closes_at,
        (select coalesce(bool_or(b.cleared), false) from attempts b join levels bl on bl.id = b.level_id
         where b.participation_id = p.id and bl.track_id = :track and bl.position = :before) as before_cleared
    from participations p join competitions c on c.id = p.competition_id
    where p.competition_id = :competition and p.person_id = :person for update of p
    """
)
_TRIES = text(
    "select id, number, state, started_at, deadline_at from attempts "
    "where participation_id = :participation and level_id = :level order by number"
)

STARTS = 1
"""The advisory lock space that starts share and a closing takes alone."""


def start_attempt(person_id: int, level_id: int) -> Attempt:
    """Start an attempt at a level, or return the one that is running (on whatever device it was started).

    The deadline is fixed in this transaction, which is the one that first shows question 1.

    Args:
        person_id: who plays; must have joined the competition.
        level_id: the level.

    Raises: NotFound when there is no such level or the person has not joined; CompetitionNotOpen; LevelLocked;
        NoTriesLeft; questions.errors.BlueprintUnfillable.
    """
    now = clock.now()
    attempt, due = _start(person_id, level_id, now)
    if due is not None:
        finalise(due, now)
        attempt, due = _start(person_id, level_id, now)
    if attempt is None:
        raise AttemptClosed(attempt_id=due)
    return attempt


def _start(person_id: int, level_id: int, now: datetime) -> tuple[Attempt | None, int | None]:
    """Start or resume; an attempt whose time is over is handed back as its id, to be finalised first."""
    with transaction():
        place = db.session.execute(_PLACE, {"level": level_id, "space": STARTS}).first()
        if place is None:
            raise NotFound(what="level")
        who = db.session.execute(
            _STANDING_IN,
            {
                "track": place.track_id,
                "before": place.position - 1,
                "competition": place.competition_id,
                "person": person_id,
            },
        ).first()
        if who is None:
            raise NotFound(what="level")
        tries = db.session.execute(_TRIES, {"participation": who.id, "level": level_id}).all()
        for one in tries:
            if one.state == "open":
                if rules.is_due(one.deadline_at, now):
                    return None, one.id
                return db.session.get_one(Attempt, one.id), None
        _require_running(who.state, who.opens_at, who.closes_at, now)
        if place.position > 1 and not who.before_cleared:
            raise LevelLocked(why="previous")
        if place.level_opens_at and place.level_opens_at > now:
            raise LevelLocked(why="opens_at", opens_at=place.level_opens_at.isoformat())
        refusal = rules.tries_refusal(place.tries_total, place.tries_per_day, [one.started_at for one in tries], now)
        if refusal:
            raise NoTriesLeft(why=refusal)
        blueprint = rules.blueprint_rows(place.blueprint)
        seed = secrets.randbits(62)
        paper = draw(blueprint, get_bank(place.trade_code), random.Random(seed))  # noqa: S311 - evidence, not a secret
        attempt = Attempt(
            participation_id=who.id,
            person_id=person_id,
            level_id=level_id,
            number=len(tries) + 1,
            state="open",
            seed=seed,
            paper=[asdict(item) for item in paper],
            started_at=now,
            deadline_at=rules.deadline(
                now, place.time_limit_s, who.closes_at, queries.list_adjustments(who.id, level_id, None)
            ),
            max_points=rules.max_points(blueprint),
        )
        db.session.add(attempt)
    return attempt, None


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


def _shapes(attempt_id: int) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return type and option ids of each item of an attempt's paper, which never changes, from memory when known."""
    shapes = _papers.get(attempt_id)
    if shapes is None:
        paper: Any = db.session.execute(
            text("select paper from attempts where id = :id"), {"id": attempt_id}
        ).scalar_one_or_none()
        db.session.rollback()
        if paper is None:
            raise NotFound(what="attempt")
        items = rules.paper_items(paper)
        versions = get_versions([item.version for item in items])
        shapes = tuple((versions[item.version].type, versions[item.version].option_ids) for item in items)
        _papers[attempt_id] = shapes
        while len(_papers) > PAPERS:
            _papers.popitem(last=False)
    return shapes


def save_answer(
    attempt_id: int, session_id: int, position: int, seq: int, value: Value, flagged: bool, received_at: datetime
) -> Outcome:
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
    shapes = _shapes(attempt_id)
    if not 1 <= position <= len(shapes):
        raise NotFound(what="item")
    type_, option_ids = shapes[position - 1]
    if not is_acceptable(type_, option_ids, value):
        raise Invalid(path="$.value", reason=f"not_an_answer_to_{type_}")
    return writer().save(Save(attempt_id, session_id, position, seq, value, flagged, received_at))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a person can keep to prove what was handed in: `signature` is the platform's over the other three (A13)."""

    attempt_id: int
    answers_hash: str
    server_time: datetime
    signature: str


def receipt(attempt: Attempt) -> Receipt:
    """Return the receipt of a closed attempt. Raises: WrongState while it is open."""
    if attempt.finished_at is None or attempt.answers_hash is None:
        raise WrongState(state=attempt.state)
    body = f"receipt:{attempt.id}:{attempt.answers_hash}:{attempt.finished_at.isoformat()}"
    return Receipt(attempt.id, attempt.answers_hash, attempt.finished_at, sealed.sign(body))


def submit_attempt(attempt_id: int, person_id: int) -> Attempt:
    """Hand an attempt in: close it, then score it. Doing it again returns the same result.

    Raises: NotFound when it is not this person's attempt.
    """
    attempt = queries.get_own_attempt(attempt_id, person_id)
    if attempt.state != "scored":
        now = clock.now()
        _close(attempt_id, "time_up" if now > attempt.deadline_at else "submitted", now)
        _score(attempt_id, now)
        db.session.refresh(attempt)
    return attempt


def finalise(attempt_id: int, now: datetime) -> None:
    """Bring an attempt whose time is over to its result; harmless when that has been done (A6)."""
    _close(attempt_id, "time_up", now)
    _score(attempt_id, now)


def _close(attempt_id: int, reason: str, now: datetime) -> None:
    """Close an open attempt in a transaction of its own: from here on no save counts, and scoring may be repeated."""
    with transaction():
        attempt = lock(Attempt, attempt_id)
        if attempt.state != "open":
            return
        attempt.state = "closed"
        attempt.finished_at = rules.finish(attempt.deadline_at, now)
        attempt.close_reason = reason
        attempt.answers_hash = rules.answers_hash(attempt_id, queries.answer_values(attempt_id))


def _score(attempt_id: int, now: datetime) -> None:
    """Score a closed attempt and fold it into the standings, both or neither."""
    with transaction() as record:
        participation_id = db.session.execute(
            text("select participation_id from attempts where id = :id"), {"id": attempt_id}
        ).scalar_one()
        competition_id = db.session.execute(
            text("select competition_id from participations where id = :id for no key update"),
            {"id": participation_id},
        ).scalar_one()
        attempt = lock(Attempt, attempt_id)
        if attempt.state != "closed" or attempt.finished_at is None:
            return
        items = rules.paper_items(attempt.paper)
        marks = rules.score(items, get_versions([item.version for item in items]), queries.answer_values(attempt_id))
        pass_points = db.session.execute(
            text("select pass_points from levels where id = :id"), {"id": attempt.level_id}
        ).scalar_one()
        attempt.state = "scored"
        attempt.marks = marks
        attempt.points = sum(marks)
        attempt.cleared = attempt.points >= pass_points
        attempt.elapsed_ms = round((attempt.finished_at - attempt.started_at).total_seconds() * 1000)
        attempt.rule_version = rules.RULE_VERSION
        db.session.flush()
        _store_standings(competition_id, participation_id, now)
        record(events.AttemptScored(attempt_id, participation_id, competition_id))


_SCORED = text(
    """
    select a.level_id, l.track_id, a.points, a.elapsed_ms, a.finished_at, a.cleared
    from attempts a join levels l on l.id = a.level_id where a.participation_id = :participation and a.state = 'scored'
    """
)


def _store_standings(competition_id: int, participation_id: int, now: datetime) -> None:
    rows = rules.fold_standings(
        rules.Try(*row) for row in db.session.execute(_SCORED, {"participation": participation_id})
    )
    statement = insert(Standing).values(
        [
            {
                "competition_id": competition_id,
                "participation_id": participation_id,
                "changed_at": now,
                "version": 1,
                **asdict(row),
            }
            for row in rows
        ]
    )
    fields = ("levels_cleared", "points", "elapsed_ms", "reached_at", "changed_at")
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["participation_id", "track_id"],
            set_={
                **{name: statement.excluded[name] for name in fields},
                "version": Standing.version + 1,
            },
        )
    )


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
        elapsed_ms = round((row.finished_at - row.started_at).total_seconds() * 1000)
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
    done = 0
    for attempt_id in ids:
        try:
            finalise(attempt_id, now)
            done += 1
        except Exception:
            log.exception("finalise_failed", attempt_id=attempt_id)
    return done


def settle_person(person_id: int) -> None:
    """Finalise this person's attempts whose time is over, at first read."""
    now = clock.now()
    ids = db.session.scalars(
        text("select id from attempts where person_id = :person and state <> 'scored' and deadline_at < :due"),
        {"person": person_id, "due": now - rules.GRACE - rules.SETTLE},
    ).all()
    for attempt_id in ids:
        finalise(attempt_id, now)


def open_competition(competition_id: int, person_id: int) -> Competition:
    """Open a draft to its audience. The checklist is the caller's to hold.

    Raises: NotFound; WrongState when it is no draft.
    """
    with transaction() as record:
        competition = lock(Competition, competition_id)
        if competition.state != "draft":
            raise WrongState(state=competition.state)
        competition.state = "open"
        audit.record(
            "competition.open",
            "competition",
            competition_id,
            person_id=person_id,
            organization_id=competition.organization_id,
        )
        record(events.CompetitionOpened(competition_id, person_id))
    return competition


def close_competition(competition_id: int, person_id: int) -> Competition:
    """Close a competition for good: no start any more, running attempts end with what is saved, everything is scored.

    Repeating it after a crash goes on where it stopped.

    Raises: NotFound; WrongState when it is a draft or sealed.
    """
    now = clock.now()
    with transaction():
        db.session.execute(
            text("select pg_advisory_xact_lock(:space, :competition)"), {"space": STARTS, "competition": competition_id}
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
    for attempt_id in unfinished:
        _close(attempt_id, "competition_closed", now)
        _score(attempt_id, now)
    with transaction() as record:
        record(events.CompetitionClosed(competition_id, person_id))
    return competition
