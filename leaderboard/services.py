"""Projecting standings to boards, drawing and checking the picture, and sealing the result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, LiteralString

import structlog
from sqlalchemy import select, text

from competitions.errors import AttemptsUnfinished, WrongState
from competitions.models import Competition
from competitions.services import recompute_standings
from core import audit, clock, valkey
from core.database import db, fetch_all, lock, transaction
from core.valkey import Away
from leaderboard import live, queries, rules
from leaderboard.live import Entry
from leaderboard.models import Seal
from leaderboard.rules import Place, SealedRow

log = structlog.get_logger(__name__)

BATCH = 500
OVERLAP = timedelta(seconds=30)
ATTEMPTS_TO_REBUILD = 3

_STANDINGS: LiteralString = (
    "select s.competition_id, coalesce(s.track_id, 0) track, s.version, s.levels_cleared, s.points, s.elapsed_ms, "
    "(extract(epoch from s.reached_at) * 1000000)::bigint reached_us, s.participation_id, p.path, "
    "c.organization_id from standings s join participations p on p.id = s.participation_id "
    "join competitions c on c.id = s.competition_id "
)


# The same lines as rules.seal_line writes, in the same order; the two are compared whenever a seal is verified.
_SEAL = """
with ranked as (
    select s.participation_id, s.track_id, s.levels_cleared, s.points, s.elapsed_ms, s.reached_at, p.eligible, p.path,
        rank() over (
            partition by s.track_id order by s.levels_cleared desc, s.points desc, s.elapsed_ms, s.reached_at
        ) as rank
    from standings s join participations p on p.id = s.participation_id where s.competition_id = :competition
), lines as (
    select coalesce(track_id, 0) track, rank, participation_id, concat_ws(
        '|', coalesce(track_id, 0), rank, participation_id, levels_cleared, points, elapsed_ms,
        (extract(epoch from reached_at) * 1000000)::bigint, eligible::int, array_to_string(path, '/')
    ) || chr(10) as line from ranked
), written as (
    insert into seals (competition_id, sealed_at, sealed_by, row_count, sha256)
    select :competition, :now, :person, count(*), encode(sha256(convert_to(
        :head || coalesce(string_agg(line, '' order by track, rank, participation_id), ''), 'UTF8'
    )), 'hex') from lines returning id
)
insert into sealed_standings
    (seal_id, participation_id, track_id, rank, levels_cleared, points, elapsed_ms, reached_at, eligible, path)
select written.id, participation_id, track_id, rank, levels_cleared, points, elapsed_ms, reached_at, eligible, path
from ranked, written order by track_id nulls first, rank, participation_id
"""
_SEALED_ROWS = (
    "select coalesce(track_id, 0), rank, participation_id, levels_cleared, points, elapsed_ms, "
    "(extract(epoch from reached_at) * 1000000)::bigint, eligible, path from sealed_standings where seal_id = :seal "
    "order by 1, 2, 3"
)


@dataclass(frozen=True)
class Verified:
    """A seal's recorded hash and the same computed again from the sealed rows and from the raw answers."""

    competition_id: int
    rows: int
    recorded: str
    from_rows: str
    from_answers: str

    @property
    def holds(self) -> bool:
        """Whether all three agree."""
        return self.recorded == self.from_rows == self.from_answers


@dataclass(frozen=True)
class Rebuilt:
    """How many standings a new picture holds."""

    competition_id: int
    rows: int


@dataclass(frozen=True)
class Reconciled:
    """What comparing the picture with the standings found.

    Rows missing, older than they are, wrong at the same version, and members of boards that belong to no row.
    `extra` compares with the boards' sizes read first, so that somebody who joins meanwhile is no difference.
    """

    competition_id: int
    checked: int
    missing: int
    older: int
    wrong: int
    extra: int
    rebuilt: bool

    @property
    def differences(self) -> int:
        """How many things were not as in PostgreSQL."""
        return self.missing + self.older + self.wrong + self.extra


