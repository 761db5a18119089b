"""Questions from the rows of a workbook or a CSV file: our template, and whatever other tables look like it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

import python_calamine
from xlsxwriter.utility import xl_col_to_name

from questions.formats.columns import (
    BY_HAND,
    CREDIT_NAMES,
    DIFFICULTY_WORDS,
    FALSE,
    FORMULA,
    OWN_SHEETS,
    TRUE,
    TYPE_WORDS,
    guess_field,
)
from questions.formats.neutral import (
    MOST_QUESTIONS,
    Column,
    Item,
    Note,
    Place,
    Reading,
    Refused,
    Words,
    blanks_in,
    decode,
    flat,
    labelled,
    note,
    number,
    tidy,
)
from questions.formats.unpack import Archive
from questions.rules import CASE_SIZE, CREDITS, MOST_PARTS, N_, Fault, normalise

MOST_CELL = 131_072
LONGEST_LIST = 4_000
"""Characters of a cell that lists variables."""
MOST_COLUMNS = 200
HEAD_ROWS = 10
"""Within how many rows the headings must stand."""

_CELL_FORMULA = re.compile(rb'<c (?:[^>]*? )?r="([A-Z]{1,3}\d{1,7})"[^>]*>\s*<f[ />]')
_LAST_ROW = re.compile(rb'<row (?:[^>]*? )?r="(\d+)"')
_RANGE = re.compile(
    r"([a-z]\w*)\s*[=:：]\s*(\S+?)\s*(?:\.\.|~|～|至|\bto\b)\s*([^\s,，;；/]+)"
    r"(?:\s*[,，]?\s*(?:step|步长|/)\s*[:：=]?\s*([^\s,，;；]+))?"
)
_PAIR = re.compile(r"(\d{1,2})\s*(?:->|→|[-–—:：=])\s*([A-Ta-t])(?![A-Za-z])")
_BETWEEN_BLANKS = re.compile(r"(?<!\\)[\n;；]")
_GAP = re.compile(r"_{2,}|（\s*）|\(\s{2,}\)")

Cells = Sequence[str]


@dataclass
class _Table:
    """One sheet: rows of texts, each with its number from 1; `lines` when the places are lines of a text."""

    name: str
    rows: list[tuple[int, list[str]]]
    lines: bool = False
    faults: dict[tuple[int, int], str] = field(default_factory=dict)

    def place(self, row: int, column: int | None = None) -> Place:
        if self.lines:
            return Place(line=row, column="" if column is None else xl_col_to_name(column))
        return Place(sheet=self.name, row=row, column="" if column is None else xl_col_to_name(column))


def read_xlsx(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read a workbook (.xlsx, .xlsm or the old .xls). To be run where memory and time are limited.

    Args:
        body: the file.
        mapping: by heading the field it is taken for, "" for none; headings left out are guessed.

    Raises: Refused.
    """
    formulas: dict[str, list[bytes]] = {}
    if body.startswith(b"PK"):
        archive = Archive(body)
        for name in archive.names():
            content = archive.read(name)
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                rows = _LAST_ROW.findall(content[-2_000_000:])
                if rows and int(rows[-1]) > MOST_QUESTIONS + HEAD_ROWS:
                    raise _too_many()
                found = [one[1] for one in islice(_CELL_FORMULA.finditer(content), 20)]
                if found:
                    formulas[name] = found
    elif not body.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused(N_("The file is no workbook that can be opened. Save it as .xlsx or .csv."))
    if formulas:
        cells = [cell.decode() for found in formulas.values() for cell in found]
        raise Refused(
            N_("Cells hold formulas: %(cells)s. Replace them by their values (copy, paste values only)."),
            cells=", ".join(cells[:20]),
        )
    try:
        book = python_calamine.load_workbook(io.BytesIO(body))
        tables = [_table(book, name) for name in book.sheet_names]
    except python_calamine.PasswordError as fault:
        raise Refused(N_("The workbook is protected by a password. Save it without one.")) from fault
    except python_calamine.CalamineError as fault:
        raise Refused(N_("The workbook is damaged: %(why)s"), why=str(fault)[:200]) from fault
    return _read(tables, mapping or {})


