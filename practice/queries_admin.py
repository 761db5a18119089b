"""How much people practise, for those who answer for a part of the tree: days, answers and points, never what was
answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, text

from accounts.models import Person
from core.database import db
from organizations.models import Membership, Organization
from practice.models import PracticeDay, PracticePoints
from practice.rules import day_begins


@dataclass(frozen=True, slots=True)
class Effort:
    """How much the people of a part of the tree practised: `practised` of `people` gave `answers` and earned points.

    `child` is the node under the one asked for, None for the people who belong to that node itself.
    """

    child: int | None
    people: int
    practised: int
    answers: int
    points: int

    @property
    def share(self) -> float:
        """The share of the people who practised."""
        return self.practised / self.people if self.people else 0.0


_EFFORT = text(
    """
    select o.path[array_position(o.path, :node) + 1] as child, count(*) as people, count(d.answers) as practised,
        coalesce(sum(d.answers), 0)::bigint as answers, coalesce(sum(p.points), 0)::bigint as points
    from memberships m
    join organizations o on o.id = m.organization_id
    left join (
        select person_id, sum(answers) as answers from practice_days where day between :first and :last group by 1
    ) d on d.person_id = m.person_id
    left join (
        select person_id, sum(points) as points from practice_points
        where awarded_at >= :since and awarded_at < :until group by 1
    ) p on p.person_id = m.person_id
    where m.ended_at is null and o.path @> array[:node]::bigint[]
    group by 1
    order by count(d.answers)::float / count(*) desc, count(*) desc, 1
    """
)


def list_efforts(organization_id: int, first: date, last: date) -> list[Effort]:
    """Return how much was practised under each child of a node, those where the most people practised first.

    Args:
        organization_id: the node.
        first: the first calendar day in China that counts.
        last: the last one.
    """
    rows = db.session.execute(
        _EFFORT,
        {
            "node": organization_id,
            "first": first,
            "last": last,
            "since": day_begins(first),
            "until": day_begins(last + timedelta(days=1)),
        },
    )
    return [Effort(*row) for row in rows]


def count_people_by_day(organization_id: int, first: date, last: date) -> dict[date, int]:
    """Return how many people at and under a node practised on each day; days on which nobody did are left out.

    Args: as `list_efforts`.
    """
    rows = db.session.execute(
        select(PracticeDay.day, func.count())
        .join(Membership, Membership.person_id == PracticeDay.person_id)
        .join(Organization, Organization.id == Membership.organization_id)
        .where(
            PracticeDay.day.between(first, last),
            Membership.ended_at.is_(None),
            Organization.path.contains([organization_id]),
        )
        .group_by(PracticeDay.day)
    )
    return {day: count for day, count in rows}  # noqa: C416 - dict() of rows is not typed


def stream_people(organization_id: int, first: date, last: date) -> Iterator[tuple[Person, list[int], int, int]]:
    """Yield everyone at and under a node in the order of joining: person, path of the node, days, answers.

    Args: as `list_efforts`.
    """
    days = (
        select(
            PracticeDay.person_id,
            func.count().label("days"),
            func.sum(PracticeDay.answers).label("answers"),
        )
        .where(PracticeDay.day.between(first, last))
        .group_by(PracticeDay.person_id)
        .subquery()
    )
    statement = (
        select(
            Person, Organization.path, func.coalesce(days.c.days, 0), func.coalesce(days.c.answers, 0).label("answers")
        )
        .join(Membership, Membership.person_id == Person.id)
        .join(Organization, Organization.id == Membership.organization_id)
        .outerjoin(days, days.c.person_id == Person.id)
        .where(Membership.ended_at.is_(None), Organization.path.contains([organization_id]))
        .order_by(Membership.id)
    )
    for row in db.session.execute(statement, execution_options={"yield_per": 500}):
        yield row[0], row[1], int(row[2]), int(row[3])


def points_by_person(organization_id: int, first: date, last: date) -> dict[int, dict[str, int]]:
    """Return by person and trade the learning points that people at and under a node earned, as rule sheets count them.

    Args: as `list_efforts`. People and trades without points are left out.
    """
    rows = db.session.execute(
        select(PracticePoints.person_id, PracticePoints.trade_code, func.sum(PracticePoints.points))
        .join(Membership, Membership.person_id == PracticePoints.person_id)
        .join(Organization, Organization.id == Membership.organization_id)
        .where(
            PracticePoints.awarded_at >= day_begins(first),
            PracticePoints.awarded_at < day_begins(last + timedelta(days=1)),
            Membership.ended_at.is_(None),
            Organization.path.contains([organization_id]),
        )
        .group_by(PracticePoints.person_id, PracticePoints.trade_code)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for person_id, trade_code, points in rows:
        found[person_id][trade_code] = int(points)
    return dict(found)
