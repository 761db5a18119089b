"""Moodle XML (docs.moodle.org/en/Moodle_XML_format), with the images it carries in base64."""

from __future__ import annotations

import ast
import base64
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from questions.formats.markup import Html, feedback_html, from_html, inner, media_html, to_html
from questions.formats.neutral import (
    MOST_QUESTIONS,
    CannotHold,
    Item,
    Note,
    Place,
    Reading,
    Refused,
    Words,
    WriteOptions,
    Writing,
    flat,
    fraction_of,
    fractions,
    held,
    note,
    number,
    percent,
    settle_credit,
    shortest,
    words,
)
from questions.formats.shared import (
    AS_WRITTEN,
    CASE_COUNTS,
    ESSAY,
    HINTS,
    OTHER_TYPE,
    PARTLY,
    SHUFFLED,
    UNEVEN,
    Media,
    decoded,
    gap,
    joined,
    keep_media,
    note_points,
    parts_of,
    path_of,
    read_choice,
    read_formatted,
    read_gaps,
    read_matching,
    read_numeric,
    read_short,
    refuse_in_moodle,
    settle_feedback,
)
from questions.formats.tags import apply_tags, tags_of
from questions.formats.unpack import parse_xml
from questions.rules import N_, Fault, Version, draw_values

_FORMATS = {"html": "html", "markdown": "markdown", "plain_text": "plain", "moodle_auto_format": "moodle"}
_PLUGIN = "@@PLUGINFILE@@/"
_WILDCARD = re.compile(r"\{([A-Za-z]\w*)\}")
_FORMULA = re.compile(r"\{=((?:[^{}]|\{\w+\})*)\}")
_GAP = re.compile(r"\[\[(\d+)\]\]")
_FUNCTIONS = {"round", "floor", "ceil", "min", "max", "sqrt", "abs", "pow"}
_BY_HAND = {"essay": ESSAY, "essayautograde": ESSAY}
_EMBEDDED = re.compile(
    r"\{(?P<weight>\d*):(?P<kind>NUMERICAL|NM|SHORTANSWER|SA|MW|SHORTANSWER_C|SAC|MWC|MULTICHOICE|MC"
    r"|MULTICHOICE_[VHS]|MC[VHS]|MULTICHOICE_[VH]S|MC[VH]S|MULTIRESPONSE|MR|MULTIRESPONSE_[HS]|MR[HS]"
    r"|MULTIRESPONSE_HS|MRHS):(?P<answers>(?:\\.|[^}\\])*)\}",
    re.IGNORECASE | re.DOTALL,
)
"""A gap of a cloze question (question/type/multianswer/questiontype.php)."""
_ANSWER = re.compile(r"\s*(?:(?P<right>=)|%(?P<share>-?\d+(?:[.,]\d*)?)%)?(?P<text>.*)", re.DOTALL)
_MARK = re.compile("\U000f0300(\\d+)\U000f0300")
"""Where a gap of a cloze question was, while its text is read."""
_BELOW = re.compile(r"\n(?:\((\d+)\) \U000f0300\1\U000f0300 ?)+$")
"""Gaps below a text that marks their places."""
LONGEST_FORMULA = 1_000
_PI = "3.141592653589793"
DRAWS = 20
"""How many sets of values a calculated question is given on export."""


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read Moodle XML.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    root = parse_xml(body)
    if root.tag != "quiz":
        raise Refused(N_("This is no Moodle XML: its outermost element is not quiz."))
    reading = Reading(items=[], notes=[])
    media = Media()
    points: set[str] = set()
    category: list[str] = []
    for node in root.iterchildren("question"):
        kind = node.get("type", "")
        if kind == "category":
            category = path_of(_plain(node.find("category")))
            continue
        place = Place(line=node.sourceline or 0)
        if kind == "description":
            reading.notes.append(note(N_("A description without a question was left out."), place))
            continue
        item = Item({}, place, list(category), None, [], [])
        try:
            _read_question(node, kind, item, media)
        except Fault as fault:
            item.problems.append(Note(fault.text, fault.values, place))
        reading.items.append(item)
        points.add(_plain(node.find("defaultgrade")))
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    reading.media = media.found
    note_points(reading, points)
    return reading


def _plain(node: etree._Element | None) -> str:
    """Return the text of an element, or of the <text> in it; markup that nobody escaped stays markup."""
    if node is None:
        return ""
    inside = node.find("text")
    text = node if inside is None else inside
    if not len(text):
        return (text.text or "").strip()
    return "".join([escape(text.text or ""), *(etree.tostring(one, encoding="unicode") for one in text)]).strip()


