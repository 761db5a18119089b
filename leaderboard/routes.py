"""Boards as pages: whole competition and tracks as tabs, nodes of the own path as a choice, neighbours and reasons."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, get_flashed_messages, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from accounts import identity
from competitions import queries as competitions
from core import clock, web
from core.api import arguments
from core.brief import Brief
from core.zone import SHANGHAI
from leaderboard import queries, rules
from leaderboard.forms import BoardQuery
from leaderboard.queries import Neighbour, Row, Viewer
from leaderboard.rules import EPOCH, MICROSECOND
from organizations import queries as organizations
from organizations.nav import nav

pages = Blueprint("leaderboard", __name__)

CSRF_LASTS_SECONDS = 1800
STARTED = time.time_ns()


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence about a neighbour: who, and what decides."""

    rank: int
    name: str
    text: str


@pages.get("/leaderboards")
def boards() -> str:
    """List the competitions whose boards the signed-in person may see."""
    person = identity.require()
    shown = competitions.visible_competitions(organizations.path_of_person(person.person_id))
    return render_template("leaderboard/boards.html", competitions=shown)


@pages.get("/competitions/<int:competition_id>/leaderboard")
def board(competition_id: int) -> Response:
    """Show a page of a board, the own row with its neighbours, and the rule of ties."""
    person = identity.require()
    wanted = arguments(BoardQuery)
    viewer = queries.get_viewer(person.person_id, competition_id, wanted.node)
    track_id = queries.check_track(viewer.board, wanted.track)
    page = queries.board_page(viewer.board, track_id, viewer.node_id, wanted.page, viewer)
    why = queries.why_am_i_here(viewer.board, track_id, viewer.node_id, viewer)

    # Everything the page shows; a form token in it lasts an hour, so the tag lasts half of one. The clock of a running
    # attempt stands on every page, so such a page is never unchanged.
    running = competitions.find_running(person.person_id, clock.now())
    shown = (
        page.etag,
        why,
        viewer,
        person,
        nav(),
        web.language(),
        request.cookies.get("theme", ""),
        request.full_path,
        int(time.time()) // CSRF_LASTS_SECONDS,
        STARTED,
    )
    etag = f'W/"{hashlib.blake2b(repr(shown).encode(), digest_size=12).hexdigest()}"'
    known = etag in request.headers.get("If-None-Match", "")
    if known and running is None and not get_flashed_messages():
        response = Response(status=304)
    else:
        response = current_app.make_response(_render(viewer, track_id, page, why))
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _render(viewer: Viewer, track_id: int | None, page: queries.BoardPage, why: queries.Why | None) -> str:
    board = viewer.board
    node_id = viewer.node_id if viewer.node_id != board.organization_id else None

    def address(**changes: Any) -> str:
        wanted: dict[str, Any] = {"track": track_id, "node": node_id} | changes
        return url_for(".board", competition_id=board.competition_id, **{k: v for k, v in wanted.items() if v})

    def api_url(name: str, **more: Any) -> str:
        query = {key: value for key, value in {"track": track_id, "node": node_id, **more}.items() if value}
        return url_for(f"leaderboard_api.{name}", competition_id=board.competition_id, **query)

    def page_url(number: int) -> str:
        return address(page=number if number > 1 else None)

    tracks = [{"label": _("Whole competition"), "href": address(track=None), "current": track_id is None}]
    for track in board.tracks:
        tracks.append({"label": web.tr(track), "href": address(track=track.id), "current": track.id == track_id})
    chosen = rules.nodes_of(viewer.path, board.organization_id)
    if viewer.node_id not in chosen:
        chosen.append(viewer.node_id)
    nodes = [
        {
            "label": web.tr(node),
            "href": address(node=node.id if node.id != board.organization_id else None),
            "current": node.id == viewer.node_id,
        }
        for node in organizations.list_path(chosen)
    ]
    return render_template(
        "leaderboard/board.html",
        board=board,
        page=page,
        table=_table(viewer, track_id, page),
        around=[_shown(row) for row in why.around] if why else [],
        why=why,
        reasons=_reasons(why) if why else [],
        tracks=tracks,
        nodes=nodes,
        page_url=page_url,
        mine_url=f"{page_url(why.page)}#me" if why else "",
        poll_url=api_url("board", page=page.page),
        rank_url=api_url("rank"),
    )


def _table(viewer: Viewer, track_id: int | None, page: queries.BoardPage) -> Markup:
    """The rows as HTML, made once for all who see the same rows in the same language (L6: the node is in the key)."""
    known: Brief[Markup] = current_app.extensions.setdefault("leaderboard_tables", Brief(2.0, size=512))
    board = viewer.board
    key = (board.competition_id, track_id, viewer.node_id, page.page, page.etag, web.language())
    return known.get(
        key,
        lambda: Markup(  # noqa: S704 - it comes from a template, which escapes
            render_template("leaderboard/table.html", board=board, rows=[_shown(row) for row in page.rows])
        ),
    )


def _shown(row: Row) -> dict[str, Any]:
    """A row in the words of the board component."""
    return {
        "rank": row.rank,
        "name": row.name,
        "org": web.tr_text(row.organization),
        "levels": row.levels_cleared,
        "points": row.points,
        "time": web.format_duration(row.elapsed_ms),
        "me": row.is_me,
    }


def _reasons(why: queries.Why) -> list[Reason]:
    reasons = []
    if why.above:
        reasons.append(_reason(why.above, above=True))
    if why.below:
        reasons.append(_reason(why.below, above=False))
    return reasons


def _reason(neighbour: Neighbour, *, above: bool) -> Reason:
    step = neighbour.step
    if step is None:
        text = _("You share the rank: all four tie steps are equal.")
    else:
        values = {"mine": _value(step.name, step.mine), "other": _value(step.name, step.other)}
        if step.name == "levels_cleared":
            text = _("Levels cleared decide: they %(other)s, you %(mine)s.", **values)
        elif step.name == "points":
            text = _("Levels are equal, points decide: they %(other)s, you %(mine)s.", **values)
        elif step.name == "elapsed_ms":
            text = _("Levels and points are equal, total time decides: they %(other)s, you %(mine)s.", **values)
        else:
            text = _(
                "Levels, points and time are equal, who got there first decides: they %(other)s, you %(mine)s.",
                **values,
            )
    who = _("Above you") if above else _("Below you")
    return Reason(neighbour.row.rank, f"{who}: {neighbour.row.name}", text)


def _value(name: str, value: int) -> str:
    if name == "elapsed_ms":
        return f"{web.format_duration(value)}.{value % 1000:03d}"
    if name == "reached_at":
        return (EPOCH + value * MICROSECOND).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)
