"""Making the demo event, in steps that each leave a trace, so that a second run goes on where the first one stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from sqlalchemy import select, text

import demo
from accounts import services as accounts
from accounts.models import Person
from accounts.passwords import hash_password
from accounts.rules import normalise_phone
from competitions import rules
from competitions.models import Competition, Level, Track
from competitions.services import close_competition
from core import audit, clock
from core.database import db, transaction
from core.models import AuditEntry
from core.secrets import blind_index, seal
from core.valkey import Away
from demo import contests, places
from demo.names import person_name
from demo.play import LevelFacts, Played, Player, make_player, play_track, sittings
from leaderboard import services as leaderboard
from organizations import services as organizations
from organizations.models import Membership, Organization
from payouts import queries as money
from payouts import services as payouts
from payouts.rules import Band, Prize, Tier
from questions.models import Trade
from questions.queries import get_bank

SEED = "biwu-demo-1"
BATCH = 1_000
FINISHED_PEOPLE = 420
"""Who of the first so many people took part in the finished competition; it is sealed, so nobody joins it later."""

Say = Callable[[str], None]


class NoBanks(Exception):
    """The question banks are not loaded yet."""


@dataclass(frozen=True, slots=True)
class Event:
    """Where the demo is: its rows' ids, and the moment everything in it counts from."""

    anchor: datetime
    province_id: int
    competition_ids: tuple[int, ...]
    login_ids: tuple[int, ...]
    people: int
    finished: bool


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


def make(people: int, say: Say) -> None:
    """Make the demo event, or bring it up to so many people; what is there already stays as it is.

    Args:
        people: how many people the province shall have, the six log-ins included.
        say: is told what was done, a line at a time.

    Raises: NoBanks.
    """
    event = find_event()
    if event is None:
        event = _begin()
        _offer_money(event)
        say(f"Made {event.anchor:%Y-%m-%d %H:%M} UTC: one province, five cities, twenty enterprises, four competitions")
    if event.people < people:
        _fill(event, people, say)
    event = find_event() or event
    if not event.finished:
        _finish(event)
        say("The finished competition is closed, sealed and awarded")
    elif event.people >= people:
        say(f"Nothing to do: {event.people} people are there")


def find_event() -> Event | None:
    """Return the demo as its audit entries tell it, or None before it is made."""
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.subject == "demo").order_by(AuditEntry.id)).all()
    if not entries:
        return None
    begun = next(entry.details for entry in entries if entry.action == "demo.begin")
    return Event(
        anchor=datetime.fromisoformat(begun["anchor"]),
        province_id=begun["province"],
        competition_ids=tuple(begun["competitions"]),
        login_ids=tuple(begun["log_ins"]),
        people=max((entry.details["people"] for entry in entries if entry.action == "demo.fill"), default=0),
        finished=any(entry.action == "demo.finish" for entry in entries),
    )


def _begin() -> Event:
    """Make the tree, the log-ins and the competitions, all or nothing."""
    anchor = clock.now().replace(microsecond=0)
    with transaction():
        _take_turn()
        if {code for code, _, _ in contests.TRADES} - set(db.session.scalars(select(Trade.code))):
            raise NoBanks
        tree = _make_tree()
        log_in_ids = _make_log_ins(tree, anchor)
        competition_ids = [_make_competition(number, tree, log_in_ids, anchor) for number in range(len(contests.PLANS))]
        audit.record(
            "demo.begin",
            "demo",
            person_id=None,
            organization_id=tree[0].id,
            anchor=anchor.isoformat(),
            province=tree[0].id,
            competitions=competition_ids,
            log_ins=log_in_ids,
        )
    return Event(anchor, tree[0].id, tuple(competition_ids), tuple(log_in_ids), 0, False)


def _take_turn() -> None:
    db.session.execute(text("select pg_advisory_xact_lock(hashtext('demo'))"))


