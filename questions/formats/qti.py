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
from xml.sax.saxutils import escape, unescape

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
    decode,
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
    AS_WRITTEN,
    CASE_COUNTS,
    ESSAY,
    HINTS,
    PARTLY,
    SHUFFLED,
    UNEVEN,
    Media,
    gap,
    joined,
    keep_media,
    note_points,
    parts_of,
    read_choice,
    read_gaps,
    settle_feedback,
    uneven,
)
from questions.formats.unpack import Archive, parse_xml
from questions.rules import N_, Fault, normalise

MANIFEST = "imsmanifest.xml"
LEVELS = ("very easy", "easy", "medium", "difficult", "very difficult")
"""IEEE LOM 5.8 in the order of our difficulties 1 to 5."""
_BY_HAND = ("extendedTextInteraction", "drawingInteraction", "uploadInteraction", "customInteraction")
_NOT_SHOWN = ("feedbackBlock", "feedbackInline", "stylesheet", "catalogInfo", "script", "style")
_COMPARING = ("match", "equal", "gte", "gt", "lte", "lt")
_SOLUTION = re.compile("solution|explanation|rationale|correct|right", re.IGNORECASE)
_NO_ANSWER = ("endAttemptInteraction", "mediaInteraction")
_PASSAGE = re.compile(
    r"""<object\b[^>]*?\sdata="(?P<address>[^"]+\.x?html?)"[^>]*?(?:/>|>.*?</object>)""", re.DOTALL | re.IGNORECASE
)
"""A text in a file of its own."""
_WRONG = re.compile("(?:in|not|un)_?correct|wrong|false", re.IGNORECASE)


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
        documents: Iterable[tuple[str, etree._Element | Refused]] = _documents(archive)
        metadata = _metadata(archive)
    else:
        archive, documents, metadata = None, [("", parse_xml(body))], {}
    refusals: list[Refused] = []
    titles: dict[str, list[str]] = {}
    points: set[str] = set()
    for name, root in documents:
        if isinstance(root, Refused):
            refusals.append(root)
            reading.items.append(Item({}, root.note.place, problems=[root.note]))
            continue
        kind = etree.QName(root).localname
        if kind in ("assessmentItem", "qti-assessment-item"):
            reading.items.append(_read_item(root, name, archive, media, metadata.get(name)))
            points.add(_most_points(root))
        elif kind == "questestinterop":
            qti12.read_document(root, name, archive, reading, media)
        elif archive is not None and kind in ("assessmentTest", "qti-assessment-test"):
            titles |= _section_titles(_plain_names(root), archive, name)
        if len(reading.items) > MOST_QUESTIONS:
            raise Refused(N_("The file has more than %(most)s questions. Divide it."), most=MOST_QUESTIONS)
    if refusals and len(refusals) == len(reading.items):
        raise refusals[0]
    if not reading.items and not reading.notes:
        raise Refused(N_("No QTI items were found in the file."))
    for item in reading.items:
        item.topics = titles.get(item.place.file, []) + item.topics
    reading.media = media.found
    note_points(reading, points)
    return reading


def _most_points(root: etree._Element) -> str:
    """Return the most points that an item says it earns, "" where it says nothing."""
    said = {one.get("identifier"): one for one in root.iter("outcomeDeclaration")}
    if "MAXSCORE" in said:
        return flat(said["MAXSCORE"].findtext("defaultValue/value", ""))
    return str(said["SCORE"].get("normalMaximum", "")) if "SCORE" in said else ""


def _section_titles(root: etree._Element, archive: Archive, file: str) -> dict[str, list[str]]:
    """Return by the name of its file the titles of the sections of a test that an item stands in."""
    found = {}
    for reference in root.iter("assessmentItemRef"):
        name = archive.find(unquote(reference.get("href", "")), file)
        sections = [flat(above.get("title", "")) for above in reference.iterancestors("assessmentSection")]
        if name:
            found[name] = [title for title in reversed(sections) if title]
    return found


_OURS = re.compile(rb"assessmentItem|qti-assessment-item|questestinterop")


