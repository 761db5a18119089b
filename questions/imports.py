"""The life of an import: a file is kept and checked, imported as drafts or not at all, and undone while unused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import structlog
from sqlalchemy import and_, exists, insert, or_, select, text, update

from accounts.models import Person
from core import audit, clock, jobs, retention
from core.database import db, lock, transaction
from core.errors import NotFound
from questions import media
from questions.access import IMPORTERS, banks_of
from questions.authoring import Actor
from questions.errors import ImportInUse, ImportNotNow
from questions.examining import STEP, Examined, Plan, Report, Settings, examine
from questions.formats.neutral import Note, Refused, note
from questions.models import Question, QuestionImport, QuestionNote, QuestionVersion
from questions.rules import N_
from questions.services import hash_of

log = structlog.get_logger(__name__)

KEPT_FOR = timedelta(days=7)
"""How long a file waits to be imported."""
UNDER_WAY = ("waiting", "reading", "importing")
UNUSED = ("draft", "submitted")
"""The states of questions that no paper can hold."""
_FINAL = ("done", "discarded", "undone")


def begin(
    filename: str, body: bytes, trade_code: str, bank: int | None, by: Actor, now: datetime, settings: Settings
) -> QuestionImport:
    """Keep a file and have it read and checked in the background; files that nobody imported are dropped after a week.

    Args:
        filename: its name.
        body: its bytes, at most `formats.neutral.LARGEST_FILE`.
        trade_code: the trade its questions are for.
        bank: the organization whose bank they go to; None for the shared one.
        by: who brings it.
        now: aware UTC.
        settings: how it is taken in.
    """
    with transaction():
        db.session.execute(
            update(QuestionImport)
            .where(QuestionImport.state.not_in(_FINAL), QuestionImport.created_at < now - KEPT_FOR)
            .values(state="discarded", body=None, report={}, finished_at=now)
        )
        import_ = QuestionImport(
            person_id=by.person_id,
            node_id=by.node_id,
            organization_id=bank,
            trade_code=trade_code,
            filename=filename,
            settings=msgspec.to_builtins(settings),
            body=body,
            created_at=now,
        )
        db.session.add(import_)
        db.session.flush()
        jobs.defer(check_in_background, import_id=import_.id)
    return import_


def check_again(import_id: int, settings: Settings) -> None:
    """Have a file checked again with other settings. Raises: ImportNotNow; NotFound."""
    with transaction():
        import_ = _locked(import_id, ("checked", "failed"))
        import_.state, import_.error = "waiting", None
        import_.done = import_.total = 0
        import_.settings = msgspec.to_builtins(settings)
        jobs.defer(check_in_background, import_id=import_id)


def take_in(import_id: int) -> None:
    """Have a checked file imported in the background. Raises: ImportNotNow, also while it has problems; NotFound."""
    with transaction():
        import_ = _locked(import_id, ("checked",))
        if not may_take_in(get_report(import_), get_settings(import_)):
            raise ImportNotNow(state=import_.state)
        import_.state, import_.error = "importing", None
        import_.done = import_.total = 0
        jobs.defer(import_in_background, import_id=import_id)


def may_take_in(report: Report, settings: Settings) -> bool:
    """Say whether a checked file may be imported: something is ready, and nothing has a problem unless left out."""
    return report.ready > 0 and (settings.leave_out or not report.faulty)


def discard(import_id: int, now: datetime) -> None:
    """Drop a file that is not imported; one that is being read is stopped. Raises: ImportNotNow; NotFound."""
    with transaction():
        import_ = _locked(import_id, ("waiting", "reading", "checked", "failed"))
        import_.state, import_.body, import_.report, import_.finished_at = "discarded", None, {}, now


def undo(import_id: int, by: Actor, now: datetime) -> int:
    """Take an import back while none of its questions has been approved: they are retired, and may come in again.

    Args:
        import_id: the import.
        by: who decides.
        now: aware UTC.

    Returns: how many questions were retired.

    Raises: ImportInUse; ImportNotNow; NotFound.
    """
    with transaction():
        import_ = _locked(import_id, ("done",))
        questions = list(
            db.session.scalars(
                select(Question).where(Question.import_id == import_id).order_by(Question.id).with_for_update()
            )
        )
        used = sum(one.current_version_id is not None or one.state not in UNUSED for one in questions)
        if used:
            raise ImportInUse(count=used)
        for one in questions:
            one.state = "retired"
        db.session.add_all(
            QuestionNote(
                question_id=one.id,
                version_id=one.latest_version_id,
                person_id=by.person_id,
                kind="retired",
                body=import_.filename,
                at=now,
            )
            for one in questions
        )
        import_.state, import_.finished_at = "undone", now
        audit.record(
            "questions.import_undo",
            "question_import",
            import_id,
            person_id=by.person_id,
            organization_id=by.node_id,
            questions=len(questions),
        )
        return len(questions)


def submit_all(import_id: int, by: Actor, now: datetime) -> int:
    """Hand all drafts of an import to the reviewers, but for those that somebody left unfinished.

    Args:
        import_id: the import.
        by: an author of the bank.
        now: aware UTC.

    Returns: how many were handed in.

    Raises: ImportNotNow; NotFound.
    """
    with transaction():
        _locked(import_id, ("done",))
        whole = exists().where(QuestionVersion.id == Question.latest_version_id, ~QuestionVersion.unfinished)
        submitted = db.session.execute(
            update(Question)
            .where(Question.import_id == import_id, Question.state == "draft", whole)
            .values(state="submitted")
            .returning(Question.id, Question.latest_version_id)
        ).all()
        notes = [
            {"question_id": id_, "version_id": version_id, "person_id": by.person_id, "kind": "submitted", "at": now}
            for id_, version_id in submitted
        ]
        if notes:
            db.session.execute(insert(QuestionNote), notes)
        db.session.expire_all()
        return len(notes)


def _locked(import_id: int, states: Sequence[str]) -> QuestionImport:
    import_ = lock(QuestionImport, import_id)
    if import_.state not in states:
        raise ImportNotNow(state=import_.state)
    return import_


def get_import(import_id: int) -> QuestionImport:
    """Return an import. Raises: NotFound."""
    import_ = db.session.get(QuestionImport, import_id)
    if import_ is None:
        raise NotFound(what="QuestionImport")
    return import_


def get_report(import_: QuestionImport) -> Report:
    """Return what the last check found; nothing where an earlier release wrote it in another form."""
    try:
        return msgspec.convert(import_.report, Report)
    except msgspec.ValidationError:
        return Report()


def get_settings(import_: QuestionImport) -> Settings:
    """Return how the file is taken in."""
    return msgspec.convert(import_.settings, Settings)


def get_error(import_: QuestionImport) -> Note | None:
    """Return why it failed, or None."""
    return msgspec.convert(import_.error, Note) if import_.error else None


@dataclass(frozen=True, slots=True)
class Used:
    """What has become of the questions of an import: how many are in which state."""

    states: dict[str, int]

    @property
    def undoable(self) -> bool:
        """Whether none has been approved or retired."""
        return bool(self.states) and set(self.states) <= set(UNUSED)


def find_use(import_id: int) -> Used:
    """Return what has become of an import's questions; one that was approved once counts as approved."""
    rows = db.session.execute(
        select(Question.state, Question.current_version_id.is_not(None)).where(Question.import_id == import_id)
    )
    return Used(dict(Counter("approved" if used else state for state, used in rows)))


