"""The shape of what authors and reviewers type; `EditorForm.question` brings it to the form of docs/bank-format.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from core.forms import Row, choices, strip
from questions.errors import BadMedia
from questions.rules import (
    CASE_SIZE,
    DIFFICULTIES,
    IMAGE_LIMIT,
    MOST_PARTS,
    MOST_PIXELS,
    SOUND_LIMIT,
    TYPES,
    Fault,
    parse_number,
)
from questions.words import credit_words, difficulty_words, say

LANGUAGES = ("zh", "en")
SPARE = 2
LEAST_ROWS = 4
MOST_MEDIA = 4
_ID = re.compile(r"[A-Za-z0-9_]{1,20}")
_BLANK = re.compile(r"\{\{\d+\}\}")
_PARTS = {
    "single": "options",
    "multiple": "options",
    "true_false": "truth",
    "fill_in": "blanks",
    "numeric": "value",
    "ordering": "options",
    "matching": "prompts",
}
"""Which part of the form a fault of a type is said at, when it does not say so itself."""


def _text(label: Any, most: int, rows: int) -> TextAreaField:
    return TextAreaField(label, [Length(max=most)], filters=[strip], render_kw={"rows": rows})


class _Row(Row):
    """A row of a list; an empty one says nothing."""

    def faulty(self, field: str, sentence: str) -> None:
        """Say what is wrong at a field."""
        at = self[field]
        at.errors = [*at.errors, sentence]


class PictureRow(_Row):
    """An image or a sound: kept already, or a file to keep, with the words for those who cannot see or hear it."""

    sha256 = HiddenField()
    mime = HiddenField()
    file = FileField(_("File"))
    alt_zh = StringField(_("In words, Chinese"), [Length(max=300)], filters=[strip])
    alt_en = StringField(_("In words, English"), [Length(max=300)], filters=[strip])
    drop = BooleanField(_("Take it away"))

    def picture(self) -> dict[str, Any] | None:
        """Return it in the form of docs/bank-format.md once kept, or None."""
        if not self.sha256.data or self.drop.data:
            return None
        return {
            "sha256": self.sha256.data,
            "mime": self.mime.data,
            "alt": {"zh": self.alt_zh.data, "en": self.alt_en.data},
        }


class PartRow(PictureRow):
    """An option, or a step of an ordering with its place."""

    id = HiddenField()
    zh = _text(_("Chinese"), 500, 2)
    en = _text(_("English"), 1000, 2)
    place = IntegerField(_("Place in the right order"), [Optional(), NumberRange(1, MOST_PARTS)])

    def part(self) -> dict[str, Any] | None:
        """Return it in the form of docs/bank-format.md, or None when nothing was typed."""
        picture = self.picture()
        if not (self.zh.data or self.en.data or picture):
            return None
        return {"id": self.id.data, "zh": self.zh.data, "en": self.en.data} | ({"image": picture} if picture else {})


class PromptRow(PartRow):
    """What stands on the left of a matching, and the option that fits it."""

    fits = SelectField(_("What fits"), validate_choice=False)


class BlankRow(_Row):
    """The accepted spellings of one blank, one a line."""

    accepted = TextAreaField(
        _("Accepted answers, one a line"), [Length(max=2000)], filters=[strip], render_kw={"rows": 2}
    )


class VariableRow(_Row):
    """A number that every paper draws anew."""

    name = StringField(_("Name in the text"), [Length(max=20)], filters=[strip])
    min = StringField(_("Lowest"), [Length(max=20)], filters=[strip])
    max = StringField(_("Highest"), [Length(max=20)], filters=[strip])
    step = StringField(_("In steps of"), [Length(max=20)], filters=[strip])


class _PicturedForm(FlaskForm):  # type: ignore[misc]
    """A form that takes images and sounds and carries them on by their digests."""

    media = FieldList(FormField(PictureRow), max_entries=MOST_MEDIA + 1)

    def pictured(self) -> list[tuple[Any, bool]]:
        """Return every row that may have a file, and whether it has to be an image."""
        return [(row, False) for row in _rows(self.media)]

    def grow_media(self) -> None:
        """Keep an empty row at the end for one more."""
        if len(self.media) <= MOST_MEDIA and all(row.sha256.data for row in _rows(self.media)):
            self.media.append_entry()

    def shown(self) -> list[dict[str, Any]]:
        """Return the kept images and sounds in the form of docs/bank-format.md."""
        return [picture for row in _rows(self.media) if (picture := row.picture())]

    def take_files(self, keep: Callable[[bytes], dict[str, str]]) -> None:
        """Have every chosen file kept, so that the form carries it on by its digest.

        Args:
            keep: takes a whole file and gives {sha256, mime}, or raises BadMedia.
        """
        for row, images_only in self.pictured():
            upload = row.file.data
            if not upload or isinstance(upload, str) or not upload.filename:
                continue
            content = upload.read()
            upload.close()
            try:
                kept = keep(content)
                if images_only and not kept["mime"].startswith("image/"):
                    raise BadMedia(why="unknown")
            except BadMedia as refusal:
                row.faulty("file", _refused(refusal.details["why"], images_only))
            else:
                row.sha256.data, row.mime.data, row.drop.data = kept["sha256"], kept["mime"], False

    def look_up(self, find_mime: Callable[[str], str | None]) -> None:
        """Take the types of kept files from where they are kept, never from the form.

        Args:
            find_mime: gives the media type of a digest, or None.
        """
        for row, _images_only in self.pictured():
            row.mime.data = find_mime(row.sha256.data) if row.sha256.data else ""
            if not row.mime.data:
                row.sha256.data = ""

    def check_pictures(self) -> None:
        """Ask for the words of every image and sound."""
        for row, _images_only in self.pictured():
            for language in LANGUAGES:
                if row.picture() and not row[f"alt_{language}"].data:
                    row.faulty(f"alt_{language}", gettext("Say in words what is to be seen or heard."))


class EditorForm(_PicturedForm):
    """A question of any type; the page shows the fields that its type has."""

    base = HiddenField()
    topic = SelectField(_("Topic"))
    difficulty = SelectField(_("Difficulty"), [InputRequired()], coerce=int)
    credit = RadioField(_("Credit for an answer that is not fully right"), validate_choice=False)
    stem_zh = _text(_("Question in Chinese"), 2000, 4)
    stem_en = _text(_("Question in English"), 4000, 4)
    options = FieldList(FormField(PartRow), max_entries=2 * MOST_PARTS)
    right = SelectMultipleField(validate_choice=False)
    prompts = FieldList(FormField(PromptRow), max_entries=2 * MOST_PARTS)
    truth = RadioField(_("The statement is"), validate_choice=False)
    blanks = FieldList(FormField(BlankRow), max_entries=2 * MOST_PARTS)
    drawn = RadioField(_("The numbers"), validate_choice=False)
    value = StringField(_("Right answer"), [Length(max=30)], filters=[strip])
    variables = FieldList(FormField(VariableRow), max_entries=2 * MOST_PARTS)
    expression = StringField(
        _("Expression"),
        [Length(max=300)],
        filters=[strip],
        description=_("+ - * / ** and brackets, the variables, round(x, n), floor, ceil, min, max, sqrt, abs"),
        render_kw={"autocapitalize": "off", "spellcheck": "false"},
    )
    where = StringField(
        _("Condition"),
        [Length(max=300)],
        filters=[strip],
        description=_("Keeps impossible values out, such as a > b and a < 3 * b. May stay empty."),
        render_kw={"autocapitalize": "off", "spellcheck": "false"},
    )
    decimals = IntegerField(_("Decimal places of the answer"), [Optional(), NumberRange(0, 10)])
    tolerance = StringField(
        _("Tolerance"),
        [Length(max=20)],
        filters=[strip],
        description=_("A number, or with a percent sign a share of the answer. An answer at its very edge is right."),
    )
    unit_zh = StringField(_("Unit in Chinese"), [Length(max=30)], filters=[strip])
    unit_en = StringField(_("Unit in English"), [Length(max=30)], filters=[strip])
    explanation_zh = _text(_("Explanation in Chinese"), 4000, 4)
    explanation_en = _text(_("Explanation in English"), 8000, 4)
    source_zh = StringField(_("Source in Chinese"), [Length(max=300)], filters=[strip])
    source_en = StringField(_("Source in English"), [Length(max=600)], filters=[strip])

    group_errors: dict[str, list[str]]

    def prepare(self, type_: str, topics: Mapping[str, str]) -> None:
        """Fit the form to a type: choices, ids of new rows, and some empty rows at the end of every list.

        Args:
            type_: of the question.
            topics: code and name of those it may have.
        """
        self.type, self.group_errors = type_, {}
        self.topic.choices = choices([("", gettext("Choose a topic")), *topics.items()])
        self.difficulty.choices = choices((one, difficulty_words()[one]) for one in DIFFICULTIES)
        words = credit_words(type_)
        self.credit.choices = choices((rule, words[rule]) for rule in TYPES[type_].credits if rule in words)
        self.credit.data = self.credit.data if self.credit.data in words else "all"
        self.truth.choices = choices([("true", gettext("True")), ("false", gettext("False"))])
        self.drawn.choices = choices(
            [("no", gettext("are the same on every paper")), ("yes", gettext("are drawn anew for every paper"))]
        )
        self.drawn.data = self.drawn.data or "no"
        if TYPES[type_].has_options:
            _grow(self.options, LEAST_ROWS)
            _give_ids(self.options, ascii_lowercase)
        if type_ == "matching":
            _grow(self.prompts, LEAST_ROWS)
            _give_ids(self.prompts, [f"p{number}" for number in range(1, 3 * MOST_PARTS)])
        if type_ == "fill_in":
            _grow(self.blanks, 1)
        if type_ == "numeric":
            _grow(self.variables, 2)
        self.grow_media()
        self._name_rows()

    def _name_rows(self) -> None:
        """Offer what fits, by the letter of its option."""
        named = {row.id.data: f"{row.id.data.upper()}  {row.zh.data[:20]}".strip() for row in _rows(self.options)}
        for row in _rows(self.prompts):
            row.fits.choices = choices([("", "–"), *named.items()])

    def pictured(self) -> list[tuple[Any, bool]]:
        """Return every row that may have a file, and whether it has to be an image."""
        parts = [*_rows(self.options), *_rows(self.prompts)]
        return [*super().pictured(), *((row, True) for row in parts)]

    def question(self) -> dict[str, Any]:
        """Return what was typed in the form of docs/bank-format.md; it may have faults."""
        written: dict[str, Any] = {
            "type": self.type,
            "topic": self.topic.data,
            "difficulty": self.difficulty.data,
            "options": [],
            **{name: self._both(name) for name in ("stem", "explanation", "source")},
        }
        if media := self.shown():
            written["media"] = media
        if self.credit.data != "all" and len(TYPES[self.type].credits) > 1:
            written["credit"] = self.credit.data
        rows = [row for row in _rows(self.options) if row.part()] if TYPES[self.type].has_options else []
        written["options"] = [row.part() for row in rows]
        ids = [row.id.data for row in rows]
        match self.type:
            case "single" | "multiple":
                written["key"] = [id_ for id_ in ids if id_ in (self.right.data or [])]
            case "true_false":
                written["key"] = {"true": True, "false": False}.get(self.truth.data or "")
            case "fill_in":
                written["key"] = self._blanks()
            case "ordering":
                places = [row.place.data for row in rows]
                placed = [row for row in rows if row.place.data and places.count(row.place.data) == 1]
                written["key"] = [row.id.data for row in sorted(placed, key=lambda row: row.place.data)]
                written["options"].sort(key=lambda option: option["id"])
            case "matching":
                prompts = [row for row in _rows(self.prompts) if row.part()]
                written["prompts"] = [row.part() for row in prompts]
                written["key"] = {row.id.data: row.fits.data for row in prompts if row.fits.data in ids}
            case _:
                written |= self._numeric()
        return written

    def _both(self, name: str) -> dict[str, str]:
        return {language: self[f"{name}_{language}"].data for language in LANGUAGES}

    def _blanks(self) -> list[Any]:
        lists = [
            [line.strip() for line in (row.accepted.data or "").splitlines() if line.strip()]
            for row in _rows(self.blanks)
        ]
        marked = any(_BLANK.search(text) for text in self._both("stem").values())
        while lists and not lists[-1]:
            lists.pop()
        if not marked:
            lists = [one for one in lists if one]
        return lists if marked or len(lists) > 1 else lists[0] if lists else []

    def _numeric(self) -> dict[str, Any]:
        key: dict[str, Any] = {
            "tolerance": _number_or_text(self.tolerance.data, share=True) or "0",
            "unit": self._both("unit"),
        }
        if self.drawn.data != "yes":
            return {"key": {"value": _number_or_text(self.value.data), **key}}
        rows = [row for row in _rows(self.variables) if row.name.data]
        found: dict[str, Any] = {
            "variables": {
                row.name.data: {part: _number_or_text(row[part].data) for part in ("min", "max", "step")}
                for row in rows
            },
            "key": {"expression": self.expression.data, "decimals": self.decimals.data or 0, **key},
        }
        return found | ({"where": self.where.data} if self.where.data else {})

    def can_be_kept(self) -> bool:
        """Say whether what was typed can be kept at all, faults or none, and say beside its field what cannot."""
        super().validate()
        if self.type == "numeric" and self.drawn.data == "yes":
            names = [row.name.data for row in _rows(self.variables)]
            for row in _rows(self.variables):
                if row.name.data and names.count(row.name.data) > 1:
                    row.faulty("name", gettext("Two variables have this name."))
                if not row.name.data and (row.min.data or row.max.data or row.step.data):
                    row.faulty("name", gettext("Give it a name."))
        return self.is_whole()

    def check(self) -> None:
        """Ask for what the type needs and say each fault beside its field, as exactly as the form can."""
        if not self.topic.data:
            self._faulty("topic", gettext("Choose a topic."))
        for name in ("stem", "explanation", "source"):
            for language in LANGUAGES:
                if not self[f"{name}_{language}"].data:
                    self._faulty(f"{name}_{language}", gettext("Write it in both languages."))
        parts = [*_rows(self.options), *_rows(self.prompts)] if TYPES[self.type].has_options else []
        for row in parts:
            for language in LANGUAGES:
                if row.part() and not row[language].data:
                    row.faulty(language, gettext("Write it in both languages."))
        self.check_pictures()
        if self.type == "ordering":
            self._check_places()
        if self.type == "numeric":
            self._check_numbers()

    def _check_places(self) -> None:
        rows = [row for row in _rows(self.options) if row.part()]
        places = [row.place.data for row in rows]
        for row in rows:
            if row.place.data is None and not row.place.errors:
                row.faulty("place", gettext("Give it its place."))
            elif places.count(row.place.data) > 1:
                row.faulty("place", gettext("Two steps have this place."))

    def _check_numbers(self) -> None:
        bad = gettext("Type a number.")
        if self.tolerance.data and number_of(self.tolerance.data, share=True) is None:
            self._faulty("tolerance", bad)
        if self.drawn.data != "yes":
            if number_of(self.value.data) is None:
                self._faulty("value", bad)
            return
        rows = [row for row in _rows(self.variables) if row.name.data]
        for row in rows:
            for part in ("min", "max", "step"):
                if number_of(row[part].data) is None:
                    row.faulty(part, bad)
            if not re.fullmatch(r"[a-z][a-z0-9_]*", row.name.data):
                row.faulty("name", gettext("A name is small letters and digits, a letter first."))
        if not rows:
            self._faulty("variables", gettext("Give at least one variable, or choose numbers that stay the same."))
        if not self.expression.data:
            self._faulty("expression", gettext("Write how the answer is computed."))

    def place_faults(self, faults: Sequence[Fault]) -> None:
        """Say each fault beside the field it is about.

        Args:
            faults: what `authoring.find_faults` gives.
        """
        for fault in faults:
            self._faulty(fault.part or _PARTS[self.type], say(fault))

    def _faulty(self, part: str, sentence: str) -> None:
        if part in ("options", "prompts", "blanks", "variables", "media"):
            self.group_errors.setdefault(part, []).append(sentence)
        else:
            self[part].errors = [*self[part].errors, sentence]

    def is_whole(self) -> bool:
        """Say whether no field has a fault."""
        return not self.group_errors and not any(_has_errors(field) for field in self)

    @classmethod
    def fields_of(cls, written: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the fields hold for a question in the form of docs/bank-format.md, for the form's `data`."""
        type_, key = written["type"], written["key"]
        data: dict[str, Any] = {
            "topic": written["topic"],
            "difficulty": written["difficulty"],
            "credit": written.get("credit", "all"),
            "media": [_picture_fields(one) for one in written.get("media", [])],
            "options": [_part_fields(one) for one in written.get("options", [])],
        }
        for name in ("stem", "explanation", "source"):
            data |= {f"{name}_{language}": written[name][language] for language in LANGUAGES}
        match type_:
            case "single" | "multiple":
                data["right"] = key
            case "true_false":
                data["truth"] = {True: "true", False: "false"}.get(key)
            case "fill_in":
                lists = key if key and isinstance(key[0], list) else [key]
                data["blanks"] = [{"accepted": "\n".join(one)} for one in lists]
            case "ordering":
                for row in data["options"]:
                    row["place"] = key.index(row["id"]) + 1 if row["id"] in key else None
                data["options"].sort(key=lambda row: row["place"] or len(key) + 1)
            case "matching":
                data["prompts"] = [
                    _part_fields(one) | {"fits": key.get(one["id"], "")} for one in written.get("prompts", [])
                ]
            case _:
                data |= {name: key[name] for name in ("value", "expression", "decimals", "tolerance") if name in key}
                data |= {f"unit_{language}": key["unit"][language] for language in LANGUAGES}
                data["where"] = written.get("where", "")
                data["drawn"] = "yes" if "expression" in key else "no"
                data["variables"] = [
                    {"name": name, **{part: str(bounds[part]) for part in ("min", "max", "step")}}
                    for name, bounds in written.get("variables", {}).items()
                ]
        return data