def _documents(archive: Archive) -> Iterator[tuple[str, etree._Element | Refused]]:
    """Yield the XML documents of a package that hold items, or why one cannot be read. Where Canvas gives its quizzes
    twice, those in its own words are taken; Blackboard calls its documents .dat."""
    names = [name for name in archive.names() if name.lower().endswith((".xml", ".qti", ".dat"))]
    own = [name for name in names if name.lower().endswith(".xml.qti")]
    for name in own or names:
        content = archive.read(name) if name.rpartition("/")[2].lower() != MANIFEST else b""
        if not _OURS.search(content.replace(b"\0", b"")):
            continue
        try:
            yield name, parse_xml(content, name)
        except Refused as refusal:
            yield name, refusal


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
    """What a response declaration says: right values, what each value earns, and what one not listed does."""

    cardinality: str
    type: str
    correct: list[str]
    mapping: dict[str, Fraction]
    default: Fraction = Fraction(0)
    case: bool = False


@dataclass
class _Source:
    """One item being read."""

    root: etree._Element
    item: Item
    file: str
    archive: Archive | None
    media: Media
    responses: dict[str, _Response] = field(default_factory=dict)
    choices: dict[str, Html] = field(default_factory=dict)
    remarks: list[tuple[str, Html]] = field(default_factory=list)

    def html(self, node: etree._Element) -> Html:
        """Read the content of an element as text and media, without what candidates do not see."""
        for inside in list(node.iter(*_NOT_SHOWN, "rubricBlock")):
            if inside is not node and (
                inside.tag != "rubricBlock" or "candidate" not in inside.get("view", "").split()
            ):
                _drop(inside)
        shown = "".join([escape(node.text or ""), *(etree.tostring(one, encoding="unicode") for one in node)])
        html = from_html(_PASSAGE.sub(self._passage, shown))
        return self.media.take(html, self.item, self.fetch) if html.media else html

    def _passage(self, found: re.Match[str]) -> str:
        """Return what a file of HTML shows, or the element that names it where it is not there."""
        content = self.fetch(unescape(found["address"]))
        if content is None:
            return found[0]
        try:
            text, _ = decode(content)
        except Refused:
            return found[0]
        body = re.search(r"<body\b[^>]*>(.*)</body>", text, re.DOTALL | re.IGNORECASE)
        return f"<div>{body[1] if body else text}</div>"

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
        if self.processing is None:
            return False
        mapped = self.processing.iter("mapResponse")
        return "map_response" in (self.processing.get("template") or "") or any(
            one.getparent().tag not in _COMPARING for one in mapped
        )

    @property
    def several_ways(self) -> bool:
        """Whether the processing gives a fixed score in more than one case, or adds up what single choices earn."""
        if self.processing is None:
            return False
        given: dict[str, int] = {}
        for one in self.processing.iter("setOutcomeValue"):
            value = (one.findtext("baseValue") or "").strip()
            if re.fullmatch(r"[0-9.]*[1-9][0-9.]*", value) and one.getparent().tag != "responseProcessing":
                given[one.get("identifier", "")] = given.get(one.get("identifier", ""), 0) + 1
        return any(count > 1 for count in given.values()) or (
            self.processes("member") and self.processes("sum") and not self.by_mapping
        )

    def warn(self, text: str, when: bool = True) -> None:
        """Say what is lost of the item, once."""
        warning = note(text, self.item.place)
        if when and warning not in self.item.warnings:
            self.item.warnings.append(warning)

    def warn_of_shares(self, response: _Response, right: Sequence[str]) -> None:
        """Say that of the answers of a mapping only the right ones earn something, and each alike."""
        if self.by_mapping:
            self.warn(PARTLY, any(share > 0 and value not in right for value, share in response.mapping.items()))
            self.warn(UNEVEN, uneven([response.mapping.get(value, response.default) for value in right]))


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
        settle_feedback(question, _feedback(source))
        source.warn(
            N_("Other answers earn points by the response processing of the file; here only the right one does."),
            source.several_ways,
        )
    except Fault as fault:
        item.problems.append(Note(fault.text, fault.values, item.place))
    except Refused as refusal:
        item.problems.append(refusal.note)
    if not question.get("stem") and (title := words(root.get("title", ""))):
        question["stem"] = title
    return item


