"""What may stand where in the tree, and who may give which role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

KINDS = ("province", "city", "enterprise", "team")
PARENT_OF = {"province": None, "city": "province", "enterprise": "city", "team": "enterprise"}
JOINABLE = ("enterprise", "team")
ROLES = ("enterprise_admin", "organizer", "question_author", "question_reviewer", "finance", "auditor")
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 8

# Who holds the first may grant and revoke the others, at the same node and below it.
GRANTABLE: dict[str, frozenset[str]] = {
    "organizer": frozenset(ROLES),
    "enterprise_admin": frozenset({"enterprise_admin", "organizer", "finance"}),
}

MANAGERS = ("enterprise_admin", "organizer")
"""The roles that run what is at and under their node: people, competitions, prizes."""
VIEWERS = (*MANAGERS, "auditor")


@dataclass(frozen=True)
class Grant:
    """A role held at a node; `path` is the ids from the root to that node."""

    role: str
    organization_id: int
    path: tuple[int, ...]


def holds(grants: Iterable[Grant], roles: str | Iterable[str], path: Sequence[int]) -> bool:
    """Say whether one of the roles is held at a node on this path.

    Args:
        grants: what the person holds.
        roles: one role or several, any of which will do.
        path: ids from the root to the thing asked for.
    """
    wanted = {roles} if isinstance(roles, str) else set(roles)
    return any(grant.role in wanted and grant.organization_id in path for grant in grants)


def grantable_roles(grants: Iterable[Grant], path: Sequence[int]) -> list[str]:
    """List the roles that someone may grant and revoke at the node this path leads to.

    Args:
        grants: what they hold themselves.
        path: ids from the root to the node.
    """
    given = set[str]()
    for grant in grants:
        if grant.organization_id in path:
            given |= GRANTABLE.get(grant.role, frozenset())
    return [role for role in ROLES if role in given]


def may_manage(grants: Sequence[Grant], path: Sequence[int], others: Iterable[Grant]) -> bool:
    """Say whether someone may disable an account or set its password: never that of one who may do what they may not.

    Args:
        grants: what they hold themselves.
        path: ids from the root to the node the other person belongs to.
        others: what the other person holds.
    """
    return holds(grants, MANAGERS, path) and all(one.role in grantable_roles(grants, one.path) for one in others)


def normalise_code(code: str) -> str:
    """Read a join code as people type it: spaces, hyphens and small letters do not matter."""
    return "".join(character for character in code.upper() if character.isalnum())
