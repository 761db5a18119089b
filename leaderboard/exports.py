"""The lists of a competition as files: its ranking and its participants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select

from accounts.models import Person
from accounts.rules import mask_phone
from competitions import queries, queries_admin
from competitions.models import Competition, Participation, Standing
from core import clock
from core.database import db
from core.exports import Cell, Column, Sheet, register
from core.secrets import unseal
from core.web import format_datetime, format_duration, tr
from leaderboard.models import SealedStanding
from leaderboard.queries import find_seal
from leaderboard.rules import mask_name
from organizations.exports import place_cells, place_columns
from organizations.models import Organization
from organizations.queries import get_organization, names_under
from organizations.rules import MANAGERS


def may_export(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person runs the competition of an export; an auditor of its owner may have it masked.

    Args:
        params: `competition` (id) and `full` (names and phones in full).
        person_id: who asks.
    """
    roles = MANAGERS if params.get("full") else (*MANAGERS, "auditor")
    return queries.holds_over(int(params["competition"]), roles, person_id)


def ranking(params: dict[str, Any]) -> Sheet:
    """Give a board: the sealed standings once there are any, else the live ones, and say which.

    Args:
        params: `competition`, `track` and `node` (ids or None), `full`. The rank is always that of the whole board;
            narrowed to a node, the place among its people stands beside it.

    Raises: NotFound.
    """
    competition = queries.get_competition(int(params["competition"]))
    track_id, node_id, full = params.get("track"), params.get("node"), bool(params.get("full"))
    seal = find_seal(competition.id)
    table: Any = SealedStanding if seal else Standing
    board: ColumnElement[bool] = table.track_id.is_(None) if track_id is None else table.track_id == track_id
    order = (table.levels_cleared.desc(), table.points.desc(), table.elapsed_ms, table.reached_at)
    ranked = (
        select(table, (SealedStanding.rank if seal else func.rank().over(order_by=order)).label("place"))
        .where(board, SealedStanding.seal_id == seal.id if seal else Standing.competition_id == competition.id)
        .subquery()
    )
    statement: Any = (
        select(ranked, Participation.name, Participation.path, Person.phone_sealed, Person.phone_tail)
        .add_columns((ranked.c.eligible if seal else Participation.eligible).label("may_win"))
        .join(Participation, Participation.id == ranked.c.participation_id)
        .join(Person, Person.id == Participation.person_id)
    )
    if node_id is not None:
        statement = statement.where(Participation.path.contains([node_id]))
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    nodes = names_under(competition.organization_id)

    def rows() -> Iterator[list[Cell]]:
        within, last = 0, None
        ordered = statement.order_by(ranked.c.place, ranked.c.participation_id)
        for number, row in enumerate(db.session.execute(ordered, execution_options={"yield_per": 500}), 1):
            within, last = (within, last) if row.place == last else (number, row.place)
            yield [
                row.place,
                *([within] if node_id is not None else []),
                *_person_cells(row.name, row.phone_sealed, row.phone_tail, row.path, nodes, full),
                row.levels_cleared,
                row.points,
                format_duration(row.elapsed_ms),
                row.reached_at,
                _("yes") if row.may_win else _("no"),
            ]

    view = (
        _("View: sealed standings of %(when)s, hash %(hash)s", when=format_datetime(seal.sealed_at), hash=seal.sha256)
        if seal
        else _("View: live standings, not sealed yet")
    )
    return Sheet(
        name=_("Ranking %(name)s", name=tr(competition)),
        head=_describe(params, competition, view),
        columns=[
            Column(_("Rank"), "number", 8),
            *([Column(_("Place among these"), "number", 12)] if node_id is not None else []),
            *_person_columns(),
            Column(_("Levels cleared"), "number"),
            Column(_("Points"), "number"),
            Column(_("Total time"), width=12),
            Column(_("Reached at"), "time", 20),
            Column(_("Eligible for prizes"), width=12),
        ],
        total=total,
        rows=rows(),
    )


def participants(params: dict[str, Any]) -> Sheet:
    """Give the list of participants in the order of joining.

    Args:
        params: `competition`, `track` and `node` (ids or None), `full`.

    Raises: NotFound.
    """
    competition = queries.get_competition(int(params["competition"]))
    track_id, node_id, full = params.get("track"), params.get("node"), bool(params.get("full"))
    nodes = names_under(competition.organization_id)

    def rows() -> Iterator[list[Cell]]:
        for one, person, standing in queries_admin.stream_participants(
            competition.id, track_id=track_id, node_id=node_id
        ):
            yield [
                *_person_cells(one.name, person.phone_sealed, person.phone_tail, one.path, nodes, full),
                one.joined_at,
                standing.levels_cleared if standing else None,
                standing.points if standing else None,
            ]

    return Sheet(
        name=_("Participants %(name)s", name=tr(competition)),
        head=_describe(params, competition, _("View: participants with their present standing")),
        columns=[
            *_person_columns(),
            Column(_("Joined at"), "time", 20),
            Column(_("Levels cleared"), "number"),
            Column(_("Points"), "number"),
        ],
        total=queries_admin.count_participants(competition.id, track_id=track_id, node_id=node_id),
        rows=rows(),
    )


def _describe(params: dict[str, Any], competition: Competition, view: str) -> list[str]:
    lines = [tr(competition)]
    if params.get("track"):
        names = [tr(track) for track in queries.list_tracks(competition.id) if track.id == params["track"]]
        lines.append(_("Track: %(name)s", name="".join(names)))
    if params.get("node"):
        lines.append(_("Only people of %(name)s", name=tr(get_organization(params["node"]))))
    return [*lines, view, _("Made at %(when)s (Beijing time)", when=format_datetime(clock.now()))]


def _person_columns() -> list[Column]:
    return [
        Column(_("Name"), width=14),
        Column(_("Phone"), "code", 16),
        *place_columns(),
    ]


def _person_cells(
    name: str, phone_sealed: str, phone_tail: str, path: Sequence[int], nodes: dict[int, Organization], full: bool
) -> list[Cell]:
    phone = unseal(phone_sealed).removeprefix("+86") if full else mask_phone(phone_tail)
    return [name if full else mask_name(name), phone, *place_cells(path, nodes)]


register("ranking", ranking, may_export)
register("participants", participants, may_export)
