"""Formats in which questions come and go. Pure: bytes in, structs out; strangers' files are read by `sandbox`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from questions.formats import aiken, gift, moodle, qti, qti_package, sheets, workbook
from questions.formats.neutral import Reading, Refused, WriteOptions, Writing, decode
from questions.formats.unpack import Archive
from questions.rules import N_

Read = Callable[[bytes, Mapping[str, str] | None], Reading]
Write = Callable[[Sequence[Mapping[str, Any]], Mapping[str, bytes], WriteOptions], Writing]


@dataclass(frozen=True)
class Format:
    """One format: how it is read and written, the ending of its files, and their media type."""

    read: Read
    write: Write
    ending: str
    mime: str


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: dict[str, Format] = {
    "xlsx": Format(sheets.read_xlsx, workbook.write_xlsx, "xlsx", _XLSX),
    "csv": Format(sheets.read_csv, workbook.write_csv, "csv", "text/csv; charset=utf-8"),
    "gift": Format(gift.read, gift.write, "gift.txt", "text/plain; charset=utf-8"),
    "aiken": Format(aiken.read, aiken.write, "aiken.txt", "text/plain; charset=utf-8"),
    "moodle": Format(moodle.read, moodle.write, "xml", "application/xml"),
    "qti21": Format(qti.read, qti_package.write_21, "zip", "application/zip"),
    "qti30": Format(qti.read, qti_package.write_30, "zip", "application/zip"),
}
"""Every format by its code; reading, both versions of QTI are one."""


def guess(name: str, body: bytes) -> str:
    """Return the code of the format a file is in, by its content and then by its name.

    Args:
        name: of the file.
        body: the file.

    Raises: Refused when it is in none.
    """
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        return "xlsx"
    if body.startswith(b"PK"):
        return "xlsx" if any(one.startswith("xl/") for one in Archive(body).names()) else "qti21"
    head = body[:200_000].decode("utf-8", "ignore").replace("\0", "").lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "moodle" if re.search(r"<quiz[\s>]", head) else "qti21"
    ending = name.lower().rpartition(".")[2]
    if ending in ("csv", "tsv"):
        return "csv"
    if ending in ("gift", "aiken"):
        return ending
    head = aiken.unix(decode(body)[0][:200_000]).strip()
    if aiken.ANSWERED.search(head) and not _ANSWERS.search(head):
        return "aiken"
    if "{" in head and "}" in head:
        return "gift"
    if ending == "txt" and ("\t" in head[:2_000] or any(sign in head.split("\n")[0] for sign in ",;")):
        return "csv"
    if aiken.QUESTIONED.search(head):
        return "aiken"
    raise Refused(UNKNOWN)


_ANSWERS = re.compile(r"\{\s*(?:[=~>]|#\s*[-=\d]|(?:TRUE|FALSE|T|F)\s*[#}])|\$CATEGORY:")
"""How the answers of GIFT begin."""
UNKNOWN = N_("The file is in none of the formats that can be read: Excel, CSV, GIFT, Aiken, Moodle XML, QTI.")
