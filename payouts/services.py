"""Use cases of money. Each locks the ledger's row first, so everything that happens to one ledger happens in order."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from competitions.models import Competition
from competitions.queries import get_competition
from core import audit, clock, secrets
from core.database import db, lock, transaction
from core.errors import Invalid, NotFound
from core.zone import SHANGHAI
from leaderboard.models import Seal
from organizations.models import Organization
from payouts import queries, rules, sheets
from payouts.errors import (
    AlreadyAwarded,
    LedgerMoved,
    NoLongerEligible,
    NotAnotherPerson,
    NotAWinner,
    NothingToExport,
    ReferenceTaken,
    ResultsRefused,
    StandingsNotSealed,
    StandingsSealed,
    WrongAmount,
    WrongState,
)
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

T = TypeVar("T")

TAX_RULES = Path(__file__).resolve().parent / "tax_rules.yaml"


@dataclass(frozen=True)
class PrizeDraft:
    """A prize rule as someone writes it down: the rule (with the id 0 while it is new) and its two names."""

    prize: rules.Prize
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Awarded:
    """What awarding did: `made` is False when the awards were there already and nothing was posted."""

    made: bool
    count: int
    allocated_fen: int
    unallocated_fen: int


@dataclass(frozen=True)
class ResultLine:
    """One line of a bank result file and what it means: `action` is confirm, fail, unknown, same or refused."""

    number: int
    payout_id: int | None
    reference: str
    amount_fen: int | None
    action: str
    reason: str = ""


def open_ledger(competition_id: int, organization_id: int, purpose: str, person_id: int | None) -> Ledger:
    """Open one payer's books for a competition, or return them when they are open.

    Args:
        competition_id: the competition.
        organization_id: who pays: the competition's own node for `prize`, an enterprise it reaches for `bonus`.
        purpose: `prize` or `bonus`.
        person_id: who acts; None for the system.

    Raises: NotFound when the competition does not reach the payer.
    """
    with transaction():
        competition = get_competition(competition_id)
        payer = db.session.get(Organization, organization_id)
        if payer is None or competition.organization_id not in payer.path:
            raise NotFound(what="Ledger")
        if not (payer.id == competition.organization_id if purpose == "prize" else payer.kind == "enterprise"):
            raise NotFound(what="Ledger")
        _load_tax_rules()
        made = db.session.execute(
            postgresql.insert(Ledger)
            .values(
                competition_id=competition_id, organization_id=organization_id, purpose=purpose, created_at=clock.now()
            )
            .on_conflict_do_nothing()
            .returning(Ledger.id)
        ).scalar()
        ledger = db.session.scalars(
            select(Ledger).filter_by(competition_id=competition_id, organization_id=organization_id, purpose=purpose)
        ).one()
        if made:
            audit.record(
                "ledger.open", "ledger", ledger.id, person_id=person_id, organization_id=payer.id, purpose=purpose
            )
    return ledger


def load_tax_rules() -> int:
    """Take in the dated tax rules of payouts/tax_rules.yaml that are not known yet, and return how many were new.

    A known rule is never changed: awards point to it. Opening a ledger does this too.
    """
    with transaction():
        new = _load_tax_rules()
    return new


def fund(
    ledger_id: int, amount_fen: int, memo: str, person_id: int | None, expected_fen: int | None = None
) -> LedgerTransaction:
    """Put the sponsor's money into the pool.

    Args:
        ledger_id: the ledger.
        amount_fen: how much, above 0.
        memo: where it comes from.
        person_id: who acts; None for the system.
        expected_fen: what the person saw as funded; another figure means the form was sent twice.

    Raises: NotFound for a discarded draft, Invalid for an amount that cannot be, AlreadyAwarded once awards are made,
        LedgerMoved.
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        get_competition(ledger.competition_id)
        if not 0 < amount_fen <= rules.MAX_FEN:
            raise Invalid(path="amount", reason="amount")
        funded = -queries.balances(ledger_id)["sponsor"]
        if expected_fen is not None and funded != expected_fen:
            raise LedgerMoved(funded_fen=funded)
        if queries.count_awards(ledger_id):
            raise AlreadyAwarded()
        posted = _post(ledger, "fund", {"sponsor": -amount_fen, "pool": amount_fen}, person_id, memo=memo)
        _record("ledger.fund", ledger, person_id, amount_fen=amount_fen)
    return posted


