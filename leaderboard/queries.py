"""Reading boards: from Valkey, from PostgreSQL when Valkey has none, from the sealed rows once there are any."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, LiteralString, NamedTuple

import msgspec
import psycopg
from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text

from competitions.models import Competition, Participation, Standing, Track
from core import clock
from core.brief import Brief
from core.database import db, fetch_all
from core.errors import NotFound
from core.gather import Gathering
from core.valkey import Away
from leaderboard import live, rules
from leaderboard.models import Seal, SealedStanding
from leaderboard.rules import Place, Step
from organizations import queries as organizations

PAGE_SIZE = 50
NEIGHBOURS = 5
LIVE_SECONDS = 1.0
VIEWER_SECONDS = 5.0
DATABASE_SECONDS = 5.0

Source = Literal["live", "database", "sealed"]


@dataclass(frozen=True, slots=True)
class TrackName:
    """A track's id and names."""

    id: int
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Board:
    """What a board is of: a competition, and whether its rows are sealed."""

    competition_id: int
    organization_id: int
    organization_path: tuple[int, ...]
    name_zh: str
    name_en: str
    state: str
    mask_names: bool
    seal_id: int | None
    tracks: tuple[TrackName, ...]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who may see a board, with the own row's participation if there is one."""

    board: Board
    node_id: int
    participation_id: int | None
    name: str
    path: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a board as shown; elapsed_ms in milliseconds, reached_at aware UTC."""

    rank: int
    participation_id: int
    name: str
    organization: dict[str, str]
    levels_cleared: int
    points: int
    elapsed_ms: int
    reached_at: datetime
    is_me: bool = False


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A stretch of a board. `as_of` is when it was read; `etag` follows from everything else."""

    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int
    as_of: datetime
    source: Source
    etag: str


@dataclass(frozen=True, slots=True)
class MyRank:
    """Where a participation stands on a board of `total` rows."""

    rank: int
    total: int
    place: Place
    page: int
    source: Source


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row next to the own one and the tie step that decides between them; no step means a shared rank."""

    row: Row
    step: Step | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a row stands where it does: its rank, and what decides against the rows above and below."""

    rank: int
    total: int
    page: int
    above: Neighbour | None
    below: Neighbour | None
    around: tuple[Row, ...]


class _Memory:
    """What one process remembers of one application's boards."""

    def __init__(self) -> None:
        self.boards: Brief[Board] = Brief(1.0)
        self.viewers: Brief[Viewer] = Brief(VIEWER_SECONDS, size=65_536)
        self.pages: Brief[BoardPage] = Brief(LIVE_SECONDS)


def _memory() -> _Memory:
    extensions = current_app.extensions
    memory: _Memory | None = extensions.get("leaderboard")
    return memory or extensions.setdefault("leaderboard", _Memory())


def forget() -> None:
    """Drop what this process remembers of boards."""
    current_app.extensions.pop("leaderboard", None)


def get_board(competition_id: int) -> Board:
    """Return what a board is of. Raises: NotFound."""
    return _memory().boards.get(competition_id, lambda: _read_board(competition_id))


def _read_board(competition_id: int) -> Board:
    competition = db.session.get(Competition, competition_id, populate_existing=True)
    if competition is None or competition.discarded_at is not None:
        raise NotFound(what="competition")
    tracks = db.session.scalars(
        select(Track).where(Track.competition_id == competition_id).order_by(Track.position)
    ).all()
    return Board(
        competition_id=competition.id,
        organization_id=competition.organization_id,
        organization_path=tuple(organizations.get_organization(competition.organization_id).path),
        name_zh=competition.name_zh,
        name_en=competition.name_en,
        state=competition.state,
        mask_names=competition.mask_names,
        seal_id=db.session.scalar(select(Seal.id).where(Seal.competition_id == competition_id)),
        tracks=tuple(TrackName(track.id, track.name_zh, track.name_en) for track in tracks),
    )


