"""What can be wrong with a question, in words that the catalogues translate. Pure."""

from __future__ import annotations

from typing import Self


def N_(text: str) -> str:
    """Mark an English text for the catalogues and return it as it is."""
    return text


class Fault(ValueError):
    """Why a question cannot be, and how to mend it; `part` names the part of the question, "" where it is plain.

    Args:
        text: an English sentence; %(name)s stands for a value.
        values: what fills it; a value is never translated.
    """

    part = ""

    def __init__(self, text: str, /, **values: object) -> None:
        self.text = text
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(text % self.values if values else text)

    def at(self, part: str) -> Self:
        """Say which part of the question it is about, and return it."""
        self.part = part
        return self
