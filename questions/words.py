"""Questions in words: the names of types, states and steps, and the content of a version field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from core.web import tr, tr_text
from questions.models import Question, QuestionVersion, Topic
from questions.presenting import kind_word
from questions.rules import TYPES, Fault
from questions.rules.life import tree_order


def type_words() -> dict[str, str]:
    """Name each type of question."""
    return {type_: kind_word(type_) for type_ in TYPES}


def state_words() -> dict[str, tuple[str, str]]:
    """Return word and tone of each state."""
    return {
        "draft": (_("Draft"), "warn"),
        "submitted": (_("In review"), "info"),
        "approved": (_("In use"), "good"),
        "retired": (_("Retired"), ""),
    }


def state_word(question: Question, version: QuestionVersion) -> tuple[str, str]:
    """Return word and tone of the state of a question whose latest version this is."""
    return (_("Unfinished"), "warn") if version.unfinished else state_words()[question.state]


def note_words() -> dict[str, str]:
    """Say in words what a note is about."""
    return {
        "comment": _("commented"),
        "submitted": _("submitted it for review"),
        "returned": _("returned it"),
        "approved": _("approved it"),
        "retired": _("retired it"),
        "offered": _("offered it to the shared bank"),
        "declined": _("declined the offer"),
        "adopted": _("took it into the shared bank"),
        "released": _("released it for practice"),
    }


def difficulty_words() -> dict[int, str]:
    """Say what each difficulty means."""
    return {
        1: _("1: most people know it"),
        2: _("2: many know it"),
        3: _("3: about half know it"),
        4: _("4: some know it"),
        5: _("5: few know it"),
    }


def credit_words(type_: str) -> dict[str, str]:
    """Say what each credit rule of a type means."""
    each = {
        "multiple": _("Each right choice earns its share, each wrong one takes a share away"),
        "fill_in": _("Each right blank earns its share"),
        "ordering": _("Each step in its right place earns its share"),
        "matching": _("Each right match earns its share"),
    }
    words = {"all": _("All or nothing")}
    if type_ in each:
        words["each"] = each[type_]
    if type_ == "multiple":
        words["partial"] = _("If nothing wrong is chosen, each right choice earns its share")
    return words


def say(fault: Exception) -> str:
    """Say in the reader's language what is wrong with a question."""
    return _(fault.text, **fault.values) if isinstance(fault, Fault) else str(fault)


def topic_paths(topics: list[Topic]) -> dict[str, str]:
    """Return the names of topics with those above them, e.g. "Safety › Cylinders", in the order of the tree."""
    by_code = {topic.code: topic for topic in topics}
    found: dict[str, str] = {}
    for code, _depth in tree_order([(topic.code, topic.parent_code) for topic in topics]):
        parent = by_code[code].parent_code
        found[code] = f"{found[parent]} › {tr(by_code[code])}" if parent else tr(by_code[code])
    return found


def leaf_paths(topics: list[Topic]) -> dict[str, str]:
    """Return the same of the topics that have none under them, those that questions belong to."""
    above = {topic.parent_code for topic in topics}
    return {code: path for code, path in topic_paths(topics).items() if code not in above}


def topic_tree(topics: list[Topic]) -> dict[str, str]:
    """Return the names of topics set in by their depth, in the order of the tree, for a list to choose from."""
    by_code = {topic.code: topic for topic in topics}
    order = tree_order([(topic.code, topic.parent_code) for topic in topics])
    return {code: "\u2003" * depth + tr(by_code[code]) for code, depth in order}


