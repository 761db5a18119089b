"""GIFT, as Moodle documents it (docs.moodle.org/en/GIFT_format) and as its importer reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from questions.formats.markup import Html, feedback_html, to_html
from questions.formats.neutral import (
    MOST_QUESTIONS,
    ONE_LANGUAGE,
    CannotHold,
    Item,
    Note,
    Place,
    Reading,
    Refused,
    Words,
    WriteOptions,
    Writing,
    decode,
    flat,
    fraction_of,
    fractions,
    labelled,
    note,
    number,
    percent,
    shortest,
)
from questions.formats.shared import (
    ESSAY,
    joined,
    path_of,
    read_choice,
    read_formatted,
    read_matching,
    read_numeric,
    read_short,
    refuse_in_moodle,
    settle_feedback,
)
from questions.formats.tags import apply_tags, tags_of
from questions.rules import N_, Fault

_ESCAPED = "~=#{}:\\"
_HIDDEN = {sign: chr(0xF0000 + at) for at, sign in enumerate(_ESCAPED + "\n")}
"""Signs that a backslash took their meaning from, while the rest is cut apart."""
_SHOWN = str.maketrans({hidden: sign for sign, hidden in _HIDDEN.items()})
_FORMAT = re.compile(r"\s*\[(html|markdown|plain|moodle)\]")
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d+)?)%")
_TAG = re.compile(r"\[(id|tag):((?:\\\]|[^\]])+)\]")
_ORDER = re.compile(r">\s*\d*\s*(?:ALL|RANDOM|CONTIGUOUS|EXACT|REL|CONTIG)?\b[^\n]*\n", re.IGNORECASE)
_TRUTHS = {"T": True, "TRUE": True, "F": False, "FALSE": False}


class _Skipped(Exception):
    """Not a question: a category, a description, an empty block."""


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read questions in GIFT.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    text, notes = decode(body)
    reading = Reading(items=[], notes=notes)
    category: list[str] = []
    for line, lines in _blocks(text):
        tags, rest = _comments(lines)
        if not rest.strip():
            continue
        if rest.lstrip().startswith("$CATEGORY:"):
            category = path_of(rest.lstrip().split("\n")[0][len("$CATEGORY:") :])
            continue
        item = Item({}, Place(line=line), list(category), None, [], [])
        try:
            _read_question(_hide(rest), item)
            item.question.update(("id", value) for name, value in tags if name == "id")
            apply_tags(item, [value for name, value in tags if name == "tag"])
        except _Skipped:
            reading.notes.append(note(N_("A description without a question was left out."), item.place))
            continue
        except Fault as fault:
            item.problems.append(Note(fault.text, fault.values, item.place))
        reading.items.append(item)
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    return reading


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the blocks between empty lines, each with the number of its first line that is no comment."""
    block: list[str] = []
    began = 0
    for at, line in enumerate([*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""], 1):
        if line.strip():
            if not began and not line.lstrip().startswith("//"):
                began = at
            block.append(line)
        elif block:
            yield began or at - len(block), block
            block, began = [], 0


def _comments(lines: Sequence[str]) -> tuple[list[tuple[str, str]], str]:
    """Take the comment lines out of a block and return the ids and tags they hold."""
    said = [line for line in lines if line.strip().startswith("//")]
    rest = "\n".join(line for line in lines if not line.strip().startswith("//"))
    return [(name, value.replace("\\]", "]").strip()) for name, value in _TAG.findall("\n".join(said))], rest


def _hide(text: str) -> str:
    text = "".join(sign for sign in text if not 0xF0000 <= ord(sign) <= 0xF00FF)
    return re.sub(
        r"\\([~=#{}:\\n])", lambda found: _HIDDEN["\n" if found[1] == "n" else found[1]], text, flags=re.DOTALL
    )


def _show(text: str) -> str:
    return text.translate(_SHOWN)


def _html(text: str, kind: str) -> Html:
    """Read a text that may say its own format; else it has that of the question."""
    found = _FORMAT.match(text)
    if found:
        text, kind = text[found.end() :], found[1]
    return read_formatted(_show(text).strip(), kind)


def _read_question(text: str, item: Item) -> None:
    question = item.question
    text = text.strip()
    title = ""
    if text.startswith("::") and (ends := text.find("::", 2)) > 0:
        title, text = text[2:ends], text[ends + 2 :].strip()
    start, end = text.find("{"), text.find("}")
    if start < 0 and end < 0:
        raise _Skipped
    if start < 0 or end < start:
        raise Fault(N_("A brace is missing. Answers stand between { and }; a brace that is text is written \\{."))
    answer, tail = text[start + 1 : end].strip(), text[end + 1 :].strip()
    if "{" in tail or "::" in tail:
        raise Fault(N_("Two questions stand together. Put an empty line between them."))
    tail = re.sub(r'^["\';]+$', "", tail)
    gap = "" if re.match(r"[\s.,;:!?。，；：！？]", tail) else " "
    stem = text[:start] + (f"_____{gap}{tail}" if tail else "")
    found = _FORMAT.match(stem)
    kind = found[1] if found else "moodle"
    answer, cut, general = answer.rpartition("####") if "####" in answer else (answer, "", "")
    said = _html(stem, kind)
    question["stem"] = said.text or _html(title, "plain").text
    feedback = _html(general, kind) if cut else Html({}, {})
    _read_answer(answer.strip(), kind, item)
    settle_feedback(question, feedback)
    if said.media or feedback.media:
        item.warnings.append(note(N_("GIFT holds no images: those it refers to were left out."), item.place))


