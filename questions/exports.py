"""Questions of a bank as a file in one of the formats in which questions come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from core.database import db
from core.exports import File, register
from core.web import language, tr
from questions import queries
from questions.access import READERS, banks_of
from questions.authoring import case_code, written_of
from questions.errors import BadMedia
from questions.formats import FORMATS
from questions.formats.neutral import WriteOptions, Writing
from questions.models import Media, Question, QuestionVersion, Trade
from questions.queries_admin import Wanted, list_latest, place_of

KIND = "questions"
LANGUAGES = ("", "zh", "en")
MOST_NAMES = 20
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "audio/mpeg": "mp3"}


def may_export(params: dict[str, Any], person_id: int) -> bool:
    """Say whether a person's roles reach the bank of an export.

    Args:
        params: `bank` (an organization's id, None for the shared bank).
        person_id: who asks.
    """
    return params.get("bank") in banks_of(person_id, READERS)


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    """Return which questions an export holds.

    Args:
        params: `bank`, `trade`, and `topics` (codes), `type`, `state`, each of which may be empty.
    """
    return Wanted(
        banks=[params.get("bank")],
        trade=str(params["trade"]),
        topics=params.get("topics") or (),
        type=str(params.get("type") or ""),
        state=str(params.get("state") or ""),
    )


def write_questions(wanted: Wanted, format_: str, options: WriteOptions) -> Writing:
    """Write the latest versions of questions in a format.

    Args:
        wanted: which, of one trade.
        format_: a code of `FORMATS`.
        options: see `WriteOptions`; its topics are filled in here.
    """
    rows = list_latest(wanted)
    names = queries.list_leaves(wanted.trade)
    files = _Files()
    questions = [_written(question.code, version, files) for question, version in _cases_together(rows)]
    options = WriteOptions(options.language, wanted.trade, names, options.headings)
    return FORMATS[format_].write(questions, files.load(), options)


def _cases_together(rows: Sequence[tuple[Question, QuestionVersion]]) -> list[tuple[Question, QuestionVersion]]:
    """Put the questions of a case behind its first one, in their places, for a file has no other way to say them."""
    first: dict[str, int] = {}
    for at, (_question, version) in enumerate(rows):
        first.setdefault(case_code(version), at)
    keys = [
        (first[code] if (code := case_code(version)) else at, place_of(version), at)
        for at, (_question, version) in enumerate(rows)
    ]
    return [rows[at] for _first, _place, at in sorted(keys)]


class _Files:
    """The images and sounds that questions show, by the names they have in a file."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        """Return {file, alt} of {sha256, mime, alt}."""
        name = self._names.setdefault(shown["sha256"], f"{shown['sha256'][:32]}.{_ENDINGS[shown['mime']]}")
        return {"file": name, "alt": shown["alt"]}

    def load(self) -> dict[str, bytes]:
        """Return the contents by name. Raises: BadMedia when one is gone."""
        rows = db.session.execute(select(Media.sha256, Media.content).where(Media.sha256.in_(self._names)))
        found = {self._names[sha256]: content for sha256, content in rows}
        if len(found) < len(self._names):
            raise BadMedia(why="missing")
        return found


def _written(code: str, version: QuestionVersion, files: _Files) -> dict[str, Any]:
    question = {"id": code, **written_of(version)}
    if question.get("media"):
        question["media"] = [files.name(one) for one in question["media"]]
    for part in ("options", "prompts"):
        if question.get(part):
            question[part] = [
                {**one, "image": files.name(one["image"])} if "image" in one else one for one in question[part]
            ]
    if version.case_group:
        case = version.case_group
        question["case"] = {"id": case["code"], "stem": case["stem"], "media": case.get("media", [])}
    return question


def produce(params: dict[str, Any]) -> File:
    """Make the file of an export.

    Args:
        params: as for `wanted_of`, with `format` and `words` ("zh" or "en" for one language alone, "" for both).
    """
    format_ = FORMATS[params["format"]]
    written = write_questions(
        wanted_of(params), params["format"], WriteOptions(params.get("words", ""), headings=language())
    )
    trade = db.session.get_one(Trade, params["trade"])
    return File(
        filename=_("Questions %(name)s", name=tr(trade)) + f".{format_.ending}",
        media_type=format_.mime,
        body=written.body,
        total=written.count,
        notes=_notes(written),
    )


def _notes(written: Writing) -> list[dict[str, Any]]:
    """Gather what the file does not hold by sentence, what is left out altogether first."""
    out = set(written.left_out)
    groups: dict[tuple[bool, str], dict[str, Any]] = {}
    for code, notes in written.notes.items():
        for one in notes:
            group = groups.setdefault(
                (code not in out, one.text),
                {"text": one.text, "values": one.values, "count": 0, "names": [], "left_out": code in out},
            )
            group["count"] += 1
            if len(group["names"]) < MOST_NAMES:
                group["names"].append(code)
    return [groups[key] for key in sorted(groups)]


register(KIND, produce, may_export, formats=FORMATS)
