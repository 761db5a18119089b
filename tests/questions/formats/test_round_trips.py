"""What is exported and imported again is the same question, for every type of item that a format can hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questions.formats import FORMATS, aiken, gift, moodle, qti, qti_package, sheets, workbook
from questions.formats.neutral import ONE_LANGUAGE, Reading, WriteOptions, Writing
from tests.questions.formats.samples import (
    OPTIONS,
    PICTURES,
    TOPICS,
    canonical,
    drawn,
    questions,
    settled,
    with_pictures,
)

Write = Callable[[Sequence[Mapping[str, Any]], Mapping[str, bytes], WriteOptions], Writing]
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def back(write: Write, read: Callable[[bytes], Reading], given_: list[dict[str, Any]]) -> None:
    """Write and read back: what is not left out must be the same question, and what is must be said."""
    written = write(given_, PICTURES, OPTIONS)
    assert set(written.left_out) <= set(written.notes)
    held = [question for question in given_ if question["id"] not in written.left_out]
    assert written.count == len(held)
    if not held:
        return  # an empty package is no package
    reading = read(written.body)
    found = settled(reading)
    assert [canonical(one, reading.media) for one in found] == [canonical(question) for question in held]


SHEETS = {"xlsx": (workbook.write_xlsx, sheets.read_xlsx), "csv": (workbook.write_csv, sheets.read_csv)}


@pytest.mark.parametrize("kind", SHEETS)
@quick
@given(given_=st.lists(questions() | drawn(), min_size=1, max_size=4, unique_by=lambda one: one["id"]))
def test_a_sheet_gives_back_every_type_of_item(kind: str, given_: list[dict[str, Any]]) -> None:
    back(*SHEETS[kind], given_)


@quick
@given(given_=st.lists(questions(), min_size=1, max_size=4, unique_by=lambda one: one["id"]))
def test_gift_gives_back_what_it_can_hold(given_: list[dict[str, Any]]) -> None:
    back(gift.write, gift.read, given_)


@quick
@given(
    given_=st.lists(
        questions() | drawn() | questions().map(with_pictures), min_size=1, max_size=4, unique_by=lambda one: one["id"]
    )
)
def test_moodle_xml_gives_back_what_it_can_hold(given_: list[dict[str, Any]]) -> None:
    back(moodle.write, moodle.read, given_)


@quick
@given(given_=questions(("fill_in",)), language=st.sampled_from(["", "zh"]))
def test_blanks_leave_in_moodle_xml_and_come_back_in_one_language_or_both(
    given_: dict[str, Any], language: str
) -> None:
    if language:
        texts = ("stem", "explanation", "source")
        given_ = given_ | {part: dict.fromkeys(("zh", "en"), given_[part]["zh"]) for part in texts}
    written = moodle.write([given_], {}, WriteOptions(language=language, trade="welding", topics=TOPICS))
    assert written.left_out == []
    assert canonical(*settled(moodle.read(written.body))) == canonical(given_)


PACKAGES = {"2.1": qti_package.write_21, "3.0": qti_package.write_30}


@pytest.mark.parametrize("version", PACKAGES)
@quick
@given(
    given_=st.lists(
        questions() | drawn() | questions().map(with_pictures), min_size=1, max_size=4, unique_by=lambda one: one["id"]
    )
)
def test_a_qti_package_gives_back_what_it_can_hold(version: str, given_: list[dict[str, Any]]) -> None:
    back(PACKAGES[version], qti.read, given_)


@quick
@given(given_=st.lists(questions(("single",), plain=True), min_size=1, max_size=4, unique_by=lambda one: one["id"]))
def test_aiken_gives_back_the_text_options_and_answer_of_a_single_choice(given_: list[dict[str, Any]]) -> None:
    written = aiken.write(given_, {}, WriteOptions(language="zh"))
    assert set(written.notes) == {question["id"] for question in given_}, "that it holds no more is said of each"
    held = [question for question in given_ if question["id"] not in written.left_out]
    found = [item.question for item in aiken.read(written.body).items]
    assert [(one["stem"][""], [option[""] for option in one["options"]], one["key"]) for one in found] == [
        (one["stem"]["zh"], [option["zh"] for option in one["options"]], one["key"]) for one in held
    ]


@quick
@given(given_=questions(("single", "multiple", "numeric")))
def test_one_language_alone_is_read_back_and_that_the_other_is_missing_is_said(given_: dict[str, Any]) -> None:
    for write, read in ((gift.write, gift.read), (moodle.write, moodle.read), (qti_package.write_21, qti.read)):
        written = write([given_], PICTURES, WriteOptions(language="en", topics=TOPICS))
        assert [note.text for note in written.notes[given_["id"]]] == [ONE_LANGUAGE]
        (question,) = settled(read(written.body))
        assert question["stem"]["en"] == given_["stem"]["en"]
        assert question["key"] == given_["key"] or question["type"] in ("numeric",)


@quick
@given(given_=questions().map(with_pictures) | drawn())
def test_what_a_format_cannot_hold_is_said_of_the_question_and_never_dropped_in_silence(given_: dict[str, Any]) -> None:
    for format_ in FORMATS.values():
        written = format_.write([given_], PICTURES, OPTIONS)
        assert written.count + len(written.left_out) == 1
        assert not written.left_out or written.notes[given_["id"]]


def test_a_case_survives_a_sheet_and_is_refused_elsewhere() -> None:
    case = {"id": "c1", "stem": {"zh": "案例", "en": "The case"}}
    members = [
        {
            "id": f"q{at}",
            "type": "true_false",
            "topic": "safety",
            "difficulty": 2,
            "stem": {"zh": f"题{at}", "en": f"Q{at}"},
            "key": True,
            "explanation": {"zh": "解", "en": "E"},
            "source": {"zh": "源", "en": "S"},
            "case": case,
        }
        for at in range(3)
    ]
    for write, read in SHEETS.values():
        reading = read(write(members, {}, OPTIONS).body)
        assert [item.question["case"] for item in reading.items] == ["c1"] * 3
        assert [item.case_stem for item in reading.items] == [case["stem"]] * 3
        assert settled(reading)
        torn = read(write(members[:2], {}, OPTIONS).body)
        assert "a case has %(size)s" in torn.items[0].problems[0].text
    for code in ("gift", "aiken", "moodle", "qti21", "qti30"):
        assert len(FORMATS[code].write(members, {}, OPTIONS).left_out) == 3, code


def test_exports_hold_no_formula_cell_and_the_template_has_lists_and_notes() -> None:
    evil = ["=1+1", "+cmd", "-2+3", "@SUM(A1)"]
    given_ = [
        {
            "id": f"q{at}",
            "type": "true_false",
            "topic": "safety",
            "difficulty": 2,
            "stem": {"zh": text, "en": text},
            "key": True,
            "explanation": {"zh": text, "en": text},
            "source": {"zh": text, "en": text},
        }
        for at, text in enumerate(evil)
    ]
    book = openpyxl.load_workbook(io.BytesIO(workbook.write_xlsx(given_, {}, OPTIONS).body))
    page = book["题目"]
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    assert page["E2"].quotePrefix
    body = workbook.write_csv(given_, {}, OPTIONS).body
    assert body.startswith(b"\xef\xbb\xbf")
    cells = [cell for row in csv.reader(io.StringIO(body.decode("utf-8-sig"))) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert [one["stem"]["zh"] for one in settled(sheets.read_csv(body))] == evil
    template = openpyxl.load_workbook(io.BytesIO(workbook.write_xlsx([], {}, OPTIONS).body))
    assert template.sheetnames == ["题目", "知识点", "填写说明"]
    lists = {one.formula1 for one in template["题目"].data_validations.dataValidation}
    assert "'知识点'!$A$1:$A$2" in lists
    assert any("单选题" in one for one in lists)
    english = workbook.write_xlsx([], {}, WriteOptions(topics=TOPICS, headings="en")).body
    assert openpyxl.load_workbook(io.BytesIO(english)).sheetnames == ["Questions", "Topics", "Notes"]
    assert sheets.read_xlsx(english).items == []
    assert "stem_zh" in {column.field for column in sheets.read_xlsx(english).columns}
