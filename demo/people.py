"""The demo's people: who they are, where they work, and what they played. The same number gives the same person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

import demo
from competitions import rules
from competitions.models import Level, Track
from core.database import db
from demo import contests, places
from demo.event import Event
from demo.names import person_name
from demo.play import LevelFacts, Played, Player, make_player, play_track, sittings
from organizations.models import Organization
from questions.queries import get_bank

SEED = "biwu-demo-1"
FINISHED_PEOPLE = 420
"""Of the first so many people some took part in the finished competition; it is sealed, so nobody joins it later."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """An enterprise of the demo with the nodes its people belong to."""

    plan: places.Enterprise
    organization_id: int
    nodes: tuple[tuple[int, list[int]], ...]


@dataclass(frozen=True, slots=True)
class Someone:
    """A person before they have an id: account, place, and what they played by competition."""

    number: int
    name: str
    created_at: datetime
    node_id: int
    path: list[int]
    joined: dict[int, datetime]
    played: dict[int, list[Played]]


def list_workplaces(event: Event) -> list[Workplace]:
    """Return the demo's enterprises in the order of the plan, found by their join codes, with team and own nodes."""
    nodes = db.session.execute(
        select(Organization.id, Organization.parent_id, Organization.path, Organization.name_zh)
        .where(Organization.path.contains([event.province_id]), Organization.kind.in_(("enterprise", "team")))
        .order_by(Organization.id)
    ).all()
    under: dict[int, list[Any]] = defaultdict(list)
    enterprises: dict[str, Any] = {}
    for node in nodes:
        under[node.parent_id].append(node)
        enterprises.setdefault(node.name_zh, node)
    found = []
    for plan in places.ENTERPRISES:
        node = enterprises[plan.name_zh]
        teams = under[node.id][: len(plan.teams)]
        found.append(
            Workplace(plan, node.id, tuple((one.id, list(one.path)) for one in [*teams, *teams, *teams, node]))
        )
    return found


def _levels(competition_id: int) -> dict[str, list[LevelFacts]]:
    """Return the levels of a competition in order, by trade."""
    found: dict[str, list[LevelFacts]] = defaultdict(list)
    for level, track in db.session.execute(
        select(Level, Track)
        .join(Track, Track.id == Level.track_id)
        .where(Track.competition_id == competition_id)
        .order_by(Track.position, Level.position)
    ):
        found[track.trade_code].append(
            LevelFacts(
                level.id,
                track.id,
                track.trade_code,
                level.position,
                tuple(rules.blueprint_rows(level.blueprint)),
                level.time_limit_s,
                level.pass_points,
                level.tries_total,
                level.tries_per_day,
            )
        )
    return found


class Maker:
    """Makes people out of their numbers; the same number gives the same person with the same results."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.workplaces = list_workplaces(event)
        self.sizes = [place.plan.size for place in self.workplaces]
        self.levels = {number: _levels(event.competition_ids[number]) for number in range(contests.DRAFT)}
        self.banks = {code: get_bank(code) for code, _, _ in contests.TRADES}

    def someone(self, number: int) -> Someone:
        """Make one person with all they did, from their number alone."""
        chance = Random(f"{SEED}:{number}")  # noqa: S311 - invented people, not secrets
        place = chance.choices(self.workplaces, weights=self.sizes)[0]
        node_id, path = chance.choice(place.nodes)
        name = person_name(number, chance)
        created_at = self.event.anchor - timedelta(days=61 + 20 * chance.random())
        if number < len(demo.LOGINS):
            name = demo.LOGINS[number].name
            if number == demo.WORKER:
                place = self.workplaces[places.DEMO_ENTERPRISE]
                node_id, path = place.nodes[0]
        player = make_player(chance)
        trades = chance.choices(list(place.plan.trades), weights=list(place.plan.trades.values()), k=2)
        one = Someone(number, name, created_at, node_id, path, {}, {})
        if number == demo.WORKER:
            self._demo_worker(one, chance)
        elif number >= len(demo.LOGINS):
            self._open(one, player, trades, chance)
            self._internal(one, place, player, chance)
            if number < FINISHED_PEOPLE:
                self._finished(one, player, trades, chance)
        return one

    def _open(self, one: Someone, player: Player, trades: list[str], chance: Random) -> None:
        stage = chance.random()
        if stage < 0.04:
            return
        wanted = trades[: 2 if trades[0] != trades[1] and chance.random() < 0.3 else 1]
        self._take_part(one, contests.OPEN, [] if stage < 0.08 else wanted, player, chance)

    def _internal(self, one: Someone, place: Workplace, player: Player, chance: Random) -> None:
        if place.organization_id == self.workplaces[places.DEMO_ENTERPRISE].organization_id and chance.random() < 0.6:
            self._take_part(one, contests.INTERNAL, ["work_safety"], player, chance)

    def _finished(self, one: Someone, player: Player, trades: list[str], chance: Random) -> None:
        if chance.random() < 0.75:
            trade = trades[0] if trades[0] in contests.PLANS[contests.FINISHED].trades else "work_safety"
            self._take_part(one, contests.FINISHED, [trade], player, chance)

    def _demo_worker(self, one: Someone, chance: Random) -> None:
        """A prize in the finished competition, a beginning in the open one, and welding still to play."""
        self._take_part(one, contests.FINISHED, ["welding"], Player(2.6, 0.9, 1.0), chance)
        self._take_part(one, contests.OPEN, ["work_safety"], Player(0.6, 1.0, 0.6), chance, levels=2)

    def _take_part(
        self,
        one: Someone,
        number: int,
        trades: Iterable[str],
        player: Player,
        chance: Random,
        levels: int | None = None,
    ) -> None:
        opens_at, closes_at = contests.window(contests.PLANS[number], self.event.anchor)
        end = min(closes_at, self.event.anchor)
        begin = opens_at + timedelta(minutes=10) + 0.7 * (end - opens_at) * chance.random() ** 2
        moments = sittings(2 + round(7 * player.keen), begin, end, chance)
        played: list[Played] = []
        for trade in trades:
            after = played[-1].finished_at + timedelta(minutes=2) if played else opens_at
            played += play_track(
                self.levels[number][trade][:levels],
                self.banks[trade],
                player,
                [moment for moment in moments if moment > after],
                end,
                closes_at,
                chance,
            )
        first = played[0].started_at if played else opens_at + (end - opens_at) * chance.random()
        one.joined[number] = first - timedelta(seconds=chance.uniform(20, 300))
        one.played[number] = played
