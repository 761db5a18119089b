"""How items are shown: as they are asked, and with their keys once those may be seen.

Every field that leaves is named here; nothing of a question is passed on whole. Whether a key may be seen is for the
caller to know (A11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import msgspec
from flask_babel import gettext as _

from questions.rules import TYPES, PaperItem, Value, Version, cut_at_blanks, fill, normalise, to_fields

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


def present_item(position: int, item: PaperItem, version: Version) -> Item:
    """Return one item as it is asked, options in the stored order.

    Args:
        position: its place on the paper, from 1.
        item: the stored item.
        version: its question version.
    """
    texts = {option["id"]: option for option in version.options}
    several = version.type == "fill_in" and "blanks" in version.key
    return Item(
        position,
        version.type,
        item.points,
        fill(version.stem, item.values),
        [_option(texts[id_]) for id_ in item.options],
        dict(version.key["unit"]) if version.type == "numeric" else None,
        len(version.key["blanks"]) if several else int(version.type == "fill_in"),
        [_option(prompt) for prompt in version.prompts],
        [_picture(one) for one in version.media],
        None if version.case is None else present_case(version.case),
        version.key.get("credit", "all"),
    )


def present(paper: Sequence[PaperItem], versions: Mapping[int, Version]) -> list[Item]:
    """Return the items of a paper as they are asked.

    Args:
        paper: the stored paper.
        versions: the pinned question versions by id.
    """
    return [present_item(position, item, versions[item.version]) for position, item in enumerate(paper, 1)]


def _picture(media: Mapping[str, Any]) -> Picture:
    return Picture(f"/media/{media['sha256']}", media["mime"], {"zh": media["alt"]["zh"], "en": media["alt"]["en"]})


def _option(option: Mapping[str, Any]) -> Option:
    image = option.get("image")
    return Option(option["id"], option["zh"], option["en"], _picture(image) if image else None)


def present_case(case: Mapping[str, Any]) -> Case:
    """Return the stem that the questions of a case share, as it is asked.

    Args:
        case: as versions carry it.
    """
    stem = {"zh": case["stem"]["zh"], "en": case["stem"]["en"]}
    return Case(case["code"], stem, [_picture(one) for one in case.get("media", [])])


def present_marked_item(position: int, item: PaperItem, version: Version, mark: int, value: Value) -> MarkedItem:
    """Return one item with its mark, the answer given, the key, the explanation and the source.

    Args:
        position: its place on the paper, from 1.
        item: the stored item.
        version: its question version.
        mark: the stored mark.
        value: the answer; None without one.
    """
    key = TYPES[version.type].shown_key(version, item)
    values = {**item.values, "answer": key["value"]} if item.values else {}
    source = {"zh": version.source["zh"], "en": version.source["en"]}
    return MarkedItem(position, mark, item.points, value, key, fill(version.explanation, values), source)


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
    return [
        present_marked_item(position, item, versions[item.version], mark, answers.get(position))
        for position, (item, mark) in enumerate(zip(paper, marks, strict=True), 1)
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """One item with an answer to it, as the fields of a form hold it."""

    item: Item
    value: Value

    @property
    def chosen(self) -> list[str]:
        """The answer as the ids of option rows."""
        if isinstance(self.value, bool):
            return ["true" if self.value else "false"]
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """The answer as typed."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def parts(self) -> list[str]:
        """The answer as the numbered fields of the form."""
        return self.fields(self.value)

    def fields(self, value: Value) -> list[str]:
        """Write an answer as the numbered fields of the form."""
        return to_fields(self.item.type, value, [option.id for option in self.item.options], self.item.parts)


@dataclass(frozen=True, slots=True)
class Compared:
    """One part of an answer beside the key: a blank or a place in an order by its number, or a prompt by its text."""

    number: int
    prompt: Option | None
    given: Option | None
    right: Option
    ok: bool


def compare(item: Item, marked: MarkedItem) -> list[Compared]:
    """Return the parts of an answer beside the key; none for an item of one field."""
    if not item.parts:
        return []
    given = marked.value if isinstance(marked.value, list) else [""] * item.parts
    if item.type == "fill_in":
        return [
            Compared(n, None, _typed(text) if text else None, _typed(" / ".join(accepted)), _is_one_of(text, accepted))
            for n, (text, accepted) in enumerate(zip(given, marked.key, strict=True), 1)
        ]
    options = {option.id: option for option in item.options}
    return [
        Compared(n, prompt, options.get(one), options[right], one == right)
        for n, (prompt, one, right) in enumerate(zip_longest(item.prompts, given, marked.key), 1)
    ]


def _typed(text: str) -> Option:
    return Option("", text, text)


def _is_one_of(text: str, accepted: list[str]) -> bool:
    return normalise(text) in {normalise(spelling) for spelling in accepted}


def kind_word(type_: str) -> str:
    """Name a type of item."""
    words: dict[str, str] = {
        "single": _("Single choice"),
        "multiple": _("Multiple choice"),
        "true_false": _("True or false"),
        "fill_in": _("Fill in"),
        "numeric": _("Number"),
        "ordering": _("Ordering"),
        "matching": _("Matching"),
    }
    return words[type_]
