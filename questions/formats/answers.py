"""Answers as people type them into sheets and plain text: letters, truth, and the words of blanks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from questions.formats.columns import FALSE, TRUE
from questions.formats.neutral import Words, blanks_in, flat, letter
from questions.rules import N_, Fault, normalise

GAP = re.compile(r"\{_+\}|_{2,}|（\s*）|【\s*】|［\s*］|\(\s{2,}\)")
"""How people mark a blank."""
BARE = ("0", "1", "t", "f", "y", "n", "r", "w", "v", "x")
"""Answers that say true or false only where the type says that there is nothing else to say."""
_BETWEEN = r"[,，;；、|｜\n]"
_NAMED = re.compile(rf"(?:^|{_BETWEEN})[ \t]*[(（\[【]?([A-Ta-t])[.、．:：)）\]】]")
_SIGNS = re.compile(r"[\s,，、;；/|.。:&+#和选项()\[\]【】→>-]")
_STROKE = re.compile(r"[\u4e00-\u9fff]\s*[/／]\s*[\u4e00-\u9fff]")
_NUMBERS = re.compile(r"\d{1,2}(?:[,，、;；|]\d{1,2})*")
_BETWEEN_BLANKS = (
    r"\n", r"(?=[①-⑳])|\s+(?=[(（]?\d+[)）.．、])", r"(?<!\\)[;；]", r"#+", r"[,，、]", r"(?<!\\)[|｜]", r"\s+",
)  # fmt: skip


def letters_of(answer: str, options: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the options that an answer names, in its order.

    Args:
        answer: "B", "ACD", "A、C", "A. text, C. text", "1,3", or the texts themselves.
        options: {id} with their texts by language.

    Raises: Fault.
    """
    answer = "\n".join(listed(answer)) or answer
    texts: dict[str, str] = {}
    ids: list[str] = []
    for option in options:
        ids.append(option["id"])
        for language in ("zh", "en", ""):
            if option.get(language):
                texts.setdefault(normalise(option[language]), option["id"])
    plain = normalise(answer)
    bare = _SIGNS.sub("", plain)
    numbers = [int(one) - 1 for one in re.findall(r"\d+", plain)] if _NUMBERS.fullmatch(plain) else []
    found = list(bare) if set(bare) <= set(ids) and len(set(bare)) == len(bare) else []
    if not found and numbers and all(0 <= one < len(ids) for one in numbers):
        found = [ids[one] for one in numbers]
    if plain in texts and plain not in ids:
        if found and found != [texts[plain]]:
            text = N_(
                "The answer %(text)s may be the text of an option or stand for others. Write the option's letter."
            )
            raise Fault(text, text=answer[:60])
        return [texts[plain]]
    if found:
        return found
    if named := _NAMED.findall(answer):
        found = [one.lower() for one in named]
    elif re.fullmatch(r"[A-Z\W]*[A-Z][A-Z\W]*", answer):
        found = list(bare)
    else:
        found = [texts.get(normalise(piece), "") for piece in re.split(_BETWEEN, answer) if piece.strip()]
        if not found or not all(found):
            raise Fault(N_("The answer “%(text)s” is no letter of an option. Write B, or ACD."), text=answer[:60])
    unknown = [one for one in found if one not in ids]
    if unknown:
        raise Fault(N_("The answer names option %(letter)s, which is not there."), letter=unknown[0].upper())
    return found


def truth_of(answer: str) -> bool | None:
    """Return what an answer says of a statement; None when it says neither."""
    said = normalise(answer).strip(".。")
    return said in TRUE if said in TRUE | FALSE else None