def list_imports(banks: Iterable[int | None], page: int, size: int) -> tuple[list[QuestionImport], bool]:
    """Return a page of the imports into some banks, the latest first, and whether more follow.

    Args:
        banks: organizations, None for the shared bank.
        page: from 1.
        size: how many a page has.
    """
    wanted = set(banks)
    own = QuestionImport.organization_id.in_([bank for bank in wanted if bank is not None])
    rows = list(
        db.session.scalars(
            select(QuestionImport)
            .where(or_(own, QuestionImport.organization_id.is_(None)) if None in wanted else own)
            .order_by(QuestionImport.created_at.desc(), QuestionImport.id.desc())
            .limit(size + 1)
            .offset((page - 1) * size)
        )
    )
    return rows[:size], len(rows) > size


def find_names(person_ids: Iterable[int]) -> dict[int, str]:
    """Return the names of people by id."""
    rows = db.session.execute(select(Person.id, Person.name).where(Person.id.in_(set(person_ids))))
    return {person_id: name for person_id, name in rows}  # noqa: C416 - dict() of rows is not typed


class _Stopped(Exception):
    """Somebody discarded the import meanwhile."""


def check(import_id: int) -> None:
    """Read and check a file, anew when a killed worker had begun it; whatever goes wrong is written into its row.

    Args:
        import_id: the import; one that is past that is left alone.
    """
    with transaction():
        import_ = lock(QuestionImport, import_id)
        if import_.state not in ("waiting", "reading"):
            return
        import_.state = "reading"
        plan = _plan_of(import_)
    found = _attempt(import_id, "reading", plan)
    if found is not None:
        _end(import_id, "reading", "checked", format=found.format, report=msgspec.to_builtins(found.report))


