"""What the question bank asks of the laboratory: the figures of versions, and its lights in words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from laboratory.models import ItemStatistic
from laboratory.rules import LIGHTS
from laboratory.words import TONES, light_word


def figures() -> Any:
    """Select the figures of each version over all competitions together, see `questions.uses.FigureSource`."""
    return select(
        ItemStatistic.version_id,
        ItemStatistic.n,
        ItemStatistic.facility,
        ItemStatistic.discrimination,
        ItemStatistic.light,
        ItemStatistic.reason,
    ).where(ItemStatistic.competition_id.is_(None))


def lights() -> dict[str, tuple[str, str]]:
    """Return word and tone of each light."""
    return {light: (light_word(light), TONES[light]) for light in LIGHTS}
