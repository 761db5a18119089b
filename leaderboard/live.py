"""The picture of the standings in Valkey: drawn from PostgreSQL, thrown away and drawn again at will.

Keys of a competition (one hash tag, so one cluster slot):

    lb:{c<id>}:generation       the token of the picture being served; missing means there is none
    lb:{c<id>}:building         the token of a picture being drawn; projections write to both
    lb:{c<id>}:<token>:keys     every key of that picture, to drop it later
    lb:{c<id>}:<token>:meta     swept_at: standings changed before this moment (microseconds) are in the picture
    lb:{c<id>}:<token>:e:<track>         hash: participation id -> 16 digits of version, then its packed row
    lb:{c<id>}:<token>:b:<track>:<node>  sorted set of packed rows, all with score 0: bytes are the order

A track of 0 is the whole competition. Scores are doubles and hold 53 bits; a member's bytes hold the whole order and
are unique, so a rank is a count of smaller members and a page is a slice. No names are stored (P4).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import redis

from core import valkey
from core.gather import Gathering
from leaderboard.rules import KEY_BYTES, Place, pack, unpack

VERSION_DIGITS = 16


class Superseded(Exception):
    """The picture being drawn is gone: flushed away, or another one was begun."""


class Entry(NamedTuple):
    """One standing to project: where it stands, on which nodes' boards, and the version of the picture."""

    track: int
    version: int
    place: Place
    nodes: list[int]


class Slice(NamedTuple):
    """A stretch of a board: how many rows the board has, how many are shown before it, how many are strictly better."""

    total: int
    start: int
    better: int
    places: list[Place]


class Mine(NamedTuple):
    """One row among its neighbours."""

    total: int
    better: int
    place: Place
    around: Slice


# Versions are compared inside Valkey, so any order and any number of projections end in the newest row (L5).
_WRITE = """
local prefix, target = ARGV[1], ARGV[2]
local tokens = {}
local served, building = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if target ~= '' then
  if building ~= target then return -1 end
  tokens[1] = target
else
  if served then tokens[1] = served end
  if building and building ~= served then tokens[#tokens + 1] = building end
  if #tokens == 0 then return -1 end
end
local changed = 0
for _, token in ipairs(tokens) do
  local base, known = prefix .. token, {}
  for at = 3, #ARGV, 5 do
    local track, id, version, member = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local entries = base .. ':e:' .. track
    local old = redis.call('HGET', entries, id)
    if not old or tonumber(string.sub(old, 1, 16)) < tonumber(version) then
      local gone = old and string.sub(old, 17)
      redis.call('HSET', entries, id, version .. member)
      known[entries] = true
      for node in string.gmatch(ARGV[at + 4], '%d+') do
        local board = base .. ':b:' .. track .. ':' .. node
        if gone and gone ~= member then redis.call('ZREM', board, gone) end
        redis.call('ZADD', board, 0, member)
        known[board] = true
      end
      changed = changed + 1
    end
  end
  for key, _ in pairs(known) do redis.call('SADD', base .. ':keys', key) end
end
return changed
"""

_PAGE = """
local token = redis.call('GET', KEYS[1])
if not token then return false end
local board = ARGV[1] .. token .. ':b:' .. ARGV[2]
local start, size, better = tonumber(ARGV[3]), tonumber(ARGV[4]), 0
local rows = redis.call('ZRANGE', board, start, start + size - 1)
if start > 0 and rows[1] then
  better = redis.call('ZLEXCOUNT', board, '-', '(' .. string.sub(rows[1], 1, tonumber(ARGV[5])))
end
return {redis.call('ZCARD', board), better, rows}
"""

_MINE = """
local token = redis.call('GET', KEYS[1])
if not token then return false end
local base, key, found = ARGV[1] .. token, tonumber(ARGV[2]), {}
local function mine(board, track, id, reach)
  local total = redis.call('ZCARD', board)
  local entry = redis.call('HGET', base .. ':e:' .. track, id)
  if not entry then return {total} end
  local member = string.sub(entry, 17)
  local better = redis.call('ZLEXCOUNT', board, '-', '(' .. string.sub(member, 1, key))
  local index = redis.call('ZRANK', board, member)
  if not index then return {total} end
  if reach == 0 then return {total, better, member, index} end
  local first = math.max(0, index - reach)
  local rows = redis.call('ZRANGE', board, first, index + reach)
  local above = redis.call('ZLEXCOUNT', board, '-', '(' .. string.sub(rows[1], 1, key))
  return {total, better, member, first, above, rows}
end
for at = 3, #ARGV, 4 do
  found[#found + 1] = mine(base .. ':b:' .. ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]))
end
return found
"""

