"""Use cases of taking part: join, start, save, submit, finalise; and opening and closing a competition."""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from competitions import events, queries, rules
from competitions.errors import AttemptClosed, CompetitionNotOpen, LevelLocked, NoTriesLeft, WrongState
from competitions.models import Attempt, Competition, Participation
from competitions.writer import Outcome, Save, writer
from core import audit, clock
from core import secrets as sealed
from core.database import again_if_lost, db, direct, lock, publish, transaction
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


STARTS = 1
"""The advisory lock space that starts share and a closing takes alone."""

_CLAIM: LiteralString = """
    select p.id, pg_advisory_xact_lock_shared(%(space)s, t.competition_id::int)
    from levels l join tracks t on t.id = l.track_id
    join participations p on p.competition_id = t.competition_id and p.person_id = %(person)s
    where l.id = %(level)s for update of p
"""
_FACTS: LiteralString = """
    select c.state, c.opens_at, c.closes_at, t.trade_code, l.position, l.blueprint, l.time_limit_s,
        l.tries_total, l.tries_per_day, l.opens_at,
        (select coalesce(bool_or(a.cleared), false) from levels b join attempts a on a.level_id = b.id
         where b.track_id = l.track_id and b.position = l.position - 1 and a.person_id = %(person)s),
        array(select a.started_at from attempts a where a.person_id = %(person)s and a.level_id = l.id),
        (select a.id from attempts a where a.person_id = %(person)s and a.level_id = l.id and a.state = 'open'),
        (select a.deadline_at from attempts a
         where a.person_id = %(person)s and a.level_id = l.id and a.state = 'open'),
        (select jsonb_agg(array[j.factor_percent, j.seconds]) from adjustments j
         join participations p on p.id = j.participation_id
         where p.person_id = %(person)s and p.competition_id = c.id and j.attempt_id is null
         and (j.level_id is null or j.level_id = l.id))
    from levels l join tracks t on t.id = l.track_id join competitions c on c.id = t.competition_id
    where l.id = %(level)s
"""
_START: LiteralString = """
    insert into attempts (participation_id, person_id, level_id, number, state, seed, paper, started_at, deadline_at,
        max_points)
    values (%(participation_id)s, %(person_id)s, %(level_id)s, %(number)s, 'open', %(seed)s, %(paper)s::jsonb,
        %(started_at)s, %(deadline_at)s, %(max_points)s)
    returning id
"""


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
    now = clock.now()
    started = again_if_lost(lambda: _start(person_id, level_id, now))
    if isinstance(started, int):
        finalise(started, now)
        started = _start(person_id, level_id, now)
    if isinstance(started, int):
        raise AttemptClosed(attempt_id=started)
    return started


def _start(person_id: int, level_id: int, now: datetime) -> Started | int:
    """Start or resume; an attempt whose time is over is handed back as its id, to be finalised first."""
    who = {"person": person_id, "level": level_id}
    with direct() as send:
        claimed = send(_CLAIM, {**who, "space": STARTS})
        facts = send(_FACTS, who)  # a statement of its own: it sees what was committed before the claim was granted
        claim = claimed.fetchone()
        if claim is None:
            raise NotFound(what="level")
        [found] = facts.fetchall()
        state, opens_at, closes_at, trade_code, position, stored_blueprint, limit_s = found[:7]
        tries_total, tries_per_day, level_opens_at, before_cleared, starts, open_id, open_until, more_time = found[7:]
        if open_id is not None:
            if rules.is_due(open_until, now):
                return int(open_id)
            return Started(db.session.get_one(Attempt, open_id), True)
        _require_running(state, opens_at, closes_at, now)
        if position > 1 and not before_cleared:
            raise LevelLocked(why="previous")
        if level_opens_at and level_opens_at > now:
            raise LevelLocked(why="opens_at", opens_at=level_opens_at.isoformat())
        refusal = rules.tries_refusal(tries_total, tries_per_day, starts, now)
        if refusal:
            raise NoTriesLeft(why=refusal)
        blueprint = rules.blueprint_rows(stored_blueprint)
        seed = secrets.randbits(62)
        paper = draw(blueprint, get_bank(trade_code), random.Random(seed))  # noqa: S311 - evidence, not a secret
        attempt = Attempt(
            participation_id=claim[0],
            person_id=person_id,
            level_id=level_id,
            number=len(starts) + 1,
            state="open",
            seed=seed,
            paper=[{"version": item.version, "options": item.options, "points": item.points} for item in paper],
            started_at=now,
            deadline_at=rules.deadline(now, limit_s, closes_at, [rules.More(*row) for row in more_time or []]),
            max_points=rules.max_points(blueprint),
        )
        inserted = send(
            _START,
            {
                "participation_id": attempt.participation_id,
                "person_id": person_id,
                "level_id": level_id,
                "number": attempt.number,
                "seed": seed,
                "paper": msgspec.json.encode(attempt.paper).decode(),
                "started_at": now,
                "deadline_at": attempt.deadline_at,
                "max_points": attempt.max_points,
            },
        )
    [(attempt.id,)] = inserted.fetchall()
    return Started(attempt, False)


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


def hand_in(attempt_id: int, person_id: int) -> None:
    """Hand an attempt in: close it, then score it. Doing it again changes nothing.

    Raises: NotFound when it is not this person's attempt.
    """
    now = clock.now()
    again_if_lost(lambda: _close(attempt_id, now, "submitted", person_id=person_id))
    again_if_lost(lambda: _score(attempt_id, now))


