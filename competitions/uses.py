"""What competitions make of questions: which levels draw one or have drawn it, and what points they give to topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, or_, select

from competitions.checklist import availability
from competitions.models import Attempt, Competition, Level, Track
from competitions.queries import get_official_bank
from competitions.rules import blueprint_rows
from core.database import db
from organizations.models import Organization
from questions.models import Question, QuestionVersion
from questions.rules import CASE_SIZE, Bank
from questions.uses import Use

LIVE = ("open", "draft")


def find_uses(question_id: int, nodes: Sequence[int]) -> list[Use]:
    """Return the levels that may draw a question or have drawn it, those of running competitions first.

    Args:
        question_id: the question.
        nodes: competitions at and under these have their names said.
    """
    question = db.session.get(Question, question_id)
    if question is None:
        return []
    attempts = _count_attempts(question)
    found = []
    for competition, track, level, path in db.session.execute(
        select(Competition, Track, Level, Organization.path)
        .join(Track, Track.competition_id == Competition.id)
        .join(Level, Level.track_id == Track.id)
        .join(Organization, Organization.id == Competition.organization_id)
        .where(Track.trade_code == question.trade_code, Competition.discarded_at.is_(None))
        .order_by(Competition.state != "open", Competition.state != "draft", Competition.id.desc(), Level.position)
    ):
        bank = get_official_bank(competition, track.trade_code) if competition.state in LIVE else Bank([])
        draws = question_id in drawable(level, bank)
        if not draws and not attempts.get(level.id):
            continue
        named = bool(set(path) & set(nodes))
        found.append(
            Use(
                competition={"zh": competition.name_zh, "en": competition.name_en} if named else None,
                track={"zh": track.name_zh, "en": track.name_en} if named else None,
                level={"zh": level.name_zh, "en": level.name_en} if named else None,
                state=competition.state,
                draws=draws,
                needed=draws and _is_needed(question_id, level, bank),
                attempts=attempts.get(level.id, 0),
            )
        )
    return found


def drawable(level: Level, bank: Bank) -> set[int]:
    """Return the questions of a bank that a level's papers may be drawn from."""
    return {
        version.question_id
        for row in blueprint_rows(level.blueprint)
        for unit in bank.matching(row)
        for version in unit
    }


def _count_attempts(question: Question) -> dict[int, int]:
    versions = db.session.scalars(select(QuestionVersion.id).where(QuestionVersion.question_id == question.id))
    contained = [Attempt.paper.contains([{"version": version_id}]) for version_id in versions]
    rows = db.session.execute(
        select(Attempt.level_id, func.count())
        .join(Level, Level.id == Attempt.level_id)
        .join(Track, Track.id == Level.track_id)
        .where(Track.trade_code == question.trade_code, or_(*contained))
        .group_by(Attempt.level_id)
    )
    return {level_id: count for level_id, count in rows}  # noqa: C416 - dict() of rows is not typed


def _is_needed(question_id: int, level: Level, bank: Bank) -> bool:
    """Say whether a level that can be drawn now could not be without a question."""
    blueprint = blueprint_rows(level.blueprint)
    rest = Bank([version for version in bank.versions if version.question_id != question_id], bank.parents)
    return all(row.ok for row in availability(blueprint, bank)) and not all(
        row.ok for row in availability(blueprint, rest)
    )


def points_by_topic(trade_code: str, nodes: Sequence[int]) -> dict[str, float]:
    """Return by topic the points that the levels of open and planned competitions give to it on average.

    Args:
        trade_code: the trade.
        nodes: only competitions at and under these count.
    """
    points: dict[str, float] = defaultdict(float)
    for level, competition in db.session.execute(
        select(Level, Competition)
        .join(Track, Track.id == Level.track_id)
        .join(Competition, Competition.id == Track.competition_id)
        .join(Organization, Organization.id == Competition.organization_id)
        .where(
            Track.trade_code == trade_code,
            Competition.state.in_(LIVE),
            Competition.discarded_at.is_(None),
            Organization.path.overlap(list(nodes)),
        )
    ):
        bank = get_official_bank(competition, trade_code)
        for row in blueprint_rows(level.blueprint):
            units = bank.matching(row)
            for version in (version for unit in units for version in unit):
                points[version.topic] += row.items * row.points / (len(units) * (CASE_SIZE if version.case else 1))
    return dict(points)
