"""What a phone, a password and an address to return to may look like."""

from urllib.parse import urlsplit

import phonenumbers

from accounts.errors import BadPassword, BadPhone

PASSWORD_LENGTH = (8, 128)
GUESSED_FIRST = frozenset({"password", "password1", "1qaz2wsx", "abcd1234", "a1234567", "aa123456", "woaini1314"})
ROWS = ("01234567890123456789", "98765432109876543210", "qwertyuiop", "abcdefghijkl")
NAME_LENGTH = 60
HOME_COUNTRY = "CN"


def normalise_phone(text: str) -> str:
    """Write a phone number as E.164, e.g. "138 0000 1234" as "+8613800001234".

    Args:
        text: as typed; a number without country code is read as Chinese.

    Raises: BadPhone when no such number can exist.
    Source: the numbering plans of libphonenumber.
    """
    try:
        number = phonenumbers.parse(text[:40], HOME_COUNTRY)
    except phonenumbers.NumberParseException as error:
        raise BadPhone(path="phone", reason="not_a_number") from error
    if not phonenumbers.is_valid_number(number):
        raise BadPhone(path="phone", reason="no_such_number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask_phone(tail: str) -> str:
    """Show a phone by its last four digits only."""
    return f"*** **** {tail}"


def check_password(password: str, phone: str) -> None:
    """Refuse a new password that is too short, too long, or one that everyone guesses first.

    Args:
        password: as typed; every character counts, spaces too.
        phone: E.164.

    Raises: BadPassword with `reason` "too_short", "too_long" or "too_easy".
    Source: NIST SP 800-63B 5.1.1.2: length and a check against the obvious, no rules on kinds of characters.
    """
    shortest, longest = PASSWORD_LENGTH
    if len(password) < shortest:
        raise BadPassword(path="password", reason="too_short")
    if len(password) > longest:
        raise BadPassword(path="password", reason="too_long")
    if len(set(password)) < 3 or password.lower() in GUESSED_FIRST or any(password in row for row in (phone, *ROWS)):
        raise BadPassword(path="password", reason="too_easy")


def safe_next(target: str | None) -> str:
    """Return the address to go to after log-in if it lies on this site, else that of the home page.

    Args:
        target: what the request asks for, believed in nothing.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return "/"
    if "\\" in target or any(ord(character) <= 32 or ord(character) == 127 for character in target):
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc else target
