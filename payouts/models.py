"""Prize pools and bonus schemes, the awards computed from sealed standings, the ledger, and payouts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Ledger(Model):
    """One payer's books for one competition: the owner's prize pool, or an enterprise's bonus budget."""

    __tablename__ = "ledgers"
    __table_args__ = (
        UniqueConstraint("competition_id", "organization_id", "purpose"),
        CheckConstraint("purpose in ('prize', 'bonus')", name="purpose"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    purpose: Mapped[str]
    created_at: Mapped[datetime]


class LedgerTransaction(Model):
    """One balanced set of entries. Append-only; a correction is a new one that names the one it reverses (M2)."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        CheckConstraint("kind in ('fund', 'award', 'export', 'confirm', 'fail', 'reverse', 'release')", name="kind"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"))
    kind: Mapped[str]
    at: Mapped[datetime]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    award_id: Mapped[int | None] = mapped_column(ForeignKey("awards.id"))
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("payouts.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transactions.id"), unique=True)
    memo: Mapped[str] = mapped_column(default="")


class LedgerEntry(Model):
    """One line of a transaction: so many fen into (positive) or out of (negative) one account.

    Accounts: `sponsor` (where money comes from; at or below 0), `pool` (funded, not yet awarded), `payable` (awarded,
    owed net), `tax` (withheld), `in_transit` (on a transfer list), `paid`. Every account but `sponsor` stays at or
    above 0 (M3).
    Append-only; the database checks at every commit that a transaction's entries sum to zero (M1).
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("account in ('sponsor', 'pool', 'payable', 'tax', 'in_transit', 'paid')", name="account"),
        CheckConstraint("amount_fen <> 0", name="amount"),
        Index("ix_ledger_entries_transaction_id", "transaction_id"),
        Index("ix_ledger_entries_ledger_id", "ledger_id", "account"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transactions.id"))
    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"))
    account: Mapped[str]
    amount_fen: Mapped[int]


class PrizeRule(Model):
    """How a share of the pool is given out on one board: `track_id` null is the whole competition.

    kind `places`: `terms` is {bands: [{from, to, each_fen}]}, prizes by award rank; ties pooled.
    kind `equal_split`: `terms` is {pot_fen}, divided equally among all eligible who cleared every level of the board.
    """

    __tablename__ = "prize_rules"
    __table_args__ = (
        UniqueConstraint("competition_id", "position"),
        CheckConstraint("kind in ('places', 'equal_split')", name="kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[int] = mapped_column(ForeignKey("competitions.id"))
    track_id: Mapped[int | None] = mapped_column(ForeignKey("tracks.id"))
    position: Mapped[int]
    kind: Mapped[str]
    terms: Mapped[dict[str, Any]]
    name_zh: Mapped[str]
    name_en: Mapped[str]


class BonusTier(Model):
    """What an enterprise adds for its own people in a competition, out of its own ledger.

    kind `per_level`: `amount_fen` for each level cleared. `all_levels`: `amount_fen` for clearing all of a track.
    `top_n`: `amount_fen` for each of its first `top_n` people on the board (track, or whole competition when null).
    """

    __tablename__ = "bonus_tiers"
    __table_args__ = (
        CheckConstraint("kind in ('per_level', 'all_levels', 'top_n')", name="kind"),
        CheckConstraint("(kind = 'top_n') = (top_n is not null)", name="top_n"),
        CheckConstraint("amount_fen > 0 and top_n > 0", name="positive"),
        Index("ix_bonus_tiers_ledger_id", "ledger_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"))
    track_id: Mapped[int | None] = mapped_column(ForeignKey("tracks.id"))
    kind: Mapped[str]
    amount_fen: Mapped[int]
    top_n: Mapped[int | None]


class TaxRule(Model):
    """The rate withheld in a category from a date on; the law as dated data (M9)."""

    __tablename__ = "tax_rules"
    __table_args__ = (
        UniqueConstraint("category", "valid_from"),
        CheckConstraint("rate_bp between 0 and 10000", name="rate"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    category: Mapped[str]
    valid_from: Mapped[date]
    rate_bp: Mapped[int]
    source: Mapped[str]


class Award(Model):
    """What one person won, from whom, and why. Append-only; computed from sealed standings only."""

    __tablename__ = "awards"
    __table_args__ = (
        UniqueConstraint(
            "ledger_id", "participation_id", "prize_rule_id", "bonus_tier_id", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("(prize_rule_id is null) <> (bonus_tier_id is null)", name="origin"),
        CheckConstraint("gross_fen > 0 and tax_fen >= 0 and gross_fen = net_fen + tax_fen", name="gross"),
        Index("ix_awards_participation_id", "participation_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"))
    participation_id: Mapped[int] = mapped_column(ForeignKey("participations.id"))
    prize_rule_id: Mapped[int | None] = mapped_column(ForeignKey("prize_rules.id"))
    bonus_tier_id: Mapped[int | None] = mapped_column(ForeignKey("bonus_tiers.id"))
    rank: Mapped[int | None]
    gross_fen: Mapped[int]
    tax_fen: Mapped[int]
    net_fen: Mapped[int]
    tax_rule_id: Mapped[int] = mapped_column(ForeignKey("tax_rules.id"))
    made_at: Mapped[datetime]


class Payee(Model):
    """Where a winner wants the money: asked of winners only; the card number is sealed (P4)."""

    __tablename__ = "payees"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    account_name: Mapped[str]
    bank_name: Mapped[str]
    card_sealed: Mapped[str]
    card_tail: Mapped[str]
    consented_at: Mapped[datetime]


class PayoutBatch(Model):
    """One exported transfer list: frozen rows, a hash, the same bytes each time (M7)."""

    __tablename__ = "payout_batches"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"))
    exported_at: Mapped[datetime]
    exported_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    total_fen: Mapped[int]
    sha256: Mapped[str]
    body_sealed: Mapped[str] = mapped_column(deferred=True)


class Payout(Model):
    """Paying one award: created, approved by another person, exported, then confirmed, failed or unknown (M5).

    At most one live payout an award, for ever: `reversed_by` (a posted ledger transaction) makes room for another
    (M4).
    """

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("state in ('created', 'approved', 'exported', 'confirmed', 'failed', 'unknown')", name="state"),
        CheckConstraint("approved_by <> created_by", name="four_eyes"),
        CheckConstraint("state = 'created' or approved_by is not null", name="approved"),
        CheckConstraint("state in ('created', 'approved') or batch_id is not null", name="exported"),
        Index("uq_payouts_live", "award_id", unique=True, postgresql_where="reversed_by is null"),
        Index("ix_payouts_batch_id", "batch_id"),
        Index("uq_payouts_bank_reference", "bank_reference", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    award_id: Mapped[int] = mapped_column(ForeignKey("awards.id"))
    amount_fen: Mapped[int]
    state: Mapped[str] = mapped_column(default="created")
    created_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    approved_at: Mapped[datetime | None]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("payout_batches.id"))
    bank_reference: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(default="")
    reversed_by: Mapped[int | None] = mapped_column(
        ForeignKey("ledger_transactions.id", use_alter=True, name="fk_payouts_reversed_by")
    )