def return_pools(competition_id: int, person_id: int) -> None:
    """Give what lies in a competition's pools back to the sponsor, in the transaction that discards the draft.

    Args:
        competition_id: a draft, so that nothing is awarded.
        person_id: who discards it.
    """
    for found in queries.list_ledgers(competition_id):
        ledger = lock(Ledger, found.id)
        pool = queries.balances(ledger.id)["pool"]
        if pool:
            _post(ledger, "release", {"pool": -pool, "sponsor": pool}, person_id)
            _record("ledger.return", ledger, person_id, amount_fen=pool)


def set_prize_rules(competition_id: int, drafts: Sequence[PrizeDraft], person_id: int | None) -> list[PrizeRule]:
    """Replace the prize rules of a competition.

    Args:
        competition_id: the competition.
        drafts: the rules in their order.
        person_id: who acts; None for the system.

    Raises: StandingsSealed; InvalidTerms; OverPool when they could give out more than is funded (M3).
    """
    with transaction():
        competition = _before_the_seal(competition_id)
        made = _write_prize_rules(competition, drafts, person_id)
    return made


def add_prize_rule(competition_id: int, draft: PrizeDraft, person_id: int | None) -> None:
    """Add one prize rule after those there are. Raises: as `set_prize_rules`."""
    with transaction():
        competition = _before_the_seal(competition_id)
        _write_prize_rules(competition, [*_drafts(competition_id), draft], person_id)


def change_prize_rule(competition_id: int, draft: PrizeDraft, person_id: int | None) -> None:
    """Replace the prize rule with the draft's id where it stands.

    Raises: as `set_prize_rules`; NotFound when the competition has no such rule.
    """
    with transaction():
        competition = _before_the_seal(competition_id)
        _write_prize_rules(competition, _exchange(_drafts(competition_id), _rule_id, draft.prize.id, draft), person_id)


def remove_prize_rule(competition_id: int, rule_id: int, person_id: int | None) -> None:
    """Remove one prize rule. Raises: StandingsSealed; NotFound when the competition has no such rule."""
    with transaction():
        competition = _before_the_seal(competition_id)
        _write_prize_rules(competition, _exchange(_drafts(competition_id), _rule_id, rule_id), person_id)


def set_bonus_tiers(ledger_id: int, tiers: Sequence[rules.Tier], person_id: int | None) -> list[BonusTier]:
    """Replace an enterprise's bonus tiers.

    Args:
        ledger_id: its bonus ledger.
        tiers: the tiers in their order, new ones with the id 0.
        person_id: who acts; None for the system.

    Raises: StandingsSealed; InvalidTerms; NotFound for a prize ledger or a track of another competition.
    """
    with transaction():
        ledger = _bonus_ledger(ledger_id)
        made = _write_tiers(ledger, tiers, person_id)
    return made


def add_bonus_tier(ledger_id: int, tier: rules.Tier, person_id: int | None) -> None:
    """Add one tier after those there are. Raises: as `set_bonus_tiers`."""
    with transaction():
        ledger = _bonus_ledger(ledger_id)
        _write_tiers(ledger, [*queries.list_tiers(ledger_id), tier], person_id)


def change_bonus_tier(ledger_id: int, tier: rules.Tier, person_id: int | None) -> None:
    """Replace the tier of the same id. Raises: as `set_bonus_tiers`; NotFound when the ledger has no such tier."""
    with transaction():
        ledger = _bonus_ledger(ledger_id)
        _write_tiers(ledger, _exchange(queries.list_tiers(ledger_id), _tier_id, tier.id, tier), person_id)


def remove_bonus_tier(ledger_id: int, tier_id: int, person_id: int | None) -> None:
    """Remove one tier. Raises: StandingsSealed; NotFound when the ledger has no such tier."""
    with transaction():
        ledger = _bonus_ledger(ledger_id)
        _write_tiers(ledger, _exchange(queries.list_tiers(ledger_id), _tier_id, tier_id), person_id)


def award_prizes(competition_id: int, person_id: int | None) -> Awarded:
    """Turn the prize rules and the sealed standings into awards, once; a second call posts nothing.

    Args:
        competition_id: the competition, sealed.
        person_id: who acts; None for the system.

    Raises: StandingsNotSealed; NotFound without a prize ledger; OverPool; NoTaxRule.
    """
    with transaction():
        ledger = lock(Ledger, queries.get_prize_ledger(competition_id).id)
        awarded = _award(ledger, person_id)
    return awarded


