"""Practice as JSON, for pages on a poor line and for programs.

Unlike everything about attempts, these replies hold keys: a device must be able to mark an answer while it has no
connection. They are keys of practice questions only, which are approved, and not reserved for official use.
"""

from __future__ import annotations

import random
import secrets
from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template

from accounts.identity import require
from core import clock, web
from core.api import arguments, body, endpoint, reply
from practice import queries, rules, services
from practice.cards import Card, make_cards
from practice.forms import AnswerBatch, QuestionsQuery
from practice.routes import make_wish
from questions.presenting import Item

blueprint = Blueprint("practice_api", __name__, url_prefix="/api/v1")

Text = dict[str, str]


class PracticeQuestion(msgspec.Struct, frozen=True):
    """A question with its key; `seed` fixes the order of options and drawn values, and is sent back with the answer.

    `key` has the form of a result's items. `fragment` replaces `item` and what follows when it was asked for.
    """

    question_id: int
    version_id: int
    seed: int
    topic: str
    item: Item | None = None
    key: Any = None
    explanation: Text | None = None
    source: Text | None = None
    fragment: str | None = None


class PracticeProgress(msgspec.Struct, frozen=True):
    """How far the caller is with a trade.

    `known` counts questions that were right the last time; `due` those of the wrong-answer book that may come back
    now; `certainty_points` what the `certain` answers marked with a certainty are worth together.
    """

    trade: str
    questions: int
    done: int
    known: int
    book: int
    due: int
    next_due: datetime | None
    learnt: int
    daily_done: int
    daily: int
    certain: int
    certainty_points: int
    streak_days: int
    freezes_left: int
    learning_points: int


class PracticeRecorded(msgspec.Struct, frozen=True):
    """What became of an answer: recorded, known (it was sent before) or refused; `share` is the part that is right."""

    client_id: str
    outcome: str
    share: float


class PracticeBatch(msgspec.Struct, frozen=True):
    """What became of a batch; `earned` is in learning points, `learnt` lists what left the wrong-answer book."""

    recorded: list[PracticeRecorded]
    earned: int
    learnt: list[int]
    progress: PracticeProgress | None


@blueprint.get("/practice/<trade_code>")
@endpoint("Practice", gives=PracticeProgress)
def show_progress(trade_code: str) -> Response:
    """How far the caller is with a trade."""
    return reply(_progress(queries.get_learner(require().person_id, trade_code)))


@blueprint.get("/practice/<trade_code>/questions")
@endpoint("Practice", gives=list[PracticeQuestion], query=QuestionsQuery, refuses=(401, 404, 422))
def list_questions(trade_code: str) -> Response:
    """The next questions of a drill with their keys, to practise with or without a connection."""
    person = require()
    wanted = arguments(QuestionsQuery)
    now = clock.now()
    learner = queries.get_learner(person.person_id, trade_code)
    wish = make_wish(person.person_id, wanted.mode, wanted)
    exclude = {int(one) for one in wanted.exclude.split(",") if one}
    chance = random.Random(secrets.randbits(62))  # noqa: S311 - practice
    asked = queries.choose(learner, wish, wanted.count, exclude, now, chance)
    make = _fragment if wanted.fragments else _question
    return reply([make(card) for card in make_cards(learner, asked, wanted.mode, now)])


def _question(card: Card) -> PracticeQuestion:
    marked = card.marked
    return PracticeQuestion(
        card.question_id,
        card.version_id,
        card.seed,
        card.topic.code if card.topic else "",
        card.shown.item,
        marked.key,
        marked.explanation,
        marked.source,
    )


def _fragment(card: Card) -> PracticeQuestion:
    html = render_template("practice/_fragment.html", card=card, language=web.language())
    topic = card.topic.code if card.topic else ""
    return PracticeQuestion(card.question_id, card.version_id, card.seed, topic, fragment=html)


@blueprint.post("/practice/answers")
@endpoint("Practice", gives=PracticeBatch, takes=AnswerBatch, refuses=(401, 413, 422))
def record_answers() -> Response:
    """Record answers given now or while there was no connection; sending them again changes nothing."""
    person = require()
    now = clock.now()
    given = [
        services.Given(
            one.client_id,
            one.trade,
            one.mode,
            one.question_id,
            one.version_id,
            one.seed,
            one.value,
            one.certainty,
            rules.answered_at(one.age_ms, now),
        )
        for one in body(AnswerBatch).answers
    ]
    batch = services.record(person.person_id, given)
    known = [one for one, outcome in zip(given, batch.recorded, strict=True) if outcome.outcome != "refused"]
    learner = queries.get_learner(person.person_id, known[-1].trade_code) if known else None
    return reply(
        PracticeBatch(
            [PracticeRecorded(one.client_id, one.outcome, one.share) for one in batch.recorded],
            batch.earned,
            batch.learnt,
            _progress(learner) if learner else None,
        )
    )


@blueprint.put("/practice/<trade_code>/favourites/<int:question_id>")
@endpoint("Practice", gives=None, status=204)
def add_favourite(trade_code: str, question_id: int) -> Response:
    """Keep a question as a favourite; doing it again changes nothing."""
    services.set_favourite(require().person_id, trade_code, question_id, True, clock.now())
    return Response(status=204)


@blueprint.delete("/practice/<trade_code>/favourites/<int:question_id>")
@endpoint("Practice", gives=None, status=204)
def remove_favourite(trade_code: str, question_id: int) -> Response:
    """Keep a question as a favourite no longer."""
    services.set_favourite(require().person_id, trade_code, question_id, False, clock.now())
    return Response(status=204)


def _progress(learner: queries.Learner) -> PracticeProgress:
    now = clock.now()
    figures = queries.figures(learner, now)
    streak = queries.get_streak(learner.person_id, rules.day_of(now))
    return PracticeProgress(
        learner.trade.code,
        figures.size,
        figures.done,
        figures.known,
        figures.book,
        figures.due,
        figures.next_due,
        figures.learnt,
        figures.daily_done,
        figures.daily,
        figures.certain,
        figures.certainty_points,
        streak.days,
        streak.freezes_left,
        queries.count_points(learner.person_id),
    )
