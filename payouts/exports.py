"""The list of winners as a long export."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from competitions.queries import get_competition, holds_over
from core import clock
from core.exports import Column, Sheet, register
from core.web import format_datetime, tr
from organizations.rules import MANAGERS
from payouts import queries

FULL = (*MANAGERS, "finance")


def may_export(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person may have the winners of a competition; an auditor of its owner only masked.

    Args:
        params: `competition` (id) and `full` (names and phones in full).
        person_id: who asks.
    """
    roles = FULL if params.get("full") else (*FULL, "auditor")
    return holds_over(int(params["competition"]), roles, person_id)


def winners(params: dict[str, Any]) -> Sheet:
    """Give who won what from the prize pool.

    Args:
        params: `competition`, and `track`, `city`, `enterprise` (ids or None), `full`.

    Raises: NotFound.
    """
    competition = get_competition(int(params["competition"]))
    scope = queries.WinnerScope(params.get("track"), params.get("city"), params.get("enterprise"), purpose="prize")
    codes = {"手机"}
    return Sheet(
        name=_("Winners %(name)s", name=tr(competition)),
        head=[tr(competition), _("Made at %(when)s (Beijing time)", when=format_datetime(clock.now()))],
        columns=[Column(title, "code" if title in codes else "text", 16) for title in queries.WINNER_HEADER],
        total=queries.count_winners(competition.id, scope),
        rows=queries.winner_rows(competition.id, scope, full=bool(params.get("full"))),
    )


register("winners", winners, may_export)
