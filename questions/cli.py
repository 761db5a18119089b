"""Commands of the question bank."""

import time
from pathlib import Path

import click
from flask.cli import AppGroup

from core import clock
from core.errors import NotFound
from organizations.queries import get_organization
from questions import examining, exports, imports, queries, services
from questions.errors import BankInvalid
from questions.formats import FORMATS
from questions.formats.neutral import Place, Refused, WriteOptions
from questions.queries_admin import Wanted
from questions.rules import TYPES
from questions.rules.life import STATES

commands = AppGroup("questions", help="The question bank.")


@commands.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="content")
def load(folder: Path) -> None:
    """Load the banks of FOLDER; repeating it changes nothing, a changed question becomes a new version."""
    try:
        loaded = services.load_banks(folder)
    except BankInvalid as refusal:
        raise click.ClickException("\n".join(str(problem) for problem in refusal.problems)) from None
    click.echo(
        f"{len(loaded.trades)} trades: {loaded.new} new questions, {loaded.changed} new versions, "
        f"{loaded.unchanged} unchanged"
    )


@commands.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="content")
def check(folder: Path) -> None:
    """Name every fault of the banks of FOLDER, and what an examiner would not let pass."""
    problems = services.check_banks(folder)
    if problems:
        raise click.ClickException("\n".join(problems))
    click.echo("No bank has a problem.")


def _trade(_context: click.Context, _option: click.Parameter, code: str) -> str:
    known = [trade.code for trade in queries.list_trades()]
    if code not in known:
        raise click.BadParameter(f"{code} is not one of {', '.join(known)}")
    return code


def _bank(_context: click.Context, _option: click.Parameter, organization_id: int | None) -> int | None:
    try:
        return None if organization_id is None else get_organization(organization_id).id
    except NotFound:
        raise click.BadParameter(f"there is no organization {organization_id}") from None


def _where(place: Place) -> str:
    parts = (
        place.file,
        place.sheet,
        f"row {place.row}" if place.row else "",
        f"line {place.line}" if place.line else "",
        f"column {place.column}" if place.column else "",
    )
    return " ".join(part for part in parts if part)


@commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--trade", required=True, callback=_trade, help="The trade the questions are for.")
@click.option("--organization", "bank", type=int, callback=_bank, help="Whose bank; the shared one when left out.")
@click.option("--topic", default="", help="The topic of questions that name none.")
@click.option("--difficulty", type=click.IntRange(1, 5), default=3, show_default=True)
@click.option("--source", default="", help="The source of questions that name none; the file's name when left out.")
@click.option("--keep-duplicates", is_flag=True, help="Import questions that are there already, too.")
@click.option("--leave-out", is_flag=True, help="Leave out questions with problems; else they stop the import.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def import_(
    file: Path,
    trade: str,
    bank: int | None,
    topic: str,
    difficulty: int,
    source: str,
    keep_duplicates: bool,
    leave_out: bool,
    dry_run: bool,
) -> None:
    """Import the questions of FILE as drafts: Excel, CSV, GIFT, Aiken, Moodle XML or QTI, all of them or none."""
    settings = examining.Settings(topic, difficulty, source, {}, keep_duplicates, leave_out)
    plan = examining.Plan(file.name, file.read_bytes(), trade, bank, frozenset({bank, None}), settings)
    began = time.monotonic()
    try:
        found = examining.examine(plan)
    except Refused as refusal:
        place = _where(refusal.note.place)
        raise click.ClickException(f"{refusal}{f' ({place})' if place else ''}") from None
    report = found.report
    click.echo(
        f"{report.found} questions ({found.format}): {report.ready} to import, {report.faulty} with problems, "
        f"{report.twins} there already; checked in {time.monotonic() - began:.2f} s"
    )
    for one in report.notes:
        click.echo(f"note: {one.text % one.values}")
    for word, groups in (("PROBLEM", report.problems), ("warning", report.warnings)):
        for group in groups:
            click.echo(f"{word} x {group.count}: {group.text % group.values}")
            click.echo(f"    {'; '.join(' '.join((_where(spot.place), spot.said)).strip() for spot in group.spots)}")
    if report.faulty and leave_out:
        click.echo(f"Left out: {report.faulty} with problems.")
    if not imports.may_take_in(report, settings):
        way = f" Mend them, or leave these {report.faulty} out with --leave-out." if report.ready else ""
        raise click.ClickException(f"Nothing was imported.{way}")
    if dry_run:
        click.echo("Nothing was imported: this was a dry run.")
        return
    began = time.monotonic()
    import_id = imports.import_now(found, plan, clock.now())
    click.echo(f"Imported {report.ready} drafts as import {import_id} in {time.monotonic() - began:.2f} s.")


@commands.command("export")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--trade", required=True, callback=_trade, help="The trade of the questions.")
@click.option("--organization", "bank", type=int, callback=_bank, help="Whose bank; the shared one when left out.")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="xlsx", show_default=True)
@click.option("--topic", "topics", multiple=True, help="Only this topic; may be given several times.")
@click.option("--type", "type_", type=click.Choice(list(TYPES)), help="Only this type.")
@click.option("--state", type=click.Choice(STATES), help="Only questions in this state.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="One language alone; both when left out.")
def export(
    file: Path,
    trade: str,
    bank: int | None,
    format_: str,
    topics: tuple[str, ...],
    type_: str | None,
    state: str | None,
    language: str | None,
) -> None:
    """Write questions to FILE, and say of each what the format cannot hold."""
    wanted = Wanted([bank], trade, topics=topics, type=type_ or "", state=state or "")
    began = time.monotonic()
    written = exports.write_questions(wanted, format_, WriteOptions(language or "", headings=language or "zh"))
    file.write_bytes(written.body)
    for code, notes in written.notes.items():
        for one in notes:
            click.echo(f"{code}{' left out' if code in written.left_out else ''}: {one.text % one.values}", err=True)
    click.echo(
        f"{written.count} questions to {file} ({format_}), {len(written.left_out)} left out, "
        f"in {time.monotonic() - began:.2f} s"
    )
