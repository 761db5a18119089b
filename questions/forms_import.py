"""The shape of an upload, and of how a file is taken in."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from core.forms import choices
from questions.rules import DIFFICULTIES

_ACCEPTED = ".xlsx,.xlsm,.xls,.csv,.tsv,.txt,.gift,.xml,.zip,.imscc"


class UploadForm(FlaskForm):  # type: ignore[misc]
    """A file, the trade its questions are for, and the bank they go to."""

    file = FileField(
        _l("File"),
        [FileRequired(_l("Choose a file."))],
        description=_l("Excel, CSV, GIFT, Aiken, Moodle XML or QTI, up to 20 MB. Nothing is imported yet."),
        render_kw={"accept": _ACCEPTED},
    )
    trade = SelectField(_l("Trade"), [InputRequired()])
    bank = SelectField(
        _l("Bank"), [InputRequired()], description=_l("The questions become drafts of this bank, written by you.")
    )

    def prepare(self, trades: dict[str, str], banks: dict[str, str]) -> None:
        """Set what may be chosen: names by code."""
        self.trade.choices = choices(trades.items())
        self.bank.choices = choices(banks.items())


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """What stands in for what the file does not say, and what is left out."""

    topic = SelectField(_l("Topic of questions that name none, or one that is not known"))
    difficulty = SelectField(
        _l("Difficulty of questions that name none"),
        [InputRequired()],
        choices=choices((str(one), str(one)) for one in DIFFICULTIES),
        description=_l("From 1 (most people know it) to 5 (few do)."),
    )
    source = StringField(
        _l("Source of questions that name none"),
        [Length(max=200)],
        description=_l("A book, a standard, a course. Empty: the name of the file."),
    )
    duplicates = BooleanField(_l("Import questions that are there already, too"))
    leave_out = BooleanField(_l("Leave out questions with problems"))

    def prepare(self, topics: dict[str, str], none: Any) -> None:
        """Set the topics to choose from, names by code, and what to call none of them."""
        self.topic.flags.later = True  # without it the field would be called optional
        self.topic.choices = choices([("", none), *topics.items()])


class ExportForm(FlaskForm):  # type: ignore[misc]
    """In which format, and in which languages."""

    format = SelectField(_l("Format"), [InputRequired()])
    words = SelectField(
        _l("Languages"),
        choices=choices([("", _l("Both languages")), ("zh", _l("Chinese only")), ("en", _l("English only"))]),
    )

    def prepare(self, formats: dict[str, str]) -> None:
        """Set the formats to choose from, names by code."""
        self.words.flags.later = True
        self.format.choices = choices(formats.items())
