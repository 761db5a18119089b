"""Writing people and their results with COPY, a batch a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import select, text

import demo
from accounts.models import Person
from competitions import rules
from competitions.models import Competition
from core import audit, clock
from core.database import db, transaction
from core.secrets import blind_index, seal
from demo.event import Event, find_event, take_turn
from demo.people import Someone
from demo.play import Played


def write_batch(event: Event, batch: Sequence[Someone], first: int, last: int) -> int:
    """Write a batch of people with all they did in one transaction, and return how many attempts that were."""
    now = clock.now()
    with transaction():
        take_turn()
        there = find_event()
        if there is None or there.people != first:
            return 0
        new = [one for one in batch if one.number >= len(demo.LOGINS)]
        ids = dict(enumerate(event.login_ids))
        ids.update(zip((one.number for one in new), _ids("people", len(new)), strict=True))
        password_hash = db.session.scalars(
            select(Person.password_hash).where(Person.id == event.login_ids[demo.AUDITOR])
        ).one()
        _copy(
            "people",
            "id phone_index phone_sealed phone_tail password_hash name locale created_at",
            (
                (id_, blind_index(phone), seal(phone), phone[-4:], password_hash, one.name, "zh_CN", one.created_at)
                for one in new
                for id_, phone in ((ids[one.number], f"+86{demo.phone(one.number)}"),)
            ),
        )
        _copy(
            "memberships",
            "person_id organization_id began_at",
            ((ids[one.number], one.node_id, one.created_at) for one in new),
        )
        running = set(  # locked, because a closing competition takes nobody in
            db.session.scalars(
                select(Competition.id)
                .where(Competition.id.in_(event.competition_ids), Competition.state == "open")
                .with_for_update(read=True)
            )
        )
        parts = [(one, number) for one in batch for number in one.joined if event.competition_ids[number] in running]
        part_ids = dict(
            zip(((one.number, number) for one, number in parts), _ids("participations", len(parts)), strict=True)
        )
        _copy(
            "participations",
            "id competition_id person_id name path joined_at eligible",
            (
                (
                    part_ids[one.number, number],
                    event.competition_ids[number],
                    ids[one.number],
                    one.name,
                    one.path,
                    one.joined[number],
                    True,
                )
                for one, number in parts
            ),
        )
        attempts = [
            (part_ids[one.number, number], ids[one.number], played)
            for one, number in parts
            for played in one.played[number]
        ]
        attempt_ids = _ids("attempts", len(attempts))
        _copy(
            "attempts",
            "id participation_id person_id level_id number state seed paper started_at deadline_at finished_at "
            "close_reason answers_hash rule_version marks points max_points cleared elapsed_ms",
            (_attempt(id_, *one) for id_, one in zip(attempt_ids, attempts, strict=True)),
        )
        _copy(
            "answers",
            "attempt_id position seq value flagged received_at",
            (
                (id_, position, seq, _json(value), False, received_at)
                for id_, (_, _, played) in zip(attempt_ids, attempts, strict=True)
                for position, seq, value, received_at in played.answers
            ),
        )
        _copy(
            "standings",
            "competition_id participation_id track_id levels_cleared points elapsed_ms reached_at changed_at version",
            (
                (
                    event.competition_ids[number],
                    part_ids[one.number, number],
                    row.track_id,
                    row.levels_cleared,
                    row.points,
                    row.elapsed_ms,
                    row.reached_at,
                    now,
                    1,
                )
                for one, number in parts
                for row in rules.fold_standings(played.as_try for played in one.played[number])
            ),
        )
        audit.record(
            "demo.fill",
            "demo",
            person_id=None,
            organization_id=event.province_id,
            people=last,
            attempts=len(attempts),
        )
    return len(attempts)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _attempt(id_: int, participation_id: int, person_id: int, played: Played) -> tuple[Any, ...]:
    return (
        id_,
        participation_id,
        person_id,
        played.level.id,
        played.number,
        "scored",
        played.seed,
        _json(played.paper),
        played.started_at,
        played.deadline_at,
        played.finished_at,
        played.close_reason,
        rules.answers_hash(id_, played.values),
        rules.RULE_VERSION,
        _json(played.marks),
        played.points,
        rules.max_points(played.level.blueprint),
        played.cleared,
        played.elapsed_ms,
    )


def _ids(table: str, count: int) -> list[int]:
    """Take so many ids out of a table's sequence."""
    return list(
        db.session.scalars(
            text("select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)"),
            {"table": table, "count": count},
        )
    )


def _copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows with COPY in the session's transaction; triggers and constraints hold as for INSERT."""
    connection: Any = db.session.connection().connection.driver_connection
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} ({', '.join(columns.split())}) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)
