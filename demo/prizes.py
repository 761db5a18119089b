"""The demo's money: pools, prizes and bonuses on offer, and a finished competition paid out into every state."""

from __future__ import annotations

import contextlib
import itertools

from sqlalchemy import select

import demo
from accounts.models import Person
from competitions.models import Competition, Participation
from competitions.queries import list_tracks
from competitions.services import close_competition
from core import audit
from core.database import db, transaction
from demo import contests, places
from demo.event import Event, take_turn
from demo.people import list_workplaces
from leaderboard import services as leaderboard
from payouts import queries, services
from payouts.errors import LedgerMoved
from payouts.models import Award, Payout
from payouts.rules import Band, Prize, Tier, luhn

FATES = (
    *("confirmed", "exported", "confirmed", "created", "confirmed", "approved"),
    *("confirmed", "failed", "confirmed", "unknown", "confirmed", "exported"),
)
"""How far the payouts of each winner have come, round and round; the approved ones still lack a bank card."""


def offer(event: Event) -> None:
    """Fund the prize pools and the demo enterprise's bonus budgets; a repetition after a crash adds nothing twice."""
    enterprise_id = list_workplaces(event)[places.DEMO_ENTERPRISE].organization_id
    db.session.rollback()
    admin, finance = event.login_ids[demo.ADMIN], event.login_ids[demo.FINANCE_A]
    for number in (contests.OPEN, contests.FINISHED):
        competition_id = event.competition_ids[number]
        tracks = [track.id for track in list_tracks(competition_id)]
        pool = services.open_ledger(competition_id, event.province_id, "prize", finance)
        _fund(pool.id, contests.POOL_FEN, "工会经费专项奖金", finance)
        bands = tuple(Band(*band) for band in contests.BANDS[number])
        drafts = [
            services.PrizeDraft(Prize(0, track_id, "places", bands), "工种名次奖", "Places of the trade")
            for track_id in tracks
        ]
        shared = Prize(0, None, "equal_split", pot_fen=contests.SPLIT_FEN[number], any_track=True)
        drafts.append(services.PrizeDraft(shared, "全部通关奖", "Cleared every level"))
        services.set_prize_rules(competition_id, drafts, finance)
        budget = services.open_ledger(competition_id, enterprise_id, "bonus", admin)
        _fund(budget.id, contests.BONUS_BUDGET_FEN, "企业职工奖励预算", admin)
        tiers = [Tier(0, None, kind, amount_fen, top_n) for kind, amount_fen, top_n in contests.BONUS_TIERS]
        services.set_bonus_tiers(budget.id, tiers, admin)
    with transaction():
        take_turn()
        audit.record("demo.offer", "demo", person_id=None, organization_id=event.province_id)


def _fund(ledger_id: int, amount_fen: int, memo: str, person_id: int) -> None:
    with contextlib.suppress(LedgerMoved):  # funded before a crash
        services.fund(ledger_id, amount_fen, memo, person_id, expected_fen=0)


def finish(event: Event) -> None:
    """Close, seal and award the finished competition and bring its payouts into every state.

    Each step goes on from what it finds, so that a run after a crash ends where an undisturbed one does.
    """
    competition_id = event.competition_ids[contests.FINISHED]
    organizer, admin, maker = (event.login_ids[one] for one in (demo.ORGANIZER, demo.ADMIN, demo.FINANCE_A))
    state = _state(competition_id)
    if state == "open":
        close_competition(competition_id, organizer)
    if state in ("open", "closed"):
        leaderboard.seal(competition_id, organizer)
    services.award_prizes(competition_id, maker)
    for ledger in queries.list_ledgers(competition_id):
        if ledger.purpose == "bonus":
            services.award_bonuses(ledger.id, admin)
        else:
            _pay(ledger.id, event)
    with transaction():
        take_turn()
        audit.record("demo.finish", "demo", person_id=None, organization_id=event.province_id)


def _state(competition_id: int) -> str:
    state = db.session.scalars(select(Competition.state).where(Competition.id == competition_id)).one()
    db.session.rollback()
    return state


def _pay(ledger_id: int, event: Event) -> None:
    """Pay the prizes as far as each winner's fate says; the demo worker has been paid."""
    maker, checker = event.login_ids[demo.FINANCE_A], event.login_ids[demo.FINANCE_B]
    services.create_payouts(ledger_id, maker)
    winners = dict(
        db.session.execute(
            select(Person.id, Person.name)
            .join(Participation, Participation.person_id == Person.id)
            .join(Award, Award.participation_id == Participation.id)
            .where(Award.ledger_id == ledger_id)
            .distinct()
            .order_by(Person.id)
        ).all()
    )
    fates = dict(zip(winners, itertools.cycle(FATES)))  # the first winner is the demo worker
    db.session.rollback()
    for person_id, name in winners.items():
        if fates[person_id] not in ("created", "approved"):
            services.save_payee(person_id, name, "示例银行江海分行（演示）", _card(person_id), consented=True)
    for payout_id, person_id in _payouts(ledger_id, "created"):
        if fates[person_id] != "created":
            services.approve(payout_id, checker)
    if any(fates[person_id] != "approved" for _, person_id in _payouts(ledger_id, "approved")):
        services.export_batch(ledger_id, maker)
    for payout_id, person_id in _payouts(ledger_id, "exported"):
        if fates[person_id] == "confirmed":
            amount_fen = db.session.scalars(select(Payout.amount_fen).where(Payout.id == payout_id)).one()
            services.confirm(payout_id, f"DEMO-{payout_id:06d}", amount_fen, maker)
        elif fates[person_id] == "failed":
            services.mark_failed(payout_id, "账号与户名不符", maker)
        elif fates[person_id] == "unknown":
            services.mark_unknown(payout_id, "银行回执未到", maker)


def _payouts(ledger_id: int, state: str) -> list[tuple[int, int]]:
    """Return the ids of a ledger's payouts in one state, each with its winner's."""
    found = db.session.execute(
        select(Payout.id, Participation.person_id)
        .join(Award, Award.id == Payout.award_id)
        .join(Participation, Participation.id == Award.participation_id)
        .where(Award.ledger_id == ledger_id, Payout.state == state)
        .order_by(Payout.id)
    ).all()
    db.session.rollback()
    return [(payout_id, person_id) for payout_id, person_id in found]


def _card(person_id: int) -> str:
    """Return an invented card number that passes the check of its last digit."""
    body = f"620000000000{person_id:06d}"
    return next(body + digit for digit in "0123456789" if luhn(body + digit))
