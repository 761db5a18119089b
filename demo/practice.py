"""What some of the demo's people have practised, by the platform's own rules, so that their pages have a history."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from sqlalchemy import select

import demo
from core import audit
from core.database import db, transaction
from demo.event import Event
from demo.people import SEED
from demo.play import give
from organizations.models import Membership, Organization
from practice import queries, rules, services
from practice.queries import Learner, Wish
from questions.queries import get_versions, list_trades


class Habit(NamedTuple):
    """How somebody practises: on how many of the last days, how many questions in each mode, and how well."""

    trade: str
    days: tuple[int, ...]
    plan: tuple[tuple[str, int], ...]
    skill: float
    certain: bool


HABITS = (
    (demo.WORKER, Habit("work_safety", (20, 19, 18), (("random", 8),), 0.9, False)),
    (
        demo.WORKER,
        Habit("welding", (16, 15, 14, 12, 9, 8, 7, 5, 3, 2, 1), (("wrong", 12), ("daily", 10)), 0.9, False),
    ),
    (demo.WORKER, Habit("welding", (13, 6, 4), (("wrong", 12), ("ordered", 6)), 0.9, True)),
    (demo.ADMIN, Habit("work_safety", (6, 5, 2), (("random", 6),), 1.2, False)),
)
CROWD = 60
"""So many others practise the daily ten now and then."""
EVENING = timedelta(hours=20)
MOCK_TAKES = timedelta(minutes=6)
FAVOURITES = 3


def practise(event: Event) -> None:
    """Practise as the habits say, before the demo was made, and leave a trace so that it is done once.

    Args:
        event: the demo, filled with people.
    """
    habits = [(event.login_ids[login], habit) for login, habit in HABITS] + _crowd(event)
    sittings = sorted((-days, number) for number, (_, habit) in enumerate(habits) for days in habit.days)
    for days, number in sittings:
        _sit_down(event.anchor, *habits[number], -days)
    for login, trade in sorted({(login, habit.trade) for login, habit in HABITS}):
        _keep_some(queries.get_learner(event.login_ids[login], trade), event.anchor)
    for login, trade, skill in ((demo.WORKER, "welding", 0.5), (demo.ADMIN, "work_safety", 1.2)):
        _try_level(event.login_ids[login], trade, skill, event.anchor - timedelta(days=2))
    with transaction():
        audit.record("demo.practise", "demo", person_id=None, organization_id=event.province_id)


def _crowd(event: Event) -> list[tuple[int, Habit]]:
    """Choose people from all over the tree and the days on which they practise."""
    chance = Random(f"{SEED}:crowd")  # noqa: S311 - invented people
    people = db.session.scalars(
        select(Membership.person_id)
        .join(Organization, Organization.id == Membership.organization_id)
        .where(
            Membership.ended_at.is_(None),
            Organization.path.contains([event.province_id]),
            Membership.person_id.not_in(event.login_ids),
        )
        .order_by(Membership.id)
    ).all()
    trades = [trade.code for trade in list_trades()]
    return [
        (
            person_id,
            Habit(
                chance.choice(trades),
                tuple(chance.sample(range(1, 22), chance.randint(1, 3))),
                (("daily", 10),),
                chance.uniform(0.4, 1.2),
                False,
            ),
        )
        for person_id in chance.sample(people, min(CROWD, len(people)))
    ]


def _sit_down(anchor: datetime, person_id: int, habit: Habit, days: int) -> None:
    """One evening of practice, so many days before the demo was made."""
    chance = Random(f"{SEED}:practice:{person_id}:{habit.trade}:{days}")  # noqa: S311 - invented people
    today = rules.day_of(anchor)
    at = rules.day_begins(today - timedelta(days=days)) + EVENING + timedelta(minutes=chance.randrange(40))
    learner = queries.get_learner(person_id, habit.trade)
    for mode, count in habit.plan:
        asked = queries.choose(learner, Wish(mode), count, (), at, chance)
        given = []
        for number, one in enumerate(asked):
            at += timedelta(seconds=chance.randrange(15, 60))
            item = rules.make_item(one.version, one.seed)
            given.append(
                services.Given(
                    client_id=f"demo-{habit.trade}-{days}-{mode}-{number}",
                    trade_code=habit.trade,
                    mode=mode,
                    question_id=one.version.question_id,
                    version_id=one.version.id,
                    seed=one.seed,
                    value=give(one.version, item, learner.bank, habit.skill, chance),
                    certainty=chance.choice(rules.CERTAINTIES) if habit.certain else None,
                    at=at,
                )
            )
        services.record(person_id, given)


def _keep_some(learner: Learner, now: datetime) -> None:
    for question_id in sorted(learner.by_question)[:: max(1, len(learner.by_question) // FAVOURITES)][:FAVOURITES]:
        services.set_favourite(learner.person_id, learner.trade.code, question_id, True, now)


def _try_level(person_id: int, trade: str, skill: float, at: datetime) -> None:
    """Hand in a mock of the trade's first level."""
    learner = queries.get_learner(person_id, trade)
    mock = services.start_mock(person_id, queries.list_levels(person_id, trade)[0].id, at)
    chance = Random(f"{SEED}:mock:{trade}")  # noqa: S311 - invented people
    paper = queries.mock_paper(mock)
    versions = get_versions([item.version for item in paper])
    values = {
        position: give(versions[item.version], item, learner.bank, skill, chance)
        for position, item in enumerate(paper, 1)
    }
    db.session.rollback()
    services.hand_in_mock(mock.id, person_id, values, at + MOCK_TAKES)
