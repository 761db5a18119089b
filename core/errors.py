"""Typed refusals. Rules and services raise them; `core.web` turns them into pages and JSON.

A refusal names a stable `code`; the sentence a person reads is chosen where gettext lives.
"""


class Refusal(Exception):
    """A use case said no. `code` is stable and documented; `status` is its HTTP status; `details` is safe to show."""

    code = "refused"
    status = 409

    def __init__(self, **details: object) -> None:
        super().__init__(self.code, details)
        self.details = details


class NotFound(Refusal):
    """Absent, or present and not yours: one reply for both (P3)."""

    code = "not_found"
    status = 404


class NotSignedIn(Refusal):
    """The use case needs a person and there is none."""

    code = "not_signed_in"
    status = 401


class Invalid(Refusal):
    """The input has the right shape and a value that cannot be; `details` says where (`path`) and why (`reason`)."""

    code = "invalid"
    status = 422


class Unavailable(Refusal):
    """A server we need is away; nothing was changed or the outcome is unknown: try again."""

    code = "unknown_retry"
    status = 503