def blanks_of(stem: Words, answer: str) -> list[str] | list[list[str]]:
    """Return the accepted spellings of the blanks of a stem; gaps that people marked by lines become {{1}}, {{2}}.

    Args:
        stem: by language; changed where its gaps are marked.
        answer: the words, those of several blanks divided by lines or by another sign, several spellings by bars.

    Raises: Fault when there are more or fewer of them than blanks.
    """
    marked = max((len(blanks_in(text)) for text in stem.values()), default=0)
    gaps = {len(GAP.findall(text)) for text in stem.values()}
    wanted = marked or (max(gaps) if len(gaps) == 1 else 0)
    if not marked and wanted < 2:
        return _spellings(answer, "|;；\n")
    for divider in _BETWEEN_BLANKS:
        pieces = [piece for piece in listed(answer) or re.split(divider, answer) if piece.strip()]
        if len(pieces) == wanted:
            break
    else:
        raise Fault(
            N_("The text marks %(blanks)s blanks and the answer has %(lines)s lines. Give each blank its own line."),
            blanks=wanted,
            lines=sum(bool(line.strip()) for line in answer.split("\n")),
        )
    if not marked:
        for language, text in stem.items():
            numbers = iter(range(1, wanted + 1))
            stem[language] = GAP.sub(lambda _, numbers=numbers: f"{{{{{next(numbers)}}}}}", text)  # type: ignore[misc]
    return [_spellings(piece, "|") for piece in _unnumbered(pieces)]


def listed(cell: str) -> list[str]:
    """Return the texts that a program wrote into a cell, ["a", "b"], {"A": "a", "B": "b"} or a list of objects with one
    text each besides its letter; none where it is no such list."""
    for said in (cell, cell.replace("'", '"')) if cell[:1] in ("[", "{") else ():
        try:
            found = json.loads(said)
        except (ValueError, RecursionError):
            continue
        parts = [{name: text} for name, text in found.items()] if isinstance(found, dict) else found
        texts = [_text_of(part, letter(at)) for at, part in enumerate(parts)]
        return texts if all(texts) else []
    return []


def _text_of(part: Any, name: str) -> str:
    """Return a text, or the only one that an object holds besides the letter it is named by; "" for any other."""
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    texts = [text for text in part.values() if isinstance(text, str) and text.lower() != name]
    named = [one for one in part if len(one) == 1 and one.lower() != name]
    return texts[0] if len(texts) == 1 and not named else ""


def _unnumbered(pieces: Sequence[str]) -> list[str]:
    """Take the numbers off several words that are numbered in their order: 1. 2., (1) (2), ① ②; 1.5 is a number."""
    bare: list[str] = []
    if len(pieces) < 2:
        return list(pieces)
    for at, piece in enumerate(pieces, 1):
        found = re.match(rf"\s*(?:[(（]{at}[)）]|{at}[)）.．、:：](?!\d)|{chr(ord('①') + at - 1)})\s*(?=\S)", piece)
        if not found:
            return list(pieces)
        bare.append(piece[found.end() :])
    return bare


def doubt_of(stem: Words, key: Sequence[str] | Sequence[list[str]]) -> str:
    """Return what to say of spellings that people may have meant for something else; "" for nothing."""
    spelled = [text for one in key for text in ([one] if isinstance(one, str) else one)]
    if any(_STROKE.search(text) for text in spelled):
        return N_("A stroke (/) is part of the answer as it stands. If it divides spellings, write a bar (|) instead.")
    if len(key) > 1 and isinstance(key[0], str) and not any(GAP.search(text) for text in stem.values()):
        return N_("Several answers and no marked blank: they were taken for spellings of one. Mark blanks by ____.")
    return ""


def _spellings(cell: str, dividers: str) -> list[str]:
    """Split accepted spellings; a backslash before a bar, semicolon or backslash makes it a plain sign."""
    parts = [""]
    signs = iter(cell.replace("｜", "|"))
    for sign in signs:
        if sign == "\\":
            following = next(signs, "")
            parts[-1] += following if following and following in "|\\;；" else sign + following
        elif sign in dividers:
            parts.append("")
        else:
            parts[-1] += sign
    return [flat(part) for part in parts if part.strip()]