def _read_answer(answer: str, kind: str, item: Item) -> None:
    if not answer:
        raise Fault(ESSAY)
    if answer.startswith(">"):
        _read_ordering(answer, kind, item)
    elif answer.startswith("#"):
        _read_numeric(answer[1:], item)
    elif "~" in answer:
        _read_choice(answer, kind, item)
    elif "=" in answer and "->" in answer:
        _read_matching(answer, kind, item)
    elif answer.split("#")[0].strip().upper() in _TRUTHS:
        _read_truth(answer, kind, item)
    else:
        _read_short(answer, kind, item)


def _weighed(answer: str) -> tuple[Fraction | None, str, str]:
    """Cut a weight and a feedback off an answer; the weight is a share of the points."""
    weight = None
    found = _WEIGHT.match(answer)
    if found:
        weight, answer = fraction_of(found[1]) / 100, answer[found.end() :]
    text, _, feedback = answer.partition("#")
    return weight, text.strip(), feedback.strip()


def _explain(item: Item, remarks: Sequence[tuple[Words, Words, bool]]) -> None:
    """Keep feedback on single answers: that on the right one, or else each with the answer it is about."""
    kept = []
    for answer, feedback, right in remarks:
        if feedback and right:
            kept.append(feedback)
        elif feedback:
            label = next(iter(answer.values()), "")
            kept.append({language: f"{answer.get(language, label)}: {text}" for language, text in feedback.items()})
    if kept:
        item.question["explanation"] = joined(kept)


def _read_choice(answer: str, kind: str, item: Item) -> None:
    pieces = [piece for piece in re.split(r"(?=[~=])", answer) if piece.strip()]
    texts, shares, remarks = [], [], []
    for piece in pieces:
        weight, text, feedback = _weighed(piece[1:].strip())
        texts.append(_html(text, kind).text)
        shares.append(weight if weight is not None else Fraction(piece[0] == "="))
        remarks.append((texts[-1], _html(feedback, kind).text, shares[-1] > 0))
    read_choice(item, texts, shares, any(piece[0] == "=" for piece in pieces))
    _explain(item, remarks)


def _read_truth(answer: str, kind: str, item: Item) -> None:
    said, _, feedback = answer.partition("#")
    truth = _TRUTHS[said.strip().upper()]
    item.question |= {"type": "true_false", "key": truth}
    remarks = [text for one in reversed(feedback.split("#")) if (text := _html(one, kind).text)]
    if remarks:
        item.question["explanation"] = joined(remarks)


def _read_short(answer: str, kind: str, item: Item) -> None:
    answers, remarks = [], []
    for piece in re.split("=", answer):
        if piece.strip():
            weight, text, feedback = _weighed(piece.strip())
            spelled = _show(_FORMAT.sub("", text, count=1))
            answers.append((spelled, Fraction(1) if weight is None else weight))
            remarks.append(({"": flat(spelled)}, _html(feedback, kind).text, answers[-1][1] >= 1))
    read_short(item, answers)
    _explain(item, remarks)


def _read_numeric(answer: str, item: Item) -> None:
    answer = answer.split("~")[0]
    found = []
    for piece in re.split("=", answer):
        if not piece.strip():
            continue
        weight, text, feedback = _weighed(_show_colons(piece.strip()))
        share = Fraction(1) if weight is None else weight
        if text == "*":
            continue
        found.append((*_value(text), share))
        if feedback and share >= 1:
            item.question["explanation"] = _html(feedback, "moodle").text
    read_numeric(item, found)


def _show_colons(text: str) -> str:
    return text.replace(_HIDDEN[":"], ":")


def _value(text: str) -> tuple[str, str]:
    """Read 3, 3:0.5 or 2..4 as a value and a tolerance."""
    if ".." in text:
        low, high = (Decimal(number(part)) for part in text.split("..", 1))
        return shortest(str((low + high) / 2)), shortest(str(abs(high - low) / 2))
    value, _, tolerance = text.partition(":")
    return number(value), number(tolerance or "0")


def _read_matching(answer: str, kind: str, item: Item) -> None:
    pairs = []
    for piece in answer.split("="):
        if piece.strip():
            if "->" not in piece:
                raise Fault(N_("A pair of a matching lacks its ->."))
            left, right = piece.split("->", 1)
            pairs.append((_html(left, kind).text, _html(right, "html").text))
    read_matching(item, pairs)