def run(import_id: int) -> None:
    """Import a file that was checked: it is read and checked once more, for the bank may have changed meanwhile.

    Args:
        import_id: the import; one that nobody asked for is left alone.
    """
    with transaction():
        import_ = lock(QuestionImport, import_id)
        if import_.state != "importing":
            return
        plan = _plan_of(import_)
        by = Actor(import_.person_id or 0, import_.node_id or 0)
    found = _attempt(import_id, "importing", plan)
    if found is None:
        return
    report = msgspec.to_builtins(found.report)
    if not may_take_in(found.report, plan.settings):
        changed = note(N_("The bank has changed since the file was checked. Look at the report again."))
        _end(import_id, "importing", "checked", report=report, error=msgspec.to_builtins(changed))
        return
    try:
        with transaction():
            import_ = lock(QuestionImport, import_id)
            if import_.state != "importing":
                return
            keep(found, plan, by, import_id, clock.now())
            import_.state, import_.body, import_.report = "done", None, report
            import_.imported = import_.done = import_.total = len(found.contents)
            import_.finished_at = clock.now()
    except Exception:
        log.exception("import_failed", import_id=import_id)
        _end(import_id, "importing", "failed", error=msgspec.to_builtins(note(INTERNAL)))


INTERNAL = N_(
    "Something went wrong on our side. Check the file again; if it fails again, tell whoever runs the platform."
)


def _plan_of(import_: QuestionImport) -> Plan:
    reached = set(banks_of(import_.person_id, IMPORTERS)) if import_.person_id else {None}
    return Plan(
        import_.filename,
        import_.body or b"",
        import_.trade_code,
        import_.organization_id,
        frozenset({import_.organization_id} | ({None} & reached)),
        get_settings(import_),
    )


def _attempt(import_id: int, state: str, plan: Plan) -> Examined | None:
    """Examine a file; None when it was stopped, or failed and that is written down."""
    try:
        return examine(plan, lambda done, total: _note_progress(import_id, state, done, total))
    except _Stopped:
        return None
    except Refused as refusal:
        _end(import_id, state, "failed", error=msgspec.to_builtins(refusal.note))
    except Exception:
        log.exception("import_failed", import_id=import_id)
        _end(import_id, state, "failed", error=msgspec.to_builtins(note(INTERNAL)))
    finally:
        db.session.rollback()
    return None


def _note_progress(import_id: int, state: str, done: int, total: int) -> None:
    """Write progress on a connection of its own. Raises: _Stopped."""
    with db.engine.begin() as connection:
        result = connection.execute(
            update(QuestionImport)
            .where(QuestionImport.id == import_id, QuestionImport.state == state)
            .values(done=done, total=total)
        )
    if result.rowcount == 0:
        raise _Stopped


