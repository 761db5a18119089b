"""The laboratory's pages: items with their figures, one item, the levels of a competition, and simulations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import identity
from competitions.models import Competition, Level, Track
from competitions.queries import find_competition, get_level_place, get_official_bank
from competitions.routes_admin import require_run
from competitions.rules import blueprint_rows, max_points
from core.errors import NotFound
from core.exports import request_export
from core.security import limited
from core.web import language, tr
from laboratory import exports, irt, queries, rules, services, tasks
from laboratory.models import Simulation
from laboratory.words import TONES, light_word, reason_word
from organizations import permissions
from organizations.queries import get_organization, list_root_ids
from questions.presenting import kind_word
from questions.queries import get_versions, list_topics, list_trades
from questions.rules import BlueprintRow, Version, highest_exposure, row_exposures, show_blanks

blueprint = Blueprint("laboratory", __name__, url_prefix="/laboratory")


def _allowed() -> list[int]:
    """Return the nodes whose own questions the reader may see. Raises: NotSignedIn; NotFound."""
    return permissions.require_somewhere(exports.ROLES)


def _scope(nodes: list[int]) -> Competition | None:
    """Return the competition asked for, None for all together, which only those at a root may see. Raises: NotFound."""
    competition_id = request.args.get("competition", type=int)
    if competition_id is None:
        if not set(nodes) & set(list_root_ids()):
            raise NotFound(what="statistics")
        return None
    competition = find_competition(competition_id)
    if competition is None:
        raise NotFound(what="competition")
    permissions.require_role(exports.ROLES, get_organization(competition.organization_id).path)
    return competition


@blueprint.get("")
def index() -> str:
    """List the items of a trade with their figures, the least separating first."""
    nodes = _allowed()
    competition = _scope(nodes)
    trades = list_trades()
    trade = request.args.get("trade", trades[0].code if trades else "")
    light, search = request.args.get("light", ""), request.args.get("q", "").strip()[:100]
    order = request.args.get("order", "worst")
    page = max(1, request.args.get("page", 1, type=int))
    scope = competition.id if competition else None
    if order not in queries.ORDERS:
        order = "worst"
    rows, total = queries.list_items(trade, nodes, scope, light if light in rules.LIGHTS else "", search, order, page)

    def url(**changes: Any) -> str:
        kept = {"trade": trade, "competition": scope, "light": light, "q": search, "order": order}
        return url_for(".index", **{name: value for name, value in (kept | changes).items() if value not in (None, "")})

    return render_template(
        "laboratory/index.html",
        competition=competition,
        chips=[
            {"href": url(trade=one.code, light="", q=""), "label": tr(one), "current": one.code == trade}
            for one in trades
        ],
        trade=trade,
        lights=[(one, light_word(one), TONES[one]) for one in rules.LIGHTS],
        counts=queries.count_lights(trade, nodes, scope),
        light=light,
        search=search,
        order=order,
        rows=rows,
        total=total,
        page=page,
        pages=-(-total // queries.PAGE_SIZE) or 1,
        url=url,
        paging=lambda number: url(page=number),
        topics={topic.code: tr(topic) for topic in list_topics(trade)},
        light_word=light_word,
        reason_word=reason_word,
        tones=TONES,
        language=language(),
    )


@blueprint.post("/export")
@limited("export", "30/hour")
def export() -> Any:
    """Ask for the figures of a trade as a file."""
    nodes = _allowed()
    competition_id = request.form.get("competition", type=int)
    competition = find_competition(competition_id) if competition_id is not None else None
    person = identity.require()
    asked = request_export(
        "items",
        {
            "trade": request.form.get("trade", ""),
            "competition": competition_id,
            "organizations": nodes,
            "format": request.form.get("format", "xlsx"),
            "language": language(),
        },
        person.person_id,
        organization_id=competition.organization_id if competition else nodes[0],
        why="item figures",
    )
    return redirect(url_for("exports.show", export_id=asked.id), 303)


@blueprint.post("/levels/<int:level_id>/exposure")
@limited("export", "30/hour")
def export_exposure(level_id: int) -> Any:
    """Ask for the exposure of every item in the last simulation of a level as a file."""
    person, competition, _track, _level_row = _level(level_id)
    asked = request_export(
        "exposure",
        {"level": level_id, "format": request.form.get("format", "xlsx"), "language": language()},
        person.person_id,
        organization_id=competition.organization_id,
        why="item exposure",
    )
    return redirect(url_for("exports.show", export_id=asked.id), 303)


@blueprint.get("/items/<int:statistic_id>")
def show_item(statistic_id: int) -> str:
    """Show one item: its wording, its key, its figures, and what was answered by whom."""
    nodes = _allowed()
    row = queries.get_item(statistic_id)
    if row.question.organization_id is not None and row.question.organization_id not in nodes:
        raise NotFound(what="statistic")
    if row.statistic.competition_id is not None:
        competition = find_competition(row.statistic.competition_id)
        if competition is None:
            raise NotFound(what="statistic")
        permissions.require_role(exports.ROLES, get_organization(competition.organization_id).path)
    elif not set(nodes) & set(list_root_ids()):
        raise NotFound(what="statistic")
    version = get_versions([row.version.id])[row.version.id]
    parameters = queries.find_parameters(row.version.id, row.statistic.competition_id)
    return render_template(
        "laboratory/item.html",
        row=row,
        competition_id=row.statistic.competition_id,
        answers=[_answer(version, answer) for answer in row.statistic.detail["answers"]],
        parameters=parameters,
        curve=[(ability, irt.chance(ability, parameters.slope, parameters.location)) for ability in irt.ABILITIES]
        if parameters
        else [],
        weeks=[
            {
                "label": date.fromisoformat(f"{week}-1").isoformat(),
                "value": share,
                "text": f"{100 * share:.1f}% ({count})",
            }
            for week, count, share in row.statistic.detail["weeks"]
        ],
        version=version,
        light_word=light_word,
        reason_word=reason_word,
        kind_word=kind_word,
        tones=TONES,
        topics={topic.code: tr(topic) for topic in list_topics(row.question.trade_code)},
    )


def _answer(version: Version, stored: list[Any]) -> dict[str, Any]:
    text, right, count, lower, middle, upper = stored
    named = {part["id"]: part[language()] for part in (*version.options, *version.prompts)}
    if version.type == "true_false":
        named = {"true": _("True"), "false": _("False")}
    return {
        "text": _answer_text(version, text, named),
        "right": right,
        "count": count,
        "lower": lower,
        "middle": middle,
        "upper": upper,
    }


def _answer_text(version: Version, entry: str, named: Mapping[str, str]) -> str:
    """Write an entry of the table of answers in words (rules.spell)."""
    if version.type == "ordering":
        return " → ".join(named.get(part, part) for part in entry.split(" "))
    place, colon, given = entry.partition(":")
    if colon and place.isdecimal() and version.type in ("matching", "fill_in"):
        number = int(place)
        if version.type == "matching" and number <= len(version.prompts):
            return f"{version.prompts[number - 1][language()]} → {named.get(given, given) or '–'}"
        return f"({place}) {given or '–'}"
    return named.get(entry, entry)


@blueprint.get("/competitions/<int:competition_id>")
def show_competition(competition_id: int) -> str:
    """Show how the levels of a competition measure, and the way to each one's papers."""
    _person, competition = require_run(competition_id)
    return render_template(
        "laboratory/competition.html",
        competition=competition,
        levels=[
            {"track": track, "level": level, "figures": figures, "points": max_points(blueprint_rows(level.blueprint))}
            for track, level, figures in queries.list_levels(competition_id)
        ],
        can_fit=irt.is_available(),
        fitted=queries.find_fit(competition_id),
        least=irt.LEAST_PEOPLE,
    )


