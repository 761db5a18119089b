"""The ranking order, its packed form, what decides between two neighbours, and how names are masked.

Order of every board: more levels cleared, then more points, then less time, then who got there first. Rows equal in
all four share a rank (rank = rows strictly better + 1); among them the lower participation id is shown first.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

KEY_BYTES = 20
_LEVELS = 1 << 16
_POINTS = 1 << 39
_ELAPSED = 1 << 48
_REACHED = 1 << 56
_ID = 1 << 48

StepName = Literal["levels_cleared", "points", "elapsed_ms", "reached_at"]


class Place(NamedTuple):
    """What orders one row of a board; `reached_us` is microseconds since 1970 UTC, exact."""

    levels_cleared: int
    points: int
    elapsed_ms: int
    reached_us: int
    participation_id: int

    @property
    def order(self) -> tuple[int, int, int, int]:
        """What ranks are made of: ascending, better first, equal means a shared rank."""
        return (-self.levels_cleared, -self.points, self.elapsed_ms, self.reached_us)

    @property
    def reached_at(self) -> datetime:
        """When the result was reached, aware UTC."""
        return EPOCH + self.reached_us * MICROSECOND


@dataclass(frozen=True)
class Step:
    """The first tie step in which two rows differ, and both values of it."""

    name: StepName
    mine: int
    other: int


class SealedRow(NamedTuple):
    """One row of a seal in the order of its line; track 0 is the whole competition."""

    track: int
    rank: int
    participation_id: int
    levels_cleared: int
    points: int
    elapsed_ms: int
    reached_us: int
    eligible: bool
    path: Sequence[int]


def microseconds(moment: datetime) -> int:
    """Return an aware time as whole microseconds since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def pack(place: Place) -> bytes:
    """Write a row as 26 bytes whose byte order is the board's display order.

    The first 20 bytes (`KEY_BYTES`) are what ranks are made of, the last 6 the participation id. Two bytes hold levels
    and five hold points, both counted down; six hold milliseconds, seven the microseconds since 1970.

    Raises: ValueError when a number does not fit, so that no order is ever silently wrong.
    """
    levels, points, elapsed_ms, reached_us, participation_id = place
    if not (
        0 <= levels < _LEVELS
        and -_POINTS <= points < _POINTS
        and 0 <= elapsed_ms < _ELAPSED
        and 0 <= reached_us < _REACHED
        and 0 <= participation_id < _ID
    ):
        raise ValueError(f"does not fit a board: {place}")
    number = (_LEVELS - 1 - levels) << 40 | (_POINTS - 1 - points)
    return (((number << 48 | elapsed_ms) << 56 | reached_us) << 48 | participation_id).to_bytes(26, "big")


def unpack(member: bytes) -> Place:
    """Read back what `pack` wrote."""
    number = int.from_bytes(member, "big")
    participation_id = number & (_ID - 1)
    number >>= 48
    reached_us = number & (_REACHED - 1)
    number >>= 56
    elapsed_ms = number & (_ELAPSED - 1)
    number >>= 48
    points = _POINTS - 1 - (number & ((1 << 40) - 1))
    return Place(_LEVELS - 1 - (number >> 40), points, elapsed_ms, reached_us, participation_id)


def ranks(places: Iterable[Place], index: int = 0, better: int = 0) -> list[int]:
    """Rank a stretch of a board that is in display order.

    Args:
        places: the rows of the stretch.
        index: how many rows are shown before the first of them.
        better: how many rows are strictly better than the first of them.
    """
    found: list[int] = []
    previous: Place | None = None
    for position, place in enumerate(places, start=index):
        if previous is None:
            found.append(better + 1)
        else:
            found.append(found[-1] if place.order == previous.order else position + 1)
        previous = place
    return found


def deciding_step(mine: Place, other: Place) -> Step | None:
    """Say which tie step decides between two rows; None when they share a rank."""
    if mine.levels_cleared != other.levels_cleared:
        return Step("levels_cleared", mine.levels_cleared, other.levels_cleared)
    if mine.points != other.points:
        return Step("points", mine.points, other.points)
    if mine.elapsed_ms != other.elapsed_ms:
        return Step("elapsed_ms", mine.elapsed_ms, other.elapsed_ms)
    if mine.reached_us != other.reached_us:
        return Step("reached_at", mine.reached_us, other.reached_us)
    return None


def nodes_of(path: Sequence[int], organization_id: int) -> list[int]:
    """Return the nodes on whose boards a participation stands: the competition's own node and those of the path below.

    Args:
        path: the participation's organization ids from the root down.
        organization_id: the node the competition belongs to.
    """
    below = list(path)[list(path).index(organization_id) + 1 :] if organization_id in path else []
    return [organization_id, *below]


def seal_rows(scored: Iterable[tuple[int, Place]], facts: Mapping[int, tuple[bool, Sequence[int]]]) -> list[SealedRow]:
    """Rank recomputed standings the way a seal does.

    Args:
        scored: (track or 0, place) of every standing.
        facts: participation id -> eligible, path, as sealed; one that was not sealed counts as ineligible, nowhere.
    """
    boards: dict[int, list[Place]] = {}
    for track, place in scored:
        boards.setdefault(track, []).append(place)
    rows = []
    for track, places in sorted(boards.items()):
        places.sort(key=lambda place: (place.order, place.participation_id))
        for place, rank in zip(places, ranks(places), strict=True):
            eligible, path = facts.get(place.participation_id, (False, ()))
            rows.append(SealedRow(track, rank, place.participation_id, *place[:4], eligible, path))
    return rows


def seal_head(competition_id: int) -> str:
    """Return the first line of what a seal hashes: the version of this format and whose result it is."""
    return f"biwu-seal-1|{competition_id}\n"


def seal_line(row: SealedRow) -> str:
    """Return one row as it is hashed: its fields joined by |, eligible as 0 or 1, the path joined by /, a newline.

    `track|rank|participation|levels|points|elapsed_ms|reached_us|eligible|path`, plain decimal numbers.
    """
    path = "/".join(str(node) for node in row.path)
    return "|".join(str(value) for value in (*row[:7], int(row.eligible), path)) + "\n"


def seal_hash(competition_id: int, rows: Iterable[SealedRow]) -> str:
    """Return the SHA-256 (hex) of a seal: the head, then a line a row, ordered by track, rank and participation."""
    digest = hashlib.sha256(seal_head(competition_id).encode())
    for row in sorted(rows, key=lambda row: row[:3]):
        digest.update(seal_line(row).encode())
    return digest.hexdigest()


def mask_name(name: str) -> str:
    """Hide a name on a public board: 王小明 is 王*明, 王明 is 王*, 阿不都·买买提 is 阿*·买*, John Smith is J* S*."""
    dots = "·•‧・"
    for dot in dots:
        if dot in name:
            return dot.join(_initial(part) for part in name.split(dot) if part.strip()) or "*"
    letters = _letters(name.strip())
    if not letters:
        return "*"
    if any("LATIN" in unicodedata.name(letter[0], "") for letter in letters) or " " in letters:
        return " ".join(_initial(part) for part in name.split())
    if len(letters) <= 2:
        return letters[0] + "*"
    return letters[0] + "*" * (len(letters) - 2) + letters[-1]


def _initial(part: str) -> str:
    letters = _letters(part.strip())
    return letters[0] + "*" if letters else "*"


def _letters(name: str) -> list[str]:
    """Split a name into what a reader takes for one character: variation selectors and accents stay with theirs."""
    letters: list[str] = []
    for character in name:
        if letters and unicodedata.category(character) in ("Mn", "Me", "Mc"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters
