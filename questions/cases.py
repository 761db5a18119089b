"""Cases: one text with several questions that are drawn together. Every use case is one transaction.

A case has no row of its own: each version of its questions carries it whole. So a change of the text is a new version
of each of them, and papers that were drawn keep what they have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.database import lock, transaction
from core.errors import NotFound
from questions import authoring, queries_admin
from questions.authoring import Actor
from questions.errors import CaseRefused, ChangedMeanwhile, NotNow
from questions.models import Question
from questions.queries_admin import Listed, place_of
from questions.rules import CASE_SIZE
from questions.rules.life import may_take
from questions.services import add_version

STEPS = ("submit", "withdraw", "return", "approve")
"""What may be done with all questions of a case at once."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands: its questions in order, and those taken out of it that are in use in it until approved."""

    code: str
    text: dict[str, Any]
    members: Sequence[Listed]
    leaving: Sequence[Listed]

    @property
    def base(self) -> int:
        """What changes with every version of its questions."""
        return max(one.version.id for one in self.members)

    @property
    def reserved(self) -> bool:
        """Whether its text is for official use only, so that nothing that shows it may be practised."""
        return any(one.question.reserved for one in self.all)

    @property
    def all(self) -> Sequence[Listed]:
        """The questions of the case and those that leave it."""
        return [*self.members, *self.leaving]


def get_case(question_id: int) -> Case:
    """Return the case of a question. Raises: NotFound when it has none, or is retired."""
    listed = queries_admin.get_listed(question_id)
    code = authoring.case_code(listed.version)
    found = queries_admin.list_case(code, listed.question.organization_id) if code else []
    return _case(code, found, question_id)


def find_place(listed: Listed) -> tuple[int, int]:
    """Return the number of a question in its case, from 1, and how many questions that has; (1, 1) outside of one."""
    code = authoring.case_code(listed.version)
    found = queries_admin.list_case(code, listed.question.organization_id) if code else []
    members = [one.question.id for one in found if authoring.case_code(one.version) == code]
    if listed.question.id not in members:
        return 1, 1
    return members.index(listed.question.id) + 1, len(members)


def _case(code: str, found: Sequence[Listed], question_id: int) -> Case:
    members = [one for one in found if authoring.case_code(one.version) == code]
    text = next((one.version.case_group for one in members if one.question.id == question_id), None)
    if text is None:
        raise NotFound(what="case")
    return Case(code, text, members, [one for one in found if one not in members])


def _locked(question_id: int) -> Case:
    found = authoring.lock_case(question_id)
    code = authoring.case_code(queries_admin.get_listed(question_id).version)
    return _case(code, found, question_id)


def begin(
    trade_code: str,
    bank: int | None,
    types: Sequence[str],
    topic: str,
    text: dict[str, Any],
    by: Actor,
    now: datetime,
) -> Question:
    """Make the questions of a new case, unfinished drafts that nothing but the case is written of.

    Args:
        trade_code: the trade.
        bank: the organization it belongs to; None for the shared bank.
        types: of its questions, in their order; one at least.
        topic: of its questions, until they are given others.
        text: its {stem, media}.
        by: the author.
        now: aware UTC.

    Returns: the first question.
    """
    with transaction():
        questions = [authoring.new_question(trade_code, bank, by) for _ in types]
        code = f"{trade_code}-c{questions[0].id}"
        for place, (question, type_) in enumerate(zip(questions, types, strict=True), 1):
            add_version(question, 1, _blank(type_, topic, {"code": code, **text, "place": place}), by.person_id, now)
        return questions[0]


def _blank(type_: str, topic: str, case_group: dict[str, Any]) -> dict[str, Any]:
    empty = {"zh": "", "en": ""}
    keys: dict[str, Any] = {"true_false": None, "matching": {}}
    keys["numeric"] = {"value": "", "tolerance": "0", "unit": empty}
    written = {
        "type": type_,
        "topic": topic,
        "difficulty": 3,
        "stem": empty,
        "explanation": empty,
        "source": empty,
        "key": keys.get(type_, []),
    }
    return authoring.unfinished_content(written) | {"case_group": case_group}


def change(question_id: int, text: dict[str, Any], places: Sequence[int], base: int, by: Actor, now: datetime) -> int:
    """Give a case another text or another order: a new version of each question that differs, which makes it a draft.

    Args:
        question_id: one of its questions.
        text: its {stem, media}.
        places: of its questions, in the order in which they stand now; each number from 1 once.
        base: the case's `base` when it was read.
        by: the author.
        now: aware UTC.

    Returns: how many questions got a new version.

    Raises: ChangedMeanwhile; NotFound.
    """
    with transaction():
        case = _locked(question_id)
        if case.base != base or sorted(places) != list(range(1, len(case.members) + 1)):
            raise ChangedMeanwhile(number=case.base)
        moved = list(places) != sorted(places)
        written = 0
        for one, place in zip(case.members, places, strict=True):
            own = {"code": case.code, **text}
            if moved or place_of(one.version):
                own["place"] = place
            content = authoring.copy_of(one.version) | {"case_group": own}
            written += authoring.renew(one.question, one.version, content, by, now)
        return written


