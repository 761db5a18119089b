"""Reading prize rules and bonus tiers, the standings they are applied to, and the tax on what they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select

from competitions.models import Competition, Level, Participation, Standing, Track
from core.database import db
from core.errors import NotFound
from leaderboard.models import Seal, SealedStanding
from organizations.models import Organization
from payouts import rules
from payouts.models import BonusTier, Ledger, PrizeRule, TaxRule
from payouts.queries.books import balances


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


def get_prize_rule(competition_id: int, rule_id: int) -> PrizeRule:
    """Return one prize rule of a competition. Raises: NotFound."""
    found = db.session.get(PrizeRule, rule_id)
    if found is None or found.competition_id != competition_id:
        raise NotFound(what="PrizeRule")
    return found


def list_tiers(ledger_id: int) -> list[rules.Tier]:
    """Return an enterprise's bonus tiers in order."""
    return [
        rules.Tier(tier.id, tier.track_id, tier.kind, tier.amount_fen, tier.top_n)
        for tier in db.session.scalars(select(BonusTier).filter_by(ledger_id=ledger_id).order_by(BonusTier.id))
    ]


def get_tier(ledger_id: int, tier_id: int) -> rules.Tier:
    """Return one bonus tier of a ledger. Raises: NotFound."""
    for tier in list_tiers(ledger_id):
        if tier.id == tier_id:
            return tier
    raise NotFound(what="BonusTier")


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


TIER_TITLES = {
    "per_level": {"zh": "过关奖金", "en": "Bonus for levels cleared"},
    "all_levels": {"zh": "全通关奖金", "en": "Bonus for clearing a whole track"},
}


def title_of(prize: PrizeRule | None, tier: BonusTier | None) -> dict[str, str]:
    """Return what an award is for, as {zh, en}: the name of its prize rule, or what its bonus tier rewards."""
    if prize is not None:
        return {"zh": prize.name_zh, "en": prize.name_en}
    if tier is None:
        return {"zh": "", "en": ""}
    if tier.kind == "top_n":
        return {"zh": f"前 {tier.top_n} 名奖金", "en": f"Bonus for the first {tier.top_n}"}
    return TIER_TITLES[tier.kind]
