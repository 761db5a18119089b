"""Reading ledgers, rules, awards, payouts and winners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text
from sqlalchemy.orm import aliased, undefer

from accounts.models import Person
from competitions.models import Competition, Level, Participation, Standing, Track
from core import secrets
from core.database import db
from core.errors import NotFound
from core.money import plain_yuan
from leaderboard.models import Seal, SealedStanding
from organizations.models import Organization
from payouts import rules
from payouts.errors import TooManyRows
from payouts.models import (
    Award,
    BonusTier,
    Ledger,
    LedgerEntry,
    LedgerTransaction,
    Payee,
    Payout,
    PayoutBatch,
    PrizeRule,
    TaxRule,
)

ACCOUNTS = ("sponsor", "pool", "payable", "tax", "in_transit", "paid")
DIRECT_ROWS = 5000
WINNER_HEADER = (
    "姓名",
    "手机",
    "地市",
    "单位",
    "赛道",
    "奖项",
    "名次",
    "发放方",
    "税前（元）",
    "税（元）",
    "实发（元）",
    "状态",
)


def find_competition(competition_id: int) -> Competition | None:
    """Return a competition, or None."""
    return db.session.get(Competition, competition_id)


def get_competition(competition_id: int) -> Competition:
    """Return a competition. Raises: NotFound."""
    found = find_competition(competition_id)
    if found is None:
        raise NotFound(what="Competition")
    return found


def get_organization(organization_id: int) -> Organization:
    """Return a node of the tree. Raises: NotFound."""
    found = db.session.get(Organization, organization_id)
    if found is None:
        raise NotFound(what="Organization")
    return found


def get_ledger(ledger_id: int) -> Ledger:
    """Return a ledger. Raises: NotFound."""
    found = db.session.get(Ledger, ledger_id)
    if found is None:
        raise NotFound(what="Ledger")
    return found


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


def as_prize(row: PrizeRule) -> rules.Prize:
    """Read a stored prize rule as the value that `rules` computes with."""
    terms = row.terms
    return rules.Prize(
        id=row.id,
        track_id=row.track_id,
        kind=row.kind,
        bands=tuple(rules.Band(band["from"], band["to"], band["each_fen"]) for band in terms.get("bands", ())),
        pot_fen=terms.get("pot_fen", 0),
        any_track=terms.get("any_track", False),
    )


def as_terms(prize: rules.Prize) -> dict[str, Any]:
    """Write a prize rule's terms as they are stored."""
    if prize.kind == "places":
        return {
            "bands": [{"from": band.first, "to": band.last, "each_fen": band.each_fen} for band in prize.bands],
        }
    return {"pot_fen": prize.pot_fen, "any_track": prize.any_track}


def list_prize_rules(competition_id: int) -> list[PrizeRule]:
    """Return a competition's prize rules in order."""
    return list(
        db.session.scalars(select(PrizeRule).filter_by(competition_id=competition_id).order_by(PrizeRule.position))
    )


def list_tiers(ledger_id: int) -> list[rules.Tier]:
    """Return an enterprise's bonus tiers in order."""
    return [
        rules.Tier(tier.id, tier.track_id, tier.kind, tier.amount_fen, tier.top_n)
        for tier in db.session.scalars(select(BonusTier).filter_by(ledger_id=ledger_id).order_by(BonusTier.id))
    ]


def list_tracks(competition_id: int) -> list[Track]:
    """Return a competition's tracks in order."""
    return list(db.session.scalars(select(Track).filter_by(competition_id=competition_id).order_by(Track.position)))


def level_counts(competition_id: int) -> dict[int | None, int]:
    """Return how many levels each track has and, under None, how many the whole competition has."""
    found = db.session.execute(
        select(Track.id, func.count(Level.id))
        .outerjoin(Level, Level.track_id == Track.id)
        .where(Track.competition_id == competition_id)
        .group_by(Track.id)
    ).all()
    counts: dict[int | None, int] = {None: sum(count for _, count in found)}
    return counts | dict(found)


def find_seal(competition_id: int) -> Seal | None:
    """Return the seal on a competition's standings, or None."""
    return db.session.scalars(select(Seal).filter_by(competition_id=competition_id)).one_or_none()


