"""The life of a question: writing, reviewing, retiring, offering. Every use case is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from core import audit
from core.database import db, lock, transaction
from core.errors import NotFound
from questions import media, queries, queries_admin
from questions.errors import CaseApart, ChangedMeanwhile, NoReason, NotNow, OwnQuestion, QuestionInvalid
from questions.models import Question, QuestionNote, QuestionVersion, Topic
from questions.rules import N_, Fault, shown_in
from questions.rules.life import bad_weights, may_judge, may_take
from questions.services import add_version, content_of, question_faults

AUDITED = {"return", "approve", "retire", "adopt", "decline", "release"}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and the node of the tree at which they hold the role for it."""

    person_id: int
    node_id: int


def written_of(version: QuestionVersion) -> dict[str, Any]:
    """Return a version in the form of docs/bank-format.md without its case group; an unfinished one as it was typed."""
    key = version.key
    question: dict[str, Any] = {
        "type": version.type,
        "topic": version.topic_code,
        "difficulty": version.difficulty,
        "stem": version.stem,
        "options": version.options,
        "explanation": version.explanation,
        "source": version.source,
        "key": key["written"] if version.unfinished else _written_key(version.type, key),
    }
    more = {
        "credit": key.get("credit"),
        "where": key.get("where"),
        "prompts": version.prompts,
        "variables": version.variables,
        "media": version.media,
    }
    question |= {name: value for name, value in more.items() if value}
    if version.type == "numeric" and "expression" in question["key"]:
        question["variables"] = version.variables
    return question


def _written_key(type_: str, key: Mapping[str, Any]) -> Any:
    match type_:
        case "single" | "multiple":
            return key["options"]
        case "true_false":
            return key["truth"]
        case "fill_in":
            return key["blanks"] if "blanks" in key else key["accepted"]
        case "ordering":
            return key["order"]
        case "matching":
            return key["pairs"]
        case _:
            return {name: value for name, value in key.items() if name != "where"}


def find_faults(trade_code: str, written: dict[str, Any]) -> list[Fault]:
    """Return what is wrong with a question in the form of docs/bank-format.md; only one without faults is submitted.

    Args:
        trade_code: its trade.
        written: the question.
    """
    faults = question_faults(written, queries.list_leaves(trade_code))
    if not all(one["alt"]["zh"] and one["alt"]["en"] for one in shown_in(written)):
        faults.append(Fault(N_("An image or a sound is not told in words, in Chinese and in English.")).at("media"))
    return faults


def faults_of(question: Question, version: QuestionVersion) -> list[Fault]:
    """Return what is wrong with a version of a question."""
    return find_faults(question.trade_code, written_of(version))


def create(
    trade_code: str,
    bank: int | None,
    written: dict[str, Any],
    by: Actor,
    now: datetime,
    unfinished: bool = False,
) -> Question:
    """Make a question with its first version, a draft.

    Args:
        trade_code: its trade.
        bank: the organization it belongs to; None for the shared bank.
        written: in the form of docs/bank-format.md.
        by: the author.
        now: aware UTC.
        unfinished: whether it may have faults.

    Raises: QuestionInvalid; of an unfinished one only when nothing is written.
    """
    with transaction():
        return add(trade_code, bank, written, by, now, unfinished)


def add(
    trade_code: str,
    bank: int | None,
    written: dict[str, Any],
    by: Actor,
    now: datetime,
    unfinished: bool = False,
) -> Question:
    """Do what `create` does, in the caller's transaction."""
    content = _content(trade_code, written, unfinished)
    question = new_question(trade_code, bank, by)
    add_version(question, 1, content, by.person_id, now)
    return question


def new_question(trade_code: str, bank: int | None, by: Actor, reserved: bool = False) -> Question:
    """Make a draft that has no version yet, in the caller's transaction."""
    question_id = db.session.scalar(text("select nextval(pg_get_serial_sequence('questions', 'id'))"))
    question = Question(
        id=question_id,
        code=f"{trade_code}-q{question_id}",
        trade_code=trade_code,
        state="draft",
        organization_id=bank,
        author_id=by.person_id,
        reserved=reserved,
    )
    db.session.add(question)
    db.session.flush()
    return question


def save(
    question_id: int, written: dict[str, Any], base: int, by: Actor, now: datetime, unfinished: bool = False
) -> bool:
    """Write a new version, which makes the question a draft; the version in use stays in use until it is approved.

    Args:
        question_id: the question.
        written: in the form of docs/bank-format.md.
        base: the number of the version it was written from.
        by: the author.
        now: aware UTC.
        unfinished: whether it may have faults.

    Returns: False when nothing differs from the latest version, so that nothing was written.

    Raises: QuestionInvalid; ChangedMeanwhile when there is a newer version than `base`; NotFound.
    """
    with transaction():
        return write(question_id, written, base, by, now, unfinished)


