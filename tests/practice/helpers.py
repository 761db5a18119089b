"""A worker of an enterprise with a bank to practise, for the tests of practice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accounts.models import Person
from core.database import db
from organizations.models import Organization
from practice import queries, services
from practice.queries import Learner
from practice.services import Batch, Given
from questions.models import Question, QuestionVersion
from questions.queries import forget
from tests.factories import make_bank, make_organization, make_person

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in China on a Monday."""

_count = itertools.count(1)


@dataclass
class Workplace:
    """A worker in a team of an enterprise, and the versions of the trade's shared bank."""

    person: Person
    enterprise: Organization
    team: Organization
    versions: list[QuestionVersion]


def make_workplace(size: int = 12, type_: str = "single") -> Workplace:
    """A worker who may practise `size` questions of welding; option a is right."""
    enterprise = make_organization(make_organization(make_organization(), "city"), "enterprise")
    team = make_organization(enterprise, "team")
    return Workplace(make_person(team), enterprise, team, make_bank(size=size, type_=type_))


def learner(person: Person) -> Learner:
    """The worker at welding, with the bank as it is now."""
    forget()
    return queries.get_learner(person.id, "welding")


def change(version: QuestionVersion, **changes: Any) -> None:
    """Change the question of a version, e.g. reserve it."""
    question = db.session.get_one(Question, version.question_id)
    for name, value in changes.items():
        setattr(question, name, value)
    db.session.commit()
    forget()


def given(version: QuestionVersion, value: Any = "right", at: datetime = NOON, **changes: Any) -> Given:
    """An answer; option a is right, option b wrong."""
    known: dict[str, Any] = {"right": ["a"], "wrong": ["b"]}
    values: dict[str, Any] = {
        "client_id": f"client-{next(_count)}",
        "trade_code": "welding",
        "mode": "random",
        "question_id": version.question_id,
        "version_id": version.id,
        "seed": 5,
        "value": known.get(value, value) if isinstance(value, str) else value,
        "certainty": None,
        "at": at,
    }
    return Given(**values | changes)


def answer(person: Person, *answers: Given) -> Batch:
    """Record answers."""
    return services.record(person.id, answers)


def outcomes(batch: Batch) -> Sequence[str]:
    """What became of each answer."""
    return [one.outcome for one in batch.recorded]
