"""Questions as rows of a workbook or a CSV file; without questions it is the template that people fill in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import xlsxwriter

from questions.formats.columns import BILINGUAL, CREDIT_NAMES, FORMULA, HEADINGS, OWN_SHEETS, TYPE_NAMES, heading
from questions.formats.neutral import (
    CannotHold,
    WriteOptions,
    Writing,
    held,
    letter,
)
from questions.rules import N_, shown_in

LONGEST_CELL = 32_767
"""Characters; the file format's own limit."""
TEMPLATE_OPTIONS = 6
TEMPLATE_PROMPTS = 6
TEMPLATE_ROWS = 1_000
"""How many rows of the template have drop-downs."""

_NOTES = """
列 / Column
说明
What to write

题型 / Type
从列表选：单选题、多选题、判断题、填空题、数值题、排序题、匹配题
Choose from the list

知识点 / Topic
从列表选；也可以写知识点的名称
Choose from the list, or write the name of the topic

难度 / Difficulty
1（多数人会）到 5（少数人会）
1 (most people know it) to 5 (few do)

题干、选项、解析、出处 / Question, options, explanation, source
中文、英文都要写；只写一种时，导入后会提示补译
Write both languages; with one alone you are told to add the other

选项、左项 / Options, left items
选择题写在选项里；排序题把各步骤写在选项里；匹配题左侧写在左项，右侧写在选项
Choices in the options; the steps of an ordering too; of a matching the left side in the left items

答案：单选、多选 / Answer: single, multiple
B 或 ACD
B or ACD

答案：判断 / Answer: true or false
对 或 错
true or false

答案：填空 / Answer: fill in
每个空写一行，同一空的多种写法用 | 隔开；有多个空时，题干里写 {{1}}、{{2}}
A line for each blank, accepted spellings divided by |; several blanks are marked {{1}}, {{2}} in the question

答案：数值 / Answer: numeric
12.5；误差写 0.1 或 1%
12.5, with the tolerance 0.1 or 1%

答案：带变量的数值 / Answer: numeric with variables
写算式，如 60 * i * u；变量每行一个，如 i = 100..200 step 10；题干里写 {i}；小数位写结果保留几位
An expression such as 60 * i * u; variables one a line, as i = 100..200 step 10; the question shows {i}

答案：排序 / Answer: ordering
按正确顺序写字母，如 CADB
The letters in the right order, such as CADB

答案：匹配 / Answer: matching
1-B 2-A 3-C
1-B 2-A 3-C

计分 / Credit
全对得分、按项得分；多选题还可以选少选得分
All or nothing, or each part; a multiple choice may have partial credit too

案例编号、案例 / Case, case text
同一案例的三道题写相同的编号；案例内容写在其中任一行
The three questions of a case have the same code; its text stands in any of their rows
"""


