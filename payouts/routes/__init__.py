"""Pages of money: prizes for organizers, bonuses for enterprises, ledgers for finance, bank details for winners."""

from payouts.routes import enterprise, finance, organizer, winner
from payouts.routes.shared import pages, stages

__all__ = ["enterprise", "finance", "organizer", "pages", "stages", "winner"]
