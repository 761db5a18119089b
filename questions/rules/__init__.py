"""What a question is, how a paper is drawn, and what an answer earns. Pure."""

from questions.rules.drawing import CASE, CASE_SIZE, Bank, BlueprintRow, Unit, draw, quotas
from questions.rules.expressions import BadExpression
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

__all__ = [
    "CASE",
    "CASE_SIZE",
    "CREDITS",
    "DIFFICULTIES",
    "MOST_PARTS",
    "TEXT_LIMIT",
    "TYPES",
    "BadExpression",
    "Bank",
    "BlueprintRow",
    "PaperItem",
    "Unit",
    "Value",
    "Version",
    "draw",
    "draw_values",
    "fill",
    "is_acceptable",
    "is_right",
    "mark",
    "normalise",
    "parse_number",
    "quotas",
    "share",
]
