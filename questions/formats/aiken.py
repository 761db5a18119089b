"""Single choices in plain text: Aiken (docs.moodle.org/en/Aiken_format), and the like of it that people write, with
true or false, several right answers, blanks and explanations, in Chinese too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from questions.formats.answers import BARE, GAP, blanks_of, doubt_of, letters_of, truth_of
from questions.formats.columns import DIFFICULTY_WORDS, kind_of
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
    has_han,
    held,
    labelled,
    letter,
    note,
    words,
)
from questions.rules import MOST_PARTS, N_, Fault, normalise, shown_in

_OPTION = re.compile(r"(?:[-*+]\s+)?(?:\*\*)?[(（]?([A-Za-zＡ-Ｚａ-ｚ])[)）.．、](?:\*\*)?(\s*)(.*)", re.DOTALL)
_LOOSE = re.compile(r"[\[【]?([A-TＡ-Ｔ])(?:\s*[:：\]】]\s*|\s+|(?=[^\W\d_A-Za-z]))(.+)")
"""An option with another sign after its letter, or none: known only by its place in a row of them."""
_INSIDE = re.compile(r"[(（]\s*([A-T]{1,8}|[√×✓✗✔✘对错]|正确|错误)\s*[)）]")
"""An answer written into the brackets of the text."""
_LETTERS = re.compile(r"(?:选项?)?[A-TＡ-Ｔ\s,，、;；]{1,30}")
_ABREAST = re.compile(r"(?<=\s)(?=[(（]?[A-Ta-tＡ-Ｔ][)）.．、])|(?<=[\u4e00-\u9fff])(?=[A-TＡ-Ｔ][.．])")
"""Between two options on one line."""
_ADORNED = r"[^\w\s【\[(（]{0,4}\s*"
"""What Markdown, or a picture, sets before a label."""
_BARELY = r"[A-T√×对错]{1,8}$"
"""An answer that may follow its label without a colon."""
_LABEL = re.compile(
    rf"{_ADORNED}(?:[【\[]([^】\]]{{2,20}})[】\]][\s*]*[:：]?"
    rf"|([^\W\d][\w ]{{1,19}})(?:[\s*]*[:：]|(?<=答案)\s*(?={_BARELY})))[\s*]*(.*)",
    re.DOTALL,
)
_ROLES = {
    normalise(label): role
    for role, labels in {
        "answer": "ANSWER,ANSWERS,CORRECT ANSWER,CORRECT ANSWERS,ANS,答案,正确答案,参考答案,标准答案,试题答案",
        "explanation": "EXPLANATION,ANSWER_EXPLANATION,TEXTO_CORRECTA,FEEDBACK,解析,答案解析,试题解析,题目解析",
        "topic": "知识点,考点,章节",
        "difficulty": "难度,难易度,难易程度",
        "": "SCORE,TAGS,ETIQUETAS,分值,分数,得分,标签,我的答案,你的答案",
    }.items()
    for label in labels.split(",")
}
"""What a labelled line says, as Chamilo and Chinese examination systems write it; "" is nothing a question keeps."""
_BESIDE = re.compile(
    r"(?<=[\w)）\]】.。])\s+(?=[【\[](?:{0})[】\]]|(?:{0})\s*[:：])".format(
        "|".join([r"\w{0,2}解析", *(label for label in _ROLES if has_han(label))])
    )
)
"""Between an answer and another label on its line."""
_REASONED = re.compile(r"([A-T]{1,8})\s*。\s*(?=\S)")
"""An answer before a sentence that explains it."""
ANSWERED = re.compile(
    rf"^[ \t]*{_ADORNED}(?:[【\[]\w{{0,2}}答案[】\]]|(?:(?:CORRECT )?ANSWERS?|ANS|\w{{0,2}}答案)[ \t*]*[:：]"
    rf"|\w{{0,2}}答案[ \t]*{_BARELY})",
    re.MULTILINE | re.IGNORECASE,
)
"""A line that gives an answer."""
QUESTIONED = re.compile(rf"^[ \t]*[(（]?A[)）.．、]|{_INSIDE.pattern}", re.MULTILINE)
"""What a text of questions holds, even one without answers."""
_NUMBER = re.compile(
    r"[#*]{0,6}\s*(?:第|Q(?:UESTION|UE)?)?\.?\s*(\d{1,4})\s*题?\s*([.、．:：)）]|$)(?:\*\*)?\s*", re.IGNORECASE
)
_KIND = r"[(（\[【_]{1,3}([\u4e00-\u9fff]{2,8})[)）\]】_]{1,3}"
_HEADING = re.compile(r"[一二三四五六七八九十]+\s*[、.．]\s*\S{1,12}题.{0,60}|#{1,6}\s+\D.{0,60}")
_LISTED = re.compile(rf"{_ADORNED}(?:\w{{0,6}}答案|ANSWER KEY|ANSWERS)\W{{0,5}}", re.IGNORECASE)
"""The heading of a list of answers."""
_RULE = re.compile(r"[-=*]{3,}")


@dataclass
class _Draft:
    """The lines of a question: its text, its options with their letters, and what labelled lines say by role."""

    line: int = 0
    stem: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    divided: bool = False


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read questions in plain text.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    text, notes = decode(body)
    drafts = [_Draft()]
    blank, last = False, ""
    lines = unix(text).split("\n")
    for at, line in _labels_apart(lines):
        draft = drafts[-1]
        between = bool(draft.options or draft.said or not draft.stem)
        if not line or (between and _RULE.fullmatch(line)):
            blank = True
            continue
        role, said = _labelled(line)
        option = _OPTION.fullmatch(line) if draft.stem and "answer" not in draft.said else None
        if role == "answer" and (not draft.stem or role in draft.said):
            text = N_("An answer without a question was left out: %(text)s")
            notes.append(note(text, Place(line=at), text=line[:40]))
        elif role is not None and draft.stem and (role == "answer" or draft.options or draft.said):
            draft.said[role] = said
            last = role
            if role == "answer" and (reasoned := _REASONED.match(said)):
                draft.said |= {"answer": reasoned[1], "explanation": said[reasoned.end() :]}
                last = "explanation"
        elif last == "answer" and not draft.said[last] and not blank and not _NUMBER.match(line):
            draft.said[last] = line
        elif option and _continues(draft, option, blank):
            following = next((one.strip() for one in lines[at : at + 4] if one.strip()), "")
            draft.options += _abreast(line, following) or [(normalise(option[1]), option[3])]
        elif between and _HEADING.fullmatch(line):
            notes.append(note(N_("A heading was left out: %(text)s"), Place(line=at), text=line[:40]))
            last = ""
        elif last == "explanation" and not blank and not _follows(draft, line):
            draft.said[last] += f"\n{line}"
        elif draft.options and not draft.said and not blank and not _is_next(draft, line):
            draft.options[-1] = (draft.options[-1][0], f"{draft.options[-1][1]}\n{line}")
        else:
            if draft.options or draft.said or (_is_next(draft, line) and _INSIDE.search("\n".join(draft.stem))):
                draft = _Draft()
                drafts.append(draft)
                last = ""
            draft.line = draft.line or at
            draft.divided |= blank and bool(draft.stem)
            draft.stem.append(line)
        blank = False
        if len(drafts) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    drafts = [draft for draft in drafts if draft.stem]
    listed = next((at for at, line in enumerate(lines, 1) if _LISTED.fullmatch(line.strip())), 0)
    if listed and any("answer" not in draft.said for draft in drafts):
        text = N_("A list of answers at the end is not read. Write each answer below its question, as ANSWER: B.")
        notes.append(note(text, Place(line=listed)))
    if all(_NUMBER.match(draft.stem[0]) for draft in drafts):
        for draft in drafts:
            draft.stem[0] = _NUMBER.sub("", draft.stem[0], count=1)
    return Reading(items=[_item(draft) for draft in drafts], notes=notes)


def unix(text: str) -> str:
    """Return a text whose lines all end as those of Unix do."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _labels_apart(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers; one that begins with a label is cut before every other label."""
    for at, line in enumerate(lines, 1):
        line = line.strip()
        for piece in [line] if _labelled(line)[0] is None else _BESIDE.split(line):
            yield at, piece


