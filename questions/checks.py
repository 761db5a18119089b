"""What is wrong with a bank besides what keeps it from being loaded: what an examiner would not let pass. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from questions.rules import TYPES, normalise

LONGEST_SHARE = 0.40
"""On how many of a bank's choices the right option may be the longest one; chance gives 0.25 with four options."""
POSITION_SHARE = 0.40
"""On how many single choices the right option may stand at one place."""
LEAST = 120
"""How many questions a bank must have."""
FORBIDDEN = ("以上都", "以上皆", "以上全", "all of the above", "none of the above")


def bank_problems(bank: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each thing an examiner would not let pass in a bank that can be loaded.

    Args:
        bank: as parsed from YAML, in the form of docs/bank-format.md.
    """
    questions: Sequence[Mapping[str, Any]] = bank["questions"]
    problems = []
    if len(questions) < LEAST:
        problems.append(f"{len(questions)} questions, fewer than {LEAST}")
    missing = set(TYPES) - {question["type"] for question in questions}
    if missing:
        problems.append(f"no question of type {', '.join(sorted(missing))}")
    problems += _pattern_problems(questions) + _duplicates(questions)
    topics = {topic["code"] for topic in bank["topics"]} - {topic.get("parent") for topic in bank["topics"]}
    unused = topics - {question["topic"] for question in questions}
    problems += [f"topic {code}: no question" for code in sorted(unused)]
    for question in questions:
        problems += [f"{question['id']}: {problem}" for problem in _question_problems(question)]
    return problems


def _question_problems(question: Mapping[str, Any]) -> list[str]:
    problems = []
    options = question.get("options", [])
    words = [text.casefold() for option in options for text in (option["zh"], option["en"])]
    if any(phrase in word for word in words for phrase in FORBIDDEN):
        problems.append("an option refers to all or none of the others")
    for language in ("zh", "en"):
        texts = [normalise(option[language]) for option in options]
        if len(set(texts)) < len(texts):
            problems.append(f"two options are the same in {language}")
    return problems


def _pattern_problems(questions: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a guesser would learn: the right option is the longest, or stands at one place."""
    problems = []
    singles = [question for question in questions if question["type"] == "single"]
    for language in ("zh", "en"):
        longest = 0
        for question in singles:
            lengths = {option["id"]: len(option[language]) for option in question["options"]}
            right = lengths.pop(question["key"][0])
            longest += right > max(lengths.values())
        if singles and longest > LONGEST_SHARE * len(singles):
            problems.append(
                f"the right option is the longest in {longest} of {len(singles)} single choices ({language})"
            )
    places = Counter(
        [option["id"] for option in question["options"]].index(question["key"][0]) + 1 for question in singles
    )
    problems += [
        f"the right option is number {place} in {count} of {len(singles)} single choices"
        for place, count in places.items()
        if count > POSITION_SHARE * len(singles)
    ]
    truths = [question["key"] for question in questions if question["type"] == "true_false"]
    if truths and not 0.3 <= sum(truths) / len(truths) <= 0.7:
        problems.append(f"{sum(truths)} of {len(truths)} statements are true")
    return problems


def _duplicates(questions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Questions that ask the same in the same words."""
    known: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for question in questions:
        options = sorted(normalise(option["zh"]) for option in question.get("options", []))
        known[normalise(question["stem"]["zh"]), str(question.get("case")), *options].append(question["id"])
    return [f"{', '.join(codes)} ask the same" for codes in known.values() if len(codes) > 1]
