"""Long exports: the files themselves, and the life of a job."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import openpyxl
import procrastinate
import pytest
from flask import Flask
from sqlalchemy import select, text

from core import exports, jobs
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound
from core.exports import Column, Sheet
from core.models import AuditEntry, Export
from tests import factories as make
from tests.queue import beside_the_browser, connector, work_off

MOMENT = datetime(2026, 6, 1, 4, 5, 6, tzinfo=UTC)
ID_NUMBER = "110105199001011234"
COLUMNS = [Column("Name"), Column("ID", "code"), Column("Points", "number"), Column("When", "time")]
EVIL = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


def sheet(rows: list[list[Any]], head: tuple[str, ...] = ()) -> Sheet:
    return Sheet("list", head, COLUMNS, len(rows), rows)


def nothing(_done: int) -> None:
    pass


def test_an_id_of_eighteen_digits_survives_xlsx_as_text_and_points_stay_numbers() -> None:
    body = exports.write_xlsx(sheet([["王小明", ID_NUMBER, 87, MOMENT]], head=("省赛",)), nothing)
    page = openpyxl.load_workbook(io.BytesIO(body)).active
    assert page is not None
    assert [[cell.value for cell in row] for row in page.iter_rows()] == [
        ["省赛", None, None, None],
        ["Name", "ID", "Points", "When"],
        ["王小明", ID_NUMBER, 87, "2026-06-01 12:05:06"],
    ]
    assert page["B3"].data_type == "s"
    assert page["C3"].data_type == "n"


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_of_either_format_can_be_read_as_a_formula(evil: str) -> None:
    rows = [[evil, evil, 1, None]]
    page = openpyxl.load_workbook(io.BytesIO(exports.write_xlsx(sheet(rows, head=(evil,)), nothing))).active
    assert page is not None
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    assert str(page["A3"].value).startswith("'")
    text = exports.write_csv(sheet(rows, head=(evil,)), nothing).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(exports.FORMULA)] == []


def test_csv_begins_with_a_byte_order_mark_for_chinese_excel() -> None:
    assert exports.write_csv(sheet([["王", "1", 1, MOMENT]]), nothing).startswith(b"\xef\xbb\xbfName")


@pytest.fixture
def kind(app: Flask) -> Iterator[Callable[..., str]]:
    """Registers a kind of export for one test."""
    known = dict(exports._kinds)

    def register(rows: Any, total: int = 3, allowed: Any = lambda params, person_id: True) -> str:
        exports.register("probe", lambda params: Sheet("list", (), COLUMNS, total, rows()), allowed)
        return "probe"

    yield register
    exports._kinds.clear()
    exports._kinds.update(known)


def rows_of(count: int) -> Callable[[], Iterator[list[Any]]]:
    return lambda: (["王", str(number), number, None] for number in range(count))


def test_row_trace_and_job_come_together_and_the_worker_makes_the_file(app: Flask, kind: Callable[..., str]) -> None:
    person = make.make_person()
    export = exports.request_export(kind(rows_of(3)), {"format": "csv"}, person.id)
    assert db.session.scalars(select(AuditEntry.action)).all() == ["probe.export"]
    work_off(app)
    assert (export.state, export.done, export.total) == ("done", 3, 3)
    assert export.filename == "list.csv"


def test_nothing_remains_of_a_request_whose_job_cannot_be_deferred(
    kind: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("queue away")

    monkeypatch.setattr(jobs, "defer", refuse)
    with pytest.raises(RuntimeError):
        exports.request_export(kind(rows_of(1)), {"format": "csv"}, make.make_person().id)
    assert db.session.scalars(select(Export)).all() == []
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_progress_is_visible_to_others_while_the_rows_are_written(kind: Callable[..., str]) -> None:
    seen = []

    def rows() -> Iterator[list[Any]]:
        for number in range(1200):
            if number in (0, 600, 1100):
                with db.engine.connect() as other:
                    seen.append(tuple(other.execute(select(Export.state, Export.done, Export.total)).one()))
            yield ["王", "1", number, None]

    export = exports.request_export(kind(rows, total=1200), {"format": "xlsx"}, make.make_person().id)
    exports.make_export(export.id)
    assert seen == [("running", 0, 1200), ("running", 500, 1200), ("running", 1000, 1200)]


def test_a_cancelled_export_stops_within_a_step_and_keeps_nothing(app: Flask, kind: Callable[..., str]) -> None:
    person_id = make.make_person().id
    written: list[int] = []

    def rows() -> Iterator[list[Any]]:
        for number in range(5000):
            if number == 700:
                with app.app_context():
                    exports.cancel_export(export_id, person_id)
            written.append(number)
            yield ["王", "1", number, None]

    export_id = exports.request_export(kind(rows, total=5000), {"format": "csv"}, person_id).id
    exports.make_export(export_id)
    export = db.session.get_one(Export, export_id, populate_existing=True)
    assert (export.state, export.body) == ("cancelled", None)
    assert len(written) <= 1000 + 1


def test_an_export_that_a_killed_worker_had_begun_is_made_anew(kind: Callable[..., str]) -> None:
    export_id = exports.request_export(kind(rows_of(3)), {"format": "csv"}, make.make_person().id).id
    with transaction():
        begun = lock(Export, export_id)
        begun.state, begun.done, begun.total = "running", 500, 1200
    exports.make_export(export_id)
    export = db.session.get_one(Export, export_id, populate_existing=True)
    assert (export.state, export.done, export.total) == ("done", 3, 3)


@pytest.mark.parametrize(("attempts", "job", "file"), [(0, "todo", "running"), (jobs.MOST_TRIES, "failed", "failed")])
def test_a_stalled_job_is_done_again_but_not_for_ever(
    app: Flask, kind: Callable[..., str], attempts: int, job: str, file: str
) -> None:
    export = exports.request_export(kind(rows_of(3)), {"format": "csv"}, make.make_person().id)
    with transaction():
        export.state = "running"
        dead = db.session.scalar(
            text("insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id")
        )
        db.session.execute(
            text("update procrastinate_jobs set status = 'doing', attempts = :attempts, worker_id = :dead"),
            {"attempts": attempts, "dead": dead},
        )

    async def retry() -> None:
        async with worker.open_async():
            await jobs.retry_stalled(cast(procrastinate.JobContext, SimpleNamespace(app=worker)), 0)

    with jobs.jobs.replace_connector(connector(app)) as worker:
        beside_the_browser(lambda: asyncio.run(retry()))
    db.session.rollback()
    assert db.session.scalar(text("select status::text from procrastinate_jobs")) == job
    assert db.session.get_one(Export, export.id, populate_existing=True).state == file


def test_an_export_cancelled_before_it_began_is_never_made(kind: Callable[..., str]) -> None:
    person_id = make.make_person().id
    export = exports.request_export(kind(rows_of(1)), {"format": "csv"}, person_id)
    exports.cancel_export(export.id, person_id)
    exports.make_export(export.id)
    assert export.state == "cancelled"


def test_a_failing_producer_is_told_to_the_person_and_not_raised(kind: Callable[..., str]) -> None:
    def rows() -> Iterator[list[Any]]:
        yield ["王", "1", 1, None]
        raise ValueError("broken")

    export = exports.request_export(kind(rows), {"format": "csv"}, make.make_person().id)
    exports.make_export(export.id)
    db.session.expire_all()
    assert (export.state, export.error, export.body) == ("failed", "internal_error", None)


def test_permission_is_asked_again_when_the_file_is_made(kind: Callable[..., str]) -> None:
    may = [True]
    name = kind(rows_of(1), allowed=lambda params, person_id: may[0])
    export = exports.request_export(name, {"format": "csv"}, make.make_person().id)
    may[0] = False
    exports.make_export(export.id)
    db.session.expire_all()
    assert (export.state, export.error) == ("failed", "not_found")


def test_an_unknown_kind_or_format_is_refused(kind: Callable[..., str]) -> None:
    person_id = make.make_person().id
    with pytest.raises(Invalid):
        exports.request_export("nonsense", {"format": "csv"}, person_id)
    with pytest.raises(Invalid):
        exports.request_export(kind(rows_of(1)), {"format": "exe"}, person_id)
    with pytest.raises(NotFound):
        exports.request_export(kind(rows_of(1), allowed=lambda *_: False), {"format": "csv"}, person_id)