def award_bonuses(ledger_id: int, person_id: int | None) -> Awarded:
    """Turn an enterprise's tiers and the sealed standings into awards, once; a second call posts nothing.

    Args:
        ledger_id: its bonus ledger.
        person_id: who acts; None for the system.

    Raises: StandingsNotSealed; OverBudget saying by how much; NoTaxRule; NotFound for a prize ledger.
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        if ledger.purpose != "bonus":
            raise NotFound(what="Ledger")
        awarded = _award(ledger, person_id)
    return awarded


def create_payouts(ledger_id: int, person_id: int) -> int:
    """Create a payout for every award that has no live one, and return how many (M4).

    Args:
        ledger_id: the ledger.
        person_id: who makes them; somebody else approves.
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        now = clock.now()
        awards = queries.list_unpaid_awards(ledger_id)
        if awards:
            db.session.execute(
                insert(Payout),
                [
                    {"award_id": award.id, "amount_fen": award.net_fen, "created_by": person_id, "created_at": now}
                    for award in awards
                ],
            )
            _record("payout.create", ledger, person_id, count=len(awards), awards=[award.id for award in awards])
    return len(awards)


def approve(payout_id: int, person_id: int) -> Payout:
    """Approve a payout that another person made, after looking again whether its winner is eligible.

    Raises: NotFound; WrongState; NotAnotherPerson; NoLongerEligible.
    """
    with transaction():
        ledger, payout = _locked(payout_id)
        _approve([payout], person_id, clock.now())
        _record("payout.approve", ledger, person_id, payouts=[payout.id])
    return payout


def approve_all(ledger_id: int, person_id: int) -> tuple[int, int]:
    """Approve every created payout of a ledger that may be; return how many were approved and how many left out.

    Left out are those this person made and those whose winner is no longer eligible.
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        created = queries.list_payouts(ledger_id, ["created"], lock_rows=True)
        ineligible = queries.ineligible_awards([payout.award_id for payout in created])
        fit = [payout for payout in created if payout.created_by != person_id and payout.award_id not in ineligible]
        if fit:
            _approve(fit, person_id, clock.now())
            _record("payout.approve", ledger, person_id, payouts=[payout.id for payout in fit])
    return len(fit), len(created) - len(fit)


def export_batch(ledger_id: int, person_id: int) -> PayoutBatch:
    """Freeze every approved payout that says where to into one transfer list; with nothing new, return the last list.

    The bytes are stored sealed with their hash, so that exporting again gives the same bytes and posts nothing (M7).

    Args:
        ledger_id: the ledger.
        person_id: who exports.

    Raises: NothingToExport when there is neither an approved payout to send nor a list.
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        rows = queries.transfer_rows(ledger)
        sendable = [row for row in rows if row.card_sealed is not None] if ledger.purpose == "prize" else rows
        if not sendable:
            last = queries.find_last_batch(ledger_id)
            if last is None:
                raise NothingToExport(without_payee=len(rows))
            _record("payout.export_again", ledger, person_id, batch_id=last.id)
            return last
        now = clock.now()
        body = sheets.transfer_list(sendable, with_cards=ledger.purpose == "prize")
        batch = PayoutBatch(
            ledger_id=ledger_id,
            exported_at=now,
            exported_by=person_id,
            total_fen=sum(row.payout.amount_fen for row in sendable),
            sha256=hashlib.sha256(body).hexdigest(),
            body_sealed=secrets.seal(base64.b64encode(body).decode()),
        )
        db.session.add(batch)
        db.session.flush()
        for row in sendable:
            _move(row.payout, "exported", batch_id=batch.id)
        _post(
            ledger,
            "export",
            {"payable": -batch.total_fen, "in_transit": batch.total_fen},
            person_id,
            memo=f"batch {batch.id}, {len(sendable)} payouts, sha256 {batch.sha256}",
        )
        _record(
            "payout.export",
            ledger,
            person_id,
            batch_id=batch.id,
            sha256=batch.sha256,
            total_fen=batch.total_fen,
            payouts=[row.payout.id for row in sendable],
        )
    return batch


def download_batch(batch_id: int, person_id: int) -> bytes:
    """Return the stored bytes of a transfer list; who read it is recorded (P5). Raises: NotFound."""
    with transaction():
        batch = queries.get_batch(batch_id)
        ledger = queries.get_ledger(batch.ledger_id)
        body = base64.b64decode(secrets.unseal(batch.body_sealed))
        _record("payout.download", ledger, person_id, batch_id=batch.id, sha256=batch.sha256)
    return body