def _feedback(source: _Source) -> Html:
    """Return what is said in general and of the right answer, and of wrong choices each with the choice."""
    right = {value for response in source.responses.values() for value in _right(response)}
    said = []
    for node in source.root.iter("modalFeedback"):
        if _is_wrong(source, node) == (node.get("showHide") == "hide"):
            said.append((node.get("identifier", ""), source.html(node)))
    texts, general = [], Html({}, {})
    for name, html in [*said, *source.remarks]:
        general.source = general.source or html.source
        label = source.choices[name].text if name in source.choices and name not in right else {}
        if html.text and label:
            first = next(iter(label.values()))
            texts.append({language: f"{label.get(language, first)}: {text}" for language, text in html.text.items()})
        elif html.text:
            texts.append(html.text)
    general.text = joined(texts) if texts else {}
    return general


def _is_wrong(source: _Source, node: etree._Element) -> bool:
    """Say whether a feedback is shown on a wrong answer only: by its name, or by when its outcome is set."""
    name = node.get("identifier", "")
    if name in source.choices:
        return False
    if _WRONG.search(name):
        return True
    setting = list(source.processing.iter("setOutcomeValue")) if source.processing is not None else []
    named = [one for one in setting if any((value.text or "").strip() == name for value in one.iter("baseValue"))]
    setters = named or [one for one in setting if one.get("identifier") == node.get("outcomeIdentifier")]
    return bool(setters) and all(_set_on_wrong(one) for one in setters)


def _set_on_wrong(setter: etree._Element) -> bool:
    """Say whether an outcome is set on a wrong answer, by what is compared in its value or in its branch."""
    branch = next(setter.iterancestors("responseIf", "responseElseIf", "responseElse"), None)
    compared = [*setter.iter("baseValue"), *(branch[0].iter("baseValue") if branch is not None else ())]
    return any(_WRONG.search(value.text or "") for value in compared) or (
        branch is not None and (branch.tag == "responseElse" or branch[0].tag == "not")
    )


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
    found = node.find("mapping")
    default = fraction_of(found.get("defaultValue") or "0") if found is not None else Fraction(0)
    case = any(entry.get("caseSensitive") == "true" for entry in node.iterfind("mapping/mapEntry"))
    return _Response(node.get("cardinality", "single"), node.get("baseType", ""), correct, mapping, default, case)


def _right(response: _Response) -> list[str]:
    """Return the right values: those declared, or else those that earn something."""
    return response.correct or [value for value, share in response.mapping.items() if share > 0]


def _best(response: _Response) -> list[str]:
    """Return the right values: those declared, or else those that earn most."""
    most = max(response.mapping.values(), default=Fraction(0))
    return response.correct or [value for value, share in response.mapping.items() if share == most > 0]


def _read_body(source: _Source) -> None:
    body = source.root.find("itemBody")
    if body is None:
        raise Fault(N_("The question has no text."))
    for node in body.iter("feedbackInline", "feedbackBlock"):
        choice = next(node.iterancestors("simpleChoice", "inlineChoice"), None)
        name = node.get("identifier", "") if choice is None else choice.get("identifier", "")
        if choice is not None or _SOLUTION.fullmatch(name):
            source.remarks.append((name, source.html(node)))
        elif next(node.iter("endAttemptInteraction"), None) is None and not _is_wrong(source, node):
            source.warn(N_("Feedback that neither explains the right answer nor is about a choice was left out."))
    source.warn(HINTS, next(body.iter("endAttemptInteraction"), None) is not None)
    for node in list(body.iter(*_NOT_SHOWN, "endAttemptInteraction")):
        _drop(node)
    _read_interaction(source, body)
    for reference in source.root.iter("assessmentStimulusRef"):
        _put_stimulus_first(source, reference.get("href", ""))


