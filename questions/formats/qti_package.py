"""Writing QTI packages of the versions 2.1 and 3.0.

Sources: IMS QTI 2.1 Assessment Test, Section and Item Information Model (2012); 1EdTech QTI 3.0 (2022).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from questions.formats.markup import feedback_html, in_both, inner, media_html, to_html
from questions.formats.neutral import (
    CannotHold,
    WriteOptions,
    Writing,
    flat,
    fractions,
    held,
    letter,
    shortest,
)
from questions.formats.qti import LEVELS, MANIFEST
from questions.rules import N_, shown_in

_CP = {"2.1": "http://www.imsglobal.org/xsd/imscp_v1p1", "3.0": "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"}
_NS = {"2.1": "http://www.imsglobal.org/xsd/imsqti_v2p1", "3.0": "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"}
_TEMPLATES = {
    "2.1": "http://www.imsglobal.org/question/qti_v2p1/rptemplates/",
    "3.0": "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/",
}
_TRUTH = {"true": {"zh": "正确", "en": "True"}, "false": {"zh": "错误", "en": "False"}}
_OWN_NAMES = frozenset(
    name
    for line in (
        "assessmentItem responseDeclaration correctResponse value mapping mapEntry outcomeDeclaration defaultValue",
        "itemBody choiceInteraction simpleChoice orderInteraction matchInteraction simpleMatchSet",
        "simpleAssociableChoice textEntryInteraction responseProcessing responseCondition responseIf setOutcomeValue",
        "sum and gt equal match index variable correct mapResponse baseValue modalFeedback contentBody",
    )
    for name in line.split()
)
_ENTRY = '<p><textEntryInteraction responseIdentifier="RESPONSE"/></p>'
_EPOCH = (2020, 1, 1, 0, 0, 0)


def write_21(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write a QTI 2.1 package; arguments as `workbook.write_csv`, with the images and sounds they name."""
    return _write(questions, media, options, "2.1")


def write_30(questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions) -> Writing:
    """Write a QTI 3.0 package; arguments as `write_21`."""
    return _write(questions, media, options, "3.0")


def _write(
    questions: Sequence[Mapping[str, Any]], media: Mapping[str, bytes], options: WriteOptions, version: str
) -> Writing:
    writing = Writing(b"", 0, {}, [])
    out = io.BytesIO()
    resources, used = [], set()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        made = held(questions, writing, options.language, lambda one: _Writer(one, options, version).written())
        for question, item in made:
            name = f"items/q{writing.count:05d}.xml"
            package.writestr(zipfile.ZipInfo(name, _EPOCH), item, zipfile.ZIP_DEFLATED)
            files = _files_of(question)
            used.update(files)
            resources.append(_resource(question, name, files, options, version))
        for name in sorted(used):
            package.writestr(zipfile.ZipInfo(f"media/{name}", _EPOCH), media[name])
        schema = "QTIv2.1 Package" if version == "2.1" else "QTI Package"
        manifest = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<manifest xmlns="{_CP[version]}"'
            ' xmlns:lom="http://ltsc.ieee.org/xsd/LOM" identifier="questions">\n'
            f"<metadata><schema>{schema}</schema><schemaversion>{'1.0.0' if version == '2.1' else '3.0.0'}"
            "</schemaversion></metadata>\n<organizations/>\n<resources>\n"
            f"{''.join(resources)}</resources>\n</manifest>\n"
        )
        package.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), manifest, zipfile.ZIP_DEFLATED)
    writing.body = out.getvalue()
    return writing


def _files_of(question: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(one["file"] for one in shown_in(question)))