def confirm(payout_id: int, bank_reference: str, amount_fen: int, person_id: int) -> Payout:
    """Record that the bank has paid; the same confirmation a second time changes nothing (M6).

    Args:
        payout_id: an exported or unknown payout.
        bank_reference: the bank's own number of the transfer.
        amount_fen: what the bank says it paid.
        person_id: who records it.

    Raises: WrongAmount; WrongState; ReferenceTaken when the reference belongs to another payout; NotFound.
    """
    with transaction():
        ledger, payout = _locked(payout_id)
        if payout.state == "confirmed" and payout.bank_reference == bank_reference and payout.amount_fen == amount_fen:
            return payout
        _confirm(ledger, payout, bank_reference, amount_fen, person_id)
    return payout


def mark_failed(payout_id: int, reason: str, person_id: int) -> Payout:
    """Record that the bank did not pay. The money stays in transit until `reverse` posts that it is back.

    Raises: WrongState; NotFound.
    """
    with transaction():
        ledger, payout = _locked(payout_id)
        _settle(ledger, payout, "failed", reason, person_id)
    return payout


def mark_unknown(payout_id: int, reason: str, person_id: int) -> Payout:
    """Record that nobody can say whether the bank paid. Nothing is sent again until a person finds out (M6).

    Raises: WrongState; NotFound.
    """
    with transaction():
        ledger, payout = _locked(payout_id)
        _settle(ledger, payout, "unknown", reason, person_id)
    return payout


def reverse(payout_id: int, why: str, person_id: int) -> LedgerTransaction:
    """Post that a failed or confirmed payout's money is back, which makes room for another payout (M4).

    Args:
        payout_id: the payout.
        why: the reason, kept in the ledger.
        person_id: who acts; not the payout's maker (M10).

    Raises: WrongState; NotAnotherPerson; NotFound.
    """
    with transaction():
        ledger, payout = _locked(payout_id)
        if payout.state not in ("failed", "confirmed") or payout.reversed_by is not None:
            raise WrongState(state=payout.state)
        if payout.created_by == person_id:
            raise NotAnotherPerson()
        confirmed = payout.state == "confirmed"
        posted = _post(
            ledger,
            "reverse" if confirmed else "fail",
            {"paid" if confirmed else "in_transit": -payout.amount_fen, "payable": payout.amount_fen},
            person_id,
            memo=why,
            award_id=payout.award_id,
            payout_id=payout.id,
            reverses_id=queries.get_confirmation(payout.id).id if confirmed else None,
        )
        payout.reversed_by = posted.id
        _record("payout.reverse", ledger, person_id, why=why, payouts=[payout.id], transaction_id=posted.id)
    return posted


def import_results(ledger_id: int, text: str, person_id: int, *, apply: bool) -> list[ResultLine]:
    """Read a bank's results, one line a payout: reference, payout number, amount in yuan, status.

    Args:
        ledger_id: the ledger whose payouts the lines name.
        text: comma- or tab-separated lines; a first line of headings is skipped. Status: paid, failed or unknown.
        person_id: who acts.
        apply: False is a dry run that changes nothing.

    Returns: what each line means.
    Raises: ResultsRefused when applying and any line is wrong: then none is recorded (M6).
    """
    with transaction():
        ledger = lock(Ledger, ledger_id)
        payouts = {
            payout.id: payout
            for payout in queries.list_payouts(
                ledger_id, ("exported", "unknown", "confirmed", "failed"), lock_rows=True
            )
        }
        lines = _judge(sheets.read_results(text), payouts)
        if apply:
            wrong = [line for line in lines if line.action == "refused"]
            if wrong or not lines:
                raise ResultsRefused(lines=[{"line": line.number, "reason": line.reason} for line in wrong])
            for line in lines:
                payout = payouts[line.payout_id or 0]
                if line.action == "confirm":
                    _confirm(ledger, payout, line.reference, line.amount_fen or 0, person_id)
                elif line.action in ("fail", "unknown"):
                    _settle(ledger, payout, "failed" if line.action == "fail" else "unknown", "bank", person_id)
            _record("payout.import_results", ledger, person_id, lines=len(lines))
    return lines