# Compares rows with the picture being served: 1 missing, 2 older, 3 not on each of its boards, 0 as it should be.
_COMPARE = """
local token = redis.call('GET', KEYS[1])
if not token then return false end
local base, found = ARGV[1] .. token, {}
for at = 2, #ARGV, 5 do
  local track, id, version, member = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local entry = redis.call('HGET', base .. ':e:' .. track, id)
  local fault = 0
  if not entry then fault = 1
  else
    local seen = tonumber(string.sub(entry, 1, 16))
    if seen < tonumber(version) then fault = 2
    elseif seen == tonumber(version) and string.sub(entry, 17) ~= member then fault = 3
    else
      for node in string.gmatch(ARGV[at + 4], '%d+') do
        if not redis.call('ZSCORE', base .. ':b:' .. track .. ':' .. node, string.sub(entry, 17)) then fault = 3 end
      end
    end
  end
  found[#found + 1] = fault
end
return found
"""

# The switch and the dropping of what was served before are one step for every reader.
_SWITCH = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return -1 end
local old = redis.call('GET', KEYS[1])
redis.call('HSET', ARGV[1] .. ARGV[2] .. ':meta', 'swept_at', ARGV[3])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return old
"""

_COUNTS = """
local token = redis.call('GET', KEYS[1])
if not token then return false end
local base, found = ARGV[1] .. token, {}
for _, key in ipairs(redis.call('SMEMBERS', base .. ':keys')) do
  local board = string.sub(key, #base + 1)
  if string.sub(board, 1, 3) == ':b:' then
    found[#found + 1] = string.sub(board, 4)
    found[#found + 1] = redis.call('ZCARD', key)
  end
end
return found
"""


def page(competition_id: int, track: int, node: int, start: int, size: int) -> Slice | None:
    """Read a stretch of a board; None when no picture exists. Raises: core.valkey.Away."""
    found = _run(_PAGE, competition_id, f"{track}:{node}", start, size, KEY_BYTES)
    if found is None:
        return None
    total, better, members = found
    return Slice(total, start, better, [unpack(member) for member in members])


class _Wish(NamedTuple):
    competition_id: int
    track: int
    node: int
    participation_id: int
    reach: int


def mine(competition_id: int, track: int, node: int, participation_id: int, reach: int) -> Mine | int | None:
    """Read one row with `reach` neighbours each side, or the board's size when it is not on it; None without a picture.

    All who ask at the same moment share a round trip.

    Raises: core.valkey.Away.
    """
    return _gathering.do(_Wish(competition_id, track, node, participation_id, reach))


def _read_mine(wishes: list[_Wish]) -> list[Mine | int | Exception | None]:
    outcomes: list[Mine | int | Exception | None] = [None for _ in wishes]
    for competition_id in {wish.competition_id for wish in wishes}:
        asked = [index for index, wish in enumerate(wishes) if wish.competition_id == competition_id]
        arguments: list[str | int] = [KEY_BYTES]
        for wish in (wishes[index] for index in asked):
            arguments += (f"{wish.track}:{wish.node}", wish.track, wish.participation_id, wish.reach)
        for index, found in zip(asked, _run(_MINE, competition_id, *arguments) or (), strict=False):
            outcomes[index] = _mine(found, wishes[index].reach)
    return outcomes


def _mine(found: list[Any], reach: int) -> Mine | int:
    if len(found) == 1:
        return int(found[0])
    total, better, member = found[:3]
    place = unpack(member)
    if reach == 0:
        return Mine(total, better, place, Slice(total, found[3], better, [place]))
    first, above, members = found[3:]
    return Mine(total, better, place, Slice(total, first, above, [unpack(one) for one in members]))


_gathering: Gathering[_Wish, Mine | int | None] = Gathering(_read_mine, common=(valkey.Away,))


def write(competition_id: int, entries: Iterable[Entry], token: str = "") -> int | None:
    """Project standings; older or equal versions are ignored. Returns how many changed, None when there is no picture.

    Args:
        competition_id: whose standings they are.
        entries: the rows as PostgreSQL has them.
        token: write only to this picture being drawn; by default to the served one and to any being drawn.

    Raises: core.valkey.Away; Superseded when `token` is no longer being drawn.
    """
    changed: int = _run(_WRITE, competition_id, token, *_arguments(entries))
    if changed >= 0:
        return changed
    if token:
        raise Superseded
    return None


def compare(competition_id: int, entries: Iterable[Entry]) -> list[int] | None:
    """Compare rows with the picture: 0 right, 1 missing, 2 older, 3 wrong; None when there is no picture.

    Raises: core.valkey.Away.
    """
    found = _run(_COMPARE, competition_id, *_arguments(entries))
    return None if found is None else [int(fault) for fault in found]


def counts(competition_id: int) -> dict[tuple[int, int], int] | None:
    """Return the size of every board, by (track, node); None when there is no picture. Raises: core.valkey.Away."""
    found = _run(_COUNTS, competition_id)
    if found is None:
        return None
    sizes = {}
    for name, size in zip(found[::2], found[1::2], strict=True):
        track, node = name.split(b":")
        sizes[int(track), int(node)] = int(size)
    return {board: size for board, size in sizes.items() if size}


def begin(competition_id: int) -> str:
    """Begin a new picture, dropping what an interrupted one left. Returns its token. Raises: core.valkey.Away."""
    token = secrets.token_hex(6)

    def start(client: Any) -> bytes | None:
        left: bytes | None = client.set(_prefix(competition_id) + "building", token, get=True)
        return left

    left = valkey.ask(start)
    if left:
        _drop(competition_id, left.decode())
    return token


def switch(competition_id: int, token: str, swept_us: int) -> None:
    """Serve the new picture from now on and drop the old one.

    Args:
        competition_id: whose boards they are.
        token: what `begin` gave.
        swept_us: standings changed before this moment (microseconds since 1970) are in the picture.

    Raises: core.valkey.Away, Superseded.
    """
    old = _run(_SWITCH, competition_id, token, swept_us)
    if old == -1:
        raise Superseded
    if old:
        _drop(competition_id, old.decode())


def discard(competition_id: int) -> None:
    """Throw a competition's pictures away: its boards come from sealed rows now. Raises: core.valkey.Away."""
    prefix = _prefix(competition_id)
    for name in ("generation", "building"):
        token = valkey.ask(lambda client, key=prefix + name: client.getdel(key))  # type: ignore[misc]
        if token:
            _drop(competition_id, token.decode())


def swept_at(competition_id: int) -> int | None:
    """Return the sweep's watermark in microseconds since 1970; None when there is no picture. Raises: valkey.Away."""

    def read(client: Any) -> int | None:
        prefix = _prefix(competition_id)
        token = client.get(prefix + "generation")
        if token is None:
            return None
        return int(client.hget(f"{prefix}{token.decode()}:meta", "swept_at") or 0)

    return valkey.ask(read)


def set_swept_at(competition_id: int, swept_us: int) -> None:
    """Move the sweep's watermark forward. Raises: core.valkey.Away."""

    def store(client: Any) -> None:
        prefix = _prefix(competition_id)
        token = client.get(prefix + "generation")
        if token is not None:
            client.hset(f"{prefix}{token.decode()}:meta", "swept_at", swept_us)

    valkey.ask(store)


def _arguments(entries: Iterable[Entry]) -> list[int | str | bytes]:
    """Five arguments a row: track, participation, version, packed row, nodes."""
    arguments: list[int | str | bytes] = []
    for entry in entries:
        nodes = ",".join(map(str, entry.nodes))
        version = f"{entry.version:0{VERSION_DIGITS}d}"
        arguments += (entry.track, entry.place.participation_id, version, pack(entry.place), nodes)
    return arguments


def _prefix(competition_id: int) -> str:
    return f"lb:{{c{competition_id}}}:"


def _run(script: str, competition_id: int, *arguments: str | int | bytes) -> Any:
    prefix = _prefix(competition_id)
    keys = [prefix + "generation", prefix + "building"]

    def run(client: redis.Redis) -> Any:
        digest = _DIGESTS[script]
        try:
            return client.evalsha(digest, 2, *keys, prefix, *arguments)
        except redis.exceptions.NoScriptError:
            return client.eval(script, 2, *keys, prefix, *arguments)

    return valkey.ask(run)


def _drop(competition_id: int, token: str) -> None:
    base = f"{_prefix(competition_id)}{token}"

    def drop(client: Any) -> None:
        keys: Sequence[bytes] = list(client.smembers(base + ":keys"))
        for start in range(0, len(keys), 500):
            client.unlink(*keys[start : start + 500])
        client.unlink(base + ":keys", base + ":meta")

    valkey.ask(drop)


def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


_DIGESTS = {script: _digest(script) for script in (_WRITE, _PAGE, _MINE, _COMPARE, _SWITCH, _COUNTS)}
