"""The organizer's pages: setting a competition up, opening it, watching it, and giving people more time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from accounts import identity
from accounts.identity import Identity
from competitions import queries, queries_admin, releases, rules, saves, services, setup
from competitions.checklist import Line, availability, may_open
from competitions.errors import WrongState
from competitions.forms import (
    SPARE_ROWS,
    CompetitionForm,
    ExportForm,
    ExtensionForm,
    FactorForm,
    LevelForm,
    TracksForm,
)
from competitions.models import Competition, Level, Track
from core import clock, exports, markup
from core.database import db
from core.errors import Invalid, NotFound, Refusal
from core.forms import choices, strip
from core.security import limited
from core.web import language, tr
from core.zone import SHANGHAI
from organizations import permissions
from organizations.queries import get_organization, list_path
from organizations.rules import MANAGERS
from questions import access
from questions.queries import list_topics, list_trades

RELEASERS = (*MANAGERS, *access.REVIEWERS)
"""Who releases the questions of a bank to practice once a competition is over."""

blueprint = Blueprint("organizer", __name__, url_prefix="/organizer")
blueprint.add_app_template_filter(markup.render_markdown, "markdown")


def require_run(competition_id: int) -> tuple[Identity, Competition]:
    """Return who is signed in and a competition that they may run.

    Args:
        competition_id: its id.

    Raises: NotSignedIn; NotFound, for absent and foreign alike (P3).
    """
    identity.require()
    competition = queries.get_competition(competition_id)
    person = permissions.require_role(MANAGERS, get_organization(competition.organization_id).path)
    return person, competition


@blueprint.get("")
def index() -> Any:
    """List the competitions that I may run."""
    nodes = permissions.require_somewhere(MANAGERS)
    return render_template("organizer/index.html", runs=queries_admin.list_run_by(nodes), chips=state_chips())


@blueprint.route("/competitions/new", methods=["GET", "POST"])
def create() -> Any:
    """Create a draft."""
    nodes = permissions.require_somewhere(MANAGERS)
    form: Any = CompetitionForm()
    _offer_nodes(form, nodes)
    if request.method == "GET":
        morning = (clock.now().astimezone(SHANGHAI) + timedelta(days=1)).replace(hour=8, minute=0)
        form.opens_at.process_data(morning)
        form.closes_at.process_data(morning + timedelta(days=14))
    if form.validate_on_submit():
        path = get_organization(form.organization_id.data).path
        person = permissions.require_role(MANAGERS, path)
        try:
            made = setup.create_competition(person.person_id, form.organization_id.data, _basics(form))
        except Invalid as refusal:
            _tell(form, refusal)
        else:
            flash(_("The draft is made. Next: choose its trades."), "success")
            return redirect(url_for(".show_setup", competition_id=made.id, _anchor="tracks"))
    return _page("organizer/basics.html", form, competition=None)


@blueprint.route("/competitions/<int:competition_id>/basics", methods=["GET", "POST"])
def edit(competition_id: int) -> Any:
    """Change names, rules and window."""
    person, competition = require_run(competition_id)
    form: Any = CompetitionForm(obj=competition)
    _offer_nodes(form, permissions.nodes_with(MANAGERS))
    if form.validate_on_submit():
        permissions.require_role(MANAGERS, get_organization(form.organization_id.data).path)
        try:
            setup.edit_competition(person.person_id, competition_id, _basics(form), form.organization_id.data)
        except Invalid as refusal:
            _tell(form, refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".show_setup", competition_id=competition_id))
    return _page("organizer/basics.html", form, competition=competition)


@blueprint.get("/competitions/<int:competition_id>/setup")
def show_setup(competition_id: int) -> Any:
    """Show what a competition is made of, and its checklist while it is a draft."""
    _person, competition = require_run(competition_id)
    lines = setup.find_checklist(competition_id) if competition.state == "draft" else []
    tracks = _tracks(competition)
    form: Any = TracksForm(data={"trades": [track["track"].trade_code for track in tracks]})
    _offer_trades(form)
    return render_template(
        "organizer/setup.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        checklist=_words(competition, lines),
        no_prizes=any(line.code == "prizes" and not line.ok for line in lines),
        may_open=may_open(lines),
        tracks=tracks,
        form=form,
    )


@blueprint.post("/competitions/<int:competition_id>/tracks")
def choose_tracks(competition_id: int) -> Any:
    """Choose the trades of a draft."""
    person, _competition = require_run(competition_id)
    form: Any = TracksForm()
    _offer_trades(form)
    if form.validate_on_submit():
        setup.set_tracks(person.person_id, competition_id, form.trades.data or [])
        flash(_("The trades are saved."), "success")
    return redirect(url_for(".show_setup", competition_id=competition_id, _anchor="tracks"))


@blueprint.post("/tracks/<int:track_id>/standard-levels")
def add_standard_levels(track_id: int) -> Any:
    """Add the five standard levels to a track."""
    person, competition, track = _require_track(track_id)
    setup.add_standard_levels(person.person_id, track_id)
    flash(_("Five standard levels were added to %(track)s.", track=tr(track)), "success")
    return redirect(url_for(".show_setup", competition_id=competition.id, _anchor=f"track-{track_id}"))


@blueprint.route("/tracks/<int:track_id>/levels/new", methods=["GET", "POST"])
def add_level(track_id: int) -> Any:
    """Add one level to a track."""
    person, competition, track = _require_track(track_id)
    number = len(queries.list_levels(track_id)) + 1
    form: Any = LevelForm(
        data={
            "name_zh": f"第{number}关",
            "name_en": f"Level {number}",
            "minutes": 10,
            "pass_points": 60,
            "tries_per_day": 3,
            "reveal": "after_close",
            "rows": [{}] * SPARE_ROWS,
        }
    )
    return _level_page(person, competition, track, form, None)


@blueprint.route("/levels/<int:level_id>", methods=["GET", "POST"])
def edit_level(level_id: int) -> Any:
    """Change one level."""
    person, competition, track, level = _require_level(level_id)
    rows = [
        {**row, "topic": row["topic"] or "", "type": row["type"] or "", "difficulty": str(row["difficulty"] or "")}
        for row in level.blueprint
    ]
    form: Any = LevelForm(
        obj=level,
        data={
            "minutes": f"{level.time_limit_s / 60:g}",
            "rows": [*rows, *([{}] * SPARE_ROWS)],
        },
    )
    return _level_page(person, competition, track, form, level)


@blueprint.post("/levels/<int:level_id>/move")
def move_level(level_id: int) -> Any:
    """Move a level one place up or down."""
    person, competition, track, _level = _require_level(level_id)
    setup.move_level(person.person_id, level_id, -1 if request.form.get("to") == "up" else 1)
    return redirect(url_for(".show_setup", competition_id=competition.id, _anchor=f"track-{track.id}"))


@blueprint.post("/levels/<int:level_id>/delete")
def delete_level(level_id: int) -> Any:
    """Take a level out of a draft."""
    person, competition, track, level = _require_level(level_id)
    name = tr(level)
    setup.delete_level(person.person_id, level_id)
    flash(_("%(level)s was deleted.", level=name), "success")
    return redirect(url_for(".show_setup", competition_id=competition.id, _anchor=f"track-{track.id}"))


@blueprint.post("/competitions/<int:competition_id>/no-prizes")
def say_no_prizes(competition_id: int) -> Any:
    """Put on record that a draft is meant to have no prizes."""
    person, _competition = require_run(competition_id)
    setup.say_no_prizes(person.person_id, competition_id)
    flash(_("It is on record that there are no prizes."), "success")
    return redirect(url_for(".show_setup", competition_id=competition_id))


@blueprint.post("/competitions/<int:competition_id>/copy")
def copy(competition_id: int) -> Any:
    """Copy a competition as a new draft."""
    person, _competition = require_run(competition_id)
    made = setup.copy_competition(person.person_id, competition_id, "（副本）", " (copy)")
    flash(_("This is the copy, a draft of its own. Check its name and dates first."), "success")
    return redirect(url_for(".edit", competition_id=made.id))


@blueprint.route("/competitions/<int:competition_id>/discard", methods=["GET", "POST"])
def discard(competition_id: int) -> Any:
    """Put a draft away for good, after asking once."""
    person, competition = require_run(competition_id)
    if competition.state != "draft":
        flash(_("Only a draft can be discarded; this competition has been opened."), "error")
        return redirect(url_for(".show", competition_id=competition_id))
    if request.method == "POST":
        setup.discard_competition(person.person_id, competition_id)
        flash(_("The draft %(name)s is discarded.", name=tr(competition)), "success")
        return redirect(url_for(".index"))
    return render_template("organizer/discard.html", competition=competition, tracks=_tracks(competition))


@blueprint.route("/competitions/<int:competition_id>/open", methods=["GET", "POST"])
def open_(competition_id: int) -> Any:
    """Open a draft whose checklist is all green, after asking once."""
    person, competition = require_run(competition_id)
    lines = setup.find_checklist(competition_id) if competition.state == "draft" else []
    if competition.state != "draft" or not may_open(lines):
        flash(_("It cannot be opened as it stands."), "error")
        return redirect(url_for(".show_setup", competition_id=competition_id))
    if request.method == "POST":
        services.open_competition(competition_id, person.person_id)
        flash(_("The competition is open."), "success")
        return redirect(url_for(".show", competition_id=competition_id))
    return render_template(
        "organizer/open.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        tracks=_tracks(competition),
    )


@blueprint.get("/competitions/<int:competition_id>")
def show(competition_id: int) -> Any:
    """Show how a competition goes; a draft shows its set-up instead."""
    _person, competition = require_run(competition_id)
    if competition.state == "draft":
        return redirect(url_for(".show_setup", competition_id=competition_id))
    return render_template(
        "organizer/control.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        now=clock.now(),
        situation=queries_admin.find_situation(competition_id),
        failures=saves.count_failures(clock.now()),
    )


@blueprint.route("/competitions/<int:competition_id>/release", methods=["GET", "POST"])
def release(competition_id: int) -> Any:
    """Release a sealed competition's questions for official use to practice, after saying which stay."""
    person, competition = require_run(competition_id)
    if competition.state != "sealed":
        flash(_("Its questions can be released once its standings are sealed."), "error")
        return redirect(url_for(".show", competition_id=competition_id))
    banks = access.banks(RELEASERS)
    nodes = permissions.nodes_with(MANAGERS)
    if request.method == "POST":
        count = releases.release(competition_id, banks, nodes, person.person_id)
        flash(
            ngettext(
                "%(num)s question was released. It may appear in practice from now on.",
                "%(num)s questions were released. They may appear in practice from now on.",
                count,
            )
            if count
            else _("Nothing was released: no question is left that may be."),
            "success" if count else "info",
        )
        return redirect(url_for(".release", competition_id=competition_id))
    plan = releases.find_plan(competition_id, banks, nodes)
    released, returnable = releases.list_returnable(competition_id, banks)
    return render_template(
        "organizer/release.html",
        competition=competition,
        plan=plan,
        owners=queries_admin.names_of({owner for owner in plan.foreign if owner is not None}),
        never_shown=any(
            level.reveal == "never"
            for track in queries.list_tracks(competition_id)
            for level in queries.list_levels(track.id)
        ),
        released=released,
        returnable=len(returnable),
    )