def list_sealed_rows(competition_id: int) -> list[rules.Row]:
    """Return the sealed standings of every board of a competition: the only rows that money follows."""
    found = db.session.execute(
        select(
            SealedStanding.participation_id,
            SealedStanding.track_id,
            SealedStanding.rank,
            SealedStanding.levels_cleared,
            SealedStanding.points,
            SealedStanding.eligible,
            SealedStanding.path,
        )
        .join(Seal, Seal.id == SealedStanding.seal_id)
        .where(Seal.competition_id == competition_id)
    )
    return [rules.Row(*row[:6], tuple(row[6])) for row in found]


def list_present_rows(competition_id: int) -> list[rules.Row]:
    """Return what the standings are now, for a preview that nobody is paid by."""
    place = func.rank().over(
        partition_by=Standing.track_id,
        order_by=(
            Standing.levels_cleared.desc(),
            Standing.points.desc(),
            Standing.elapsed_ms,
            Standing.reached_at,
        ),
    )
    found = db.session.execute(
        select(
            Standing.participation_id,
            Standing.track_id,
            place,
            Standing.levels_cleared,
            Standing.points,
            Participation.eligible,
            Participation.path,
        )
        .join(Participation, Participation.id == Standing.participation_id)
        .where(Standing.competition_id == competition_id)
    )
    return [rules.Row(*row[:6], tuple(row[6])) for row in found]


def compute(ledger: Ledger, rows: Sequence[rules.Row]) -> rules.Allocation:
    """Apply a ledger's prize rules or bonus tiers to standings.

    Args:
        ledger: whose rules, and whose pool.
        rows: sealed standings, or the present ones for a preview.

    Raises: OverPool or OverBudget.
    """
    levels = level_counts(ledger.competition_id)
    pool = balances(ledger.id)["pool"]
    if ledger.purpose == "prize":
        return rules.allocate([as_prize(row) for row in list_prize_rules(ledger.competition_id)], rows, levels, pool)
    return rules.allocate_bonuses(list_tiers(ledger.id), rows, levels, ledger.organization_id, pool)


def list_tax_rates() -> list[rules.TaxRate]:
    """Return every dated tax rate."""
    return [
        rules.TaxRate(row.id, row.category, row.valid_from, row.rate_bp) for row in db.session.scalars(select(TaxRule))
    ]


def list_tax_rules() -> list[TaxRule]:
    """Return the tax rules with their sources, by category and date."""
    return list(db.session.scalars(select(TaxRule).order_by(TaxRule.category, TaxRule.valid_from)))


