"""What other systems know of a question, as a question of ours: shared by the readers of Moodle's formats and QTI."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from questions.errors import BadMedia
from questions.formats.markup import Html, from_html, from_markdown, from_plain
from questions.formats.neutral import (
    CannotHold,
    Item,
    Words,
    credit_of,
    flat,
    labelled,
    letter,
    note,
    settle_credit,
    words,
)
from questions.rules import N_, Fault, mime_of, normalise

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "audio/mpeg": "mp3"}
OTHER_TYPE = N_(
    "Questions of the type %(type)s cannot be taken in. Leave the question out or write it as another type."
)
ESSAY = N_("Essay questions are marked by people and cannot be taken in. Leave the question out.")
_STAR = re.compile(r"(?<!\\)\*")


class Media:
    """Images and sounds of a file, each kept once under a name made of its content."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}

    def take(self, html: Html, item: Item, fetch: Callable[[str], bytes | None]) -> Html:
        """Keep what a text shows under the names by which its media then go; what cannot be kept becomes a warning.

        Args:
            html: the text; its media are changed.
            item: the question it belongs to.
            fetch: gives the content at an address within the file, or None.
        """
        named: dict[str, Words] = {}
        for address, alt in html.media.items():
            name = unquote(address).rpartition("/")[2]
            embedded = address.startswith("data:") and ";base64," in address
            content = decoded(address.partition(",")[2]) if embedded else fetch(address)
            try:
                if content is None:
                    raise BadMedia(why="unknown")
                ending = _ENDINGS[mime_of(content)]
            except BadMedia:
                text = N_("The image %(name)s was left out: it is not in the file, too large, or of a type not kept.")
                item.warnings.append(note(text, item.place, name=name[:60]))
                continue
            kept = f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
            self.found[kept] = content
            named[kept] = alt or words("" if embedded else name.rpartition(".")[0]) or words("image")
        html.media = named
        return html


def keep_media(owner: dict[str, Any], html: Html, part: str = "media") -> None:
    """Put the images and sounds of a text with a question, or the first of them with an option ("image")."""
    entries = [{"file": name, "alt": dict(alt)} for name, alt in html.media.items()]
    if entries and part == "media":
        owner["media"] = [*owner.get("media", []), *entries]
    elif entries:
        owner["image"] = entries[0]


def decoded(text: str) -> bytes | None:
    """Decode base64; None when it is none."""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


def path_of(category: str) -> list[str]:
    """Return the names of a Moodle category from the top, e.g. of "$course$/top/Safety/Gas"; "//" is a plain stroke."""
    names = [name.replace("\0", "/").strip() for name in category.replace("//", "\0").split("/")]
    return [name for name in names if name and not re.fullmatch(r"\$\w+\$|top", name)]


def read_formatted(text: str, kind: str) -> Html:
    """Read a text in one of Moodle's formats: html, markdown, plain, moodle (HTML in which line breaks count)."""
    if kind == "markdown":
        return from_markdown(text)
    if kind == "plain" or not any(sign in text for sign in ("<", "&", "{mlang")):
        return from_plain(text)
    return from_html(text if kind == "html" else text.replace("\n", "<br>"))


def settle_feedback(question: dict[str, Any], general: Html, more: Sequence[Words] = ()) -> None:
    """Make the explanation and the source of the general feedback, with what was said of single answers below it.

    Args:
        question: `explanation`, if there, is what was said of the right answer.
        general: the general feedback.
        more: further remarks.
    """
    said = [text for text in (general.text, question.pop("explanation", {}), *more) if text]
    if said:
        question["explanation"] = joined(said)
    if general.source:
        question["source"] = general.source


def joined(texts: Sequence[Words]) -> Words:
    """Lay texts under one another; where one has languages and another has none, it stands in each."""
    languages = sorted({language for text in texts for language in text if language}) or [""]
    lines = {
        one: "\n".join(dict.fromkeys(text.get(one, text.get("", "")) for text in texts)).strip() for one in languages
    }
    return {language: line for language, line in lines.items() if line}


