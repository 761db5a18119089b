"""Long exports: asked for on a page, made by the job worker row by row, kept for the person who asked."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
import xlsxwriter
from flask_babel import force_locale
from sqlalchemy import select, update

from core import audit, clock, jobs, retention
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound, Refusal
from core.models import AuditEntry, Export
from core.zone import SHANGHAI

log = structlog.get_logger(__name__)

STEP = 500
MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. kind: `text`; `code` for ids and phones, which are never numbers; `number`; `time` (aware UTC)."""

    title: str
    kind: Literal["text", "code", "number", "time"] = "text"
    width: int = 16


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a producer gives: lines above the table, columns, how many rows there will be, and the rows one by one."""

    name: str
    head: Sequence[str]
    columns: Sequence[Column]
    total: int
    rows: Iterable[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class File:
    """What a producer gives that writes its file itself: its name, its bytes, how many things are in it, and notes.

    A note is {text, values, count, names}: a sentence for the catalogues, what fills it, of how many things it is said,
    and the first of them.
    """

    filename: str
    media_type: str
    body: bytes
    total: int
    notes: Sequence[dict[str, Any]] = ()


Producer = Callable[[dict[str, Any]], Sheet | File]
Permission = Callable[[dict[str, Any], int], bool]


@dataclass(frozen=True, slots=True)
class _Kind:
    produce: Producer
    allowed: Permission
    formats: Collection[str]


_kinds: dict[str, _Kind] = {}


class Cancelled(Exception):
    """The person who asked for the file does not want it any more."""


def register(kind: str, producer: Producer, allowed: Permission, formats: Collection[str] = MEDIA) -> None:
    """Make a kind of export known; called once, when its package is imported.

    Args:
        kind: its name, e.g. "ranking".
        producer: gives the sheet or the file for the parameters; runs in the job worker, in the language asked for.
        allowed: says whether a person (id) may have it with these parameters; asked at request, making and download.
        formats: what `format` may be.
    """
    _kinds[kind] = _Kind(producer, allowed, formats)


def request_export(
    kind: str, params: dict[str, Any], person_id: int, *, organization_id: int | None = None, why: str = ""
) -> Export:
    """Ask for a file: the row, the trace and the job come into being together or not at all.

    Args:
        kind: a registered kind.
        params: JSON; `format` is one of the kind's, `language` "zh" or "en", the rest is the producer's.
        person_id: who asks, and alone may have it.
        organization_id: the node of the tree the data belong to, for the audit trail.
        why: the reason given.

    Raises: Invalid when there is no such kind or format; NotFound when the person may not have it (P3).
    """
    if kind not in _kinds or params.get("format") not in _kinds[kind].formats:
        raise Invalid(path="kind", reason="unknown")
    if not _kinds[kind].allowed(params, person_id):
        raise NotFound(what="export")
    with transaction():
        export = Export(kind=kind, params=params, requested_by=person_id, requested_at=clock.now(), state="waiting")
        db.session.add(export)
        db.session.flush()
        audit.record(
            f"{kind}.export",
            "export",
            export.id,
            person_id=person_id,
            organization_id=organization_id,
            why=why,
            params=params,
        )
        jobs.defer(run_export, export_id=export.id)
    return export


def list_exports(person_id: int) -> list[Export]:
    """Return what a person asked for, the latest first."""
    return list(
        db.session.scalars(
            select(Export).where(Export.requested_by == person_id).order_by(Export.requested_at.desc()).limit(50)
        )
    )


def get_export(export_id: int, person_id: int) -> Export:
    """Return an export of this person. Raises: NotFound, for absent and foreign alike (P3)."""
    export = db.session.get(Export, export_id)
    if export is None or export.requested_by != person_id:
        raise NotFound(what="export")
    return export


def cancel_export(export_id: int, person_id: int) -> None:
    """Stop an export that waits or runs; one that has ended stays as it is. Raises: NotFound."""
    get_export(export_id, person_id)
    with transaction():
        export = lock(Export, export_id)
        if export.state in ("waiting", "running"):
            export.state = "cancelled"
            export.finished_at = clock.now()


def download_export(export_id: int, person_id: int) -> tuple[bytes, str, str]:
    """Return body, file name and media type of a finished export, and leave a trace (P5).

    Raises: NotFound when it is not there, not finished, foreign, or no longer allowed.
    """
    export = get_export(export_id, person_id)
    if export.state != "done" or export.body is None or not _kinds[export.kind].allowed(export.params, person_id):
        raise NotFound(what="export")
    with transaction():
        params = {name: value for name, value in export.params.items() if name != "notes"}
        audit.record(
            f"{export.kind}.download",
            "export",
            export_id,
            person_id=person_id,
            organization_id=_organization_of(export),
            params=params,
        )
    return export.body, export.filename, export.media_type


def _organization_of(export: Export) -> int | None:
    """The node whose data were asked for, as the trace of the request has it."""
    return db.session.scalar(
        select(AuditEntry.organization_id)
        .where(
            AuditEntry.subject == "export",
            AuditEntry.subject_id == export.id,
            AuditEntry.action == f"{export.kind}.export",
        )
        .limit(1)
    )


def make_export(export_id: int) -> None:
    """Make the file of an export, anew when a killed worker had begun it; whatever goes wrong is written into its row.

    Args:
        export_id: the export; one that was cancelled or has ended is left alone.
    """
    with transaction():
        export = lock(Export, export_id)
        if export.state not in ("waiting", "running"):
            return
        export.state, export.done = "running", 0
        kind, params, person_id = export.kind, dict(export.params), export.requested_by
    try:
        if not _kinds[kind].allowed(params, person_id):
            raise NotFound(what="export")
        with force_locale("en" if params.get("language") == "en" else "zh"):
            produced = _kinds[kind].produce(params)
            _note(export_id, 0, produced.total)
            file = produced if isinstance(produced, File) else _written(produced, params["format"], export_id)
    except Cancelled:
        db.session.rollback()
        return
    except Exception as fault:
        db.session.rollback()
        log.exception("export_failed", export_id=export_id, kind=kind)
        _end(export_id, "failed", error=fault.code if isinstance(fault, Refusal) else "internal_error")
        return
    db.session.rollback()
    _end(
        export_id,
        "done",
        body=file.body,
        done=file.total,
        total=file.total,
        filename=file.filename,
        media_type=file.media_type,
        params=params | ({"notes": list(file.notes)} if file.notes else {}),
    )


def _written(sheet: Sheet, format_: str, export_id: int) -> File:
    body = WRITERS[format_](sheet, lambda done: _note(export_id, done, sheet.total))
    return File(f"{sheet.name}.{format_}", MEDIA[format_], body, sheet.total)


def _give_up(export_id: int) -> None:
    _end(export_id, "failed", error="internal_error")


@jobs.task(given_up=_give_up, name="exports.run")
def run_export(export_id: int) -> None:
    """Make one export in the background."""
    make_export(export_id)


def neutral(text: str) -> str:
    """Return a text that no spreadsheet reads as a formula: one that begins like a formula gets an apostrophe (P6)."""
    return f"'{text}" if text.startswith(FORMULA) else text


def write_xlsx(sheet: Sheet, note: Callable[[int], None]) -> bytes:
    """Write a sheet as xlsx, holding one row in memory: numbers as numbers, all else as text cells, no formula.

    Args:
        sheet: what to write.
        note: told how many rows are done, every `STEP` rows.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "export.xlsx")
        book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": folder})
        page = book.add_worksheet()
        bold = book.add_format({"bold": True})
        text = book.add_format({"num_format": "@"})
        for number, column in enumerate(sheet.columns):
            page.set_column(number, number, column.width)
        for line, words in enumerate(sheet.head):
            page.write_string(line, 0, neutral(words))
        top = len(sheet.head)
        for number, column in enumerate(sheet.columns):
            page.write_string(top, number, column.title, bold)
        page.freeze_panes(top + 1, 0)
        for line, row in enumerate(_counted(sheet.rows, note), top + 1):
            for number, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
                if value is None:
                    continue
                if column.kind == "number":
                    page.write_number(line, number, value)
                else:
                    words = _words(value)
                    page.write_string(line, number, words if column.kind == "code" else neutral(words), text)
        book.close()
        with open(path, "rb") as file:
            return file.read()


