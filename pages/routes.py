"""The front page and a worker's own record, which draw on every package below."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template
from flask_login import current_user

from accounts.identity import require
from competitions import queries as competitions
from competitions import services
from competitions.models import Competition, Track
from competitions.queries import LevelState
from competitions.routes import audience, ends_in, phase, running_attempt
from competitions.rules import GRACE, stars
from core import clock
from leaderboard import queries as boards
from leaderboard.queries import MyRank
from payouts import queries as payouts
from payouts.routes import stages
from practice import queries as practice

blueprint = Blueprint("pages", __name__)

SHOWN = 20
"""How many competitions a page lists with the person's standing; each costs a look at its board."""


@dataclass(frozen=True, slots=True)
class Mine:
    """A competition in which the person takes part, and where they stand; `rank` is None before the first result."""

    competition: Competition
    participation_id: int
    phase: str
    ends: tuple[str, int | None]
    rank: MyRank | None


@blueprint.get("/")
def home() -> str:
    """Say what this is to a passer-by; show a worker what runs, where they stand and what comes next."""
    now = clock.now()
    if not current_user.is_authenticated:
        shown = [one for one in competitions.visible_competitions(audience()) if phase(one, now) != "over"]
        return render_template("home.html", mine=None, others=_cards(shown))
    me = require()
    services.settle_person(me.person_id)
    mine = _mine(me.person_id)
    joined = {one.competition.id for one in mine}
    others = [
        one
        for one in competitions.visible_competitions(audience())
        if one.id not in joined and phase(one, now) != "over"
    ]
    return render_template(
        "home.html",
        name=me.name,
        mine=mine,
        others=_cards(others),
        running=running_attempt(),
        following=_next(mine),
        practice=practice.today(me.person_id, now),
    )


def _cards(shown: list[Competition]) -> list[tuple[Competition, str, tuple[str, int | None]]]:
    now = clock.now()
    return [(one, phase(one, now), ends_in(one, now)) for one in shown[:SHOWN]]


def _mine(person_id: int) -> list[Mine]:
    """Return the person's competitions with their standing: running ones first, the next to end first among them."""
    now = clock.now()
    found = []
    for own in competitions.list_participations(person_id)[:SHOWN]:
        competition = competitions.get_competition(own.competition_id)
        viewer_board = boards.get_board(competition.id)
        rank = boards.my_rank(viewer_board, None, viewer_board.organization_id, own.id)
        found.append(Mine(competition, own.id, phase(competition, now), ends_in(competition, now), rank))
    order = ("running", "soon", "over")
    return sorted(found, key=lambda one: (order.index(one.phase), abs(one.competition.closes_at - now)))


def _next(mine: list[Mine]) -> tuple[Competition, Track, LevelState] | None:
    """Return the level to play next: in the competition that ends first, on the track most played."""
    now = clock.now()
    for one in mine:
        if one.phase != "running":
            return None
        maps = competitions.level_map(one.competition, one.participation_id, now)
        for track in sorted(maps, key=lambda track: (-track.cleared, -sum(state.tries_used for state in track.levels))):
            for state in track.levels:
                if state.may_start and state.state == "open":
                    return one.competition, track.track, state
    return None


@blueprint.get("/me")
def me() -> str:
    """Show my record: where I stand, my attempts, and what I have won."""
    person = require()
    services.settle_person(person.person_id)
    return render_template(
        "pages/me.html",
        name=person.name,
        mine=_mine(person.person_id),
        attempts=competitions.list_person_attempts(person.person_id),
        stars=stars,
        won=payouts.list_won(person.person_id),
        stages=stages(),
        payee=payouts.find_payee(person.person_id),
    )


@blueprint.get("/rules")
def rules() -> str:
    """Say how time, scores, ranks and prizes work here, for everyone."""
    return render_template("pages/rules.html", grace_s=int(GRACE.total_seconds()))


@blueprint.get("/privacy")
def privacy() -> str:
    """Say what is kept about people, who sees it, and how to have it corrected."""
    return render_template("pages/privacy.html")