def _resource(question: Mapping[str, Any], name: str, files: Sequence[str], options: WriteOptions, version: str) -> str:
    topic = question["topic"]
    names = options.topics.get(topic, {})
    entry = "".join(
        f'<lom:string language="{code}">{escape(names[language])}</lom:string>'
        for language, code in (("zh", "zh-CN"), ("en", "en"))
        if language in names
    )
    listed = "".join(f'<file href="{path}"/>' for path in [name, *(f"media/{file}" for file in files)])
    return (
        f'<resource identifier="r-{name[6:-4]}" type="imsqti_item_xmlv{version.replace(".", "p")}" href="{name}">'
        "<metadata><lom:lom><lom:educational><lom:difficulty><lom:source>LOMv1.0</lom:source>"
        f"<lom:value>{LEVELS[question['difficulty'] - 1]}</lom:value></lom:difficulty></lom:educational>"
        "<lom:classification><lom:purpose><lom:source>LOMv1.0</lom:source><lom:value>discipline</lom:value></lom:purpose>"
        f"<lom:taxonPath><lom:source><lom:string>{escape(options.trade or 'questions')}</lom:string></lom:source>"
        f"<lom:taxon><lom:id>{escape(topic)}</lom:id>{f'<lom:entry>{entry}</lom:entry>' if entry else ''}</lom:taxon>"
        f"</lom:taxonPath></lom:classification></lom:lom></metadata>{listed}</resource>\n"
    )