@blueprint.post("/competitions/<int:competition_id>/release/undo")
def take_back_release(competition_id: int) -> Any:
    """Keep released questions for official use again, as far as nobody has answered them in practice."""
    person, _competition = require_run(competition_id)
    count = releases.take_back(competition_id, access.banks(RELEASERS), person.person_id)
    flash(
        ngettext(
            "%(num)s question is kept for official use again.",
            "%(num)s questions are kept for official use again.",
            count,
        ),
        "success" if count else "info",
    )
    return redirect(url_for(".release", competition_id=competition_id))


@blueprint.get("/competitions/<int:competition_id>/participants")
def list_participants(competition_id: int) -> Any:
    """List who takes part, fifty a page, with search and filters."""
    person, competition = require_run(competition_id)
    page = max(1, request.args.get("page", 1, type=int))
    search = strip(request.args.get("q"))
    track_id, node_id = _filters()
    found, total = setup.view_participants(
        person.person_id, competition, page, search=search, track_id=track_id, node_id=node_id
    )
    nodes = queries_admin.names_of({node for one in found for node in one.participation.path})
    kept: dict[str, Any] = {"q": search or None, "track": track_id, "node": node_id}
    return render_template(
        "organizer/participants.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        participants=found,
        total=total,
        page=page,
        pages=-(-total // queries_admin.PAGE),
        url=lambda number: url_for(".list_participants", competition_id=competition_id, page=number, **kept),
        search=search,
        track_id=track_id,
        node_id=node_id,
        tracks=queries.list_tracks(competition_id),
        represented=queries_admin.list_represented(competition_id),
        place=lambda path: " · ".join(tr(nodes[node]) for node in path[1:] if node in nodes),
    )


@blueprint.get("/competitions/<int:competition_id>/participants/<int:participation_id>")
def show_participant(competition_id: int, participation_id: int) -> Any:
    """Show one person's attempts and what time was added."""
    person, competition = require_run(competition_id)
    setup.note_view(person.person_id, competition, participation_id)
    return _participant_page(
        competition, participation_id, ExtensionForm(formdata=None), FactorForm(formdata=None, prefix="factor-")
    )


@blueprint.post("/competitions/<int:competition_id>/participants/<int:participation_id>/extend")
def extend_person(competition_id: int, participation_id: int) -> Any:
    """Give one person more time in all attempts, or in the one chosen."""
    person, competition = require_run(competition_id)
    queries_admin.get_participation_in(competition_id, participation_id)
    form: Any = ExtensionForm()
    if not form.validate_on_submit():
        return _participant_page(competition, participation_id, form, _no_factor())
    seconds = form.minutes.data * 60
    attempt_id = request.form.get("attempt", type=int)
    try:
        if attempt_id is not None:
            if attempt_id not in {one.id for one, _level, _track in queries_admin.list_attempts_of(participation_id)}:
                raise NotFound(what="attempt")
            setup.extend_attempt(person.person_id, attempt_id, seconds, form.why.data)
        else:
            setup.extend_person(person.person_id, participation_id, seconds, form.why.data)
        flash(_("%(n)s minutes were added.", n=form.minutes.data), "success")
    except WrongState:
        flash(_("That attempt is over; its time can no longer be changed."), "error")
    return redirect(url_for(".show_participant", competition_id=competition_id, participation_id=participation_id))


@blueprint.post("/competitions/<int:competition_id>/participants/<int:participation_id>/factor")
def set_factor(competition_id: int, participation_id: int) -> Any:
    """Scale one person's time limits."""
    person, competition = require_run(competition_id)
    queries_admin.get_participation_in(competition_id, participation_id)
    form: Any = FactorForm(prefix="factor-")
    if not form.validate_on_submit():
        return _participant_page(competition, participation_id, _no_extension(), form)
    try:
        setup.set_factor(person.person_id, participation_id, int(form.factor.data), form.why.data)
        flash(_("The time factor is set."), "success")
    except WrongState:
        flash(_("The competition is closed; times can no longer be changed."), "error")
    return redirect(url_for(".show_participant", competition_id=competition_id, participation_id=participation_id))


@blueprint.route("/levels/<int:level_id>/extend", methods=["GET", "POST"])
def extend_level(level_id: int) -> Any:
    """Give everyone who is playing a level now more time."""
    person, competition, track, level = _require_level(level_id)
    form: Any = ExtensionForm()
    if form.validate_on_submit():
        count = setup.extend_level(person.person_id, level_id, form.minutes.data * 60, form.why.data)
        if count:
            flash(
                ngettext("%(num)s running attempt now ends later.", "%(num)s running attempts now end later.", count),
                "success",
            )
        else:
            flash(_("Nobody is playing this level now, so nothing was changed."), "warning")
        return redirect(url_for(".show", competition_id=competition.id))
    return _page(
        "organizer/extend.html",
        form,
        competition=competition,
        track=track,
        level=level,
        playing=queries_admin.count_playing(level_id),
    )


@blueprint.get("/competitions/<int:competition_id>/exports")
def choose_export(competition_id: int) -> Any:
    """Offer the lists that can be had as a file."""
    _person, competition = require_run(competition_id)
    return _export_page(competition, ExportForm(formdata=None))


@blueprint.post("/competitions/<int:competition_id>/exports")
@limited("export", "30/hour")
def request_export(competition_id: int) -> Any:
    """Ask for a list as a file; the job worker makes it."""
    person, competition = require_run(competition_id)
    form: Any = ExportForm()
    if not form.validate_on_submit():
        return _export_page(competition, form)
    track_id, node_id = _filters(request.form)
    made = exports.request_export(
        form.kind.data,
        {
            "competition": competition_id,
            "track": track_id,
            "node": node_id,
            "format": form.format.data,
            "full": form.names.data == "full",
            "language": language(),
        },
        person.person_id,
        organization_id=competition.organization_id,
        why=form.why.data,
    )
    return redirect(url_for("exports.show", export_id=made.id))


def _export_page(competition: Competition, form: Any) -> Any:
    return _page(
        "organizer/exports.html",
        form,
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        tracks=queries.list_tracks(competition.id),
        represented=queries_admin.list_represented(competition.id),
    )


def state_chips() -> dict[str, tuple[str, str]]:
    """Return word and tone of each state of a competition."""
    return {
        "draft": (_("Draft"), "warn"),
        "open": (_("Open"), "info"),
        "closed": (_("Closed"), ""),
        "sealed": (_("Sealed"), "good"),
    }


def _require_track(track_id: int) -> tuple[Identity, Competition, Track]:
    identity.require()
    track = db.session.get(Track, track_id)
    if track is None:
        raise NotFound(what="track")
    return *require_run(track.competition_id), track


def _require_level(level_id: int) -> tuple[Identity, Competition, Track, Level]:
    identity.require()
    level = db.session.get(Level, level_id)
    if level is None:
        raise NotFound(what="level")
    return *_require_track(level.track_id), level


def _filters(values: Any = None) -> tuple[int | None, int | None]:
    """Return the track and the node that a list is narrowed to; None for all."""
    source = request.args if values is None else values
    return source.get("track", type=int) or None, source.get("node", type=int) or None


def _no_extension() -> Any:
    return ExtensionForm(formdata=None)


def _no_factor() -> Any:
    return FactorForm(formdata=None, prefix="factor-")


def _participant_page(competition: Competition, participation_id: int, extension: Any, factor: Any) -> Any:
    participation, person = queries_admin.get_participation_in(competition.id, participation_id)
    attempts = queries_admin.list_attempts_of(participation_id)
    status = 422 if extension.errors or factor.errors else 200
    return render_template(
        "organizer/participant.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        participation=participation,
        phone_tail=person.phone_tail,
        place=" · ".join(tr(node) for node in list_path(participation.path)[1:]),
        attempts=attempts,
        running=[(one, level, track) for one, level, track in attempts if one.state == "open"],
        adjustments=queries_admin.list_adjustments_of(participation_id),
        extension=extension,
        factor=factor,
    ), status


def _page(template: str, form: Any, **values: Any) -> Any:
    status = 422 if form.is_submitted() else 200
    return render_template(template, form=form, **values), status


def _offer_nodes(form: CompetitionForm, nodes: Sequence[int]) -> None:
    form.organization_id.choices = choices(
        (node.id, "\u3000" * (len(node.path) - 1) + tr(node)) for node in queries_admin.list_nodes_under(nodes)
    )


def _offer_trades(form: TracksForm) -> None:
    form.trades.choices = choices((trade.code, tr(trade)) for trade in list_trades())


def _basics(form: Any) -> setup.Basics:
    return setup.Basics(
        name_zh=form.name_zh.data,
        name_en=form.name_en.data,
        summary_zh=form.summary_zh.data,
        summary_en=form.summary_en.data,
        rules_zh=form.rules_zh.data.replace("\r\n", "\n"),
        rules_en=form.rules_en.data.replace("\r\n", "\n"),
        opens_at=form.opens_at.moment(),
        closes_at=form.closes_at.moment(),
        mask_names=form.mask_names.data,
        draws_from=form.draws_from.data,
    )


def _tell(form: Any, refusal: Refusal) -> None:
    """Put a refusal of the use case beside the field it is about."""
    sentence = {
        "window": _("The end must come after the beginning."),
        "earlier_end": _("An open competition can only end later than announced, not earlier. Close it instead."),
        "fixed_after_opening": _("This can no longer be changed: the competition is open."),
        "pass_mark": _("The pass mark is higher than all points of the paper together."),
    }[str(refusal.details["reason"])]
    found = getattr(form, str(refusal.details["path"]))
    found.errors = [*found.errors, sentence]


def _tracks(competition: Competition) -> list[dict[str, Any]]:
    """Return tracks with their levels, each with its totals and what the bank has for it."""
    tracks = []
    for track in queries.list_tracks(competition.id):
        bank = queries.get_official_bank(competition, track.trade_code)
        levels = []
        for level in queries.list_levels(track.id):
            blueprint_rows = rules.blueprint_rows(level.blueprint)
            total = rules.max_points(blueprint_rows)
            levels.append(
                {
                    "level": level,
                    "items": sum(row.items for row in blueprint_rows),
                    "points": total,
                    "share": level.pass_points / total if total else 0,
                    "ok": bool(blueprint_rows) and all(row.ok for row in availability(blueprint_rows, bank)),
                }
            )
        tracks.append({"track": track, "levels": levels, "questions": len(bank.versions)})
    return tracks


def _level_page(person: Identity, competition: Competition, track: Track, form: Any, level: Level | None) -> Any:
    form.offer(list_topics(track.trade_code))
    checking = "check" in request.form
    if form.validate_on_submit() and not checking:
        given = setup.LevelInput(
            name_zh=form.name_zh.data,
            name_en=form.name_en.data,
            time_limit_s=round(form.minutes.data * 60),
            pass_points=form.pass_points.data,
            tries_total=form.tries_total.data,
            tries_per_day=form.tries_per_day.data,
            opens_at=form.opens_at.moment(),
            reveal=form.reveal.data,
            blueprint=form.blueprint(),
            exposure_cap=form.exposure_cap.data,
        )
        try:
            if level is None:
                setup.add_level(person.person_id, track.id, given)
            else:
                setup.edit_level(person.person_id, level.id, given)
        except Invalid as refusal:
            _tell(form, refusal)
        else:
            flash(_("%(level)s is saved.", level=tr(asdict(given))), "success")
            return redirect(url_for(".show_setup", competition_id=competition.id, _anchor=f"track-{track.id}"))
    rows = form.blueprint()
    used = [index for index, row in enumerate(form.rows) if row.form.count.data and row.form.points.data]
    found = dict(zip(used, availability(rows, queries.get_official_bank(competition, track.trade_code)), strict=True))
    total = rules.max_points(rows)
    return render_template(
        "organizer/level.html",
        competition=competition,
        track=track,
        level=level,
        form=form,
        found=found,
        items=sum(row.items for row in rows),
        points=total,
        share=(form.pass_points.data or 0) / total if total else 0,
    ), (422 if form.is_submitted() and form.errors else 200)


def _words(competition: Competition, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Write the checklist in words; what is right with a level is said once, for all levels of its track."""
    shown = [line for line in lines if not (line.ok and line.place == "level")]
    ties = {"ok": True, "text": _("The tie rule is fixed and printed under every board"), "href": ""}
    return [*(_line(competition, line) for line in shown), ties] if lines else []


def _line(competition: Competition, line: Line) -> dict[str, Any]:
    """Write one line of the checklist in words, with the place where it is mended."""
    details = dict(line.details)
    if "track" in details:
        trades = {trade.code: tr(trade) for trade in list_trades()}
        details["track"] = trades.get(str(details["track"]), details["track"])
    good, bad = {
        "names": (_l("It has a name in both languages"), _l("A name is missing")),
        "rules": (_l("The rules are written in both languages"), _l("The rules are not written in both languages")),
        "window": (_l("The dates are right"), _l("The end lies in the past, or before the beginning")),
        "tracks": (_l("It has at least one trade"), _l("No trade is chosen yet")),
        "levels": (
            _l("%(track)s: all %(count)s levels are ready", **details)
            if details.get("ready") == details.get("count")
            else _l("%(track)s has levels (%(count)s)", **details),
            _l("%(track)s has no level yet", **details),
        ),
        "blueprint": (
            _l("%(track)s, level %(level)s: the bank can fill every paper", **details),
            _l("%(track)s, level %(level)s: the bank cannot fill every paper", **details),
        ),
        "pass_mark": (
            _l("%(track)s, level %(level)s: pass mark %(points)s of %(total)s", **details),
            _l("%(track)s, level %(level)s: pass mark %(points)s, but the paper has %(total)s", **details),
        ),
        "exposure": (
            _l("%(track)s, level %(level)s: no item is on more than %(cap)s %% of papers", **details),
            _l(
                "%(track)s, level %(level)s: an item may be on %(share)s %% of papers, the cap is %(cap)s %%",
                **details,
            ),
        ),
        "time": (
            _l("%(track)s, level %(level)s: the time limit fits in before the end", **details),
            _l("%(track)s, level %(level)s: it opens too late to be played to its end", **details),
        ),
        "prizes": (
            _l("Prizes are set") if line.details.get("set") else _l("It is on record that there are no prizes"),
            _l("No prizes are set"),
        ),
    }[line.code]
    places = {
        "basics": url_for(".edit", competition_id=competition.id),
        "tracks": url_for(".show_setup", competition_id=competition.id, _anchor="tracks"),
        "prizes": f"/organizer/competitions/{competition.id}/prizes",
        "level": url_for(".edit_level", level_id=line.place_id) if line.place == "level" else "",
    }
    if line.code == "levels" and not line.ok:
        places["tracks"] = url_for(".show_setup", competition_id=competition.id, _anchor=f"track-{line.place_id}")
    return {"ok": line.ok, "text": str(good if line.ok else bad), "href": places[line.place]}
