"""What of a paper may be seen: the items while playing, marks and keys only once the level allows it (A11).

Every field that leaves is named here; nothing of a question is passed on whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from questions.rules import TYPES, PaperItem, Value, Version, cut_at_blanks, fill

Text = dict[str, str]


class Picture(msgspec.Struct, frozen=True):
    """An image or a sound by its address, with the words for those who cannot see or hear it."""

    url: str
    mime: str
    alt: Text


class Option(msgspec.Struct, frozen=True):
    """One option or prompt, by the id that answers name."""

    id: str
    zh: str
    en: str
    image: Picture | None = None


class Case(msgspec.Struct, frozen=True):
    """The stem that the questions of a case group share."""

    code: str
    stem: Text
    media: list[Picture]


class Item(msgspec.Struct, frozen=True):
    """One item as it is asked.

    `unit` is what a numeric answer is in; `blanks` how many texts a fill-in wants, the places marked {{1}}, {{2}} in
    the stem when there are several; `prompts` what a matching item asks, answered in their order; `credit` what an
    answer that is not fully right earns: nothing ("all"), the share of its right parts less the wrong choices ("each"),
    or that of the right choices when none is wrong ("partial").
    """

    position: int
    type: str
    points: int
    stem: Text
    options: list[Option]
    unit: Text | None
    blanks: int = 0
    prompts: list[Option] = []
    media: list[Picture] = []
    case: Case | None = None
    credit: str = "all"

    @property
    def parts(self) -> int:
        """How many numbered fields its form has: steps, prompts or blanks in the stem; 0 for one field."""
        if self.type == "fill_in":
            return self.blanks if len(cut_at_blanks(self.stem["zh"])) > 1 else 0
        return len(self.prompts) or (len(self.options) if self.type == "ordering" else 0)


class MarkedItem(msgspec.Struct, frozen=True):
    """One item after the result, with its key.

    `key` is what the type of item shows: right option ids (ordering: in order, matching: by the order of the prompts),
    a boolean, accepted spellings (several blanks: a list of them), or {value, tolerance}.
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
        several = version.type == "fill_in" and "blanks" in version.key
        items.append(
            Item(
                position,
                version.type,
                item.points,
                _filled(version.stem, item.values),
                [_option(texts[id_]) for id_ in item.options],
                dict(version.key["unit"]) if version.type == "numeric" else None,
                len(version.key["blanks"]) if several else int(version.type == "fill_in"),
                [_option(prompt) for prompt in version.prompts],
                [_picture(one) for one in version.media],
                None if version.case is None else _case(version.case),
                version.key.get("credit", "all"),
            )
        )
    return items


def _filled(text: Mapping[str, str], values: Mapping[str, str]) -> Text:
    return {language: fill(text[language], values) for language in ("zh", "en")}


def _picture(media: Mapping[str, Any]) -> Picture:
    return Picture(f"/media/{media['sha256']}", media["mime"], {"zh": media["alt"]["zh"], "en": media["alt"]["en"]})


def _option(option: Mapping[str, Any]) -> Option:
    image = option.get("image")
    return Option(option["id"], option["zh"], option["en"], _picture(image) if image else None)


def _case(case: Mapping[str, Any]) -> Case:
    stem = {"zh": case["stem"]["zh"], "en": case["stem"]["en"]}
    return Case(case["code"], stem, [_picture(one) for one in case.get("media", [])])


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
        key = TYPES[version.type].shown_key(version, item)
        values = {**item.values, "answer": key["value"]} if item.values else {}
        shown.append(
            MarkedItem(
                position,
                mark,
                item.points,
                answers.get(position),
                key,
                _filled(version.explanation, values),
                {"zh": version.source["zh"], "en": version.source["en"]},
            )
        )
    return shown
