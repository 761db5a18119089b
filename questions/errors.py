"""Refusals of the question bank."""

from core.errors import Refusal


class BlueprintUnfillable(Refusal):
    """The bank has too few published questions for a row of the blueprint; `details` names it."""

    code = "blueprint_unfillable"


class BankInvalid(Refusal):
    """A bank file cannot be loaded; `problems` has one sentence a fault."""

    code = "bank_invalid"
    status = 422

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=problems)
        self.problems = problems
