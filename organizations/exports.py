"""The columns of a file that say where somebody works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from core.exports import Column
from core.web import tr
from organizations.models import Organization

PLACES = ("city", "enterprise", "team")


def place_columns() -> list[Column]:
    """Return the heads."""
    return [Column(_("City"), width=20), Column(_("Enterprise"), width=30), Column(_("Team"), width=20)]


def place_cells(path: Sequence[int], nodes: Mapping[int, Organization]) -> list[str]:
    """Return the cells of one person.

    Args:
        path: the ids from the root to the person's node.
        nodes: at least these by id, as `organizations.queries.names_under` gives them.
    """
    places = {nodes[node].kind: tr(nodes[node]) for node in path if node in nodes}
    return [places.get(kind, "") for kind in PLACES]
