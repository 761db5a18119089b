"""Forms of the organizer's side: the shape of input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    DecimalField,
    FieldList,
    FormField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.forms import Row, choices, strip
from core.web import tr
from core.zone import SHANGHAI
from questions.models import Topic
from questions.rules import CASE, DIFFICULTIES, BlueprintRow
from questions.words import type_words

CASE_NAME = _("Case group of three items")
DRAWS_FROM = {
    "all": _("All questions in use, which people may have practised"),
    "reserved": _("Questions for official use only"),
}
REVEALS = {
    "never": _("Never"),
    "after_submit": _("As soon as a try is handed in"),
    "after_close": _("After the competition has closed"),
}
SPARE_ROWS = 2
MOMENT_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class MomentField(DateTimeLocalField):
    """A moment typed and shown in Shanghai time, to the minute; its value is aware UTC.

    What nobody changed stays what it was, seconds and all.
    """

    stored: datetime | None = None

    def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, format=MOMENT_FORMATS, **options)

    def process_data(self, value: datetime | None) -> None:
        """Take an aware moment and show it in Shanghai time."""
        self.stored = value
        self.data = value.astimezone(SHANGHAI).replace(tzinfo=None) if value else None

    def moment(self) -> datetime | None:
        """Return what was typed as aware UTC; None when nothing was."""
        typed = self.data.replace(tzinfo=SHANGHAI).astimezone(UTC) if self.data else None
        if self.stored and typed == self.stored.replace(second=0, microsecond=0):
            return self.stored
        return typed


class NeededLater(Optional):
    """May stay empty for now, but is not called optional."""

    def __init__(self) -> None:
        super().__init__()
        self.field_flags = {"later": True}


class CompetitionForm(FlaskForm):  # type: ignore[misc]
    """What a competition is called, says and lasts."""

    name_zh = StringField(_("Name in Chinese"), [InputRequired(), Length(max=100)], filters=[strip])
    name_en = StringField(_("Name in English"), [InputRequired(), Length(max=160)], filters=[strip])
    organization_id = SelectField(
        _("Held by"),
        [InputRequired()],
        coerce=int,
        description=_("Its people, and those of every unit under it, may take part."),
    )
    opens_at = MomentField(_("Opens at"), [InputRequired()], description=_("Beijing time"))
    closes_at = MomentField(_("Closes at"), [InputRequired()], description=_("Beijing time"))
    summary_zh = TextAreaField(
        _("Summary in Chinese"), [Optional(), Length(max=500)], filters=[strip], render_kw={"rows": 3}
    )
    summary_en = TextAreaField(
        _("Summary in English"), [Optional(), Length(max=1000)], filters=[strip], render_kw={"rows": 3}
    )
    rules_zh = TextAreaField(
        _("Rules in Chinese"),
        [NeededLater(), Length(max=20000)],
        filters=[strip],
        description=_("Needed before opening. Markdown: # heading, - list, **bold**."),
        render_kw={"rows": 8},
    )
    rules_en = TextAreaField(
        _("Rules in English"),
        [NeededLater(), Length(max=40000)],
        filters=[strip],
        description=_("Needed before opening. Markdown as above."),
        render_kw={"rows": 8},
    )
    draws_from = RadioField(
        _("Papers draw from"),
        [InputRequired()],
        default="all",
        choices=choices(DRAWS_FROM.items()),
        description=_(
            "Questions for official use appear in no practice until somebody releases them; "
            "a competition draws only those of the bank of its own unit."
        ),
    )
    mask_names = BooleanField(
        _("Mask names on the boards"), default=True, description=_("Others see only part of a name.")
    )


class TracksForm(FlaskForm):  # type: ignore[misc]
    """Which trades have a track."""

    trades = SelectMultipleField(_("Trades"), option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False))


class RowForm(Row):
    """One row of a blueprint; without a count it says nothing."""

    topic = SelectField(_("Topic"), [Optional()])
    type = SelectField(_("Type"), [Optional()])
    difficulty = SelectField(_("Difficulty"), [Optional()])
    count = IntegerField(_("Items"), [Optional(), NumberRange(1, 200)])
    points = IntegerField(_("Points each"), [Optional(), NumberRange(1, 1000)])

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask for points where there is a count, besides what each field asks."""
        valid = super().validate(extra_validators)
        if self.count.data and not self.points.data and not self.points.errors:
            self.points.errors = [*self.points.errors, _("Say how many points each item is worth.")]
            return False
        return valid


