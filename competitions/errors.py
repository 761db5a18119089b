"""Refusals of competitions and attempts."""

from core.errors import Refusal


class CompetitionNotOpen(Refusal):
    """The competition is not open now: a draft, not begun, over, or closed; `details["why"]` says which."""

    code = "competition_not_open"


class LevelLocked(Refusal):
    """The level before is not cleared yet, or the level opens later; `details["why"]` says which."""

    code = "level_locked"


class NoTriesLeft(Refusal):
    """All tries at this level are used, in total or for today; `details["why"]` says which."""

    code = "no_tries_left"


class AttemptClosed(Refusal):
    """The attempt takes no more answers: it was submitted or its time is up."""

    code = "attempt_closed"


class AttemptsUnfinished(Refusal):
    """The competition still has attempts that are open or not scored."""

    code = "attempts_unfinished"


class WrongState(Refusal):
    """The competition's state does not allow this step; `details["state"]` is what it is."""

    code = "wrong_state"
