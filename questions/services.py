"""Loading question banks: repeatable, and a changed question becomes a new version, never an edit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import yaml
from sqlalchemy import select

from core import clock
from core.database import db, transaction
from questions.errors import BankInvalid
from questions.models import Question, QuestionVersion, Topic, Trade
from questions.rules import DIFFICULTIES, TYPES, normalise


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
    problems: list[str] = []
    topics = {topic["code"] for topic in bank["topics"]}
    seen: set[str] = set()
    for question in bank["questions"]:
        code = str(question.get("id"))
        if code in seen:
            problems.append(f"{code}: the id stands twice")
        seen.add(code)
        problems += [f"{code}: {problem}" for problem in _question_problems(question, topics)]
    return problems


def _question_problems(question: dict[str, Any], topics: set[str]) -> list[str]:
    problems = []
    type_ = question.get("type")
    if type_ not in TYPES:
        return [f"type {type_!r} is unknown"]
    if question.get("topic") not in topics:
        problems.append("the topic is not listed")
    if question.get("difficulty") not in DIFFICULTIES:
        problems.append("the difficulty is not 1 to 5")
    options = question.get("options", [])
    texts = [question.get(part) for part in ("stem", "explanation", "source")] + options
    if any(not isinstance(text, dict) or not text.get("zh") or not text.get("en") for text in texts):
        problems.append("a text lacks zh or en")
    try:
        _key(question)
    except (KeyError, TypeError, ValueError, InvalidOperation) as fault:
        problems.append(f"the key cannot be: {fault}")
    return problems


def _key(question: dict[str, Any]) -> dict[str, Any]:
    """Turn a bank file's key into the stored form. Raises ValueError, KeyError or TypeError where it makes no sense."""
    key, type_ = question["key"], question["type"]
    ids = [option["id"] for option in question.get("options", [])]
    if type_ in ("single", "multiple"):
        if len(ids) < 2 or len(set(ids)) != len(ids) or not set(key) <= set(ids) or len(set(key)) != len(key):
            raise ValueError("it must name distinct options that exist")
        if (type_ == "single") != (len(key) == 1):
            raise ValueError("a single choice has one right option, a multiple choice two or more")
        return {"options": sorted(key)}
    if ids:
        raise ValueError("only single and multiple have options")
    if type_ == "true_false":
        if not isinstance(key, bool):
            raise ValueError("it must be true or false")
        return {"truth": key}
    if type_ == "fill_in":
        if not key or any(not normalise(str(spelling)) for spelling in key):
            raise ValueError("it must list accepted spellings")
        return {"accepted": [str(spelling) for spelling in key]}
    if Decimal(key["tolerance"]) < 0:
        raise ValueError("a tolerance is not negative")
    unit = key.get("unit") or {"zh": "", "en": ""}
    return {"value": str(Decimal(key["value"])), "tolerance": str(Decimal(key["tolerance"])), "unit": unit}


def _load_bank(bank: dict[str, Any], loaded: Loaded) -> None:
    trade = bank["trade"]
    loaded.trades.append(trade)
    for position, topic in enumerate(bank["topics"], 1):
        db.session.merge(
            Topic(trade_code=trade, code=topic["code"], name_zh=topic["zh"], name_en=topic["en"], position=position)
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
        content = {
            "type": entry["type"],
            "topic_code": entry["topic"],
            "difficulty": entry["difficulty"],
            "stem": entry["stem"],
            "options": entry.get("options", []),
            "key": _key(entry),
            "explanation": entry["explanation"],
            "source": entry["source"],
        }
        content_hash = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
        question = known.get(entry["id"])
        if question is None:
            question = Question(code=entry["id"], trade_code=trade, state="published")
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
        question.current_version_id = version.id