def _read_question(node: etree._Element, kind: str, item: Item, media: Media) -> None:
    question = item.question
    if idnumber := flat(_plain(node.find("idnumber"))):
        question["id"] = idnumber
    stem = _rich(node.find("questiontext"), item, media)
    _keep_old_image(node, stem, item, media)
    question["stem"] = stem.text or words(_plain(node.find("name")))
    if kind in _BY_HAND:
        raise Fault(_BY_HAND[kind])
    if kind not in _READERS:
        raise Fault(OTHER_TYPE, type=kind[:40] or "?")
    keep_media(question, stem)
    _READERS[kind](node, item, media)
    general = _rich(node.find("generalfeedback"), item, media)
    if question.get("variables"):
        _show_answer(node, general)
    settle_feedback(question, general)
    if any(_plain(hint) for hint in node.iterfind("hint")):
        item.warnings.append(note(HINTS, item.place))
    if any(_plain(node.find(f"{one}feedback")) for one in ("correct", "partiallycorrect", "incorrect")):
        item.warnings.append(
            note(N_("What the file says to any right, partly right or wrong answer was left out."), item.place)
        )
    apply_tags(item, [_plain(tag) for tag in node.iterfind("tags/tag")])


def _rich(node: etree._Element | None, item: Item, media: Media) -> Html:
    """Read a text in its format, with the files it carries taken out of it; an answer or a feedback that names no
    format has that of the question's text."""
    if node is None:
        return Html({}, {})
    said = node.get("format") or _format_around(node)
    html = read_formatted(_plain(node), _FORMATS.get(said, "html"))
    if not html.media:
        return html
    files = {}
    for file in node.iterfind("file"):
        files[file.get("name", "")] = files[f"{file.get('path', '/').strip('/')}/{file.get('name', '')}"] = file

    def fetch(address: str) -> bytes | None:
        name = unquote(unquote(address).removeprefix(_PLUGIN)).partition("?")[0]
        file = files.get(name) if name in files else files.get(name.rpartition("/")[2])
        return None if file is None else decoded(file.text or "")

    return media.take(html, item, fetch)


def _format_around(node: etree._Element) -> str:
    question = next(node.iterancestors("question"), None)
    text = question.find("questiontext") if question is not None else None
    return text.get("format", "html") if text is not None else "html"


def _keep_old_image(node: etree._Element, stem: Html, item: Item, media: Media) -> None:
    """Take the image of a file of Moodle 1.9, which stands beside the text."""
    name, content = _plain(node.find("image")), node.findtext("image_base64", "")
    if name and content:
        stem.media |= media.take(Html({}, {}, {name: {}}), item, lambda address: decoded(content)).media


def _answers(node: etree._Element, item: Item, media: Media) -> list[tuple[Html, Fraction, Words, etree._Element]]:
    """Return the answers: text, share of the points, feedback, and the element itself."""
    found = []
    for answer in node.iterfind("answer"):
        share = _share(answer.get("fraction", "0"))
        feedback = _rich(answer.find("feedback"), item, media).text
        found.append((_rich(answer, item, media), share, feedback, answer))
    return found


def _explain(item: Item, answers: Iterable[tuple[Html, Fraction, Words, etree._Element]], labels: bool = True) -> None:
    kept = []
    for html, share, feedback, _ in answers:
        if feedback and (share > 0 or not labels):
            kept.append(feedback)
        elif feedback:
            label = next(iter(html.text.values()), "")
            kept.append({one: f"{html.text.get(one, label)}: {text}" for one, text in feedback.items()})
    if kept:
        item.question["explanation"] = joined(kept)


