"""May this competition open? A pure list of green and red lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from questions.rules import Bank, BlueprintRow


@dataclass(frozen=True, slots=True)
class Availability:
    """What the bank has for one blueprint row: how many match, and how many are left in the worst draw."""

    wanted: int
    matching: int
    sure: int

    @property
    def ok(self) -> bool:
        """Whether every draw, whatever its chance, can fill the row."""
        return self.sure >= self.wanted


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """What the checklist needs to know of a level; times in aware UTC, the limit in seconds.

    `exposure`: the share of papers that no item exceeds; `exposure_cap`: the largest allowed, in percent.
    """

    id: int
    name: str
    rows: Sequence[Availability]
    max_points: int
    pass_points: int
    time_limit_s: int
    opens_at: datetime | None
    exposure: Fraction = Fraction(0)
    exposure_cap: int | None = None


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """A track and its levels in order."""

    id: int
    name: str
    levels: Sequence[LevelFacts]


@dataclass(frozen=True, slots=True)
class CompetitionFacts:
    """What the checklist needs to know of a competition; times in aware UTC."""

    now: datetime
    opens_at: datetime
    closes_at: datetime
    names: Sequence[str]
    rules: Sequence[str]
    tracks: Sequence[TrackFacts]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the checklist. `code` chooses the sentence, `place` and `place_id` say where it is mended."""

    code: str
    ok: bool
    place: str
    place_id: int | None = None
    details: dict[str, object] = field(default_factory=dict)


def availability(blueprint: Sequence[BlueprintRow], bank: Bank) -> list[Availability]:
    """Say for each blueprint row what the bank has for it.

    `questions.rules.draw` fills the row with the fewest candidates first and by chance, so a row is sure only of what
    is left when every earlier row has taken as much of it as it could.

    Args:
        blueprint: the rows, in the order in which they are written.
        bank: what papers are drawn from.
    """
    ids = [{unit[0].id for unit in bank.matching(row)} for row in blueprint]
    order = sorted(range(len(blueprint)), key=lambda i: (len(ids[i]), i))
    found: dict[int, Availability] = {}
    for place, index in enumerate(order):
        taken = sum(min(blueprint[earlier].count, len(ids[index] & ids[earlier])) for earlier in order[:place])
        found[index] = Availability(blueprint[index].count, len(ids[index]), max(0, len(ids[index]) - taken))
    return [found[index] for index in range(len(blueprint))]


def check(facts: CompetitionFacts) -> list[Line]:
    """Return every line of the checklist, green and red, in the order in which one sets a competition up."""
    lines = [
        Line("names", all(name.strip() for name in facts.names), "basics"),
        Line("rules", all(text.strip() for text in facts.rules), "basics"),
        Line("window", facts.opens_at < facts.closes_at and facts.closes_at > facts.now, "basics"),
        Line("tracks", bool(facts.tracks), "tracks"),
    ]
    for track in facts.tracks:
        checked = [_check_level(level, track, facts) for level in track.levels]
        told: dict[str, object] = {
            "track": track.name,
            "count": len(checked),
            "ready": sum(may_open(of_level) for of_level in checked),
        }
        lines.append(Line("levels", bool(track.levels), "tracks", track.id, told))
        lines += [line for of_level in checked for line in of_level]
    return lines


def may_open(lines: Sequence[Line]) -> bool:
    """Whether every line is green."""
    return all(line.ok for line in lines)


def _check_level(level: LevelFacts, track: TrackFacts, facts: CompetitionFacts) -> list[Line]:
    named: dict[str, object] = {"track": track.name, "level": level.name}
    lines = [
        Line("blueprint", bool(level.rows) and all(row.ok for row in level.rows), "level", level.id, named),
        Line(
            "pass_mark",
            0 < level.pass_points <= level.max_points,
            "level",
            level.id,
            {**named, "points": level.pass_points, "total": level.max_points},
        ),
    ]
    opens_at = max(level.opens_at or facts.opens_at, facts.opens_at)
    room = (facts.closes_at - opens_at).total_seconds()
    if level.exposure_cap:
        lines.append(
            Line(
                "exposure",
                100 * level.exposure <= level.exposure_cap,
                "level",
                level.id,
                {**named, "share": math.ceil(100 * level.exposure), "cap": level.exposure_cap},
            )
        )
    lines.append(Line("time", room >= level.time_limit_s, "level", level.id, named))
    return lines
