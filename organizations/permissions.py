"""What the signed-in person may do where. Grants are read once a request, so a change counts at the next one (P8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import g
from flask_login import current_user

from accounts.identity import Identity, require
from core.errors import NotFound
from organizations import queries, rules
from organizations.rules import Grant


def grants() -> list[Grant]:
    """List the roles of whoever is signed in; nobody holds none."""
    user = current_user._get_current_object()
    if not isinstance(user, Identity):
        return []
    kept: tuple[int, list[Grant]] | None = g.get("grants")
    if kept is None or kept[0] != user.person_id:
        kept = g.grants = (user.person_id, queries.list_grants(user.person_id))
    return kept[1]


def holds(roles: str | Iterable[str], path: Sequence[int]) -> bool:
    """Say whether the signed-in person holds one of the roles at a node on this path.

    Args:
        roles: one role or several, any of which will do.
        path: ids from the root to the thing asked for.
    """
    return rules.holds(grants(), roles, path)


def require_role(roles: str | Iterable[str], path: Sequence[int]) -> Identity:
    """Return who is signed in if they hold one of the roles at a node on this path.

    A view that first reads the thing by id calls `identity.require()` before that, or an anonymous visitor could tell
    absent from forbidden.

    Args:
        roles: one role or several, any of which will do.
        path: ids from the root to the thing asked for.

    Raises: NotSignedIn; NotFound when they hold none of them there (P3).
    """
    person = require()
    if not holds(roles, path):
        raise NotFound
    return person


def nodes_with(roles: str | Iterable[str]) -> list[int]:
    """List the nodes at which the signed-in person holds one of the roles, in the order they were granted."""
    wanted = {roles} if isinstance(roles, str) else set(roles)
    return list(dict.fromkeys(grant.organization_id for grant in grants() if grant.role in wanted))


def require_somewhere(roles: str | Iterable[str]) -> list[int]:
    """Return the nodes at which the signed-in person holds one of the roles.

    Args:
        roles: one role or several, any of which will do.

    Raises: NotSignedIn; NotFound when there is no such node (P3).
    """
    require()
    nodes = nodes_with(roles)
    if not nodes:
        raise NotFound
    return nodes
