"""Taking files of questions in and giving them out: upload, check, import, undo, template, export."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts import identity
from core import clock, exports
from core.errors import NotFound
from core.exports import Column, Sheet, write_csv
from core.security import limited
from core.web import attachment, language, tr
from organizations.queries import list_path
from questions import access, imports, queries, queries_admin, words
from questions.authoring import Actor
from questions.errors import ImportInUse, ImportNotNow
from questions.examining import Report, Sample, Settings
from questions.exports import KIND, wanted_of
from questions.formats import FORMATS
from questions.formats.columns import guess_field
from questions.formats.neutral import LARGEST_FILE, WriteOptions
from questions.forms_import import ExportForm, SettingsForm, UploadForm
from questions.import_words import (
    field_words,
    format_words,
    import_state_words,
    read_words,
    say_note,
    say_place,
    steps,
)
from questions.models import QuestionImport, QuestionVersion, Topic, Trade
from questions.rules import TYPES
from questions.rules.life import STATES
from questions.words import under

PAGE = 20
LONGEST_NAME = 120
STEPS = ("settings", "take_in", "discard", "undo", "submit")

blueprint = Blueprint("imports", __name__, url_prefix="/questions")


@blueprint.url_value_preprocessor
def allow_uploads(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let the upload be larger than other forms, before anything reads it."""
    if endpoint == "imports.create":
        request.max_content_length = LARGEST_FILE + 64 * 1024


def _reach(import_id: int) -> tuple[Actor, QuestionImport]:
    """Return who asks, and an import into a bank that their roles reach. Raises: NotSignedIn; NotFound (P3)."""
    person = identity.require()
    import_ = imports.get_import(import_id)
    found = access.banks(access.IMPORTERS)
    if import_.organization_id not in found:
        raise NotFound
    return Actor(person.person_id, found[import_.organization_id]), import_


def _back(import_id: int) -> Any:
    return redirect(url_for(".show", import_id=import_id), 303)


def _bank_names(banks: dict[access.Bank, int]) -> dict[str, str]:
    """Name banks by what a form calls them: the id of an organization, or "shared"."""
    nodes = {node.id: tr(node) for node in list_path([bank for bank in banks if bank is not None])}
    return {str(bank or "shared"): nodes[bank] if bank else _("Shared bank") for bank in banks}


def _bank_of(said: str) -> int | None:
    return int(said) if said.isdigit() else None


@blueprint.get("/imports")
def index() -> str:
    """List the files that were taken into the banks that the person's roles reach."""
    found = access.require_banks(access.IMPORTERS)
    page = max(1, request.args.get("page", 1, type=int))
    rows, more = imports.list_imports(found, page, PAGE)
    return render_template(
        "questions/imports.html",
        rows=rows,
        more=more,
        page=page,
        people=imports.find_names([row.person_id for row in rows if row.person_id]),
        banks=_bank_names(found),
        states=import_state_words(),
        trades={trade.code: tr(trade) for trade in queries.list_trades()},
    )


@blueprint.route("/imports/new", methods=["GET", "POST"])
@limited("question-import", "120/hour")
def create() -> Any:
    """Take an upload; it is read and checked in the background."""
    found = access.require_banks(access.IMPORTERS)
    form: Any = UploadForm()
    trades = queries.list_trades()
    form.prepare({trade.code: tr(trade) for trade in trades}, _bank_names(found))
    if form.validate_on_submit():
        bank = _bank_of(form.bank.data)
        import_ = imports.begin(
            _clean_name(form.file.data.filename or ""),
            form.file.data.read(),
            form.trade.data,
            bank,
            Actor(identity.require().person_id, found[bank]),
            clock.now(),
            Settings(),
        )
        return _back(import_.id)
    return render_template("questions/import_new.html", form=form, trades=trades), 422 if form.errors else 200


def _clean_name(name: str) -> str:
    """Return the name of an upload without folders and signs that nobody sees."""
    base = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r"[\x00-\x1f\x7f]", "", base)[-LONGEST_NAME:] or "file"


