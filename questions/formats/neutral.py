"""What every reader gives and every writer takes: questions in the form of docs/bank-format.md, where each came from,
and what there is to say about it. Pure: bytes in, structs out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from questions.rules import MOST_PARTS, N_, Fault, parse_number

MOST_QUESTIONS = 10_000
"""In one file."""
LARGEST_FILE = 20 * 1024 * 1024
"""Bytes."""

ONE_LANGUAGE = N_("Only one of its two languages is in the file, as you chose.")

Words = dict[str, str]
"""A text by language, "zh" and "en"; under "" where the file does not say which language it is."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where in a file something stands: sheet, row and column of a workbook, or the line of a text; `file` in a
    package."""

    sheet: str = ""
    row: int = 0
    column: str = ""
    line: int = 0
    file: str = ""


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence for the catalogues with what fills its %(name)s places, and where it belongs."""

    text: str
    values: dict[str, str] = {}
    place: Place = Place()


def note(text: str, place: Place | None = None, /, **values: object) -> Note:
    """Make a note; see `Note`."""
    return Note(text, {name: str(value) for name, value in values.items()}, place or Place())


class Item(msgspec.Struct):
    """One question as read, perhaps without what the file does not say.

    Attributes:
        question: in the form of docs/bank-format.md; `case` and the files of images are names within the file.
        place: where it stands.
        topics: what the file calls its topic, the likeliest last.
        case_stem: the text of its case, where this row tells it.
        warnings: what was changed or left out.
        problems: why it cannot be taken in as it is.
    """

    question: dict[str, Any]
    place: Place
    topics: list[str] = []
    case_stem: Words | None = None
    warnings: list[Note] = []
    problems: list[Note] = []


class Column(msgspec.Struct):
    """A column of a sheet: its heading, what it is taken for ("" for nothing), and a value from it."""

    sheet: str
    letter: str
    header: str
    field: str
    sample: str


class Reading(msgspec.Struct):
    """What a file holds: its questions, notes on the file as a whole, images and sounds by name, columns of sheets."""

    items: list[Item] = []
    notes: list[Note] = []
    media: dict[str, bytes] = {}
    columns: list[Column] = []


class Writing(msgspec.Struct):
    """A file: how many questions are in it, by question id what it cannot hold, and the ids of those not in it."""

    body: bytes
    count: int
    notes: dict[str, list[Note]] = {}
    left_out: list[str] = []


class WriteOptions(msgspec.Struct, frozen=True):
    """How to write: one language ("zh" or "en") or both (""), the trade's code, its topics' names by code, the language
    of headings."""

    language: str = ""
    trade: str = ""
    topics: Mapping[str, Mapping[str, str]] = {}
    headings: str = "zh"


Made = TypeVar("Made")


def held(
    questions: Sequence[Mapping[str, Any]], writing: Writing, language: str, write: Callable[[Mapping[str, Any]], Made]
) -> Iterator[tuple[Mapping[str, Any], Made]]:
    """Yield each question that a format can hold with what it writes for it; the others are left out with the reason.

    Args:
        questions: in the form of docs/bank-format.md.
        writing: the file; what is in it is counted, and what it does not hold is noted.
        language: the one language asked for, "" for both.
        write: makes a question's part of the file, or raises CannotHold.
    """
    for question in questions:
        code = str(question["id"])
        try:
            made = write(question)
        except CannotHold as fault:
            writing.notes.setdefault(code, []).append(fault.note)
            writing.left_out.append(code)
            continue
        writing.count += 1
        if language and question["stem"]["zh"] != question["stem"]["en"]:
            writing.notes.setdefault(code, []).append(note(ONE_LANGUAGE))
        yield question, made


class Refused(Exception):
    """The file cannot be read at all; `note` says why and what to do."""

    def __init__(self, text: str, place: Place | None = None, /, **values: object) -> None:
        self.note = note(text, place, **values)
        super().__init__(text % self.note.values if values else text)


class CannotHold(Exception):
    """The format cannot hold this question; the note says what of it."""

    def __init__(self, text: str, **values: object) -> None:
        self.note = note(text, **values)
        super().__init__(text)


_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff\ufffe\uffff]")
_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")
_PAIRS = re.compile(rb"[\x81-\xfe][\x30-\xfe]")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")


def has_han(text: str) -> bool:
    """Say whether a text has a Chinese character."""
    return bool(_HAN.search(text))


