"""Refusals of accounts. None of them says whether a phone is known."""

from core.errors import Invalid, Refusal


class BadPhone(Invalid):
    """The text is no phone number that exists."""

    code = "bad_phone"


class BadPassword(Invalid):
    """The new password is too short, too long or too easy; `reason` says which."""

    code = "bad_password"


class SignInFailed(Refusal):
    """The phone is unknown, the password is wrong, or the account is disabled: one reply for all three."""

    code = "sign_in_failed"
    status = 422


class SignUpFailed(Refusal):
    """No account was made with this phone; the reason stays here, because it would tell who has one."""

    code = "sign_up_failed"
    status = 422


class WrongPassword(Refusal):
    """The current password, asked again before a change, does not fit."""

    code = "wrong_password"
    status = 422