def _abreast(line: str, following: str) -> list[tuple[str, str]]:
    """Return the options of a line that holds several, in the order of their letters; none where the next line gives
    one of these letters again."""
    found = [_OPTION.fullmatch(piece.strip()) for piece in _ABREAST.split(line)]
    options = [(normalise(one[1]), one[3]) for one in found if one and one[3]]
    first = ord(options[0][0]) if options else 0
    inside = [chr(first + at) for at in range(len(found))]
    again = _OPTION.fullmatch(following)
    if len(found) < 2 or [name for name, _ in options] != inside or (again and normalise(again[1]) in inside):
        return []
    return options


def _labelled(line: str) -> tuple[str | None, str]:
    """Return the role of a line that begins with a label, and what follows it; None when it is none."""
    found = _LABEL.fullmatch(line)
    if not found:
        return None, ""
    return _ROLES.get(normalise(found[1] or found[2])), found[3]


def _is_next(draft: _Draft, line: str) -> bool:
    """Say whether a line has the number after that of a question."""
    before, here = _NUMBER.match(draft.stem[0]) if draft.stem else None, _NUMBER.match(line)
    return bool(before and here and int(here[1]) == int(before[1]) + 1)


def _follows(draft: _Draft, line: str) -> bool:
    """Say whether a line below an explanation begins the next question: no point of the explanation is numbered so."""
    signs = {found[2] for one in draft.said["explanation"].split("\n") if (found := _NUMBER.match(one))}
    before, here = _NUMBER.match(draft.stem[0]), _NUMBER.match(line)
    return _is_next(draft, line) and bool(before and here and (here[2] == before[2] or here[2] not in signs))


