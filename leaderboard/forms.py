"""What is asked of a board in its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.errors import Invalid

MAX_DIGITS = 15


class Asked(NamedTuple):
    """A track or the whole, a node or the competition's own, and a page from 1."""

    track_id: int | None
    node_id: int | None
    page: int


def asked(query: Mapping[str, str]) -> Asked:
    """Read `track`, `node` and `page` of a query string. Raises: Invalid naming the one that is no number."""
    page = _number(query, "page")
    return Asked(_number(query, "track"), _number(query, "node"), 1 if page is None else page)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise Invalid(path=name, reason="not_a_number")
    return int(text)
