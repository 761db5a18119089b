"""Reading QTI 1.2, the form in which Canvas and Blackboard give their quizzes away.

Sources: IMS QTI ASI 1.2.1; the exports of Canvas (instructure/canvas-lms, lib/cc/qti).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from lxml import etree

from questions.formats.markup import Html, from_html, from_plain
from questions.formats.neutral import (
    Item,
    Note,
    Place,
    Reading,
    Words,
    flat,
    fraction_of,
    labelled,
    letter,
    note,
    number,
    settle_credit,
    shortest,
    words,
)
from questions.formats.shared import (
    ESSAY,
    OTHER_TYPE,
    Media,
    joined,
    keep_media,
    read_choice,
    read_matching,
    settle_feedback,
)
from questions.formats.unpack import Archive
from questions.rules import N_, Fault, normalise

_BY_HAND = ("essay_question", "file_upload_question", "upload_file")
_FILEBASE = re.compile(r"^(?:%24|\$)(?:IMS-CC-FILEBASE|CANVAS_OBJECT_REFERENCE)(?:%24|\$)/", re.IGNORECASE)
_BLANK = re.compile(r"\[([\w -]{1,60})\]")


@dataclass
class _Condition:
    """One scoring rule: values that must be given (response, value), values that must not, and what it adds."""

    given: list[tuple[str, str]]
    not_given: list[tuple[str, str]]
    share: Fraction
    adds: bool


@dataclass
class _Source:
    """One item being read."""

    node: etree._Element
    item: Item
    file: str
    archive: Archive | None
    media: Media
    kind: str
    conditions: list[_Condition]

    def html(self, node: etree._Element | None) -> Html:
        """Read the material right below an element."""
        if node is None:
            return Html({}, {})
        found = [self._text(text) for text in node.iterfind("material/mattext")]
        html = Html(joined([one.text for one in found if one.text]), {})
        for one in found:
            html.media |= one.media
        html.media |= {image.get("uri", ""): {} for image in node.iterfind("material/matimage") if image.get("uri")}
        return self.media.take(html, self.item, self._fetch) if html.media else html

    def _text(self, node: etree._Element) -> Html:
        text = "".join(node.itertext())
        return (
            from_plain(text)
            if node.get("texttype", "text/html") == "text/plain" and "<" not in text
            else from_html(text)
        )

    def _fetch(self, address: str) -> bytes | None:
        if self.archive is None:
            return None
        name = unquote(_FILEBASE.sub("", address)).partition("?")[0]
        for base in (self.file, "", "web_resources/x"):
            found = self.archive.find(name, base)
            if found:
                return self.archive.read(found)
        return None


def read_document(root: etree._Element, file: str, archive: Archive | None, reading: Reading, media: Media) -> None:
    """Read the items of one questestinterop document into a reading.

    Args:
        root: its outermost element; its names lose their namespaces.
        file: its name in the package.
        archive: the package, where images lie.
        reading: takes the items and notes.
        media: takes the images.
    """
    for node in root.iter(etree.Element):
        node.tag = etree.QName(node).localname
    for node in root.iter("item"):
        place = Place(file=file, line=node.sourceline or 0)
        fields = {
            flat(one.findtext("fieldlabel", "")): flat(one.findtext("fieldentry", ""))
            for one in node.iter("qtimetadatafield")
        }
        kind = fields.get("question_type") or fields.get("cc_profile", "")
        if kind == "text_only_question":
            reading.notes.append(note(N_("A description without a question was left out."), place))
            continue
        item = Item({}, place, [], None, [], [])
        if node.get("ident"):
            item.question["id"] = flat(node.get("ident"))[:100]
        source = _Source(node, item, file, archive, media, kind, [])
        try:
            source.conditions = [_condition(one) for one in node.iterfind("resprocessing/respcondition")]
            _read_item(source)
        except Fault as fault:
            item.problems.append(Note(fault.text, fault.values, place))
        if not item.question.get("stem") and (title := words(node.get("title", ""))):
            item.question["stem"] = title
        reading.items.append(item)


def _condition(node: etree._Element) -> _Condition:
    given: list[tuple[str, str]] = []
    not_given: list[tuple[str, str]] = []
    for test in node.iter("varequal"):
        inside_not = any(above.tag == "not" for above in test.iterancestors())
        (not_given if inside_not else given).append((test.get("respident", ""), (test.text or "").strip()))
    scores = [one for one in node.iterfind("setvar") if one.get("varname", "SCORE").upper() in ("SCORE", "QUE_SCORE")]
    share = max((fraction_of((one.text or "0").strip()) for one in scores), default=Fraction(0))
    return _Condition(given, not_given, share, any(one.get("action", "Set").lower() == "add" for one in scores))


def _read_item(source: _Source) -> None:
    question = source.item.question
    presentation = source.node.find("presentation")
    if presentation is None:
        raise Fault(N_("The question has no text."))
    flow = presentation.find("flow")
    told = source.html(flow if flow is not None and flow.find("material") is not None else presentation)
    question["stem"] = told.text
    keep_media(question, told)
    if source.kind in _BY_HAND or source.kind.startswith("cc.essay"):
        raise Fault(ESSAY)
    lids = list(presentation.iter("response_lid"))
    typed = list(presentation.iter("response_str", "response_num"))
    if source.kind == "calculated_question":
        _read_calculated(source)
    elif source.kind == "fill_in_multiple_blanks_question":
        _read_blanks(source, lids)
    elif len(lids) == 1 and not typed and source.kind != "matching_question":
        _read_choice(source, lids[0])
    elif lids and not typed:
        _read_matching(source, lids)
    elif len(typed) == 1 and not lids:
        _read_typed(source, typed[0])
    else:
        raise Fault(OTHER_TYPE, type=source.kind[:40] or "?")
    remarks = [source.html(one) for one in _feedback(source.node)]
    settle_feedback(question, Html(joined([one.text for one in remarks if one.text]), {}) if remarks else Html({}, {}))


def _feedback(node: etree._Element) -> list[etree._Element]:
    """Return the elements that hold the general feedback and that on a right answer."""
    found = {one.get("ident", ""): one for one in node.iterfind("itemfeedback")}
    wanted = [found[name] for name in ("general_fb", "correct_fb", "correct") if name in found]
    return [
        part for one in wanted for part in ([one] if one.find("material") is not None else list(one.iter("flow_mat")))
    ]


def _labels(source: _Source, lid: etree._Element) -> dict[str, Html]:
    return {
        label.get("ident", ""): source.html(label if label.find("material") is not None else label.find("flow_mat"))
        for label in lid.iter("response_label")
    }


def _right(source: _Source) -> list[_Condition]:
    return [one for one in source.conditions if one.share > 0 and one.given]


def _read_choice(source: _Source, lid: etree._Element) -> None:
    item, choices = source.item, _labels(source, lid)
    texts = [html.text or next(iter(html.media.values()), {}) for html in choices.values()]
    right = _right(source)
    if lid.get("rcardinality", "Single").lower() == "ordered" or source.kind == "ordering_question":
        order = [value for one in right for _, value in one.given]
        if sorted(order) != sorted(choices):
            raise Fault(N_("The right order must name every step once."))
        ids = {id_: letter(at) for at, id_ in enumerate(choices)}
        item.question |= {"type": "ordering", "options": labelled(texts), "key": [ids[one] for one in order]}
        return
    best = max((one.share for one in right), default=Fraction(0))
    together = [one for one in right if one.share == best]
    correct = {value for one in (right if all(one.adds for one in right) else together) for _, value in one.given}
    if not correct:
        raise Fault(N_("No option is marked as right."))
    single = lid.get("rcardinality", "Single").lower() == "single"
    if single and source.kind in ("true_false_question", "cc.true_false.v0p1") and len(choices) == 2:
        said = normalise(next(iter(choices[next(iter(correct))].text.values()), "")) if correct <= set(choices) else ""
        item.question |= {"type": "true_false", "key": said in ("true", "对", "正确", "是", "t", "yes")}
        return
    shares = [
        Fraction(id_ in correct) if single else Fraction(1 if id_ in correct else -1, len(correct)) for id_ in choices
    ]
    read_choice(item, texts, shares, single)
    if item.question["type"] == "multiple":
        settle_credit(item.question, "each" if all(one.adds for one in right) else "all")
    for option, html in zip(item.question["options"], choices.values(), strict=True):
        keep_media(option, html, "image")


def _read_matching(source: _Source, lids: Sequence[etree._Element]) -> None:
    """Read a matching, or drop-downs in a text, of which each becomes an item on the left."""
    partner = {response: value for one in _right(source) for response, value in one.given}
    pairs: list[tuple[Words, Words]] = []
    spare: list[Words] = []
    for lid in lids:
        left = source.html(lid).text
        choices = _labels(source, lid)
        right = choices.get(partner.get(lid.get("ident", ""), ""))
        if right is None:
            raise Fault(N_("Give every item on the left its partner on the right."))
        pairs.append((left, right.text))
        spare += [html.text for html in choices.values()]
    used = [right for _, right in pairs]
    rest = [text for at, text in enumerate(spare) if text not in used and text not in spare[:at]]
    read_matching(source.item, [*pairs, *(({}, text) for text in rest)])


def _read_blanks(source: _Source, lids: Sequence[etree._Element]) -> None:
    """Read several blanks: their names stand in the text in square brackets, their spellings as choices."""
    question = source.item.question
    names = [lid.get("ident", "").removeprefix("response_") for lid in lids]
    shown = [flat(next(iter(source.html(lid).text.values()), name)) for lid, name in zip(lids, names, strict=True)]
    right = {pair for one in _right(source) for pair in one.given}
    keys = []
    for lid in lids:
        ident = lid.get("ident", "")
        labels = _labels(source, lid)
        accepted = [html for id_, html in labels.items() if (ident, id_) in right] or list(labels.values())
        keys.append([flat(next(iter(html.text.values()), "")) for html in accepted if html.text])
    numbers = {name: at for at, name in enumerate(shown, 1)}
    question["stem"] = {
        language: _BLANK.sub(lambda found: f"{{{{{numbers[found[1]]}}}}}" if found[1] in numbers else found[0], text)
        for language, text in question["stem"].items()
    }
    question |= {"type": "fill_in", "key": keys, "credit": "each"}
    if not all(keys):
        raise Fault(N_("Give at least one accepted answer for every blank."))


def _read_typed(source: _Source, node: etree._Element) -> None:
    item = source.item
    fib = node.find(".//render_fib")
    kind = (fib.get("fibtype", "") if fib is not None else "").lower()
    numeric = source.kind == "numerical_question" or node.tag == "response_num" or kind in ("decimal", "integer")
    if numeric:
        item.question |= {"type": "numeric", "key": _number(source)}
        return
    accepted = [flat(value) for one in _right(source) for _, value in one.given]
    accepted = [text for text in dict.fromkeys(accepted) if normalise(text)]
    if not accepted:
        raise Fault(ESSAY)
    item.question |= {"type": "fill_in", "key": accepted}


def _number(source: _Source) -> dict[str, Any]:
    """Read the number and its tolerance from an exact value, from limits, or from both."""
    rules = [
        one
        for one in source.node.iterfind("resprocessing/respcondition")
        if any(fraction_of((score.text or "0").strip()) > 0 for score in one.iterfind("setvar"))
    ]
    if len(rules) != 1:
        raise Fault(N_("%(count)s numbers are fully right; it must be exactly one."), count=len(rules))
    exact = [number(one.text or "") for one in rules[0].iter("varequal")]
    limits = [Decimal(number(one.text or "")) for one in rules[0].iter("vargte", "vargt", "varlte", "varlt")]
    if len(limits) != 2:
        if not exact:
            raise Fault(N_("No answer is marked as right."))
        return {"value": exact[0], "tolerance": "0"}
    low, high = min(limits), max(limits)
    middle = Decimal(exact[0]) if exact else (low + high) / 2
    return {
        "value": exact[0] if exact else shortest(str(middle)),
        "tolerance": shortest(str(max(high - middle, middle - low))),
    }


def _read_calculated(source: _Source) -> None:
    """Read a formula question of Canvas as one whose values are drawn for each paper."""
    question = source.item.question
    found = source.node.find("itemproc_extension/calculated")
    formulas = (
        [flat("".join(one.itertext())) for one in found.iterfind("formulas/formula")] if found is not None else []
    )
    if found is None or not formulas:
        raise Fault(N_("No answer is marked as right."))
    if len(formulas) > 1:
        raise Fault(N_("The formula has several steps. Write it as one."))
    variables = {}
    for var in found.iterfind("vars/var"):
        scale = int(Decimal(number(var.get("scale") or "0")))
        variables[var.get("name", "").lower()] = {
            "min": number(var.findtext("min", "")),
            "max": number(var.findtext("max", "")),
            "step": f"{Decimal(1).scaleb(-max(0, min(scale, 10))):f}",
        }
    question["stem"] = {
        language: _BLANK.sub(
            lambda found: f"{{{found[1].lower()}}}" if found[1].lower() in variables else found[0], text
        )
        for language, text in question["stem"].items()
    }
    places = found.find("formulas").get("decimal_places", "0")
    tolerance = flat(found.findtext("answer_tolerance", "0")) or "0"
    question |= {
        "type": "numeric",
        "variables": variables,
        "key": {
            "expression": formulas[0].replace("^", "**").lower(),
            "decimals": int(Decimal(number(places))),
            "tolerance": f"{number(tolerance[:-1])}%" if tolerance.endswith("%") else number(tolerance),
        },
    }