@blueprint.get("/imports/<int:import_id>")
def show(import_id: int) -> str:
    """Show how far an import is: its progress, what the check found, what was imported."""
    _by, import_ = _reach(import_id)
    topics = queries.list_topics(import_.trade_code)
    leaves = words.leaf_paths(topics)
    report, settings = imports.get_report(import_), imports.get_settings(import_)
    form: Any = SettingsForm(
        formdata=None,
        data={
            "topic": settings.topic,
            "difficulty": str(settings.difficulty),
            "source": settings.source,
            "duplicates": settings.duplicates,
            "leave_out": settings.leave_out,
        },
    )
    form.prepare(leaves, _("None: such questions are a problem"))
    error = imports.get_error(import_)
    return render_template(
        "questions/import.html",
        import_=import_,
        report=report,
        settings=settings,
        form=form,
        steps=steps(import_),
        state=import_state_words()[import_.state],
        under_way=import_.state in imports.UNDER_WAY,
        ready=imports.may_take_in(report, settings),
        error=say_note(error) if error else "",
        error_place=say_place(error.place) if error else "",
        format=read_words(import_.format),
        types=words.type_words(),
        topic_names=words.topic_paths(topics),
        say_note=say_note,
        say_place=say_place,
        fields=field_words(column.field for column in report.columns) if report.columns else [],
        guess_field=guess_field,
        samples=[_sample(one, topics) for one in report.samples],
        use=imports.find_use(import_id) if import_.state == "done" else None,
        submits=import_.organization_id in access.banks(access.AUTHORS),
        state_words=words.state_words(),
        trade=next(tr(trade) for trade in queries.list_trades() if trade.code == import_.trade_code),
        bank=_bank_names({import_.organization_id: 0})[str(import_.organization_id or "shared")],
        person=imports.find_names([import_.person_id]).get(import_.person_id, "") if import_.person_id else "",
    )


def _sample(sample: Sample, topics: list[Topic]) -> dict[str, Any]:
    """Return a question that would be imported, field by field as the bank shows its questions."""
    empty: dict[str, Any] = {"prompts": [], "variables": {}, "media": [], "case_group": None}
    version = QuestionVersion(**(empty | sample.content))
    return {
        "stem": sample.content["stem"],
        "place": say_place(sample.place),
        "facts": words.describe(version, words.topic_paths(topics)),
        "warnings": [say_note(one) for one in sample.warnings],
    }


@blueprint.get(f"/imports/<int:import_id>/<any({', '.join(STEPS)}):step>")
def step_form(import_id: int, step: str) -> Any:
    """Lead a reload or a change of language after a step back to the page it belongs to."""
    return _back(import_id)


@blueprint.post("/imports/<int:import_id>/settings")
@limited("question-import", "120/hour")
def settings(import_id: int) -> Any:
    """Check a file again with other settings, and with columns taken for what the person says."""
    _by, import_ = _reach(import_id)
    form: Any = SettingsForm()
    form.prepare(words.leaf_paths(queries.list_topics(import_.trade_code)), "")
    if not form.validate_on_submit():
        flash(_("Choose a topic and a difficulty from the lists, and a source of at most 200 characters."), "error")
        return _back(import_id)
    try:
        imports.check_again(
            import_id,
            Settings(
                form.topic.data,
                int(form.difficulty.data),
                (form.source.data or "").strip(),
                _mapping(imports.get_report(import_), imports.get_settings(import_)),
                form.duplicates.data,
                form.leave_out.data,
            ),
        )
    except ImportNotNow:
        flash(_("That is not possible as the import stands now. Look at it again."), "error")
    return _back(import_id)


def _mapping(report: Report, settings_: Settings) -> dict[str, str]:
    """Return what columns are taken for: what was said before, and what the form says where it differs from a guess."""
    known = {name for name, _label in field_words(column.field for column in report.columns)}
    mapping = dict(settings_.mapping)
    for number, column in enumerate(report.columns):
        said = request.form.get(f"column-{number}")
        if column.header and said is not None and (said in known or not said):
            mapping[column.header] = said
            if said == guess_field(column.header):
                del mapping[column.header]
    return mapping


@blueprint.post("/imports/<int:import_id>/take_in")
def take_in(import_id: int) -> Any:
    """Import a checked file."""
    _reach(import_id)
    try:
        imports.take_in(import_id)
    except ImportNotNow:
        flash(_("That is not possible as the import stands now. Look at it again."), "error")
    return _back(import_id)


@blueprint.post("/imports/<int:import_id>/discard")
def discard(import_id: int) -> Any:
    """Drop a file that is not imported."""
    _reach(import_id)
    try:
        imports.discard(import_id, clock.now())
        flash(_("The file was discarded. Nothing was imported."), "info")
    except ImportNotNow:
        flash(_("That is not possible as the import stands now. Look at it again."), "error")
        return _back(import_id)
    return redirect(url_for(".index"), 303)


@blueprint.post("/imports/<int:import_id>/undo")
def undo(import_id: int) -> Any:
    """Take an import back."""
    by, _import = _reach(import_id)
    try:
        count = imports.undo(import_id, by, clock.now())
        flash(ngettext("%(num)s question was taken back.", "%(num)s questions were taken back.", count), "success")
    except ImportInUse as refusal:
        flash(_in_use(int(str(refusal.details["count"]))), "error")
    except ImportNotNow:
        flash(_("That is not possible as the import stands now. Look at it again."), "error")
    return _back(import_id)


