"""Reading who won what, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from accounts.models import Person
from competitions.models import Competition, Participation, Track
from core import secrets
from core.database import db
from core.money import plain_yuan
from organizations.models import Organization
from payouts import rules
from payouts.errors import TooManyRows
from payouts.models import Award, BonusTier, Ledger, Payout, PrizeRule
from payouts.queries.payments import organizations_by_id, place_of
from payouts.queries.prizes import title_of

DIRECT_ROWS = 5000
WHOLE = {"zh": "整场比武", "en": "Whole competition"}
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
    names = organizations_by_id({node for row in found for node in row[1].path})
    tracks = _tracks({(row[7] or row[8]).track_id for row in found})
    return [
        Winner(
            award_id=award.id,
            participation_id=participation.id,
            person_id=participation.person_id,
            name=participation.name,
            phone_sealed=phone_sealed,
            phone_tail=phone_tail,
            city=place_of(participation.path, names, "city"),
            enterprise=place_of(participation.path, names, "enterprise"),
            rank=award.rank,
            title=title_of(prize, tier),
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


def _tracks(ids: set[int | None]) -> dict[int | None, dict[str, str]]:
    wanted = [track_id for track_id in ids if track_id is not None]
    return {
        row.id: {"zh": row.name_zh, "en": row.name_en}
        for row in db.session.scalars(select(Track).where(Track.id.in_(wanted)))
    }
