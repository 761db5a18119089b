"""What happened in a competition, announced after it is committed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompetitionOpened:
    """A draft was opened to its audience."""

    competition_id: int
    person_id: int


@dataclass(frozen=True, slots=True)
class CompetitionClosed:
    """A competition was closed by a person and every attempt in it is scored."""

    competition_id: int
    person_id: int


@dataclass(frozen=True, slots=True)
class ParticipationJoined:
    """A person joined a competition."""

    participation_id: int
    competition_id: int


@dataclass(frozen=True, slots=True)
class AttemptsScored:
    """Attempts of these participations were scored and their standings recomputed, all in one transaction."""

    participation_ids: tuple[int, ...]
