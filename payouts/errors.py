"""Refusals of prizes, bonuses, the ledger and payouts."""

from core.errors import Invalid, Refusal


class InvalidTerms(Invalid):
    """A prize rule or bonus tier cannot be meant; `reason` says what is wrong with it."""

    code = "invalid_terms"


class OverPool(Refusal):
    """Awards would exceed what was funded; `by_fen` says by how much (M3)."""

    code = "over_pool"


class OverBudget(Refusal):
    """Bonuses would exceed the enterprise's own budget; `by_fen` says by how much (M3)."""

    code = "over_budget"


class StandingsSealed(Refusal):
    """The standings are sealed: what they are worth can no longer be changed (M10)."""

    code = "standings_sealed"


class StandingsNotSealed(Refusal):
    """Money follows sealed standings only, and these are not sealed yet."""

    code = "standings_not_sealed"


class AlreadyAwarded(Refusal):
    """The awards of this ledger are made: its pool can no longer change."""

    code = "already_awarded"


class LedgerMoved(Refusal):
    """The ledger changed since the page was shown: `funded_fen` is what it holds now."""

    code = "ledger_moved"


class NoTaxRule(Refusal):
    """No tax rule of this `category` is in force on this day."""

    code = "no_tax_rule"


class NotAnotherPerson(Refusal):
    """Two different people are needed: whoever made a payout neither approves nor undoes it."""

    code = "not_another_person"


class NoLongerEligible(Refusal):
    """The winner lost eligibility after the seal: the payout is not approved."""

    code = "no_longer_eligible"


class WrongState(Refusal):
    """The payout is in `state`, and there is no edge from there (M5)."""

    code = "wrong_state"


class NothingToExport(Refusal):
    """No approved payout can be sent; `without_payee` winners have not said where to."""

    code = "nothing_to_export"


class WrongAmount(Refusal):
    """The bank names another amount than ours; nothing was recorded (M6)."""

    code = "wrong_amount"


class ReferenceTaken(Refusal):
    """The bank reference already belongs to another payout."""

    code = "reference_taken"


class ResultsRefused(Refusal):
    """A bank result file has wrong lines: nothing of it was recorded; `lines` says which and why."""

    code = "results_refused"
    status = 422


class NotAWinner(Refusal):
    """Bank details are asked of winners only."""

    code = "not_a_winner"


class TooManyRows(Refusal):
    """More rows than a direct download gives; `limit` says how many it does."""

    code = "too_many_rows"
