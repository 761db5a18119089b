"""Questions from the rows of a workbook or a CSV file: our template, and whatever other tables look like it."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import python_calamine
from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from questions.formats.answers import BARE, blanks_of, doubt_of, letters_of, listed, truth_of
from questions.formats.columns import (
    CREDIT_NAMES,
    DIFFICULTY_WORDS,
    FORMULA,
    OWN_SHEETS,
    TRUE,
    guess_field,
    kind_of,
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
    decode,
    flat,
    labelled,
    letter,
    note,
    number,
    tidy,
    words,
)
from questions.formats.shared import joined
from questions.formats.unpack import Archive, parse_xml
from questions.rules import CASE_SIZE, CREDITS, MOST_PARTS, N_, Fault, normalise

MOST_CELL = 131_072
LONGEST_LIST = 4_000
"""Characters of a cell that lists variables."""
MOST_COLUMNS = 200
MOST_TOPICS = 3
"""Columns in which the topic of a question is looked for."""
HEAD_ROWS = 10
"""Within how many rows the headings must stand."""

_CELL_FORMULA = re.compile(rb'<c (?:[^>]*? )?r="([A-Z]{1,3}\d{1,7})"[^>]*>\s*<f[ />]')
_LAST_ROW = re.compile(rb'<row (?:[^>]*? )?r="(\d+)"')
_RANGE = re.compile(
    r"([a-z]\w*)\s*[=:：]\s*(\S+?)\s*(?:\.\.|~|～|至|\bto\b)\s*([^\s,，;；/]+)"
    r"(?:\s*[,，]?\s*(?:step|步长|/)\s*[:：=]?\s*([^\s,，;；]+))?"
)
_PAIR = re.compile(r"(\d{1,2})\s*(?:->|→|[-–—:：=])\s*([A-Ta-t])(?![A-Za-z])")
_SEPARATOR = re.compile(r"sep=([,;\t|])\r?\n")
"""The first line in which Excel notes what separates the cells."""
_MEASURED = re.compile(r"([-+−]?[\d.,]+)\s*(?:(±\s*[\d.]+%?)\s*)?([^\W\d_][^\d]{0,19}|%|℃|°C?)?")
"""A number with a tolerance and a unit."""

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
    formulas: dict[str, list[tuple[int, int]]] = {}
    if body.startswith(b"PK"):
        archive = Archive(body)
        sheets = _sheets_of(archive)
        for name in archive.names():
            content = archive.read(name)
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                rows = _LAST_ROW.findall(content[-2_000_000:])
                if rows and int(rows[-1]) > MOST_QUESTIONS + HEAD_ROWS:
                    raise _too_many()
                cells = [xl_cell_to_rowcol(one[1].decode()) for one in _CELL_FORMULA.finditer(content)]
                formulas[sheets.get(name, "")] = [(row + 1, column) for row, column in cells]
    elif not body.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused(N_("The file is no workbook that can be opened. Save it as .xlsx or .csv."))
    try:
        book = python_calamine.load_workbook(io.BytesIO(body))
        tables = [_table(book, name, formulas.get(name, [])) for name in book.sheet_names]
    except python_calamine.PasswordError as fault:
        raise Refused(N_("The workbook is protected by a password. Save it without one.")) from fault
    except python_calamine.CalamineError as fault:
        raise Refused(N_("The workbook is damaged: %(why)s"), why=str(fault)[:200]) from fault
    return _read(tables, mapping or {})


def _too_many() -> Refused:
    return Refused(N_("The file has more than %(most)s rows. Divide it."), most=MOST_QUESTIONS)


def _sheets_of(archive: Archive) -> dict[str, str]:
    """Return the names of the sheets by the files that hold them."""
    book, links = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if not {book, links} <= set(archive.names()):
        return {}
    files = {link.get("Id"): link.get("Target", "") for link in parse_xml(archive.read(links), links)}
    found = {}
    for sheet in parse_xml(archive.read(book), book).iterfind("{*}sheets/{*}sheet"):
        key = next((value for name, value in sheet.attrib.items() if str(name).endswith("}id")), "")
        found[posixpath.normpath(posixpath.join("/xl", files.get(key, ""))).lstrip("/")] = sheet.get("name", "")
    return found


def _table(book: Any, name: str, formulas: Iterable[tuple[int, int]]) -> _Table:
    sheet = book.get_sheet_by_name(name)
    if sheet.total_height > MOST_QUESTIONS + HEAD_ROWS:
        raise _too_many()
    text = N_("The cell holds a formula. Replace it by its value (copy, paste values only).")
    table = _Table(name, [], faults=dict.fromkeys(formulas, text))
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
    said = _SEPARATOR.match(text)
    text = text[said.end() :] if said else text
    delimiter = said[1] if said else _delimiter(text, mapping or {})
    table = _Table("", [], lines=True)
    csv.field_size_limit(MOST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    ahead = 1 if said else 0
    line = ahead + 1
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
            line = ahead + rows.line_num + 1
    except csv.Error as fault:
        place = Place(line=ahead + rows.line_num)
        if "expected after" in str(fault) or "end of data" in str(fault):
            text = N_(
                "A quotation mark is not closed or stands amid a cell. Write each twice, and the cell between two."
            )
            raise Refused(text, place) from fault
        raise Refused(N_("The CSV cannot be read: %(why)s"), place, why=str(fault)) from fault
    reading = _read([table], mapping or {})
    reading.notes[:0] = notes
    return reading


def _delimiter(text: str, mapping: Mapping[str, str]) -> str:
    """Return what separates the cells: that with which a row of headings is found, or else the most frequent sign."""
    head = text[:20_000].split("\n")[:HEAD_ROWS]
    signs = sorted(",;\t", key=lambda sign: -sum(line.count(sign) for line in head))
    for sign in signs:
        rows = [(at, [tidy(cell.strip('"')) for cell in line.split(sign)]) for at, line in enumerate(head, 1)]
        if _find_head(_Table("", rows), mapping):
            return sign
    return signs[0]


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
            if name and (name not in fields.values() or name == "topic"):
                fields[column] = name
        if len(fields) > 1 and any(name.split("_")[0] == "stem" for name in fields.values()):
            return index, fields
    return None


class _Row:
    """The cells of one row by field; several columns of topics go from the widest to the narrowest."""

    def __init__(self, cells: Cells, fields: Mapping[int, str], sheet: str) -> None:
        self._cells = {name: cells[column] for column, name in fields.items() if column < len(cells)}
        self.columns = {name: column for column, name in fields.items()}
        topics = [cells[at] for at, name in fields.items() if name == "topic" and at < len(cells) and cells[at]]
        self.topics = topics[-MOST_TOPICS:]
        self.sheet = sheet

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
    row = _Row(cells, fields, table.name)
    item = Item({}, table.place(at), [], None, [], [])
    for column, name in fields.items():
        if (at, column) in table.faults and name not in ("", "id"):
            item.problems.append(note(table.faults[at, column], table.place(at, column)))
    question = item.question
    for name in ("id", "case"):
        if row.get(name):
            question[name] = flat(row.get(name))
    question |= {name: text for name in ("stem", "explanation", "source") if (text := row.text(name))}
    item.topics = [flat(topic) for topic in row.topics]
    item.case_stem = row.text("case_stem") or None
    if item.case_stem and "case" not in question:
        question["stem"] = joined([item.case_stem, question.get("stem", {})])
        item.case_stem = None
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
        text = N_("The difficulty “%(text)s” is not a number from 1 to 5.")
        item.warnings.append(note(text, item.place, text=row.get("difficulty")[:40]))


def _read_kind(row: _Row, item: Item) -> None:
    """Tell the type by its column or by the name of the sheet; where these do not, by options and answer."""
    said = row.get("type")
    kind = kind_of(said or row.sheet)
    if kind == "by hand":
        raise Fault(N_("Questions marked by people (essays, short answers in sentences) cannot be taken in."))
    if said and not kind:
        if not _has_options(row) and truth_of(row.get("answer")) is None:
            raise Fault(N_("The type “%(text)s” is not known."), text=said[:40])
        text = N_("The type “%(text)s” is not known: it was told by options and answer.")
        item.warnings.append(note(text, item.place, text=said[:40]))
    item.question["type"] = kind if kind not in ("", "choice") else _guess_kind(row)


def _guess_kind(row: _Row) -> str:
    if row.get("variables"):
        return "numeric"
    if row.parts("prompt"):
        return "matching"
    if _has_options(row):
        return "single"
    plain = normalise(row.get("answer"))
    return "fill_in" if plain in BARE or truth_of(plain) is None else "true_false"


def _has_options(row: _Row) -> bool:
    return bool(row.parts("option") or row.text("options") or _has_wrong_ones(row))


def _has_wrong_ones(row: _Row) -> bool:
    """Say whether the options are the answer and columns of wrong ones, with no letters to tell them by."""
    return bool(row.parts("wrong") or row.text("wrongs")) and not (row.parts("option") or row.text("options"))


def _read_credit(row: _Row, item: Item) -> None:
    said = normalise(row.get("credit"))
    for rule in CREDITS:
        if said in (rule, *(normalise(name) for name in CREDIT_NAMES[rule])):
            if rule != "all":
                item.question["credit"] = rule
            return
    raise Fault(N_("The credit rule “%(text)s” is not known."), text=row.get("credit")[:40])


def _options(row: _Row) -> list[Words]:
    """Return the options from their columns, or from one cell with a line, a letter or a bar for each.

    The answer stands before options that are known to be wrong.
    """
    if _has_wrong_ones(row):
        wrong = [text for _, text in row.parts("wrong")] or _apart(row.text("wrongs"), least=1)
        return [row.text("answer"), *wrong]
    parts = row.parts("option")
    if parts:
        if [at for at, _ in parts] != list(range(1, len(parts) + 1)):
            raise Fault(N_("An option is empty before one that is not. Close the gap."))
        return _unlettered([text for _, text in parts])
    return _apart(row.text("options"))


def _apart(cells: Words, least: int = 2) -> list[Words]:
    found: list[Words] = []
    for language, cell in cells.items():
        split = listed(cell) or re.split(r"\n|\||｜", cell)
        if len(split) == 1:
            split = re.split(r"\s*(?:^|(?<=[\s;；,，。]))(?:[(（]?[A-T][.、．:：)）]|[\[【][A-T][\]】])\s*", cell)
        if len(split) == 1:
            split = re.split(r"\$;\$|\$\$|[;；#]", cell)
        texts = [text for one in split if (text := one.strip(",，;； \t"))]
        if len(texts) < least:
            raise Fault(N_("The options in the cell cannot be told apart. Write each on a line of its own."))
        found = found or [{} for _ in texts]
        if len(found) != len(texts):
            raise Fault(N_("The Chinese and the English differ in how many options they have."))
        for words_, text in zip(found, texts, strict=True):
            words_[language] = text
    return _unlettered(found)


def _unlettered(options: list[Words]) -> list[Words]:
    """Take the letters off options that all begin with their own and differ without it: "A. 甲" in column A."""
    bare = []
    for at, option in enumerate(options):
        prefix = re.compile(rf"[(（\[【]?{letter(at)}(?:\s?[.、．:：)）\]】-]\s*|\s+)(?=\S)", re.IGNORECASE)
        if not all(prefix.match(text) for text in option.values()):
            return options
        bare.append({language: prefix.sub("", text, count=1) for language, text in option.items()})
    return bare if len({str(option) for option in bare}) == len(bare) else options


def _need_answer(row: _Row) -> str:
    """Return the answer; where each option has a column that says whether it is right, the letters of those."""
    answer = row.get("answer") or "".join(
        letter(at - 1) for at in range(1, MOST_PARTS + 1) if normalise(row.get(f"correct_{at}")) in TRUE
    )
    if not answer:
        raise Fault(N_("The answer is missing."))
    return answer


def _read_choice(row: _Row, item: Item) -> None:
    question = item.question
    question["options"] = labelled(_options(row))
    answer = _need_answer(row)
    found = ["a"] if _has_wrong_ones(row) else letters_of(answer, question["options"])
    if question["type"] == "single" and len(found) > 1 and kind_of(row.get("type") or row.sheet) in ("", "choice"):
        question["type"] = "multiple"
    elif question["type"] == "multiple" and len(found) == 1:
        question["type"] = "single"
        item.warnings.append(note(N_("A multiple choice with one right option became a single choice."), item.place))
    question["key"] = found if question["type"] == "ordering" else sorted(found)


def _read_truth(row: _Row, item: Item) -> None:
    answer = _need_answer(row)
    said = normalise(answer)
    if said in ("a", "b"):
        options = [next(iter(text.values())) for text in _options(row)]
        if not options:
            options = ["true", "false"]
            item.warnings.append(note(N_("The answer A was taken for true and B for false."), item.place))
        said = options[min(ord(said) - ord("a"), len(options) - 1)]
    truth = truth_of(said)
    if truth is None:
        raise Fault(N_("The answer “%(text)s” is neither true nor false."), text=answer[:40])
    item.question["key"] = truth


def _read_fill_in(row: _Row, item: Item) -> None:
    """Read the words of the blanks; without an answer the columns of options hold what is accepted."""
    accepted = [flat(next(iter(text.values()))) for _, text in row.parts("option")]
    if accepted and not row.get("answer"):
        item.question["key"] = accepted
    else:
        stem, answer = item.question.get("stem", {}), _need_answer(row)
        item.question["key"] = blanks_of(stem, answer)
        if "|" not in answer and (doubt := doubt_of(stem, item.question["key"])):
            item.warnings.append(note(doubt, item.place))


def _read_numeric(row: _Row, item: Item) -> None:
    question = item.question
    unit = row.text("unit")
    key: dict[str, Any] = {"tolerance": _tolerance(row.get("tolerance"))}
    if unit:
        key["unit"] = unit
    answer = _need_answer(row)
    measured = _MEASURED.fullmatch(answer)
    if measured and not row.get("variables"):
        answer = measured[1]
        key["tolerance"] = _tolerance(measured[2] or row.get("tolerance"))
        if measured[3] and not unit:
            key["unit"] = words(measured[3])
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
