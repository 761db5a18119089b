"""What the pages and the API of practice are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from flask import request
from werkzeug.datastructures import MultiDict

from core.errors import Invalid
from practice.rules import AHEAD, MOST_AT_ONCE
from questions.presenting import Item
from questions.rules import MOST_PARTS, TEXT_LIMIT, Value, from_fields

Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Page = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Certainty = Annotated[int, msgspec.Meta(ge=1, le=3)]
ClientId = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{8,40}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT, pattern=r"^[^\x00]*\Z")]
Drill = Literal["ordered", "random", "daily", "wrong", "favourites", "weak", "level"]


class Choice(msgspec.Struct, frozen=True):
    """What narrows a drill: a topic for a random one, the level of "level", or wrong answers before they are due."""

    topic: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    level: Id | None = None
    early: bool = False


class DrillQuery(Choice, frozen=True, kw_only=True):
    """The same, with whether answers are marked with a certainty from now on."""

    certainty: Literal["on", "off"] | None = None


class QuestionsQuery(Choice, frozen=True, kw_only=True):
    """Which questions come next; `exclude` lists those a device has already, `fragments` asks for pieces of a page."""

    mode: Drill
    count: Annotated[int, msgspec.Meta(ge=1, le=AHEAD)] = AHEAD
    exclude: Annotated[str, msgspec.Meta(max_length=800, pattern=r"^(\d{1,15}(,\d{1,15})*)?\Z")] = ""
    fragments: bool = False


class Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to a practice question.

    `client_id` is the device's name for it; `value` has the form of competitions, null for not knowing; `age_ms` how
    long ago it was given.
    """

    client_id: ClientId
    trade: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00]*\Z")]
    mode: Drill
    question_id: Id
    version_id: Id
    seed: Seed
    value: Annotated[list[Text], msgspec.Meta(max_length=MOST_PARTS)] | bool | Text | None
    certainty: Certainty | None = None
    age_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] = 0


class AnswerBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers of one person, sent together when there is a connection."""

    answers: Annotated[list[Answered], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class AnswerFields(msgspec.Struct, frozen=True):
    """What the form of one question carries besides the answer."""

    client_id: ClientId
    question_id: Id
    version_id: Id
    seed: Seed
    certainty: Certainty | None = None


class PageQuery(msgspec.Struct, frozen=True):
    """A page of a list."""

    page: Page = 1


def read_answer_fields() -> AnswerFields:
    """Read the hidden fields of a question's form. Raises: Invalid."""
    try:
        return msgspec.convert(_plain(request.form), AnswerFields, strict=False)
    except msgspec.ValidationError as fault:
        raise Invalid(path="form", reason=str(fault)) from None


def _plain(form: MultiDict[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in form.items() if value}


def read_value(item: Item) -> Value:
    """Read the answer to an item out of the form that was sent; None when there is none."""
    name = f"answer-{item.position}"
    parts = [request.form.get(f"{name}-{number}", "") for number in range(1, item.parts + 1)]
    return from_fields(item.type, request.form.getlist(name), parts, [option.id for option in item.options])
