"""Loading question banks: repeatable, and a changed question becomes a new version, never an edit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from sqlalchemy import select

from core import clock
from core.database import db, transaction
from core.models import AuditEntry
from questions import media
from questions.checks import bank_problems
from questions.errors import BankInvalid
from questions.models import Question, QuestionVersion, Topic, Trade
from questions.rules import CASE_SIZE, DIFFICULTIES, N_, TYPES, Fault
from questions.rules.life import bad_weights


@dataclass
class Loaded:
    """What a load did: how many questions were new, got a new version, or stood as they were."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    trades: list[str] = field(default_factory=list)


def load_banks(folder: Path) -> Loaded:
    """Load trades.yaml and every other bank of a folder in one transaction; doing it again changes nothing.

    Args:
        folder: where the YAML files lie.

    Raises: BankInvalid with every fault of every file at once; nothing is loaded then.
    """
    trades, banks = read_banks(folder)
    codes = {trade["code"] for trade in trades}
    problems = [f"{path.name}: {problem}" for path, bank in banks.items() for problem in find_problems(bank, codes)]
    files: list[bytes] = []
    for path, bank in banks.items() if not problems else ():
        contents, faults = media.read_files(bank, folder / "media" / bank["trade"])
        files += contents
        problems += [f"{path.name}: {fault}" for fault in faults]
    if problems:
        raise BankInvalid(problems)
    loaded = Loaded()
    with transaction():
        for position, trade in enumerate(trades, 1):
            db.session.merge(Trade(code=trade["code"], name_zh=trade["zh"], name_en=trade["en"], position=position))
        db.session.flush()
        for content in files:
            media.keep(content)
        for bank in banks.values():
            _load_bank(bank, loaded)
    return loaded


def read_banks(folder: Path) -> tuple[list[Any], dict[Path, Any]]:
    """Return the trades of a folder, and every bank by its path, as parsed from YAML."""
    trades = yaml.load((folder / "trades.yaml").read_bytes(), yaml.CSafeLoader)["trades"]
    paths = [path for path in sorted(folder.glob("*.yaml")) if path.name != "trades.yaml"]
    return trades, {path: yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in paths}


def check_banks(folder: Path) -> list[str]:
    """Return one sentence for each fault of the banks of a folder: what keeps one from being loaded, else what an
    examiner would not let pass.

    Args:
        folder: where the YAML files lie.
    """
    trades, banks = read_banks(folder)
    codes = {trade["code"] for trade in trades}
    return [
        f"{path.name}: {problem}"
        for path, bank in banks.items()
        for problem in find_problems(bank, codes)
        or media.read_files(bank, folder / "media" / bank["trade"])[1] + bank_problems(bank)
    ]


def find_problems(bank: Any, trade_codes: set[str]) -> list[str]:
    """Return one sentence for each fault of a bank as parsed from YAML; an empty list when it can be loaded."""
    if not isinstance(bank, dict) or bank.get("trade") not in trade_codes:
        return ["the trade is not one of trades.yaml"]
    problems = _topic_problems(bank["topics"])
    inner = {topic.get("parent") for topic in bank["topics"]}
    leaves = {topic["code"] for topic in bank["topics"]} - inner
    cases = {case["id"]: case for case in bank.get("cases", [])}
    problems += [f"{code}: a text lacks zh or en" for code, case in cases.items() if not _is_text(case.get("stem"))]
    members = Counter(question.get("case") for question in bank["questions"])
    problems += [f"{code}: a case has {CASE_SIZE} questions" for code in cases if members[code] != CASE_SIZE]
    seen: set[str] = set()
    for question in bank["questions"]:
        code = str(question.get("id"))
        if code in seen:
            problems.append(f"{code}: the id stands twice")
        seen.add(code)
        if question.get("case") not in {None, *cases}:
            problems.append(f"{code}: the case is not listed")
        problems += [f"{code}: {problem}" for problem in question_problems(question, leaves)]
    return problems


def _topic_problems(topics: list[dict[str, Any]]) -> list[str]:
    known = {None, *(topic["code"] for topic in topics)}
    stray = [topic["code"] for topic in topics if topic.get("parent") not in known]
    bad = bad_weights((topic.get("parent"), topic.get("weight")) for topic in topics)
    return [f"topic {code}: its parent is not listed" for code in stray] + [
        f"topics under {parent or 'the trade'}: the weights do not sum to 100" for parent in bad
    ]


def _is_text(text: Any) -> bool:
    return isinstance(text, dict) and bool(text.get("zh")) and bool(text.get("en"))


def question_problems(question: dict[str, Any], topics: Collection[str]) -> list[str]:
    """Return one sentence for each fault of a question in the form of docs/bank-format.md; arguments as below."""
    return [str(fault) for fault in question_faults(question, topics)]


_LACKS = {
    "stem_zh": N_("The question has no Chinese text yet."),
    "stem_en": N_("The question has no English text yet."),
    "explanation_zh": N_("The explanation has no Chinese text yet."),
    "explanation_en": N_("The explanation has no English text yet."),
    "source_zh": N_("The source has no Chinese text yet."),
    "source_en": N_("The source has no English text yet."),
}
_PART_LACKS = {
    "options": N_("Option or step %(name)s lacks its Chinese or its English."),
    "prompts": N_("%(name)s on the left lacks its Chinese or its English."),
}


