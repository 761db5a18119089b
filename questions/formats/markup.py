"""HTML as other systems write it, to plain text in two languages, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import nh3
from markdown_it import MarkdownIt

from questions.formats.neutral import Words, tidy, words
from questions.rules import N_, Fault

MULTILANG = {"zh": "zh_cn", "en": "en"}
"""The languages as Moodle's multi-language filter names them."""

_BLOCKS = {"p", "div", "li", "ul", "ol", "tr", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "br"}
_PARTED = {
    "mfrac": "/", "msup": "^", "msub": "_", "msubsup": "_ ^", "munder": "_", "mover": "^", "munderover": "_ ^",
    "mroot": "^1/", "mfenced": ", " * 20,
}  # fmt: skip
"""The signs between the parts of an element of MathML."""
_RELATIONS = frozenset("=<>≠≤≥≈≡→⇒⇌±×·÷")
_INVISIBLE = re.compile("[\u2061-\u2064]")
_MATH = {
    *("math", "mi", "mn", "mo", "mtext", "ms", "mrow", "mstyle", "mpadded", "semantics", "msqrt", "mtable", "mtr"),
    *("mtd", "mspace", *_PARTED),
}
_TAGS = _BLOCKS | _MATH | {"span", "sub", "sup", "td", "th", "img", "a", "audio", "source", "lang", "object", "gap"}
_ATTRIBUTES = {
    "*": {"lang", "xml:lang", "class"},
    "img": {"src", "alt", "data-equation-content"},
    "a": {"href"},
    "audio": {"src"},
    "source": {"src"},
    "object": {"data"},
    "mfenced": {"open", "close"},
}
_NO_CONTENT = {"script", "style", "annotation", "annotation-xml"}
_SUPER = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUB = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_MLANG = re.compile(r"\{mlang\s+([\w,-]+)\s*\}(.*?)\{mlang\s*\}", re.DOTALL)
_ANY_TAG = re.compile(r"<(/?)(?!(?:br|img|hr|source|input)\b)[a-zA-Z]")
MOST_NESTING = 200
_CELL = "\U000f0200"
"""Ends a cell of a table until the line is whole."""
_markdown = MarkdownIt("commonmark", {"html": False})


@dataclass
class Html:
    """What a piece of HTML says: its text, the source it ends with, and images and sounds by their address with alt."""

    text: Words
    source: Words
    media: dict[str, Words] = field(default_factory=dict)
    lost: str = ""
    """The name of an image or sound it had that cannot be kept."""