def under(topic: str, topics: list[Topic]) -> tuple[str, ...]:
    """Return a topic's code with those of all topics under it; none when it is not of the trade."""
    found = [one.code for one in topics if one.code == topic]
    for code in found:
        found += [one.code for one in topics if one.parent_code == code and one.code not in found]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a version says: in both languages, or with `en` None in words that both share.

    `right` marks an option that belongs to the right answer.
    """

    label: str
    zh: str
    en: str | None = None
    right: bool = False


def describe(version: QuestionVersion, topics: dict[str, str]) -> list[Fact]:
    """Return what a version says, in the order in which one reads it.

    Args:
        version: what is described.
        topics: the names of its trade's topics.
    """
    key = version.key
    right = set(key.get("options", ()))
    found = [
        Fact(_("Type"), type_words()[version.type]),
        Fact(_("Topic"), topics.get(version.topic_code, version.topic_code) or "–"),
        Fact(_("Difficulty"), difficulty_words()[version.difficulty]),
    ]
    if version.case_group:
        found.append(_fact(_("Case"), version.case_group["stem"]))
    found.append(_fact(_("Question text"), version.stem))
    found += [_fact(_("Image or sound %(n)s", n=number), one["alt"]) for number, one in enumerate(version.media, 1)]
    found += [_fact(_("Left side %(name)s", name=one["id"].upper()), _pictured(one)) for one in version.prompts]
    for one in version.options:
        name = one["id"].upper()
        label = _("Step %(name)s", name=name) if version.type == "ordering" else _("Option %(name)s", name=name)
        found.append(_fact(label, _pictured(one), one["id"] in right))
    for name, bounds in version.variables.items():
        words = _(
            "%(low)s to %(high)s in steps of %(step)s", low=bounds["min"], high=bounds["max"], step=bounds["step"]
        )
        found.append(Fact(_("Variable %(name)s", name=name), words))
    found += _key(version)
    if version.type != "numeric" and len(rules := credit_words(version.type)) > 1:
        found.append(Fact(_("Credit"), rules[key.get("credit", "all")]))
    return [*found, _fact(_("Explanation"), version.explanation), _fact(_("Source"), version.source)]


def flatten(facts: list[Fact]) -> dict[str, str]:
    """Return facts as texts by field, each language a field of its own, for two versions to be compared."""
    found: dict[str, str] = {}
    for fact in facts:
        if fact.en is None:
            found[fact.label] = fact.zh
        else:
            found[_("%(label)s (Chinese)", label=fact.label)] = fact.zh
            found[_("%(label)s (English)", label=fact.label)] = fact.en
    return found


def _fact(label: str, text: dict[str, str], right: bool = False) -> Fact:
    return Fact(label, text["zh"], text["en"], right)


def _pictured(part: dict[str, Any]) -> dict[str, str]:
    """Return the text of an option with the words of its image."""
    image = part.get("image")
    return {one: f"{part[one]} [{image['alt'][one]}]".strip() if image else part[one] for one in ("zh", "en")}


def _as_typed(key: object) -> str:
    """Write a key that may lack anything on a line; the parts of one that has several by their names."""
    match key:
        case bool():
            return str(_("True") if key else _("False"))
        case dict():
            return ", ".join(f"{name}: {_as_typed(value)}" for name, value in key.items())
        case list():
            return ", ".join(_as_typed(one) for one in key) or "–"
        case _:
            return str(key) if key else "–"


def _key(version: QuestionVersion) -> list[Fact]:
    key, label = version.key, _("Right answer")
    if version.unfinished:
        return [Fact(label, _as_typed(key["written"]))]
    named = {one["id"]: f"{one['id'].upper()} {tr_text(one)}" for one in (*version.prompts, *version.options)}
    match version.type:
        case "single" | "multiple":
            return [Fact(label, ", ".join(one.upper() for one in key["options"]))]
        case "true_false":
            return [Fact(label, _("True") if key["truth"] else _("False"))]
        case "fill_in":
            if "accepted" in key:
                return [Fact(label, " / ".join(key["accepted"]))]
            return [Fact(_("Blank %(n)s", n=number), " / ".join(one)) for number, one in enumerate(key["blanks"], 1)]
        case "ordering":
            return [Fact(label, "\n".join(named[one] for one in key["order"]))]
        case "matching":
            return [Fact(label, "\n".join(f"{named[one]} – {named[other]}" for one, other in key["pairs"].items()))]
    found = [Fact(label, key["value"]) if "value" in key else Fact(_("Expression"), key["expression"])]
    if "decimals" in key:
        found.append(Fact(_("Decimal places"), str(key["decimals"])))
    if "where" in key:
        found.append(Fact(_("Condition"), key["where"]))
    found.append(Fact(_("Tolerance"), key["tolerance"]))
    return [*found, _fact(_("Unit"), key["unit"])] if any(key["unit"].values()) else found