def finalise(attempt_id: int, now: datetime) -> None:
    """Bring an attempt whose time is over to its result; harmless when that has been done or time was added (A6)."""
    _close(attempt_id, now, "time_up")
    _score(attempt_id, now)


_LOCK: LiteralString = "select state, deadline_at, person_id from attempts where id = %(id)s for no key update"
_ANSWERS: LiteralString = "select position, value from answers where attempt_id = %(id)s"
_CLOSE: LiteralString = """
    update attempts set state = 'closed', finished_at = %(finished_at)s, close_reason = %(reason)s,
        answers_hash = %(answers_hash)s
    where id = %(id)s
"""


def _close(attempt_id: int, now: datetime, reason: str, person_id: int | None = None) -> None:
    """Close an open attempt in a transaction of its own: from here on no save counts, and scoring may be repeated.

    Its lock waits for saves that are being written, and the answers are read after it. For "time_up" it closes only
    what is due: time may have been added since somebody looked.

    Raises: NotFound when there is none, or it is not this person's.
    """
    with direct() as send:
        locked = send(_LOCK, {"id": attempt_id})
        given = send(_ANSWERS, {"id": attempt_id})
        found = locked.fetchone()
        if found is None or person_id not in (None, found[2]):
            raise NotFound(what="attempt")
        state, deadline_at, _ = found
        if state != "open" or (reason == "time_up" and not rules.is_due(deadline_at, now)):
            return
        if reason == "submitted" and now > deadline_at:
            reason = "time_up"
        values = {
            "id": attempt_id,
            "finished_at": rules.finish(deadline_at, now),
            "reason": reason,
            "answers_hash": rules.answers_hash(attempt_id, dict(given.fetchall())),
        }
        send(_CLOSE, values)


_LOCK_CLOSED: LiteralString = """
    select p.id, p.competition_id, a.state, a.paper, a.started_at, a.finished_at, a.level_id, l.track_id, l.pass_points
    from attempts a join participations p on p.id = a.participation_id join levels l on l.id = a.level_id
    where a.id = %(id)s for no key update of p, a
"""
_OTHERS: LiteralString = """
    select o.level_id, l.track_id, o.points, o.elapsed_ms, o.finished_at, o.cleared
    from attempts a join attempts o on o.participation_id = a.participation_id join levels l on l.id = o.level_id
    where a.id = %(id)s and o.state = 'scored'
"""
_SCORE: LiteralString = """
    update attempts set state = 'scored', marks = %(marks)s::jsonb, points = %(points)s, cleared = %(cleared)s,
        elapsed_ms = %(elapsed_ms)s, rule_version = %(rule_version)s
    where id = %(id)s
"""
_STAND: LiteralString = """
    insert into standings (competition_id, participation_id, track_id, levels_cleared, points, elapsed_ms, reached_at,
        changed_at, version)
    select %(competition_id)s, %(participation_id)s, r.track_id, r.levels_cleared, r.points, r.elapsed_ms, r.reached_at,
        %(now)s, 1
    from jsonb_to_recordset(%(rows)s::jsonb) as r(track_id bigint, levels_cleared bigint, points bigint,
        elapsed_ms bigint, reached_at timestamptz)
    on conflict (participation_id, track_id) do update
        set levels_cleared = excluded.levels_cleared, points = excluded.points, elapsed_ms = excluded.elapsed_ms,
            reached_at = excluded.reached_at, changed_at = excluded.changed_at, version = standings.version + 1
"""


def _score(attempt_id: int, now: datetime) -> None:
    """Score a closed attempt and fold it into the standings, both or neither; harmless when that has been done."""
    with direct() as send:
        closed = send(_LOCK_CLOSED, {"id": attempt_id})
        given, others = send(_ANSWERS, {"id": attempt_id}), send(_OTHERS, {"id": attempt_id})
        [found] = closed.fetchall()
        participation_id, competition_id, state, paper, started_at, finished_at, level_id, track_id, pass_points = found
        if state != "closed":
            return
        items = rules.paper_items(paper)
        marks = rules.score(items, get_versions([item.version for item in items]), dict(given.fetchall()))
        points = sum(marks)
        elapsed_ms = round((finished_at - started_at).total_seconds() * 1000)
        scored = {
            "id": attempt_id,
            "marks": msgspec.json.encode(marks).decode(),
            "points": points,
            "cleared": points >= pass_points,
            "elapsed_ms": elapsed_ms,
            "rule_version": rules.RULE_VERSION,
        }
        send(_SCORE, scored)
        this = rules.Try(level_id, track_id, points, elapsed_ms, finished_at, points >= pass_points)
        rows = rules.fold_standings([this, *(rules.Try(*row) for row in others.fetchall())])
        standing = {
            "competition_id": competition_id,
            "participation_id": participation_id,
            "now": now,
            "rows": msgspec.json.encode(rows).decode(),
        }
        send(_STAND, standing)
    publish(events.AttemptScored(attempt_id, participation_id, competition_id))


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
        _close(attempt_id, now, "competition_closed")
        _score(attempt_id, now)
    with transaction() as record:
        record(events.CompetitionClosed(competition_id, person_id))
    return competition