def save_payee(person_id: int, account_name: str, bank_name: str, card_number: str, *, consented: bool) -> Payee:
    """Keep where a winner wants the money; the card number is sealed (P4).

    Args:
        person_id: the winner.
        account_name: the holder's name as the bank has it.
        bank_name: the bank and branch.
        card_number: digits, spaces allowed.
        consented: the separate consent that the law asks for.

    Raises: NotAWinner; Invalid with `path` card_number, account_name, bank_name or consent.
    """
    card = card_number.replace(" ", "")
    account_name, bank_name = account_name.strip(), bank_name.strip()
    if not rules.luhn(card):
        raise Invalid(path="card_number", reason="luhn")
    if not account_name or not bank_name:
        raise Invalid(path="bank_name" if account_name else "account_name", reason="empty")
    if not consented:
        raise Invalid(path="consent", reason="required")
    with transaction():
        if not queries.has_won(person_id):
            raise NotAWinner()
        payee = db.session.merge(
            Payee(
                person_id=person_id,
                account_name=account_name,
                bank_name=bank_name,
                card_sealed=secrets.seal(card),
                card_tail=card[-4:],
                consented_at=clock.now(),
            )
        )
        audit.record("payee.save", "payee", person_id, person_id=person_id)
    return payee


def export_winners(
    competition: Competition,
    scope: queries.WinnerScope,
    form: str,
    *,
    full: bool,
    why: str,
    person_id: int,
) -> bytes:
    """Make the list of winners as a file and record who took it, why and how many rows (P5, P6).

    Args:
        competition: whose winners.
        scope: the track, city, enterprise and payer they are narrowed to.
        form: `xlsx` or `csv`.
        full: names and phones in full; masked otherwise.
        why: the reason given.
        person_id: who exports.

    Raises: TooManyRows above `queries.DIRECT_ROWS`.
    """
    with transaction():
        rows = list(queries.winner_rows(competition.id, scope, full=full, limit=queries.DIRECT_ROWS))
        body = (sheets.workbook if form == "xlsx" else sheets.csv)(queries.WINNER_HEADER, rows)
        audit.record(
            "winners.export",
            "competition",
            competition.id,
            person_id=person_id,
            organization_id=scope.organization_id or competition.organization_id,
            why=why,
            full=full,
            form=form,
            rows=len(rows),
            participations=[row.participation_id for row in queries.winners(competition.id, scope)],
        )
    return body


def _load_tax_rules() -> int:
    known = yaml.safe_load(TAX_RULES.read_text("utf-8"))
    return len(
        db.session.scalars(
            postgresql.insert(TaxRule).values(known).on_conflict_do_nothing().returning(TaxRule.id)
        ).all()
    )


def _before_the_seal(competition_id: int) -> Competition:
    competition = lock(Competition, competition_id)
    sealed = db.session.scalar(select(Seal.id).where(Seal.competition_id == competition_id))
    if sealed is not None or competition.state == "sealed":
        raise StandingsSealed()
    return competition


def _bonus_ledger(ledger_id: int) -> Ledger:
    ledger = lock(Ledger, ledger_id)
    if ledger.purpose != "bonus":
        raise NotFound(what="Ledger")
    _before_the_seal(ledger.competition_id)
    return ledger


def _rule_id(draft: PrizeDraft) -> int:
    return draft.prize.id


def _tier_id(tier: rules.Tier) -> int:
    return tier.id


def _exchange(rows: Sequence[T], id_of: Callable[[T], int], wanted: int, *new: T) -> list[T]:
    """Return rows with another in the place of the wanted one, or without it. Raises: NotFound."""
    ids = [id_of(row) for row in rows]
    if wanted not in ids:
        raise NotFound
    at = ids.index(wanted)
    return [*rows[:at], *new, *rows[at + 1 :]]


def _drafts(competition_id: int) -> list[PrizeDraft]:
    return [
        PrizeDraft(queries.as_prize(row), row.name_zh, row.name_en) for row in queries.list_prize_rules(competition_id)
    ]