def _make_tree() -> list[Organization]:
    """Make the tree and return the province and then the enterprises."""
    province = organizations.create_organization(None, "province", *places.PROVINCE)
    cities = [organizations.create_organization(province.id, "city", *names) for names in places.CITIES]
    enterprises = []
    for plan in places.ENTERPRISES:
        enterprise = organizations.create_organization(
            cities[plan.city].id, "enterprise", plan.name_zh, plan.name_en, plan.join_code
        )
        enterprises.append(enterprise)
        for number, names in enumerate(plan.teams, 1):
            organizations.create_organization(enterprise.id, "team", *names, f"{plan.join_code}{number + 1}")
    return [province, *enterprises]


def _make_log_ins(tree: Sequence[Organization], anchor: datetime) -> list[int]:
    province, enterprise = tree[0], tree[1 + places.DEMO_ENTERPRISE]
    team = db.session.scalars(
        select(Organization).where(Organization.parent_id == enterprise.id).order_by(Organization.id)
    ).first()
    password_hash = hash_password(demo.PASSWORD)
    nodes = {demo.WORKER: team, demo.ADMIN: enterprise}
    roles = {
        demo.ADMIN: ("enterprise_admin", enterprise),
        demo.ORGANIZER: ("organizer", province),
        demo.FINANCE_A: ("finance", province),
        demo.FINANCE_B: ("finance", province),
        demo.AUDITOR: ("auditor", province),
    }
    ids = []
    for number, log_in in enumerate(demo.LOGINS):
        person = accounts.add_person(normalise_phone(log_in.phone), password_hash, log_in.name)
        person.created_at = anchor - timedelta(days=90)
        node = nodes.get(number) or province
        db.session.add(Membership(person_id=person.id, organization_id=node.id, began_at=person.created_at))
        if number in roles:
            role, place = roles[number]
            organizations.grant_role(person.id, role, place.id, None)
        ids.append(person.id)
    return ids


def _make_competition(number: int, tree: Sequence[Organization], log_in_ids: Sequence[int], anchor: datetime) -> int:
    plan = contests.PLANS[number]
    opens_at, closes_at = contests.window(plan, anchor)
    internal = plan.owner == "enterprise"
    owner = tree[1 + places.DEMO_ENTERPRISE] if internal else tree[0]
    maker = log_in_ids[demo.ADMIN if internal else demo.ORGANIZER]
    competition = Competition(
        organization_id=owner.id,
        name_zh=plan.name_zh,
        name_en=plan.name_en,
        summary_zh=plan.summary_zh,
        summary_en=plan.summary_en,
        rules_zh=plan.rules_zh,
        rules_en=plan.rules_en,
        state=plan.state,
        opens_at=opens_at,
        closes_at=closes_at,
        created_by=maker,
        created_at=min(opens_at - timedelta(days=10), anchor),
    )
    db.session.add(competition)
    db.session.flush()
    for position, (code, name_zh, name_en) in enumerate(
        (trade for trade in contests.TRADES if trade[0] in plan.trades), 1
    ):
        track = Track(
            competition_id=competition.id, trade_code=code, position=position, name_zh=name_zh, name_en=name_en
        )
        db.session.add(track)
        db.session.flush()
        db.session.add_all(
            Level(
                track_id=track.id,
                position=place,
                name_zh=level.name_zh,
                name_en=level.name_en,
                blueprint=[asdict(row) for row in level.blueprint],
                time_limit_s=level.time_limit_s,
                pass_points=contests.PASS_POINTS,
                tries_total=plan.tries_total,
                tries_per_day=plan.tries_per_day,
                reveal=level.reveal,
            )
            for place, level in enumerate(contests.LEVELS[: plan.levels], 1)
        )
    for action in ("competition.create", "competition.open")[: 1 if plan.state == "draft" else 2]:
        audit.record(action, "competition", competition.id, person_id=maker, organization_id=owner.id)
    return competition.id