def _read_interaction(source: _Source, body: etree._Element) -> None:
    nodes = [node for node in body.iter(etree.Element) if node.tag.endswith("Interaction")]
    nodes = [node for node in nodes if node.tag not in _NO_ANSWER]
    kinds = {node.tag for node in nodes}
    if kinds & set(_BY_HAND):
        raise Fault(ESSAY)
    if unknown := sorted(kinds - set(_READERS) - set(_INLINE)):
        raise Fault(N_("Interactions of the kind %(kind)s cannot be taken in."), kind=unknown[0])
    if not nodes:
        raise Fault(N_("There is nothing to answer in it."))
    if len(kinds) > 1 or (len(nodes) > 1 and not kinds <= set(_INLINE)):
        raise Fault(N_("It has several interactions. Divide it into single questions."))
    responses = [source.responses.get(node.get("responseIdentifier", ""), _NOTHING) for node in nodes]
    if not all(one.correct or one.mapping for one in responses):
        compared = source.processes(*_COMPARING, "equalRounded", "stringMatch", "patternMatch", "substring", "member")
        raise Fault(
            N_("Its right answers stand in its response processing only, which is not read. Write it anew.")
            if compared
            else N_("No answer is marked as right.")
        )
    node = nodes[0]
    if node.tag in _INLINE:
        _INLINE[node.tag](source, body, nodes)
        return
    prompt = node.find("prompt")
    asked = source.html(prompt) if prompt is not None else Html({}, {})
    _READERS[node.tag](source, node, source.responses.get(node.get("responseIdentifier", ""), _NOTHING))
    _drop(node)
    told = source.html(body)
    source.item.question["stem"] = joined([text for text in (told.text, asked.text) if text])
    for html in (told, asked):
        keep_media(source.item.question, html)


def _put_stimulus_first(source: _Source, address: str) -> None:
    """Let a text in a file of its own, which several questions share, stand before the question."""
    name = source.archive.find(unquote(address), source.file) if source.archive else None
    if source.archive is None or name is None:
        text = N_("A text that the question refers to is not in the file: %(name)s")
        source.item.warnings.append(note(text, source.item.place, name=address[:60]))
        return
    root = _plain_names(parse_xml(source.archive.read(name), name))
    for body in root.iter("stimulusBody"):
        told = _Source(root, source.item, name, source.archive, source.media).html(body)
        stem = source.item.question.get("stem", {})
        source.item.question["stem"] = joined([text for text in (told.text, stem) if text])
        keep_media(source.item.question, told)


def _keep_stem(source: _Source, body: etree._Element) -> None:
    """Take what stands around gaps as the stem."""
    for node in body.iter("prompt", "gapMatchInteraction", "hottextInteraction"):
        node.tag = "div"
    told = source.html(body)
    source.item.question["stem"] = told.text
    keep_media(source.item.question, told)


_NOTHING = _Response("single", "", [], {})


def _choices(source: _Source, node: etree._Element, tag: str) -> dict[str, Html]:
    return {one.get("identifier", ""): source.html(one) for one in node.iter(tag)}


def _options(source: _Source, choices: Mapping[str, Html]) -> dict[str, str]:
    """Make options of choices and return their ids by those of the file."""
    source.item.question["options"] = parts_of(choices.values())
    return {id_: letter(at) for at, id_ in enumerate(choices)}


def _read_choice(source: _Source, node: etree._Element, response: _Response) -> None:
    kept = node.get("shuffle") != "true" or any(one.get("fixed") == "true" for one in node.iter("simpleChoice"))
    _choose(source, _choices(source, node, "simpleChoice"), response)
    source.warn(SHUFFLED, kept and source.item.question["type"] != "true_false")


def _choose(source: _Source, choices: dict[str, Html], response: _Response) -> None:
    item, right = source.item, _right(response)
    source.choices = choices
    if set(choices) == {"true", "false"} and response.cardinality == "single" and len(right) == 1:
        item.question |= {"type": "true_false", "key": right[0] == "true"}
        return
    if not set(right) <= set(choices) or not right:
        raise Fault(N_("No option is marked as right."))
    single = response.cardinality == "single"
    earned = [response.mapping.get(id_, response.default) for id_ in choices] if source.by_mapping else []
    gains = [share for share in earned if share > 0]
    if gains:
        whole = max(gains) if single else sum(gains)
        shares = [share / whole for share in earned]
    else:
        shares = [Fraction(1 if id_ in right else 0 if single else -1, 1 if single else len(right)) for id_ in choices]
    read_choice(item, list(choices.values()), shares, single)
    if item.question["type"] == "multiple" and not gains:
        settle_credit(item.question, "all")


