"""The words of the pages: nothing is left untranslated, and nothing speaks past gettext."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import gettext
from flask_wtf.i18n import translations as form_words
from jinja2 import Environment, nodes
from werkzeug.datastructures import MultiDict

from core import web
from payouts.forms import BandForm

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "translations/zh/LC_MESSAGES/messages.po"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SPEAKING = (
    "accounts", "organizations", "questions", "practice", "competitions", "laboratory", "leaderboard", "payouts",
    "pages", "core",
)  # fmt: skip
SPEAKING_MODULES = sorted(
    path
    for package in SPEAKING
    for name in ("routes*.py", "*_routes.py", "forms.py", "nav.py", "exports.py")
    for path in (ROOT / package).glob(name)
)
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
GETTEXT = {"_", "_l", "gettext", "ngettext", "lazy_gettext"}
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
SPEAKING_CALLS = {"flash", "Column", "Sheet", "InputRequired", "DataRequired", "ValidationError", "SelectChoice"}
SPEAKING_KEYWORDS = {"label", "description", "message", "title", "name"}
SPOKEN_ATTRIBUTES = {"alt", "title", "aria-label", "aria-description", "placeholder", "content"}
# Proper names, and what is said on purpose in the language that the page is not in: the switch, and both words of
# true or false, since a question may be read in the other language without a reload.
SAME_IN_EVERY_LANGUAGE = {
    "中文", "English", "SHA-256", "CSV", "Biwu", "API", "openapi.json",
    "English: switch language", "中文：切换语言", "EN", "中", "对", "错", "True", "False",
}  # fmt: skip
# English word in the msgid: the glossary's word that the Chinese then has to use.
GLOSSARY = {
    r"\bcompetitions?\b": "比武",
    r"\btracks?\b": "赛道",
    r"\btrades?\b": "工种",
    r"\btopic\b": "知识点",
    r"\bblueprint\b": "组卷规则",
    r"\breceipt\b": "回执",
    r"\bleaderboard\b": "排行榜",
    r"\bsealed standings\b": "封榜成绩",
    r"\bledgers?\b": "账本",
    r"\bpayouts?\b": "发放",
    r"\btransfer lists?\b": "转账清单",
    r"\bprize pool\b": "奖金池",
    r"\bprize rules?\b": "奖项规则",
    r"\btie rule\b": "同分规则",
    r"\bpass mark\b": "通关分数线",
    r"\bparticipants?\b": "参赛者",
}


def ids(message: Message) -> tuple[str, ...]:
    """Return the English of a message, its plural too."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def texts(message: Message) -> tuple[str, ...]:
    """Return the Chinese of a message, one text for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


@cache
def catalogue() -> Catalog:
    """Read the Chinese catalogue as it is kept."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


def messages() -> list[Message]:
    """Return the catalogue's messages without its heading."""
    return [message for message in catalogue() if message.id]


@cache
def extracted() -> set[tuple[str, ...]]:
    """Return what the code and the templates say now, by the rules of babel.cfg."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    skipped = ("tests", "bench", "migrations", "docs", "static")
    found = extract_from_dir(
        ROOT,
        methods,
        options,
        keywords=KEYWORDS,
        directory_filter=lambda folder: not Path(folder).name.startswith((".", "_", "state", *skipped)),
    )
    return {(text,) if isinstance(text, str) else tuple(text) for _file, _line, text, _notes, _context in found}


def bare(text: str) -> list[str]:
    """Return the words in a text that are not the same in every language."""
    for word in sorted(SAME_IN_EVERY_LANGUAGE, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "", text)
    if re.fullmatch(r"[a-z]+(-[a-z]+)+", text.strip()):
        return []  # the name of a picture or a class, which a block hands up
    return re.findall(r"[A-Za-z]{2,}[\w ,.'-]*|[\u4e00-\u9fff]+", text)


class Words(HTMLParser):
    """Collect what a template shows or reads out apart from its expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note spoken attributes; what stands in code, scripts and styles is not language."""
        self.code += tag in ("script", "style", "code", "pre")
        named = dict(attrs)
        if tag != "meta" or named.get("name") == "description":
            self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        """Leave code, scripts and styles."""
        self.code -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        """Note text."""
        if not self.code:
            self.found.append(data)


def words_outside_expressions(source: str) -> list[str]:
    """Return the text of a template with its expressions and comments taken out."""
    reader = Words()
    reader.feed("".join(value for _line, kind, value in Environment(autoescape=True).lex(source) if kind == "data"))
    reader.close()
    return [word for text in reader.found for word in bare(text)]


def sentences_inside_expressions(source: str) -> Iterator[str]:
    """Yield string constants that read like a label and are not handed to gettext."""

    def walk(node: nodes.Node) -> Iterator[str]:
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in GETTEXT:
            return
        if isinstance(node, nodes.Const) and isinstance(node.value, str) and looks_like_a_label(node.value):
            yield node.value
        for child in node.iter_child_nodes():
            yield from walk(child)

    yield from walk(Environment(autoescape=True).parse(source))


def looks_like_a_label(text: str) -> bool:
    """Say whether a constant is meant for eyes: a capital and then small letters, or Chinese."""
    return bool(re.match(r"[A-Z][a-z]+([ .,:]|$)|[\u4e00-\u9fff]", text)) and text not in SAME_IN_EVERY_LANGUAGE


def labels_past_gettext(source: str) -> Iterator[str]:
    """Yield constants that Python hands to flash, to a form's field or validator, or to a column, without gettext."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if not (name.endswith("Field") or name in SPEAKING_CALLS):
            continue
        spoken = node.args[:1] + [keyword.value for keyword in node.keywords if keyword.arg in SPEAKING_KEYWORDS]
        for value in spoken:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and looks_like_a_label(value.value):
                yield value.value