class LevelForm(FlaskForm):  # type: ignore[misc]
    """What a level is."""

    name_zh = StringField(_("Name in Chinese"), [InputRequired(), Length(max=60)], filters=[strip])
    name_en = StringField(_("Name in English"), [InputRequired(), Length(max=100)], filters=[strip])
    minutes = DecimalField(
        _("Time limit in minutes"),
        [InputRequired(), NumberRange(1, 1440)],
        places=None,
        render_kw={"step": "any", "inputmode": "decimal"},
    )
    pass_points = IntegerField(_("Pass mark in points"), [InputRequired(), NumberRange(1, 100000)])
    tries_total = IntegerField(
        _("Tries in total"), [Optional(), NumberRange(1, 1000)], description=_("Empty: as many as one likes.")
    )
    tries_per_day = IntegerField(
        _("Tries a day"), [Optional(), NumberRange(1, 1000)], description=_("Empty: as many as one likes.")
    )
    opens_at = MomentField(
        _("Opens at"), [Optional()], description=_("Beijing time. Empty: together with the competition.")
    )
    exposure_cap = IntegerField(
        _("One item on at most so many percent of papers"),
        [Optional(), NumberRange(1, 100)],
        description=_(
            "Empty: no cap. While one is not kept, nothing opens; the level's papers page says what is missing."
        ),
    )
    reveal = RadioField(_("Key and explanations may be seen"), [InputRequired()], choices=choices(REVEALS.items()))
    rows = FieldList(FormField(RowForm))

    def offer(self, topics: list[Topic]) -> None:
        """Fill the choices of every blueprint row.

        Args:
            topics: the trade's topics.
        """
        for row in self._rows():
            row.topic.choices = choices([("", _("Any topic")), *((topic.code, tr(topic)) for topic in topics)])
            row.type.choices = choices([("", _("Any type")), *type_words().items(), (CASE, CASE_NAME)])
            row.difficulty.choices = choices(
                [("", _("Any difficulty")), *((str(one), str(one)) for one in DIFFICULTIES)]
            )

    def blueprint(self) -> tuple[BlueprintRow, ...]:
        """Return the rows that have a count and points."""
        return tuple(
            BlueprintRow(
                count=row.count.data,
                points=row.points.data,
                topic=row.topic.data or None,
                type=row.type.data or None,
                difficulty=int(row.difficulty.data) if row.difficulty.data else None,
            )
            for row in self._rows()
            if row.count.data and row.points.data
        )

    def _rows(self) -> list[Any]:
        entries: Any = self.rows
        return [entry.form for entry in entries]


class ExtensionForm(FlaskForm):  # type: ignore[misc]
    """More minutes, and why."""

    minutes = IntegerField(_("Minutes more"), [InputRequired(), NumberRange(1, 1440)], default=5)
    why = StringField(_("Reason"), [InputRequired(), Length(min=2, max=200)], filters=[strip])


class FactorForm(FlaskForm):  # type: ignore[misc]
    """A factor on every time limit of one person, and why."""

    factor = SelectField(
        _("Time limits"), [InputRequired()], choices=choices([("125", "× 1.25"), ("150", "× 1.5"), ("200", "× 2")])
    )
    why = StringField(_("Reason"), [InputRequired(), Length(min=2, max=200)], filters=[strip])


class ExportForm(FlaskForm):  # type: ignore[misc]
    """Which list, in which format."""

    kind = RadioField(
        _("List"),
        [InputRequired()],
        choices=choices([("ranking", _("Ranking")), ("participants", _("Participants"))]),
        default="ranking",
    )
    names = RadioField(
        _("Names and phones"),
        [InputRequired()],
        choices=choices([("masked", _("Masked")), ("full", _("In full; this is logged"))]),
        default="masked",
    )
    why = StringField(
        _("What for"), [Length(max=200)], filters=[strip], description=_("Needed for names and phones in full.")
    )
    format = RadioField(
        _("Format"), [InputRequired()], choices=choices([("xlsx", "Excel (.xlsx)"), ("csv", "CSV")]), default="xlsx"
    )

    def validate_why(self, field: StringField) -> None:
        """Ask for the reason where people are named in full (P5)."""
        if self.names.data == "full" and not field.data:
            raise ValidationError(_("Say what the full names are for."))
