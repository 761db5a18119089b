"""What the forms of all packages share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Form
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # the published types are older


def strip(text: str | None) -> str:
    """Return a text without white space at its ends, with plain line breaks."""
    return "\n".join((text or "").split("\r\n")).strip()


def choices(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    """Return what a select field offers.

    Args:
        pairs: value and label of each choice.
    """
    return [SelectChoice(value, label) for value, label in pairs]


class Row(Form):
    """A row of a list."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """The words of the form around it, and its token."""

        csrf = False
