from __future__ import annotations

import pytest

from accounts import rules
from accounts.errors import BadPassword, BadPhone


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("13800001234", "+8613800001234"),
        (" 138 0000-1234 ", "+8613800001234"),
        ("+86 138 0000 1234", "+8613800001234"),
        ("0086 13800001234", "+8613800001234"),
        ("１３８００００１２３４", "+8613800001234"),  # full-width digits of a Chinese keyboard
        ("+852 5123 4567", "+85251234567"),
    ],
)
def test_one_phone_has_one_form_however_it_is_typed(typed: str, stored: str) -> None:
    assert rules.normalise_phone(typed) == stored


@pytest.mark.parametrize("typed", ["", "abc", "1380000123", "12345678901", "+99 123", "1" * 5000, "\x00", "١٢٣"])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(BadPhone):
        rules.normalise_phone(typed)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short 7", "too_short"),
        ("x" * 129, "too_long"),
        ("aaaaaaaaaa", "too_easy"),
        ("12345678", "too_easy"),
        ("qwertyui", "too_easy"),
        ("Password1", "too_easy"),
        ("13800001234", "too_easy"),  # one's own phone
        ("00001234", "too_easy"),  # and a part of it
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str, reason: str) -> None:
    with pytest.raises(BadPassword) as refusal:
        rules.check_password(password, "+8613800001234")
    assert refusal.value.details["reason"] == reason


@pytest.mark.parametrize("password", ["焊花很美 2026", "correct horse battery", "x7#kQ!92"])
def test_a_password_needs_length_and_no_kinds_of_characters(password: str) -> None:
    rules.check_password(password, "+8613800001234")


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",  # browsers drop tabs and line ends
        "/\n/evil.example",
        " /me",
        "me",
    ],
)
def test_log_in_never_leads_to_another_site(target: str | None) -> None:
    assert rules.safe_next(target) == "/"


def test_log_in_leads_to_a_page_of_this_site() -> None:
    assert rules.safe_next("/competitions/3?tab=levels") == "/competitions/3?tab=levels"
