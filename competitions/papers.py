"""What of a paper may be seen: the items while playing, marks and keys only once the level allows it (A11).

Every field that leaves is named here; nothing of a question is passed on whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from questions.rules import PaperItem, Value, Version

Text = dict[str, str]


class Option(msgspec.Struct, frozen=True):
    """One option, by the id that answers name."""

    id: str
    zh: str
    en: str


class Item(msgspec.Struct, frozen=True):
    """One item as it is asked; `unit` is what a numeric answer is in."""

    position: int
    type: str
    points: int
    stem: Text
    options: list[Option]
    unit: Text | None


class MarkedItem(msgspec.Struct, frozen=True):
    """One item after the result, with its key.

    `key` is right option ids, a boolean, accepted spellings, or {value, tolerance}.
    """

    position: int
    mark: int
    points: int
    value: list[str] | bool | str | None
    key: Any
    explanation: Text
    source: Text


def present(paper: Sequence[PaperItem], versions: Mapping[int, Version]) -> list[Item]:
    """Return the items of a paper as they are asked, options in the stored order.

    Args:
        paper: the stored paper.
        versions: the pinned question versions by id.
    """
    items = []
    for position, item in enumerate(paper, 1):
        version = versions[item.version]
        texts = {option["id"]: option for option in version.options}
        items.append(
            Item(
                position,
                version.type,
                item.points,
                {"zh": version.stem["zh"], "en": version.stem["en"]},
                [Option(id_, texts[id_]["zh"], texts[id_]["en"]) for id_ in item.options],
                dict(version.key["unit"]) if version.type == "numeric" else None,
            )
        )
    return items


def may_reveal(reveal: str, attempt_state: str, competition_state: str) -> bool:
    """Say whether keys, marks and explanations of an attempt may be seen now.

    Args:
        reveal: the level's rule: "never", "after_submit" or "after_close".
        attempt_state: only a scored attempt reveals anything.
        competition_state: "closed" and "sealed" are after the close.
    """
    if attempt_state != "scored" or reveal == "never":
        return False
    return reveal == "after_submit" or competition_state in ("closed", "sealed")


def present_marked(
    paper: Sequence[PaperItem], versions: Mapping[int, Version], marks: Sequence[int], answers: Mapping[int, Value]
) -> list[MarkedItem]:
    """Return each item with its mark, the answer given, the key, the explanation and the source.

    Args:
        paper: the stored paper.
        versions: the pinned question versions by id.
        marks: the stored marks.
        answers: the last acknowledged value by position.
    """
    shown = []
    for position, (item, mark) in enumerate(zip(paper, marks, strict=True), 1):
        version = versions[item.version]
        shown.append(
            MarkedItem(
                position,
                mark,
                item.points,
                answers.get(position),
                _shown_key(version),
                {"zh": version.explanation["zh"], "en": version.explanation["en"]},
                {"zh": version.source["zh"], "en": version.source["en"]},
            )
        )
    return shown


def _shown_key(version: Version) -> Any:
    key = version.key
    match version.type:
        case "single" | "multiple":
            return list(key["options"])
        case "true_false":
            return key["truth"]
        case "fill_in":
            return list(key["accepted"])
        case _:
            return {"value": key["value"], "tolerance": key["tolerance"]}