def _offer_money(event: Event) -> None:
    """Fund the prize pools and the demo enterprise's bonus budgets; a repetition after a crash adds nothing twice."""
    enterprise_id = _workplaces(event)[places.DEMO_ENTERPRISE].organization_id
    db.session.rollback()
    admin, finance = event.login_ids[demo.ADMIN], event.login_ids[demo.FINANCE_A]
    for number in (contests.OPEN, contests.FINISHED):
        competition_id = event.competition_ids[number]
        tracks = [track.id for track in money.list_tracks(competition_id)]
        pool = payouts.open_ledger(competition_id, event.province_id, "prize", finance)
        payouts.fund(pool.id, contests.POOL_FEN, "工会经费专项奖金", finance, expected_fen=0)
        bands = tuple(Band(*band) for band in contests.BANDS[number])
        drafts = [
            payouts.PrizeDraft(Prize(0, track_id, "places", bands), "工种名次奖", "Places of the trade")
            for track_id in tracks
        ]
        shared = Prize(0, None, "equal_split", pot_fen=contests.SPLIT_FEN[number], any_track=True)
        drafts.append(payouts.PrizeDraft(shared, "全部通关奖", "Cleared every level"))
        payouts.set_prize_rules(competition_id, drafts, finance)
        budget = payouts.open_ledger(competition_id, enterprise_id, "bonus", admin)
        payouts.fund(budget.id, contests.BONUS_BUDGET_FEN, "企业职工教育经费", admin, expected_fen=0)
        tiers = [Tier(0, None, kind, amount_fen, top_n) for kind, amount_fen, top_n in contests.BONUS_TIERS]
        payouts.set_bonus_tiers(budget.id, tiers, admin)


def _workplaces(event: Event) -> list[Workplace]:
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


def _fill(event: Event, people: int, say: Say) -> None:
    began = clock.now()
    made = _Maker(event)
    db.session.rollback()
    start, attempts = event.people, 0
    for first in range(start, people, BATCH):
        last = min(first + BATCH, people)
        batch = [made.someone(number) for number in range(first, last)]
        attempts += _write(event, batch, first, last)
        if last < people:
            say(f"  {last} of {people} people")
    seconds = (clock.now() - began).total_seconds()
    say(f"Added {people - start} people with {attempts} attempts in {seconds:.1f} s")
    for number in (contests.OPEN, contests.FINISHED, contests.INTERNAL):
        competition_id = event.competition_ids[number]
        if number == contests.FINISHED and event.finished:
            continue
        try:
            rebuilt = leaderboard.rebuild(competition_id)
            say(f"Drew the boards of competition {competition_id}: {rebuilt.rows} standings")
        except Away:
            say(f"Valkey is away: the boards of competition {competition_id} are drawn when it is back")


