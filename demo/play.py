"""How invented people play: chance in, real papers and answers out, marked by the platform's own rules. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from competitions import rules
from core import clock
from core.zone import SHANGHAI
from questions.rules import TYPES as ITEM_TYPES
from questions.rules import Bank, BlueprintRow, PaperItem, Value, Version, draw, is_right

HARD = {1: -1.6, 2: -0.75, 3: 0.1, 4: 1.15, 5: 2.35}
"""How hard a difficulty is, on the scale of skill (logits)."""
GUESS = {
    "single": 0.2,
    "true_false": 0.45,
    "multiple": 0.03,
    "fill_in": 0.0,
    "numeric": 0.0,
    "ordering": 0.02,
    "matching": 0.02,
}
"""How often someone without a clue is right."""
SECONDS = {
    "single": 22.0,
    "true_false": 14.0,
    "multiple": 34.0,
    "fill_in": 26.0,
    "numeric": 58.0,
    "ordering": 45.0,
    "matching": 48.0,
}
"""How long an item takes at the median."""


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """What playing needs to know of a level."""

    id: int
    track_id: int
    trade: str
    position: int
    blueprint: tuple[BlueprintRow, ...]
    time_limit_s: int
    pass_points: int
    tries_total: int | None
    tries_per_day: int | None


@dataclass(frozen=True, slots=True)
class Played:
    """A finished attempt before it has an id; `answers` is [(position, seq, value, received_at)]."""

    level: LevelFacts
    number: int
    seed: int
    paper: list[PaperItem]
    started_at: datetime
    deadline_at: datetime
    finished_at: datetime
    close_reason: str
    answers: list[tuple[int, int, Value, datetime]]
    marks: list[int]
    points: int
    elapsed_ms: int

    @property
    def cleared(self) -> bool:
        """Whether the level was cleared."""
        return self.points >= self.level.pass_points

    @property
    def values(self) -> dict[int, Value]:
        """The answers by position."""
        return {position: value for position, _, value, _ in self.answers}

    @property
    def as_try(self) -> rules.Try:
        """What the standings fold."""
        return rules.Try(
            self.level.id, self.level.track_id, self.points, self.elapsed_ms, self.finished_at, self.cleared
        )


@dataclass(frozen=True, slots=True)
class Player:
    """Someone's skill (logits above the bank's middle), pace (1 is the median) and keenness (0 to 1)."""

    skill: float
    pace: float
    keen: float


def make_player(chance: Random) -> Player:
    """Draw a person's skill, pace and keenness."""
    return Player(chance.gauss(0.12, 0.95), math.exp(chance.gauss(0.0, 0.28)), chance.betavariate(1.8, 2.2))


def sittings(count: int, begin: datetime, end: datetime, chance: Random) -> list[datetime]:
    """Return when someone sits down to play, in order: mostly over lunch and in the evening, more on the first days.

    Args:
        count: how many times at most.
        begin: not before, aware UTC.
        end: not after, aware UTC.
        chance: the person's own source of chance.
    """
    midnight = begin.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    days = (end - begin) / timedelta(days=1) + 1
    moments = []
    for _ in range(count):
        when = chance.random()
        if when < 0.35:
            hour = chance.gauss(12.6, 0.35)
        elif when < 0.8:
            hour = chance.gauss(20.4, 0.9)
        else:
            hour = chance.uniform(7.5, 17.5)
        day = int(days * chance.random() ** 1.25)
        moment = midnight + timedelta(days=day, hours=hour)
        if begin < moment < end:
            moments.append(moment)
    return sorted(moments)


def play_track(
    levels: Sequence[LevelFacts],
    bank: Bank,
    player: Player,
    moments: Sequence[datetime],
    end: datetime,
    closes_at: datetime,
    chance: Random,
) -> list[Played]:
    """Play the levels of a track in order, trying again or giving up as people do.

    Args:
        levels: in order.
        bank: the trade's questions.
        player: who plays.
        moments: when they sit down, in order, aware UTC.
        end: nothing may run later than this, aware UTC.
        closes_at: when the competition closes, aware UTC.
        chance: the person's own source of chance.
    """
    played: list[Played] = []
    waiting = list(moments)
    if not waiting:
        return played
    now = waiting.pop(0)
    for level in levels:
        starts: list[datetime] = []
        while True:
            if rules.tries_refusal(level.tries_total, level.tries_per_day, starts, now) or chance.random() < 0.3:
                later = [moment for moment in waiting if moment > now]
                waiting = later[1:]
                if not later:
                    return played
                now = later[0]
                if rules.tries_refusal(level.tries_total, level.tries_per_day, starts, now):
                    return played
            if now + timedelta(seconds=level.time_limit_s + 60) > end:
                return played
            one = play(level, len(starts) + 1, bank, player, now, closes_at, chance)
            played.append(one)
            starts.append(now)
            now = one.finished_at + timedelta(seconds=chance.uniform(15, 400))
            if one.cleared:
                if one.points <= 80 and chance.random() < 0.08:
                    continue
                break
            if chance.random() > 0.3 + 0.5 * player.keen:
                return played
        if chance.random() > 0.68 + 0.32 * player.keen:
            return played
    return played


