"""What happened in a competition, announced after it is committed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptsScored:
    """Attempts of these participations were scored and their standings recomputed, all in one transaction."""

    participation_ids: tuple[int, ...]