def test_the_catalogue_holds_what_the_pages_say_and_nothing_else() -> None:
    known = {ids(message) for message in messages()}
    assert sorted(extracted() - known) == [], "run `make catalogues`, then translate"
    assert sorted(known - extracted()) == []
    assert not catalogue().obsolete


def test_every_text_is_translated_and_none_is_a_guess() -> None:
    assert [ids(message) for message in messages() if message.fuzzy or not all(texts(message))] == []


def test_every_placeholder_is_kept() -> None:
    wrong = [
        (ids(message), texts(message))
        for message in messages()
        if any(set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(ids(message)[-1])) for text in texts(message))
    ]
    assert wrong == []


def test_one_thing_has_one_chinese_word() -> None:
    wrong = [
        (english, chinese, word)
        for message in messages()
        for english, chinese in [(ids(message)[0], texts(message)[0])]
        for pattern, word in GLOSSARY.items()
        if re.search(pattern, PLACEHOLDER.sub("", english), re.IGNORECASE) and word not in chinese
    ]
    assert wrong == []


def test_the_chinese_addresses_readers_alike_and_is_punctuated_as_chinese() -> None:
    alike = [texts(message)[0] for message in messages()]
    assert [text for text in alike if "您" in text] == []
    halves = r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)|[０-９]"
    assert [text for text in alike if re.search(halves, PLACEHOLDER.sub("字", text))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_text_of_a_template_goes_through_gettext(path: Path) -> None:
    source = path.read_text()
    assert words_outside_expressions(source) == []
    assert list(sentences_inside_expressions(source)) == []


@pytest.mark.parametrize("path", SPEAKING_MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_label_and_message_of_a_view_goes_through_gettext(path: Path) -> None:
    assert list(labels_past_gettext(path.read_text())) == []


def test_a_reader_of_chinese_gets_our_words_and_those_of_the_form_library() -> None:
    app = Flask(__name__, root_path=str(ROOT))
    web.babel.init_app(app, locale_selector=web.choose_catalogue)
    with app.test_request_context("/?lang=zh-CN"):
        assert gettext("Hand in") == "交卷"
        assert form_words.gettext("This field is required.") == "该字段是必填字段。"
        row = BandForm(MultiDict({"first": "x", "last": "0", "each": "x"}))
        assert not row.validate()
        assert [
            str(error) for errors in row.errors.values() for error in errors if re.search("[A-Za-z]", str(error))
        ] == []
    with app.test_request_context("/?lang=en"):
        assert gettext("Hand in") == "Hand in"


def test_the_checks_notice_what_they_are_for() -> None:
    assert words_outside_expressions('<p title="Hidden">Hello {{ _("there") }}</p>') == ["Hidden", "Hello "]
    assert list(sentences_inside_expressions('{{ button("Save it") }}{{ button(_("Keep")) }}')) == ["Save it"]
    assert list(labels_past_gettext('"Docs."\nflash("Saved."); flash(_("Kept."))')) == ["Saved."]