class _Writer:
    """Writes one item: first in the words of 2.1, which for 3.0 are renamed."""

    def __init__(self, question: Mapping[str, Any], options: WriteOptions, version: str) -> None:
        if question.get("case"):
            raise CannotHold(N_("It belongs to a case; only sheets hold cases."))
        if question.get("variables"):
            raise CannotHold(N_("Values drawn for each paper: sheets and Moodle XML hold them, this format does not."))
        self._question, self._language, self._version = question, options.language, version
        self._ids = {part["id"]: letter(at) for at, part in enumerate(question.get("options", []))}
        self._prompt_ids = {part["id"]: f"p{at}" for at, part in enumerate(question.get("prompts", []), 1)}

    def written(self) -> bytes:
        question = self._question
        declarations, body, processing = getattr(self, f"_{question['type']}")()
        code = str(question["id"])
        identifier = code if re.fullmatch(r"[A-Za-z_][\w.-]*", code, re.ASCII) else "item"
        title = flat(question["stem"][self._language or "zh"])[:80]
        stem = self._stem() + media_html(question.get("media", ()), self._language, "xml:lang", "../media/")
        feedback = feedback_html(question, self._language, "xml:lang")
        item = (
            f'<assessmentItem identifier="{identifier}" title={quoteattr(title)} label={quoteattr(code)}'
            ' adaptive="false" timeDependent="false" toolName="Biwu">\n'
            f"{declarations}\n"
            '<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"><defaultValue>'
            "<value>0</value></defaultValue></outcomeDeclaration>\n"
            '<outcomeDeclaration identifier="FEEDBACK" cardinality="single" baseType="identifier"><defaultValue>'
            "<value>general</value></defaultValue></outcomeDeclaration>\n"
            f"<itemBody><p>{stem}</p>\n{body}</itemBody>\n{processing}\n"
            '<modalFeedback outcomeIdentifier="FEEDBACK" identifier="general" showHide="show">'
            f"{feedback if self._version == '2.1' else f'<contentBody>{feedback}</contentBody>'}</modalFeedback>\n"
            "</assessmentItem>"
        )
        root = etree.fromstring(item.encode())
        if self._version == "3.0":
            _rename_for_3(root)
        named = etree.Element(f"{{{_NS[self._version]}}}{root.tag}", root.attrib, {None: _NS[self._version]})
        named.text = root.text
        named.extend(root)
        for node in named.iter(etree.Element):
            if not node.tag.startswith("{"):
                node.tag = f"{{{_NS[self._version]}}}{node.tag}"
        body_: bytes = etree.tostring(named, xml_declaration=True, encoding="UTF-8")
        return body_

    def _stem(self) -> str:
        question = self._question
        several = question["type"] == "fill_in" and isinstance(question["key"][0], list)
        if not several:
            return self._text(question["stem"])
        entry = r'<textEntryInteraction responseIdentifier="RESPONSE_\1" expectedLength="20"/>'
        blank = r'<span class="blank">\1</span>'
        texts = {language: inner(text) for language, text in question["stem"].items()}
        pattern = r"\{\{(\d+)\}\}"
        if self._language or question["stem"]["zh"] == question["stem"]["en"]:
            return re.sub(pattern, entry, texts[self._language or "zh"])
        return in_both(
            {"zh": re.sub(pattern, entry, texts["zh"]), "en": re.sub(pattern, blank, texts["en"])}, "xml:lang"
        )

    def _text(self, text: Mapping[str, str]) -> str:
        return to_html(text, self._language, "xml:lang")

    def _choice(self, tag: str, identifier: str, part: Mapping[str, Any], more: str = "") -> str:
        image = media_html([part["image"]], self._language, "xml:lang", "../media/") if "image" in part else ""
        return f'<{tag} identifier="{identifier}"{more}>{self._text(part)}{image}</{tag}>'

    def _declared(
        self,
        correct: Iterable[str],
        cardinality: str,
        kind: str,
        mapping: Mapping[str, Fraction] | None = None,
        name: str = "RESPONSE",
    ) -> str:
        values = "".join(f"<value>{escape(value)}</value>" for value in correct)
        entries = "".join(
            f'<mapEntry mapKey={quoteattr(key)} mappedValue="{shortest(f"{float(share):.6f}")}"'
            f"{' caseSensitive=' + quoteattr('false') if kind == 'string' else ''}/>"
            for key, share in (mapping or {}).items()
        )
        mapped = f'<mapping lowerBound="0" upperBound="1" defaultValue="0">{entries}</mapping>' if entries else ""
        return (
            f'<responseDeclaration identifier="{name}" cardinality="{cardinality}" baseType="{kind}">'
            f"<correctResponse>{values}</correctResponse>{mapped}</responseDeclaration>"
        )

    def _template(self, name: str) -> str:
        ending = ".xml" if self._version == "3.0" else ""
        return f'<responseProcessing template="{_TEMPLATES[self._version]}{name}{ending}"/>'

    def _single(self) -> tuple[str, str, str]:
        return self._choose("single", 1, None)

    def _multiple(self) -> tuple[str, str, str]:
        shares = {self._ids[one]: share for one, share in fractions(self._question).items()}
        return self._choose("multiple", 0, shares if self._question.get("credit", "all") != "all" else None)

    def _choose(self, cardinality: str, most: int, shares: Mapping[str, Fraction] | None) -> tuple[str, str, str]:
        options = self._question["options"]
        choices = "".join(self._choice("simpleChoice", self._ids[one["id"]], one) for one in options)
        return (
            self._declared([self._ids[one] for one in self._question["key"]], cardinality, "identifier", shares),
            f'<choiceInteraction responseIdentifier="RESPONSE" shuffle="true" maxChoices="{most}">{choices}'
            "</choiceInteraction>",
            self._template("map_response" if shares else "match_correct"),
        )

    def _true_false(self) -> tuple[str, str, str]:
        choices = "".join(self._choice("simpleChoice", one, text) for one, text in _TRUTH.items())
        return (
            self._declared(["true" if self._question["key"] else "false"], "single", "identifier"),
            f'<choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1">{choices}'
            "</choiceInteraction>",
            self._template("match_correct"),
        )

    def _ordering(self) -> tuple[str, str, str]:
        key, options = self._question["key"], self._question["options"]
        choices = "".join(self._choice("simpleChoice", self._ids[one["id"]], one) for one in options)
        processing = self._template("match_correct")
        if self._question.get("credit") == "each":
            share = shortest(f"{1 / len(key):.6f}")
            conditions = "".join(
                f'<responseCondition><responseIf><match><index n="{at}"><variable identifier="RESPONSE"/></index>'
                f'<index n="{at}"><correct identifier="RESPONSE"/></index></match><setOutcomeValue identifier="SCORE">'
                f'<sum><variable identifier="SCORE"/><baseValue baseType="float">{share}</baseValue></sum>'
                "</setOutcomeValue></responseIf></responseCondition>"
                for at in range(1, len(key) + 1)
            )
            processing = _processing(conditions)
        return (
            self._declared([self._ids[one] for one in key], "ordered", "identifier"),
            f'<orderInteraction responseIdentifier="RESPONSE" shuffle="true">{choices}</orderInteraction>',
            processing,
        )

    def _matching(self) -> tuple[str, str, str]:
        question = self._question
        prompts, options = question["prompts"], question["options"]
        pairs = [f"{self._prompt_ids[one['id']]} {self._ids[question['key'][one['id']]]}" for one in prompts]
        each = question.get("credit") == "each"
        left = "".join(
            self._choice("simpleAssociableChoice", self._prompt_ids[one["id"]], one, ' matchMax="1"') for one in prompts
        )
        right = "".join(
            self._choice("simpleAssociableChoice", self._ids[one["id"]], one, f' matchMax="{len(prompts)}"')
            for one in options
        )
        shares = dict.fromkeys(pairs, Fraction(1, len(pairs))) if each else None
        return (
            self._declared(pairs, "multiple", "directedPair", shares),
            f'<matchInteraction responseIdentifier="RESPONSE" shuffle="true" maxAssociations="{len(prompts)}">'
            f"<simpleMatchSet>{left}</simpleMatchSet><simpleMatchSet>{right}</simpleMatchSet></matchInteraction>",
            self._template("map_response" if each else "match_correct"),
        )

    def _fill_in(self) -> tuple[str, str, str]:
        key = self._question["key"]
        if not isinstance(key[0], list):
            declared = self._declared(key[:1], "single", "string", dict.fromkeys(key, Fraction(1)))
            return declared, _ENTRY, self._template("map_response")
        each = self._question.get("credit") == "each"
        share = Fraction(1, len(key)) if each else Fraction(1)
        declared = "\n".join(
            self._declared(one[:1], "single", "string", dict.fromkeys(one, share), f"RESPONSE_{at}")
            for at, one in enumerate(key, 1)
        )
        mapped = [f'<mapResponse identifier="RESPONSE_{at}"/>' for at in range(1, len(key) + 1)]
        if each:
            score = f"<sum>{''.join(mapped)}</sum>"
            return declared, "", _processing(f'<setOutcomeValue identifier="SCORE">{score}</setOutcomeValue>')
        tests = "".join(f'<gt>{one}<baseValue baseType="float">0</baseValue></gt>' for one in mapped)
        return declared, "", _scored(f"<and>{tests}</and>")

    def _numeric(self) -> tuple[str, str, str]:
        key = self._question["key"]
        tolerance = str(key["tolerance"])
        mode = "relative" if tolerance.endswith("%") else "absolute"
        amount = tolerance.rstrip("%")
        unit = key.get("unit") or {"zh": "", "en": ""}
        shown = f' <span class="unit">{self._text(unit)}</span>' if unit["zh"] else ""
        return (
            self._declared([str(key["value"])], "single", "float"),
            f'<p><textEntryInteraction responseIdentifier="RESPONSE"/>{shown}</p>',
            _scored(
                f'<equal toleranceMode="{mode}" tolerance="{amount} {amount}"><variable identifier="RESPONSE"/>'
                '<correct identifier="RESPONSE"/></equal>'
            ),
        )


def _processing(rules: str) -> str:
    return f"<responseProcessing>{rules}</responseProcessing>"


def _scored(test: str) -> str:
    full = '<setOutcomeValue identifier="SCORE"><baseValue baseType="float">1</baseValue></setOutcomeValue>'
    return _processing(f"<responseCondition><responseIf>{test}{full}</responseIf></responseCondition>")


def _rename_for_3(root: etree._Element) -> None:
    for node in root.iter(etree.Element):
        if node.tag not in _OWN_NAMES:
            continue
        node.tag = f"qti-{_kebab(node.tag)}"
        for attribute, value in list(node.attrib.items()):
            if not attribute.startswith("{") and _kebab(attribute) != attribute:
                del node.attrib[attribute]
                node.set(_kebab(attribute), value)


def _kebab(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"-{found[0].lower()}", name)