class _Reader(HTMLParser):
    """Turns cleaned HTML into pieces of text, each with the language it is in; "" for both."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[str, list[tuple[str, str]]] = {"text": [], "source": []}
        self.media: dict[str, Words] = {}
        self._open: list[tuple[str, str, str]] = []  # tag, language, part
        self._lists: list[int | None] = []
        self._pre = 0
        self._script = ""
        self._link = ""
        self._fresh = False
        self._cell = 0
        self._math: list[tuple[str, list[str], str]] = []  # tag, signs before its next parts, what closes it

    @property
    def _here(self) -> tuple[str, str]:
        return (self._open[-1][1], self._open[-1][2]) if self._open else ("", "text")

    def _add(self, text: str) -> None:
        language, part = self._here
        self.pieces[part].append((language, text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the language, the part, and what is a line of its own."""
        given = {name: value or "" for name, value in attrs}
        language, part = self._here
        said = (given.get("lang") or given.get("xml:lang") or "").lower()[:2]
        if said in ("zh", "en"):
            language = said
        if "source" in given.get("class", "").split():
            part = "source"
        if tag not in ("br", "img", "source"):
            self._open.append((tag, language, part))
        if tag in _MATH:
            self._open_math(tag, given)
        if tag in _BLOCKS and not (self._fresh and tag not in ("ul", "ol", "table")):
            self._add("\n")
            self._fresh = False
        if tag in ("td", "th"):
            self._fresh, self._cell = True, len(self.pieces[part])
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li" and self._lists:
            at = self._lists[-1]
            self._lists[-1] = None if at is None else at + 1
            self._add("- " if at is None else f"{at + 1}. ")
            self._fresh = True
        elif tag == "pre":
            self._pre += 1
        elif tag in ("sub", "sup"):
            self._script = tag
        if given.get("data-equation-content"):
            self._add(rf"\({given['data-equation-content']}\)")
            return
        address = given.get("src") or given.get("data") or given.get("href") or ""
        if tag in ("img", "audio", "source", "object", "a") and address:
            alt = tidy(given.get("alt", ""))
            if tag == "a":
                self._link = address
            else:
                self._seen(address, language, alt)

    def _seen(self, address: str, language: str, alt: str) -> None:
        found = self.media.setdefault(address, {})
        if alt:
            found[language] = alt

    def _open_math(self, tag: str, given: Mapping[str, str]) -> None:
        """Write a formula of MathML on one line: a/b, x², √(x + 1)."""
        inside = self._math[-1][0] if self._math else ""
        signs = self._math[-1][1] if self._math else []
        sign = signs.pop(0) if signs else ""
        if sign in ("^", "_") and tag in ("mi", "mn"):
            self._script, sign = "sup" if sign == "^" else "sub", ""
        opening, closing = "", {"mtd": " ", "mtr": "; "}.get(tag, "")
        if tag == "mfenced":
            opening, closing = given.get("open", "("), given.get("close", ")")
        elif tag == "msqrt":
            opening, closing = "√(", ")"
        elif inside in _PARTED and inside != "mfenced" and tag in ("mrow", "mstyle", *_PARTED):
            opening, closing = "(", ")"
        self._add(sign + opening)
        self._math.append((tag, ["", *_PARTED.get(tag, "").split()], closing))

    def handle_endtag(self, tag: str) -> None:
        """Leave what the tag opened."""
        if tag in ("td", "th"):
            pieces = self.pieces[self._here[1]]
            while len(pieces) > self._cell and not pieces[-1][1].strip():
                pieces.pop()
            self._add(_CELL)
        if tag in _MATH and self._math:
            self._add(self._math.pop()[2])
        if tag == "pre":
            self._pre -= 1
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag in ("sub", "sup", "mi", "mn"):
            self._script = ""
        if tag == "a":
            self._link = ""
        if tag in _BLOCKS:
            self._add("\n")
        if self._open and any(one[0] == tag for one in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Take text; white space counts as in a browser."""
        text = data if self._pre else re.sub(r"[ \t\r\n\f]+", " ", data)
        if self._math:
            text = _INVISIBLE.sub("", text.strip())
            text = f" {text} " if text and _RELATIONS.issuperset(text) else text
        if self._fresh and not text.strip():
            return
        self._fresh = False
        if self._link and _is_sound(self._link):
            self._seen(self._link, self._here[0], tidy(text))
            return
        if self._script and text.strip():
            table = _SUPER if self._script == "sup" else _SUB
            raised = text.translate(table)
            mark = "^" if self._script == "sup" else "_"
            fits = all(ord(sign) in table for sign in text)
            text = raised if fits else f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"
        if self._open and self._open[-1][0] == "gap":
            text = f"{{{{{text.strip()}}}}}"
        self._add(text)


def _is_sound(address: str) -> bool:
    return unquote(address).lower().endswith(".mp3")


def from_html(html: str) -> Html:
    """Read HTML as plain text: paragraphs and list entries become lines, small digits small digits, a text in spans of
    two languages two texts; scripts, styles and whatever else is not text vanish.

    Args:
        html: as another system wrote it, dangerous or not.
    """
    if "<" not in html and "&" not in html and "{mlang" not in html:
        return Html(words(" ".join(html.split())), {})
    if _too_deep(html):
        raise Fault(N_("Its HTML is nested deeper than %(most)s elements. Simplify it."), most=MOST_NESTING)
    html = _MLANG.sub(lambda found: f'<span lang="{found[1]}">{found[2]}</span>', html)
    cleaned = nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None, clean_content_tags=_NO_CONTENT,
        url_schemes={"data", "http", "https"})  # fmt: skip
    reader = _Reader()
    reader.feed(cleaned)
    reader.close()
    return Html(_joined(reader.pieces["text"]), _joined(reader.pieces["source"]), reader.media)


def _too_deep(html: str) -> bool:
    depth = 0
    for closing in _ANY_TAG.findall(html):
        depth += -1 if closing else 1
        if depth > MOST_NESTING:
            return True
    return False


def _joined(pieces: list[tuple[str, str]]) -> Words:
    if not any(language and text.strip() for language, text in pieces):
        return words(_lines("".join(text for _, text in pieces)))
    texts = {
        one: tidy(_lines("".join(text for language, text in pieces if language in ("", one)))) for one in ("zh", "en")
    }
    return {language: text for language, text in texts.items() if text}


def _lines(text: str) -> str:
    """Lay blocks out as lines: one break between two, no white space at either end of a line that no one typed."""
    lines = [re.sub(f" *{_CELL} *", " | ", line.strip(f" {_CELL}")) for line in text.split("\n")]
    return "\n".join(line for line in lines if line)


def from_markdown(text: str) -> Html:
    """Read Markdown as plain text."""
    return from_html(str(_markdown.render(text)))


def from_plain(text: str) -> Html:
    """Take plain text as it is."""
    return Html(words(text), {})


def to_html(text: Mapping[str, str], language: str = "", attribute: str = "lang") -> str:
    """Write a text as inline HTML: in one language, or in both as spans of which a reader sees one.

    Args:
        text: in zh and en.
        language: "zh" or "en"; "" for both.
        attribute: "lang" for Moodle's multi-language filter, "xml:lang" for QTI.
    """
    if language or text["zh"] == text["en"]:
        return inner(text[language or "zh"])
    return in_both({one: inner(text[one]) for one in ("zh", "en")}, attribute)


def in_both(html: Mapping[str, str], attribute: str = "lang") -> str:
    """Write HTML in both languages as spans; see `to_html`."""
    if attribute == "lang":
        return "".join(f'<span lang="{MULTILANG[one]}" class="multilang">{html[one]}</span>' for one in ("zh", "en"))
    return f'<span xml:lang="zh-CN">{html["zh"]}</span><span xml:lang="en">{html["en"]}</span>'


def inner(text: str) -> str:
    """Write plain text as HTML in which line breaks and runs of spaces stay."""
    kept = re.sub(r"(?m)^ |(?<= ) ", "\u00a0", text)
    kept = re.sub(r"\n(?=\n)", "\n\u00a0", kept)
    return escape(kept, quote=False).replace("\n", "<br/>")


def media_html(media: Iterable[Mapping[str, Any]], language: str, attribute: str = "lang", folder: str = "") -> str:
    """Write images, and sounds as links, each with its alt in the languages of the text."""
    html = ""
    for one in media:
        address = escape(folder + quote(one["file"]))
        shown = {
            lang: f'<a href="{address}">{escape(one["alt"][lang])}</a>'
            if _is_sound(address)
            else f'<img src="{address}" alt="{escape(one["alt"][lang])}"/>'
            for lang in ("zh", "en")
        }
        if language or one["alt"]["zh"] == one["alt"]["en"]:
            html += f"<br/>{shown[language or 'zh']}"
        else:
            html += f"<br/>{in_both(shown, attribute)}"
    return html


def feedback_html(question: Mapping[str, Any], language: str, attribute: str = "lang") -> str:
    """Write the explanation and, in a paragraph of its own, the source."""
    explanation = to_html(question["explanation"], language, attribute)
    source = to_html(question["source"], language, attribute)
    return f'<p>{explanation}</p><p class="source">{source}</p>'