class _Maker:
    """Makes people out of their numbers; the same number gives the same person with the same results."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.workplaces = _workplaces(event)
        self.sizes = [place.plan.size for place in self.workplaces]
        self.levels = {number: _levels(event.competition_ids[number]) for number in range(contests.DRAFT)}
        self.banks = {code: get_bank(code) for code, _, _ in contests.TRADES}
        states = dict(
            db.session.execute(
                select(Competition.id, Competition.state).where(Competition.id.in_(event.competition_ids))
            ).all()
        )
        self.running = {number for number in range(contests.DRAFT) if states[event.competition_ids[number]] == "open"}

    def someone(self, number: int) -> Someone:
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
            if number >= FINISHED_PEOPLE:
                self._open(one, player, trades, chance)
                self._internal(one, place, player, chance)
            else:
                self._open(one, player, trades, chance)
                self._internal(one, place, player, chance)
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
        if number not in self.running:
            return
        opens_at, closes_at = contests.window(contests.PLANS[number], self.event.anchor)
        end = min(closes_at, self.event.anchor)
        moments = sittings(2 + round(7 * player.keen), opens_at + timedelta(minutes=10), end, chance)
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


def _write(event: Event, batch: Sequence[Someone], first: int, last: int) -> int:
    """Write a batch of people with all they did in one transaction, and return how many attempts that were."""
    now = clock.now()
    with transaction():
        _take_turn()
        there = find_event()
        if there is None or there.people != first:
            return 0
        new = [one for one in batch if one.number >= len(demo.LOGINS)]
        ids = dict(enumerate(event.login_ids))
        ids.update(zip((one.number for one in new), _ids("people", len(new)), strict=True))
        password_hash = db.session.scalars(
            select(Person.password_hash).where(Person.id == event.login_ids[demo.AUDITOR])
        ).one()
        _copy(
            "people",
            "id phone_index phone_sealed phone_tail password_hash name locale created_at",
            (
                (id_, blind_index(phone), seal(phone), phone[-4:], password_hash, one.name, "zh_CN", one.created_at)
                for one in new
                for id_, phone in ((ids[one.number], f"+86{demo.phone(one.number)}"),)
            ),
        )
        _copy(
            "memberships",
            "person_id organization_id began_at",
            ((ids[one.number], one.node_id, one.created_at) for one in new),
        )
        parts = [(one, number) for one in batch for number in one.joined]
        part_ids = dict(
            zip(((one.number, number) for one, number in parts), _ids("participations", len(parts)), strict=True)
        )
        _copy(
            "participations",
            "id competition_id person_id name path joined_at eligible",
            (
                (
                    part_ids[one.number, number],
                    event.competition_ids[number],
                    ids[one.number],
                    one.name,
                    one.path,
                    one.joined[number],
                    True,
                )
                for one, number in parts
            ),
        )
        attempts = [
            (part_ids[one.number, number], ids[one.number], played)
            for one, number in parts
            for played in one.played[number]
        ]
        attempt_ids = _ids("attempts", len(attempts))
        _copy(
            "attempts",
            "id participation_id person_id level_id number state seed paper started_at deadline_at finished_at "
            "close_reason answers_hash rule_version marks points max_points cleared elapsed_ms",
            (_attempt(id_, *one) for id_, one in zip(attempt_ids, attempts, strict=True)),
        )
        _copy(
            "answers",
            "attempt_id position seq value flagged received_at",
            (
                (id_, position, seq, _json(value), False, received_at)
                for id_, (_, _, played) in zip(attempt_ids, attempts, strict=True)
                for position, seq, value, received_at in played.answers
            ),
        )
        _copy(
            "standings",
            "competition_id participation_id track_id levels_cleared points elapsed_ms reached_at changed_at version",
            (
                (
                    event.competition_ids[number],
                    part_ids[one.number, number],
                    row.track_id,
                    row.levels_cleared,
                    row.points,
                    row.elapsed_ms,
                    row.reached_at,
                    now,
                    1,
                )
                for one, number in parts
                for row in rules.fold_standings(played.as_try for played in one.played[number])
            ),
        )
        audit.record(
            "demo.fill",
            "demo",
            person_id=None,
            organization_id=event.province_id,
            people=last,
            attempts=len(attempts),
        )
    return len(attempts)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _attempt(id_: int, participation_id: int, person_id: int, played: Played) -> tuple[Any, ...]:
    return (
        id_,
        participation_id,
        person_id,
        played.level.id,
        played.number,
        "scored",
        played.seed,
        _json(played.paper),
        played.started_at,
        played.deadline_at,
        played.finished_at,
        played.close_reason,
        rules.answers_hash(id_, played.values),
        rules.RULE_VERSION,
        _json(played.marks),
        played.points,
        rules.max_points(played.level.blueprint),
        played.cleared,
        played.elapsed_ms,
    )


def _ids(table: str, count: int) -> list[int]:
    """Take so many ids out of a table's sequence."""
    return list(
        db.session.scalars(
            text("select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)"),
            {"table": table, "count": count},
        )
    )


def _copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]] | Iterator[tuple[Any, ...]]) -> None:
    """Write rows with COPY in the session's transaction; triggers and constraints hold as for INSERT."""
    connection: Any = db.session.connection().connection.driver_connection
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} ({', '.join(columns.split())}) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _finish(event: Event) -> None:
    """Close, seal and award the finished competition and pay in every state; each step may be repeated."""
    competition_id = event.competition_ids[contests.FINISHED]
    organizer = event.login_ids[demo.ORGANIZER]
    state = db.session.scalars(select(Competition.state).where(Competition.id == competition_id)).one()
    db.session.rollback()
    if state == "open":
        close_competition(competition_id, organizer)
        state = "closed"
    with transaction():
        _take_turn()
        audit.record("demo.finish", "demo", person_id=None, organization_id=event.province_id)
