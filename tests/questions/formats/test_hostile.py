"""Files that are built to do harm end in a clear refusal, within two seconds and 512 MiB of a process of its own."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import xlsxwriter

from questions.formats import sandbox, unpack
from questions.formats.neutral import LARGEST_FILE, Refused
from questions.formats.sandbox import read_apart

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE quiz [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + at, b"&%c;" % (97 + at) * 10) for at in range(9))
    + b']><quiz><question type="essay"><name><text>&j;</text></name></question></quiz>'
)


@contextmanager
def cheap(most_s: float = 2.0) -> Iterator[None]:
    """The processor time that children take, which a busy machine does not lengthen."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < most_s


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return out.getvalue()


def workbook(sheet: bytes) -> bytes:
    """A workbook whose only sheet is this XML."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet()
    book.close()
    with zipfile.ZipFile(out) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    return zipped(*((name, sheet if name == "xl/worksheets/sheet1.xml" else content) for name, content in members))


HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"


def text_row(number: int, *cells: str) -> bytes:
    """A row of text cells."""
    written = "".join(
        f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>' for at, cell in enumerate(cells)
    )
    return f'<row r="{number}">{written}</row>'.encode()


def refused(name: str, body: bytes) -> str:
    with cheap(), pytest.raises(Refused) as refusal:
        read_apart("", name, body)
    return str(refusal.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    zeros = b"\0" * 30_000_000
    assert "Unpacked the file would have" in refused("q.zip", zipped(*((f"{at}.xml", zeros) for at in range(4))))
    assert "Unpacked the file would have" in refused("q.xlsx", zipped(("xl/workbook.xml", zeros)))


def test_a_zip_that_lies_about_its_sizes_is_refused() -> None:
    body = bytearray(zipped(("imsmanifest.xml", b"<manifest/>"), ("item.xml", b"<x>" + b" " * 5_000_000 + b"</x>")))
    size = struct.pack("<I", 5_000_007)
    while (at := body.find(size)) >= 0:
        body[at : at + 4] = struct.pack("<I", 100)
    said = refused("q.zip", bytes(body))
    assert "a size it does not have" in said or "damaged" in said


def test_a_path_out_of_the_archive_is_refused() -> None:
    for name in ("../../etc/cron.d/x.xml", "/etc/passwd.xml", "a\\..\\..\\b.xml", "C:/x.xml"):
        assert "outside of itself" in refused("q.zip", zipped(("imsmanifest.xml", b"<m/>"), (name, b"<x/>")))


def test_links_passwords_doubles_and_thousands_of_members_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        link = zipfile.ZipInfo("item.xml")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    assert "link" in refused("q.zip", out.getvalue())
    body = bytearray(zipped(("item.xml", b"<x/>")))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = body.find(mark) + (6 if mark.endswith(b"\x04") else 8)
        body[at] |= 1
    assert "password" in refused("q.zip", bytes(body))
    many = zipped(*((f"{at}.xml", b"") for at in range(unpack.MOST_MEMBERS + 1)), method=zipfile.ZIP_STORED)
    assert "more than 12000 files" in refused("q.zip", many)
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = zipped(("item.xml", b"<x/>"), ("item.xml", b"<y/>"))
    assert "twice" in refused("q.zip", double)


def test_entities_are_refused_and_a_document_type_is_never_fetched() -> None:
    assert refused("q.xml", BOMB)
    outside = b'<!DOCTYPE quiz [<!ENTITY x SYSTEM "file:///etc/passwd">]><quiz><question>&x;</question></quiz>'
    assert "DOCTYPE" in refused("q.xml", outside)
    assert "DOCTYPE" in refused("q.xml", outside.replace(b"ENTITY x", b"ENTITY % x").replace(b"&x;", b"x"))
    with cheap():
        _, reading = read_apart("", "q.xml", b'<!DOCTYPE quiz SYSTEM "http://127.0.0.1:1/x.dtd"><quiz ></quiz>')
    assert reading.items == []
    item = outside.replace(b"quiz", b"questestinterop")
    assert "DOCTYPE" in refused("q.zip", zipped(("imsmanifest.xml", b"<m/>"), ("i.xml", item)))


def test_attributes_that_a_document_type_gives_every_element_do_not_grow_past_the_limits() -> None:
    head = b'<!DOCTYPE quiz [<!ATTLIST a b CDATA "' + b"x" * 1_000_000 + b'">]><quiz >'
    with pytest.raises(Refused, match=r"memory|long|cannot be read"):
        read_apart("", "q.xml", head + b"<a/>" * 1_000_000 + b"</quiz>")


def test_xml_and_html_nested_deeply_are_refused() -> None:
    assert "cannot be read" in refused("q.xml", b"<quiz>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</quiz>")
    html = "&lt;div&gt;" * 100_000
    text = f'<questiontext format="html"><text>{html}</text></questiontext>'
    body = f'<quiz><question type="truefalse">{text}</question></quiz>'
    with cheap():
        _, reading = read_apart("", "q.xml", body.encode())
    assert "nested deeper" in reading.items[0].problems[0].text


def test_a_sheet_of_all_the_rows_there_can_be_is_refused() -> None:
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (at, at) for at in range(1, 1_048_577))
    assert "more than 10000 rows" in refused("q.xlsx", workbook(HEAD + rows + TAIL))
    assert "more than 10000 rows" in refused("q.csv", b"stem,answer\n" + b"1,2\n" * 1_048_577)


def test_a_sheet_of_two_cells_at_its_far_corners_is_refused() -> None:
    cells = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "more than 10000 rows" in refused("q.xlsx", workbook(HEAD + cells + TAIL))
    wide = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="9000"><c r="XFD9000"><v>1</v></c></row>'
    assert "memory" in refused("q.xlsx", workbook(HEAD + wide + TAIL))


def test_formulas_are_refused_by_the_cell() -> None:
    rows = text_row(1, "Question", "Answer") + b'<row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>'
    with cheap():
        _, reading = read_apart("", "q.xlsx", workbook(HEAD + rows + TAIL))
    (problem,) = reading.items[0].problems[:1]
    assert problem.text == "The cell holds a formula. Replace it by its value (copy, paste values only)."
    assert (problem.place.sheet, problem.place.row, problem.place.column) == ("Sheet1", 2, "A")
    with cheap():
        _, reading = read_apart("", "q.csv", "题干,答案\n=cmd|'/c calc'!A1,对\n".encode())
    assert reading.items[0].problems[0].text.startswith("The cell begins like a formula.")
    assert (reading.items[0].problems[0].place.line, reading.items[0].problems[0].place.column) == (2, "A")


def test_whatever_takes_too_long_or_too_much_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox.MEMORY == 512 * 1024 * 1024
    monkeypatch.setattr(sandbox, "MEMORY", 8 * 1024 * 1024)
    with pytest.raises(Refused, match="memory"):
        read_apart("gift", "q.txt", b"x {T}")
    monkeypatch.undo()
    monkeypatch.setattr(sandbox, "CPU_S", 0)
    slow = b"\n\n".join(b"What is %d? {=a#b ~c}" % at for at in range(9_000))
    monkeypatch.setattr(sandbox, "MORE_FOR", len(slow) * 2)
    with pytest.raises(Refused, match="too long"):
        read_apart("gift", "q.txt", slow)


def test_files_too_large_and_files_of_no_known_kind_are_refused() -> None:
    assert "larger than 20 MB" in refused("q.csv", b"x" * (LARGEST_FILE + 1))
    assert "none of the formats" in refused("q.exe", b"MZ\x90\x00" + bytes(1_000))
    assert refused("q.xlsx", b"PK\x03\x04 not a zip")
    assert refused("q.xls", b"\xd0\xcf\x11\xe0" + bytes(5_000))


def test_nothing_of_our_environment_reaches_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x" * 40)
    seen = {}

    def run(*args: object, **kwargs: object) -> object:
        seen.update(kwargs)
        raise OSError

    monkeypatch.setattr("questions.formats.sandbox.subprocess.run", run)
    with pytest.raises(OSError):  # noqa: PT011 - our own
        read_apart("gift", "q.txt", b"x {T}")
    assert seen["env"] == {}
