"""The shape of what people type about themselves."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from accounts import rules
from core.forms import choices

SHORTEST, LONGEST = rules.PASSWORD_LENGTH
SHOW = {"data-show": _l("Show the password"), "data-hide": _l("Hide the password")}


def said(field: StringField | PasswordField) -> str:
    """Return what was typed into a field that must not be empty."""
    return str(field.data)


def phone_field(label: Any) -> StringField:
    """A phone number: a numeric keyboard, filled in by the browser."""
    return StringField(
        label,
        [InputRequired(_l("Enter your phone number.")), Length(max=40)],
        render_kw={"type": "tel", "inputmode": "tel", "autocomplete": "username"},
    )


def name_field() -> StringField:
    """The name others see."""
    return StringField(
        _l("Name"),
        [InputRequired(_l("Enter your name.")), Length(max=rules.NAME_LENGTH)],
        render_kw={"autocomplete": "name"},
    )


def new_password_field(label: Any) -> PasswordField:
    """A password being chosen; what is too easy is for the rules to say."""
    return PasswordField(
        label,
        [InputRequired(_l("Choose a password.")), Length(max=LONGEST)],
        description=_l("At least 8 characters. A short sentence is easy to remember and hard to guess."),
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST, **SHOW},
    )


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Phone and password, and where to go afterwards."""

    phone = phone_field(_l("Phone number"))
    password = PasswordField(
        _l("Password"),
        [InputRequired(_l("Enter your password.")), Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password", **SHOW},
    )
    next = HiddenField()


class SignUpForm(FlaskForm):  # type: ignore[misc]
    """A new account at an enterprise or team chosen before."""

    phone = phone_field(_l("Phone number"))
    password = new_password_field(_l("Password"))
    name = name_field()
    consent = BooleanField(
        _l("I agree that my name, phone number and results are used to run competitions and pay prizes."),
        [InputRequired(_l("Without your consent there can be no account."))],
    )


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """Name and language."""

    name = name_field()
    locale = RadioField(_l("Language"), [InputRequired()], choices=choices([("zh_CN", "中文"), ("en", "English")]))


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The present password and a new one."""

    current = PasswordField(
        _l("Current password"),
        [InputRequired(_l("Enter your current password.")), Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password", **SHOW},
    )
    password = new_password_field(_l("New password"))
