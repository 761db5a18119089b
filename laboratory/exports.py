"""The figures of items as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select

from competitions.queries import find_competition
from core.database import db
from core.exports import Cell, Column, Sheet, register
from core.web import tr, tr_text
from laboratory.models import ItemParameters, ItemStatistic
from laboratory.queries import ORDERS
from laboratory.words import light_word, reason_word
from organizations.queries import get_organization, list_grants, list_root_ids
from organizations.rules import holds
from questions.models import Question, QuestionVersion, Topic

ROLES = ("organizer", "enterprise_admin", "question_author", "question_reviewer")


def may_see(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person may see figures: of one competition where they run it, of all at a root of the tree.

    Args:
        params: `competition` (id, or None for all together).
        person_id: who asks.
    """
    grants = list_grants(person_id)
    if params.get("competition") is None:
        return any(holds(grants, ROLES, [root]) for root in list_root_ids())
    competition = find_competition(int(params["competition"]))
    return competition is not None and holds(grants, ROLES, get_organization(competition.organization_id).path)


def items(params: dict[str, Any]) -> Sheet:
    """Give the figures of a trade's items, the most urgent first.

    Args:
        params: `trade`, `competition` (id, or None for all together).
    """
    statement = (
        select(ItemStatistic, QuestionVersion, Question, Topic, ItemParameters)
        .join(QuestionVersion, QuestionVersion.id == ItemStatistic.version_id)
        .join(Question, Question.id == QuestionVersion.question_id)
        .outerjoin(Topic, (Topic.trade_code == Question.trade_code) & (Topic.code == QuestionVersion.topic_code))
        .outerjoin(
            ItemParameters,
            (ItemParameters.version_id == ItemStatistic.version_id)
            & (ItemParameters.competition_id == ItemStatistic.competition_id),
        )
        .where(
            Question.trade_code == params["trade"],
            ItemStatistic.competition_id.is_not_distinct_from(params.get("competition")),
            or_(Question.organization_id.is_(None), Question.organization_id.in_(params["organizations"])),
        )
        .order_by(*ORDERS["worst"], ItemStatistic.id)
    )
    found = db.session.execute(statement).all()

    def rows() -> Iterator[list[Cell]]:
        for statistic, version, question, topic, parameters in found:
            yield [
                question.code,
                str(version.number),
                tr(topic) if topic else version.topic_code,
                version.difficulty,
                tr_text(version.stem),
                statistic.n,
                statistic.papers,
                *(
                    "" if value is None else f"{value:.{digits}f}"
                    for value, digits in (
                        (100 * statistic.facility, 1),
                        (statistic.discrimination, 1),
                        (statistic.efficiency, 1),
                        (statistic.seconds, 0),
                        (parameters and parameters.location, 2),
                        (parameters and parameters.slope, 2),
                    )
                ),
                light_word(statistic.light),
                reason_word(statistic.reason),
            ]

    columns = [
        Column(_("Question"), "code"),
        Column(_("Version"), "code", 9),
        Column(_("Topic"), width=24),
        Column(_("Difficulty"), "number", 11),
        Column(_("Stem"), width=60),
        Column(_("First attempts"), "number"),
        Column(_("Papers"), "number"),
        Column(_("Facility in percent"), width=12),
        Column(_("Discrimination in percent"), width=18),
        Column(_("Efficiency in percent"), width=14),
        Column(_("Seconds"), width=10),
        Column(_("Location b"), width=12),
        Column(_("Slope a"), width=10),
        Column(_("Light"), width=12),
        Column(_("Reason"), width=40),
    ]
    return Sheet(_("Item figures"), [], columns, len(found), rows())


register("items", items, may_see)