def play(
    level: LevelFacts,
    number: int,
    bank: Bank,
    player: Player,
    started_at: datetime,
    closes_at: datetime,
    chance: Random,
) -> Played:
    """Play one level once: a paper drawn from a stored seed, an answer an item while time lasts, marks by the rules.

    Args:
        level: the level.
        number: which try it is, from 1.
        bank: the trade's questions.
        player: who plays.
        started_at: aware UTC.
        closes_at: when the competition closes, aware UTC.
        chance: the person's own source of chance.
    """
    seed = chance.getrandbits(62)
    paper = draw(level.blueprint, bank, Random(seed))  # noqa: S311 - evidence, not a secret
    deadline_at = rules.deadline(started_at, level.time_limit_s, closes_at)
    limit = (deadline_at - started_at).total_seconds()
    versions = bank_versions(bank)
    skill = player.skill + 0.12 * (number - 1)
    answers: list[tuple[int, int, Value, datetime]] = []
    passed = chance.uniform(1.0, 4.0)
    for position, item in enumerate(paper, 1):
        version = versions[item.version]
        passed += SECONDS[version.type] * player.pace * math.exp(chance.gauss(0.0, 0.45))
        if passed >= limit:
            break
        value = give(version, item, bank, skill, chance)
        if value is not None:
            seq = 1 if chance.random() < 0.85 else chance.randint(2, 3)
            answers.append((position, seq, value, started_at + timedelta(seconds=passed)))
    passed += chance.uniform(3.0, 25.0)
    in_time = passed < limit
    finished_at = started_at + timedelta(seconds=passed) if in_time else deadline_at
    marks = rules.score(paper, versions, {position: value for position, _, value, _ in answers})
    return Played(
        level=level,
        number=number,
        seed=seed,
        paper=paper,
        started_at=started_at,
        deadline_at=deadline_at,
        finished_at=finished_at,
        close_reason="submitted" if in_time else "time_up",
        answers=answers,
        marks=marks,
        points=sum(marks),
        elapsed_ms=clock.ms(finished_at - started_at),
    )


_known: dict[int, tuple[Bank, dict[int, Version]]] = {}


def bank_versions(bank: Bank) -> dict[int, Version]:
    """Return a bank's versions by id, made once a bank."""
    known = _known.get(id(bank))
    if known is None or known[0] is not bank:
        known = _known[id(bank)] = (bank, {version.id: version for version in bank.versions})
    return known[1]


def give(version: Version, item: PaperItem, bank: Bank, skill: float, chance: Random) -> Value:
    """Answer one item as somebody of a skill (logits above the bank's middle) does; None leaves it out."""
    guess = GUESS.get(version.type, 0.0)
    right = chance.random() < guess + (1 - guess) / (1 + math.exp(HARD[version.difficulty] - skill))
    return _right_answer(version, item, chance) if right else _wrong_answer(version, item, bank, chance)


def _right_answer(version: Version, item: PaperItem, chance: Random) -> Value:
    key = ITEM_TYPES[version.type].shown_key(version, item)
    if version.type == "numeric":
        return str(key["value"])
    if version.type != "fill_in":
        return key  # type: ignore[no-any-return]
    return [str(chance.choice(one)) for one in key] if "blanks" in version.key else str(chance.choice(key))


def _wrong_answer(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    """A mistake people make, or nothing at all (None)."""
    if version.type != "true_false" and chance.random() < 0.08:
        return None
    value = _MISTAKES[version.type](version, item, bank, chance)
    return None if is_right(version, item, value) else value


def _other_option(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    return [chance.choice([option["id"] for option in version.options if option["id"] not in version.key["options"]])]


def _other_options(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    right = set(version.key["options"])
    options = [option["id"] for option in version.options]
    return sorted(right ^ {chance.choice(options)}) or [chance.choice(options)]


def _other_word(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    words = [str(unit[0].key["accepted"][0]) for unit in bank.matching(FILL_IN) if "accepted" in unit[0].key]
    if "blanks" not in version.key:
        return chance.choice(words)
    right = [str(one[0]) for one in version.key["blanks"]]
    right[chance.randrange(len(right))] = chance.choice(words)
    return right


def _other_number(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    right = ITEM_TYPES["numeric"].shown_key(version, item)["value"]
    return f"{float(right) * chance.choice((0.1, 0.5, 0.9, 1.2, 2.0, 10.0)):.2f}"


def _other_order(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    order = list(version.key["order"])
    at = chance.randrange(len(order) - 1)
    order[at], order[at + 1] = order[at + 1], order[at]
    return order


def _other_pairs(version: Version, item: PaperItem, bank: Bank, chance: Random) -> Value:
    pairs = [version.key["pairs"][prompt["id"]] for prompt in version.prompts]
    at = chance.randrange(len(pairs) - 1)
    pairs[at], pairs[at + 1] = pairs[at + 1], pairs[at]
    return pairs


FILL_IN = BlueprintRow(1, 1, type="fill_in")
_MISTAKES: dict[str, Callable[[Version, PaperItem, Bank, Random], Value]] = {
    "single": _other_option,
    "multiple": _other_options,
    "true_false": lambda version, item, bank, chance: not version.key["truth"],
    "fill_in": _other_word,
    "numeric": _other_number,
    "ordering": _other_order,
    "matching": _other_pairs,
}
