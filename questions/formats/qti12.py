"""Reading QTI 1.2, the form in which Canvas, Blackboard, Brightspace and Respondus give their quizzes away.

Sources: IMS QTI ASI 1.2.1; the exports of Canvas (instructure/canvas-lms, lib/cc/qti) and what instructure/qti reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import dropwhile
from typing import Any
from urllib.parse import unquote

from lxml import etree

from questions.formats.markup import Html, from_html, from_plain
from questions.formats.moodle import LONGEST_FORMULA, expression_of
from questions.formats.neutral import (
    Item,
    Note,
    Place,
    Reading,
    Words,
    flat,
    fraction_of,
    letter,
    note,
    number,
    settle_credit,
    shortest,
    words,
)
from questions.formats.shared import (
    CASE_COUNTS,
    ESSAY,
    OTHER_TYPE,
    SHUFFLED,
    Media,
    gap,
    joined,
    keep_media,
    note_points,
    parts_of,
    read_choice,
    read_gaps,
    read_matching,
    read_numeric,
    settle_feedback,
)
from questions.formats.unpack import Archive
from questions.rules import N_, Fault, normalise

_BY_HAND = re.compile("essay|upload|long answer|short response|long response")
_FILEBASE = re.compile(
    r"^(?:%24|\$)(?:IMS[-_]CC[-_]FILE[-_]?BASE|CANVAS_OBJECT_REFERENCE)(?:%24|\$)/?|^@X@EmbeddedFile\.\w+@X@",
    re.IGNORECASE,
)
_BLANK = re.compile(r"\[([\w -]{1,60})\]")
_MARKUP = re.compile(r"</?(?:p|br|b|i|u|em|strong|span|div|sub|sup|img|[uo]l|li|table|tr|td|a|pre|code|font|h\d)\b")
_CHOSEN = ("response_lid", "response_grp")
_TYPED = ("response_str", "response_num")
_SHOWN = ("mattext", "mat_formattedtext", "matimage")


@dataclass
class _Condition:
    """One scoring rule: the values it asks for (response, value), the share of the score it gives, whether it adds it,
    and the feedback it shows."""

    given: list[tuple[str, str]]
    share: Fraction
    adds: bool
    shows: list[str]
    node: etree._Element

    @property
    def right(self) -> bool:
        """Whether what it asks for earns anything."""
        return self.share > 0 and bool(self.given)


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

    def html(self, *nodes: etree._Element, between: str = "\n") -> Html:
        """Read the material below some elements, but not that of responses further below; a response typed into the
        text, renamed `gap`, is shown by its text."""
        pieces = []
        for node in nodes:
            for one in node.iter(*_SHOWN, "gap"):
                response = next(one.iterancestors(*_CHOSEN), None)
                if response is None or node not in response.iterancestors():
                    pieces.append(self._piece(one))
        languages = sorted({language for one in pieces for language in one.text if language}) or [""]
        lines = {
            name: between.join(text for one in pieces if (text := one.text.get(name, one.text.get("", ""))))
            for name in languages
        }
        lines = {
            name: re.sub(r" +(?=[.,;:!?。，；：！？])", "", line) if between == " " else line
            for name, line in lines.items()
        }
        html = Html({name: line for name, line in lines.items() if line}, {})
        for one in pieces:
            html.media |= one.media
        return self.media.take(html, self.item, self._fetch) if html.media else html

    def _piece(self, node: etree._Element) -> Html:
        if node.tag == "matimage":
            embedded = node.get("embedded") or ("base64" if (node.text or "").strip() else "")
            data = f"data:{node.get('imagtype', 'image/png')};{embedded},{(node.text or '').strip()}"
            address = node.get("uri") or (data if embedded else "")
            return Html({}, {}, {address: {}} if address else {})
        text = "".join([node.text or "", *(etree.tostring(one, encoding="unicode") for one in node)])
        plain = node.get("texttype", "text/html") == "text/plain" and not len(node) and not _MARKUP.search(text)
        return from_plain(text) if plain or node.tag == "gap" else from_html(text)

    def _fetch(self, address: str) -> bytes | None:
        if self.archive is None:
            return None
        name = unquote(_FILEBASE.sub("", unquote(address))).partition("?")[0]
        for base in (self.file, "", "web_resources/x"):
            found = self.archive.find(name, base)
            if found:
                return self.archive.read(found)
        alone = self.archive.find_alone(name.rpartition("/")[2])
        return self.archive.read(alone) if alone else None


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
    passages: dict[str, _Source] = {}
    shown: set[Place] = set()
    points: set[str] = set()
    for node in root.iter("item"):
        place = Place(file=file, line=node.sourceline or 0)
        fields = _fields(node)
        kind = next((fields[name] for name in _KINDS if fields.get(name)), "").lower()
        item = Item({}, place, _topics(node), None, [], [])
        source = _Source(node, item, file, archive, media, kind, [])
        if kind == "text_only_question":
            passages[node.get("ident", "")] = source
            continue
        if node.get("ident"):
            item.question["id"] = flat(node.get("ident"))[:100]
        try:
            source.conditions = [_condition(one) for one in node.iterfind("resprocessing/respcondition")]
            _read_item(source)
            if above := passages.get(fields.get("parent_stimulus_item_ident", "")):
                _put_first(item.question, above.html(above.node))
                shown.add(above.item.place)
        except Fault as fault:
            item.problems.append(Note(fault.text, fault.values, place))
        if not item.question.get("stem") and (title := words(node.get("title", ""))):
            item.question["stem"] = title
        reading.items.append(item)
        points.add(fields.get("points_possible", fields.get("qmd_weighting", "")))
    note_points(reading, points)
    for section in root.iter("section"):
        if section.find("selection_ordering/selection/sourcebank_ref") is not None and section.find("item") is None:
            text = N_("The quiz draws questions from a bank: they are taken in where the file holds it. Export it too.")
            reading.notes.append(note(text, Place(file=file, line=section.sourceline or 0)))
    for passage in passages.values():
        if passage.item.place not in shown:
            reading.notes.append(note(N_("A description without a question was left out."), passage.item.place))


_KINDS = ("question_type", "cc_profile", "qmd_questiontype", "bbmd_questiontype", "qmd_itemtype")


def _fields(node: etree._Element) -> dict[str, str]:
    """Return what an item says of itself, in any of the ways that systems have of saying it."""
    found = {}
    for one in node.iter("qtimetadatafield", "qti_metadatafield"):
        found[flat(one.findtext("fieldlabel", ""))] = flat(one.findtext("fieldentry", ""))
    for one in node.iterfind("itemmetadata/*"):
        found.setdefault(one.tag, flat(one.text or ""))
    return found


def _topics(node: etree._Element) -> list[str]:
    """Return the titles of the bank, the quiz and the sections an item is in, the narrowest last."""
    found = []
    for above in node.iterancestors("section", "objectbank", "assessment"):
        entries = above.iterfind("qtimetadata/qtimetadatafield")
        bank = next(
            (flat(one.findtext("fieldentry", "")) for one in entries if one.findtext("fieldlabel") == "bank_title"), ""
        )
        found.append(flat(above.get("title", "")) or bank)
    return [title for title in reversed(found) if title]


def _put_first(question: dict[str, Any], passage: Html) -> None:
    """Let a text that several questions share stand before the question."""
    question["stem"] = joined([text for text in (passage.text, question.get("stem", {})) if text])
    keep_media(question, passage)


def _condition(node: etree._Element) -> _Condition:
    given = [
        (test.get("respident", ""), (test.text or "").strip())
        for test in node.iter("varequal")
        if next(test.iterancestors("not"), None) is None and (test.text or "").strip()
    ]
    shows = [one.get("linkrefid", "") for one in node.iterfind("displayfeedback")]
    scores = node.findall("setvar")
    shares = [_score(one) for one in scores]
    if not scores and "correct" in shows:  # Blackboard
        shares = [Fraction(1)]
    adds = not scores or any(one.get("action", "Set").lower() == "add" for one in scores)
    return _Condition(given, max(shares, default=Fraction(0)), adds, shows, node)


def _score(node: etree._Element) -> Fraction:
    name = (node.get("varname") or node.get("variablename") or "").lower()
    said = (node.text or "0").strip()
    if "incorrect" in name:  # Brightspace takes it off the right ones
        return Fraction(-1)
    return Fraction(1) if said.lower() == f"{name}.max" else fraction_of(said)


def _read_item(source: _Source) -> None:
    question = source.item.question
    presentation = source.node.find("presentation")
    if presentation is None:
        raise Fault(N_("The question has no text."))
    lids = [one for one in presentation.iter(*_CHOSEN) if next(one.iter("response_label"), None) is not None]
    typed = [_typed(one) for one in presentation.iter(*_TYPED)]
    block = next((one for one in presentation.iter("flow") if one.get("class") == "QUESTION_BLOCK"), presentation)
    inline = block is presentation and (len(typed) > 1 or (typed and _runs_on(presentation, typed[0].node)))
    if inline:
        for at, one in enumerate(typed, 1):
            for inside in list(one.node):
                one.node.remove(inside)
            one.node.tag, one.node.text = "gap", f"{{{{{at}}}}}" if len(typed) > 1 else "____"
    told = source.html(block, between=" " if inline else "\n")
    question["stem"] = told.text
    keep_media(question, told)
    if _BY_HAND.search(source.kind):
        raise Fault(ESSAY)
    if source.kind.startswith("calculated") and source.node.find("itemproc_extension/calculated") is not None:
        _read_calculated(source)
    elif lids and not typed:
        _read_chosen(source, lids)
    elif len(typed) == 1 and not lids and typed[0].numeric:
        _read_number(source)
    elif typed and not lids:
        _read_typed(source, typed)
    elif typed:
        raise Fault(N_("It has several interactions. Divide it into single questions."))
    else:
        raise (
            Fault(OTHER_TYPE, type=source.kind[:40]) if source.kind else Fault(N_("There is nothing to answer in it."))
        )
    settle_feedback(question, _feedback(source))


@dataclass
class _Typed:
    """A response that is typed: its element, the names by which conditions call it, and whether it is a number."""

    node: etree._Element
    idents: set[str]
    numeric: bool


def _typed(node: etree._Element) -> _Typed:
    fib = node.find(".//render_fib")
    kind = (fib.get("fibtype", "") if fib is not None else "").lower()
    idents = {one.get("ident", "") for one in (node, *node.iter("response_label"))}
    return _Typed(node, idents, node.tag == "response_num" or kind in ("decimal", "integer"))


def _runs_on(presentation: etree._Element, node: etree._Element) -> bool:
    """Say whether the text goes on after a typed response."""
    after = dropwhile(lambda one: one is not node, presentation.iter())
    return any("".join(one.itertext()).strip() for one in after if one.tag in _SHOWN)


def _feedback(source: _Source) -> Html:
    """Return what is said in general and of the right answer, and of wrong answers each with the answer."""
    best = max((one.share for one in source.conditions), default=Fraction(0))
    right = {pair for one in source.conditions if one.right and (one.adds or one.share == best) for pair in one.given}
    labels = {
        label.get("ident", ""): next(iter(source.html(label).text.values()), "")
        for label in source.node.iter("response_label")
    }
    about = {name: one.given[0] for one in source.conditions for name in one.shows if len(one.given) == 1}
    said: list[Words] = []
    for node in source.node.iterfind("itemfeedback"):
        name = node.get("ident", "")
        text = source.html(node).text
        if not text or _WRONG.search(name) or node.find(".//hint") is not None:
            continue
        pair = about.get(name)
        if pair is None or pair in right:
            said.append(text)
        else:
            said.append({language: f"{labels.get(pair[1]) or pair[1]}: {one}" for language, one in text.items()})
    return Html(joined(said), {}) if said else Html({}, {})


_WRONG = re.compile("incorrect|wrong", re.IGNORECASE)


def _labels(source: _Source, lid: etree._Element) -> dict[str, Html]:
    return {label.get("ident", ""): source.html(label) for label in lid.iter("response_label")}


def _prompt(source: _Source, lid: etree._Element) -> Html:
    return source.html(*(one for one in lid if one.tag in ("material", "flow_mat", "flow")))


def _read_chosen(source: _Source, lids: Sequence[etree._Element]) -> None:
    """Read options to choose from: of one list, of lists whose gaps the text marks as [name], or of lists to match."""
    stem = next(iter(source.item.question["stem"].values()), "")
    names = [
        next(
            (
                name
                for name in (lid.get("ident", "").removeprefix("response_"), _shown(_prompt(source, lid)))
                if f"[{name}]" in stem
            ),
            "",
        )
        for lid in lids
    ]
    if all(names):
        _read_gap_lists(source, lids, names)
    elif len(lids) == 1 and source.kind not in ("matching_question", "categorization_question"):
        _read_choice(source, lids[0])
    else:
        _read_matching(source, lids)


def _shown(html: Html) -> str:
    return flat(next(iter(html.text.values()), ""))


def _read_choice(source: _Source, lid: etree._Element) -> None:
    item, choices = source.item, _labels(source, lid)
    right = [one for one in source.conditions if one.right]
    best = max((one.share for one in right), default=Fraction(0))
    together = [one for one in right if one.share == best]
    if lid.get("rcardinality", "Single").lower() == "ordered" or source.kind.startswith("ordering"):
        order = [value for one in together for _, value in one.given]
        if sorted(order) != sorted(choices):
            raise Fault(N_("The right order must name every step once."))
        ids = {id_: letter(at) for at, id_ in enumerate(choices)}
        item.question |= {"type": "ordering", "options": parts_of(choices.values()), "key": [ids[one] for one in order]}
        return
    single = lid.get("rcardinality", "Single").lower() == "single"
    adds = all(one.adds for one in right)
    correct = {value for one in (right if adds and not single else together) for _, value in one.given}
    if not correct:
        raise Fault(N_("No option is marked as right."))
    if single and len(choices) == 2 and source.kind.replace("cc.", "").startswith("true") and len(correct) == 1:
        ident = next(iter(correct))
        said = {normalise(_shown(choices[ident])) if ident in choices else "", normalise(ident)}
        item.question |= {"type": "true_false", "key": bool(said & {"true", "对", "正确", "是", "t", "yes"})}
        return
    if single:
        earned = {value: one.share / best for one in right for _, value in one.given}
        shares = [Fraction(id_ in correct) or earned.get(id_, Fraction(0)) for id_ in choices]
    else:
        costs = {value: one.share for one in source.conditions if len(one.given) == 1 for _, value in one.given}
        free = [id_ for id_ in choices if adds and costs.get(id_, Fraction(0)) >= 0]
        shares = [Fraction(1 if id_ in correct else 0 if id_ in free else -1, len(correct)) for id_ in choices]
    read_choice(item, list(choices.values()), shares, single)
    if item.question["type"] == "multiple":
        settle_credit(item.question, "each" if adds else "all")
    kept = [*lid.iterfind("render_choice[@shuffle='No']"), *lid.iterfind(".//response_label[@rshuffle='No']")]
    if kept and item.question["type"] != "true_false":
        item.warnings.append(note(SHUFFLED, item.place))


def _read_matching(source: _Source, lids: Sequence[etree._Element]) -> None:
    """Read a matching; where an item on the left takes several, as a category does, the sides change."""
    blocks = [one for one in source.node.iter("flow") if one.get("class") == "RIGHT_MATCH_BLOCK"]  # Blackboard
    apart = [source.html(one) for block in blocks for one in block if one.tag == "flow"]
    lists = {lid.get("ident") or lid.get("respident", ""): lid for lid in lids}
    left = {name: _prompt(source, lid) if not apart else source.html(lid.getparent()) for name, lid in lists.items()}
    right = {
        name: dict(zip(_labels(source, lid), apart, strict=False)) if apart else _labels(source, lid)
        for name, lid in lists.items()
    }
    pairs = [
        (left[name], right[name][value])
        for one in source.conditions
        if one.right
        for name, value in one.given
        if name in left and (left[name].text or left[name].media) and value in right[name]
    ]
    several = len({id(one) for one, _ in pairs}) < len(pairs)
    if several and len({_shown(other) for _, other in pairs}) == len(pairs):
        count = len({_shown(one) for labels in right.values() for one in labels.values()})
        if count > len(pairs):
            source.item.warnings.append(note(N_("Items that belong to no category were left out."), source.item.place))
        read_matching(source.item, [(other, one) for one, other in pairs])
        return
    if several or {id(one) for one, _ in pairs} != {id(one) for one in left.values() if one.text or one.media}:
        raise Fault(N_("Give every item on the left its partner on the right."))
    spare = [one for labels in right.values() for one in labels.values() if one.text or one.media]
    read_matching(source.item, [*pairs, *((Html({}, {}), one) for one in spare)])


def _read_gap_lists(source: _Source, lids: Sequence[etree._Element], names: Sequence[str]) -> None:
    """Read gaps that the text marks by their names: to be typed, with the spellings as choices, or chosen."""
    question = source.item.question
    kinds = {label.get("answer_type", "") for lid in lids for label in lid.iter("response_label")}
    ways = {label.get("scoring_algorithm", "") for lid in lids for label in lid.iter("response_label")}
    typed = source.kind == "fill_in_multiple_blanks_question" and not kinds & {"dropdown", "wordbank"}
    if "TextRegex" in ways:
        raise Fault(N_("An accepted answer is a pattern. Write the accepted answers out."))
    if typed and ways & {"TextContainsAnswer", "TextCloseEnough"}:
        text = N_("The file accepts answers that hold the right one or come close to it; here only those it lists.")
        source.item.warnings.append(note(text, source.item.place))
    _mark(question, names, (lambda at: f"{{{{{at}}}}}") if typed else (lambda at: gap(at, len(names))))
    right = {pair for one in source.conditions if one.right for pair in one.given}
    lists = [_labels(source, lid) for lid in lids]
    if typed:
        keys = [[text for html in labels.values() if (text := _shown(html))] for labels in lists]
        question |= {"type": "fill_in", "key": keys, "credit": "each"}
        if not all(keys):
            raise Fault(N_("Give at least one accepted answer for every blank."))
        return
    gaps = []
    for lid, labels in zip(lids, lists, strict=True):
        fits = [html for id_, html in labels.items() if (lid.get("ident", ""), id_) in right]
        if len(fits) != 1:
            raise Fault(N_("No option is marked as right."))
        gaps.append((fits[0], list(labels.values())))
    read_gaps(source.item, gaps)


def _mark(question: dict[str, Any], names: Sequence[str], mark: Callable[[int], str]) -> None:
    """Put marks where a text has names in square brackets."""
    numbers = {name: at for at, name in enumerate(names, 1)}
    question["stem"] = {
        language: _BLANK.sub(lambda found: mark(numbers[found[1]]) if found[1] in numbers else found[0], text)
        for language, text in question["stem"].items()
    }


def _read_typed(source: _Source, typed: Sequence[_Typed]) -> None:
    item, question = source.item, source.item.question
    right = [one for one in source.conditions if one.right]
    best = max((one.share for one in right), default=Fraction(0))
    if len(typed) == 1 and any(one.share < best for one in right):
        right = [one for one in right if one.share == best]
        item.warnings.append(note(N_("A spelling that earned a part of the points is no longer accepted."), item.place))
    keys = []
    for one in typed:
        given = [flat(value) for rule in right for name, value in rule.given if len(typed) == 1 or name in one.idents]
        keys.append([text for text in dict.fromkeys(given) if normalise(text)])
    if not any(keys):
        raise Fault(ESSAY)
    if not all(keys):
        raise Fault(N_("Give at least one accepted answer for every blank."))
    if any(test.get("case", "").lower() == "yes" for rule in right for test in rule.node.iter("varequal")):
        item.warnings.append(note(CASE_COUNTS, item.place))
    if len(typed) == 1:
        question |= {"type": "fill_in", "key": keys[0]}
        return
    _mark(question, [one.node.get("ident", "") for one in typed], lambda at: f"{{{{{at}}}}}")
    if not any("{{1}}" in text for text in question["stem"].values()):
        marks = " ".join(f"{{{{{at}}}}}" for at in range(1, len(typed) + 1))
        question["stem"] = {language: f"{text}\n{marks}" for language, text in question["stem"].items()}
    question |= {"type": "fill_in", "key": keys}
    if len(right) > 1:
        question["credit"] = "each"


_LIMITS = ("vargte", "vargt", "varlte", "varlt")


def _read_number(source: _Source) -> None:
    """Read numbers, each with its tolerance from an exact value, from limits, or from both."""
    rules = [
        one
        for one in source.conditions
        if one.share > 0 and (one.given or next(one.node.iter(*_LIMITS), None) is not None)
    ]
    if not rules:
        raise Fault(N_("No answer is marked as right."))
    best = max(one.share for one in rules)
    read_numeric(source.item, [(*_value(one.node), one.share / best) for one in rules])


def _value(node: etree._Element) -> tuple[str, str]:
    tests = list(node.iter("varequal"))
    exact = [number(one.text or "") for one in tests]
    limits = [Decimal(number(one.text or "")) for one in node.iter(*_LIMITS)]
    if exact and tests[0].get("margintype") == "percent":
        return exact[0], f"{shortest(number(tests[0].get('margin', '0')))}%"
    if len(limits) != 2 and not exact:
        raise Fault(N_("It has one limit only; a number needs two, or an exact value."))
    if len(limits) != 2:
        return exact[0], "0"
    low, high = min(limits), max(limits)
    middle = Decimal(exact[0]) if exact else (low + high) / 2
    return exact[0] if exact else shortest(str(middle)), shortest(str(max(high - middle, middle - low)))


def _read_calculated(source: _Source) -> None:
    """Read a formula question of Canvas as one whose values are drawn for each paper."""
    question = source.item.question
    found = source.node.find("itemproc_extension/calculated")
    formulas = [flat("".join(one.itertext())) for one in found.iterfind("formulas/formula")]
    if not formulas:
        raise Fault(N_("No answer is marked as right."))
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
            "expression": expression_of(_one_formula(formulas), {}),
            "decimals": int(Decimal(number(places))),
            "tolerance": f"{number(tolerance[:-1])}%" if tolerance.endswith("%") else number(tolerance),
        },
    }


def _one_formula(steps: Sequence[str]) -> str:
    """Put the steps of a formula (x = n * x, then x + y) into its last one. Raises: Fault."""
    known: dict[str, str] = {}
    text = ""
    for step in steps:
        name, equals, formula = step.lower().rpartition("=")
        text = re.sub(r"[a-z_]\w*", lambda found: known.get(found[0], found[0]), formula.strip().replace("^", "**"))
        if len(text) > LONGEST_FORMULA:
            raise Fault(N_("This is no formula that can be read: %(text)s"), text=steps[-1][:80])
        if equals:
            known[name.strip()] = f"({text})"
    return text
