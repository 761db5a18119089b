"""What a file of questions holds, and what importing it would do: read apart, completed, checked, compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import or_, select

from core.database import db
from questions import media, queries
from questions.formats.neutral import Column, Item, Note, Place, Reading, note
from questions.formats.sandbox import read_apart
from questions.formats.settle import Defaults, fingerprints, settle
from questions.models import Question, QuestionVersion
from questions.rules import N_, shown_in
from questions.services import content_of, question_faults

STEP = 250
"""After how many questions progress is told."""
MOST_PLACES = 20
"""How many places a report names of each thing it says."""
MOST_LINES = 2_000
"""How many problems a report keeps one by one."""
PREVIEW = 8

Progress = Callable[[int, int], None]


class Settings(msgspec.Struct, frozen=True):
    """How a file is taken in.

    Attributes:
        topic: code of the topic of questions that name none; "" makes that a problem.
        difficulty: of questions that name none.
        source: of questions that name none; "" is the name of the file.
        mapping: by heading the field a column is taken for, "" for none; headings left out are guessed.
        duplicates: whether questions that the bank or the file has already are imported too.
        leave_out: whether questions with problems are left out; else nothing is imported while there are any.
    """

    topic: str = ""
    difficulty: int = 3
    source: str = ""
    mapping: dict[str, str] = {}
    duplicates: bool = False
    leave_out: bool = False


class Spot(msgspec.Struct):
    """A place in the file, and what is said there besides the sentence of its group."""

    place: Place
    said: str = ""


class Group(msgspec.Struct):
    """One thing that is said of several questions: the sentence, what fills it ("…" where that differs), how often,
    and where."""

    text: str
    values: dict[str, str]
    count: int
    spots: list[Spot]


class Line(msgspec.Struct):
    """A problem of one question, with the beginning of its text."""

    note: Note
    stem: str


class Twin(msgspec.Struct):
    """A question that is there already: its place and text, and the bank's question or the place of the other."""

    place: Place
    stem: str
    code: str = ""
    question_id: int = 0
    other: Place | None = None


class Sample(msgspec.Struct):
    """A question as it would be imported: the content of its version, where it stands, what is said of it."""

    place: Place
    content: dict[str, Any]
    warnings: list[Note]


class Report(msgspec.Struct):
    """What a file holds and what importing it would do."""

    found: int = 0
    ready: int = 0
    faulty: int = 0
    twins: int = 0
    types: dict[str, int] = {}
    topics: dict[str, int] = {}
    problems: list[Group] = []
    warnings: list[Group] = []
    lines: list[Line] = []
    notes: list[Note] = []
    twin_list: list[Twin] = []
    samples: list[Sample] = []
    columns: list[Column] = []


@dataclass(frozen=True, slots=True)
class Plan:
    """What to take in: a file for a trade into a bank, compared with the questions of some banks."""

    filename: str
    body: bytes
    trade: str
    bank: int | None
    compare: frozenset[int | None]
    settings: Settings


@dataclass
class Examined:
    """A file that has been read and checked: its format, the contents to import, their media, and the report."""

    format: str
    contents: list[dict[str, Any]] = field(default_factory=list)
    media: list[bytes] = field(default_factory=list)
    report: Report = field(default_factory=Report)


def _silent(done: int, total: int) -> None:
    pass


def examine(plan: Plan, progress: Progress = _silent) -> Examined:
    """Read and check a file; nothing is changed.

    Args:
        plan: what to take in.
        progress: told how many questions are checked, and how many there are.

    Raises: Refused when it cannot be read at all.
    """
    code, reading = read_apart("", plan.filename, plan.body, plan.settings.mapping)
    leaves = queries.list_leaves(plan.trade)
    settings = plan.settings
    defaults = Defaults(
        settings.topic if settings.topic in leaves else "", settings.difficulty, settings.source or plan.filename
    )
    for number, item in enumerate(reading.items):
        _check(item, leaves, defaults, reading.media)
        if number % STEP == 0:
            progress(number, len(reading.items))
    progress(len(reading.items), len(reading.items))
    _check_cases(reading.items)
    twins = _find_twins(reading.items, _bank_prints(plan))
    return _examined(code, reading, settings, twins)


def _check(item: Item, leaves: Mapping[str, Mapping[str, str]], defaults: Defaults, files: Mapping[str, bytes]) -> None:
    """Complete one question and say what is wrong with it; its images and sounds go by the hash of their content."""
    settle(item, leaves, defaults)
    question = item.question
    for shown in shown_in(question):
        content = files[shown.pop("file")]
        shown |= media.name_of(content)
    if not item.problems:
        item.problems += [Note(one.text, one.values, item.place) for one in question_faults(question, leaves)]


def _check_cases(items: Sequence[Item]) -> None:
    """A case is imported whole: a question with a problem keeps the others of its case back."""
    torn = {item.question["case"] for item in items if item.problems and "case" in item.question}
    for item in items:
        if item.question.get("case") in torn and not item.problems:
            item.problems.append(note(N_("Another question of its case has a problem."), item.place))


def _print_of(question: Mapping[str, Any], case_stem: Mapping[str, str] | None) -> list[str]:
    return fingerprints({**question, "case": case_stem.get("zh", "") if case_stem else ""})