def _too_many() -> Refused:
    return Refused(N_("The file has more than %(most)s rows. Divide it."), most=MOST_QUESTIONS)


def _table(book: Any, name: str) -> _Table:
    sheet = book.get_sheet_by_name(name)
    if sheet.total_height > MOST_QUESTIONS + HEAD_ROWS:
        raise _too_many()
    table = _Table(name, [])
    for at, cells in enumerate(sheet.to_python(skip_empty_area=False), 1):
        row = []
        for column, value in enumerate(cells[:MOST_COLUMNS]):
            if isinstance(value, date | datetime | time | timedelta):
                table.faults[at, column] = N_(
                    "The cell holds a date or a time. Format the column as text and type the value again."
                )
            row.append(_cell(value))
        table.rows.append((at, row))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else number(repr(value))
    if isinstance(value, str):
        return _unguarded(value)
    return str(value)


def read_csv(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read CSV separated by commas, semicolons or tabs; arguments as `read_xlsx`. Raises: Refused."""
    text, notes = decode(body)
    first = text[:20_000].split("\n")[0]
    delimiter = max(",;\t", key=first.count)
    table = _Table("", [], lines=True)
    csv.field_size_limit(MOST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in rows:
            if len(table.rows) > MOST_QUESTIONS + HEAD_ROWS:
                raise _too_many()
            for column, cell in enumerate(cells[:MOST_COLUMNS]):
                if cell.startswith("=") and len(cell) > 1:
                    table.faults[line, column] = N_(
                        "The cell begins like a formula. Put an apostrophe (') before it if it is text."
                    )
            table.rows.append((line, [_unguarded(cell) for cell in cells[:MOST_COLUMNS]]))
            line = rows.line_num + 1
    except csv.Error as fault:
        raise Refused(N_("The CSV cannot be read: %(why)s"), Place(line=rows.line_num), why=str(fault)) from fault
    reading = _read([table], mapping or {})
    reading.notes[:0] = notes
    return reading


def _unguarded(text: str) -> str:
    """Take off the apostrophe that kept a text from being read as a formula."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def _read(tables: Iterable[_Table], mapping: Mapping[str, str]) -> Reading:
    reading = Reading(items=[], notes=[], columns=[])
    headless = []
    for table in tables:
        table.rows = [(at, [tidy(cell) for cell in row]) for at, row in table.rows]
        found = _find_head(table, mapping)
        if found is None:
            if any(any(row) for _, row in table.rows):
                headless.append(table)
            continue
        index, fields = found
        _note_columns(reading, table, index, fields)
        for at, row in table.rows[index + 1 :]:
            if any(row):
                reading.items.append(_read_row(table, at, row, fields))
    if not reading.items and headless:
        table = headless[0]
        index = next(index for index, (_, row) in enumerate(table.rows) if any(row))
        _note_columns(reading, table, index, {})
        reading.notes.append(
            note(
                N_("No column headed Question or Answer was found. Say below which column is which."),
                table.place(table.rows[index][0]),
            )
        )
    else:
        reading.notes += [
            note(N_("The sheet %(name)s has no headings that are known and was left out."), name=table.name)
            for table in headless
            if not any(table.name in names for names in OWN_SHEETS.values())
        ]
    if len(reading.items) > MOST_QUESTIONS:
        raise _too_many()
    _check_cases(reading.items)
    return reading


def _note_columns(reading: Reading, table: _Table, index: int, fields: Mapping[int, str]) -> None:
    below = table.rows[index + 1 : index + 6]
    for column, header in enumerate(table.rows[index][1]):
        sample = next((row[column] for _, row in below if column < len(row) and row[column]), "")
        if header or sample:
            reading.columns.append(
                Column(table.name, xl_col_to_name(column), header, fields.get(column, ""), sample[:60])
            )


def _find_head(table: _Table, mapping: Mapping[str, str]) -> tuple[int, dict[int, str]] | None:
    """Return the index of the row of headings and the field of each column: the first row with a stem and one more."""
    for index, (_, row) in enumerate(table.rows[:HEAD_ROWS]):
        fields: dict[int, str] = {}
        for column, cell in enumerate(row):
            name = mapping[cell] if cell in mapping else guess_field(cell)
            if name and name not in fields.values():
                fields[column] = name
        if len(fields) > 1 and any(name.split("_")[0] == "stem" for name in fields.values()):
            return index, fields
    return None


class _Row:
    """The cells of one row by field."""

    def __init__(self, cells: Cells, fields: Mapping[int, str]) -> None:
        self._cells = {name: cells[column] for column, name in fields.items() if column < len(cells)}
        self.columns = {name: column for column, name in fields.items()}

    def get(self, name: str) -> str:
        return self._cells.get(name, "")

    def text(self, name: str) -> Words:
        found = {"zh": self.get(f"{name}_zh"), "en": self.get(f"{name}_en"), "": self.get(name)}
        if found["zh"] or found["en"]:
            found[""] = ""
        return {language: text for language, text in found.items() if text}

    def parts(self, kind: str) -> list[tuple[int, Words]]:
        """Return the options or prompts that are not empty, with their numbers from 1."""
        return [(at, text) for at in range(1, MOST_PARTS + 1) if (text := self.text(f"{kind}_{at}"))]


def _read_row(table: _Table, at: int, cells: Cells, fields: Mapping[int, str]) -> Item:
    row = _Row(cells, fields)
    item = Item({}, table.place(at), [], None, [], [])
    for column, name in fields.items():
        if (at, column) in table.faults and name:
            item.problems.append(note(table.faults[at, column], table.place(at, column)))
    question = item.question
    for name in ("id", "case"):
        if row.get(name):
            question[name] = flat(row.get(name))
    question |= {name: text for name in ("stem", "explanation", "source") if (text := row.text(name))}
    item.topics = [flat(row.get("topic"))] if row.get("topic") else []
    item.case_stem = row.text("case_stem") or None
    for name, read in (("difficulty", _read_difficulty), ("type", _read_kind)):
        try:
            read(row, item)
        except Fault as fault:
            _blame(item, fault, table.place(at, row.columns.get(name)))
    if "type" in question:
        try:
            _READERS[question["type"]](row, item)
            if question["type"] in ("multiple", "fill_in", "ordering", "matching") and row.get("credit"):
                _read_credit(row, item)
        except Fault as fault:
            _blame(item, fault, table.place(at, row.columns.get("answer")))
    return item


def _blame(item: Item, fault: Fault, place: Place) -> None:
    item.problems.append(Note(fault.text, fault.values, place))


def _read_difficulty(row: _Row, item: Item) -> None:
    said = normalise(row.get("difficulty"))
    if not said:
        return
    if said in DIFFICULTY_WORDS:
        item.question["difficulty"] = DIFFICULTY_WORDS[said]
    elif said in ("1", "2", "3", "4", "5"):
        item.question["difficulty"] = int(said)
    elif re.fullmatch(r"0?\.\d+", said):
        # A coefficient is the share of people who know the answer.
        share = float(said)
        item.question["difficulty"] = 1 + sum(share < bound for bound in (0.85, 0.7, 0.5, 0.3))
        item.warnings.append(
            note(
                N_("The difficulty %(text)s was taken for the share of people who know the answer."),
                item.place,
                text=said,
            )
        )
    else:
        raise Fault(N_("The difficulty “%(text)s” is not a number from 1 to 5."), text=row.get("difficulty")[:40])


def _read_kind(row: _Row, item: Item) -> None:
    plain = re.sub(r"[\W_]", "", normalise(row.get("type")))
    if plain in BY_HAND:
        raise Fault(N_("Questions marked by people (essays, short answers in sentences) cannot be taken in."))
    kind = TYPE_WORDS.get(plain, "")
    if plain and not kind:
        raise Fault(N_("The type “%(text)s” is not known."), text=row.get("type")[:40])
    item.question["type"] = kind or _guess_kind(row)


def _guess_kind(row: _Row) -> str:
    answer = normalise(row.get("answer"))
    if row.get("variables"):
        return "numeric"
    if row.parts("prompt"):
        return "matching"
    if row.parts("option") or row.text("options"):
        return (
            "multiple"
            if len(re.findall(r"[a-t]", answer)) > 1 and not re.search(r"[^a-t,、，;；/|]", answer)
            else "single"
        )
    return "true_false" if answer in (TRUE | FALSE) - {"0", "1"} else "fill_in"


def _read_credit(row: _Row, item: Item) -> None:
    said = normalise(row.get("credit"))
    for rule in CREDITS:
        if said in (rule, *(normalise(name) for name in CREDIT_NAMES[rule])):
            if rule != "all":
                item.question["credit"] = rule
            return
    raise Fault(N_("The credit rule “%(text)s” is not known."), text=row.get("credit")[:40])


def _options(row: _Row) -> list[Words]:
    """Return the options from their columns, or from one cell with a line, a letter or a bar for each."""
    parts = row.parts("option")
    if parts:
        if [at for at, _ in parts] != list(range(1, len(parts) + 1)):
            raise Fault(N_("An option is empty before one that is not. Close the gap."))
        return [text for _, text in parts]
    found: list[Words] = []
    for language, cell in row.text("options").items():
        split = re.split(r"\n|\||｜", cell)
        if len(split) == 1:
            split = re.split(r"\s*(?:^|(?<=[\s;；,，。]))[A-T][.、．:：)）]\s*", cell)
        texts = [re.sub(r"^[A-Ta-t][.、．:：)）]\s*", "", one.strip()).strip(";； ") for one in split]
        texts = [text for text in texts if text]
        found = found or [{} for _ in texts]
        if len(found) != len(texts):
            raise Fault(N_("The Chinese and the English differ in how many options they have."))
        for words_, text in zip(found, texts, strict=True):
            words_[language] = text
    return found


def _need_answer(row: _Row) -> str:
    answer = row.get("answer")
    if not answer:
        raise Fault(N_("The answer is missing."))
    return answer


def _letters(row: _Row, options: list[dict[str, Any]]) -> list[str]:
    """Read letters such as "B", "ACD" or "A、C"; the full text of an option will do too."""
    answer = _need_answer(row)
    plain = normalise(answer)
    ids = [option["id"] for option in options]
    bare = re.sub(r"[,、，;；/|.&+和]", "", plain)
    if re.fullmatch(r"[a-t]+", bare):
        unknown = [one for one in bare if one not in ids]
        if unknown:
            raise Fault(N_("The answer names option %(letter)s, which is not there."), letter=unknown[0].upper())
        return list(bare)
    named = [
        option["id"]
        for option in options
        if plain in {normalise(str(text)) for key, text in option.items() if key != "id"}
    ]
    if named:
        return named[:1]
    raise Fault(N_("The answer “%(text)s” is no letter of an option. Write B, or ACD."), text=answer[:60])


def _read_choice(row: _Row, item: Item) -> None:
    question = item.question
    question["options"] = labelled(_options(row))
    found = _letters(row, question["options"])
    if question["type"] == "single" and len(found) > 1 and not row.get("type"):
        question["type"] = "multiple"
    question["key"] = found if question["type"] == "ordering" else sorted(found)


def _read_truth(row: _Row, item: Item) -> None:
    said = normalise(_need_answer(row))
    options = [normalise(next(iter(text.values()))) for _, text in row.parts("option")]
    if said in ("a", "b") and len(options) >= 2:
        said = options[ord(said) - ord("a")]
    if said not in TRUE | FALSE:
        raise Fault(N_("The answer “%(text)s” is neither true nor false."), text=row.get("answer")[:40])
    item.question["key"] = said in TRUE


def _split(cell: str) -> list[str]:
    """Split accepted spellings at bars; a backslash before a bar, semicolon or backslash makes it a plain sign."""
    parts = [""]
    signs = iter(cell.replace("｜", "|"))
    for sign in signs:
        if sign == "\\":
            following = next(signs, "")
            parts[-1] += following if following and following in "|\\;；" else sign + following
        elif sign == "|":
            parts.append("")
        else:
            parts[-1] += sign
    return [flat(part) for part in parts if part.strip()]


def _read_fill_in(row: _Row, item: Item) -> None:
    question, answer = item.question, _need_answer(row)
    stem = question.get("stem", {})
    blanks = max((len(blanks_in(text)) for text in stem.values()), default=0)
    lines = [line for line in answer.split("\n") if line.strip()]
    pieces = [piece for piece in _BETWEEN_BLANKS.split(answer) if piece.strip()]
    if not blanks and len(pieces) > 1 and all(len(_GAP.findall(text)) == len(pieces) for text in stem.values()):
        for language, text in stem.items():
            numbers = iter(range(1, len(pieces) + 1))
            stem[language] = _GAP.sub(lambda _, numbers=numbers: f"{{{{{next(numbers)}}}}}", text)  # type: ignore[misc]
        lines = pieces
    elif not blanks:
        question["key"] = _split(answer)
        return
    elif len(lines) != blanks:
        lines = pieces
    if blanks and len(lines) != blanks:
        raise Fault(
            N_("The text marks %(blanks)s blanks and the answer has %(lines)s lines. Give each blank its own line."),
            blanks=blanks,
            lines=len(lines),
        )
    question["key"] = [_split(line) for line in lines]


def _read_numeric(row: _Row, item: Item) -> None:
    question = item.question
    unit = row.text("unit")
    key: dict[str, Any] = {"tolerance": _tolerance(row.get("tolerance"))}
    if unit:
        key["unit"] = unit
    answer = _need_answer(row)
    if row.get("variables"):
        question["variables"] = _variables(row.get("variables"))
        if row.get("where"):
            question["where"] = row.get("where")
        if not re.fullmatch(r"\d|10", row.get("decimals")):
            raise Fault(N_("Say with how many decimals the answer is computed: a number from 0 to 10."))
        question["key"] = {"expression": answer, "decimals": int(row.get("decimals")), **key}
    else:
        question["key"] = {"value": number(answer), **key}


def _tolerance(text: str) -> str:
    said = normalise(text).lstrip("±") or "0"
    return f"{number(said[:-1])}%" if said.endswith("%") else number(said)


def _variables(cell: str) -> dict[str, dict[str, str]]:
    found = {
        name: {"min": number(low), "max": number(high), "step": number(step or "1")}
        for name, low, high, step in _RANGE.findall(cell[:LONGEST_LIST])
    }
    rest = re.sub(r"[\s,，;；]", "", _RANGE.sub("", cell[:LONGEST_LIST])) or cell[LONGEST_LIST:]
    if not found or rest:
        raise Fault(N_("Variables are written one a line, as: i = 100..200 step 10"))
    return found


def _read_matching(row: _Row, item: Item) -> None:
    question = item.question
    prompts = [text for _, text in row.parts("prompt")]
    question["prompts"] = labelled(prompts, "p")
    question["options"] = labelled(_options(row))
    answer = _need_answer(row)
    pairs = _PAIR.findall(answer)
    if not pairs:
        raise Fault(N_("Pairs are written as 1-B, 2-A: the number on the left, the letter on the right."))
    question["key"] = {f"p{int(left)}": right.lower() for left, right in pairs}


_READERS = {
    "single": _read_choice,
    "multiple": _read_choice,
    "ordering": _read_choice,
    "true_false": _read_truth,
    "fill_in": _read_fill_in,
    "numeric": _read_numeric,
    "matching": _read_matching,
}


def _check_cases(items: Sequence[Item]) -> None:
    cases: dict[str, list[Item]] = {}
    for item in items:
        if "case" in item.question:
            cases.setdefault(item.question["case"], []).append(item)
    for code, members in cases.items():
        stem = next((item.case_stem for item in members if item.case_stem), None)
        for item in members:
            item.case_stem = dict(stem) if stem else None
            if len(members) != CASE_SIZE:
                text = N_("The case %(code)s has %(count)s questions; a case has %(size)s.")
                item.problems.append(note(text, item.place, code=code, count=len(members), size=CASE_SIZE))
            if stem is None:
                item.problems.append(
                    note(N_("The case %(code)s has no text in any of its rows."), item.place, code=code)
                )
