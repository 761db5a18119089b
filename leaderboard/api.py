"""Boards and ranks as JSON."""

from __future__ import annotations

from datetime import datetime

import msgspec
from flask import Blueprint, Response, current_app, request

from accounts import identity
from core.api import arguments, endpoint, reply
from core.brief import Brief
from leaderboard import queries
from leaderboard.forms import BoardQuery, RankQuery
from leaderboard.queries import BoardPage, Viewer

api = Blueprint("leaderboard_api", __name__, url_prefix="/api/v1")


class BoardOrganization(msgspec.Struct, frozen=True):
    """The enterprise a person belonged to on joining."""

    zh: str
    en: str


class BoardRow(msgspec.Struct, frozen=True):
    """One row of a board; the name is masked unless it is the caller's or the competition shows names."""

    rank: int
    name: str
    organization: BoardOrganization
    levels_cleared: int
    points: int
    elapsed_ms: int
    reached_at: datetime
    is_me: bool


class BoardView(msgspec.Struct, frozen=True):
    """Fifty rows of a board. `source`: live, database (Valkey is away) or sealed; `as_of`: when it was read."""

    total: int
    page: int
    pages: int
    as_of: datetime
    source: str
    rows: list[BoardRow]


class RankView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the caller stands; `rank` is null, and the rest left out, for one who is not on the board."""

    rank: int | None
    total: int | None = None
    page: int | None = None
    levels_cleared: int | None = None
    points: int | None = None
    elapsed_ms: int | None = None
    reached_at: datetime | None = None
    source: str | None = None


@api.get("/competitions/<int:competition_id>/board")
@endpoint("Leaderboards", gives=BoardView, query=BoardQuery, refuses=(401, 404, 422))
def board(competition_id: int) -> Response:
    """A page of a board. Its ETag gives 304 while nothing shown has changed."""
    person = identity.require()
    wanted = arguments(BoardQuery)
    viewer = queries.get_viewer(person.person_id, competition_id, wanted.node)
    track_id = queries.check_track(viewer.board, wanted.track)
    shared = queries.board_page(viewer.board, track_id, viewer.node_id, wanted.page)
    shown = queries.mark_own(shared, viewer)
    etag = f'W/"{shown.etag}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = Response(status=304, mimetype="application/json")
    else:
        body = _shared_body(viewer, track_id, shared) if shown is shared else _encode(shown)
        response = Response(body, mimetype="application/json")
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@api.get("/competitions/<int:competition_id>/me/rank")
@endpoint("Leaderboards", gives=RankView, query=RankQuery, refuses=(401, 404, 422))
def rank(competition_id: int) -> Response:
    """Where the signed-in person stands on one board."""
    person = identity.require()
    wanted = arguments(RankQuery)
    viewer = queries.get_viewer(person.person_id, competition_id, wanted.node)
    track_id = queries.check_track(viewer.board, wanted.track)
    found = None
    if viewer.participation_id is not None:
        found = queries.my_rank(viewer.board, track_id, viewer.node_id, viewer.participation_id)
    if found is None:
        return reply(RankView(None))
    place = found.place
    return reply(
        RankView(
            found.rank,
            found.total,
            found.page,
            place.levels_cleared,
            place.points,
            place.elapsed_ms,
            place.reached_at,
            found.source,
        )
    )


def _shared_body(viewer: Viewer, track_id: int | None, page: BoardPage) -> bytes:
    """The bytes of a page without anybody's own row, made once for all who may see that node's board (L6)."""
    known: Brief[bytes] = current_app.extensions.setdefault("leaderboard_bodies", Brief(2.0, size=512))
    key = (viewer.board.competition_id, track_id, viewer.node_id, page.page, page.etag, page.as_of)
    return known.get(key, lambda: _encode(page))


def _encode(page: BoardPage) -> bytes:
    rows = [
        BoardRow(
            row.rank,
            row.name,
            BoardOrganization(**row.organization),
            row.levels_cleared,
            row.points,
            row.elapsed_ms,
            row.reached_at,
            row.is_me,
        )
        for row in page.rows
    ]
    return msgspec.json.encode(BoardView(page.total, page.page, page.pages, page.as_of, page.source, rows))