def _continues(draft: _Draft, option: re.Match[str], blank: bool) -> bool:
    """Say whether a line is an option: the next letter, or straight after an option any capital before a space."""
    return normalise(option[1]) == letter(len(draft.options)) or bool(
        draft.options and not blank and option[1].isupper() and (option[2] or not option[3])
    )


def _item(draft: _Draft) -> Item:
    place = Place(line=draft.line)
    item = Item({}, place, [], None, [], [])
    question, said = item.question, draft.said
    stem, kind = _kind("\n".join(draft.stem).strip())
    question["stem"] = words(stem)
    if draft.divided:
        item.warnings.append(
            note(N_("Lines above an empty line were taken for the beginning of the question's text."), place)
        )
    if said.get("explanation"):
        question["explanation"] = words(said["explanation"])
    item.topics = [flat(said["topic"])] if said.get("topic") else []
    degree = normalise(said.get("difficulty", ""))
    if degree in DIFFICULTY_WORDS or degree in tuple("12345"):
        question["difficulty"] = DIFFICULTY_WORDS.get(degree) or int(degree)
    try:
        if kind == "by hand":
            raise Fault(N_("Questions marked by people (essays, short answers in sentences) cannot be taken in."))
        if not said.get("answer") and has_han(stem) and len(found := _INSIDE.findall(stem)) == 1:
            said["answer"] = found[0]
            gap = "（  ）" if draft.options else ""
            question["stem"] = words(_INSIDE.sub(gap, stem))
            item.warnings.append(
                note(N_("The answer %(text)s was taken from the brackets in the text."), place, text=found[0])
            )
        if not said.get("answer"):
            raise Fault(N_("The line ANSWER: X is missing."))
        if kind != "fill_in" and not draft.options and _LETTERS.fullmatch(said["answer"]):
            stem, draft.options = _loose(question["stem"][""].split("\n"))
            question["stem"] = words(stem)
        _read_answer(question, draft.options, said["answer"], kind)
        if question["type"] == "fill_in" and (doubt := doubt_of(question["stem"], question["key"])):
            item.warnings.append(note(doubt, place))
    except Fault as fault:
        item.problems.append(Note(fault.text, fault.values, place))
    return item


