"""A sealed competition with a funded prize pool, as every test of money begins."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.models import Person
from competitions.models import Competition, Participation, Track
from core import clock
from core.database import db
from leaderboard.models import Seal, SealedStanding
from organizations.models import Organization
from payouts import rules, services
from payouts.models import Ledger
from questions.models import Trade
from tests import factories

WHOLE_POOL = 100_00


@dataclass
class Story:
    """What a test of money acts on."""

    province: Organization
    enterprise: Organization
    competition: Competition
    track: Track
    maker: Person
    checker: Person
    workers: list[Person] = field(default_factory=list)
    participations: list[Participation] = field(default_factory=list)


def begin(people: int = 3) -> Story:
    """A closed competition of one welding track of one level, with so many participants of one enterprise."""
    province = factories.make_organization()
    enterprise = factories.make_organization(province, "enterprise")
    db.session.merge(Trade(code="welding", name_zh="焊工", name_en="Welding", position=1))
    db.session.commit()
    competition = factories.make_competition(province, state="closed")
    track = factories.make_track(competition)
    factories.make_level(track)
    maker, checker = factories.make_person(name="制单人"), factories.make_person(name="复核人")
    factories.grant(maker, "finance", province)
    factories.grant(checker, "finance", province)
    story = Story(province, enterprise, competition, track, maker, checker)
    for number in range(people):
        person = factories.make_person(enterprise, name=f"工友{number}")
        story.workers.append(person)
        story.participations.append(factories.make_participation(competition, person, enterprise.path))
    return story


def seal(story: Story, ranks: list[int] | None = None, points: int = 20) -> Seal:
    """Seal the standings: every participant cleared the level; `ranks` in the order of the participants."""
    ranks = ranks or list(range(1, len(story.participations) + 1))
    now = clock.now()
    made = Seal(competition_id=story.competition.id, sealed_at=now, row_count=2 * len(ranks), sha256="0" * 64)
    db.session.add(made)
    db.session.flush()
    for participation, rank in zip(story.participations, ranks, strict=True):
        for track_id in (None, story.track.id):
            db.session.add(
                SealedStanding(
                    seal_id=made.id,
                    participation_id=participation.id,
                    track_id=track_id,
                    rank=rank,
                    levels_cleared=1,
                    points=points,
                    elapsed_ms=60_000 + rank,
                    reached_at=now,
                    eligible=participation.eligible,
                    path=participation.path,
                )
            )
    story.competition.state = "sealed"
    db.session.commit()
    return made


def split_draft(pot_fen: int = WHOLE_POOL) -> services.PrizeDraft:
    """An equal split among all who cleared every level."""
    return services.PrizeDraft(rules.Prize(0, None, "equal_split", pot_fen=pot_fen), "通关奖", "Finishers' prize")


def funded(story: Story, pool_fen: int = WHOLE_POOL, draft: services.PrizeDraft | None = None) -> Ledger:
    """A prize ledger with money in the pool and one rule that gives all of it out."""
    ledger = services.open_ledger(story.competition.id, story.province.id, "prize", story.maker.id)
    services.fund(ledger.id, pool_fen, "省总工会专项", story.maker.id)
    services.set_prize_rules(story.competition.id, [draft or split_draft(pool_fen)], story.maker.id)
    return ledger


def awarded(people: int = 3, pool_fen: int = WHOLE_POOL) -> tuple[Story, Ledger]:
    """A sealed competition whose pool is given out."""
    story = begin(people)
    ledger = funded(story, pool_fen)
    seal(story)
    services.award_prizes(story.competition.id, story.maker.id)
    return story, ledger


CARD = "6222021234567890128"


def card(number: int) -> str:
    """A card number with the right check digit."""
    body = f"622202{number:012d}"
    return next(body + digit for digit in "0123456789" if rules.luhn(body + digit))


def with_cards(story: Story) -> None:
    """Every worker says where the money goes."""
    for number, person in enumerate(story.workers, 1):
        services.save_payee(person.id, person.name, "工商银行", card(number), consented=True)


def exported(people: int = 3, pool_fen: int = WHOLE_POOL) -> tuple[Story, Ledger]:
    """Payouts made, approved by another person and on a transfer list."""
    story, ledger = awarded(people, pool_fen)
    with_cards(story)
    services.create_payouts(ledger.id, story.maker.id)
    services.approve_all(ledger.id, story.checker.id)
    services.export_batch(ledger.id, story.maker.id)
    return story, ledger