def project(participation_ids: Collection[int]) -> None:
    """Show participations' standings on their boards: read them again by id and write them as they are now (L3, L5).

    With Valkey away or no picture drawn nothing is done: the sweep brings both up to date.

    Args:
        participation_ids: whose standings have changed.
    """
    entries: dict[int, list[Entry]] = defaultdict(list)
    for row in fetch_all(_STANDINGS + "where s.participation_id = any(%(ids)s)", {"ids": list(participation_ids)}):
        entries[row[0]].append(_entry(row))
    try:
        for competition_id, changed in entries.items():
            live.write(competition_id, changed)
    except Away:
        log.info("projection_left_to_the_sweep", participations=len(participation_ids))


@valkey.patience()
def rebuild(competition_id: int) -> Rebuilt:
    """Draw a competition's boards anew from PostgreSQL and serve them in one step (L1).

    Projections that happen meanwhile write to the new picture too, and versions decide; so nothing they bring is lost
    to the older rows read here. A FLUSHALL in the middle begins it again.

    Args:
        competition_id: whose boards.

    Raises: core.valkey.Away; leaderboard.live.Superseded when it was begun again three times in vain.
    """
    for attempt in range(ATTEMPTS_TO_REBUILD):
        try:
            with transaction():
                db.session.execute(
                    text("select pg_advisory_xact_lock(hashtext('leaderboard.rebuild'), :id)"),
                    {"id": competition_id & 0x7FFFFFFF},
                )
                began = clock.now()
                token = live.begin(competition_id)
                rows = 0
                for batch in _batches(competition_id):
                    live.write(competition_id, batch, token)
                    rows += len(batch)
                live.switch(competition_id, token, rules.microseconds(began))
            log.info("leaderboard_rebuilt", competition_id=competition_id, rows=rows)
            return Rebuilt(competition_id, rows)
        except live.Superseded:
            if attempt == ATTEMPTS_TO_REBUILD - 1:
                raise
    raise AssertionError("unreachable")