def _end(import_id: int, state: str, next_state: str, **values: Any) -> None:
    with transaction():
        import_ = lock(QuestionImport, import_id)
        if import_.state == state:
            import_.state = next_state
            for name, value in values.items():
                setattr(import_, name, value)


def keep(found: Examined, plan: Plan, by: Actor, import_id: int, now: datetime) -> None:
    """Add the examined questions to the bank as drafts, in the caller's transaction, and leave a trace.

    Args:
        found: what `examine` gave.
        plan: what it was given.
        by: their author; the person 0 is the system itself.
        import_id: the import they belong to.
        now: aware UTC.
    """
    author = by.person_id or None
    for body in found.media:
        media.keep(body, author)
    ids = _new_ids(len(found.contents))
    questions = [
        {
            "id": id_,
            "code": f"{plan.trade}-q{id_}",
            "trade_code": plan.trade,
            "state": "draft",
            "organization_id": plan.bank,
            "author_id": author,
            "import_id": import_id,
        }
        for id_ in ids
    ]
    versions = [
        {
            "question_id": id_,
            "number": 1,
            "content_hash": hash_of(content),
            "created_at": now,
            "created_by": author,
            "prompts": [],
            "variables": {},
            "media": [],
            "case_group": None,
            **_own_case(content, import_id),
        }
        for id_, content in zip(ids, found.contents, strict=True)
    ]
    for low, high in pairwise([*range(0, len(ids), STEP), len(ids)]):
        db.session.execute(insert(Question), questions[low:high])
        db.session.execute(insert(QuestionVersion), versions[low:high])
    db.session.execute(
        text(
            "update questions q set latest_version_id = v.id from question_versions v"
            " where v.question_id = q.id and q.import_id = :import_id"
        ),
        {"import_id": import_id},
    )
    db.session.expire_all()
    audit.record(
        "questions.import",
        "question_import",
        import_id,
        person_id=author,
        organization_id=by.node_id or None,
        file=plan.filename,
        trade=plan.trade,
        questions=len(ids),
    )


def import_now(found: Examined, plan: Plan, now: datetime) -> int:
    """Import an examined file at once, for a command, and return the import's id.

    Args:
        found: what `examine` gave.
        plan: what it was given.
        now: aware UTC.
    """
    with transaction():
        import_ = QuestionImport(
            organization_id=plan.bank,
            trade_code=plan.trade,
            filename=plan.filename,
            format=found.format,
            state="done",
            settings=msgspec.to_builtins(plan.settings),
            report=msgspec.to_builtins(found.report),
            done=len(found.contents),
            total=len(found.contents),
            imported=len(found.contents),
            created_at=now,
            finished_at=now,
        )
        db.session.add(import_)
        db.session.flush()
        keep(found, plan, Actor(0, plan.bank or 0), import_.id, now)
        return import_.id


def _new_ids(count: int) -> list[int]:
    wanted = text("select nextval(pg_get_serial_sequence('questions', 'id')) from generate_series(1, :count)")
    return list(db.session.scalars(wanted, {"count": count}))


def _own_case(content: dict[str, Any], import_id: int) -> dict[str, Any]:
    """Give the case of a content a code that no other file's case has."""
    case = content.get("case_group")
    return content | ({"case_group": {**case, "code": f"i{import_id}-{case['code']}"}} if case else {})


def _give_up(import_id: int) -> None:
    for state in ("reading", "importing"):
        _end(import_id, state, "failed", error=msgspec.to_builtins(note(INTERNAL)))


@jobs.task(given_up=_give_up, name="questions.check_import")
def check_in_background(import_id: int) -> None:
    """Read and check one file."""
    check(import_id)


@jobs.task(given_up=_give_up, name="questions.run_import")
def import_in_background(import_id: int) -> None:
    """Import one file."""
    run(import_id)


retention.register(
    QuestionImport,
    lambda before: and_(
        QuestionImport.created_at < before, QuestionImport.state.in_(("waiting", "checked", "failed", "discarded"))
    ),
)
