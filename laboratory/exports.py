"""The figures of items as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select

from competitions.queries import get_level_place, holds_over
from core.database import db
from core.exports import Cell, Column, Sheet, register
from core.web import tr, tr_text
from laboratory.models import ItemParameters, ItemStatistic
from laboratory.queries import ORDERS, latest_simulation
from laboratory.words import light_word, reason_word
from organizations.queries import list_grants, list_root_ids
from organizations.rules import MANAGERS, holds
from questions.models import Question, QuestionVersion, Topic
from questions.presenting import kind_word

ROLES = (*MANAGERS, "question_author", "question_reviewer")


def may_see(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person may see figures: of one competition where they run it, of all at a root of the tree.

    Args:
        params: `competition` (id, or None for all together).
        person_id: who asks.
    """
    if params.get("competition") is None:
        grants = list_grants(person_id)
        return any(holds(grants, ROLES, [root]) for root in list_root_ids())
    return holds_over(int(params["competition"]), ROLES, person_id)


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


def may_see_level(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person runs the competition that a level belongs to.

    Args:
        params: `level` (id).
        person_id: who asks.
    """
    competition = get_level_place(int(params["level"])).competition
    return holds_over(competition.id, MANAGERS, person_id)


def exposure(params: dict[str, Any]) -> Sheet:
    """Give on how many papers of a level's last simulation each item appeared, the most frequent first.

    Args:
        params: `level` (id).
    """
    simulation = latest_simulation(int(params["level"]))
    counts: list[tuple[int, int]] = simulation.result.get("exposure", []) if simulation else []
    papers = simulation.total - simulation.result["unfillable"] if simulation and counts else 0
    found = {
        version.id: (question.code, topic, version)
        for version, question, topic in db.session.execute(
            select(QuestionVersion, Question, Topic)
            .join(Question, Question.id == QuestionVersion.question_id)
            .outerjoin(Topic, (Topic.trade_code == Question.trade_code) & (Topic.code == QuestionVersion.topic_code))
            .where(QuestionVersion.id.in_([version_id for version_id, _ in counts]))
        )
    }

    def rows() -> Iterator[list[Cell]]:
        for version_id, count in counts:
            code, topic, version = found[version_id]
            yield [
                code,
                tr(topic) if topic else version.topic_code,
                kind_word(version.type),
                version.difficulty,
                tr_text(version.stem),
                count,
                f"{100 * count / papers:.2f}" if papers else "",
            ]

    columns = [
        Column(_("Question"), "code"),
        Column(_("Topic"), width=24),
        Column(_("Type")),
        Column(_("Difficulty"), "number", 11),
        Column(_("Stem"), width=60),
        Column(_("Papers"), "number"),
        Column(_("Percent of papers")),
    ]
    return Sheet(_("Item exposure"), [], columns, len(counts), rows())


register("exposure", exposure, may_see_level)
