"""Reading ledgers: what is in them, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, text

from competitions.models import Competition
from core.database import db
from core.errors import NotFound
from organizations.models import Organization
from payouts.models import Award, Ledger, LedgerEntry, LedgerTransaction, Payout

ACCOUNTS = ("sponsor", "pool", "payable", "tax", "in_transit", "paid")


def get_ledger(ledger_id: int) -> Ledger:
    """Return a ledger. Raises: NotFound."""
    found = db.session.get(Ledger, ledger_id)
    if found is None:
        raise NotFound(what="Ledger")
    return found


def get_purpose(ledger: Ledger) -> Competition:
    """Return the competition that a ledger is for, which may be a discarded draft: books are kept for ever."""
    return db.session.get_one(Competition, ledger.competition_id)


def find_ledger(competition_id: int, organization_id: int, purpose: str) -> Ledger | None:
    """Return one payer's ledger for a competition, or None."""
    return db.session.scalars(
        select(Ledger).filter_by(competition_id=competition_id, organization_id=organization_id, purpose=purpose)
    ).one_or_none()


def find_prize_ledger_id(competition_id: int) -> int | None:
    """Return the id of a competition's prize ledger, or None."""
    return db.session.scalar(select(Ledger.id).filter_by(competition_id=competition_id, purpose="prize"))


def get_prize_ledger(competition_id: int) -> Ledger:
    """Return a competition's prize ledger. Raises: NotFound."""
    return get_ledger(find_prize_ledger_id(competition_id) or 0)


def list_all_ledgers() -> list[Ledger]:
    """Return every ledger there is, oldest first."""
    return list(db.session.scalars(select(Ledger).order_by(Ledger.id)))


def list_checks() -> list[tuple[str, str, int]]:
    """Count over all ledgers what breaks a promise about money; each row is the promise, a sentence, the faults."""
    return [
        (promise, sentence, db.session.execute(text(f"select count(*) from ({query}) broken")).scalar_one())  # noqa: S608
        for promise, sentence, query in CHECKS
    ]


def list_ledgers(competition_id: int) -> list[Ledger]:
    """Return every payer's ledger of a competition."""
    return list(db.session.scalars(select(Ledger).filter_by(competition_id=competition_id).order_by(Ledger.id)))


@dataclass(frozen=True)
class LedgerRow:
    """A ledger with its competition, its payer and its books."""

    ledger: Ledger
    competition: Competition
    payer: Organization
    books: Reconciliation


def list_ledgers_at(prize_nodes: Sequence[int], bonus_nodes: Sequence[int]) -> list[LedgerRow]:
    """Return the ledgers that roles at some nodes open, newest first.

    Args:
        prize_nodes: where prizes may be read, and everything under it.
        bonus_nodes: enterprises whose own bonuses may be read.
    """
    found = db.session.execute(
        select(Ledger, Competition, Organization)
        .join(Competition, Competition.id == Ledger.competition_id)
        .join(Organization, Organization.id == Ledger.organization_id)
        .where(
            or_(
                and_(Ledger.purpose == "prize", Organization.path.overlap(list(prize_nodes))),
                and_(Ledger.purpose == "bonus", Organization.id.in_(bonus_nodes)),
            )
        )
        .order_by(Ledger.id.desc())
    ).all()
    return [LedgerRow(ledger, competition, payer, reconciliation(ledger.id)) for ledger, competition, payer in found]


def balances(ledger_id: int) -> dict[str, int]:
    """Return the balance of every account of a ledger, in fen."""
    found = db.session.execute(
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_fen))
        .where(LedgerEntry.ledger_id == ledger_id)
        .group_by(LedgerEntry.account)
    ).all()
    return dict.fromkeys(ACCOUNTS, 0) | {account: int(total) for account, total in found}


@dataclass(frozen=True)
class Posting:
    """One transaction with its entries."""

    transaction: LedgerTransaction
    entries: tuple[LedgerEntry, ...]


def list_postings(ledger_id: int, limit: int = 100) -> list[Posting]:
    """Return a ledger's latest transactions with their entries, newest first."""
    transactions = db.session.scalars(
        select(LedgerTransaction).filter_by(ledger_id=ledger_id).order_by(LedgerTransaction.id.desc()).limit(limit)
    ).all()
    entries: dict[int, list[LedgerEntry]] = {}
    for entry in db.session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.transaction_id.in_([posted.id for posted in transactions]))
        .order_by(LedgerEntry.id)
    ):
        entries.setdefault(entry.transaction_id, []).append(entry)
    return [Posting(posted, tuple(entries.get(posted.id, ()))) for posted in transactions]


