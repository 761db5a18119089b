"""The demo event: invented people and organizations, and results that a full rescore reproduces."""

from typing import NamedTuple

PASSWORD = "jiangxin2026"  # noqa: S105 - printed on every start of a demo


class LogIn(NamedTuple):
    """A person of the demo whom a visitor can sign in as; `phone` is as one types it."""

    role: str
    phone: str
    password: str
    name: str


def phone(number: int) -> str:
    """Return the phone of the demo's person number 0, 1, 2 and so on, as typed in China.

    1740 0 to 1740 5 belong to satellite telephones: a valid Chinese mobile number that no worker has.

    Args:
        number: below 6,000,000.
    """
    return f"1740{number + 1:07d}"


LOGINS = tuple(
    LogIn(role, phone(number), PASSWORD, name)
    for number, (role, name) in enumerate(
        (
            ("worker", "郑海川"),
            ("enterprise admin", "周敏"),
            ("organizer", "何建国"),
            ("finance A", "许文静"),
            ("finance B", "高远"),
            ("auditor", "韩正清"),
            ("question author", "吴思远"),
            ("question reviewer", "沈丽华"),
        )
    )
)
WORKER, ADMIN, ORGANIZER, FINANCE_A, FINANCE_B, AUDITOR, AUTHOR, REVIEWER = range(len(LOGINS))
