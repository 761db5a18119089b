"""Making the demo event, in steps that each leave a trace, so that a second run goes on where the first one stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import select, text

import demo
from accounts import services as accounts
from accounts.passwords import hash_password
from accounts.rules import normalise_phone
from competitions.models import Competition, Level, Track
from core import audit, clock
from core.database import db, transaction
from core.valkey import PAUSE_SECONDS, Away
from demo import contests, drafts, places, prizes
from demo.event import Event, find_event, take_turn
from demo.filling import write_batch
from demo.people import Maker
from demo.practice import practise
from laboratory import services as laboratory
from leaderboard import services as leaderboard
from organizations import services as organizations
from organizations.models import Membership, Organization
from questions.models import Trade

BATCH = 1_000

Say = Callable[[str], None]


class NoBanks(Exception):
    """The question banks are not loaded yet."""


def make(people: int, say: Say) -> None:
    """Make the demo event, or bring it up to so many people; what is there already stays as it is.

    Args:
        people: how many people the province shall have, the log-ins included.
        say: is told what was done, a line at a time.

    Raises: NoBanks.
    """
    event = find_event()
    if event is None:
        event = _begin()
        say(f"Made {event.anchor:%Y-%m-%d %H:%M} UTC: one province, five cities, twenty enterprises, four competitions")
    if not event.offered:
        prizes.offer(event)
    if event.people < people:
        _fill(event, people, say)
    event = find_event() or event
    if not event.practised:
        practise(event)
    if not event.finished:
        prizes.finish(event)
        say("The finished competition is closed, sealed and awarded")
    elif event.people >= people:
        say(f"Nothing to do: {event.people} people are there")
    for competition_id in laboratory.compute_due():
        say(f"Computed the figures of the items of competition {competition_id}")


def _begin() -> Event:
    """Make the tree, the log-ins and the competitions, all or nothing."""
    anchor = clock.now().replace(microsecond=0)
    with transaction():
        take_turn()
        if {code for code, _, _ in contests.TRADES} - set(db.session.scalars(select(Trade.code))):
            raise NoBanks
        tree = _make_tree()
        log_in_ids = _make_log_ins(tree, anchor)
        drafts.write(tree[0].id, log_in_ids, anchor)
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
    return Event(anchor, tree[0].id, tuple(competition_ids), tuple(log_in_ids), 0, False, False, False)


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
        demo.AUTHOR: ("question_author", province),
        demo.REVIEWER: ("question_reviewer", province),
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


def _fill(event: Event, people: int, say: Say) -> None:
    began = clock.now()
    made = Maker(event)
    db.session.rollback()
    start, attempts = event.people, 0
    for first in range(start, people, BATCH):
        last = min(first + BATCH, people)
        batch = [made.someone(number) for number in range(first, last)]
        attempts += write_batch(event, batch, first, last)
        if last < people:
            say(f"  {last} of {people} people")
    with transaction():
        db.session.execute(text("analyze people, memberships, participations, attempts, answers, standings"))
    seconds = (clock.now() - began).total_seconds()
    say(f"Added {people - start} people with {attempts} attempts in {seconds:.1f} s")
    for number in (contests.OPEN, contests.FINISHED, contests.INTERNAL):
        if number != contests.FINISHED or not event.finished:
            _draw(event.competition_ids[number], say)


def _draw(competition_id: int, say: Say) -> None:
    """Draw a competition's boards; where Valkey stays away the sweep does it later."""
    for pause in (PAUSE_SECONDS, PAUSE_SECONDS, None):
        try:
            rebuilt = leaderboard.rebuild(competition_id)
        except Away:
            if pause is not None:
                time.sleep(pause)
        else:
            say(f"Drew the boards of competition {competition_id}: {rebuilt.rows} standings")
            return
    say(f"Valkey is away: the boards of competition {competition_id} are drawn when it is back")
