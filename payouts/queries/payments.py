"""Reading awards and payouts on their way to the bank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import aliased, undefer

from accounts.models import Person
from competitions.models import Participation
from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from payouts import rules
from payouts.models import Award, BonusTier, Ledger, LedgerTransaction, Payee, Payout, PayoutBatch, PrizeRule
from payouts.queries.prizes import title_of


def count_awards(ledger_id: int) -> int:
    """Return how many awards a ledger has."""
    return db.session.scalar(select(func.count()).select_from(Award).where(Award.ledger_id == ledger_id)) or 0


def has_won(person_id: int) -> bool:
    """Say whether a person has an award of any kind."""
    return bool(
        db.session.scalar(
            select(exists().where(Award.participation_id == Participation.id, Participation.person_id == person_id))
        )
    )


def list_unpaid_awards(ledger_id: int) -> list[Award]:
    """Return the awards with money to pay and no live payout."""
    live = exists().where(Payout.award_id == Award.id, Payout.reversed_by.is_(None))
    return list(
        db.session.scalars(
            select(Award).where(Award.ledger_id == ledger_id, Award.net_fen > 0, ~live).order_by(Award.id)
        )
    )


def list_payouts(ledger_id: int, states: Sequence[str], *, lock_rows: bool = False) -> list[Payout]:
    """Return a ledger's live payouts in some states, optionally locked until the transaction ends."""
    query = (
        select(Payout)
        .join(Award, Award.id == Payout.award_id)
        .where(Award.ledger_id == ledger_id, Payout.state.in_(states), Payout.reversed_by.is_(None))
        .order_by(Payout.id)
    )
    if lock_rows:
        query = query.with_for_update(of=Payout).execution_options(populate_existing=True)
    return list(db.session.scalars(query))


def get_ledger_id_of_payout(payout_id: int) -> int:
    """Return which ledger a payout belongs to. Raises: NotFound."""
    found = db.session.scalar(
        select(Award.ledger_id).join(Payout, Payout.award_id == Award.id).where(Payout.id == payout_id)
    )
    if found is None:
        raise NotFound(what="Payout")
    return found


def ineligible_awards(award_ids: Sequence[int]) -> set[int]:
    """Return which of these awards belong to people who have lost eligibility since the seal."""
    return set(
        db.session.scalars(
            select(Award.id)
            .join(Participation, Participation.id == Award.participation_id)
            .where(Award.id.in_(award_ids), ~Participation.eligible)
        )
    )


def bank_references(references: Sequence[str]) -> dict[str, int]:
    """Return which payout each of these bank references belongs to, where it belongs to one."""
    found = db.session.execute(
        select(Payout.bank_reference, Payout.id).where(Payout.bank_reference.in_(references))
    ).all()
    return {str(reference): payout_id for reference, payout_id in found}


def get_confirmation(payout_id: int) -> LedgerTransaction:
    """Return the transaction that confirmed a payout. Raises: sqlalchemy.exc.NoResultFound."""
    return db.session.scalars(select(LedgerTransaction).filter_by(payout_id=payout_id, kind="confirm")).one()


def get_batch(batch_id: int) -> PayoutBatch:
    """Return a transfer list with its body. Raises: NotFound."""
    found = db.session.get(PayoutBatch, batch_id, options=[undefer(PayoutBatch.body_sealed)])
    if found is None:
        raise NotFound(what="PayoutBatch")
    return found


def find_last_batch(ledger_id: int) -> PayoutBatch | None:
    """Return a ledger's latest transfer list, or None."""
    return db.session.scalars(
        select(PayoutBatch).filter_by(ledger_id=ledger_id).order_by(PayoutBatch.id.desc()).limit(1)
    ).one_or_none()


def list_batches(ledger_id: int) -> list[PayoutBatch]:
    """Return a ledger's transfer lists, newest first."""
    return list(db.session.scalars(select(PayoutBatch).filter_by(ledger_id=ledger_id).order_by(PayoutBatch.id.desc())))


@dataclass(frozen=True)
class TransferRow:
    """One line of a transfer list; the card is None while the winner has not said where to."""

    payout: Payout
    award: Award
    name: str
    employer: str
    account_name: str | None
    bank_name: str | None
    card_sealed: str | None


def transfer_rows(ledger: Ledger) -> list[TransferRow]:
    """Return a ledger's approved payouts, locked, with where the money goes."""
    found = db.session.execute(
        select(Payout, Award, Participation.name, Participation.path, Payee)
        .join(Award, Award.id == Payout.award_id)
        .join(Participation, Participation.id == Award.participation_id)
        .outerjoin(Payee, Payee.person_id == Participation.person_id)
        .where(Award.ledger_id == ledger.id, Payout.state == "approved", Payout.reversed_by.is_(None))
        .order_by(Payout.id)
        .with_for_update(of=Payout)
        .execution_options(populate_existing=True)
    ).all()
    names = organizations_by_id({organization for row in found for organization in row[3]})
    return [
        TransferRow(
            payout,
            award,
            name,
            place_of(path, names, "enterprise")["zh"],
            payee.account_name if payee else None,
            payee.bank_name if payee else None,
            payee.card_sealed if payee else None,
        )
        for payout, award, name, path, payee in found
    ]