def tidy(text: str) -> str:
    """Take from a text what nobody sees: control characters, white space at the ends of lines, empty lines at both
    ends and more than one in a row; line breaks become "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u00a0", " ")
    lines = [line.rstrip() for line in _CONTROL.sub("", text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def flat(text: str) -> str:
    """Tidy a text that stands on one line."""
    return " ".join(tidy(text).split())


def words(text: str) -> Words:
    """Return a tidied text whose language is not said; no text is no words."""
    text = tidy(text)
    return {"": text} if text else {}


def letter(number: int) -> str:
    """Return the id of the option or the letter of the place with this number, from 0: a, b, c."""
    return chr(ord("a") + number)


def labelled(texts: Iterable[Words], prefix: str = "") -> list[dict[str, Any]]:
    """Give options or prompts their ids: a, b, c, or p1, p2, p3 with a prefix."""
    parts = list(texts)
    if len(parts) > MOST_PARTS:
        raise Fault(
            N_("It has %(count)s options or items; at most %(most)s can be held."), count=len(parts), most=MOST_PARTS
        )
    return [{"id": f"{prefix}{number + 1}" if prefix else letter(number), **text} for number, text in enumerate(parts)]


def number(text: str) -> str:
    """Read a decimal number as typed and return it in plain digits. Raises: Fault."""
    text = text.strip()
    found = parse_number(text[:100])
    if found is None:
        try:  # other systems write 1.0E-5
            found = Decimal(text[:100])
        except InvalidOperation:
            found = Decimal("NaN")
    written = f"{found:f}" if found.is_finite() and abs(found.adjusted()) < 30 else ""
    if not _PLAIN_NUMBER.fullmatch(written):
        raise Fault(N_("This is no number: %(text)s"), text=text[:60])
    return written


def shortest(text: str) -> str:
    """Write a decimal number without zeros that say nothing: 0.10 as 0.1."""
    return f"{Decimal(text):f}".rstrip("0").rstrip(".") if "." in f"{Decimal(text):f}" else f"{Decimal(text):f}"


def percent(share: Fraction) -> str:
    """Write a share as other systems do: 1/3 as 33.33333."""
    return shortest(f"{float(share * 100):.5f}")


def fraction_of(text: str) -> Fraction:
    """Read a percentage or a number as an exact fraction of its digits. Raises: Fault."""
    return Fraction(number(text))


def fractions(question: Mapping[str, Any]) -> dict[str, Fraction]:
    """Return by option what choosing it adds to the share earned: the right ones sum to 1, a wrong one takes away as
    much as the credit rule says (each: one right one; otherwise all)."""
    right = len(question["key"])
    cost = Fraction(-1, right) if question.get("credit") == "each" else Fraction(-1)
    return {
        option["id"]: Fraction(1, right) if option["id"] in question["key"] else cost for option in question["options"]
    }


def credit_of(wrong: Iterable[Fraction]) -> str:
    """Return the credit rule that what the wrong options cost comes nearest to (see `fractions`)."""
    costs = list(wrong)
    return "partial" if costs and all(cost <= Fraction(-99, 100) for cost in costs) else "each"


def settle_credit(question: dict[str, Any], rule: str) -> None:
    """Set a credit rule; "all" is what nothing means."""
    question.pop("credit", None)
    if rule != "all":
        question["credit"] = rule


def decode(body: bytes) -> tuple[str, list[Note]]:
    """Decode a text file: UTF-8, UTF-16, GB18030 (which GBK and GB2312 are parts of) or Windows-1252.

    Returns: the text and notes on it.

    Raises: Refused.
    """
    encoding = _encoding_of(body)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as fault:
        raise Refused(NO_ENCODING) from fault
    if encoding.startswith("utf"):
        return text, []
    if any(unicodedata.category(sign) in ("Co", "Cn", "Cc") and sign not in "\r\n\t" for sign in text[:50_000]):
        raise Refused(NO_ENCODING)
    converted = N_("The text was not UTF-8 but %(encoding)s; it was converted. Look at the preview before you import.")
    return text, [note(converted, encoding=_LEGACY[encoding])]


NO_ENCODING = N_("The text is neither UTF-8 nor GBK. Save the file as UTF-8 and upload it again.")
_LEGACY = {"gb18030": "GBK", "cp1252": "Windows-1252"}


def _encoding_of(body: bytes) -> str:
    """Tell the encoding of a text: in GBK both bytes of most signs are above 0xA0, a Western letter stands alone."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in body[:200]:
        return "utf-16-le" if body[1:200:2].count(0) > body[:200:2].count(0) else "utf-16-be"
    try:
        body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pairs = _PAIRS.findall(body[:200_000])
        return "gb18030" if 2 * sum(pair[1] > 0xA0 for pair in pairs) > len(pairs) else "cp1252"
    return "utf-8-sig"


def blanks_in(text: str) -> list[int]:
    """Return the numbers of the blanks that a text marks, in its order."""
    return [int(found) for found in _PLACEHOLDER.findall(text)]
