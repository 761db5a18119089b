"""Images and sounds of questions."""

from __future__ import annotations

import io

from flask import Blueprint, Response, send_file

from accounts.identity import require
from core.errors import NotFound
from questions.queries import get_media
from questions.rules import cut_at_blanks, hold_units, show_blanks

blueprint = Blueprint("questions", __name__)
blueprint.add_app_template_filter(cut_at_blanks)
blueprint.add_app_template_filter(hold_units)
blueprint.add_app_template_filter(show_blanks)

YEAR_S = 31_536_000


@blueprint.get("/media/<string(length=64):sha256>")
def media(sha256: str) -> Response:
    """Send an image or a sound; what an address means never changes, so browsers keep it, and may ask for a range."""
    require()
    if not sha256.isalnum():
        raise NotFound(what="media")
    found = get_media(sha256)
    reply = send_file(
        io.BytesIO(found.content), found.mime, conditional=True, etag=sha256, last_modified=found.created_at
    )
    reply.headers["Cache-Control"] = f"private, max-age={YEAR_S}, immutable"
    return reply
