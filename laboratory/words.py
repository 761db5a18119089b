"""Lights and reasons in words."""

from __future__ import annotations

from flask_babel import gettext as _

TONES = {"red": "bad", "amber": "warn", "grey": "", "green": "good"}
"""The tone of each light's badge."""


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
        "key": _(
            "The key may be wrong: the better the entrants, the less they earn here, or the best prefer another answer"
        ),
        "too_easy": _("Nearly everybody gets it right"),
        "too_hard": _("Nearly nobody gets it right"),
        "weak": _("Good and weak entrants answer it alike"),
        "few": _("Under 30 first attempts say nothing yet"),
        "good": _("It separates those who know from those who do not"),
    }
    return str(words[reason])
