"""Forms of prizes, bonuses and payouts: the shape of input."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    FieldList,
    FormField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import TextInput

from core.forms import Row, choices, strip
from core.money import plain_yuan, read_yuan
from payouts.rules import MAX_FEN, MAX_PLACES

BAND_ROWS = 6


class YuanField(Field):
    """An amount typed in yuan; its value is fen."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed as fen."""
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = read_yuan(valuelist[0])
            if self.data is None or not 0 < self.data <= MAX_FEN:
                raise ValueError(_("Write an amount in yuan above 0, such as 1400 or 67.60."))

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return plain_yuan(self.data) if self.data is not None else ""


def _amount(label: Any, **options: Any) -> YuanField:
    return YuanField(label, [InputRequired()], render_kw={"inputmode": "decimal", "autocomplete": "off"}, **options)


class FundForm(FlaskForm):  # type: ignore[misc]
    """Money put into a pool or budget."""

    amount = _amount(_("Amount"))
    memo = StringField(_("Where it comes from"), [InputRequired(), Length(max=200)], filters=[strip])


class BandForm(Row):
    """Places from, to, and yuan for each; a row without an amount says nothing."""

    first = IntegerField(_("From place"), [Optional(), NumberRange(1, MAX_PLACES)])
    last = IntegerField(_("To place"), [Optional(), NumberRange(1, MAX_PLACES)])
    each = YuanField(_("Each gets"), [Optional()], render_kw={"inputmode": "decimal", "autocomplete": "off"})


class _RuleForm(FlaskForm):  # type: ignore[misc]
    track = SelectField(_("Board"), coerce=int)
    name_zh = StringField(_("Name of the prize in Chinese"), [InputRequired(), Length(max=60)], filters=[strip])
    name_en = StringField(_("Name of the prize in English"), [InputRequired(), Length(max=100)], filters=[strip])


class PlacesForm(_RuleForm):
    """A prize rule by places."""

    bands = FieldList(FormField(BandForm), min_entries=BAND_ROWS, max_entries=BAND_ROWS)

    def validate_bands(self, field: Any) -> None:
        """Ask for both places where there is an amount, and for at least one row."""
        rows = [band for band in field if band.each.data or band.first.data or band.last.data]
        if not rows:
            raise ValidationError(_("Fill in at least one row of places."))
        if any(not (band.each.data and band.first.data and band.last.data) for band in rows):
            raise ValidationError(_("Each row needs both places and an amount."))


class SplitForm(_RuleForm):
    """A pot divided equally among all who cleared every level."""

    pot = _amount(_("Pot"))
    who = RadioField(_("Who shares it"), default="board")


class TierForm(FlaskForm):  # type: ignore[misc]
    """A bonus tier of an enterprise."""

    kind = RadioField(_("Bonus for"), [InputRequired()])
    track = SelectField(_("Board"), coerce=int)
    amount = _amount(_("Amount each time"))
    top_n = IntegerField(
        _("The first how many"), [Optional(), NumberRange(1, MAX_PLACES)], description=_("Only for the first n.")
    )


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """What the bank says about one payout."""

    bank_reference = StringField(_("Bank reference"), [InputRequired(), Length(max=64)], filters=[strip])
    amount = _amount(_("Amount the bank paid"))


class WhyForm(FlaskForm):  # type: ignore[misc]
    """A step that needs a reason."""

    why = StringField(_("Reason"), [InputRequired(), Length(max=200)], filters=[strip])


class ResultsForm(FlaskForm):  # type: ignore[misc]
    """A bank's results, pasted."""

    text = TextAreaField(
        _("The bank's results"),
        [InputRequired(), Length(max=200_000)],
        description=_(
            "One line a payout: bank reference, payout number, amount in yuan, status (paid, failed, unknown)."
        ),
        render_kw={"rows": 6, "spellcheck": "false"},
    )


class WinnersForm(FlaskForm):  # type: ignore[misc]
    """A list of winners to take away."""

    track = SelectField(_("Board"), coerce=int)
    city = SelectField(_("City"), coerce=int)
    enterprise = SelectField(_("Enterprise"), coerce=int)
    file = RadioField(_("File"), choices=choices([("xlsx", "Excel"), ("csv", "CSV")]), default="xlsx")
    full = BooleanField(_("Names and phones in full"))
    why = StringField(_("What for"), [InputRequired(), Length(max=200)], filters=[strip])


class PayrollForm(FlaskForm):  # type: ignore[misc]
    """An enterprise's bonus list to take away."""

    file = RadioField(_("File"), choices=choices([("xlsx", "Excel"), ("csv", "CSV")]), default="xlsx")
    why = StringField(_("What for"), [InputRequired(), Length(max=200)], filters=[strip])


class PayeeForm(FlaskForm):  # type: ignore[misc]
    """Where a winner wants the money."""

    account_name = StringField(
        _("Account holder"), [InputRequired(), Length(max=60)], filters=[strip], render_kw={"autocomplete": "name"}
    )
    bank_name = StringField(_("Bank and branch"), [InputRequired(), Length(max=100)], filters=[strip])
    card_number = StringField(
        _("Card number"),
        [InputRequired(), Length(max=30)],
        filters=[strip],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    consent = BooleanField(
        _("I agree that my bank details are kept and given to the payer to pay out my prizes, and for nothing else."),
        [InputRequired(_("Without your consent nothing can be paid out."))],
    )