def _write_prize_rules(
    competition: Competition, drafts: Sequence[PrizeDraft], person_id: int | None
) -> list[PrizeRule]:
    ledger_id = queries.find_prize_ledger_id(competition.id)
    pool = queries.balances(ledger_id)["pool"] if ledger_id is not None else 0
    for draft in drafts:
        rules.check_prize(draft.prize)
    rules.check_demand([draft.prize for draft in drafts], pool)
    _check_tracks(competition.id, [draft.prize.track_id for draft in drafts])
    db.session.execute(delete(PrizeRule).where(PrizeRule.competition_id == competition.id))
    made = [
        PrizeRule(
            id=draft.prize.id or None,
            competition_id=competition.id,
            track_id=draft.prize.track_id,
            position=position,
            kind=draft.prize.kind,
            terms=queries.as_terms(draft.prize),
            name_zh=draft.name_zh,
            name_en=draft.name_en,
        )
        for position, draft in enumerate(drafts, 1)
    ]
    db.session.add_all(made)
    db.session.flush()
    audit.record(
        "prize_rules.set",
        "competition",
        competition.id,
        person_id=person_id,
        organization_id=competition.organization_id,
        rules=[{"track": rule.track_id, "kind": rule.kind, "terms": rule.terms} for rule in made],
    )
    return made


def _write_tiers(ledger: Ledger, tiers: Sequence[rules.Tier], person_id: int | None) -> list[BonusTier]:
    for tier in tiers:
        rules.check_tier(tier)
    _check_tracks(ledger.competition_id, [tier.track_id for tier in tiers])
    db.session.execute(delete(BonusTier).where(BonusTier.ledger_id == ledger.id))
    made = [
        BonusTier(
            id=tier.id or None,
            ledger_id=ledger.id,
            track_id=tier.track_id,
            kind=tier.kind,
            amount_fen=tier.amount_fen,
            top_n=tier.top_n,
        )
        for tier in tiers
    ]
    db.session.add_all(made)
    db.session.flush()
    _record(
        "bonus_tiers.set",
        ledger,
        person_id,
        tiers=[{"track": t.track_id, "kind": t.kind, "amount_fen": t.amount_fen, "top_n": t.top_n} for t in made],
    )
    return made


def _check_tracks(competition_id: int, track_ids: Iterable[int | None]) -> None:
    if {track_id for track_id in track_ids if track_id is not None} - set(queries.level_counts(competition_id)):
        raise NotFound(what="Track")


def _award(ledger: Ledger, person_id: int | None) -> Awarded:
    made = queries.count_awards(ledger.id)
    if made:
        balances = queries.balances(ledger.id)
        return Awarded(False, made, -balances["sponsor"] - balances["pool"], balances["pool"])
    if queries.find_seal(ledger.competition_id) is None:
        raise StandingsNotSealed()
    rows = queries.list_sealed_rows(ledger.competition_id)
    allocation = queries.compute(ledger, rows)
    now = clock.now()
    rate = rules.rate_on(queries.list_tax_rates(), queries.tax_category(ledger), now.astimezone(SHANGHAI).date())
    values: list[dict[str, Any]] = []
    for share in allocation.shares:
        tax = rules.tax_fen(share.gross_fen, rate.rate_bp)
        values.append(
            {
                "ledger_id": ledger.id,
                "participation_id": share.participation_id,
                "prize_rule_id": share.origin_id if ledger.purpose == "prize" else None,
                "bonus_tier_id": share.origin_id if ledger.purpose == "bonus" else None,
                "rank": share.rank,
                "gross_fen": share.gross_fen,
                "tax_fen": tax,
                "net_fen": share.gross_fen - tax,
                "tax_rule_id": rate.id,
                "made_at": now,
            }
        )
    if values:
        db.session.execute(insert(Award), values)
        tax_total = sum(value["tax_fen"] for value in values)
        _post(
            ledger,
            "award",
            {
                "pool": -allocation.allocated_fen,
                "payable": allocation.allocated_fen - tax_total,
                "tax": tax_total,
            },
            person_id,
            memo=f"{len(values)} awards",
        )
    _record(
        "award.make", ledger, person_id, count=len(values), allocated_fen=allocation.allocated_fen, tax_rule_id=rate.id
    )
    return Awarded(bool(values), len(values), allocation.allocated_fen, allocation.unallocated_fen)


def _post(
    ledger: Ledger,
    kind: str,
    amounts: Mapping[str, int],
    person_id: int | None,
    *,
    memo: str = "",
    award_id: int | None = None,
    payout_id: int | None = None,
    reverses_id: int | None = None,
) -> LedgerTransaction:
    posted = LedgerTransaction(
        ledger_id=ledger.id,
        kind=kind,
        at=clock.now(),
        person_id=person_id,
        award_id=award_id,
        payout_id=payout_id,
        reverses_id=reverses_id,
        memo=memo,
    )
    db.session.add(posted)
    db.session.flush()
    db.session.add_all(
        LedgerEntry(transaction_id=posted.id, ledger_id=ledger.id, account=account, amount_fen=amount)
        for account, amount in amounts.items()
        if amount
    )
    return posted


