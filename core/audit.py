"""Leaving a trace, in the transaction of the act itself."""

from typing import Any

from core import clock
from core.database import db
from core.models import AuditEntry


def record(
    action: str,
    subject: str,
    subject_id: int | None = None,
    *,
    person_id: int | None,
    organization_id: int | None = None,
    why: str = "",
    **details: Any,
) -> None:
    """Add one audit entry to the caller's transaction (P5).

    Args:
        action: a verb, e.g. "competition.open" or "winners.export".
        subject: the kind of row acted on, e.g. "competition".
        subject_id: its id, when it is one row.
        person_id: who acts; None for the system itself.
        organization_id: the node of the tree the act belongs to.
        why: the reason the person gave.
        details: JSON values that are no personal data.
    """
    db.session.add(
        AuditEntry(
            at=clock.now(),
            person_id=person_id,
            action=action,
            subject=subject,
            subject_id=subject_id,
            organization_id=organization_id,
            why=why,
            details=details,
        )
    )
