"""Closing a competition: the last attempts are scored, the standings are sealed, and the result is shown."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from competitions import queries_admin
from competitions import services as competition_services
from competitions.errors import WrongState
from competitions.routes_admin import require_run, state_chips
from core.database import db
from leaderboard import queries, services
from organizations.queries import get_organization

blueprint = Blueprint("closing", __name__, url_prefix="/organizer/competitions")


@blueprint.route("/<int:competition_id>/close", methods=["GET", "POST"])
def close(competition_id: int) -> Any:
    """Close a competition and seal its standings, after asking once; repeating it goes on where it stopped."""
    person, competition = require_run(competition_id)
    if competition.state not in ("open", "closed"):
        return redirect(url_for(".show_result", competition_id=competition_id))
    if request.method == "POST":
        competition_services.close_competition(competition_id, person.person_id)
        db.session.refresh(competition)
        if competition.state == "closed":
            try:
                services.seal(competition_id, person.person_id)
            except WrongState:
                db.session.refresh(competition)  # sealed by another hand meanwhile, which is just as well
        return redirect(url_for(".show_result", competition_id=competition_id))
    return render_template(
        "organizer/close.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        situation=queries_admin.find_situation(competition_id),
    )


@blueprint.get("/<int:competition_id>/result")
def show_result(competition_id: int) -> Any:
    """Show the seal of a closed competition and what comes next."""
    _person, competition = require_run(competition_id)
    if competition.state in ("draft", "open"):
        return redirect(url_for("organizer.show", competition_id=competition_id))
    return render_template(
        "organizer/result.html",
        competition=competition,
        owner=get_organization(competition.organization_id),
        chips=state_chips(),
        seal=queries.find_seal(competition_id),
        situation=queries_admin.find_situation(competition_id),
    )
