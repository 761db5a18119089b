"""The pages of long exports: mine, one with its progress, cancel, download."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from core import exports
from core.errors import NotSignedIn
from core.web import attachment

blueprint = Blueprint("exports", __name__, url_prefix="/exports")


@blueprint.get("")
def index() -> Any:
    """List what I asked for."""
    return render_template("exports/index.html", exports=exports.list_exports(_me()), **_texts())


@blueprint.get("/<int:export_id>")
def show(export_id: int) -> Any:
    """Show how far one export is."""
    return render_template("exports/show.html", export=exports.get_export(export_id, _me()), **_texts())


@blueprint.post("/<int:export_id>/cancel")
def cancel(export_id: int) -> Any:
    """Stop an export."""
    exports.cancel_export(export_id, _me())
    flash(_("The export was cancelled."), "info")
    return redirect(url_for(".show", export_id=export_id))


@blueprint.get("/<int:export_id>/download")
def download(export_id: int) -> Response:
    """Hand out a finished file."""
    body, filename, media_type = exports.download_export(export_id, _me())
    return attachment(body, filename, media_type)


def _me() -> int:
    if not current_user.is_authenticated:
        raise NotSignedIn
    return int(current_user.person_id)


def _texts() -> dict[str, Any]:
    return {
        "kinds": {
            "ranking": _("Ranking"),
            "participants": _("Participants"),
            "winners": _("Winners"),
            "items": _("Item figures"),
            "exposure": _("Item exposure"),
            "practice": _("Practice"),
            "questions": _("Questions of a bank"),
        },
        "states": {
            "waiting": (_("Waiting"), "warn"),
            "running": (_("Running"), "info"),
            "done": (_("Ready"), "good"),
            "failed": (_("Failed"), "bad"),
            "cancelled": (_("Cancelled"), ""),
        },
    }
