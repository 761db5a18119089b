"""How much a part of the tree practises, for those who answer for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from accounts import identity
from core import clock
from core.exports import request_export
from core.security import limited
from core.web import language, tr
from organizations import permissions
from organizations.models import Organization
from organizations.queries import get_organization, list_children, list_path
from organizations.rules import MANAGERS
from practice import queries_admin
from practice.rules import day_of

blueprint = Blueprint("practice_admin", __name__)

SPANS = (7, 28, 90)
LONGEST = 366
PAGE_SIZE = 50


def _node(organization_id: int) -> tuple[identity.Identity, Organization]:
    identity.require()
    node = get_organization(organization_id)
    return permissions.require_role(MANAGERS, node.path), node


def _day(text: str) -> date:
    """Read a calendar day. Raises: ValueError for none, and for one of another age."""
    found = date.fromisoformat(text)
    if not 2000 <= found.year < 2200:
        raise ValueError(text)
    return found


def _period() -> tuple[date, date]:
    """Return the first and the last day asked for: the last four weeks, unless the address says otherwise."""
    last = request.values.get("last", type=_day) or day_of(clock.now())
    first = request.values.get("first", type=_day) or last - timedelta(days=SPANS[1] - 1)
    first, last = min(first, last), max(first, last)
    return max(first, last - timedelta(days=LONGEST - 1)), last


@blueprint.get("/organizations/<int:organization_id>/practice")
def report(organization_id: int) -> str:
    """Show how many people practised, day by day and under which node, and how much."""
    _person, node = _node(organization_id)
    first, last = _period()
    efforts = queries_admin.list_efforts(node.id, first, last)
    page = max(1, request.args.get("page", 1, type=int))
    by_day = queries_admin.count_people_by_day(node.id, first, last)
    today = day_of(clock.now())
    return render_template(
        "practice/report.html",
        node=node,
        path=[one for one in list_path(node.path) if permissions.holds(MANAGERS, one.path)],
        first=first,
        last=last,
        today=today,
        spans=[
            {
                "days": days,
                "href": url_for(".report", organization_id=node.id, first=today - timedelta(days=days - 1), last=today),
                "current": (first, last) == (today - timedelta(days=days - 1), today),
            }
            for days in SPANS
        ],
        people=sum(one.people for one in efforts),
        practised=sum(one.practised for one in efforts),
        answers=sum(one.answers for one in efforts),
        points=sum(one.points for one in efforts),
        days=[
            {"label": f"{day:%m-%d}", "value": by_day.get(day, 0)}
            for day in (first + timedelta(days=number) for number in range((last - first).days + 1))
        ],
        efforts=efforts[PAGE_SIZE * (page - 1) : PAGE_SIZE * page],
        names={one.id: tr(one) for one in list_children(node.id)},
        page=page,
        pages=-(-len(efforts) // PAGE_SIZE) or 1,
        paging=lambda number: url_for(".report", organization_id=node.id, first=first, last=last, page=number),
    )


@blueprint.post("/organizations/<int:organization_id>/practice/export")
@limited("export", "30/hour")
def export(organization_id: int) -> Any:
    """Ask for the people with their days, answers and learning points as a file."""
    person, node = _node(organization_id)
    first, last = _period()
    params = {"node": node.id, "first": first.isoformat(), "last": last.isoformat()}
    asked = request_export(
        "practice",
        {**params, "format": "xlsx", "language": language()},
        person.person_id,
        organization_id=node.id,
        why="practice report",
    )
    return redirect(url_for("exports.show", export_id=asked.id), 303)
