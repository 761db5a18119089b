"""What is asked of a board in its address."""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_PAGE = 1_000_000
Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class RankQuery(msgspec.Struct, frozen=True):
    """A track or, without one, the whole competition; a node of the tree or the competition's own."""

    track: Id | None = None
    node: Id | None = None


class BoardQuery(RankQuery, frozen=True):
    """The same and a page from 1."""

    page: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 1