def _fields(questions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that these questions need, in the template's order; for none the template's own."""
    options = max([TEMPLATE_OPTIONS, *(len(question.get("options", [])) for question in questions)])
    prompts = max([TEMPLATE_PROMPTS, *(len(question.get("prompts", [])) for question in questions)])
    names = []
    for name in HEADINGS:
        many = {"option": options, "prompt": prompts}.get(name, 0)
        roots = [f"{name}_{at}" for at in range(1, many + 1)] if many else [name]
        names += [f"{root}_{language}" for root in roots for language in ("zh", "en")] if name in BILINGUAL else roots
    return names


def _row(question: Mapping[str, Any], options: WriteOptions, first_of_case: bool) -> dict[str, str]:
    """Return the cells of a question by field. Raises: CannotHold."""
    if any(shown_in(question)) or any(shown_in(question.get("case") or {})):
        raise CannotHold(N_("A sheet cannot hold images or sounds; choose Moodle XML or QTI."))
    language = 0 if options.headings == "zh" else 1
    cells = {
        "id": str(question["id"]),
        "type": TYPE_NAMES[question["type"]][language],
        "topic": _topic_cell(question["topic"], options),
        "difficulty": str(question["difficulty"]),
    }
    texts = {name: question[name] for name in ("stem", "explanation", "source")}
    texts |= {f"option_{at}": text for at, text in enumerate(question.get("options", []), 1)}
    texts |= {f"prompt_{at}": text for at, text in enumerate(question.get("prompts", []), 1)}
    if question.get("case"):
        cells["case"] = str(question["case"]["id"])
        if first_of_case:
            texts["case_stem"] = question["case"]["stem"]
    key, kind = question["key"], question["type"]
    if kind in ("multiple", "ordering", "matching") or (kind == "fill_in" and isinstance(key[0], list)):
        cells["credit"] = CREDIT_NAMES[question.get("credit", "all")][language]
    if kind == "numeric":
        texts["unit"] = key.get("unit") or {"zh": "", "en": ""}
        cells["tolerance"] = str(key["tolerance"])
        if "variables" in question:
            cells["variables"] = "\n".join(
                f"{name} = {bounds['min']}..{bounds['max']} step {bounds['step']}"
                for name, bounds in question["variables"].items()
            )
            cells |= {"decimals": str(key["decimals"]), "where": str(question.get("where", ""))}
    cells["answer"] = _answer(question, language)
    for name, text in texts.items():
        for said in ("zh", "en"):
            cells[f"{name}_{said}"] = text[said] if options.language in ("", said) else ""
    if any(len(cell) > LONGEST_CELL for cell in cells.values()):
        raise CannotHold(N_("A text is longer than a cell can be (%(most)s characters)."), most=LONGEST_CELL)
    return cells


def _topic_cell(code: str, options: WriteOptions) -> str:
    names = options.topics.get(code)
    return f"{names[options.headings]} [{code}]" if names else code


def _answer(question: Mapping[str, Any], language: int) -> str:
    key = question["key"]
    letters = {part["id"]: letter(at).upper() for at, part in enumerate(question.get("options", []))}
    match question["type"]:
        case "single" | "multiple" | "ordering":
            return "".join(letters[one] for one in key)
        case "true_false":
            return (("对", "错"), ("true", "false"))[language][0 if key else 1]
        case "matching":
            numbers = {part["id"]: at for at, part in enumerate(question["prompts"], 1)}
            return " ".join(
                f"{numbers[one]}-{letters[other]}"
                for one, other in sorted(key.items(), key=lambda pair: numbers[pair[0]])
            )
        case "fill_in":
            lines = key if isinstance(key[0], list) else [key]
            return "\n".join("|".join(_escaped(spelling) for spelling in line) for line in lines)
        case _:
            return str(key["expression"] if "expression" in key else key["value"])


def _escaped(spelling: str) -> str:
    return re.sub(r"([\\\\|;；])", r"\\\1", spelling)


def _rows(questions: Sequence[Mapping[str, Any]], options: WriteOptions, writing: Writing) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for question, row in held(
        questions, writing, options.language, lambda one: _row(one, options, _case(one) not in seen)
    ):
        seen.add(_case(question))
        yield row


def _case(question: Mapping[str, Any]) -> str:
    return str(question["case"]["id"]) if question.get("case") else ""


def write_csv(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write questions as CSV in UTF-8 with a byte order mark; with none it is the empty template.

    Args:
        questions: in the form of docs/bank-format.md, a case as {id, stem, media}.
        media: images and sounds by name; a sheet holds none.
        options: see `WriteOptions`.
    """
    names = _fields(questions)
    writing = Writing(b"", 0, {}, [])
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([heading(name, options.headings) for name in names])
    for row in _rows(questions, options, writing):
        writer.writerow([_guarded(row.get(name, "")) for name in names])
    writing.body = out.getvalue().encode("utf-8-sig")
    return writing


def _guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would read as a formula (P6)."""
    return f"'{text}" if FORMULA.match(text) else text


def write_xlsx(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write questions as a workbook with drop-downs and a sheet of notes; arguments as `write_csv`."""
    names = _fields(questions)
    writing = Writing(b"", 0, {}, [])
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(OWN_SHEETS["questions"][0 if options.headings == "zh" else 1])
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#EFE8DB", "border": 1})
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    quoted = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top", "quote_prefix": True})
    wide = ("stem", "explanation", "source", "case_stem", "option", "variables", "prompt")
    for column, name in enumerate(names):
        page.set_column(column, column, 28 if name.startswith(wide) else 13, text)
        page.write_string(0, column, heading(name, options.headings), bold)
    page.freeze_panes(1, 2)
    for line, row in enumerate(_rows(questions, options, writing), 1):
        for column, name in enumerate(names):
            cell = row.get(name, "")
            if cell:
                page.write_string(line, column, cell, quoted if FORMULA.match(cell) else text)
    last = max(writing.count, TEMPLATE_ROWS)
    _add_lists(book, page, names, options, last)
    _add_notes(book, options)
    book.close()
    writing.body = out.getvalue()
    return writing


def _add_lists(book: Any, page: Any, names: Sequence[str], options: WriteOptions, last: int) -> None:
    at = 0 if options.headings == "zh" else 1
    lists = {
        "type": [name[at] for name in TYPE_NAMES.values()],
        "difficulty": ["1", "2", "3", "4", "5"],
        "credit": [name[at] for name in CREDIT_NAMES.values()],
    }
    for name, choices in lists.items():
        column = names.index(name)
        page.data_validation(1, column, last, column, {"validate": "list", "source": choices, "error_type": "warning"})
    if options.topics:
        page_of_topics = book.add_worksheet(OWN_SHEETS["topics"][at])
        for line, code in enumerate(options.topics):
            page_of_topics.write_string(line, 0, _topic_cell(code, options))
        page_of_topics.set_column(0, 0, 60)
        column = names.index("topic")
        source = f"='{page_of_topics.get_name()}'!$A$1:$A${len(options.topics)}"
        page.data_validation(1, column, last, column, {"validate": "list", "source": source, "error_type": "warning"})


def _add_notes(book: Any, options: WriteOptions) -> None:
    page = book.add_worksheet(OWN_SHEETS["notes"][0 if options.headings == "zh" else 1])
    page.set_column(0, 0, 32)
    page.set_column(1, 2, 70, book.add_format({"text_wrap": True, "valign": "top"}))
    for line, cells in enumerate(_NOTES.strip().split("\n\n")):
        for column, cell in enumerate(cells.split("\n")):
            page.write_string(line, column, cell)