def _locked(payout_id: int) -> tuple[Ledger, Payout]:
    ledger = lock(Ledger, queries.get_ledger_id_of_payout(payout_id))
    return ledger, lock(Payout, payout_id)


def _move(payout: Payout, state: str, **changes: object) -> None:
    if (payout.state, state) not in rules.EDGES:
        raise WrongState(state=payout.state)
    payout.state = state
    for name, value in changes.items():
        setattr(payout, name, value)


def _approve(payouts: Sequence[Payout], person_id: int, now: datetime) -> None:
    ineligible = queries.ineligible_awards([payout.award_id for payout in payouts])
    for payout in payouts:
        if payout.state != "created":
            raise WrongState(state=payout.state)
        if payout.created_by == person_id:
            raise NotAnotherPerson()
        if payout.award_id in ineligible:
            raise NoLongerEligible()
        _move(payout, "approved", approved_by=person_id, approved_at=now)


def _confirm(ledger: Ledger, payout: Payout, bank_reference: str, amount_fen: int, person_id: int) -> None:
    if payout.amount_fen != amount_fen:
        raise WrongAmount(expected_fen=payout.amount_fen, amount_fen=amount_fen)
    if not bank_reference.strip():
        raise Invalid(path="bank_reference", reason="empty")
    taken = db.session.scalar(select(Payout.id).where(Payout.bank_reference == bank_reference, Payout.id != payout.id))
    if taken is not None:
        raise ReferenceTaken()
    _move(payout, "confirmed", bank_reference=bank_reference, settled_at=clock.now())
    try:
        db.session.flush()
    except IntegrityError as error:  # another ledger recorded the same reference a moment ago
        raise ReferenceTaken() from error
    _post(
        ledger,
        "confirm",
        {"in_transit": -amount_fen, "paid": amount_fen},
        person_id,
        memo=bank_reference,
        award_id=payout.award_id,
        payout_id=payout.id,
    )
    _record("payout.confirm", ledger, person_id, payouts=[payout.id], bank_reference=bank_reference)


def _settle(ledger: Ledger, payout: Payout, state: str, reason: str, person_id: int) -> None:
    _move(payout, state, failure=reason, settled_at=clock.now())
    _record(f"payout.{state}", ledger, person_id, why=reason, payouts=[payout.id])


def _judge(lines: Iterable[sheets.RawLine], payouts: Mapping[int, Payout]) -> list[ResultLine]:
    judged: list[ResultLine] = []
    taken = queries.bank_references([line.reference for line in lines])
    seen: set[int] = set()
    for raw in lines:
        action, reason = "refused", ""
        payout = payouts.get(raw.payout_id or 0)
        if payout is None or raw.payout_id is None:
            reason = "no_such_payout"
        elif payout.id in seen:
            reason = "named_twice"
        elif raw.amount_fen != payout.amount_fen:
            reason = "wrong_amount"
        elif raw.status == "paid":
            if payout.state == "confirmed" and payout.bank_reference == raw.reference:
                action = "same"
            elif not raw.reference:
                reason = "no_reference"
            elif taken.get(raw.reference, payout.id) != payout.id:
                reason = "reference_taken"
            elif (payout.state, "confirmed") not in rules.EDGES:
                reason = f"is_{payout.state}"
            else:
                action = "confirm"
                taken[raw.reference] = payout.id
        elif raw.status in ("failed", "unknown"):
            if payout.state == raw.status:
                action = "same"
            elif (payout.state, raw.status) not in rules.EDGES:
                reason = f"is_{payout.state}"
            else:
                action = "fail" if raw.status == "failed" else "unknown"
        else:
            reason = "status"
        seen.add(raw.payout_id or 0)
        judged.append(ResultLine(raw.number, raw.payout_id, raw.reference, raw.amount_fen, action, reason))
    return judged


def _record(action: str, ledger: Ledger, person_id: int | None, why: str = "", **details: object) -> None:
    audit.record(
        action,
        "ledger",
        ledger.id,
        person_id=person_id,
        organization_id=ledger.organization_id,
        why=why,
        **details,
    )