def _kind(stem: str) -> tuple[str, str]:
    """Take the name of a type in brackets off either end of a text, as in "(单选) …" or "…[多选题]"."""
    for found in (re.match(_KIND, stem), re.search(f"{_KIND}$", stem[-20:])):
        if found and (kind := kind_of(found[1])):
            return stem.replace(found[0], "", 1).strip(), kind
    return stem, ""


def _loose(stem: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """Return a text without the lines at its end that begin with A, B and so on, and these as options."""
    for at in range(max(1, len(stem) - MOST_PARTS), len(stem) - 1):
        found = [_LOOSE.fullmatch(line) for line in stem[at:]]
        if [normalise(one[1]) for one in found if one] == [letter(nth) for nth in range(len(found))]:
            return "\n".join(stem[:at]), [(normalise(one[1]), one[2]) for one in found if one]
    return "\n".join(stem), []


def _read_answer(question: dict[str, Any], options: Sequence[tuple[str, str]], answer: str, kind: str) -> None:
    truth = truth_of(answer)
    gaps = [gap for text in question["stem"].values() for gap in GAP.findall(text)]
    if truth is not None and any("_" in gap or (kind != "true_false" and normalise(answer) in BARE) for gap in gaps):
        truth = None
    if options:
        if [name for name, _ in options] != [letter(at) for at in range(len(options))]:
            raise Fault(N_("The options are not lettered A, B, C in order."))
        question["options"] = labelled(words(text) for _, text in options)
        if any(len(option) < 2 for option in question["options"]):
            raise Fault(N_("An option has no text."))
        key = letters_of(answer, question["options"])
        question |= {"type": "single" if len(key) == 1 else "multiple", "key": sorted(key)}
    elif truth is not None and kind != "fill_in":
        question |= {"type": "true_false", "key": truth}
    elif kind == "fill_in" or gaps:
        question |= {"type": "fill_in", "key": blanks_of(question["stem"], answer)}
    else:
        raise Fault(N_("It has neither options (A., B.) nor a blank (____), and its answer is neither true nor false."))


def write(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write single choices in Aiken, in Chinese unless told otherwise; arguments as `workbook.write_csv`."""
    writing = Writing(b"", 0, {}, [])
    blocks = []
    language = options.language or "zh"
    for question, block in held(questions, writing, "", lambda one: _written(one, language)):
        blocks.append(block)
        writing.notes[str(question["id"])] = [
            note(N_("Aiken holds one language and neither topic, difficulty, explanation nor source."))
        ]
    writing.body = ("\n\n".join(blocks) + "\n").encode()
    return writing


def _written(question: Mapping[str, Any], language: str) -> str:
    if question["type"] != "single" or question.get("case"):
        raise CannotHold(N_("Aiken holds single choices only, without cases."))
    if any(shown_in(question)):
        raise CannotHold(N_("Aiken cannot hold images or sounds; choose Moodle XML or QTI."))
    stem = question["stem"][language].split("\n")
    if any(not line.strip() or _OPTION.fullmatch(line.strip()) or _labelled(line.strip())[0] for line in stem[1:]):
        raise CannotHold(N_("A line of its text is empty or looks like an option, which Aiken cannot tell apart."))
    if any("\n" in option[language] for option in question["options"]):
        raise CannotHold(N_("An option has several lines, which Aiken cannot hold."))
    lines = [f"{letter(at).upper()}. {flat(option[language])}" for at, option in enumerate(question["options"])]
    right = next(at for at, option in enumerate(question["options"]) if option["id"] == question["key"][0])
    return "\n".join([*stem, *lines, f"ANSWER: {letter(right).upper()}"])
