"""Files of money: text cells only, the same bytes each time, amounts read to the fen."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from core import money
from payouts import sheets

CELLS = ("=1+1", "+86138", "@cmd", "-5", "6222021234567890128", "440101199001011234", "http://example.org", "张*")


def test_m7_the_same_rows_give_the_same_bytes_on_another_day() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC)):
        first = sheets.workbook(["a"], [["1"]])
    with time_machine.travel(datetime(2027, 6, 1, tzinfo=UTC)):
        assert sheets.workbook(["a"], [["1"]]) == first


def test_p6_no_cell_of_a_workbook_is_a_formula_or_a_number() -> None:
    body = sheets.workbook(["h"] * len(CELLS), [CELLS])
    with zipfile.ZipFile(io.BytesIO(body)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert sheet.count("<c ") == sheet.count('t="s"') == 2 * len(CELLS)
    assert CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()[1] == list(CELLS)


def test_p6_a_csv_begins_with_a_bom_and_neutralises_formulas() -> None:
    body = sheets.csv(["h"] * len(CELLS), [CELLS])
    assert body.startswith(b"\xef\xbb\xbf")
    line = body.decode("utf-8-sig").splitlines()[1].split(",")
    assert line[:4] == ["'=1+1", "'+86138", "'@cmd", "'-5"]
    assert line[4:] == list(CELLS[4:])


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1234.5", 123450),
        ("¥1,234.50", 123450),
        ("0.01", 1),
        ("67.605", None),
        ("", None),
        ("abc", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e3", None),
        ("1,23", None),
    ],
)
def test_an_amount_in_yuan_is_read_to_the_fen_or_not_at_all(text: str, fen: int | None) -> None:
    assert money.read_yuan(text) == fen


@given(st.integers(-(10**12), 10**12))
def test_an_amount_written_is_read_back(fen: int) -> None:
    assert money.read_yuan(money.plain_yuan(fen)) == fen


@given(st.text())
def test_any_text_pasted_as_a_banks_results_is_read_without_a_crash(text: str) -> None:
    for line in sheets.read_results(text):
        assert line.status in ("", "paid", "failed", "unknown")
