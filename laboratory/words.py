"""Lights and reasons in words."""

from __future__ import annotations

from flask_babel import gettext as _


def light_word(light: str) -> str:
    """Say a traffic light."""
    words = {
        "red": _("Check at once"),
        "amber": _("Look at it"),
        "grey": _("Too few answers"),
        "green": _("Good"),
    }
    return str(words[light])


def reason_word(reason: str) -> str:
    """Say why a light shows."""
    words = {
        "key": _("Probably a wrong key: the best entrants choose another answer"),
        "too_easy": _("Nearly everybody gets it right"),
        "too_hard": _("Nearly nobody gets it right"),
        "weak": _("Good and weak entrants answer it alike"),
        "few": _("Under 30 first attempts say nothing yet"),
        "good": _("It separates those who know from those who do not"),
    }
    return str(words[reason])


def type_word(type_: str) -> str:
    """Say a type of item."""
    words = {
        "single": _("Single choice"),
        "multiple": _("Multiple choice"),
        "true_false": _("True or false"),
        "fill_in": _("Fill in"),
        "numeric": _("Number"),
        "ordering": _("Ordering"),
        "matching": _("Matching"),
    }
    return str(words[type_])