def _read_ordering(answer: str, kind: str, item: Item) -> None:
    head = _ORDER.match(answer)
    if not head:
        raise Fault(N_("The steps of an ordering stand one a line after the line that begins with >."))
    steps = [text for line in answer[head.end() :].split("\n") if (text := _html(line, kind).text)]
    question = item.question
    question |= {"type": "ordering", "options": labelled(steps)}
    question["key"] = [option["id"] for option in question["options"]]
    if "ALL_OR_NOTHING" not in head[0].upper():
        question["credit"] = "each"


# ---------- writing ----------


def write(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write questions in GIFT; arguments as `workbook.write_csv`."""
    writing = Writing(b"", 0, {}, [])
    blocks: list[str] = []
    topic = ""
    for question in questions:
        try:
            block = _written(question, options)
        except CannotHold as fault:
            writing.notes.setdefault(str(question["id"]), []).append(fault.note)
            writing.left_out.append(str(question["id"]))
            continue
        if question["topic"] != topic:
            topic = question["topic"]
            blocks.append(f"$CATEGORY: $course$/top/{options.trade or 'questions'}/{topic.replace('/', '//')}")
        if options.language and question["stem"]["zh"] != question["stem"]["en"]:
            writing.notes.setdefault(str(question["id"]), []).append(note(ONE_LANGUAGE))
        blocks.append(block)
        writing.count += 1
    writing.body = ("\n\n".join(blocks) + "\n").encode()
    return writing


def _escape(text: str) -> str:
    """Take their meaning from the signs that have one, and keep the text on its line."""
    return re.sub(r"([~=#{}:\\])", r"\\\1", text).replace("\n", "\\n")


def _written(question: Mapping[str, Any], options: WriteOptions) -> str:
    refuse_in_moodle(question, drawn=False)
    parts = [*question.get("options", []), *question.get("prompts", [])]
    if question.get("media") or any("image" in part for part in parts):
        raise CannotHold(N_("GIFT cannot hold images or sounds; choose Moodle XML or QTI."))
    language = options.language
    head = " ".join(
        f"[{name}:{flat(value).replace(']', chr(92) + ']')}]"
        for name, value in [("id", str(question["id"])), *(("tag", tag) for tag in tags_of(question))]
    )
    name = _escape(flat(question["stem"][language or "zh"])[:80])
    stem = _escape(f"<p>{to_html(question['stem'], language)}</p>")
    general = _escape(feedback_html(question, language))
    return f"// {head}\n::{name}::[html]{stem}{{{_answer(question, language)}\n\t####{general}\n}}"


def _inline(text: Mapping[str, str], language: str) -> str:
    """Write an option or a pair's side: HTML that does not begin like a weight or the name of a format."""
    html = to_html(text, language)
    return _escape(f"&#{ord(html[0])};{html[1:]}" if html[0] in "%[" else html)


def _answer(question: Mapping[str, Any], language: str) -> str:
    key, kind = question["key"], question["type"]
    shown = {part["id"]: _inline(part, language) for part in question.get("options", [])}
    match kind:
        case "single":
            return "".join(f"\n\t{'=' if one in key else '~'}{text}" for one, text in shown.items())
        case "multiple":
            shares = fractions(question)
            return "".join(f"\n\t~%{percent(shares[one])}%{text}" for one, text in shown.items())
        case "true_false":
            return "TRUE" if key else "FALSE"
        case "fill_in":
            if any("->" in spelling for spelling in key):
                raise CannotHold(N_("An accepted answer holds ->, which GIFT takes for a pair."))
            return "".join(f"\n\t=%100%{_spelled(spelling)}" for spelling in key)
        case "numeric":
            tolerance = str(key["tolerance"])
            if tolerance.endswith("%"):
                tolerance = f"{abs(Decimal(str(key['value']))) * Decimal(tolerance[:-1]) / 100:f}"
            return f"#\n\t=%100%{key['value']}:{tolerance}"
        case "ordering":
            grading = "ABSOLUTE_POSITION" if question.get("credit") == "each" else "ALL_OR_NOTHING"
            lines = "\n".join(f"<p>{shown[one]}</p>" for one in key)
            return f">{len(key)} ALL VERTICAL {grading} SHOW\n{lines}"
        case _:
            prompts = {part["id"]: _inline(part, language) for part in question["prompts"]}
            needed = [f"\n\t={text} -> {shown[key[one]]}" for one, text in prompts.items()]
            spare = [f"\n\t= -> {text}" for one, text in shown.items() if one not in key.values()]
            return "".join([*needed, *spare])


def _spelled(spelling: str) -> str:
    """Write an accepted spelling: stars as signs, and nothing that looks like the name of a format."""
    text = _escape(spelling.replace("*", "\\*"))
    return f"[plain]{text}" if _FORMAT.match(text) else text