def write(
    question_id: int, written: dict[str, Any], base: int, by: Actor, now: datetime, unfinished: bool = False
) -> bool:
    """Do what `save` does, in the caller's transaction."""
    question = lock(Question, question_id)
    latest = queries_admin.get_latest(question)
    if latest.number != base:
        raise ChangedMeanwhile(number=latest.number)
    content = _content(question.trade_code, written, unfinished)
    if latest.case_group:
        content["case_group"] = latest.case_group
    return renew(question, latest, content, by, now)


def renew(question: Question, latest: QuestionVersion, content: dict[str, Any], by: Actor, now: datetime) -> bool:
    """Write a new version of a locked question unless it says the same as the latest, in the caller's transaction."""
    if same_content(latest, content):
        return False
    add_version(question, latest.number + 1, content, by.person_id, now)
    question.state = "draft"
    return True


def copy_of(version: QuestionVersion) -> dict[str, Any]:
    """Return the content of a version, for another that differs in some of it."""
    return {
        column.name: getattr(version, column.name)
        for column in QuestionVersion.__table__.columns
        if column.name not in ("id", "question_id", "number", "content_hash", "created_at", "created_by")
    }


def same_content(version: QuestionVersion, content: Mapping[str, Any]) -> bool:
    """Say whether a version says the same; numbers that differ only in how they are written do not count."""
    empty: dict[str, Any] = {"prompts": [], "variables": {}, "media": [], "case_group": None, "unfinished": False}
    return bool(_as_text(copy_of(version)) == _as_text(empty | dict(content)))


def _as_text(value: Any) -> Any:
    """Bring numbers to texts, all the way down, and every line break to one form."""
    match value:
        case bool() | None:
            return value
        case dict():
            return {key: _as_text(one) for key, one in value.items()}
        case list() | tuple():
            return [_as_text(one) for one in value]
        case _:
            return "\n".join(str(value).split("\r\n")).strip()


def _content(trade_code: str, written: dict[str, Any], unfinished: bool) -> dict[str, Any]:
    faults = find_faults(trade_code, written)
    if not faults:
        return content_of(written)
    if not unfinished:
        raise QuestionInvalid(faults)
    if not says_something(written):
        raise QuestionInvalid([Fault(N_("Nothing is written yet, so there is nothing to save."))])
    return unfinished_content(written)


def says_something(written: Mapping[str, Any]) -> bool:
    """Say whether anything but its type, topic and difficulty was written of a question."""
    key = written["key"]
    typed = [*written["stem"].values(), *written["explanation"].values(), *written["source"].values()]
    typed += [written.get(part) for part in ("options", "prompts", "media", "variables")]
    typed.append(key.get("value") or key.get("expression") if isinstance(key, dict) else key not in (None, []))
    return any(typed)


