"""Whose bank the signed-in person works on: a role at a root of the tree reaches the shared one, any other its own."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.identity import require
from core.errors import NotFound
from organizations import permissions
from organizations.queries import list_grants
from organizations.rules import MANAGERS, Grant

AUTHORS = ("question_author",)
REVIEWERS = ("question_reviewer",)
READERS = (*MANAGERS, "question_author", "question_reviewer")
IMPORTERS = (*MANAGERS, "question_author")
"""Who takes files of questions into a bank."""
STEWARDS = ("organizer", "question_reviewer")
"""Who looks after a trade's topics."""

Bank = int | None
"""The organization a bank belongs to; None is the one that all share."""


def banks(roles: Iterable[str]) -> dict[Bank, int]:
    """Return the banks that the signed-in person's roles reach, each with the node at which the role is held.

    Args:
        roles: any of which will do.
    """
    return _reached(permissions.grants(), roles)


def banks_of(person_id: int, roles: Iterable[str]) -> dict[Bank, int]:
    """Return the same of a person who need not be signed in, for work in the background."""
    return _reached(list_grants(person_id), roles)


def _reached(grants: Iterable[Grant], roles: Iterable[str]) -> dict[Bank, int]:
    wanted = set(roles)
    return {
        None if len(grant.path) == 1 else grant.organization_id: grant.organization_id
        for grant in grants
        if grant.role in wanted
    }


def require_banks(roles: Iterable[str]) -> dict[Bank, int]:
    """Return the same. Raises: NotSignedIn; NotFound where there is none (P3)."""
    require()
    found = banks(roles)
    if not found:
        raise NotFound
    return found
