"""What other systems know of a question, as a question of ours: shared by the readers of Moodle's formats and QTI."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from questions.errors import BadMedia
from questions.formats.markup import Html, from_html, from_markdown, from_plain
from questions.formats.neutral import (
    CannotHold,
    Item,
    Reading,
    Words,
    credit_of,
    flat,
    labelled,
    letter,
    note,
    number,
    settle_credit,
    shortest,
    words,
)
from questions.rules import N_, Fault, mime_of, normalise

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "audio/mpeg": "mp3"}
OTHER_TYPE = N_(
    "Questions of the type %(type)s cannot be taken in. Leave the question out or write it as another type."
)
ESSAY = N_("Essay questions are marked by people and cannot be taken in. Leave the question out.")
CASE_COUNTS = N_("The file tells upper from lower case in answers; here they are one.")
UNEVEN = N_("Parts that counted differently in the file count alike here.")
PARTLY = N_("An option that earned a part of the points now earns none: one option is right.")
AS_WRITTEN = N_("A number in a blank is accepted only as it is written, 4 but not 4.0.")
HINTS = N_("Hints between attempts were left out.")
SHUFFLED = N_("Its options keep their order in the file; here they are shuffled.")


def note_points(reading: Reading, points: Iterable[str]) -> None:
    """Say that questions of a file carry different points, which the rules by which papers are drawn set here.

    Args:
        reading: takes the note.
        points: those of the questions as the file writes them, "" where it says nothing.
    """
    if len({shortest(number(one)) for one in points if re.fullmatch(r"\d{1,9}(\.\d{0,9})?", one.strip())}) > 1:
        text = N_("Its questions carry different points in the file; here the rules for drawing papers set them.")
        reading.notes.append(note(text))


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
                warning = note(text, item.place, name=name[:60])
                item.warnings += [warning] if warning not in item.warnings else []
                html.lost = html.lost or name[:60]
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


def parts_of(shown: Iterable[Words | Html], prefix: str = "") -> list[dict[str, Any]]:
    """Make options or prompts (see `labelled`) of texts, each perhaps with an image; one of neither raises Fault."""
    htmls = [_html(one) for one in shown]
    texts = [html.text or next(iter(html.media.values()), {}) for html in htmls]
    for html, text in zip(htmls, texts, strict=True):
        if not text and html.lost:
            raise Fault(N_("An option is nothing but the image %(name)s, which cannot be kept."), name=html.lost)
        if not text:
            raise Fault(N_("An option has no text."))
    parts = labelled(texts, prefix)
    for part, html in zip(parts, htmls, strict=True):
        keep_media(part, html, "image")
    return parts


def _html(shown: Words | Html) -> Html:
    return shown if isinstance(shown, Html) else Html(shown, {})


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
    if kind == "html":
        return from_html(text)
    if kind == "plain" or not any(sign in text for sign in ("<", "&", "{mlang")):
        return from_plain(text)
    return from_html(text.replace("\n", "<br>"))


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


def read_choice(item: Item, texts: Sequence[Words | Html], shares: Sequence[Fraction], single: bool) -> None:
    """Make a single or multiple choice of what each option earns.

    Args:
        item: the question.
        texts: the options.
        shares: by option the share of the points it earns or costs.
        single: whether only one may be chosen.

    Raises: Fault where several options are each fully right, or none is.
    """
    question = item.question
    question["options"] = parts_of(texts)
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
        if not single:
            item.warnings.append(
                note(N_("Any number of options may be chosen in the file; one is right, so here one is."), item.place)
            )
        if len(right) > 1:
            item.warnings.append(note(PARTLY, item.place))
        return
    if len(right) < 2:
        raise Fault(N_("No option is marked as right."))
    wrong = [share for share in shares if share <= 0]
    gains = [share for share in shares if share > 0]
    if len(full) > 1:
        item.warnings.append(
            note(N_("Each of several right options alone earns all in the file; here all are needed."), item.place)
        )
    if uneven(gains):
        item.warnings.append(note(UNEVEN, item.place))
    question |= {"type": "multiple", "key": right}
    settle_credit(question, credit_of(wrong))
    if any(share == 0 for share in wrong):
        item.warnings.append(
            note(N_("Wrong choices cost nothing in the file; here each takes a right one away."), item.place)
        )


def uneven(shares: Sequence[Fraction]) -> bool:
    """Say whether parts count differently, by more than shares rounded to whole percents do."""
    return bool(shares) and max(shares) - min(shares) > max(shares) / 20


_STAR = re.compile(r"(?<!\\)\*")


def read_short(item: Item, answers: Sequence[tuple[str, Fraction]]) -> None:
    """Make a fill-in of spellings and what each earns; "*" stands for anything, "\\*" for itself. Raises: Fault."""
    right = [text for text, share in answers if share >= 1]
    if any(0 < share < 1 for _, share in answers):
        item.warnings.append(note(N_("A spelling that earned a part of the points is no longer accepted."), item.place))
    plain = [text for text in right if not _STAR.search(text)]
    if len(plain) < len(right) and not plain:
        raise Fault(N_("An accepted answer holds *, which stands for anything. Write the accepted answers out."))
    if len(plain) < len(right):
        item.warnings.append(
            note(N_("An accepted answer with *, which stands for anything, was left out; the others stay."), item.place)
        )
    key = [flat(text.replace("\\*", "*")) for text in plain]
    item.question |= {"type": "fill_in", "key": list(dict.fromkeys(text for text in key if normalise(text)))}
    if not item.question["key"]:
        raise Fault(N_("No answer is marked as right."))


def read_numeric(item: Item, found: Sequence[tuple[str, str, Fraction]]) -> None:
    """Make a numeric question of values, tolerances ("0.5", "2%") and what each earns, or a fill-in of several exact
    values that are all fully right. Raises: Fault where several that are right have tolerances, or none is right."""
    full = [(value, tolerance) for value, tolerance, share in found if share >= 1]
    if len(full) > 1 and not any(Decimal(tolerance.rstrip("%")) for _, tolerance in full):
        item.warnings.append(
            note(N_("Several numbers are right: each is accepted only as it is written, 4 but not 4.0."), item.place)
        )
        spelled = [form for value, _ in full for form in (value, shortest(value))]
        item.question |= {"type": "fill_in", "key": list(dict.fromkeys(spelled))}
        return
    if len(full) != 1:
        raise Fault(N_("%(count)s numbers are fully right; it must be exactly one."), count=len(full))
    if len(found) > 1:
        item.warnings.append(note(N_("A number that earned a part of the points now earns none."), item.place))
    item.question |= {"type": "numeric", "key": {"value": full[0][0], "tolerance": full[0][1]}}


def read_matching(item: Item, pairs: Sequence[tuple[Words | Html, Words | Html]]) -> None:
    """Make a matching of pairs, or a single choice of one pair; a pair without a left side is an option that fits
    nothing. Raises: Fault."""
    question = item.question
    rights: list[Html] = []
    lefts: list[Html] = []
    wanted: list[int] = []
    for left, right in ((_html(one), _html(other)) for one, other in pairs):
        if right not in rights:
            rights.append(right)
        if left.text or left.media or left.lost:
            lefts.append(left)
            wanted.append(rights.index(right))
    if len(lefts) == 1 and len(rights) > 1:
        question["stem"] = joined([text for text in (question.get("stem", {}), lefts[0].text) if text])
        keep_media(question, lefts[0])
        read_choice(item, rights, [Fraction(at == wanted[0]) for at in range(len(rights))], True)
        return
    question |= {"type": "matching", "prompts": parts_of(lefts, "p"), "options": parts_of(rights)}
    question["key"] = {f"p{number}": letter(at) for number, at in enumerate(wanted, 1)}
    question["credit"] = "each"


def gap(number: int, count: int) -> str:
    """Return the mark of a gap in a stem, to be filled with a given word: the only one, or one of several."""
    return f"____({number})" if count > 1 else "____"


def read_gaps(item: Item, gaps: Sequence[tuple[Html, Sequence[Html]]]) -> None:
    """Make a matching of gaps with words, or a single choice of one gap; the stem marks them (see `gap`).

    Args:
        item: the question.
        gaps: of each gap the word that fits and the words offered.

    Raises: Fault.
    """
    if len(gaps) == 1:
        right, words_offered = gaps[0]
        distinct = [word for at, word in enumerate(words_offered) if word not in words_offered[:at]]
        read_choice(item, distinct, [Fraction(word == right) for word in distinct], True)
        return
    pairs = [(Html({"": f"({at})"}, {}), right) for at, (right, _) in enumerate(gaps, 1)]
    read_matching(item, [*pairs, *((Html({}, {}), word) for _, offered in gaps for word in offered)])
    item.warnings.append(
        note(N_("Gaps to be filled with given words became a matching of gaps and words."), item.place)
    )


def refuse_in_moodle(question: Mapping[str, Any], *, xml: bool) -> None:
    """Say what no question of Moodle's own types holds.

    Args:
        question: in the form of docs/bank-format.md.
        xml: whether the format is Moodle XML, which holds more than GIFT.

    Raises: CannotHold.
    """
    if question.get("case"):
        raise CannotHold(N_("It belongs to a case; only sheets hold cases."))
    if question["type"] == "fill_in" and isinstance(question["key"][0], list) and not xml:
        raise CannotHold(
            N_("Several blanks in one question: sheets, Moodle XML and QTI hold them, this format does not.")
        )
    if question.get("variables") and not xml:
        raise CannotHold(N_("Values drawn for each paper: sheets and Moodle XML hold them, this format does not."))
