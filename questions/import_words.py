"""Imports and exports in words: states, formats, places in a file, the columns of a sheet."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _

from core.web import language
from questions.examining import Group
from questions.formats.columns import BILINGUAL, HEADINGS, heading
from questions.formats.neutral import Note, Place
from questions.models import QuestionImport

SHOWN_OPTIONS = 8
SHOWN_PROMPTS = 6


def import_state_words() -> dict[str, tuple[str, str]]:
    """Return word and tone of each state of an import."""
    return {
        "waiting": (_("Waiting"), "warn"),
        "reading": (_("Being checked"), "info"),
        "checked": (_("Checked"), "info"),
        "importing": (_("Being imported"), "info"),
        "done": (_("Imported"), "good"),
        "failed": (_("Failed"), "bad"),
        "discarded": (_("Discarded"), ""),
        "undone": (_("Undone"), ""),
    }


def format_words() -> dict[str, str]:
    """Name each format."""
    return {
        "xlsx": _("Excel workbook"),
        "csv": _("CSV table"),
        "gift": _("GIFT (Moodle text)"),
        "aiken": _("Aiken (plain text)"),
        "moodle": _("Moodle XML"),
        "qti21": _("QTI 2.1 package"),
        "qti30": _("QTI 3.0 package"),
    }


def read_words(code: str) -> str:
    """Name the format a file was found to be in; of QTI every version is read."""
    return _("QTI package") if code == "qti21" else format_words().get(code, "")


def say_note(note: Note | Group) -> str:
    """Say a note of a reader or writer, or one for many, in the language of the page."""
    return str(_(note.text, **note.values) if note.values else _(note.text))


def say_place(place: Place) -> str:
    """Say where in a file something stands."""
    parts = [
        place.file,
        _("sheet %(name)s", name=place.sheet) if place.sheet else "",
        _("row %(n)s", n=place.row) if place.row else "",
        _("line %(n)s", n=place.line) if place.line else "",
        _("column %(name)s", name=place.column) if place.column else "",
    ]
    return ", ".join(part for part in parts if part)


def field_words(taken: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return the fields that a column of a sheet can be taken for, each with its name, in the template's order.

    Args:
        taken: fields that columns are taken for; those that are not offered otherwise follow at the end.
    """
    here = language()
    found = []
    for name in HEADINGS:
        many = {"option": SHOWN_OPTIONS, "prompt": SHOWN_PROMPTS}.get(name, 0)
        for root in [f"{name}_{at}" for at in range(1, many + 1)] if many else [name]:
            found.append((root, heading(root, here)))
            if name in BILINGUAL:
                found += [(f"{root}_{said}", heading(f"{root}_{said}", here)) for said in ("zh", "en")]
        if name == "option":
            found += [("options", _("All options in one cell")), ("wrongs", _("All wrong options in one cell"))]
    offered = {name for name, _label in found}
    for name in taken:
        if name and name not in offered:
            kind, _sign, at = name.partition("_")
            said = {"correct": _("Whether option %(n)s is right", n=at), "wrong": _("Wrong option %(n)s", n=at)}
            found.append((name, said.get(kind) or heading(name, here)))
    return found


def steps(import_: QuestionImport) -> list[dict[str, str]]:
    """Return the way of an import for `timeline`: what is done, what is now, what is to come."""
    labels = (_("Upload"), _("Check"), _("Import"), _("Report"))
    now = {"waiting": 1, "reading": 1, "failed": 1, "checked": 2, "importing": 2, "done": 3, "undone": 3}
    at = now.get(import_.state, 0)
    states = ["done" if number < at else "now" if number == at else "todo" for number in range(len(labels))]
    return [{"label": label, "state": state} for label, state in zip(labels, states, strict=True)]