def _decimal(text: str) -> str:
    """Read a number with a point or, as people of some languages write it, a comma. Raises: Fault, also where a comma
    may set off thousands as well as decimals."""
    if not re.fullmatch(r"\s*[+-]?\d*,\d+\s*", text):
        return number(text)
    if re.fullmatch(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*", text):
        raise Fault(
            N_("%(text)s may be two numbers. Write it without a comma, with a point before decimals."), text=text
        )
    return number(text.replace(",", "."))


def _share(text: str) -> Fraction:
    """Read a share in percent, with many decimals after a point or a comma."""
    return fraction_of(text.replace(",", ".")) / 100


def _read_multichoice(node: etree._Element, item: Item, media: Media) -> None:
    answers = _answers(node, item, media)
    kind = node.get("type")
    single = kind == "multichoice" and _plain(node.find("single")).lower() not in ("false", "0")
    if node.find("single") is not None and not _plain(node.find("single")):
        single = False
    shares = [share for _, share, _, _ in answers]
    if kind != "multichoice":  # of every right option its full share is written
        right = sum(share > 0 for share in shares)
        shares = [Fraction(1, right) if share > 0 else Fraction(-1, right or 1) for share in shares]
    read_choice(item, [html for html, _, _, _ in answers], shares, single)
    if kind == "multichoiceset" and item.question["type"] == "multiple":
        settle_credit(item.question, "all")
    if _plain(node.find("shuffleanswers")).lower() in ("false", "0"):
        item.warnings.append(note(SHUFFLED, item.place))
    _explain(item, answers)


def _read_truefalse(node: etree._Element, item: Item, media: Media) -> None:
    """Read a statement; in files of old the answers are words of some language, that for true first."""
    answers = _answers(node, item, media)
    said = [_plain(answer).lower() for _, _, _, answer in answers]
    named = said if set(said) <= {"true", "false"} else ["true", "false"]
    right = [word for word, (_, share, _, _) in zip(named, answers, strict=False) if share > 0]
    if len(right) != 1 or len(answers) > 2:
        raise Fault(N_("The answer must be true or false."))
    item.question |= {"type": "true_false", "key": right[0] == "true"}
    _explain(item, answers, labels=False)


def _read_shortanswer(node: etree._Element, item: Item, media: Media) -> None:
    answers = _answers(node, item, media)
    read_short(item, [(_plain(answer), share) for _, share, _, answer in answers])
    if _plain(node.find("usecase")) == "1":
        item.warnings.append(note(CASE_COUNTS, item.place))
    _explain(item, [one for one in answers if _plain(one[3]) != "*"])


def _read_numerical(node: etree._Element, item: Item, media: Media) -> None:
    answers = [one for one in _answers(node, item, media) if _plain(one[3]) != "*"]
    read_numeric(
        item,
        [
            (_decimal(_plain(answer)), _decimal(_plain(answer.find("tolerance")) or "0"), share)
            for _, share, _, answer in answers
        ],
    )
    _explain(item, answers)
    _read_unit(node, item)


def _read_unit(node: etree._Element, item: Item) -> None:
    units = [
        flat(_plain(unit.find("unit_name")))
        for unit in node.iterfind("units/unit")
        if Decimal(number(_plain(unit.find("multiplier")) or "1")) == 1
    ]
    if item.question["type"] != "numeric":
        return
    if units and units[0]:
        item.question["key"]["unit"] = {"": units[0]}
    if len(node.findall("units/unit")) > 1:
        item.warnings.append(note(N_("Only one unit is kept; the others were left out."), item.place))


def _read_match(node: etree._Element, item: Item, media: Media) -> None:
    pairs = []
    for sub in node.iterfind("subquestion"):
        answer = sub.find("answer")
        right = _rich(answer, item, media) if answer is not None else Html({}, {})
        pairs.append((_rich(sub, item, media), right))
    read_matching(item, pairs)


def _read_ordering(node: etree._Element, item: Item, media: Media) -> None:
    answers = _answers(node, item, media)
    answers.sort(key=lambda one: one[1])
    question = item.question
    question |= {"type": "ordering", "options": parts_of(html for html, _, _, _ in answers)}
    question["key"] = [option["id"] for option in question["options"]]
    grading = _plain(node.find("gradingtype"))
    if grading not in ("ALL_OR_NOTHING", "-1"):
        question["credit"] = "each"
    if grading not in ("", "ALL_OR_NOTHING", "-1", "ABSOLUTE_POSITION", "0"):
        item.warnings.append(
            note(N_("Steps were scored by their neighbours or sequence; here each at its own place."), item.place)
        )
    if _plain(node.find("selecttype")) not in ("", "ALL", "0"):
        item.warnings.append(note(N_("The file asks some of the steps only; here all are asked."), item.place))


def _read_gaps(node: etree._Element, item: Item, media: Media) -> None:
    """Read words dragged or selected into gaps, each from its group of words."""
    question = item.question
    boxes = [
        (_rich(box, item, media), _plain(box.find("group")) or "1")
        for box in node
        if box.tag in ("dragbox", "selectoption")
    ]
    wanted = [int(found) for found in _GAP.findall(next(iter(question["stem"].values()), ""))]
    if not wanted or not all(1 <= at <= len(boxes) for at in wanted):
        raise Fault(N_("The text names a gap that no word fits, or it has no gaps."))

    def shown(text: str) -> str:
        numbers = iter(range(1, len(wanted) + 1))
        return _GAP.sub(lambda _: gap(next(numbers, 0), len(wanted)), text)

    question["stem"] = {language: shown(text) for language, text in question["stem"].items()}
    read_gaps(item, [(boxes[at - 1][0], [word for word, group in boxes if group == boxes[at - 1][1]]) for at in wanted])


_KINDS = {
    **dict.fromkeys(("SHORTANSWER", "SA", "MW"), "SA"),
    **dict.fromkeys(("NUMERICAL", "NM"), "NM"),
    **dict.fromkeys(("MULTIRESPONSE", "MR"), "MR"),
    **dict.fromkeys(("MULTICHOICE", "MC"), "MC"),
}


@dataclass
class _Embedded:
    """A gap of a cloze question: what it weighs, its kind ("SA", "NM", "MC", "MR"), whether upper and lower case differ
    in it, of each answer its share and its HTML, and what is said of single answers."""

    weight: int
    kind: str
    case: bool
    answers: list[tuple[Fraction, str]]
    remarks: list[Words]

    def typed(self) -> list[tuple[str, Fraction]]:
        """Return the answers as people type them."""
        return [(_said(html), share) for share, html in self.answers]


def _said(html: str) -> str:
    return flat(next(iter(from_html(html).text.values()), ""))


def _embedded(found: re.Match[str]) -> _Embedded:
    said = found["kind"].upper()
    kind = next(kind for name, kind in _KINDS.items() if said.startswith(name))
    gap_ = _Embedded(int(found["weight"] or 1), kind, said in ("SHORTANSWER_C", "SAC", "MWC"), [], [])
    shared = False
    for piece in re.split(r"(?<!\\)~", found["answers"]):
        answer = _ANSWER.fullmatch(piece)
        if answer is None:
            continue
        text, _, remark = re.sub(r"(?<![\\&])#", "\0", answer["text"], count=1).partition("\0")
        text, remark = (re.sub(r"\\([\\=~#{}:\"])", r"\1", one).strip() for one in (text, remark))
        share = Fraction(1) if answer["right"] else _share(answer["share"] or "0")
        shared |= bool(answer["share"])
        gap_.answers.append((share, text))
        if remark := _said(remark):
            gap_.remarks.append(words(remark if share > 0 or text == "*" else f"{_said(text)}: {remark}"))
    if kind == "MR":  # as extract_question there does: the right ones earn all together, a wrong one takes one away
        total = sum(share for share, _ in gap_.answers if share > 0) or Fraction(1)
        cost = Fraction(0) if shared else -1 / total
        gap_.answers = [(share / total if share > 0 else share or cost, text) for share, text in gap_.answers]
    return gap_


def _read_cloze(node: etree._Element, item: Item, media: Media) -> None:
    """Read a text with answers embedded in it: one of any kind, words to type, or words to choose from."""
    question, gaps = item.question, _take_gaps(node)
    kinds = {one.kind for one in gaps}
    if not gaps:
        raise Fault(N_("There is nothing to answer in it."))
    stem = _rich(node.find("questiontext"), item, media).text
    below = _marked_above(stem, len(gaps))
    typed = (below or len(gaps) > 1) and all(one.kind == "SA" or (one.kind == "NM" and _exact(one)) for one in gaps)
    if len(gaps) > 1 and not typed and kinds != {"MC"}:
        raise Fault(N_("Its gaps are of several kinds, or numbers with a tolerance. Divide it into single questions."))
    if below and typed:
        stem = {language: re.sub(r"____\((\d+)\)", r"{{\1}}", _BELOW.sub("", text)) for language, text in stem.items()}

    def mark(found: re.Match[str]) -> str:
        return f"{{{{{found[1]}}}}}" if typed else gap(int(found[1]), len(gaps))

    question["stem"] = {language: _MARK.sub(mark, text) for language, text in stem.items()}
    if typed:
        keys = []
        for one in gaps:
            read_short(item, [(text.split(":")[0] if one.kind == "NM" else text, share) for text, share in one.typed()])
            keys.append(question.pop("key"))
        question |= {"type": "fill_in", "key": keys, "credit": "each"}
        if "NM" in kinds:
            item.warnings.append(note(AS_WRITTEN, item.place))
    elif kinds == {"MC"}:
        read_gaps(item, [_choices_of(one) for one in gaps])
        if any(0 < share < 1 for one in gaps for share, _ in one.answers):
            item.warnings.append(note(PARTLY, item.place))
    elif kinds == {"MR"}:
        answers = gaps[0].answers
        read_choice(item, [from_html(html) for _, html in answers], [share for share, _ in answers], False)
    elif kinds == {"NM"}:
        found = [(*text.partition(":")[::2], share) for text, share in gaps[0].typed() if text != "*"]
        read_numeric(item, [(_decimal(value), _decimal(tolerance or "0"), share) for value, tolerance, share in found])
    else:
        read_short(item, gaps[0].typed())
    if remarks := [remark for one in gaps for remark in one.remarks]:
        question["explanation"] = joined(remarks)
    if len({one.weight for one in gaps}) > 1:
        item.warnings.append(note(UNEVEN, item.place))
    if any(one.case for one in gaps):
        item.warnings.append(note(CASE_COUNTS, item.place))


def _take_gaps(node: etree._Element) -> list[_Embedded]:
    """Take the gaps out of the text of a cloze question, and leave marks; entities in them are no signs of theirs."""
    text = node.find("questiontext/text")
    if text is None:
        return []
    raw = _plain(node.find("questiontext"))
    numbers = iter(range(1, len(raw)))
    for inside in list(text):
        text.remove(inside)
    text.text = _EMBEDDED.sub(lambda _: f"\U000f0300{next(numbers)}\U000f0300", raw)
    return [_embedded(found) for found in _EMBEDDED.finditer(raw)]


def _marked_above(stem: Words, count: int) -> bool:
    """Say whether all gaps stand below a text that marks the place of each, once in every language."""
    places = sorted(gap(at, 2) for at in range(1, count + 1))
    return all(_BELOW.search(text) and sorted(re.findall(r"____\(\d+\)", text)) == places for text in stem.values())


def _exact(one: _Embedded) -> bool:
    """Say whether a number in a cloze question is to be met exactly."""
    return all(Decimal(_decimal(text.partition(":")[2] or "0")) == 0 for text, share in one.typed() if share > 0)


def _choices_of(one: _Embedded) -> tuple[Html, list[Html]]:
    right = [text for share, text in one.answers if share >= 1]
    if len(right) != 1:
        raise Fault(
            N_("%(count)s options are fully right where one may be chosen; it must be exactly one."), count=len(right)
        )
    return from_html(right[0]), [from_html(text) for _, text in one.answers]


def _names(node: etree._Element) -> dict[str, str]:
    """Return by the names of a calculated question's variables names that ours can have. Raises: Fault."""
    said = [_plain(one.find("name")) for one in node.iterfind("dataset_definitions/dataset_definition")]
    names = {
        name: name.lower() if re.fullmatch(r"[A-Za-z]\w*", name) and name.lower() != "answer" else f"v_{name.lower()}"
        for name in said
    }
    if len(set(names.values())) < len(names):
        raise Fault(N_("The names of two variables differ in capitals only. Rename one."))
    return names


def _read_calculated(node: etree._Element, item: Item, media: Media) -> None:
    """Read a calculated question as one whose values are drawn for each paper. Raises: Fault where it cannot be."""
    question, names = item.question, _names(node)
    answers = _answers(node, item, media)
    full = [one for one in answers if one[1] >= 1]
    if len(full) < len(answers) and any(0 < share < 1 for _, share, _, _ in answers):
        item.warnings.append(note(N_("A number that earned a part of the points now earns none."), item.place))
    if len(full) != 1:
        raise Fault(N_("%(count)s formulas are fully right; it must be exactly one."), count=len(full))
    answer = full[0][3]
    if _plain(answer.find("correctanswerformat")) == "2":
        raise Fault(N_("The answer is rounded to significant figures; only a number of decimals can be held."))
    if any(_FORMULA.search(text) for text in question["stem"].values()):
        raise Fault(
            N_("The text computes a value ({=…}); only an explanation can show one. Write the value as a variable.")
        )
    used = {name for text in question["stem"].values() for name in _WILDCARD.findall(text)}
    question["variables"] = {
        names[name]: {
            "min": _decimal(_plain(dataset.find("minimum"))),
            "max": _decimal(_plain(dataset.find("maximum"))),
            "step": f"{Decimal(1).scaleb(-_places(dataset.find('decimals'), 0)):f}",
        }
        for dataset in node.iterfind("dataset_definitions/dataset_definition")
        if (name := _plain(dataset.find("name"))) in used
    }
    if not all(_drawn_alike(dataset) for dataset in node.iterfind("dataset_definitions/dataset_definition")):
        item.warnings.append(
            note(N_("The file lists values of its own; here any are drawn within the bounds it names."), item.place)
        )
    question["stem"] = {language: _renamed(text, names) for language, text in question["stem"].items()}
    question |= {
        "type": "numeric",
        "key": {
            "expression": expression_of(_plain(answer), names),
            "decimals": _places(answer.find("correctanswerlength"), 2),
            "tolerance": _calculated_tolerance(answer),
        },
    }
    _explain(item, full)
    _read_unit(node, item)


def _drawn_alike(dataset: etree._Element) -> bool:
    """Say whether the listed values of a variable are such as are drawn evenly within its bounds."""
    low, high = (Decimal(_decimal(_plain(dataset.find(one)))) for one in ("minimum", "maximum"))
    places = _places(dataset.find("decimals"), 0)
    values = [Decimal(_decimal(_plain(one))) for one in dataset.iterfind("dataset_items/dataset_item/value")]
    return _plain(dataset.find("distribution")) in ("", "uniform") and all(
        low <= value <= high and value == round(value, places) for value in values
    )


def _places(node: etree._Element | None, default: int) -> int:
    places = Decimal(number(_plain(node) or str(default)))
    if places not in range(11):
        raise Fault(N_("Say with how many decimals the answer is computed: a number from 0 to 10."))
    return int(places)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return _WILDCARD.sub(lambda found: f"{{{names.get(found[1], found[1])}}}", text)


def _show_answer(node: etree._Element, html: Html) -> None:
    """Show {answer} where the feedback on a calculated question computes the answer again."""
    names = _names(node)
    full = [_plain(answer) for answer in node.iterfind("answer") if _share(answer.get("fraction", "0")) >= 1]
    wanted = re.sub(r"\s", "", full[0])
    for text in (html.text, html.source):
        for language, said in text.items():
            shown = _FORMULA.sub(lambda found: "{answer}" if re.sub(r"\s", "", found[1]) == wanted else found[0], said)
            text[language] = _renamed(shown, names)


class _Ours(ast.NodeTransformer):
    """pow(x, y) as x ** y."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "pow" and len(node.args) == 2:
            return ast.BinOp(node.args[0], ast.Pow(), node.args[1])
        return node


class _Theirs(ast.NodeTransformer):
    """x ** y as pow(x, y)."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return ast.Call(ast.Name("pow"), [node.left, node.right], []) if isinstance(node.op, ast.Pow) else node


def expression_of(formula: str, names: Mapping[str, str]) -> str:
    """Turn a formula of Moodle's into an expression of ours: {a} into a, pow(x, y) into x ** y. Raises: Fault.

    Args:
        formula: e.g. "{a} * pow({b}, 2)".
        names: our names of its variables.
    """
    text = _WILDCARD.sub(lambda found: f" {names.get(found[1], found[1])} ", formula.strip().lstrip("="))
    text = re.sub(r"\bpi\s*\(\s*\)", _PI, text)
    for name in re.findall(r"([A-Za-z]\w*)\s*\(", text):
        if name not in _FUNCTIONS:
            raise Fault(N_("The formula uses %(name)s, which is not known here."), name=name[:30])
    try:
        return ast.unparse(_Ours().visit(ast.parse(text[:LONGEST_FORMULA].strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise Fault(N_("This is no formula that can be read: %(text)s"), text=formula[:80]) from fault


def _calculated_tolerance(answer: etree._Element) -> str:
    tolerance = _decimal(_plain(answer.find("tolerance")) or "0")
    kind = _plain(answer.find("tolerancetype")) or "1"
    if kind == "3":
        raise Fault(N_("The tolerance is geometric; only absolute and relative ones can be held."))
    return f"{shortest(str(Decimal(tolerance) * 100))}%" if kind == "1" and Decimal(tolerance) else tolerance


_READERS = {
    "multichoice": _read_multichoice,
    "multichoiceset": _read_multichoice,
    "oumultiresponse": _read_multichoice,
    "truefalse": _read_truefalse,
    "shortanswer": _read_shortanswer,
    "numerical": _read_numerical,
    "matching": _read_match,
    "match": _read_match,
    "ddmatch": _read_match,
    "ordering": _read_ordering,
    "ddwtos": _read_gaps,
    "gapselect": _read_gaps,
    "cloze": _read_cloze,
    "multianswer": _read_cloze,
    "calculated": _read_calculated,
    "calculatedsimple": _read_calculated,
}


# ---------- writing ----------


def write(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write questions in Moodle XML; arguments as `workbook.write_csv`, with the images and sounds they name."""
    writing = Writing(b"", 0, {}, [])
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>"]
    topic = ""
    made = held(questions, writing, options.language, lambda one: _Writer(one, media, options).written())
    for question, text in made:
        if question["topic"] != topic:
            topic = question["topic"]
            path = f"$course$/top/{options.trade or 'questions'}/{topic.replace('/', '//')}"
            parts.append(f'<question type="category"><category><text>{escape(path)}</text></category></question>')
        parts.append(text)
    writing.body = "\n".join([*parts, "</quiz>", ""]).encode()
    return writing


_TYPES = {
    "single": "multichoice",
    "multiple": "multichoice",
    "true_false": "truefalse",
    "fill_in": "shortanswer",
    "numeric": "numerical",
    "ordering": "ordering",
    "matching": "matching",
}


class _Writer:
    """Writes one question."""

    def __init__(self, question: Mapping[str, Any], media: Mapping[str, bytes], options: WriteOptions) -> None:
        refuse_in_moodle(question, xml=True)
        self._question, self._media, self._language = question, media, options.language
        self._kind = "calculated" if question.get("variables") else _TYPES[question["type"]]
        if self._kind == "shortanswer" and isinstance(question["key"][0], list):
            self._kind = "cloze"

    def written(self) -> str:
        question = self._question
        name = flat(question["stem"][self._language or "zh"])[:80]
        explanation = feedback_html(question, self._language)
        if self._kind == "calculated":
            again = "{=" + _formula_of(question) + "}"
            explanation = explanation.replace("{answer}", escape(again))
        tags = "".join(f"<tag><text>{escape(tag)}</text></tag>" for tag in tags_of(question))
        return "\n".join(
            [
                f"<question type={quoteattr(self._kind)}>",
                f"<name><text>{escape(name)}</text></name>",
                self._rich("questiontext", self._stem(), question),
                self._rich("generalfeedback", explanation),
                "<defaultgrade>1</defaultgrade><penalty>0</penalty><hidden>0</hidden>",
                f"<idnumber>{escape(str(question['id']))}</idnumber>",
                *self._answer(),
                f"<tags>{tags}</tags>",
                "</question>",
            ]
        )

    def _stem(self) -> str:
        """Write the text; gaps stand in it, or below it where it is in both languages, of which Moodle shows one."""
        question, language = self._question, self._language
        stem, media = question["stem"], question.get("media", ())
        if self._kind != "cloze":
            return f"<p>{self._text(stem, media)}</p>"
        gaps = [_gap(one) for one in question["key"]]
        blank = re.compile(r"\{\{(\d+)\}\}")
        if len(gaps) > 1 and (language or stem["zh"] == stem["en"]):
            inline = blank.sub(lambda found: gaps[int(found[1]) - 1], inner(stem[language or "zh"]))
            return f"<p>{inline}{media_html(media, language, folder=_PLUGIN)}</p>"
        marked = {name: blank.sub(r"____(\1)", text) for name, text in stem.items()}
        below = " ".join(f"({at}) {one}" for at, one in enumerate(gaps, 1))
        return f"<p>{self._text(marked, media)}</p><p>{below}</p>"

    def _text(self, text: Mapping[str, str], media: Iterable[Mapping[str, Any]] = ()) -> str:
        return to_html(text, self._language) + media_html(media, self._language, folder=_PLUGIN)

    def _rich(
        self, tag: str, html: str, owner: Mapping[str, Any] | None = None, more: str = "", attrs: str = ""
    ) -> str:
        """Write an element that holds HTML, with the files of a question or an option."""
        names = [one["file"] for one in (owner or {}).get("media", [])]
        if owner and "image" in owner:
            names.append(owner["image"]["file"])
        files = "".join(
            f'<file name={quoteattr(name)} path="/" encoding="base64">'
            f"{base64.b64encode(self._media[name]).decode()}</file>"
            for name in dict.fromkeys(names)
        )
        return f'<{tag}{attrs} format="html"><text>{_cdata(html)}</text>{files}{more}</{tag}>'

    def _option(self, option: Mapping[str, Any], share: str) -> str:
        html = self._text(option, [option["image"]] if "image" in option else ())
        return self._rich("answer", html, option, attrs=f' fraction="{share}"')

    def _answer(self) -> list[str]:
        question, key = self._question, self._question["key"]
        options = question.get("options", [])
        match self._kind:
            case "multichoice":
                single = question["type"] == "single"
                shares = {one["id"]: Fraction(one["id"] in key) for one in options} if single else fractions(question)
                return [
                    f"<single>{'true' if single else 'false'}</single>"
                    "<shuffleanswers>true</shuffleanswers><answernumbering>abc</answernumbering>",
                    *(self._option(one, percent(shares[one["id"]])) for one in options),
                ]
            case "truefalse":
                return [_plain_answer(word, 100 if key == (word == "true") else 0) for word in ("true", "false")]
            case "shortanswer":
                return ["<usecase>0</usecase>", *(_plain_answer(text.replace("*", "\\*"), 100) for text in key)]
            case "numerical":
                tolerance = str(key["tolerance"])
                if tolerance.endswith("%"):
                    tolerance = f"{abs(Decimal(str(key['value']))) * Decimal(tolerance[:-1]) / 100:f}"
                return [_plain_answer(key["value"], 100, f"<tolerance>{tolerance}</tolerance>"), *self._units()]
            case "ordering":
                grading = "ABSOLUTE_POSITION" if question.get("credit") == "each" else "ALL_OR_NOTHING"
                by_id = {one["id"]: one for one in options}
                return [
                    "<layouttype>VERTICAL</layouttype><selecttype>ALL</selecttype><selectcount>0</selectcount>"
                    f"<gradingtype>{grading}</gradingtype><showgrading>SHOW</showgrading>"
                    "<numberingstyle>none</numberingstyle>",
                    *(self._option(by_id[one], f"{at}.0000000") for at, one in enumerate(key, 1)),
                ]
            case "matching":
                return self._pairs()
            case "cloze":
                return []
            case _:
                return self._calculated()

    def _units(self) -> list[str]:
        unit = self._question["key"].get("unit") or {}
        name = unit.get(self._language or "en") or unit.get("zh")
        if not name:
            return []
        return [f"<units><unit><multiplier>1</multiplier><unit_name>{escape(name)}</unit_name></unit></units>"]

    def _pairs(self) -> list[str]:
        question, key = self._question, self._question["key"]
        options = {one["id"]: one for one in question["options"]}
        if any("image" in one for one in [*question["prompts"], *options.values()]):
            raise CannotHold(N_("A matching with images: Moodle XML does not hold it; QTI does."))
        pairs = [(self._text(one), options[key[one["id"]]]) for one in question["prompts"]]
        pairs += [("", option) for id_, option in options.items() if id_ not in key.values()]
        return [
            "<shuffleanswers>true</shuffleanswers>",
            *(
                self._rich("subquestion", left, more=f"<answer><text>{_cdata(self._text(right))}</text></answer>")
                for left, right in pairs
            ),
        ]

    def _calculated(self) -> list[str]:
        question, key = self._question, self._question["key"]
        tolerance = str(key["tolerance"])
        relative = tolerance.endswith("%")
        amount = f"{Decimal(tolerance[:-1]) / 100:f}" if relative else tolerance
        more = (
            f"<tolerance>{amount}</tolerance><tolerancetype>{1 if relative else 2}</tolerancetype>"
            f"<correctanswerformat>1</correctanswerformat><correctanswerlength>{key['decimals']}</correctanswerlength>"
        )
        formula = _formula_of(question)
        return [_plain_answer(formula, 100, more), *self._units(), _datasets(question)]


def _gap(spellings: Sequence[str]) -> str:
    """Write a gap of a cloze question; signs that have a meaning there are entities, which Moodle decodes last."""
    shown = (
        re.sub(r"[~#{}\\]", lambda sign: f"&#{ord(sign[0])};", escape(text.replace("*", "\\*"))) for text in spellings
    )
    return "{1:SHORTANSWER:" + "~".join(f"={text}" for text in shown) + "}"


def _plain_answer(text: str, share: int, more: str = "") -> str:
    return f'<answer fraction="{share}" format="plain_text"><text>{escape(text)}</text>{more}</answer>'


def _cdata(html: str) -> str:
    return "<![CDATA[" + html.replace("]]>", "]]&gt;") + "]]>" if html else ""


def _formula_of(question: Mapping[str, Any]) -> str:
    """Turn an expression of ours into one of Moodle's: variables in braces, powers as pow(x, y)."""
    text = ast.unparse(_Theirs().visit(ast.parse(question["key"]["expression"], mode="eval")))
    names = question["variables"]
    return re.sub(r"\b([a-z]\w*)\b", lambda found: f"{{{found[1]}}}" if found[1] in names else found[1], text)


def _datasets(question: Mapping[str, Any]) -> str:
    """Write values for Moodle to choose from, drawn as ours are, so that a condition holds there too."""
    version = Version(
        0, "numeric", "", 1, {}, (), question["key"] | _where(question), {}, {}, variables=question["variables"]
    )
    drawn = [draw_values(version, random.Random(seed)) for seed in range(DRAWS)]  # noqa: S311 - examples
    parts = []
    for name, bounds in question["variables"].items():
        places = max(-int(Decimal(str(bounds[part])).as_tuple().exponent) for part in ("min", "max", "step"))
        items = "".join(
            f"<dataset_item><number>{at}</number><value>{values[name]}</value></dataset_item>"
            for at, values in enumerate(drawn, 1)
        )
        parts.append(
            "<dataset_definition><status><text>private</text></status>"
            f"<name><text>{name}</text></name><type>calculated</type><distribution><text>uniform</text></distribution>"
            f"<minimum><text>{bounds['min']}</text></minimum><maximum><text>{bounds['max']}</text></maximum>"
            f"<decimals><text>{max(places, 0)}</text></decimals><itemcount>{DRAWS}</itemcount>"
            f"<dataset_items>{items}</dataset_items><number_of_items>{DRAWS}</number_of_items></dataset_definition>"
        )
    return f"<dataset_definitions>{''.join(parts)}</dataset_definitions>"


def _where(question: Mapping[str, Any]) -> dict[str, str]:
    return {"where": str(question["where"])} if question.get("where") else {}
