"""One question of each type in the form of docs/bank-format.md, for the trade of `tests.factories.make_bank`."""

from __future__ import annotations

from typing import Any


def written(type_: str = "single", **changes: Any) -> dict[str, Any]:
    """A question without faults; `changes` replace parts of it."""
    return BASE | PARTS[type_] | {"type": type_} | changes


def text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


BASE: dict[str, Any] = {
    "topic": "safety",
    "difficulty": 2,
    "stem": text("氧气瓶的颜色是什么？", "What colour is an oxygen cylinder?"),
    "options": [],
    "explanation": text("标准规定。", "The standard says so."),
    "source": text("GB/T 7144", "GB/T 7144"),
}
OPTIONS = [
    {"id": "a", "zh": "淡蓝", "en": "Light blue"},
    {"id": "b", "zh": "白", "en": "White"},
    {"id": "c", "zh": "黑", "en": "Black"},
]
PARTS: dict[str, dict[str, Any]] = {
    "single": {"options": OPTIONS, "key": ["a"]},
    "multiple": {"options": OPTIONS, "key": ["a", "c"], "credit": "partial"},
    "true_false": {"key": True},
    "fill_in": {
        "stem": text("电压的单位是{{1}}，电流的单位是{{2}}。", "Voltage is in {{1}}, current in {{2}}."),
        "key": [["伏特", "V"], ["安培", "A"]],
        "credit": "each",
    },
    "numeric": {
        "stem": text("电流 {i} A，电压 {u} V，功率是多少？", "At {i} A and {u} V, what is the power?"),
        "explanation": text("{i} × {u} = {answer}", "{i} × {u} = {answer}"),
        "variables": {
            "i": {"min": "100", "max": "200", "step": "10"},
            "u": {"min": "20", "max": "30", "step": "0.5"},
        },
        "where": "i > 3 * u",
        "key": {"expression": "i * u / 1000", "decimals": 2, "tolerance": "1%", "unit": text("千瓦", "kW")},
    },
    "ordering": {"options": OPTIONS, "key": ["c", "a", "b"], "credit": "each"},
    "matching": {
        "prompts": [{"id": "p1", "zh": "氧气", "en": "Oxygen"}, {"id": "p2", "zh": "氮气", "en": "Nitrogen"}],
        "options": OPTIONS,
        "key": {"p1": "a", "p2": "c"},
    },
}
