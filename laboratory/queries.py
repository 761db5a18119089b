"""Reading figures about items, levels and simulations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select, text

from competitions.models import Level, Track
from core.database import db
from core.errors import NotFound
from laboratory.models import ItemParameters, ItemStatistic, LevelStatistic, Simulation
from questions.models import Question, QuestionVersion

PAGE_SIZE = 50
_URGENCY = case({"red": 0, "amber": 1, "green": 2}, value=ItemStatistic.light, else_=3)
ORDERS: dict[str, Sequence[Any]] = {
    "worst": (_URGENCY, ItemStatistic.discrimination.asc().nulls_last()),
    "facility": (ItemStatistic.facility.asc(),),
    "exposure": (ItemStatistic.n.desc(),),
    "time": (ItemStatistic.seconds.desc().nulls_last(),),
}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item with its figures."""

    statistic: ItemStatistic
    version: QuestionVersion
    question: Question


@dataclass(frozen=True, slots=True)
class Fitted:
    """How many items the two-parameter model was fitted to, and when (aware UTC)."""

    items: int
    at: datetime


def list_due() -> list[int]:
    """Return the competitions with first attempts scored after their figures were computed."""
    return list(
        db.session.scalars(
            text(
                """
                select p.competition_id from attempts a join participations p on p.id = a.participation_id
                where a.state = 'scored' and a.number = 1
                group by 1
                having count(*) > coalesce(
                    (select max(s.papers) from item_statistics s where s.competition_id = p.competition_id), 0)
                order by 1
                """
            )
        )
    )


def facilities(version_ids: Collection[int]) -> dict[int, float]:
    """Return the facility over all competitions by version, where it is known."""
    rows = db.session.execute(
        select(ItemStatistic.version_id, ItemStatistic.facility).where(
            ItemStatistic.competition_id.is_(None), ItemStatistic.version_id.in_(version_ids)
        )
    )
    return {key: value for key, value in rows}  # noqa: C416 - dict() of rows is not typed


def types() -> dict[int, str]:
    """Return the type of every question version."""
    rows = db.session.execute(select(QuestionVersion.id, QuestionVersion.type))
    return {key: value for key, value in rows}  # noqa: C416 - dict() of rows is not typed


def list_items(
    trade_code: str,
    organization_ids: Sequence[int],
    competition_id: int | None,
    light: str = "",
    search: str = "",
    order: str = "worst",
    page: int = 1,
) -> tuple[list[ItemRow], int]:
    """Return a page of items with figures, and how many there are.

    Args:
        trade_code: the trade.
        organization_ids: whose own questions are shown beside the shared ones.
        competition_id: figures of one competition; None for all together.
        light: only these; empty for all.
        search: words of the stem, or a question's code.
        order: a key of `ORDERS`.
        page: from 1.
    """
    statement = (
        select(ItemStatistic, QuestionVersion, Question)
        .join(QuestionVersion, QuestionVersion.id == ItemStatistic.version_id)
        .join(Question, Question.id == QuestionVersion.question_id)
        .where(
            Question.trade_code == trade_code,
            ItemStatistic.competition_id.is_not_distinct_from(competition_id),
            or_(Question.organization_id.is_(None), Question.organization_id.in_(organization_ids)),
        )
    )
    if light:
        statement = statement.where(ItemStatistic.light == light)
    if search:
        wanted = f"%{search}%"
        statement = statement.where(
            or_(
                QuestionVersion.stem["zh"].astext.ilike(wanted),
                QuestionVersion.stem["en"].astext.ilike(wanted),
                Question.code == search,
            )
        )
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = db.session.execute(
        statement.order_by(*ORDERS[order], ItemStatistic.id).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    )
    return [ItemRow(*row) for row in rows], total


def count_lights(trade_code: str, organization_ids: Sequence[int], competition_id: int | None) -> dict[str, int]:
    """Return how many items show which light."""
    rows = db.session.execute(
        select(ItemStatistic.light, func.count())
        .join(QuestionVersion, QuestionVersion.id == ItemStatistic.version_id)
        .join(Question, Question.id == QuestionVersion.question_id)
        .where(
            Question.trade_code == trade_code,
            ItemStatistic.competition_id.is_not_distinct_from(competition_id),
            or_(Question.organization_id.is_(None), Question.organization_id.in_(organization_ids)),
        )
        .group_by(ItemStatistic.light)
    )
    return {key: value for key, value in rows}  # noqa: C416 - dict() of rows is not typed


def get_item(statistic_id: int) -> ItemRow:
    """Return an item with its figures. Raises: NotFound."""
    row = db.session.execute(
        select(ItemStatistic, QuestionVersion, Question)
        .join(QuestionVersion, QuestionVersion.id == ItemStatistic.version_id)
        .join(Question, Question.id == QuestionVersion.question_id)
        .where(ItemStatistic.id == statistic_id)
    ).first()
    if row is None:
        raise NotFound(what="statistic")
    return ItemRow(*row)


def find_parameters(version_id: int, competition_id: int | None) -> ItemParameters | None:
    """Return what the two-parameter model says of an item: in a competition, or in the last one that was fitted."""
    statement = select(ItemParameters).where(ItemParameters.version_id == version_id)
    if competition_id is not None:
        statement = statement.where(ItemParameters.competition_id == competition_id)
    return db.session.scalar(statement.order_by(ItemParameters.computed_at.desc()).limit(1))


def find_fit(competition_id: int) -> Fitted | None:
    """Return when the two-parameter model was last fitted to a competition and to how many items, or None."""
    items, at = db.session.execute(
        select(func.count(), func.max(ItemParameters.computed_at)).where(
            ItemParameters.competition_id == competition_id
        )
    ).one()
    return Fitted(items, at) if items else None


def find_level(level_id: int) -> LevelStatistic | None:
    """Return the figures of a level, or None."""
    return db.session.get(LevelStatistic, level_id)


def latest_simulation(level_id: int) -> Simulation | None:
    """Return the last simulation of a level, or None."""
    return db.session.scalar(
        select(Simulation).where(Simulation.level_id == level_id).order_by(Simulation.id.desc()).limit(1)
    )


def list_levels(competition_id: int) -> list[tuple[Track, Level, LevelStatistic | None]]:
    """Return every level of a competition in order, with its figures where there are any."""
    rows: Any = db.session.execute(
        select(Track, Level, LevelStatistic)
        .join(Level, Level.track_id == Track.id)
        .outerjoin(LevelStatistic, LevelStatistic.level_id == Level.id)
        .where(Track.competition_id == competition_id)
        .order_by(Track.position, Level.position)
    )
    return [tuple(row) for row in rows]
