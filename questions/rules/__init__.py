"""What a question is, how a paper is drawn, and what an answer earns. Pure."""

from questions.rules.answers import alike, cut_at_blanks, from_fields, show_blanks, to_fields
from questions.rules.drawing import CASE, CASE_SIZE, Bank, BlueprintRow, Unit, draw, draw_item, quotas
from questions.rules.expressions import BadExpression
from questions.rules.faults import N_, Fault
from questions.rules.items import (
    CREDITS,
    DIFFICULTIES,
    MOST_PARTS,
    TEXT_LIMIT,
    TYPES,
    PaperItem,
    Value,
    Version,
    draw_values,
    fill,
    is_acceptable,
    is_right,
    mark,
    normalise,
    parse_number,
    share,
)
from questions.rules.media import IMAGE_LIMIT, SOUND_LIMIT, mime_of

__all__ = [
    "CASE",
    "CASE_SIZE",
    "CREDITS",
    "DIFFICULTIES",
    "IMAGE_LIMIT",
    "MOST_PARTS",
    "N_",
    "SOUND_LIMIT",
    "TEXT_LIMIT",
    "TYPES",
    "BadExpression",
    "Bank",
    "BlueprintRow",
    "Fault",
    "PaperItem",
    "Unit",
    "Value",
    "Version",
    "alike",
    "cut_at_blanks",
    "draw",
    "draw_item",
    "draw_values",
    "fill",
    "from_fields",
    "is_acceptable",
    "is_right",
    "mark",
    "mime_of",
    "normalise",
    "parse_number",
    "quotas",
    "share",
    "show_blanks",
    "to_fields",
]