def tax_category(ledger: Ledger) -> str:
    """Return what the law takes this ledger's awards for: a prize is chance income, a bonus is wages."""
    return rules.PRIZE_CATEGORY if ledger.purpose == "prize" else rules.BONUS_CATEGORY


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
    names = _organizations({organization for row in found for organization in row[3]})
    return [
        TransferRow(
            payout,
            award,
            name,
            _place(path, names, "enterprise")["zh"],
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


@dataclass(frozen=True)
class WinnerScope:
    """To what a list of winners is narrowed; None is no narrowing. `organization_id` pays, for `purpose`."""

    track_id: int | None = None
    city_id: int | None = None
    enterprise_id: int | None = None
    organization_id: int | None = None
    purpose: str | None = None


@dataclass(frozen=True)
class Winner:
    """One award with who, from whom and where it stands: awarded, approved, sent, paid, failed or unknown."""

    award_id: int
    participation_id: int
    person_id: int
    name: str
    phone_sealed: str
    phone_tail: str
    city: dict[str, str]
    enterprise: dict[str, str]
    rank: int | None
    title: dict[str, str]
    track: dict[str, str]
    payer: dict[str, str]
    competition: dict[str, str]
    competition_id: int
    purpose: str
    kind: str
    gross_fen: int
    tax_fen: int
    net_fen: int
    made_at: datetime
    stage: str
    settled_at: datetime | None

    @property
    def masked_name(self) -> str:
        """Return the name with only its first character."""
        return rules.mask_name(self.name)


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
STAGES = {
    None: "awarded",
    "created": "awarded",
    "approved": "approved",
    "exported": "sent",
    "confirmed": "paid",
    "failed": "failed",
    "unknown": "unknown",
}
STAGE_WORDS = {
    "awarded": "已获奖",
    "approved": "已审批",
    "sent": "已送银行",
    "paid": "已发放",
    "failed": "发放失败",
    "unknown": "待银行核实",
}


def winners(
    competition_id: int, scope: WinnerScope | None = None, *, limit: int | None = None, offset: int = 0
) -> list[Winner]:
    """Return who won what in a competition, by payer, prize and rank.

    Args:
        competition_id: the competition.
        scope: track, city, enterprise and payer to narrow to.
        limit: at most so many; None for all.
        offset: how many to leave out.
    """
    query = (
        _winners()
        .where(*_narrow(competition_id, scope or WinnerScope()))
        .order_by(Ledger.purpose.desc(), Ledger.id, PrizeRule.position, BonusTier.id, Award.rank, Award.id)
        .offset(offset)
    )
    return _read_winners(query if limit is None else query.limit(limit))


def count_winners(competition_id: int, scope: WinnerScope | None = None) -> int:
    """Return how many awards `winners` gives in all."""
    found = _winners().where(*_narrow(competition_id, scope or WinnerScope())).order_by(None)
    return db.session.scalar(select(func.count()).select_from(found.with_only_columns(Award.id).subquery())) or 0


def list_won(person_id: int) -> list[Winner]:
    """Return what a person has won, from whom, and where each stands; the latest first."""
    return _read_winners(_winners().where(Participation.person_id == person_id).order_by(Award.id.desc()))


def winner_rows(
    competition_id: int, scope: WinnerScope, *, full: bool, limit: int | None = None
) -> Iterator[tuple[str, ...]]:
    """Yield the lines under `WINNER_HEADER`, every cell a text.

    Args:
        competition_id: the competition.
        scope: what the list is narrowed to.
        full: names and phones in full; masked otherwise.
        limit: refuse when there are more.

    Raises: TooManyRows.
    """
    found = winners(competition_id, scope, limit=None if limit is None else limit + 1)
    if limit is not None and len(found) > limit:
        raise TooManyRows(limit=limit)
    for row in found:
        yield (
            row.name if full else row.masked_name,
            secrets.unseal(row.phone_sealed) if full else f"*******{row.phone_tail}",
            row.city["zh"],
            row.enterprise["zh"],
            row.track["zh"],
            row.title["zh"],
            str(row.rank or ""),
            row.payer["zh"],
            plain_yuan(row.gross_fen),
            plain_yuan(row.tax_fen),
            plain_yuan(row.net_fen),
            STAGE_WORDS[row.stage],
        )


def find_payee(person_id: int) -> Payee | None:
    """Return where a person wants the money, or None."""
    return db.session.get(Payee, person_id)


def list_bonus_competitions(enterprise: Organization) -> list[tuple[Competition, int, Ledger | None]]:
    """Return the competitions that reach an enterprise, how many of its people joined, and its ledger, newest first."""
    joined = (
        select(func.count())
        .select_from(Participation)
        .where(Participation.competition_id == Competition.id, Participation.path.contains([enterprise.id]))
        .scalar_subquery()
    )
    found = db.session.execute(
        select(Competition, joined, Ledger)
        .outerjoin(
            Ledger,
            and_(
                Ledger.competition_id == Competition.id,
                Ledger.organization_id == enterprise.id,
                Ledger.purpose == "bonus",
            ),
        )
        .where(Competition.organization_id.in_(enterprise.path), Competition.state != "draft")
        .order_by(Competition.opens_at.desc(), Competition.id)
    )
    return [(competition, count, ledger) for competition, count, ledger in found]


def list_places_with_winners(competition_id: int) -> tuple[list[Organization], list[Organization]]:
    """Return the cities and the enterprises that winners of a competition come from, in the tree's order."""
    nodes = (
        select(func.unnest(Participation.path))
        .join(Award, Award.participation_id == Participation.id)
        .where(Participation.competition_id == competition_id)
    )
    found = db.session.scalars(
        select(Organization)
        .where(Organization.id.in_(nodes), Organization.kind.in_(["city", "enterprise"]))
        .order_by(Organization.path)
    ).all()
    return [one for one in found if one.kind == "city"], [one for one in found if one.kind == "enterprise"]


def _narrow(competition_id: int, scope: WinnerScope) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Ledger.competition_id == competition_id]
    for node in (scope.city_id, scope.enterprise_id):
        if node is not None:
            where.append(Participation.path.contains([node]))
    if scope.organization_id is not None:
        where.append(Ledger.organization_id == scope.organization_id)
    if scope.purpose is not None:
        where.append(Ledger.purpose == scope.purpose)
    if scope.track_id is not None:
        where.append(func.coalesce(PrizeRule.track_id, BonusTier.track_id) == scope.track_id)
    return where


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


def _winners() -> Select[*tuple[Any, ...]]:
    live = aliased(Payout)
    return (
        select(
            Award,
            Participation,
            Person.phone_sealed,
            Person.phone_tail,
            Ledger.purpose,
            Organization,
            Competition,
            PrizeRule,
            BonusTier,
            live.state,
            live.settled_at,
        )
        .join(Ledger, Ledger.id == Award.ledger_id)
        .join(Organization, Organization.id == Ledger.organization_id)
        .join(Competition, Competition.id == Ledger.competition_id)
        .join(Participation, Participation.id == Award.participation_id)
        .join(Person, Person.id == Participation.person_id)
        .outerjoin(PrizeRule, PrizeRule.id == Award.prize_rule_id)
        .outerjoin(BonusTier, BonusTier.id == Award.bonus_tier_id)
        .outerjoin(live, and_(live.award_id == Award.id, live.reversed_by.is_(None)))
    )


def _read_winners(query: Select[*tuple[Any, ...]]) -> list[Winner]:
    found = db.session.execute(query).all()
    names = _organizations({node for row in found for node in row[1].path})
    tracks = _tracks({(row[7] or row[8]).track_id for row in found})
    return [
        Winner(
            award_id=award.id,
            participation_id=participation.id,
            person_id=participation.person_id,
            name=participation.name,
            phone_sealed=phone_sealed,
            phone_tail=phone_tail,
            city=_place(participation.path, names, "city"),
            enterprise=_place(participation.path, names, "enterprise"),
            rank=award.rank,
            title=_title(prize, tier),
            track=tracks.get((prize or tier).track_id, WHOLE),
            payer={"zh": payer.name_zh, "en": payer.name_en},
            competition={"zh": competition.name_zh, "en": competition.name_en},
            competition_id=competition.id,
            purpose=purpose,
            kind=(prize or tier).kind,
            gross_fen=award.gross_fen,
            tax_fen=award.tax_fen,
            net_fen=award.net_fen,
            made_at=award.made_at,
            stage=STAGES[state],
            settled_at=settled_at,
        )
        for (
            award,
            participation,
            phone_sealed,
            phone_tail,
            purpose,
            payer,
            competition,
            prize,
            tier,
            state,
            settled_at,
        ) in found
    ]


WHOLE = {"zh": "整场比武", "en": "Whole competition"}
TIER_TITLES = {
    "per_level": {"zh": "过关奖金", "en": "Bonus for levels cleared"},
    "all_levels": {"zh": "全通关奖金", "en": "Bonus for clearing a whole track"},
}


def _title(prize: PrizeRule | None, tier: BonusTier | None) -> dict[str, str]:
    if prize is not None:
        return {"zh": prize.name_zh, "en": prize.name_en}
    if tier is None:
        return {"zh": "", "en": ""}
    if tier.kind == "top_n":
        return {"zh": f"前 {tier.top_n} 名奖金", "en": f"Bonus for the first {tier.top_n}"}
    return TIER_TITLES[tier.kind]


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
        award.id: _title(prizes.get(award.prize_rule_id or 0), tiers.get(award.bonus_tier_id or 0)) for award in awards
    }


def _organizations(ids: set[int]) -> dict[int, Organization]:
    return {row.id: row for row in db.session.scalars(select(Organization).where(Organization.id.in_(ids)))}


def _tracks(ids: set[int | None]) -> dict[int | None, dict[str, str]]:
    wanted = [track_id for track_id in ids if track_id is not None]
    return {
        row.id: {"zh": row.name_zh, "en": row.name_en}
        for row in db.session.scalars(select(Track).where(Track.id.in_(wanted)))
    }


def _place(path: Sequence[int], names: dict[int, Organization], kind: str) -> dict[str, str]:
    node = next((names[node] for node in path if node in names and names[node].kind == kind), None)
    return {"zh": node.name_zh, "en": node.name_en} if node else {"zh": "", "en": ""}
