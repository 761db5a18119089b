"""Refusals of the question bank."""

from collections.abc import Sequence

from core.errors import Refusal


class BlueprintUnfillable(Refusal):
    """The bank has too few questions in use for a row of the blueprint; `details` names it."""

    code = "blueprint_unfillable"


class BankInvalid(Refusal):
    """A bank file cannot be loaded; `problems` has one sentence a fault."""

    code = "bank_invalid"
    status = 422

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=problems)
        self.problems = problems


class BadMedia(Refusal):
    """A file is no image or sound that can be kept; `why` is "unknown" (its type) or "too_large"."""

    code = "bad_media"
    status = 422


class QuestionInvalid(Refusal):
    """A question cannot be saved as it is written; `faults` says what is wrong with which part."""

    code = "question_invalid"
    status = 422

    def __init__(self, faults: Sequence[Exception]) -> None:
        super().__init__(faults=[str(fault) for fault in faults])
        self.faults = faults


class ChangedMeanwhile(Refusal):
    """Somebody else saved a newer version; `number` is its number."""

    code = "changed_meanwhile"


class NotNow(Refusal):
    """The question's state does not allow the step; `state` is the state it is in."""

    code = "not_now"


class OwnQuestion(Refusal):
    """Nobody approves a question of their own, or a wording they wrote."""

    code = "own_question"


class NoReason(Refusal):
    """The step needs a reason."""

    code = "no_reason"
    status = 422


class CaseApart(Refusal):
    """The questions of a case would be in use with different texts of the case; they are approved together."""

    code = "case_apart"


class CaseRefused(Refusal):
    """A question cannot join a case; `why` is "full", "absent", "elsewhere" (another case) or "retired"."""

    code = "case_refused"


class ImportNotNow(Refusal):
    """An import cannot take this step as it stands; `state` says how."""

    code = "import_not_now"


class ImportInUse(Refusal):
    """An import cannot be undone: `count` of its questions have been approved or retired since."""

    code = "import_in_use"
