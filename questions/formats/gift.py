"""GIFT, as Moodle documents it (docs.moodle.org/en/GIFT_format) and as its importer reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from questions.formats.markup import Html, feedback_html, from_plain, to_html
from questions.formats.neutral import (
    MOST_QUESTIONS,
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
    held,
    note,
    number,
    percent,
    shortest,
)
from questions.formats.shared import (
    ESSAY,
    Media,
    joined,
    keep_media,
    parts_of,
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
from questions.rules import N_, Fault, shown_in

_ESCAPED = "~=#{}:\\"
_HIDDEN = {sign: chr(0xF0000 + at) for at, sign in enumerate(_ESCAPED + "\n")}
"""Signs that a backslash took their meaning from, while the rest is cut apart."""
_SHOWN = str.maketrans({hidden: sign for sign, hidden in _HIDDEN.items()})
_FORMAT = re.compile(r"\s*\[(html|markdown|plain|moodle)\]")
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:[.,]\d+)?)%")
_TAG = re.compile(r"\[(id|tag):((?:\\\]|[^\]])+)\]")
_ORDER = re.compile(r">\s*\d*\s*(?:ALL|RANDOM|CONTIGUOUS|EXACT|REL|CONTIG)?\b[^\n]*\n", re.IGNORECASE)
_TRUTHS = {"T": True, "TRUE": True, "F": False, "FALSE": False}
_CATEGORY = "$CATEGORY:"
_BEGINS = re.compile(r"::(?!:).*?::|\$CATEGORY:")
"""How a line begins that begins a question or a category, whatever stands before it."""

_BRACE = N_("A brace is missing. Answers stand between { and }; a brace that is text is written \\{.")
_SECOND = N_(
    "A second pair of braces follows. Between two questions stands an empty line; braces that are text are written "
    "\\{ and \\}."
)
_SEVERAL = N_(
    "%(count)s answers begin with =, so each alone is right, and only one may be. If all must be chosen, write a share "
    "before each, such as ~%%50%%; a sign = that is text is written \\=."
)


class _Skipped(Exception):
    """Not a question: a text without answers."""


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read questions in GIFT.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    text, notes = decode(body)
    reading = Reading(items=[], notes=notes)
    media = Media()
    category: list[str] = []
    for line, lines in _blocks(text):
        tags, rest = _comments(lines)
        if rest.startswith(_CATEGORY):
            category = path_of(rest[len(_CATEGORY) :])
            continue
        item = Item({}, Place(line=line), list(category), None, [], [])
        try:
            _read_question(_hide(rest), item, media)
            item.question.update(("id", value) for name, value in tags if name == "id")
            apply_tags(item, [value for name, value in tags if name == "tag"])
        except _Skipped:
            reading.notes.append(
                note(
                    N_("A text without answers was left out. If a question below it begins with it, close the gap."),
                    item.place,
                )
            )
            continue
        except Fault as fault:
            item.problems.append(Note(fault.text, fault.values, item.place))
        reading.items.append(item)
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    reading.media = media.found
    return reading


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the categories and questions of a file, each as lines with the number of the first that is no comment.

    An empty line ends one, except among answers whose brace is closed further down; a category or a name in colons
    begins one, even where the empty line before it was forgotten, and takes the comments just above it along.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    block: list[str] = []
    began = 0
    opened = False
    for at, (line, closes) in enumerate(zip([*lines, ""], [*_closing(lines), False], strict=True), 1):
        bare = line.strip()
        begins = bool(_BEGINS.match(bare))
        if (not bare and not (opened and closes)) or begins:
            kept = 0
            while begins and kept < len(block) and block[-1 - kept].lstrip().startswith("//"):
                kept += 1
            above = block[len(block) - kept :]
            if began:
                yield began, block[: len(block) - kept]
            block, began, opened = above, 0, False
        if bare.startswith("//"):
            block.append(line)
        elif bare.startswith(_CATEGORY):
            yield at, [bare]
            block = []
        elif bare or opened:
            began = began or at
            block.append(line)
            for sign in _braces(line):
                opened = sign == "{"


def _braces(line: str) -> list[str]:
    """Return the braces of a line that no backslash makes text."""
    return re.findall(r"[{}]", re.sub(r"\\.", "", line))


def _closing(lines: Sequence[str]) -> list[bool]:
    """Say of each line whether the next brace below it closes one, with no new question before it."""
    found = []
    below = False
    for line in reversed(lines):
        found.append(below)
        if _BEGINS.match(line.strip()):
            below = False
        elif not line.lstrip().startswith("//") and (braces := _braces(line)):
            below = braces[0] == "}"
    return found[::-1]


def _comments(lines: Sequence[str]) -> tuple[list[tuple[str, str]], str]:
    """Take the comment lines out of a block and return the ids and tags they hold."""
    said = [line for line in lines if line.strip().startswith("//")]
    rest = "\n".join(line for line in lines if not line.strip().startswith("//"))
    return [(name, value.replace("\\]", "]").strip()) for name, value in _TAG.findall("\n".join(said))], rest.strip()


def _hide(text: str) -> str:
    text = "".join(sign for sign in text if not 0xF0000 <= ord(sign) <= 0xF00FF)
    return re.sub(
        r"\\([~=#{}:\\n])", lambda found: _HIDDEN["\n" if found[1] == "n" else found[1]], text, flags=re.DOTALL
    )


def _show(text: str) -> str:
    return text.translate(_SHOWN)


def _html(text: str, kind: str, item: Item, media: Media) -> Html:
    """Read a text that may say its own format; else it has that of the question."""
    found = _FORMAT.match(text)
    if found:
        text, kind = text[found.end() :], found[1]
    return media.take(read_formatted(_show(text).strip(), kind), item, lambda address: None)


def _part(text: str, kind: str, item: Item, media: Media) -> Html:
    """Read an option or a side of a pair; one that is nothing but tags is text."""
    html = _html(text, kind, item, media)
    return html if html.text or html.media or html.lost else from_plain(_show(_FORMAT.sub("", text, count=1)))


def _read_question(text: str, item: Item, media: Media) -> None:
    question = item.question
    text = text.strip()
    title = ""
    early = _FORMAT.match(text)
    if early and text[early.end() :].lstrip().startswith("::"):
        text = text[early.end() :].lstrip()
    if text.startswith("::") and (ends := text.find("::", 2)) > 0:
        title, text = text[2:ends], text[ends + 2 :].strip()
        text = early[0] + text if early else text
    start, end = text.find("{"), text.find("}")
    if start < 0 and end < 0:
        raise _Skipped
    if start < 0 or end < start:
        raise Fault(_BRACE)
    answer, tail = text[start + 1 : end].strip(), text[end + 1 :].strip()
    if "{" in tail:
        raise Fault(_SECOND)
    if "{" in answer or "}" in tail:
        raise Fault(_BRACE)
    tail = re.sub(r'^["\';]+$', "", tail)
    gap = "" if re.match(r"[\s.,;:!?。，；：！？]", tail) else " "
    stem = text[:start] + (f"_____{gap}{tail}" if tail else "")
    found = _FORMAT.match(stem)
    kind = found[1] if found else "moodle"
    answer, cut, general = answer.rpartition("####") if "####" in answer else (answer, "", "")
    said = _html(stem, kind, item, media)
    question["stem"] = said.text or from_plain(_show(title)).text
    keep_media(question, said)
    feedback = _html(general, kind, item, media) if cut else Html({}, {})
    _read_answer(answer.strip(), kind, item, media)
    settle_feedback(question, feedback)


def _read_answer(answer: str, kind: str, item: Item, media: Media) -> None:
    if not answer:
        raise Fault(ESSAY)
    if answer.startswith(">"):
        _read_ordering(answer, kind, item, media)
    elif answer.startswith("#"):
        _read_numeric(answer[1:], kind, item, media)
    elif "~" in answer:
        _read_choice(answer, kind, item, media)
    elif "=" in answer and "->" in answer:
        _read_matching(answer, kind, item, media)
    elif answer.split("#")[0].strip().upper() in _TRUTHS:
        _read_truth(answer, kind, item, media)
    else:
        _read_short(answer, kind, item, media)


def _weighed(answer: str) -> tuple[Fraction | None, str, str]:
    """Cut a weight and a feedback off an answer; the weight is a share of the points."""
    weight = None
    found = _WEIGHT.match(answer)
    if found:
        weight, answer = fraction_of(found[1].replace(",", ".")) / 100, answer[found.end() :]
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


_CUTS = (r"(?=[~=])", r"(?=~)|(?:^|(?<=\s))(?==)")


def _read_choice(answer: str, kind: str, item: Item, media: Media) -> None:
    """Read a choice; where several answers would be right, a sign = amid a word is taken for text."""
    cuts = [[piece for piece in re.split(cut, answer) if piece.strip()] for cut in _CUTS]
    alone = [[_weighed(piece[1:].strip())[0] in (None, 1) for piece in cut if piece[0] == "="] for cut in cuts]
    at = 0 if sum(alone[0]) < 2 else 1
    if sum(alone[at]) > 1:
        raise Fault(_SEVERAL, count=sum(alone[0]))
    if at:
        item.warnings.append(note(N_("A sign = amid a word was taken for text."), item.place))
    parts, shares, remarks = [], [], []
    for piece in cuts[at]:
        weight, text, feedback = _weighed(piece[1:].strip())
        parts.append(_part(text, kind, item, media))
        shares.append(weight if weight is not None else Fraction(piece[0] == "="))
        remarks.append((parts[-1].text, _html(feedback, kind, item, media).text, shares[-1] > 0))
    read_choice(item, parts, shares, any(alone[at]))
    _explain(item, remarks)


def _read_truth(answer: str, kind: str, item: Item, media: Media) -> None:
    said, _, feedback = answer.partition("#")
    truth = _TRUTHS[said.strip().upper()]
    item.question |= {"type": "true_false", "key": truth}
    remarks = [text for one in reversed(feedback.split("#", 1)) if (text := _html(one, kind, item, media).text)]
    if remarks:
        item.question["explanation"] = joined(remarks)


def _read_short(answer: str, kind: str, item: Item, media: Media) -> None:
    answers, remarks = [], []
    for piece in re.split("=", answer):
        if piece.strip():
            weight, text, feedback = _weighed(piece.strip())
            spelled = _show(_FORMAT.sub("", text, count=1))
            answers.append((spelled, Fraction(1) if weight is None else weight))
            remarks.append(({"": flat(spelled)}, _html(feedback, kind, item, media).text, answers[-1][1] >= 1))
    read_short(item, answers)
    _explain(item, remarks)


def _read_numeric(answer: str, kind: str, item: Item, media: Media) -> None:
    answer = answer.split("~")[0]
    found, remarks = [], []
    for piece in re.split("=", answer):
        if not piece.strip():
            continue
        weight, text, feedback = _weighed(_show_colons(piece.strip()))
        share = Fraction(1) if weight is None else weight
        if text != "*":
            found.append((*_value(text), share))
        remarks.append((from_plain(text).text, _html(feedback, kind, item, media).text, share >= 1))
    read_numeric(item, found)
    _explain(item, remarks)


def _show_colons(text: str) -> str:
    return text.replace(_HIDDEN[":"], ":")


def _value(text: str) -> tuple[str, str]:
    """Read 3, 3:0.5 or 2..4 as a value and a tolerance."""
    if ".." in text:
        low, high = (Decimal(number(part)) for part in text.split("..", 1))
        return shortest(str((low + high) / 2)), shortest(str(abs(high - low) / 2))
    value, _, tolerance = text.partition(":")
    return number(value), number(tolerance or "0")


def _read_matching(answer: str, kind: str, item: Item, media: Media) -> None:
    pairs = []
    for piece in answer.split("="):
        if piece.strip():
            if "->" not in piece:
                raise Fault(N_("A pair of a matching lacks its ->. A sign = that is text is written \\=."))
            left, right = (side.strip() for side in piece.split("->", 1))
            pairs.append((_part(left, kind, item, media) if left else Html({}, {}), _part(right, "html", item, media)))
    read_matching(item, pairs)


def _read_ordering(answer: str, kind: str, item: Item, media: Media) -> None:
    head = _ORDER.match(answer)
    if not head:
        raise Fault(N_("The steps of an ordering stand one a line after the line that begins with >."))
    steps = [_part(line, kind, item, media) for line in answer[head.end() :].split("\n") if line.strip()]
    question = item.question
    question |= {"type": "ordering", "options": parts_of(steps)}
    question["key"] = [option["id"] for option in question["options"]]
    if "ALL_OR_NOTHING" not in head[0].upper():
        question["credit"] = "each"


# ---------- writing ----------


def write(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write questions in GIFT; arguments as `workbook.write_csv`."""
    writing = Writing(b"", 0, {}, [])
    blocks: list[str] = []
    topic = ""
    for question, block in held(questions, writing, options.language, lambda one: _written(one, options)):
        if question["topic"] != topic:
            topic = question["topic"]
            blocks.append(f"$CATEGORY: $course$/top/{options.trade or 'questions'}/{topic.replace('/', '//')}")
        blocks.append(block)
    writing.body = ("\n\n".join(blocks) + "\n").encode()
    return writing


def _escape(text: str) -> str:
    """Take their meaning from the signs that have one, and keep the text on its line."""
    return re.sub(r"([~=#{}:\\])", r"\\\1", text).replace("\n", "\\n")


def _written(question: Mapping[str, Any], options: WriteOptions) -> str:
    refuse_in_moodle(question, xml=False)
    if any(shown_in(question)):
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
