"""What an item is, what an answer to it looks like, and what the answer earns. Pure: one class a type."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any

from questions.rules.expressions import BadExpression, holds, names, rounded
from questions.rules.faults import N_, Fault

DIFFICULTIES = (1, 2, 3, 4, 5)
TEXT_LIMIT = 200
EXACT = 200
"""Digits of arithmetic that loses none."""

MOST_PARTS = 20
CREDITS = ("all", "each", "partial")

Text = Mapping[str, str]
Value = list[str] | bool | str | None

_BLANK = re.compile(r"\{\{(\d+)\}\}")
_NAMED = re.compile(r"\{([a-z]\w*)\}")

_TOO_FEW = {
    "options": N_("It needs %(least)s to %(most)s options, all of them different ones."),
    "prompts": N_("It needs %(least)s to %(most)s items on the left, all of them different ones."),
}
_BLANKS = {
    "zh": N_("The Chinese text must mark each blank once, as {{1}}, {{2}}."),
    "en": N_("The English text must mark each blank once, as {{1}}, {{2}}."),
}
_SHOWN = {
    "zh": N_("The Chinese text must show every variable, as {name}, and no other."),
    "en": N_("The English text must show every variable, as {name}, and no other."),
}
_NAMES = {
    "zh": N_("The Chinese explanation names something that is no variable."),
    "en": N_("The English explanation names something that is no variable."),
}


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable wording of a question, as it is asked and scored; the fields are those of docs/bank-format.md.

    `case` is {code, stem, media} of the case group it belongs to, with its `place` there where it was given one;
    `key` has the stored form, from `ItemType.read_key`.
    """

    id: int
    type: str
    topic: str
    difficulty: int
    stem: Text
    options: tuple[Mapping[str, Any], ...]
    key: Mapping[str, Any]
    explanation: Text
    source: Text
    prompts: tuple[Mapping[str, Any], ...] = ()
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    media: tuple[Mapping[str, Any], ...] = ()
    case: Mapping[str, Any] | None = None
    question_id: int = 0
    option_ids: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "option_ids", frozenset(option["id"] for option in self.options))

    @property
    def case_place(self) -> int:
        """Its place in its case group, 0 where nobody has given it one."""
        return int((self.case or {}).get("place", 0))


@dataclass(frozen=True, slots=True)
class PaperItem:
    """One place on a paper: a pinned version, the order of its options by id, what it is worth, and drawn values."""

    version: int
    options: tuple[str, ...]
    points: int
    values: Mapping[str, str] = field(default_factory=dict)


def normalise(text: str) -> str:
    """Bring a typed answer to the form in which it is compared: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _visible(text: str) -> str:
    """Return a text without the signs of no width that come along when it is copied, and that nobody types."""
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def parse_number(text: str) -> Decimal | None:
    """Read a typed decimal number (full-width digits and thousands commas too, no exponent); None when it is none."""
    plain = normalise(text).replace("−", "-")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


def plain(number: Decimal) -> str:
    """Write a decimal without exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def fill(text: Text, values: Mapping[str, str]) -> dict[str, str]:
    """Put drawn values into the places of a text that name them, in both languages."""
    shown = {language: text[language] for language in ("zh", "en")}
    if not values:
        return shown
    return {language: _NAMED.sub(lambda found: values.get(found[1], found[0]), one) for language, one in shown.items()}


def draw_values(version: Version, chance: random.Random) -> dict[str, str]:
    """Draw the values of a parametrised item; empty for every other.

    Raises: BadExpression when no draw of many satisfies the condition.
    """
    for _ in range(1000 if version.variables else 1):
        drawn = {}
        for name in sorted(version.variables):
            low, high, step = (Decimal(str(version.variables[name][part])) for part in ("min", "max", "step"))
            drawn[name] = low + step * chance.randint(0, int((high - low) / step))
        if not version.key.get("where") or holds(version.key["where"], drawn):
            return {name: plain(value) for name, value in drawn.items()}
    raise BadExpression(N_("No values satisfy the condition.")).at("where")