@blueprint.post("/competitions/<int:competition_id>/fit")
@limited("simulation", "60/hour")
def fit(competition_id: int) -> Any:
    """Estimate the two-parameter model for the items of a competition in the background."""
    _person, competition = require_run(competition_id)
    if not irt.is_available():
        raise NotFound(what="extra")
    if services.request_fit(competition.id, tasks.fit):
        flash(_("The model is being estimated. The items show it as soon as it is there, mostly within a minute."))
    else:
        flash(_("The model is being estimated already."))
    return redirect(url_for(".show_competition", competition_id=competition.id), 303)


def _level(level_id: int) -> tuple[Any, Competition, Track, Level]:
    identity.require()
    place = get_level_place(level_id)
    person, competition = require_run(place.competition.id)
    return person, competition, place.track, place.level


@blueprint.get("/levels/<int:level_id>")
def show_level(level_id: int) -> str:
    """Show the papers of a level: what each row draws, how often each item appears, and the last simulation."""
    _person, competition, track, level = _level(level_id)
    bank = get_official_bank(competition, track.trade_code)
    rows = blueprint_rows(level.blueprint)
    topics = {topic.code: tr(topic) for topic in list_topics(track.trade_code)}
    simulation = queries.latest_simulation(level_id)
    return render_template(
        "laboratory/level.html",
        competition=competition,
        track=track,
        level=level,
        figures=queries.find_level(level_id),
        rows=row_exposures(rows, bank, level.exposure_cap),
        highest=highest_exposure(rows, bank),
        difficulty=bank.plan(rows).difficulty / max(max_points(rows), 1),
        kinds=[_kind(row, topics) for row in rows],
        simulation=simulation,
        shown=_shown(simulation, level) if simulation and simulation.state == "done" else None,
    )


