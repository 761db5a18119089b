"""Aiken: single choices in plain text, as docs.moodle.org/en/Aiken_format tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from questions.formats.neutral import (
    MOST_QUESTIONS,
    CannotHold,
    Item,
    Note,
    Place,
    Reading,
    Refused,
    WriteOptions,
    Writing,
    decode,
    flat,
    labelled,
    letter,
    note,
    words,
)
from questions.rules import N_, Fault

_OPTION = re.compile(r"([A-Z])[.)](?:\s+(.*)|$)", re.DOTALL)
_ANSWER = re.compile(r"ANSWER:\s*(.*)", re.IGNORECASE)


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read questions in Aiken.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    text, notes = decode(body)
    reading = Reading(items=[], notes=notes)
    stem: list[str] = []
    options: list[tuple[str, str]] = []
    began = 0
    for at, raw in enumerate([*text.replace("\r", "").split("\n")], 1):
        line = raw.strip()
        if not line:
            continue
        began = began or at
        option, answer = _OPTION.fullmatch(line), _ANSWER.fullmatch(line)
        if answer and (stem or options):
            reading.items.append(_item(stem, options, answer[1].strip().rstrip("."), Place(line=began)))
            stem, options, began = [], [], 0
        elif option and stem:
            options.append((option[1], option[2] or ""))
        elif options:
            reading.items.append(_broken(began, N_("A line after the options is neither an option nor ANSWER: X.")))
            stem, options, began = [line], [], at
        else:
            stem.append(line)
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    if stem or options:
        reading.items.append(_broken(began, N_("The line ANSWER: X is missing.")))
    return reading


def _broken(line: int, text: str) -> Item:
    place = Place(line=line)
    return Item({}, place, [], None, [], [note(text, place)])


def _item(stem: Sequence[str], options: Sequence[tuple[str, str]], answer: str, place: Place) -> Item:
    item = Item({"type": "single"}, place, [], None, [], [])
    item.question["stem"] = words("\n".join(stem))
    try:
        if [name for name, _ in options] != [letter(at).upper() for at in range(len(options))]:
            raise Fault(N_("The options are not lettered A, B, C in order."))
        item.question["options"] = labelled(words(text) for _, text in options)
        if any(len(option) < 2 for option in item.question["options"]):
            raise Fault(N_("An option has no text."))
        if answer.upper() not in [name for name, _ in options]:
            raise Fault(N_("The answer “%(text)s” is no letter of an option. Write ANSWER: B."), text=answer[:40])
        item.question["key"] = [answer.lower()]
    except Fault as fault:
        item.problems.append(Note(fault.text, fault.values, place))
    return item


def write(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write single choices in Aiken, in Chinese unless told otherwise; arguments as `workbook.write_csv`."""
    writing = Writing(b"", 0, {}, [])
    blocks = []
    for question in questions:
        code = str(question["id"])
        try:
            blocks.append(_written(question, options.language or "zh"))
            writing.count += 1
            writing.notes[code] = [
                note(N_("Aiken holds one language and neither topic, difficulty, explanation nor source."))
            ]
        except CannotHold as fault:
            writing.notes.setdefault(code, []).append(fault.note)
            writing.left_out.append(code)
    writing.body = ("\n\n".join(blocks) + "\n").encode()
    return writing


def _written(question: Mapping[str, Any], language: str) -> str:
    if question["type"] != "single" or question.get("case"):
        raise CannotHold(N_("Aiken holds single choices only, without cases."))
    if question.get("media") or any("image" in option for option in question["options"]):
        raise CannotHold(N_("Aiken cannot hold images or sounds; choose Moodle XML or QTI."))
    stem = question["stem"][language].split("\n")
    if any(not line.strip() or _OPTION.fullmatch(line.strip()) or _ANSWER.fullmatch(line.strip()) for line in stem[1:]):
        raise CannotHold(N_("A line of its text is empty or looks like an option, which Aiken cannot tell apart."))
    if any("\n" in option[language] for option in question["options"]) or _ANSWER.fullmatch(stem[0]):
        raise CannotHold(N_("An option has several lines, which Aiken cannot hold."))
    lines = [f"{letter(at).upper()}. {flat(option[language])}" for at, option in enumerate(question["options"])]
    right = next(at for at, option in enumerate(question["options"]) if option["id"] == question["key"][0])
    return "\n".join([*stem, *lines, f"ANSWER: {letter(right).upper()}"])