def get_viewer(person_id: int, competition_id: int, node_id: int | None) -> Viewer:
    """Return a person's view on a board.

    A place in the tree is remembered for `VIEWER_SECONDS`; what follows from a role is read every time (P8).

    A board is seen by the people whose place in the tree is at or under the competition's node and the board's node,
    and by those who hold a role at such a node or above it. A draft is seen by the latter only.

    Args:
        person_id: who looks.
        competition_id: whose board.
        node_id: a node at or under the competition's own; None for that one.

    Raises: NotFound, for absent and hidden alike (P3).
    """
    try:
        return _memory().viewers.get(
            (person_id, competition_id, node_id), lambda: _read_viewer(person_id, competition_id, node_id, frozenset())
        )
    except NotFound:
        held = frozenset(grant.organization_id for grant in organizations.list_grants(person_id))
        if not held:
            raise
        return _read_viewer(person_id, competition_id, node_id, held)


_PLACES: LiteralString = """
    select w.person_id, w.competition_id,
        (select o.path from memberships m join organizations o on o.id = m.organization_id
         where m.person_id = w.person_id and m.ended_at is null),
        p.id, p.name, p.path
    from unnest(%(people)s::bigint[], %(competitions)s::bigint[]) as w(person_id, competition_id)
    left join participations p on p.competition_id = w.competition_id and p.person_id = w.person_id
"""


class _Standpoint(NamedTuple):
    """A person's place in the tree now, and the participation in a competition, if any."""

    own_path: list[int] | None
    participation_id: int | None
    name: str | None
    joined_path: list[int] | None


def _read_standpoints(wanted: list[tuple[int, int]]) -> list[_Standpoint | Exception]:
    people, competitions = zip(*wanted, strict=True)
    rows = fetch_all(_PLACES, {"people": list(people), "competitions": list(competitions)})
    found = {(person_id, competition_id): _Standpoint(*rest) for person_id, competition_id, *rest in rows}
    return [found[one] for one in wanted]


_standpoints: Gathering[tuple[int, int], _Standpoint] = Gathering(_read_standpoints, common=(psycopg.OperationalError,))


def _read_viewer(person_id: int, competition_id: int, node_id: int | None, held: frozenset[int]) -> Viewer:
    board = get_board(competition_id)
    own_path, participation_id, name, joined_path = _standpoints.do((person_id, competition_id))
    path = own_path or []
    staff = not held.isdisjoint(board.organization_path)
    if not staff and (board.organization_id not in path or board.state == "draft"):
        raise NotFound(what="competition")
    node = board.organization_id if node_id is None else node_id
    if node != board.organization_id:
        node_path = organizations.get_organization(node).path
        if board.organization_id not in node_path:
            raise NotFound(what="organization")
        if node not in path and held.isdisjoint(node_path):
            raise NotFound(what="organization")
    return Viewer(board, node, participation_id, name or "", tuple(joined_path or path))


def check_track(board: Board, track_id: int | None) -> int | None:
    """Return the track's id when it is one of the competition's, or None for the whole. Raises: NotFound."""
    if track_id is not None and all(track.id != track_id for track in board.tracks):
        raise NotFound(what="track")
    return track_id


def board_page(board: Board, track_id: int | None, node_id: int, page: int, viewer: Viewer | None = None) -> BoardPage:
    """Return fifty rows of a board, remembered for about a second; the viewer's own row bears the full name.

    Args:
        board: what the board is of; the caller has checked who may see it.
        track_id: a track, or None for the whole competition.
        node_id: a node at or under the competition's own.
        page: from 1.
        viewer: whose row is marked, if it is on the page.
    """
    key = (board.competition_id, board.seal_id, track_id, node_id, page, board.mask_names)
    shared = _memory().pages.get(
        key, lambda: _read_page(board, track_id, node_id, page), lambda made: _keep(made.source)
    )
    return shared if viewer is None else mark_own(shared, viewer)


def mark_own(shared: BoardPage, viewer: Viewer) -> BoardPage:
    """Return the page with the viewer's own row marked, its name in full; the page itself when it is not on it."""
    own = viewer.participation_id
    for at, row in enumerate(shared.rows):
        if row.participation_id == own:
            mine = replace(row, name=viewer.name, is_me=True)
            rows = (*shared.rows[:at], mine, *shared.rows[at + 1 :])
            return replace(shared, rows=rows, etag=f"{shared.etag}-{own}")
    return shared