def _read_gap_match(source: _Source, body: etree._Element, nodes: Sequence[etree._Element]) -> None:
    """Read words put into gaps."""
    if len(nodes) > 1:
        raise Fault(N_("It has several interactions. Divide it into single questions."))
    offered = {one.get("identifier", ""): source.html(one) for one in nodes[0].iter("gapText", "gapImg")}
    response = source.responses.get(nodes[0].get("responseIdentifier", ""), _NOTHING)
    places = list(nodes[0].iter("gap"))
    pairs = {one.get("identifier", ""): _fitting(response, one.get("identifier", "")) for one in places}
    fits = {name: offered.get(value.split()[0]) for name, value in pairs.items() if value}
    source.warn_of_shares(response, list(pairs.values()))
    gaps = []
    for at, place in enumerate(places, 1):
        word = fits.get(place.get("identifier", ""))
        if word is None:
            raise Fault(N_("The text names a gap that no word fits, or it has no gaps."))
        gaps.append((word, list(offered.values())))
        place.tag, place.text = "span", gap(at, len(places))
    for one in list(nodes[0].iter("gapText", "gapImg")):
        _drop(one)
    _keep_stem(source, body)
    read_gaps(source.item, gaps)
    if not source.by_mapping:
        source.item.question.pop("credit", None)


def _fitting(response: _Response, place: str) -> str:
    """Return the pair that is right for a gap: "word gap"; "" for none. Raises: Fault where several are alike."""
    fit = {
        value: response.mapping.get(value, Fraction(0)) for value in _right(response) if value.split()[1:] == [place]
    }
    full = [value for value, share in fit.items() if share == max(fit.values())]
    if len(full) > 1:
        raise Fault(N_("Several words are fully right for one gap; it must be exactly one."))
    return full[0] if full else ""


def _read_inline(source: _Source, body: etree._Element, nodes: Sequence[etree._Element]) -> None:
    """Read words chosen from lists in the text."""
    gaps, weights = [], []
    for at, node in enumerate(nodes, 1):
        choices = _choices(source, node, "inlineChoice")
        response = source.responses.get(node.get("responseIdentifier", ""), _NOTHING)
        right = _best(response)
        if len(right) != 1 or right[0] not in choices:
            raise Fault(N_("No option is marked as right."))
        source.warn_of_shares(response, right)
        weights.append(max(response.mapping.values(), default=Fraction(1)))
        source.choices |= choices
        gaps.append((choices[right[0]], list(choices.values())))
        for inside in list(node):
            node.remove(inside)
        node.tag, node.text = "span", gap(at, len(nodes))
    _keep_stem(source, body)
    read_gaps(source.item, gaps)
    source.warn(UNEVEN, source.by_mapping and uneven(weights))
    if source.processes("and"):
        source.item.question.pop("credit", None)


def _read_hottext(source: _Source, body: etree._Element, nodes: Sequence[etree._Element]) -> None:
    """Read words chosen in a text, which stays as the stem."""
    if len(nodes) > 1:
        raise Fault(N_("It has several interactions. Divide it into single questions."))
    choices = _choices(source, nodes[0], "hottext")
    response = source.responses.get(nodes[0].get("responseIdentifier", ""), _NOTHING)
    _keep_stem(source, body)
    _choose(source, choices, response)


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
    pairs = [tuple(value.split()) for value in _right(response)]
    if any(len(pair) != 2 for pair in pairs):
        raise Fault(N_("A pair of the matching does not name two items."))
    source.warn_of_shares(response, _right(response))
    _pair(source, sets[0], sets[1], [(pair[0], pair[1]) for pair in pairs])


