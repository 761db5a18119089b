"""Files of money: transfer lists, lists of winners, a bank's results. Every written cell is a text (P6)."""

from __future__ import annotations

import csv as csv_format
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import xlsxwriter

from core import secrets
from core.errors import Invalid
from core.exports import neutral
from core.money import plain_yuan, read_yuan
from payouts.queries import TransferRow

BOOK_DATE = datetime(2020, 1, 1)  # noqa: DTZ001 - the same bytes each time need the same date each time (M7)
STATUSES = {
    "paid": "paid",
    "成功": "paid",
    "已付": "paid",
    "failed": "failed",
    "失败": "failed",
    "退汇": "failed",
    "unknown": "unknown",
    "不明": "unknown",
    "处理中": "unknown",
}


@dataclass(frozen=True)
class RawLine:
    """One line of a bank's results as read; None and empty where it made no sense."""

    number: int
    reference: str
    payout_id: int | None
    amount_fen: int | None
    status: str


def payout_number(payout_id: int) -> str:
    """Write a payout's id as the number on transfer lists, e.g. P00000042."""
    return f"P{payout_id:08d}"


def workbook(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Make an xlsx of text cells; the same rows give the same bytes.

    Args:
        header: the first line.
        rows: the lines under it.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(
        file,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False},
    ) as book:
        book.set_properties({"created": BOOK_DATE})
        sheet = book.add_worksheet()
        text = book.add_format({"num_format": "@"})
        head = book.add_format({"num_format": "@", "bold": True})
        widths = [len(cell) for cell in header]
        sheet.write_row(0, 0, header, head)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, text)
                widths[column] = max(widths[column], len(cell))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(2 * width + 2, 40), text)
        sheet.freeze_panes(1, 0)
    return file.getvalue()


def csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Make a CSV that Chinese Excel reads: UTF-8 with BOM, no cell that Excel would take for a formula.

    Args:
        header: the first line.
        rows: the lines under it.
    """
    file = io.StringIO(newline="")
    writer = csv_format.writer(file)
    writer.writerow(header)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def transfer_list(rows: Sequence[TransferRow], *, with_cards: bool) -> bytes:
    """Make the transfer list of a batch: to a bank with card numbers, to an employer's payroll without.

    Args:
        rows: the payouts in their order.
        with_cards: whether the money goes to cards.
    """
    common = ("单号", "姓名", "单位", "税前（元）", "税（元）", "实发（元）")
    header = (*common, "户名", "开户行", "卡号") if with_cards else common
    lines = []
    for row in rows:
        line: tuple[str, ...] = (
            payout_number(row.payout.id),
            row.name,
            row.employer,
            plain_yuan(row.award.gross_fen),
            plain_yuan(row.award.tax_fen),
            plain_yuan(row.award.net_fen),
        )
        if with_cards:
            line += (row.account_name or "", row.bank_name or "", secrets.unseal(row.card_sealed or ""))
        lines.append(line)
    return workbook(header, lines)


def read_results(text: str) -> list[RawLine]:
    """Read a bank's results: reference, payout number, amount in yuan, status; commas or tabs between.

    Args:
        text: what was pasted; empty lines and a first line of headings are left out.

    Raises: Invalid when it is no text of lines.
    """
    text = text.lstrip("\ufeff")
    try:
        rows = list(csv_format.reader(text.splitlines(), delimiter="\t" if "\t" in text else ","))
    except csv_format.Error as error:
        raise Invalid(path="results", reason="not_lines") from error
    lines: list[RawLine] = []
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        reference, payout, amount, status, *_ = [*cells, "", "", "", ""]
        named = re.fullmatch(r"[Pp]?(\d{1,12})", payout)
        if number == 1 and not named:
            continue
        lines.append(
            RawLine(
                number,
                reference,
                int(named[1]) if named else None,
                read_yuan(amount),
                STATUSES.get(status.lower(), ""),
            )
        )
    return lines