class ItemType:
    """What distinguishes one type of item. `credits` are the rules of partial credit it knows."""

    name = ""
    credits: Sequence[str] = ("all",)
    has_options = False

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a written key into the stored form. Raises: ValueError, KeyError or TypeError where it cannot be."""
        raise NotImplementedError

    def accepts(self, version: Version, value: Value) -> bool:
        """Say whether a value has the shape of an answer; None, which takes an answer back, has been dealt with."""
        raise NotImplementedError

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        """Return the share of the points that an acceptable answer earns, 0 to 1."""
        raise NotImplementedError

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        """Return the key as it is shown once it may be seen."""
        raise NotImplementedError

    def credit(self, question: Mapping[str, Any]) -> dict[str, str]:
        """Read the credit rule; nothing is stored for "all". Raises: ValueError."""
        rule = question.get("credit", "all")
        if rule not in self.credits:
            raise Fault(
                N_("The credit rule %(rule)s is not one of %(known)s."), rule=rule, known=", ".join(self.credits)
            )
        return {} if rule == "all" else {"credit": rule}


def _ids(question: Mapping[str, Any], part: str = "options", least: int = 2) -> list[str]:
    ids = [str(one["id"]) for one in question.get(part, [])]
    if not least <= len(ids) <= MOST_PARTS or len(set(ids)) != len(ids):
        raise Fault(_TOO_FEW[part], least=least, most=MOST_PARTS).at(part)
    return ids


def _whole(right: int, of: int, credit: str) -> Fraction:
    """Share of parts that stand each for themselves."""
    return Fraction(right, of) if credit == "each" else Fraction(right == of)


class Single(ItemType):
    """One right option."""

    name = "single"
    has_options = True

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key, ids = question["key"], _ids(question)
        if not isinstance(key, list) or len(key) != 1 or not set(key) <= set(ids):
            raise Fault(N_("A single choice needs exactly one right option, and it must be one of those listed."))
        return {"options": sorted(key)}

    def accepts(self, version: Version, value: Value) -> bool:
        return isinstance(value, list) and len(value) == 1 and version.option_ids.issuperset(value)

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        return Fraction(list(value) == list(version.key["options"]))

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        return list(version.key["options"])


class Multiple(Single):
    """Two or more right options; credit all, each (right less wrong) or partial (少选得分)."""

    name = "multiple"
    credits = CREDITS

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key, ids = question["key"], _ids(question)
        if not isinstance(key, list) or len(set(key)) != len(key) or not set(key) <= set(ids) or len(key) < 2:
            raise Fault(N_("A multiple choice needs two or more right options, all of them listed."))
        return {"options": sorted(key), **self.credit(question)}

    def accepts(self, version: Version, value: Value) -> bool:
        return isinstance(value, list) and 0 < len(value) == len(set(value)) and version.option_ids.issuperset(value)

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        key, given = set(version.key["options"]), set(value)
        right, wrong = len(given & key), len(given - key)
        match version.key.get("credit"):
            case "each":
                return Fraction(max(0, right - wrong), len(key))
            case "partial":
                return Fraction(0 if wrong else right, len(key))
            case _:
                return Fraction(given == key)


class TrueFalse(ItemType):
    """True or false."""

    name = "true_false"

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(question["key"], bool):
            raise Fault(N_("The answer must be true or false."))
        return {"truth": question["key"]}

    def accepts(self, version: Version, value: Value) -> bool:
        return isinstance(value, bool)

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        return Fraction(value is version.key["truth"])

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        return version.key["truth"]


def blanks(version: Version) -> list[list[str]]:
    """Return the accepted spellings of each blank of a fill-in item."""
    key = version.key
    return [list(one) for one in key["blanks"]] if "blanks" in key else [list(key["accepted"])]


class FillIn(ItemType):
    """One blank, answered by a text, or several marked {{1}}, {{2}} in the stem, answered by a list."""

    name = "fill_in"
    credits = ("all", "each")

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key = question["key"]
        if not isinstance(key, list) or not key:
            raise Fault(N_("Give at least one accepted answer."))
        several = isinstance(key[0], list)
        lists = key if several else [key]
        if any(not isinstance(one, list) for one in lists):
            raise Fault(N_("Give at least one accepted answer for every blank."))
        spelled = [[_visible(str(spelling)) for spelling in one] for one in lists]
        if any(not one or not all(map(normalise, one)) for one in spelled):
            raise Fault(N_("Give at least one accepted answer for every blank."))
        marked = list(range(1, len(lists) + 1)) if several else []
        for language in ("zh", "en"):
            if sorted(int(number) for number in _BLANK.findall(question["stem"][language])) != marked:
                raise Fault(_BLANKS[language]).at(f"stem_{language}")
        return {"blanks": spelled, **self.credit(question)} if several else {"accepted": spelled[0]}

    def accepts(self, version: Version, value: Value) -> bool:
        if "blanks" not in version.key:
            return isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT
        return (
            isinstance(value, list)
            and len(value) == len(version.key["blanks"])
            and any(value)
            and all(len(one) <= TEXT_LIMIT for one in value)
        )

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        wanted = blanks(version)
        given = value if isinstance(value, list) else [value]
        right = sum(
            normalise(text) in {normalise(spelling) for spelling in accepted}
            for text, accepted in zip(given, wanted, strict=True)
        )
        return _whole(right, len(wanted), version.key.get("credit", "all"))

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        return (
            [list(one) for one in version.key["blanks"]] if "blanks" in version.key else list(version.key["accepted"])
        )


class Numeric(ItemType):
    """A number within a tolerance; with variables each paper has its own numbers."""

    name = "numeric"

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key = question["key"]
        try:
            tolerance = str(key["tolerance"])
            if _number(tolerance.removesuffix("%"), "tolerance") < 0:
                raise Fault(N_("A tolerance is not negative.")).at("tolerance")
            stored = {"tolerance": tolerance, "unit": key.get("unit") or {"zh": "", "en": ""}}
            if "variables" not in question:
                return {"value": str(_number(str(key["value"]), "value")), **stored}
            stored |= {"expression": str(key["expression"]), "decimals": int(key["decimals"])}
            if "where" in question:
                stored["where"] = str(question["where"])
            _check_variables(question, stored)
        except InvalidOperation as fault:
            raise Fault(N_("A number cannot be read.")) from fault
        return stored

    def accepts(self, version: Version, value: Value) -> bool:
        return isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        number, right = parse_number(value), self.answer(version, item.values)
        if number is None:
            return Fraction(0)
        return Fraction(abs(Fraction(number) - Fraction(right)) <= Fraction(self.tolerance(version, right)))

    def answer(self, version: Version, values: Mapping[str, str]) -> Decimal:
        """Return the right number of one paper, rounded half up where it is computed. Raises: BadExpression."""
        key = version.key
        if "expression" not in key:
            return Decimal(key["value"])
        return rounded(key["expression"], {name: Decimal(value) for name, value in values.items()}, key["decimals"])

    def tolerance(self, version: Version, right: Decimal) -> Decimal:
        """Return how far from the right number an answer may be."""
        text: str = version.key["tolerance"]
        with localcontext(prec=EXACT):
            return abs(right) * Decimal(text[:-1]) / 100 if text.endswith("%") else Decimal(text)

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        right = self.answer(version, item.values)
        value = plain(right) if item.values else version.key["value"]
        return {"value": value, "tolerance": plain(self.tolerance(version, right))}


def _number(text: str, part: str) -> Decimal:
    """Read a number of a key exactly. Raises: Fault at a part for none, and for one too long to reckon with."""
    try:
        number = Decimal(text)
    except InvalidOperation as fault:
        raise Fault(N_("A number cannot be read.")).at(part) from fault
    if not number.is_finite() or abs(number.adjusted()) > TEXT_LIMIT:
        raise Fault(N_("A number cannot be read.")).at(part)
    return number


def _check_variables(question: Mapping[str, Any], key: Mapping[str, Any]) -> None:
    """Raise ValueError unless texts and expression use just the variables, and every draw has an answer."""
    variables = question["variables"]
    if not variables:
        raise Fault(N_("Give at least one variable, or choose numbers that stay the same.")).at("variables")
    for name, bounds in variables.items():
        low, high, step = (_number(str(bounds[part]), "variables") for part in ("min", "max", "step"))
        if not _NAMED.fullmatch(f"{{{name}}}") or name == "answer" or step <= 0 or high < low:
            raise Fault(
                N_("The variable %(name)s cannot be drawn: check its name, its limits and its step."), name=name
            ).at("variables")
    for part in ("expression", "where"):
        try:
            unknown = names(key[part]) - set(variables) if part in key else ()
        except BadExpression as fault:
            raise fault.at(part) from fault.__cause__
        if unknown:
            raise Fault(
                N_("The expression names %(names)s, which is no variable."), names=", ".join(sorted(unknown))
            ).at(part)
    for language in ("zh", "en"):
        if set(_NAMED.findall(question["stem"][language])) != set(variables):
            raise Fault(_SHOWN[language]).at(f"stem_{language}")
        if not set(_NAMED.findall(question["explanation"][language])) <= {*variables, "answer"}:
            raise Fault(_NAMES[language]).at(f"explanation_{language}")
    sample = Version(0, "numeric", "", 1, {}, (), key, {}, {}, variables=variables)
    for seed in range(100):
        TYPES["numeric"].answer(sample, draw_values(sample, random.Random(seed)))  # type: ignore[attr-defined]  # noqa: S311


class Ordering(ItemType):
    """Steps to be put in order; credit all or each (every step at its place)."""

    name = "ordering"
    credits = ("all", "each")
    has_options = True

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key, ids = question["key"], _ids(question, least=3)
        if not isinstance(key, list) or sorted(key) != sorted(ids):
            raise Fault(N_("The right order must name every step once."))
        return {"order": list(key), **self.credit(question)}

    def accepts(self, version: Version, value: Value) -> bool:
        return isinstance(value, list) and sorted(value) == sorted(version.option_ids)

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        order = version.key["order"]
        right = sum(a == b for a, b in zip(value, order, strict=True))
        return _whole(right, len(order), version.key.get("credit", "all"))

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        return list(version.key["order"])


class Matching(ItemType):
    """Prompts, each to be given the option that fits; answered in the order of the prompts, "" for none."""

    name = "matching"
    credits = ("all", "each")
    has_options = True

    def read_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        key, ids, prompts = question["key"], _ids(question), _ids(question, "prompts")
        if not isinstance(key, dict) or set(key) != set(prompts) or not set(key.values()) <= set(ids):
            raise Fault(N_("Give every item on the left its partner on the right."))
        return {"pairs": dict(key), **self.credit(question)}

    def accepts(self, version: Version, value: Value) -> bool:
        return (
            isinstance(value, list)
            and len(value) == len(version.prompts)
            and any(value)
            and (version.option_ids | {""}).issuperset(value)
        )

    def share(self, version: Version, item: PaperItem, value: Any) -> Fraction:
        pairs = version.key["pairs"]
        right = sum(pairs[prompt["id"]] == given for prompt, given in zip(version.prompts, value, strict=True))
        return _whole(right, len(pairs), version.key.get("credit", "all"))

    def shown_key(self, version: Version, item: PaperItem) -> Any:
        return [version.key["pairs"][prompt["id"]] for prompt in version.prompts]


TYPES: dict[str, ItemType] = {
    one.name: one for one in (Single(), Multiple(), TrueFalse(), FillIn(), Numeric(), Ordering(), Matching())
}
"""Every type of item by its name."""


def is_acceptable(version: Version, value: Value) -> bool:
    """Say whether a value has the shape an answer to this item must have; None takes an answer back."""
    return value is None or TYPES[version.type].accepts(version, value)


def share(version: Version, item: PaperItem, value: Value) -> Fraction:
    """Return the share of an item's points that an answer earns; nothing for none or one that cannot be."""
    kind = TYPES[version.type]
    return kind.share(version, item, value) if value is not None and kind.accepts(version, value) else Fraction(0)


def mark(version: Version, item: PaperItem, value: Value) -> int:
    """Return the whole points an answer earns: a share is rounded down."""
    return int(item.points * share(version, item, value))


def is_right(version: Version, item: PaperItem, value: Value) -> bool:
    """Say whether an answer is right in every part."""
    return share(version, item, value) == 1
