"""What GIFT and Moodle XML have no field for, as tags that Moodle keeps: difficulty:3, credit:all, unit-zh:千焦."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from questions.formats.neutral import Item, credit_of, fractions, number, settle_credit
from questions.rules import CREDITS, TYPES, Fault


def tags_of(question: Mapping[str, Any]) -> list[str]:
    """Return what the fields of Moodle's formats do not say of a question."""
    tags = [f"difficulty:{question['difficulty']}"]
    kind, key, credit = question["type"], question["key"], question.get("credit", "all")
    if kind == "multiple":
        shares = fractions(question)
        if credit != credit_of(share for id_, share in shares.items() if id_ not in key):
            tags.append(f"credit:{credit}")
    elif credit == "all" and (kind == "matching" or (kind == "fill_in" and isinstance(key[0], list))):
        tags.append("credit:all")
    elif kind == "numeric":
        tags += [f"unit-{language}:{text}" for language, text in (key.get("unit") or {}).items() if text]
        if str(key["tolerance"]).endswith("%"):
            tags.append(f"tolerance:{key['tolerance']}")
        tags += [f"step-{name}:{bounds['step']}" for name, bounds in question.get("variables", {}).items()]
        if question.get("where"):
            tags.append(f"where:{question['where']}")
    return tags


def apply_tags(item: Item, tags: Iterable[str]) -> None:
    """Take what tags say into a question that has been read; tags of other systems mean nothing."""
    question = item.question
    said = dict(tag.split(":", 1) for tag in tags if ":" in tag)
    if re.fullmatch("[1-5]", said.get("difficulty", "")):
        question["difficulty"] = int(said["difficulty"])
    credits = TYPES[question["type"]].credits if question.get("type") in TYPES else ()
    if said.get("credit") in CREDITS and said["credit"] in credits:
        settle_credit(question, said["credit"])
    key = question.get("key")
    if question.get("type") != "numeric" or not isinstance(key, dict):
        return
    unit = {language: said[f"unit-{language}"].strip() for language in ("zh", "en") if f"unit-{language}" in said}
    if unit:
        key["unit"] = unit
    if "tolerance" in said and "value" in key:
        key["tolerance"] = _relative(said["tolerance"], key)
    for name, bounds in question.get("variables", {}).items():
        if f"step-{name}" in said:
            bounds["step"] = number(said[f"step-{name}"])
    if "where" in said and "variables" in question:
        question["where"] = said["where"].strip()


def _relative(said: str, key: Mapping[str, Any]) -> str:
    """Return a tolerance in percent if it is what the file gives as a number; else the number."""
    try:
        share = Decimal(number(said.removesuffix("%")))
    except Fault:
        return str(key["tolerance"])
    wanted = abs(Decimal(key["value"])) * share / 100
    return said if said.endswith("%") and wanted == Decimal(key["tolerance"]) else str(key["tolerance"])