def number_of(text: str | None, share: bool = False) -> str | None:
    """Return a typed number in plain digits, None when it is none; with `share` it may end in a percent sign."""
    text = (text or "").strip().replace("％", "%")
    sign = "%" if share and text.endswith("%") else ""
    number = parse_number(text.removesuffix(sign))
    return None if number is None else f"{number:f}{sign}"


def _number_or_text(text: str | None, share: bool = False) -> str:
    """Return the same, or what was typed where it is none."""
    return number_of(text, share) or (text or "").strip()


def _picture_fields(picture: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sha256": picture["sha256"],
        "mime": picture["mime"],
        "alt_zh": picture["alt"]["zh"],
        "alt_en": picture["alt"]["en"],
    }


def _part_fields(part: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"id": part["id"], "zh": part["zh"], "en": part["en"]}
    return fields | (_picture_fields(part["image"]) if part.get("image") else {})


def _rows(entries: Any) -> list[Any]:
    return [entry.form for entry in entries]


def _grow(entries: Any, least: int) -> None:
    """Keep some empty rows at the end."""
    rows = _rows(entries)
    used = max((number for number, row in enumerate(rows, 1) if any(_typed(field) for field in row)), default=0)
    while len(entries) < min(max(least, used + SPARE), 2 * MOST_PARTS):
        entries.append_entry()