def read_choice(item: Item, texts: Sequence[Words], shares: Sequence[Fraction], single: bool) -> None:
    """Make a single or multiple choice of what each option earns.

    Args:
        item: the question.
        texts: the options.
        shares: by option the share of the points it earns or costs.
        single: whether only one may be chosen.

    Raises: Fault where several options are each fully right, or none is.
    """
    question = item.question
    if not all(texts):
        raise Fault(N_("An option has no text."))
    question["options"] = labelled(texts)
    ids = [option["id"] for option in question["options"]]
    full = [id_ for id_, share in zip(ids, shares, strict=True) if share >= 1]
    right = [id_ for id_, share in zip(ids, shares, strict=True) if share > 0]
    if single or (len(right) == 1 and full):
        if len(full) != 1:
            raise Fault(
                N_("%(count)s options are fully right where one may be chosen; it must be exactly one."),
                count=len(full),
            )
        question |= {"type": "single", "key": full}
        if len(right) > 1:
            item.warnings.append(
                note(N_("An option that earned a part of the points now earns none: one option is right."), item.place)
            )
        return
    if len(right) < 2:
        raise Fault(N_("No option is marked as right."))
    wrong = [share for share in shares if share <= 0]
    question |= {"type": "multiple", "key": right}
    settle_credit(question, credit_of(wrong))
    if any(share == 0 for share in wrong):
        item.warnings.append(
            note(N_("Wrong choices cost nothing in the file; here each takes a right one away."), item.place)
        )


_STAR = re.compile(r"(?<!\\)\*")


def read_short(item: Item, answers: Sequence[tuple[str, Fraction]]) -> None:
    """Make a fill-in of spellings and what each earns; "*" stands for anything, "\\*" for itself. Raises: Fault."""
    right = [text for text, share in answers if share >= 1]
    if any(0 < share < 1 for _, share in answers):
        item.warnings.append(note(N_("A spelling that earned a part of the points is no longer accepted."), item.place))
    if any(_STAR.search(text) for text in right):
        raise Fault(N_("An accepted answer holds *, which stands for anything. Write the accepted answers out."))
    key = [flat(text.replace("\\*", "*")) for text in right]
    item.question |= {"type": "fill_in", "key": list(dict.fromkeys(text for text in key if normalise(text)))}
    if not item.question["key"]:
        raise Fault(N_("No answer is marked as right."))


def read_numeric(item: Item, found: Sequence[tuple[str, str, Fraction]]) -> None:
    """Make a numeric question of values, tolerances and what each earns. Raises: Fault unless one is fully right."""
    full = [(value, tolerance) for value, tolerance, share in found if share >= 1]
    if len(full) != 1:
        raise Fault(N_("%(count)s numbers are fully right; it must be exactly one."), count=len(full))
    if len(found) > 1:
        item.warnings.append(note(N_("A number that earned a part of the points now earns none."), item.place))
    item.question |= {"type": "numeric", "key": {"value": full[0][0], "tolerance": full[0][1]}}


def read_matching(item: Item, pairs: Sequence[tuple[Words, Words]]) -> None:
    """Make a matching of pairs; a pair without a left side is an option that fits nothing. Raises: Fault."""
    question = item.question
    texts: list[Words] = []
    key: dict[str, str] = {}
    prompts = [left for left, _ in pairs if left]
    if not all(right for _, right in pairs):
        raise Fault(N_("An option has no text."))
    for left, right in pairs:
        if right not in texts:
            texts.append(right)
        if left:
            key[f"p{len(key) + 1}"] = letter(texts.index(right))
    question |= {"type": "matching", "prompts": labelled(prompts, "p"), "options": labelled(texts), "key": key}
    question["credit"] = "each"


def refuse_in_moodle(question: Mapping[str, Any], *, drawn: bool) -> None:
    """Say what no question of Moodle's own types holds.

    Args:
        question: in the form of docs/bank-format.md.
        drawn: whether the format holds values drawn for each paper.

    Raises: CannotHold.
    """
    if question.get("case"):
        raise CannotHold(N_("It belongs to a case; only sheets hold cases."))
    if question["type"] == "fill_in" and isinstance(question["key"][0], list):
        raise CannotHold(N_("Several blanks in one question: sheets and QTI hold them, this format does not."))
    if question.get("variables") and not drawn:
        raise CannotHold(N_("Values drawn for each paper: sheets and Moodle XML hold them, this format does not."))
