"""Loading question banks: repeatable, and a changed question becomes a new version, never an edit."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml
from sqlalchemy import select

from core import clock
from core.database import db, transaction
from questions.errors import BankInvalid
from questions.models import Question, QuestionVersion, Topic, Trade
from questions.rules import CASE_SIZE, DIFFICULTIES, TYPES


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
    trades = yaml.safe_load((folder / "trades.yaml").read_text(encoding="utf-8"))["trades"]
    banks = {
        path: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.yaml"))
        if path.name != "trades.yaml"
    }
    codes = {trade["code"] for trade in trades}
    problems = [f"{path.name}: {problem}" for path, bank in banks.items() for problem in find_problems(bank, codes)]
    if problems:
        raise BankInvalid(problems)
    loaded = Loaded()
    with transaction():
        for position, trade in enumerate(trades, 1):
            db.session.merge(Trade(code=trade["code"], name_zh=trade["zh"], name_en=trade["en"], position=position))
        db.session.flush()
        for bank in banks.values():
            _load_bank(bank, loaded)
    return loaded


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
    problems = []
    codes = {topic["code"] for topic in topics}
    weights: dict[str | None, list[int | None]] = defaultdict(list)
    for topic in topics:
        if topic.get("parent") not in {None, *codes}:
            problems.append(f"topic {topic['code']}: its parent is not listed")
        weights[topic.get("parent")].append(topic.get("weight"))
    for parent, given in weights.items():
        if any(given) and sum(weight or 0 for weight in given) != 100:
            problems.append(f"topics under {parent or 'the trade'}: the weights do not sum to 100")
    return problems


def _is_text(text: Any) -> bool:
    return isinstance(text, dict) and bool(text.get("zh")) and bool(text.get("en"))


def question_problems(question: dict[str, Any], topics: Collection[str]) -> list[str]:
    """Return one sentence for each fault of a question in the form of docs/bank-format.md.

    Args:
        question: as parsed from YAML.
        topics: the codes of the topics it may have.
    """
    problems = []
    type_ = question.get("type")
    if type_ not in TYPES:
        return [f"type {type_!r} is unknown"]
    if question.get("topic") not in topics:
        problems.append("the topic is not listed, or has topics under it")
    if question.get("difficulty") not in DIFFICULTIES:
        problems.append("the difficulty is not 1 to 5")
    parts = [*question.get("options", []), *question.get("prompts", [])]
    if not all(
        _is_text(text) for text in [*(question.get(part) for part in ("stem", "explanation", "source")), *parts]
    ):
        return [*problems, "a text lacks zh or en"]
    if question.get("options") and not TYPES[type_].has_options:
        problems.append("only single, multiple, ordering and matching have options")
    try:
        TYPES[type_].read_key(question)
    except (KeyError, TypeError, ValueError) as fault:
        problems.append(f"the key cannot be: {fault}")
    return problems


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


def _load_bank(bank: dict[str, Any], loaded: Loaded) -> None:
    trade = bank["trade"]
    cases = {case["id"]: case for case in bank.get("cases", [])}
    loaded.trades.append(trade)
    for position, topic in enumerate(bank["topics"], 1):
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
    known = {
        question.code: question for question in db.session.scalars(select(Question).where(Question.trade_code == trade))
    }
    current = {
        version.id: version
        for version in db.session.scalars(
            select(QuestionVersion)
            .join(Question, Question.current_version_id == QuestionVersion.id)
            .where(Question.trade_code == trade)
        )
    }
    for entry in bank["questions"]:
        content = content_of(entry, cases)
        content_hash = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
        question = known.get(entry["id"])
        if question is None:
            question = Question(code=entry["id"], trade_code=trade, state="approved")
            db.session.add(question)
            db.session.flush()
            number = 1
            loaded.new += 1
        else:
            latest = current[question.current_version_id or 0]
            if latest.content_hash == content_hash:
                loaded.unchanged += 1
                continue
            number = latest.number + 1
            loaded.changed += 1
        version = QuestionVersion(
            question_id=question.id, number=number, content_hash=content_hash, created_at=clock.now(), **content
        )
        db.session.add(version)
        db.session.flush()
        question.current_version_id = question.latest_version_id = version.id