def _read_associate(source: _Source, node: etree._Element, response: _Response) -> None:
    """Read pairs among one set of items as a matching of those that stand first with those that stand second."""
    choices = _choices(source, node, "simpleAssociableChoice")
    pairs = [tuple(value.split()) for value in _right(response)]
    left = [pair[0] for pair in pairs]
    source.warn_of_shares(response, _right(response))
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
    if len({one for one, _ in pairs}) < len(pairs):
        raise Fault(N_("An item of the matching has several partners; each can have one."))
    if {one for one, _ in pairs} != set(left):
        raise Fault(N_("Give every item on the left its partner on the right."))
    if not {other for _, other in pairs} <= set(right):
        raise Fault(N_("A pair of the matching names an item that is not there."))
    question = source.item.question
    ids = _options(source, right)
    question["prompts"] = parts_of(left.values(), "p")
    partner = dict(pairs)
    question["key"] = {f"p{at}": ids[partner[one]] for at, one in enumerate(left, 1)}
    question["type"] = "matching"
    if source.by_mapping:
        question["credit"] = "each"


def _read_slider(source: _Source, node: etree._Element, response: _Response) -> None:
    _read_number(source, response, {})


_READERS = {
    "choiceInteraction": _read_choice,
    "orderInteraction": _read_order,
    "matchInteraction": _read_match,
    "associateInteraction": _read_associate,
    "sliderInteraction": _read_slider,
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
    source.warn(CASE_COUNTS, any(_case_counts(source, response) for response in responses))
    source.warn(
        N_("A spelling that earned a part of the points is no longer accepted."),
        any(
            share > 0 and normalise(text) not in map(normalise, key)
            for response, key in zip(responses, keys, strict=True)
            for text, share in response.mapping.items()
        ),
    )
    weights = [max(response.mapping.values(), default=Fraction(1)) for response in responses]
    source.warn(UNEVEN, source.by_mapping and uneven(weights))
    if several and any(one.get("toleranceMode", "exact") != "exact" for one in source.root.iter("equal")):
        source.item.warnings.append(
            note(N_("Of several numbers in one question only the exact ones are accepted here."), source.item.place)
        )
    if several and any(response.type in ("float", "integer") for response in responses):
        source.warn(AS_WRITTEN)
    source.warn(
        N_("The file wants another answer in each blank; here the same one may stand in several."),
        source.processing is not None
        and any(
            len({one.get("identifier") for one in test.iter("variable")} & set(names)) > 1
            for test in source.processing.iter("stringMatch", "match", "equal")
        ),
    )
    question |= {"type": "fill_in", "key": keys if several else keys[0]}
    if several and not source.processes("and"):
        question["credit"] = "each"


_INLINE = {
    "gapMatchInteraction": _read_gap_match,
    "inlineChoiceInteraction": _read_inline,
    "hottextInteraction": _read_hottext,
    "textEntryInteraction": _read_entries,
}


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


def _case_counts(source: _Source, response: _Response) -> bool:
    """Say whether upper and lower case differ: by the mapping, or where a text is compared with letters as they are."""
    loose = source.root.find(".//stringMatch[@caseSensitive='false']") is not None
    letters = any(text.lower() != text.upper() for text in response.correct)
    return response.case or (response.type == "string" and letters and not response.mapping and not loose)


def _spellings(response: _Response) -> list[str]:
    best = max(response.mapping.values(), default=Fraction(0))
    mapped = [key for key, share in response.mapping.items() if share == best > 0]
    return [text for text in dict.fromkeys(flat(one) for one in [*response.correct, *mapped]) if text]


def _read_number(source: _Source, response: _Response, unit: Words) -> None:
    item = source.item
    values = response.correct or [key for key, share in response.mapping.items() if share > 0]
    if len(set(values)) != 1:
        raise Fault(N_("%(count)s numbers are fully right; it must be exactly one."), count=len(set(values)))
    source.warn(
        N_("A number that earned a part of the points now earns none."),
        any(share > 0 and value not in values for value, share in response.mapping.items()),
    )
    key: dict[str, Any] = {"value": number(values[0]), "tolerance": _tolerance(source, Decimal(number(values[0])))}
    if unit:
        key["unit"] = unit
    item.question |= {"type": "numeric", "key": key}


def _tolerance(source: _Source, value: Decimal) -> str:
    if source.processing is None:
        return "0"
    for rounded in source.processing.iter("equalRounded"):
        figures = int(number(rounded.get("figures") or "0"))
        by_places = rounded.get("roundingMode", "significantFigures") == "decimalPlaces"
        return f"{Decimal(5).scaleb(-figures - 1 if by_places else value.adjusted() - figures):f}"
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