def _bank_prints(plan: Plan) -> dict[str, tuple[int, str]]:
    """Return the fingerprints of the questions of the banks compared with, each with the question's id and code."""
    own = Question.organization_id.in_([bank for bank in plan.compare if bank is not None])
    rows = db.session.execute(
        select(
            Question.id,
            Question.code,
            QuestionVersion.stem,
            QuestionVersion.options,
            QuestionVersion.prompts,
            QuestionVersion.media,
            QuestionVersion.case_group,
        )
        .join(QuestionVersion, QuestionVersion.id == Question.latest_version_id)
        .where(
            Question.trade_code == plan.trade,
            Question.state != "retired",
            or_(own, Question.organization_id.is_(None)) if None in plan.compare else own,
        )
    )
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        question = {"stem": row.stem, "options": row.options, "prompts": row.prompts, "media": row.media}
        for one in _print_of(question, row.case_group["stem"] if row.case_group else None):
            found.setdefault(one, (row.id, row.code))
    return found


def _find_twins(items: Sequence[Item], bank: Mapping[str, tuple[int, str]]) -> dict[int, Twin]:
    """Return by their number the questions that the bank or the file before them has already."""
    seen: dict[str, Place] = {}
    twins: dict[int, Twin] = {}
    for number, item in enumerate(items):
        if item.problems:
            continue
        prints = _print_of(item.question, item.case_stem)
        known = next((bank[one] for one in prints if one in bank), None)
        before = next((seen[one] for one in prints if one in seen), None)
        if known:
            twins[number] = Twin(item.place, _stem(item), known[1], known[0])
        elif before is not None:
            twins[number] = Twin(item.place, _stem(item), other=before)
        for one in prints:
            seen.setdefault(one, item.place)
    whole = Counter(item.question.get("case") for item in items)
    twin_cases = Counter(items[number].question.get("case") for number in twins)
    return {
        number: twin
        for number, twin in twins.items()
        if not (case := items[number].question.get("case")) or twin_cases[case] == whole[case]
    }


def _stem(item: Item) -> str:
    stem = item.question.get("stem") or {}
    return str(stem.get("zh") or stem.get("en") or stem.get("") or "")[:120]


def _examined(code: str, reading: Reading, settings: Settings, twins: Mapping[int, Twin]) -> Examined:
    items = reading.items
    ready = [
        item for number, item in enumerate(items) if not item.problems and (settings.duplicates or number not in twins)
    ]
    cases = {
        item.question["case"]: {"id": item.question["case"], "stem": item.case_stem}
        for item in ready
        if "case" in item.question
    }
    contents = [content_of(item.question, cases) for item in ready]
    used = {one["sha256"] for content in contents for one in shown_in(content)}
    kept = [body for body in reading.media.values() if media.name_of(body)["sha256"] in used]
    found = Examined(code, contents, kept)
    found.report = Report(
        found=len(items),
        ready=len(ready),
        faulty=sum(bool(item.problems) for item in items),
        twins=len(twins),
        types=dict(Counter(content["type"] for content in contents)),
        topics=dict(Counter(content["topic_code"] for content in contents)),
        problems=_grouped(one for item in items for one in item.problems),
        warnings=_grouped(one for item in ready for one in item.warnings),
        lines=[Line(one, _stem(item)) for item in items for one in item.problems][:MOST_LINES],
        notes=_first(reading.notes),
        twin_list=list(twins.values())[:MOST_PLACES],
        samples=_samples(ready, contents),
        columns=reading.columns,
    )
    return found


def _first(notes: Sequence[Note]) -> list[Note]:
    """Return the first notes on a file and how many more there are."""
    more = len(notes) - MOST_PLACES
    counted = [note(N_("There are %(count)s more notes like these."), count=more)] if more > 0 else []
    return [*notes[:MOST_PLACES], *counted]


def _grouped(notes: Iterable[Note]) -> list[Group]:
    """Gather notes by their sentence, the most frequent first."""
    same: dict[str, list[Note]] = defaultdict(list)
    for one in notes:
        same[one.text].append(one)
    groups = []
    for text, found in same.items():
        differing = {name for name in found[0].values if len({one.values.get(name) for one in found}) > 1}
        values = {name: "…" if name in differing else value for name, value in found[0].values.items()}
        spots = [
            Spot(one.place, ", ".join(one.values.get(name, "") for name in sorted(differing)))
            for one in found[:MOST_PLACES]
        ]
        groups.append(Group(text, values, len(found), spots))
    return sorted(groups, key=lambda group: -group.count)


def _samples(ready: Sequence[Item], contents: Sequence[dict[str, Any]]) -> list[Sample]:
    """Choose some questions to show: the first of each type, then those that follow."""
    first: dict[str, int] = {}
    for number, content in enumerate(contents):
        first.setdefault(content["type"], number)
    chosen = sorted({*first.values(), *range(min(PREVIEW, len(ready)))}, key=lambda at: (at not in first.values(), at))
    return [Sample(ready[at].place, contents[at], ready[at].warnings) for at in sorted(chosen[:PREVIEW])]