@blueprint.post("/imports/<int:import_id>/submit")
def submit(import_id: int) -> Any:
    """Hand all drafts of an import to the reviewers."""
    by, import_ = _reach(import_id)
    if import_.organization_id not in access.banks(access.AUTHORS):
        raise NotFound
    try:
        count = imports.submit_all(import_id, by, clock.now())
        flash(ngettext("%(num)s question was submitted.", "%(num)s questions were submitted.", count), "success")
    except ImportNotNow:
        flash(_("That is not possible as the import stands now. Look at it again."), "error")
    return _back(import_id)


def _in_use(count: int) -> Any:
    return ngettext(
        "%(num)s question of this import has been approved or retired, so it cannot be taken back as a whole.",
        "%(num)s questions of this import have been approved or retired, so it cannot be taken back as a whole.",
        count,
    )


@blueprint.get("/imports/<int:import_id>/problems")
def problems(import_id: int) -> Response:
    """Hand out every problem of a checked file as a table, with its place, its reason and the text it is about."""
    _by, import_ = _reach(import_id)
    lines = imports.get_report(import_).lines
    columns = [
        Column(_("File in the package")),
        Column(_("Sheet")),
        Column(_("Row or line"), "number"),
        Column(_("Column")),
        Column(_("Problem")),
        Column(_("Question text")),
    ]
    rows = [
        [
            one.note.place.file,
            one.note.place.sheet,
            one.note.place.row or one.note.place.line or None,
            one.note.place.column,
            say_note(one.note),
            one.stem,
        ]
        for one in lines
    ]
    name = _("Problems %(name)s", name=import_.filename)
    body = write_csv(Sheet(name, [], columns, len(rows), rows), lambda done: None)
    return attachment(body, f"{name}.csv", "text/csv; charset=utf-8")


@blueprint.get("/imports/template/<trade_code>.<any(xlsx, csv):ending>")
def template(trade_code: str, ending: str) -> Response:
    """Hand out the empty table that people fill in, with the topics of a trade."""
    access.require_banks(access.IMPORTERS)
    trade = _trade(trade_code)
    names = queries.list_leaves(trade_code)
    format_ = FORMATS[ending]
    written = format_.write([], {}, WriteOptions(trade=trade_code, topics=names, headings=language()))
    return attachment(written.body, f"{_('Template %(name)s', name=tr(trade))}.{ending}", format_.mime)


def _trade(code: str) -> Trade:
    trade = queries.find_trade(code)
    if trade is None:
        raise NotFound(what="Trade")
    return trade


@blueprint.route("/export", methods=["GET", "POST"])
@limited("question-export", "240/hour")
def export() -> Any:
    """Choose questions and a format; the file is made in the background."""
    found = access.require_banks(access.READERS)
    trades = queries.list_trades()
    asked = request.values
    trade = next((one for one in trades if one.code == asked.get("trade")), trades[0] if trades else None)
    topics = queries.list_topics(trade.code) if trade else []
    banks = _bank_names(found)
    bank = asked.get("bank") if asked.get("bank") in banks else next(iter(banks))
    paths = words.topic_paths(topics)
    topic = asked.get("topic", "") if asked.get("topic") in paths else ""
    kept = {
        "trade": trade.code if trade else "",
        "bank": bank,
        "topic": topic,
        "type": asked.get("type", "") if asked.get("type") in TYPES else "",
        "state": asked.get("state", "") if asked.get("state") in STATES else "",
    }
    params = {
        "bank": _bank_of(str(bank)),
        "trade": kept["trade"],
        "topics": under(topic, topics),
        "type": kept["type"],
        "state": kept["state"],
    }
    form: Any = ExportForm()
    form.prepare(format_words())
    if trade and form.validate_on_submit():
        made = exports.request_export(
            KIND,
            params | {"format": form.format.data, "words": form.words.data or "", "language": language()},
            identity.require().person_id,
            organization_id=found[_bank_of(str(bank))],
        )
        return redirect(url_for("exports.show", export_id=made.id), 303)
    count = queries_admin.count_wanted(wanted_of(params)) if trade else 0
    return render_template(
        "questions/export.html",
        form=form,
        kept=kept,
        count=count,
        trades={one.code: tr(one) for one in trades},
        topics=paths,
        types=words.type_words(),
        states={code: word for code, (word, _tone) in words.state_words().items()},
        banks=banks,
        imports_too=bool(access.banks(access.IMPORTERS)),
    ), 422 if form.errors else 200