def _kind(row: BlueprintRow, topics: Mapping[str, str]) -> str:
    """Say what a row of a blueprint draws."""
    named = [
        topics.get(row.topic or "", row.topic or ""),
        _("Case") if row.type == "case" else kind_word(row.type) if row.type else "",
    ]
    return " · ".join(name for name in named if name) or _("Any question")


def _shown(simulation: Simulation, level: Level) -> dict[str, Any]:
    result = simulation.result
    papers = simulation.total - result["unfillable"]
    exposure = result["exposure"]
    versions = get_versions([version_id for version_id, _ in exposure[:20]])
    difficulties = {int(value): count for value, count in result["difficulties"]}
    expected = {int(value): count for value, count in result["expected"]}
    percents = [100 * count // papers if papers else 0 for _, count in exposure]
    return {
        "papers": papers,
        "outdated": result.get("blueprint", level.blueprint) != level.blueprint,
        "unfillable": result["unfillable"],
        "easiest": min(difficulties, default=0) / 100,
        "hardest": max(difficulties, default=0) / 100,
        "difficulties": [
            {"label": f"{value / 100:.2f}", "value": count} for value, count in rules.histogram(difficulties)
        ],
        "expected": [{"label": f"{value}%", "value": count} for value, count in rules.histogram(expected)],
        "shortfalls": result.get("shortfalls", []),
        "items": len(exposure),
        "unused": sum(count == 0 for _, count in exposure),
        "shares": [
            {"label": f"{value}–{value + 1}%", "value": count} for value, count in rules.histogram(Counter(percents))
        ],
        "most": exposure[0][1] / papers if papers else 0,
        "exposure": [
            {
                "label": show_blanks(versions[version_id].stem[language()]),
                "value": count,
                "text": f"{100 * count / papers:.1f}%",
            }
            for version_id, count in exposure[:20]
        ],
    }


@blueprint.post("/levels/<int:level_id>/simulations")
@limited("simulation", "60/hour")
def simulate(level_id: int) -> Any:
    """Simulate a level: draw its papers many times in the background."""
    person, _competition, _track, _level_row = _level(level_id)
    services.request_simulation(level_id, person.person_id, tasks.simulate)
    return redirect(url_for(".show_level", level_id=level_id, _anchor="simulation"), 303)
