"""Releasing the questions of a competition that is over to practice, and keeping them for official use again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from competitions.errors import WrongState
from competitions.models import Competition, Level, Track
from competitions.queries import get_official_bank
from competitions.uses import LIVE, drawable
from core import audit, clock
from core.database import db, lock, transaction
from core.models import AuditEntry
from organizations.models import Organization
from questions.authoring import Actor, set_reserved_together
from questions.models import Question

RELEASE = "questions.release"

_SHOWN = """
    select q.id, q.organization_id, q.trade_code from questions q
    where q.reserved and q.current_version_id is not null and q.id in (
        select v.question_id from question_versions v where v.id in (
            select jsonb_path_query(a.paper, '$[*].version')::bigint from attempts a
            join levels l on l.id = a.level_id join tracks t on t.id = l.track_id
            where t.competition_id = :competition
        )
    )
"""

_MET = """
    select question_id from practice_answers where question_id = any(:released)
    union
    select v.question_id from practice_mocks m cross join lateral jsonb_array_elements(m.paper) item
    join question_versions v on v.id = (item ->> 'version')::bigint where v.question_id = any(:released)
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A competition that still draws from so many of the questions; without names it belongs to somebody else."""

    competition: Mapping[str, str] | None
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the questions for official use that were on a competition's papers.

    `free` are released; `held` stay because `holders` still draw from them; of `foreign`, by the organization whose
    bank they belong to (None: the shared one), stay as many as it says, because the person has no right there.
    """

    free: tuple[int, ...]
    held: int
    holders: tuple[Holder, ...]
    foreign: Mapping[int | None, int]

    @property
    def shown(self) -> int:
        """How many there are in all."""
        return len(self.free) + self.held + sum(self.foreign.values())


def find_plan(competition_id: int, banks: Collection[int | None], nodes: Sequence[int]) -> Plan:
    """Return what a release would do now.

    Only competitions that draw from questions for official use hold any back: they would lose them, and with them a
    full paper or a kept exposure cap. One that draws from all questions expects them to be practised.

    Args:
        competition_id: the competition that is over.
        banks: whose questions the person may release; None is the shared bank.
        nodes: competitions at and under these have their names said.
    """
    rows = db.session.execute(text(_SHOWN), {"competition": competition_id}).all()
    own = {row.id for row in rows if row.organization_id in banks}
    taken = _list_draws({row.trade_code for row in rows})
    held = own & {question_id for _, _, ids in taken for question_id in ids}
    holders = [
        Holder({"zh": one.name_zh, "en": one.name_en} if set(path) & set(nodes) else None, len(own & ids))
        for one, path, ids in taken
        if own & ids
    ]
    foreign = Counter(row.organization_id for row in rows if row.id not in own)
    return Plan(tuple(sorted(own - held)), len(held), tuple(holders), foreign)


def _list_draws(trade_codes: Collection[str]) -> list[tuple[Competition, list[int], set[int]]]:
    """Return the running and planned competitions for official use only, each with its owner's path and questions."""
    found: dict[int, tuple[Competition, list[int], set[int]]] = {}
    for competition, trade_code, level, path in db.session.execute(
        select(Competition, Track.trade_code, Level, Organization.path)
        .join(Track, Track.competition_id == Competition.id)
        .join(Level, Level.track_id == Track.id)
        .join(Organization, Organization.id == Competition.organization_id)
        .where(
            Competition.state.in_(LIVE),
            Competition.discarded_at.is_(None),
            Competition.draws_from == "reserved",
            Track.trade_code.in_(trade_codes),
        )
        .order_by(Competition.id)
    ):
        ids = found.setdefault(competition.id, (competition, path, set()))[2]
        ids |= drawable(level, get_official_bank(competition, trade_code))
    return list(found.values())


def release(competition_id: int, banks: Collection[int | None], nodes: Sequence[int], person_id: int) -> int:
    """Release to practice what may be released of a competition's questions, and return how many.

    Args:
        competition_id: a competition whose standings are sealed.
        banks: as of `find_plan`.
        nodes: as of `find_plan`.
        person_id: who decides.

    Raises: NotFound; WrongState before the seal.
    """
    with transaction():
        competition = lock(Competition, competition_id)
        if competition.state != "sealed":
            raise WrongState(state=competition.state)
        plan = find_plan(competition_id, banks, nodes)
        return len(
            _change(competition, plan.free, False, person_id, held=plan.held, foreign=sum(plan.foreign.values()))
        )


def list_returnable(competition_id: int, banks: Collection[int | None]) -> tuple[int, list[int]]:
    """Return how many questions this competition has released, and which of them nobody has met in practice yet.

    Args:
        competition_id: the competition.
        banks: whose questions the person may keep for official use again.
    """
    entries = db.session.scalars(
        select(AuditEntry.details).where(
            AuditEntry.subject == "competition", AuditEntry.subject_id == competition_id, AuditEntry.action == RELEASE
        )
    )
    released = {question_id for details in entries for question_id in details["questions"]}
    met = set(db.session.scalars(text(_MET), {"released": list(released)}))
    still = db.session.execute(
        select(Question.id, Question.organization_id)
        .where(Question.id.in_(released), Question.reserved.is_(False))
        .order_by(Question.id)
    ).all()
    return len(still), [id_ for id_, bank in still if id_ not in met and bank in banks]


def take_back(competition_id: int, banks: Collection[int | None], person_id: int) -> int:
    """Keep for official use again what a competition has released and nobody has met in practice; return how many.

    Args: as of `release`.
    Raises: NotFound.
    """
    with transaction():
        competition = lock(Competition, competition_id)
        _, ids = list_returnable(competition_id, banks)
        return len(_change(competition, ids, True, person_id))


def _change(competition: Competition, ids: Sequence[int], reserved: bool, person_id: int, **details: Any) -> list[int]:
    by = Actor(person_id, competition.organization_id)
    why = f"{competition.name_zh} · {competition.name_en}"
    changed = set_reserved_together(ids, reserved, why, by, clock.now())
    if changed:
        audit.record(
            "questions.keep" if reserved else RELEASE,
            "competition",
            competition.id,
            person_id=person_id,
            organization_id=competition.organization_id,
            questions=changed,
            **details,
        )
    return changed
