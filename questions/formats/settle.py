"""From what a file says to a question that a bank can keep: both languages, topic, difficulty, explanation, source."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from questions.formats.neutral import Item, Words, flat, has_han, note
from questions.rules import N_, normalise, shown_in

LONGEST_TEXT = 10_000
"""Characters of one text."""

_ANSWER_IS = {"zh": "正确答案：", "en": "Right answer: "}
_TRUTH = {True: {"zh": "正确", "en": "true"}, False: {"zh": "错误", "en": "false"}}
_SENTENCE = re.compile(r"[^\W\d_]{2,}.*\s.*[^\W\d_]{2,}", re.DOTALL)
_CODE = re.compile(r"\[([\w-]+)\]\s*$")
_TEX = re.compile(r"\\[(\[]|\$\$")
_MARKUP = re.compile(r"&(?:nbsp|lt|gt|amp|quot|#\d+);|<(?:br|p|div|span|img|su[bp])\b[^<>]*>", re.IGNORECASE)


class Defaults(msgspec.Struct, frozen=True):
    """What stands in for what a file does not say.

    Attributes:
        topic: the code of a topic without topics under it; "" for none.
        difficulty: 1 to 5.
        source: e.g. "safety training 2024".
    """

    topic: str = ""
    difficulty: int = 3
    source: str = ""


def settle(item: Item, topics: Mapping[str, Mapping[str, str]], defaults: Defaults) -> None:
    """Complete a question in place; what was assumed becomes a warning, what cannot be a problem.

    Args:
        item: as read; one that already has problems is completed as far as it goes.
        topics: the trade's topics without topics under them, {zh, en} by code.
        defaults: what the person who imports says of the whole file.
    """
    question = item.question
    missing = False
    for text in [*texts_of(question), *([item.case_stem] if item.case_stem else [])]:
        missing |= _complete(text)
        if any(len(text.get(language, "")) > LONGEST_TEXT for language in ("zh", "en")):
            item.problems.append(note(N_("A text is longer than %(most)s characters."), item.place, most=LONGEST_TEXT))
    if missing:
        item.warnings.append(
            note(N_("Translation missing: what is there stands for both languages. Add the other one."), item.place)
        )
    if any(_TEX.search(str(text.get("zh", ""))) for text in texts_of(question)):
        item.warnings.append(
            note(N_("It holds a formula in TeX, which is shown as it is typed. Write it in plain signs."), item.place)
        )
    if any(_MARKUP.search(str(text.get("zh", ""))) for text in texts_of(question)):
        item.warnings.append(
            note(N_("It holds HTML, which is shown as it is typed. Write it in plain signs."), item.place)
        )
    _settle_topic(item, topics, defaults.topic)
    if "difficulty" not in question:
        question["difficulty"] = defaults.difficulty
        item.warnings.append(note(N_("The file gives no difficulty: the one you chose was taken."), item.place))
    if not question.get("source"):
        question["source"] = {"zh": defaults.source, "en": defaults.source}
        item.warnings.append(note(N_("The file gives no source: the one you chose was taken."), item.place))
    if not question.get("stem") and not item.problems:
        item.problems.append(note(N_("The question has no text."), item.place))
    if not question.get("explanation") and not item.problems:
        question["explanation"] = _answer_in_words(question)
        item.warnings.append(
            note(N_("There is no explanation: it now repeats the right answer. Add why it is right."), item.place)
        )


def texts_of(question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every bilingual text of a question that is not empty."""
    for name in ("stem", "explanation", "source"):
        if question.get(name):
            yield question[name]
    yield from [*question.get("options", []), *question.get("prompts", [])]
    for shown in shown_in(question):
        yield shown.setdefault("alt", {})
    key = question.get("key")
    if isinstance(key, dict) and key.get("unit"):
        yield key["unit"]


def _complete(text: dict[str, Any]) -> bool:
    """Give a text both languages; say whether one of them is a mere copy of words in the other."""
    if "" in text:
        plain = text.pop("")
        text["zh" if has_han(plain) else "en"] = plain
    if bool(text.get("zh")) == bool(text.get("en")):
        return False
    given = text.get("zh") or text["en"]
    text |= {"zh": given, "en": given}
    return has_han(given) or bool(_SENTENCE.search(given))


def _settle_topic(item: Item, topics: Mapping[str, Mapping[str, str]], default: str) -> None:
    found = next((code for name in reversed(item.topics) if (code := find_topic(name, topics))), "")
    item.question["topic"] = found or default
    if found:
        return
    said = item.topics[-1] if item.topics else ""
    if not default:
        text = N_("The topic “%(topic)s” is not one of the trade. Correct it, or choose a topic for such questions.")
        if not said:
            text = N_("The file gives no topic. Choose one for questions without a topic.")
        item.problems.append(note(text, item.place, topic=said[:80]))
    elif said:
        text = N_("The topic “%(topic)s” is not one of the trade: the one you chose was taken.")
        item.warnings.append(note(text, item.place, topic=said[:80]))
    else:
        item.warnings.append(note(N_("The file gives no topic: the one you chose was taken."), item.place))


def find_topic(said: str, topics: Mapping[str, Mapping[str, str]]) -> str:
    """Return the code of the topic that a file names by code, "name [code]" or a name in either language; else ""."""
    coded = _CODE.search(said)
    for wanted in ([coded[1]] if coded else []) + [said]:
        if wanted in topics:
            return wanted
    plain = normalise(said)
    for code, names in topics.items():
        if plain and plain in (normalise(code), normalise(names["zh"]), normalise(names["en"])):
            return code
    return ""


def _answer_in_words(question: Mapping[str, Any]) -> Words:
    return {language: prefix + _answer(question, language) for language, prefix in _ANSWER_IS.items()}


def _answer(question: Mapping[str, Any], language: str) -> str:
    key = question.get("key")
    options = {option["id"]: flat(str(option.get(language, ""))) for option in question.get("options", [])}
    gap = "；" if language == "zh" else "; "
    match question.get("type"), key:
        case (("single" | "multiple"), list()):
            return gap.join(options.get(one, "") for one in key)
        case "ordering", list():
            return " → ".join(options.get(one, "") for one in key)
        case "true_false", bool():
            return _TRUTH[key][language]
        case "fill_in", list():
            return gap.join(str(one[0] if isinstance(one, list) and one else one) for one in key)
        case "matching", dict():
            prompts = {prompt["id"]: flat(str(prompt.get(language, ""))) for prompt in question.get("prompts", [])}
            return gap.join(f"{prompts.get(one, '')} – {options.get(other, '')}" for one, other in key.items())
        case "numeric", dict():
            value = "{answer}" if "expression" in key else str(key.get("value", ""))
            return f"{value} {(key.get('unit') or {}).get(language, '')}".strip()
    return ""


def fingerprints(question: Mapping[str, Any]) -> list[str]:
    """Return by what two questions are known to ask the same: their words in one language without punctuation, case
    and white space, options in any order."""
    found = []
    for language in ("zh", "en"):
        stem = _bare(question["stem"].get(language, ""))
        parts = sorted(
            _bare(str(part.get(language, ""))) for part in [*question.get("options", []), *question.get("prompts", [])]
        )
        pictures = sorted(str(one.get("sha256") or one.get("file")) for one in question.get("media", []))
        case = str(question.get("case", "")) if question.get("case") else ""
        found.append("\x1f".join([language, case, stem, *parts, *pictures]))
    return found


def _bare(text: str) -> str:
    return "".join(sign for sign in normalise(text) if unicodedata.category(sign)[0] in "LNS")