def write_csv(sheet: Sheet, note: Callable[[int], None]) -> bytes:
    """Write a sheet as CSV in UTF-8 with a byte order mark, which Chinese Excel needs; arguments as `write_xlsx`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for line in sheet.head:
        writer.writerow([neutral(line)])
    writer.writerow([neutral(column.title) for column in sheet.columns])
    for row in _counted(sheet.rows, note):
        writer.writerow(
            [
                value if column.kind == "number" else "" if value is None else neutral(_words(value))
                for column, value in zip(sheet.columns, row, strict=True)
            ]
        )
    return out.getvalue().encode("utf-8-sig")


WRITERS: dict[str, Callable[[Sheet, Callable[[int], None]], bytes]] = {"xlsx": write_xlsx, "csv": write_csv}


def _words(value: Cell) -> str:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _counted(rows: Iterable[Sequence[Cell]], note: Callable[[int], None]) -> Iterator[Sequence[Cell]]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % STEP == 0:
            note(number)


def _note(export_id: int, done: int, total: int) -> None:
    """Write progress on a connection of its own, because the session is busy streaming. Raises Cancelled."""
    with db.engine.begin() as connection:
        result = connection.execute(
            update(Export).where(Export.id == export_id, Export.state == "running").values(done=done, total=total)
        )
    if result.rowcount == 0:
        raise Cancelled


def _end(export_id: int, state: str, **values: Any) -> None:
    with transaction():
        export = lock(Export, export_id)
        if export.state not in ("waiting", "running"):
            return
        for name, value in values.items():
            setattr(export, name, value)
        export.state = state
        export.finished_at = clock.now()


retention.register(Export, lambda before: Export.finished_at < before)
