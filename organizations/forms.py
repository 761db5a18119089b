"""The shape of what administrators type about the tree."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from accounts.forms import phone_field

LONGEST_NAME = 120


class NodeForm(FlaskForm):  # type: ignore[misc]
    """A new node under the one shown."""

    name_zh = StringField(_l("Name in Chinese"), [InputRequired(_l("Enter a name.")), Length(max=LONGEST_NAME)])
    name_en = StringField(_l("Name in English"), [Length(max=LONGEST_NAME)])


class GrantForm(FlaskForm):  # type: ignore[misc]
    """A role for someone who belongs here."""

    phone = phone_field(_l("Phone number of the person"))
    role = SelectField(_l("Role"), [InputRequired()])


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """Why something is done to another person's account; kept in the audit trail."""

    why = StringField(_l("Reason"), [InputRequired(_l("Say why.")), Length(max=200)])