@valkey.patience()
def sweep(competition_id: int) -> int | None:
    """Project what changed since the last sweep, thirty seconds overlapping; None when no picture exists.

    The overlap covers transactions that took their `changed_at` before the watermark and committed after it.

    Args:
        competition_id: whose standings.

    Raises: core.valkey.Away.
    """
    since = live.swept_at(competition_id)
    if since is None:
        return None
    began = clock.now()
    changed = 0
    with transaction():
        for batch in _batches(competition_id, changed_after_us=since - OVERLAP // rules.MICROSECOND):
            changed += live.write(competition_id, batch) or 0
    live.set_swept_at(competition_id, rules.microseconds(began))
    return changed


@valkey.patience()
def reconcile(competition_id: int, *, repair: bool) -> Reconciled:
    """Compare the picture with the standings row for row and every board's size, and repair it when asked to.

    Args:
        competition_id: whose boards.
        repair: project missing and older rows again; draw everything anew when that is not enough.

    Raises: core.valkey.Away.
    """
    checked = missing = older = wrong = 0
    sizes: Counter[tuple[int, int]] = Counter()
    before = live.counts(competition_id)
    with transaction():
        for batch in _batches(competition_id):
            checked += len(batch)
            sizes.update((entry.track, node) for entry in batch for node in entry.nodes)
            faults = live.compare(competition_id, batch) or [1] * len(batch)
            missing += faults.count(1)
            older += faults.count(2)
            wrong += faults.count(3)
            if repair and any(faults):
                live.write(competition_id, [entry for entry, fault in zip(batch, faults, strict=True) if fault])
    extra = sum(max(0, size - sizes[board]) for board, size in (before or {}).items())
    rebuilt = repair and (before is None or wrong > 0 or extra > 0)
    if rebuilt:
        rebuild(competition_id)
    found = Reconciled(competition_id, checked, missing, older, wrong, extra, rebuilt)
    if found.differences:
        log.warning("leaderboard_differed", **asdict(found))
    return found


def list_live_competitions() -> list[int]:
    """Return the competitions whose boards are drawn from standings: open, or closed and not sealed yet."""
    return list(
        db.session.scalars(
            select(Competition.id).where(Competition.state.in_(("open", "closed"))).order_by(Competition.id)
        )
    )


def seal(competition_id: int, person_id: int | None) -> Seal:
    """Write a closed competition's standings down for ever, with a hash over them (L8), and mark it sealed.

    One statement reads, ranks, hashes and writes, so what is hashed is what is written. From here on boards, prizes
    and bonuses follow these rows alone.

    Args:
        competition_id: a closed competition with every attempt scored.
        person_id: who seals; None for the system itself.

    Raises: NotFound; WrongState when it is not closed; AttemptsUnfinished with their `count`.
    """
    with transaction():
        competition = lock(Competition, competition_id)
        if competition.state != "closed":
            raise WrongState(state=competition.state)
        if unfinished := queries.count_unfinished(competition_id):
            raise AttemptsUnfinished(count=unfinished)
        db.session.execute(
            text(_SEAL),
            {
                "competition": competition_id,
                "person": person_id,
                "now": clock.now(),
                "head": rules.seal_head(competition_id),
            },
        )
        competition.state = "sealed"
        sealed = queries.get_seal(competition_id)
        audit.record(
            "competition.seal",
            "competition",
            competition_id,
            person_id=person_id,
            organization_id=competition.organization_id,
            sha256=sealed.sha256,
            rows=sealed.row_count,
        )
        db.session.flush()
        db.session.expunge(sealed)
    with suppress(Away):
        live.discard(competition_id)
    return sealed


def verify(competition_id: int) -> Verified:
    """Compute a seal's hash again, from its rows and from the raw answers (L8).

    Eligibility and path are facts of the moment of sealing, not of the answers: they are taken from the sealed rows.

    Args:
        competition_id: a sealed competition.

    Raises: NotFound when it is not sealed.
    """
    with transaction():
        sealed = queries.get_seal(competition_id)
        stored = [
            SealedRow(*row)
            for row in db.session.execute(
                text(_SEALED_ROWS), {"seal": sealed.id}, execution_options={"yield_per": 1000}
            )
        ]
        facts = {row.participation_id: (row.eligible, row.path) for row in stored}
        scored = [
            (one.track_id or 0, Place(one.levels_cleared, one.points, one.elapsed_ms, us, participation_id))
            for participation_id, rows in recompute_standings(competition_id).items()
            for one in rows
            for us in (rules.microseconds(one.reached_at),)
        ]
        return Verified(
            competition_id=competition_id,
            rows=len(stored),
            recorded=sealed.sha256,
            from_rows=rules.seal_hash(competition_id, stored),
            from_answers=rules.seal_hash(competition_id, rules.seal_rows(scored, facts)),
        )


def _batches(competition_id: int, changed_after_us: int | None = None) -> Iterator[list[Entry]]:
    """Read standings through a server-side cursor, so that a million rows need no more memory than a thousand."""
    condition = "where s.competition_id = :competition"
    values: dict[str, object] = {"competition": competition_id}
    if changed_after_us is not None:
        condition += " and s.changed_at >= :since"
        values["since"] = rules.EPOCH + changed_after_us * rules.MICROSECOND
    result = db.session.execute(text(_STANDINGS + condition), values, execution_options={"yield_per": BATCH})
    try:
        rows = iter(result)
        while batch := [_entry(row) for row in islice(rows, BATCH)]:
            yield batch
    finally:
        result.close()


def _entry(row: Any) -> Entry:
    _, track, version, levels, points, elapsed_ms, reached_us, participation_id, path, organization_id = row
    return Entry(
        track,
        version,
        Place(levels, points, elapsed_ms, reached_us, participation_id),
        rules.nodes_of(path, organization_id),
    )
