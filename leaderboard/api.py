"""Boards and ranks as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, request

from accounts import identity
from leaderboard import queries
from leaderboard.cache import Brief
from leaderboard.forms import asked
from leaderboard.queries import BoardPage, Viewer

api = Blueprint("leaderboard_api", __name__, url_prefix="/api/v1")


@api.get("/competitions/<int:competition_id>/board")
def board(competition_id: int) -> Response:
    """Answer a page of a board; query: track, node, page. An ETag gives 304 while nothing shown has changed."""
    viewer, track_id, page = _asked(competition_id)
    shared = queries.board_page(viewer.board, track_id, viewer.node_id, page)
    shown = queries.mark_own(shared, viewer)
    etag = f'W/"{shown.etag}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = Response(status=304)
    else:
        body = _shared_body(viewer, track_id, shared) if shown is shared else _encode(shown)
        response = Response(body, mimetype="application/json")
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@api.get("/competitions/<int:competition_id>/me/rank")
def rank(competition_id: int) -> Response:
    """Answer where the signed-in person stands; query: track, node. `rank` is null for one who is not on the board."""
    viewer, track_id, _ = _asked(competition_id)
    found = None
    if viewer.participation_id is not None:
        found = queries.my_rank(viewer.board, track_id, viewer.node_id, viewer.participation_id)
    if found is None:
        body: dict[str, Any] = {"rank": None}
    else:
        body = {
            "rank": found.rank,
            "total": found.total,
            "page": found.page,
            "levels_cleared": found.place.levels_cleared,
            "points": found.place.points,
            "elapsed_ms": found.place.elapsed_ms,
            "reached_at": found.place.reached_at,
            "source": found.source,
        }
    return Response(msgspec.json.encode(body), mimetype="application/json")


def _shared_body(viewer: Viewer, track_id: int | None, page: BoardPage) -> bytes:
    """The bytes of a page without anybody's own row, made once for all who may see that node's board."""
    known: Brief[bytes] = current_app.extensions.setdefault("leaderboard_bodies", Brief(2.0, size=512))
    key = (viewer.board.competition_id, track_id, viewer.node_id, page.page, page.etag, page.as_of)
    return known.get(key, lambda: _encode(page))


def _asked(competition_id: int) -> tuple[Viewer, int | None, int]:
    person = identity.require()
    wanted = asked(request.args)
    viewer = queries.get_viewer(person.person_id, competition_id, wanted.node_id)
    return viewer, queries.check_track(viewer.board, wanted.track_id), wanted.page


def _encode(page: BoardPage) -> bytes:
    return msgspec.json.encode(
        {
            "total": page.total,
            "page": page.page,
            "pages": page.pages,
            "as_of": page.as_of,
            "source": page.source,
            "rows": [
                {
                    "rank": row.rank,
                    "name": row.name,
                    "organization": row.organization,
                    "levels_cleared": row.levels_cleared,
                    "points": row.points,
                    "elapsed_ms": row.elapsed_ms,
                    "reached_at": row.reached_at,
                    "is_me": row.is_me,
                }
                for row in page.rows
            ],
        }
    )
