"""Who practised how much, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from flask_babel import gettext as _

from accounts.rules import mask_phone
from core import clock
from core.exports import Cell, Column, Sheet, register
from core.web import format_datetime, tr
from organizations.exports import place_cells, place_columns
from organizations.queries import count_people_under, get_organization, list_grants, names_under
from organizations.rules import MANAGERS, holds
from practice import queries_admin
from questions.queries import list_trades


def may_export(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person answers for the part of the tree.

    Args:
        params: `node` (id).
        person_id: who asks.
    """
    return holds(list_grants(person_id), MANAGERS, get_organization(int(params["node"])).path)


def people(params: dict[str, Any]) -> Sheet:
    """Give everyone at and under a node with the days, answers and learning points of a time.

    Args:
        params: `node` (id), `first` and `last` (ISO calendar days in China).

    Raises: NotFound.
    """
    node = get_organization(int(params["node"]))
    first, last = date.fromisoformat(params["first"]), date.fromisoformat(params["last"])
    trades = list_trades()
    nodes = names_under(node.id)
    points = queries_admin.points_by_person(node.id, first, last)

    def rows() -> Iterator[list[Cell]]:
        for person, path, days, answers in queries_admin.stream_people(node.id, first, last):
            earned = points.get(person.id, {})
            yield [
                person.name,
                mask_phone(person.phone_tail),
                *place_cells(path, nodes),
                days,
                answers,
                *(earned.get(trade.code, 0) for trade in trades),
                sum(earned.values()),
            ]

    return Sheet(
        name=_("Practice %(name)s", name=tr(node)),
        head=[
            tr(node),
            _("Practice from %(first)s to %(last)s", first=first.isoformat(), last=last.isoformat()),
            _("Made at %(when)s (Beijing time)", when=format_datetime(clock.now())),
        ],
        columns=[
            Column(_("Name"), width=14),
            Column(_("Phone"), "code", 16),
            *place_columns(),
            Column(_("Days practised"), "number"),
            Column(_("Answers"), "number"),
            *(Column(_("Learning points: %(trade)s", trade=tr(trade)), "number", 20) for trade in trades),
            Column(_("Learning points"), "number"),
        ],
        total=count_people_under(node.id),
        rows=rows(),
    )


register("practice", people, may_export)
