"""Reading QTI packages of the versions 2.0 to 3.0; `qti12` reads 1.2, `qti_package` writes.

Sources: IMS QTI 2.1 Assessment Test, Section and Item Information Model (2012); 1EdTech QTI 3.0 (2022).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from lxml import etree

from questions.formats import qti12
from questions.formats.markup import Html, from_html
from questions.formats.neutral import (
    MOST_QUESTIONS,
    Item,
    Note,
    Place,
    Reading,
    Refused,
    Words,
    credit_of,
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
from questions.formats.shared import ESSAY, Media, joined, keep_media, read_choice, settle_feedback
from questions.formats.unpack import Archive, parse_xml
from questions.rules import N_, Fault

MANIFEST = "imsmanifest.xml"
LEVELS = ("very easy", "easy", "medium", "difficult", "very difficult")
"""IEEE LOM 5.8 in the order of our difficulties 1 to 5."""
_BY_HAND = ("extendedTextInteraction", "drawingInteraction", "uploadInteraction", "customInteraction")
_NOT_SHOWN = ("rubricBlock", "feedbackBlock", "feedbackInline", "stylesheet", "catalogInfo", "script", "style")


def read(body: bytes, mapping: Mapping[str, str] | None = None) -> Reading:
    """Read a QTI package, or a single XML file of it.

    Args:
        body: the file.
        mapping: means nothing here.

    Raises: Refused.
    """
    reading, media = Reading(items=[], notes=[]), Media()
    if body.startswith(b"PK"):
        archive = Archive(body)
        documents: Iterable[tuple[str, etree._Element]] = _documents(archive)
        metadata = _metadata(archive)
    else:
        archive, documents, metadata = None, [("", parse_xml(body))], {}
    for name, root in documents:
        kind = etree.QName(root).localname
        if kind in ("assessmentItem", "qti-assessment-item"):
            reading.items.append(_read_item(root, name, archive, media, metadata.get(name)))
        elif kind == "questestinterop":
            qti12.read_document(root, name, archive, reading, media)
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    if not reading.items and not reading.notes:
        raise Refused(N_("No QTI items were found in the file."))
    reading.media = media.found
    return reading


def _documents(archive: Archive) -> Iterator[tuple[str, etree._Element]]:
    """Yield the XML documents of a package. Where Canvas gives its quizzes twice, those in its own words are taken."""
    names = [name for name in archive.names() if name.lower().endswith((".xml", ".qti"))]
    own = [name for name in names if name.lower().endswith(".xml.qti")]
    for name in own or names:
        if name.rpartition("/")[2].lower() != MANIFEST:
            yield name, parse_xml(archive.read(name), name)


def _metadata(archive: Archive) -> dict[str, etree._Element]:
    """Return by the name of its file what the manifest says of an item."""
    manifest = next((name for name in archive.names() if name.rpartition("/")[2].lower() == MANIFEST), None)
    if manifest is None:
        return {}
    root = _plain_names(parse_xml(archive.read(manifest), manifest))
    return {
        found: resource
        for resource in root.iter("resource")
        if (found := archive.find(unquote(resource.get("href", "")), manifest))
    }


def _plain_names(root: etree._Element) -> etree._Element:
    """Take namespaces off, and turn the names of QTI 3.0 into those of 2.x: qti-simple-choice into simpleChoice."""
    for node in root.iter(etree.Element):
        name = etree.QName(node).localname
        if name.startswith("qti-"):
            name = _camel(name[4:])
            for attribute, value in list(node.attrib.items()):
                if "-" in attribute and not attribute.startswith(("{", "data-", "aria-")):
                    del node.attrib[attribute]
                    node.set(_camel(attribute), value)
        node.tag = name
    etree.cleanup_namespaces(root)
    return root


def _camel(name: str) -> str:
    return re.sub(r"-([a-z])", lambda found: found[1].upper(), name)


@dataclass
class _Response:
    """What a response declaration says: right values, and what each value earns."""

    cardinality: str
    type: str
    correct: list[str]
    mapping: dict[str, Fraction]


@dataclass
class _Source:
    """One item being read."""

    root: etree._Element
    item: Item
    file: str
    archive: Archive | None
    media: Media
    responses: dict[str, _Response] = field(default_factory=dict)

    def html(self, node: etree._Element, skip: Sequence[str] = ()) -> Html:
        """Read the content of an element as text and media, without some elements in it."""
        for inside in list(node.iter(*_NOT_SHOWN, *skip)):
            if inside is not node:
                _drop(inside)
        html = from_html("".join([escape(node.text or ""), *(etree.tostring(one, encoding="unicode") for one in node)]))
        return self.media.take(html, self.item, self.fetch) if html.media else html

    def fetch(self, address: str) -> bytes | None:
        """Return the content at an address relative to the item."""
        if self.archive is None:
            return None
        name = self.archive.find(unquote(address), self.file) or self.archive.find(unquote(address))
        return self.archive.read(name) if name else None

    @property
    def processing(self) -> etree._Element | None:
        """How responses become a score, if the item says."""
        return self.root.find("responseProcessing")

    def processes(self, *names: str) -> bool:
        """Say whether one of these operators is used for the score."""
        return self.processing is not None and any(True for _ in self.processing.iter(*names))

    @property
    def by_mapping(self) -> bool:
        """Whether each response earns what the mapping says, not all of them together."""
        template = (self.processing.get("template") or "") if self.processing is not None else ""
        return "map_response" in template or self.processes("mapResponse")


def _drop(node: etree._Element) -> None:
    """Remove an element but not the text after it."""
    parent, before = node.getparent(), node.getprevious()
    if node.tail and before is not None:
        before.tail = (before.tail or "") + node.tail
    elif node.tail:
        parent.text = (parent.text or "") + node.tail
    parent.remove(node)


def _read_item(
    root: etree._Element, file: str, archive: Archive | None, media: Media, metadata: etree._Element | None
) -> Item:
    _plain_names(root)
    item = Item({}, Place(file=file, line=0 if file else root.sourceline or 0), [], None, [], [])
    source = _Source(root, item, file, archive, media)
    question = item.question
    question["id"] = flat(root.get("label") or root.get("identifier") or "")[:100]
    _read_metadata(metadata, item)
    try:
        if root.find("templateDeclaration") is not None:
            raise Fault(N_("Values drawn by QTI templates cannot be read. Leave the question out, or write it anew."))
        source.responses = {one.get("identifier", ""): _response(one) for one in root.iter("responseDeclaration")}
        _read_body(source)
        remarks = [source.html(one) for one in root.iter("modalFeedback")]
        general = Html(joined([one.text for one in remarks if one.text]), {}) if remarks else Html({}, {})
        general.source = next((one.source for one in remarks if one.source), {})
        settle_feedback(question, general)
    except Fault as fault:
        item.problems.append(Note(fault.text, fault.values, item.place))
    if not question.get("stem") and (title := words(root.get("title", ""))):
        question["stem"] = title
    return item


def _read_metadata(metadata: etree._Element | None, item: Item) -> None:
    if metadata is None:
        return
    for value in metadata.iter("difficulty"):
        said = flat("".join(value.find("value").itertext() if value.find("value") is not None else value.itertext()))
        if said.lower() in LEVELS:
            item.question["difficulty"] = LEVELS.index(said.lower()) + 1
    for taxon in metadata.iter("taxon"):
        item.topics += [text for part in ("entry", "id") for one in taxon.iter(part) if (text := _said(one))]


def _said(node: etree._Element) -> str:
    return flat(" ".join(node.itertext()))


def _response(node: etree._Element) -> _Response:
    mapping = {
        entry.get("mapKey", "").strip(): fraction_of(entry.get("mappedValue", "0"))
        for entry in node.iterfind("mapping/mapEntry")
    }
    correct = [(value.text or "").strip() for value in node.iterfind("correctResponse/value")]
    return _Response(node.get("cardinality", "single"), node.get("baseType", ""), correct, mapping)


def _read_body(source: _Source) -> None:
    body = source.root.find("itemBody")
    if body is None:
        raise Fault(N_("The question has no text."))
    inline = list(body.iter("textEntryInteraction"))
    blocks = [node for node in body.iter() if isinstance(node.tag, str) and node.tag.endswith("Interaction")]
    blocks = [node for node in blocks if node.tag != "textEntryInteraction"]
    kinds = {node.tag for node in blocks}
    if kinds & set(_BY_HAND):
        raise Fault(ESSAY)
    if kinds - set(_READERS):
        raise Fault(N_("Interactions of the kind %(kind)s cannot be taken in."), kind=sorted(kinds - set(_READERS))[0])
    if not blocks and not inline:
        raise Fault(N_("There is nothing to answer in it."))
    if len(blocks) + bool(inline) > 1:
        raise Fault(N_("It has several interactions. Divide it into single questions."))
    if inline:
        _read_entries(source, body, inline)
        return
    node = blocks[0]
    prompt = node.find("prompt")
    asked = source.html(prompt) if prompt is not None else Html({}, {})
    _READERS[node.tag](source, node, source.responses.get(node.get("responseIdentifier", ""), _NOTHING))
    _drop(node)
    told = source.html(body)
    source.item.question["stem"] = joined([text for text in (told.text, asked.text) if text])
    for html in (told, asked):
        keep_media(source.item.question, html)


_NOTHING = _Response("single", "", [], {})


def _choices(source: _Source, node: etree._Element, tag: str) -> dict[str, Html]:
    return {one.get("identifier", ""): source.html(one) for one in node.iter(tag)}


def _options(source: _Source, choices: Mapping[str, Html]) -> dict[str, str]:
    """Make options of choices and return their ids by those of the file."""
    texts = [html.text or next(iter(html.media.values()), {}) for html in choices.values()]
    if not all(texts):
        raise Fault(N_("An option has no text."))
    source.item.question["options"] = labelled(texts)
    for option, html in zip(source.item.question["options"], choices.values(), strict=True):
        keep_media(option, html, "image")
    return {id_: letter(at) for at, id_ in enumerate(choices)}


def _read_choice(source: _Source, node: etree._Element, response: _Response) -> None:
    choices = _choices(source, node, "simpleChoice")
    item = source.item
    correct = response.correct or [id_ for id_, share in response.mapping.items() if share > 0]
    if set(choices) == {"true", "false"} and response.cardinality == "single" and len(correct) == 1:
        item.question |= {"type": "true_false", "key": correct[0] == "true"}
        return
    if not set(correct) <= set(choices) or not correct:
        raise Fault(N_("No option is marked as right."))
    if response.cardinality == "single":
        read_choice(item, [html.text for html in choices.values()], [Fraction(id_ in correct) for id_ in choices], True)
        _options(source, choices)
        return
    ids = _options(source, choices)
    if len(correct) == 1:
        item.question |= {"type": "single", "key": [ids[correct[0]]]}
        return
    item.question |= {"type": "multiple", "key": sorted(ids[one] for one in correct)}
    whole = sum((share for share in response.mapping.values() if share > 0), Fraction(0))
    if source.by_mapping and whole:
        wrong = [response.mapping.get(id_, Fraction(0)) / whole for id_ in choices if id_ not in correct]
        settle_credit(item.question, credit_of(wrong))
        if any(share == 0 for share in wrong):
            item.warnings.append(
                note(N_("Wrong choices cost nothing in the file; here each takes a right one away."), item.place)
            )


def _read_order(source: _Source, node: etree._Element, response: _Response) -> None:
    ids = _options(source, _choices(source, node, "simpleChoice"))
    if sorted(response.correct) != sorted(ids):
        raise Fault(N_("The right order must name every step once."))
    source.item.question |= {"type": "ordering", "key": [ids[one] for one in response.correct]}
    if source.processes("index") or source.by_mapping:
        source.item.question["credit"] = "each"


def _read_match(source: _Source, node: etree._Element, response: _Response) -> None:
    sets = [_choices(source, one, "simpleAssociableChoice") for one in node.iter("simpleMatchSet")]
    if len(sets) != 2:
        raise Fault(N_("A matching needs two sides."))
    pairs = [tuple(value.split()) for value in response.correct or response.mapping]
    if any(len(pair) != 2 for pair in pairs):
        raise Fault(N_("A pair of the matching does not name two items."))
    _pair(source, sets[0], sets[1], [(pair[0], pair[1]) for pair in pairs])


def _read_associate(source: _Source, node: etree._Element, response: _Response) -> None:
    """Read pairs among one set of items as a matching of those that stand first with those that stand second."""
    choices = _choices(source, node, "simpleAssociableChoice")
    pairs = [tuple(value.split()) for value in response.correct or response.mapping]
    left = [pair[0] for pair in pairs]
    if any(len(pair) != 2 for pair in pairs) or set(left) & {pair[1] for pair in pairs}:
        raise Fault(N_("The pairs cannot be told apart into two sides."))
    _pair(
        source,
        {id_: choices[id_] for id_ in left if id_ in choices},
        {id_: html for id_, html in choices.items() if id_ not in left},
        [(pair[0], pair[1]) for pair in pairs],
    )


def _pair(
    source: _Source, left: Mapping[str, Html], right: Mapping[str, Html], pairs: Sequence[tuple[str, str]]
) -> None:
    """Make a matching; when items on the left have several partners and none on the right has, the sides change."""
    if len({one for one, _ in pairs}) < len(pairs) and len({other for _, other in pairs}) == len(pairs):
        left, right, pairs = right, left, [(other, one) for one, other in pairs]
    if {one for one, _ in pairs} != set(left) or len(pairs) != len(left):
        raise Fault(N_("Give every item on the left its partner on the right."))
    if not {other for _, other in pairs} <= set(right):
        raise Fault(N_("A pair of the matching names an item that is not there."))
    question = source.item.question
    ids = _options(source, right)
    question["prompts"] = labelled([html.text or next(iter(html.media.values()), {}) for html in left.values()], "p")
    for prompt, html in zip(question["prompts"], left.values(), strict=True):
        keep_media(prompt, html, "image")
    partner = dict(pairs)
    question["key"] = {f"p{at}": ids[partner[one]] for at, one in enumerate(left, 1)}
    question["type"] = "matching"
    if source.by_mapping:
        question["credit"] = "each"


_READERS = {
    "choiceInteraction": _read_choice,
    "orderInteraction": _read_order,
    "matchInteraction": _read_match,
    "associateInteraction": _read_associate,
}


def _read_entries(source: _Source, body: etree._Element, entries: Sequence[etree._Element]) -> None:
    """Read typed answers: a number, a text, or several texts whose places in the stem are marked."""
    question = source.item.question
    names = list(dict.fromkeys(entry.get("responseIdentifier", "") for entry in entries))
    numbers = [re.fullmatch(r"RESPONSE_(\d+)", name) for name in names]
    if all(numbers) and sorted(int(one[1]) for one in numbers if one) == list(range(1, len(names) + 1)):
        names.sort(key=lambda name: int(name.rpartition("_")[2]))
    several = len(names) > 1 or names == ["RESPONSE_1"]
    unit = _take_unit(source, body)
    for entry in entries:
        _mark(entry, names.index(entry.get("responseIdentifier", "")) + 1 if several else 0)
    for blank in body.iter("span"):
        if "blank" in (blank.get("class") or "").split():
            blank.tag = "gap"
    told = source.html(body)
    question["stem"] = told.text
    keep_media(question, told)
    responses = [source.responses.get(name, _NOTHING) for name in names]
    if not several and responses[0].type in ("float", "integer"):
        _read_number(source, responses[0], unit)
        return
    keys = [_spellings(response) for response in responses]
    if not all(keys):
        raise Fault(N_("No answer is marked as right."))
    question |= {"type": "fill_in", "key": keys if several else keys[0]}
    if several and not source.processes("and"):
        question["credit"] = "each"


def _take_unit(source: _Source, body: etree._Element) -> Words:
    for node in list(body.iter("span")):
        if "unit" in (node.get("class") or "").split():
            unit = source.html(node).text
            _drop(node)
            return unit
    return {}


def _mark(entry: etree._Element, blank: int) -> None:
    """Put a mark where an answer is typed; a place in a paragraph of its own needs none."""
    parent = entry.getparent()
    alone = not flat("".join(parent.itertext())) and len(parent) == 1
    entry.tag = "gap" if blank else "span"
    for attribute in list(entry.attrib):
        del entry.attrib[attribute]
    entry.text = str(blank) if blank else "" if alone else "____"


def _spellings(response: _Response) -> list[str]:
    best = max(response.mapping.values(), default=Fraction(0))
    mapped = [key for key, share in response.mapping.items() if share == best > 0]
    return [text for text in dict.fromkeys(flat(one) for one in [*response.correct, *mapped]) if text]


def _read_number(source: _Source, response: _Response, unit: Words) -> None:
    item = source.item
    values = response.correct or [key for key, share in response.mapping.items() if share > 0]
    if len(set(values)) != 1:
        raise Fault(N_("%(count)s numbers are fully right; it must be exactly one."), count=len(set(values)))
    key: dict[str, Any] = {"value": number(values[0]), "tolerance": _tolerance(source, Decimal(number(values[0])))}
    if unit:
        key["unit"] = unit
    item.question |= {"type": "numeric", "key": key}


def _tolerance(source: _Source, value: Decimal) -> str:
    if source.processing is None:
        return "0"
    for equal in source.processing.iter("equal"):
        sides = [number(one) for one in (equal.get("tolerance") or "").split()]
        mode = equal.get("toleranceMode", "exact")
        if not sides or mode == "exact":
            return "0"
        widest = max(sides, key=Decimal)
        if len({Decimal(side) for side in sides}) > 1:
            source.item.warnings.append(
                note(N_("The tolerance was not the same on both sides; the wider one was taken."), source.item.place)
            )
        return f"{widest}%" if mode == "relative" else widest
    bounds = [
        Decimal(number(one.text or ""))
        for limit in source.processing.iter("gte", "lte", "gt", "lt")
        for one in limit.iter("baseValue")
    ]
    return shortest(str(max(abs(bound - value) for bound in bounds))) if len(bounds) == 2 else "0"