@dataclass(frozen=True)
class Reconciliation:
    """A ledger's books beside what its awards and payouts add up to, in fen (M11)."""

    pool_fen: int
    allocated_fen: int
    unallocated_fen: int
    payable_fen: int
    in_transit_fen: int
    unknown_fen: int
    paid_fen: int
    tax_fen: int
    difference_fen: int

    @property
    def balanced(self) -> bool:
        """Say whether books and rows agree to the fen."""
        return self.difference_fen == 0


def reconciliation(ledger_id: int) -> Reconciliation:
    """Compare a ledger's accounts with its awards and payouts; the difference is the sum of every mismatch (M11).

    The pool is what was funded. Each live payout's state says on which account its amount must lie.
    """
    books = balances(ledger_id)
    row = db.session.execute(
        select(
            func.coalesce(func.sum(Award.gross_fen), 0),
            func.coalesce(func.sum(Award.tax_fen), 0),
            func.coalesce(func.sum(Award.net_fen), 0),
        ).where(Award.ledger_id == ledger_id)
    ).one()
    gross, tax, net = (int(value) for value in row)
    by_state = {
        state: int(total)
        for state, total in db.session.execute(
            select(Payout.state, func.sum(Payout.amount_fen))
            .join(Award, Award.id == Payout.award_id)
            .where(Award.ledger_id == ledger_id, Payout.reversed_by.is_(None))
            .group_by(Payout.state)
        ).all()
    }
    in_transit = sum(by_state.get(state, 0) for state in ("exported", "unknown", "failed"))
    paid = by_state.get("confirmed", 0)
    funded = -books["sponsor"]
    difference = (
        abs(funded - gross - books["pool"])
        + abs(tax - books["tax"])
        + abs(in_transit - books["in_transit"])
        + abs(paid - books["paid"])
        + abs(net - in_transit - paid - books["payable"])
    )
    return Reconciliation(
        pool_fen=funded,
        allocated_fen=gross,
        unallocated_fen=books["pool"],
        payable_fen=books["payable"],
        in_transit_fen=books["in_transit"],
        unknown_fen=by_state.get("unknown", 0),
        paid_fen=books["paid"],
        tax_fen=books["tax"],
        difference_fen=difference,
    )


CHECKS = (
    (
        "M1",
        "entries sum to zero in every transaction and every ledger",
        "select transaction_id from ledger_entries group by 1 having sum(amount_fen) <> 0 "
        "union all select ledger_id from ledger_entries group by 1 having sum(amount_fen) <> 0",
    ),
    (
        "M3",
        "no account but the sponsor's is below zero, and no ledger gives out more than was funded",
        "select ledger_id from ledger_entries where account <> 'sponsor' group by ledger_id, account "
        "having sum(amount_fen) < 0 union all "
        "select a.ledger_id from awards a group by 1 having sum(a.gross_fen) > coalesce((select -sum(e.amount_fen) "
        "from ledger_entries e where e.ledger_id = a.ledger_id and e.account = 'sponsor'), 0)",
    ),
    (
        "M4",
        "no award has two live payouts, and every further one follows a posted reversal",
        "select award_id from payouts where reversed_by is null group by 1 having count(*) > 1 union all "
        "select p.id from payouts p join ledger_transactions t on t.id = p.reversed_by where t.payout_id <> p.id "
        "or t.kind not in ('fail', 'reverse')",
    ),
    (
        "M9",
        "gross is net and tax on every award, by the rate of its dated rule, and every payout is the net",
        "select a.id from awards a join tax_rules r on r.id = a.tax_rule_id "
        "where a.gross_fen <> a.net_fen + a.tax_fen or a.tax_fen <> (a.gross_fen * r.rate_bp + 5000) / 10000 "
        "or r.valid_from > (a.made_at at time zone 'Asia/Shanghai')::date union all "
        "select p.id from payouts p join awards a on a.id = p.award_id where p.amount_fen <> a.net_fen",
    ),
)