def unfinished_content(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a version for a question in the form of docs/bank-format.md that may have faults."""
    key = {"written": written["key"]} | {name: written[name] for name in ("credit", "where") if name in written}
    return {
        "type": written["type"],
        "topic_code": written["topic"] or "",
        "difficulty": written["difficulty"],
        "stem": written["stem"],
        "options": written.get("options", []),
        "key": key,
        "explanation": written["explanation"],
        "source": written["source"],
        "prompts": written.get("prompts", []),
        "variables": written.get("variables", {}),
        "media": written.get("media", []),
        "unfinished": True,
    }


def keep_media(content: bytes, person_id: int) -> dict[str, str]:
    """Keep an image or a sound that somebody brings, and return {sha256, mime}. Raises: BadMedia.

    Args:
        content: the whole file.
        person_id: who brings it.
    """
    with transaction():
        return media.keep(content, person_id)


def comment(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Say something about a question. Raises: NoReason when it is nothing; NotFound."""
    with transaction():
        question = lock(Question, question_id)
        if not body:
            raise NoReason
        _note(question, "comment", body, by, now)


def submit(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Hand a question to the reviewers. Raises: QuestionInvalid when it has faults; NotNow; NotFound.

    Args:
        question_id: the question.
        body: what the reviewers should know; may be empty.
        by: an author.
        now: aware UTC.
    """
    with transaction():
        take(question_id, "submit", body, by, now)


def withdraw(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Take a question back from the reviewers; arguments as of `submit`. Raises: NotNow; NotFound."""
    with transaction():
        take(question_id, "withdraw", body, by, now)


def send_back(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Return a question to its author.

    Args:
        question_id: the question.
        body: the reason.
        by: a reviewer.
        now: aware UTC.

    Raises: NoReason; NotNow; NotFound.
    """
    with transaction():
        take(question_id, "return", body, by, now)


def approve(question_id: int, body: str, by: Actor, now: datetime, seen: int | None = None) -> None:
    """Put the latest version into use; attempts keep the version they were drawn with.

    Args:
        question_id: the question.
        body: what to add; may be empty.
        by: a reviewer who wrote no version since the last approved one, and whose question it is not.
        now: aware UTC.
        seen: the number of the version that the reviewer has read; None leaves that unasked.

    Raises: ChangedMeanwhile when there is a newer version; OwnQuestion; CaseApart; QuestionInvalid; NotNow; NotFound.
    """
    with transaction():
        lock_case(question_id)
        _require_seen(question_id, seen)
        code = put_into_use(question_id, body, by, now)
        check_case(code)


def _require_seen(question_id: int, seen: int | None) -> None:
    """Let nobody judge what they have not read. Raises: ChangedMeanwhile; NotFound."""
    latest = queries_admin.get_latest(lock(Question, question_id))
    if seen is not None and latest.number != seen:
        raise ChangedMeanwhile(number=latest.number)


def put_into_use(question_id: int, body: str, by: Actor, now: datetime) -> str:
    """Approve one question in the caller's transaction and return the code of its case; "" without one."""
    question = take(question_id, "approve", body, by, now)
    writers = queries_admin.list_writers(question_id, after=question.current_version_id)
    if not may_judge(by.person_id, question.author_id, writers):
        raise OwnQuestion
    question.current_version_id = question.latest_version_id
    return case_code(queries_admin.get_latest(question))


def case_code(version: QuestionVersion) -> str:
    """Return the code of the case that a version belongs to; "" without one."""
    return str((version.case_group or {}).get("code", ""))


def lock_case(question_id: int) -> list[queries_admin.Listed]:
    """Lock a question and all others of its case, always in the same order, and return the case as it is now.

    Args:
        question_id: one of them.

    Returns: what `queries_admin.list_case` gives; nothing without a case.

    Raises: NotFound.
    """
    listed = queries_admin.get_listed(question_id)
    code, bank = case_code(listed.version), listed.question.organization_id
    members = queries_admin.list_case(code, bank) if code else []
    for id_ in sorted({question_id, *(one.question.id for one in members)}):
        lock(Question, id_)
    return queries_admin.list_case(code, bank) if code else []


def check_case(code: str) -> None:
    """Raise CaseApart when the questions in use of a case tell it in different words, so that no paper ever does."""
    if code and queries_admin.count_case_texts(code) > 1:
        raise CaseApart


def retire(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Take a question out of use; attempts that contain it keep it.

    Args:
        question_id: the question.
        body: the reason.
        by: a reviewer.
        now: aware UTC.

    Raises: NoReason; NotNow; NotFound.
    """
    with transaction():
        take(question_id, "retire", body, by, now).current_version_id = None


def offer(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Offer an approved question of an organization's own bank to the shared one.

    Args:
        question_id: the question.
        body: what to add; may be empty.
        by: an author or reviewer of that organization.
        now: aware UTC.

    Raises: NotNow when it is not approved, shared already or offered already; NotFound.
    """
    with transaction():
        question = take(question_id, "offer", body, by, now)
        if question.organization_id is None or question.offered_at is not None:
            raise NotNow(state=question.state)
        question.offered_at = now


def decline(question_id: int, body: str, by: Actor, now: datetime) -> None:
    """Leave an offered question where it is.

    Args:
        question_id: the question.
        body: the reason.
        by: a reviewer of the shared bank.
        now: aware UTC.

    Raises: NoReason; NotNow; NotFound.
    """
    with transaction():
        question = take(question_id, "decline", body, by, now)
        _end_offer(question)


def adopt(question_id: int, body: str, by: Actor, now: datetime, seen: int | None = None) -> None:
    """Take an offered question into the shared bank; its author stays its author.

    Args:
        question_id: the question.
        body: what to add; may be empty.
        by: a reviewer of the shared bank who wrote none of its versions.
        now: aware UTC.
        seen: as for `approve`.

    Raises: ChangedMeanwhile; OwnQuestion; NotNow; NotFound.
    """
    with transaction():
        _require_seen(question_id, seen)
        question = take(question_id, "adopt", body, by, now)
        if not may_judge(by.person_id, question.author_id, queries_admin.list_writers(question_id)):
            raise OwnQuestion
        _end_offer(question)
        question.organization_id = None


def _end_offer(question: Question) -> None:
    if question.offered_at is None:
        raise NotNow(state=question.state)
    question.offered_at = None


def set_reserved(question_id: int, reserved: bool, body: str, by: Actor, now: datetime) -> None:
    """Keep a question for official use, or release it for practice.

    Args:
        question_id: the question.
        reserved: True keeps it.
        body: why.
        by: a reviewer.
        now: aware UTC.

    Raises: NoReason; NotNow when it is so already; NotFound.
    """
    with transaction():
        question = lock(Question, question_id)
        if question.reserved == reserved:
            raise NotNow(state=question.state)
        question.reserved = reserved
        if reserved:
            if not body:
                raise NoReason
            _note(question, "comment", body, by, now)
        else:
            take(question_id, "release", body, by, now)


def set_reserved_together(
    question_ids: Collection[int], reserved: bool, body: str, by: Actor, now: datetime
) -> list[int]:
    """Do the same with many questions in the caller's transaction, which leaves one trace for all of them.

    Args:
        question_ids: the questions; those that are so already are left out.
        reserved: as of `set_reserved`, like the rest.
        body: why.
        by: who decides.
        now: aware UTC.

    Returns: the questions that were changed.
    """
    found = db.session.scalars(
        select(Question)
        .where(Question.id.in_(question_ids), Question.reserved.is_(not reserved))
        .order_by(Question.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for question in found:
        question.reserved = reserved
        _note(question, "comment" if reserved else "released", body, by, now)
    return [question.id for question in found]


_NEXT = {"submit": "submitted", "withdraw": "draft", "return": "draft", "approve": "approved", "retire": "retired"}
_KINDS = {
    "submit": "submitted",
    "withdraw": "comment",
    "return": "returned",
    "approve": "approved",
    "retire": "retired",
    "offer": "offered",
    "decline": "declined",
    "adopt": "adopted",
    "release": "released",
}
_WITH_REASON = {"return", "retire", "decline", "release"}


def take(question_id: int, step: str, body: str, by: Actor, now: datetime) -> Question:
    """Take one step in the caller's transaction: the new state, the note, the trace.

    Args:
        question_id: the question.
        step: a name of `rules.life.STEPS`, or "release".
        body: what is said with it.
        by: who takes it.
        now: aware UTC.

    Raises: QuestionInvalid when a question with faults is submitted or approved; NoReason; NotNow; NotFound.
    """
    question = lock(Question, question_id)
    if not may_take(step, question.state):
        raise NotNow(state=question.state)
    if step in ("submit", "approve") and (faults := faults_of(question, queries_admin.get_latest(question))):
        raise QuestionInvalid(faults)
    if step in _WITH_REASON and not body:
        raise NoReason
    question.state = _NEXT.get(step, question.state)
    if body or step != "withdraw":
        _note(question, _KINDS[step], body, by, now)
    if step in AUDITED:
        audit.record(
            f"question.{step}",
            "question",
            question_id,
            person_id=by.person_id,
            organization_id=by.node_id,
            why=body,
            code=question.code,
            version=question.latest_version_id,
        )
    return question


def _note(question: Question, kind: str, body: str, by: Actor, now: datetime) -> None:
    db.session.add(
        QuestionNote(
            question_id=question.id,
            version_id=question.latest_version_id,
            person_id=by.person_id,
            kind=kind,
            body=body,
            at=now,
        )
    )


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What a topic shall be called, and its share among its siblings in percent."""

    code: str
    name_zh: str
    name_en: str
    weight: int | None


def edit_topics(trade_code: str, changes: Sequence[TopicChange], by: Actor) -> None:
    """Change names and weights of a trade's topics; a bank file does not change them back.

    Args:
        trade_code: the trade.
        changes: every topic of the trade.
        by: who decides.

    Raises: Fault when the weights of a level do not sum to 100; NotFound when a topic is not of the trade.
    """
    with transaction():
        topics = {topic.code: lock(Topic, (trade_code, topic.code)) for topic in queries.list_topics(trade_code)}
        if set(topics) != {change.code for change in changes}:
            raise NotFound(what="topic")
        if bad_weights((topics[change.code].parent_code, change.weight) for change in changes):
            raise Fault(N_("The weights do not sum to 100."))
        for change in changes:
            topic = topics[change.code]
            topic.name_zh, topic.name_en, topic.weight = change.name_zh, change.name_en, change.weight
        audit.record("topics.edit", "topics", person_id=by.person_id, organization_id=by.node_id, trade=trade_code)