def _typed(field: Any) -> bool:
    return field.short_name not in ("id", "fits", "drop") and bool(field.data)


def _give_ids(entries: Any, ids: Sequence[str]) -> None:
    """Give each row without one an id that no other row has."""
    taken: set[str] = set()
    for row in _rows(entries):
        given = row.id.data or ""
        row.id.data = given if _ID.fullmatch(given) and given not in taken else ""
        taken.add(row.id.data)
    for row in _rows(entries):
        if not row.id.data:
            row.id.data = next(id_ for id_ in [*ids, *(f"o{n}" for n in range(99))] if id_ not in taken)
            taken.add(row.id.data)


def _has_errors(field: Any) -> bool:
    if hasattr(field, "entries"):
        return any(_has_errors(one) for entry in field.entries for one in getattr(entry, "form", [entry]))
    return bool(field.errors)


def _refused(why: object, images_only: bool) -> str:
    if why == "too_many_pixels":
        return str(
            gettext("The image has more than %(limit)s million pixels. Make it smaller.", limit=MOST_PIXELS // 10**6)
        )
    words: dict[tuple[bool, bool], str] = {
        (True, True): gettext("The image is too large: at most %(limit)s kB.", limit=IMAGE_LIMIT // 1000),
        (True, False): gettext(
            "The file is too large: images up to %(image)s kB, sounds up to %(sound)s MB.",
            image=IMAGE_LIMIT // 1000,
            sound=SOUND_LIMIT // 1_000_000,
        ),
        (False, True): gettext("This is no PNG, JPEG or WebP image."),
        (False, False): gettext("This is no PNG, JPEG or WebP image and no MP3 sound."),
    }
    return words[why == "too_large", images_only]


class CaseForm(_PicturedForm):
    """What the questions of a case share; `types` are those it begins with, `places` those of the questions it has."""

    base = HiddenField()
    stem_zh = TextAreaField(
        _("Text of the case in Chinese"),
        [InputRequired(_("Write it in both languages.")), Length(max=4000)],
        filters=[strip],
        render_kw={"rows": 8},
    )
    stem_en = TextAreaField(
        _("Text of the case in English"),
        [InputRequired(_("Write it in both languages.")), Length(max=8000)],
        filters=[strip],
        render_kw={"rows": 8},
    )
    topic = SelectField(_("Topic"))
    types = FieldList(SelectField(_("Type")), max_entries=CASE_SIZE)
    places = FieldList(SelectField(_("Place in the case"), coerce=int), max_entries=CASE_SIZE)

    def begin(self, types: Mapping[str, str], topics: Mapping[str, str]) -> None:
        """Offer a new case the topics and the types of the questions that it begins with, the first of which it has.

        Args:
            types: code and name.
            topics: code and name of those its questions may have.
        """
        del self.places
        self.topic.choices = choices([("", gettext("Choose a topic")), *topics.items()])
        self.topic.validators = [InputRequired(gettext("Choose a topic."))]
        for number, field in enumerate(self.types, 1):
            field.label.text = gettext("Type of question %(n)s", n=number)
            later = [("", gettext("Add it later"))] if number > 1 else []
            field.choices = choices([*later, *types.items()])
        self.grow_media()

    def go_on(self, members: int) -> None:
        """Offer a place for each question that a case has; its topics and types are those of its questions."""
        del self.topic, self.types
        for field in self.places:
            field.choices = choices((place, str(place)) for place in range(1, members + 1))
        self.grow_media()

    @classmethod
    def fields_of(cls, text: Mapping[str, Any], members: int) -> dict[str, Any]:
        """Return what the fields hold for a case as its versions carry it, for the form's `data`."""
        return {
            **{f"stem_{language}": text["stem"][language] for language in LANGUAGES},
            "media": [_picture_fields(one) for one in text.get("media", [])],
            "places": list(range(1, members + 1)),
        }

    def text(self) -> dict[str, Any]:
        """Return the text and the pictures of the case, as its versions carry them."""
        return {"stem": {language: self[f"stem_{language}"].data for language in LANGUAGES}, "media": self.shown()}

    def check(self) -> None:
        """Say beside each field what is to be corrected."""
        self.validate()
        self.check_pictures()
        places = self.places or ()
        chosen = [field.data for field in places]
        for field in places:
            if chosen.count(field.data) > 1:
                field.errors = [*field.errors, gettext("Two questions have this place.")]

    def is_whole(self) -> bool:
        """Say whether no field has a fault."""
        return not any(_has_errors(field) for field in self)


class NoteForm(FlaskForm):  # type: ignore[misc]
    """What somebody says of a question, with a step or alone."""

    body = TextAreaField(_("Note"), [Length(max=2000)], filters=[strip], render_kw={"rows": 3})
    seen = IntegerField(validators=[Optional()], widget=HiddenInput())


class TopicRow(_Row):
    """A topic's names and its share among its siblings."""

    code = HiddenField()
    name_zh = StringField(_("Chinese"), [InputRequired(_("Enter a name.")), Length(max=100)], filters=[strip])
    name_en = StringField(_("English"), [InputRequired(_("Enter a name.")), Length(max=200)], filters=[strip])
    weight = IntegerField(_("Weight in percent"), [Optional(), NumberRange(0, 100)])


class TopicsForm(FlaskForm):  # type: ignore[misc]
    """The topics of a trade."""

    topics = FieldList(FormField(TopicRow), max_entries=500)

    def rows(self) -> list[Any]:
        """Return the form of each topic."""
        return _rows(self.topics)