def question_faults(question: dict[str, Any], topics: Collection[str]) -> list[Fault]:
    """Return what is wrong with a question in the form of docs/bank-format.md.

    Args:
        question: as parsed from YAML.
        topics: the codes of the topics it may have.
    """
    faults = []
    type_ = question.get("type")
    if type_ not in TYPES:
        return [Fault(N_("The type %(type)s is not known."), type=type_)]
    if not question.get("topic"):
        faults.append(Fault(N_("Choose a topic.")).at("topic"))
    elif question["topic"] not in topics:
        faults.append(Fault(N_("The topic is not one of the trade, or has topics under it.")).at("topic"))
    if question.get("difficulty") not in DIFFICULTIES:
        faults.append(Fault(N_("The difficulty is not a number from 1 to 5.")).at("difficulty"))
    lacking = _lacking(question)
    if question.get("options") and not TYPES[type_].has_options:
        faults.append(Fault(N_("Only single and multiple choice, ordering and matching have options.")).at("options"))
    try:
        TYPES[type_].read_key(question)
    except Fault as fault:
        if not fault.part or fault.part not in {one.part for one in lacking}:
            lacking.append(fault)
    except (KeyError, TypeError, ValueError) as fault:
        if not lacking:
            faults.append(Fault(N_("The answer lacks a part, or a part of it cannot be read: %(part)s"), part=fault))
    return faults + lacking


def _lacking(question: dict[str, Any]) -> list[Fault]:
    """Return a fault for each text that lacks one of its languages."""
    found = []
    for at, sentence in _LACKS.items():
        name, _, language = at.partition("_")
        text = question.get(name)
        if not isinstance(text, dict) or not text.get(language):
            found.append(Fault(sentence).at(at))
    for part, sentence in _PART_LACKS.items():
        found += [
            Fault(sentence, name=str(one.get("id", "")).upper()).at(part)
            for one in question.get(part, [])
            if not _is_text(one)
        ]
    return found


def content_of(question: dict[str, Any], cases: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the columns of a version for a question in the form of docs/bank-format.md; it must have no problems."""
    content = {
        "type": question["type"],
        "topic_code": question["topic"],
        "difficulty": question["difficulty"],
        "stem": question["stem"],
        "options": question.get("options", []),
        "key": TYPES[question["type"]].read_key(question),
        "explanation": question["explanation"],
        "source": question["source"],
    }
    case = (cases or {}).get(question.get("case", ""))
    more = {
        "prompts": question.get("prompts"),
        "variables": question.get("variables"),
        "media": question.get("media"),
        "case_group": case and {"code": case["id"], "stem": case["stem"], "media": case.get("media", [])},
    }
    return content | {name: value for name, value in more.items() if value}


def hash_of(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a version's content, in hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def add_version(question: Question, number: int, content: dict[str, Any], by: int | None, now: datetime) -> None:
    """Write a version of a question, in the caller's transaction.

    Args:
        question: locked or new.
        number: of the version.
        content: its columns.
        by: who wrote it; None for a bank's file.
        now: aware UTC.
    """
    version = QuestionVersion(
        question_id=question.id,
        number=number,
        content_hash=hash_of(content),
        created_at=now,
        created_by=by,
        **content,
    )
    db.session.add(version)
    db.session.flush()
    question.latest_version_id = version.id


def _load_bank(bank: dict[str, Any], loaded: Loaded) -> None:
    """Load one bank. What people changed in the browser stays until the file itself says something new."""
    trade = bank["trade"]
    loaded.trades.append(trade)
    _load_topics(trade, bank["topics"])
    cases = {case["id"]: case for case in bank.get("cases", [])}
    known = {
        question.code: question for question in db.session.scalars(select(Question).where(Question.trade_code == trade))
    }
    loaded_last: dict[int, str] = {}
    numbers: Counter[int] = Counter()
    for version in db.session.execute(
        select(
            QuestionVersion.question_id,
            QuestionVersion.number,
            QuestionVersion.created_by,
            QuestionVersion.content_hash,
        )
        .join(Question, Question.id == QuestionVersion.question_id)
        .where(Question.trade_code == trade)
        .order_by(QuestionVersion.number)
    ):
        numbers[version.question_id] = version.number
        if version.created_by is None:
            loaded_last[version.question_id] = version.content_hash
    for entry in bank["questions"]:
        content = content_of(entry, cases)
        question = known.get(entry["id"])
        if question is None:
            question = Question(code=entry["id"], trade_code=trade, state="approved")
            db.session.add(question)
            db.session.flush()
            loaded.new += 1
        elif loaded_last.get(question.id) == hash_of(content):
            loaded.unchanged += 1
            continue
        else:
            loaded.changed += 1
        add_version(question, numbers[question.id] + 1, content, None, clock.now())
        if question.state != "retired":
            question.state, question.current_version_id = "approved", question.latest_version_id


def _load_topics(trade: str, topics: list[dict[str, Any]]) -> None:
    of_trade = AuditEntry.details["trade"].astext == trade
    edited = db.session.scalar(select(AuditEntry.id).where(AuditEntry.subject == "topics", of_trade).limit(1))
    for position, topic in enumerate(topics, 1):
        if edited and db.session.get(Topic, (trade, topic["code"])):
            continue
        db.session.merge(
            Topic(
                trade_code=trade,
                code=topic["code"],
                name_zh=topic["zh"],
                name_en=topic["en"],
                position=position,
                parent_code=topic.get("parent"),
                weight=topic.get("weight"),
            )
        )