@dataclass(frozen=True)
class PayoutRow:
    """A payout as the finance page shows it: the name masked, the people who acted on it by name."""

    payout: Payout
    name: str
    won: Any
    gross_fen: int
    tax_fen: int
    maker: str
    approver: str | None
    has_payee: bool


def payout_page(ledger_id: int, state: str | None, offset: int, limit: int) -> list[PayoutRow]:
    """Return a page of a ledger's payouts, optionally the live ones of one state, newest first.

    Args:
        ledger_id: the ledger.
        state: one state, or None for all.
        offset: how many to leave out.
        limit: how many to give.
    """
    query = _payout_rows().where(Award.ledger_id == ledger_id).order_by(Payout.id.desc()).offset(offset).limit(limit)
    if state is not None:
        query = query.where(Payout.state == state, Payout.reversed_by.is_(None))
    return _read_payout_rows(query)


def get_payout_row(payout_id: int) -> PayoutRow:
    """Return one payout as the finance page shows it. Raises: NotFound."""
    found = _read_payout_rows(_payout_rows().where(Payout.id == payout_id))
    if not found:
        raise NotFound(what="Payout")
    return found[0]


def count_payouts(ledger_id: int) -> dict[str, int]:
    """Return how many payouts of a ledger are in each state; reversed ones count as `reversed`."""
    found = db.session.execute(
        select(Payout.state, Payout.reversed_by.is_not(None), func.count())
        .join(Award, Award.id == Payout.award_id)
        .where(Award.ledger_id == ledger_id)
        .group_by(Payout.state, Payout.reversed_by.is_not(None))
    ).all()
    counts: dict[str, int] = {}
    for state, undone, count in found:
        key = "reversed" if undone else state
        counts[key] = counts.get(key, 0) + count
    return counts


def find_payee(person_id: int) -> Payee | None:
    """Return where a person wants the money, or None."""
    return db.session.get(Payee, person_id)


def _payout_rows() -> Select[*tuple[Any, ...]]:
    maker, approver = aliased(Person), aliased(Person)
    return (
        select(Payout, Award, Participation.name, maker.name, approver.name, Payee.person_id)
        .join(Award, Award.id == Payout.award_id)
        .join(Participation, Participation.id == Award.participation_id)
        .join(maker, maker.id == Payout.created_by)
        .outerjoin(approver, approver.id == Payout.approved_by)
        .outerjoin(Payee, Payee.person_id == Participation.person_id)
    )


def _read_payout_rows(query: Select[*tuple[Any, ...]]) -> list[PayoutRow]:
    found = db.session.execute(query).all()
    origins = _origins([row[1] for row in found])
    return [
        PayoutRow(
            payout,
            rules.mask_name(name),
            origins[award.id],
            award.gross_fen,
            award.tax_fen,
            made_by,
            approved_by,
            payee is not None,
        )
        for payout, award, name, made_by, approved_by, payee in found
    ]


def _origins(awards: Iterable[Award]) -> dict[int, dict[str, str]]:
    awards = list(awards)
    prizes = {
        row.id: row
        for row in db.session.scalars(
            select(PrizeRule).where(PrizeRule.id.in_({award.prize_rule_id for award in awards}))
        )
    }
    tiers = {
        row.id: row
        for row in db.session.scalars(
            select(BonusTier).where(BonusTier.id.in_({award.bonus_tier_id for award in awards}))
        )
    }
    return {
        award.id: title_of(prizes.get(award.prize_rule_id or 0), tiers.get(award.bonus_tier_id or 0))
        for award in awards
    }


def organizations_by_id(ids: set[int]) -> dict[int, Organization]:
    """Return nodes of the tree by id."""
    return {row.id: row for row in db.session.scalars(select(Organization).where(Organization.id.in_(ids)))}


def place_of(path: Sequence[int], names: dict[int, Organization], kind: str) -> dict[str, str]:
    """Return the name, as {zh, en}, of the node of a kind on a path; empty where there is none.

    Args:
        path: ids from the root.
        names: nodes by id.
        kind: city or enterprise.
    """
    node = next((names[node] for node in path if node in names and names[node].kind == kind), None)
    return {"zh": node.name_zh, "en": node.name_en} if node else {"zh": "", "en": ""}