def my_rank(board: Board, track_id: int | None, node_id: int, participation_id: int) -> MyRank | None:
    """Return where a participation stands; None when it is not on that board.

    Args:
        board: what the board is of.
        track_id: a track, or None for the whole competition.
        node_id: a node at or under the competition's own.
        participation_id: whose rank.
    """
    source, mine = _read_mine(board, track_id, node_id, participation_id, reach=0)
    if mine is None:
        return None
    return MyRank(mine.better + 1, mine.total, mine.place, mine.around.start // PAGE_SIZE + 1, source)


def why_am_i_here(board: Board, track_id: int | None, node_id: int, viewer: Viewer) -> Why | None:
    """Return the viewer's row with five neighbours each side and what decides against the nearest two.

    Args:
        board: what the board is of.
        track_id: a track, or None for the whole competition.
        node_id: a node at or under the competition's own.
        viewer: whose row; None is returned when it is not on the board.
    """
    if viewer.participation_id is None:
        return None
    _, mine = _read_mine(board, track_id, node_id, viewer.participation_id, reach=NEIGHBOURS)
    if mine is None:
        return None
    places = mine.around.places
    own = places.index(mine.place)
    found = rules.ranks(places, mine.around.start, mine.around.better)
    rows = [
        replace(row, name=viewer.name, is_me=True) if row.participation_id == viewer.participation_id else row
        for row in _rows(board, places, found)
    ]

    shown = {row.participation_id: row for row in rows}

    def neighbour(at: int) -> Neighbour | None:
        row = shown.get(places[at].participation_id) if 0 <= at < len(places) else None
        return None if row is None else Neighbour(row, rules.deciding_step(mine.place, places[at]))

    page = (mine.around.start + own) // PAGE_SIZE + 1
    return Why(mine.better + 1, mine.total, page, neighbour(own - 1), neighbour(own + 1), tuple(rows))


def find_seal(competition_id: int) -> Seal | None:
    """Return a competition's seal, or None."""
    return db.session.scalar(select(Seal).where(Seal.competition_id == competition_id))


def get_seal(competition_id: int) -> Seal:
    """Return a competition's seal. Raises: NotFound."""
    found = find_seal(competition_id)
    if found is None:
        raise NotFound(what="seal")
    return found


def count_unfinished(competition_id: int) -> int:
    """Return how many attempts of a competition are open or closed but not scored."""
    return int(
        db.session.scalar(
            text(
                "select count(*) from attempts a join participations p on p.id = a.participation_id "
                "where p.competition_id = :competition and a.state <> 'scored'"
            ),
            {"competition": competition_id},
        )
        or 0
    )


def _keep(source: Source) -> float:
    return LIVE_SECONDS if source == "live" else DATABASE_SECONDS


def _read_page(board: Board, track_id: int | None, node_id: int, page: int) -> BoardPage:
    start = (page - 1) * PAGE_SIZE
    source: Source = "sealed" if board.seal_id else "live"
    found = None
    if source == "live":
        try:
            found = live.page(board.competition_id, track_id or 0, node_id, start, PAGE_SIZE)
        except Away:
            found = None
        if found is None:
            source = "database"
    if found is None:
        found = _slice(board, track_id, node_id, start, PAGE_SIZE)
    rows = _rows(board, found.places, rules.ranks(found.places, found.start, found.better))
    pages = max(1, -(-found.total // PAGE_SIZE))
    digest = hashlib.blake2b(msgspec.json.encode((rows, found.total, page, source)), digest_size=12).hexdigest()
    return BoardPage(tuple(rows), found.total, page, pages, clock.now(), source, digest)


def _rows(board: Board, places: list[Place], ranks: list[int]) -> list[Row]:
    """Put names to places; they come from PostgreSQL and are never kept elsewhere (P4)."""
    known = {
        row.id: row
        for row in db.session.execute(
            text(
                "select p.id, p.name, coalesce(o.name_zh, '') zh, coalesce(o.name_en, '') en from participations p "
                "left join lateral (select name_zh, name_en from organizations where id = any(p.path) "
                "order by kind = 'enterprise' desc, cardinality(path) desc limit 1) o on true where p.id = any(:ids)"
            ),
            {"ids": [place.participation_id for place in places]},
        )
    }
    return [
        Row(
            rank=rank,
            participation_id=place.participation_id,
            name=rules.mask_name(person.name) if board.mask_names else person.name,
            organization={"zh": person.zh, "en": person.en},
            levels_cleared=place.levels_cleared,
            points=place.points,
            elapsed_ms=place.elapsed_ms,
            reached_at=place.reached_at,
        )
        for place, rank in zip(places, ranks, strict=True)
        if (person := known.get(place.participation_id)) is not None
    ]


def _read_mine(
    board: Board, track_id: int | None, node_id: int, participation_id: int, reach: int
) -> tuple[Source, live.Mine | None]:
    if board.seal_id is None:
        try:
            found = live.mine(board.competition_id, track_id or 0, node_id, participation_id, reach)
        except Away:
            found = None
        if isinstance(found, live.Mine):
            return "live", found
        if found is not None:
            return "live", None
    source: Source = "sealed" if board.seal_id else "database"
    place = _own_place(board, track_id, node_id, participation_id)
    if place is None:
        return source, None
    index = _count(board, track_id, node_id, _before(board, place))
    if reach == 0:
        better = _count(board, track_id, node_id, _better(board, place))
        total = _count(board, track_id, node_id)
        return source, live.Mine(total, better, place, live.Slice(total, index, better, [place]))
    first = max(0, index - reach)
    around = _slice(board, track_id, node_id, first, index - first + reach + 1)
    better = _count(board, track_id, node_id, _better(board, place))
    return source, live.Mine(around.total, better, place, around)


def _slice(board: Board, track_id: int | None, node_id: int, start: int, size: int) -> live.Slice:
    """The same stretch from PostgreSQL."""
    table = _table(board)
    places = [
        _place(row)
        for row in db.session.execute(
            _select(board, track_id, node_id, *_columns(table))
            .order_by(
                table.levels_cleared.desc(),
                table.points.desc(),
                table.elapsed_ms,
                table.reached_at,
                table.participation_id,
            )
            .offset(start)
            .limit(size)
        )
    ]
    better = _count(board, track_id, node_id, _better(board, places[0])) if places and start else 0
    return live.Slice(_count(board, track_id, node_id), start, better, places)


def _own_place(board: Board, track_id: int | None, node_id: int, participation_id: int) -> Place | None:
    table = _table(board)
    row = db.session.execute(
        _select(board, track_id, node_id, *_columns(table)).where(table.participation_id == participation_id)
    ).first()
    return None if row is None else _place(row)


def _count(board: Board, track_id: int | None, node_id: int, *conditions: ColumnElement[bool]) -> int:
    return int(db.session.scalar(_select(board, track_id, node_id, func.count()).where(*conditions)) or 0)


def _table(board: Board) -> Any:
    return SealedStanding if board.seal_id else Standing


def _columns(table: Any) -> tuple[Any, ...]:
    return (table.levels_cleared, table.points, table.elapsed_ms, table.reached_at, table.participation_id)


def _place(row: Any) -> Place:
    return Place(
        row.levels_cleared, row.points, row.elapsed_ms, rules.microseconds(row.reached_at), row.participation_id
    )


def _select(board: Board, track_id: int | None, node_id: int, *columns: Any) -> Select[Any]:
    table = _table(board)
    found = select(*columns).select_from(table)
    if board.seal_id:
        found = found.where(table.seal_id == board.seal_id)
    else:
        found = found.where(table.competition_id == board.competition_id)
    found = found.where(table.track_id == track_id if track_id is not None else table.track_id.is_(None))
    if node_id == board.organization_id:
        return found
    if board.seal_id:
        return found.where(table.path.contains([node_id]))
    return found.join(Participation, Participation.id == table.participation_id).where(
        Participation.path.contains([node_id])
    )


def _better(board: Board, place: Place) -> ColumnElement[bool]:
    """The rows strictly better; the first condition lets the index begin at the top and stop at the place."""
    table = _table(board)
    return and_(
        table.levels_cleared >= place.levels_cleared,
        or_(
            table.levels_cleared > place.levels_cleared,
            table.points > place.points,
            and_(
                table.points == place.points,
                or_(
                    table.elapsed_ms < place.elapsed_ms,
                    and_(table.elapsed_ms == place.elapsed_ms, table.reached_at < place.reached_at),
                ),
            ),
        ),
    )


def _before(board: Board, place: Place) -> ColumnElement[bool]:
    table = _table(board)
    return or_(
        _better(board, place),
        and_(
            table.levels_cleared == place.levels_cleared,
            table.points == place.points,
            table.elapsed_ms == place.elapsed_ms,
            table.reached_at == place.reached_at,
            table.participation_id < place.participation_id,
        ),
    )