def add_new(question_id: int, type_: str, by: Actor, now: datetime) -> Question:
    """Add an unfinished draft to a case, at its end, with the topic of the first question.

    Args:
        question_id: one of its questions.
        type_: of the new one.
        by: the author.
        now: aware UTC.

    Raises: CaseRefused when it is full; NotFound.
    """
    with transaction():
        case = _locked(question_id)
        first = case.members[0].question
        blank = _blank(type_, case.members[0].version.topic_code, _room(case))
        question = authoring.new_question(first.trade_code, first.organization_id, by, case.reserved)
        add_version(question, 1, blank, by.person_id, now)
        return question


def add_existing(question_id: int, code: str, by: Actor, now: datetime) -> None:
    """Add a question of the same trade and bank to a case, at its end; it becomes a draft, of a case for official use
    only one that is too.

    Args:
        question_id: one of the case's questions.
        code: of the question that joins.
        by: the author.
        now: aware UTC.

    Raises: CaseRefused; NotFound.
    """
    with transaction():
        case = _locked(question_id)
        own = _room(case)
        first = case.members[0].question
        joining = queries_admin.find_by_code(code, first.trade_code, first.organization_id)
        if joining is None:
            raise CaseRefused(why="absent")
        question = lock(Question, joining.id)
        latest = queries_admin.get_latest(question)
        if question.state == "retired":
            raise CaseRefused(why="retired")
        if latest.case_group:
            raise CaseRefused(why="elsewhere")
        question.reserved |= case.reserved
        authoring.renew(question, latest, authoring.copy_of(latest) | {"case_group": own}, by, now)


def _room(case: Case) -> dict[str, Any]:
    """Return what a question that joins a case carries of it. Raises: CaseRefused when it is full."""
    if len(case.members) >= CASE_SIZE:
        raise CaseRefused(why="full")
    last = max(place_of(one.version) for one in case.members)
    own = {name: value for name, value in case.text.items() if name != "place"}
    return own | ({"place": last + 1} if last else {})


def is_empty(one: Listed) -> bool:
    """Say whether nothing has been written of a question yet but the case that it belongs to."""
    unused = one.question.state == "draft" and one.question.current_version_id is None
    return unused and one.version.unfinished and not authoring.says_something(authoring.written_of(one.version))


def take_out(question_id: int, by: Actor, now: datetime) -> int | None:
    """Take a question out of its case: a new version without it, which makes it a draft; an empty one is retired.

    Args:
        question_id: the question.
        by: the author.
        now: aware UTC.

    Returns: None, or of an empty one another question of the case, itself when it was the last.

    Raises: NotFound.
    """
    with transaction():
        case = _locked(question_id)
        one = next(one for one in case.members if one.question.id == question_id)
        authoring.renew(one.question, one.version, authoring.copy_of(one.version) | {"case_group": None}, by, now)
        if not is_empty(one):
            return None
        authoring.retire(question_id, case.code, by, now)
        return next((other.question.id for other in case.members if other is not one), question_id)


def take(question_id: int, step: str, body: str, by: Actor, now: datetime, seen: int | None = None) -> int:
    """Take one step with every question of a case that it may be taken with: all of them or none.

    Args:
        question_id: one of them.
        step: one of `STEPS`.
        body: what is said with it.
        by: who takes it.
        now: aware UTC.
        seen: the case's `base` when it was read; who approves approves just that. None leaves that unasked.

    Returns: with how many it was taken.

    Raises: ChangedMeanwhile; NotNow when there is none; what the step raises for one question; NotFound.
    """
    with transaction():
        case = _locked(question_id)
        if step == "approve" and seen is not None and case.base != seen:
            raise ChangedMeanwhile(number=case.base)
        ready = ready_for(step, case.all)
        if not ready:
            raise NotNow(state=case.members[0].question.state)
        for one in ready:
            if step == "approve":
                authoring.put_into_use(one.question.id, body, by, now)
            else:
                authoring.take(one.question.id, step, body, by, now)
        if step == "approve":
            authoring.check_case(case.code)
        return len(ready)


def ready_for(step: str, questions: Collection[Listed]) -> list[Listed]:
    """Return the questions with which a step may be taken now."""
    return [one for one in questions if may_take(step, one.question.state)]
