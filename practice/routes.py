"""The worker's practice pages: trades, drills question by question, the wrong-answer book, favourites, mock levels."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from accounts.identity import require
from core import clock, web
from core.api import arguments
from core.errors import NotFound
from practice import queries, rules, services
from practice.cards import Card, answered_card, make_cards, mock_cards
from practice.forms import Choice, DrillQuery, PageQuery, read_answer_fields, read_value
from practice.queries import Asked, Learner, Wish
from practice.rules import TopicStanding
from questions.errors import BlueprintUnfillable
from questions.models import Topic
from questions.presenting import present_item

blueprint = Blueprint("practice", __name__)

CERTAINTY_COOKIE = "certainty"
COOKIE_S = 31_536_000
STRIP_DAYS = 28


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the strip of the last four weeks."""

    day: date
    answers: int
    frozen: bool
    day_off: bool


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic in the weak-point map."""

    topic: Topic
    standing: TopicStanding


@blueprint.app_template_global()
def mode_word(mode: str) -> str:
    """Name a way to practise."""
    words: dict[str, str] = {
        "ordered": _("In order"),
        "random": _("At random"),
        "daily": _("Daily ten"),
        "wrong": _("Wrong-answer book"),
        "favourites": _("Favourites"),
        "weak": _("Weak topics"),
        "level": _("Questions of a level"),
        "mock": _("Mock level"),
    }
    return words[mode]


@blueprint.get("/practice")
def index() -> str:
    """Show what waits today, the streak, and the trades to choose from."""
    person = require()
    now = clock.now()
    today = rules.day_of(now)
    waiting = queries.today(person.person_id, now)
    first = today - timedelta(days=STRIP_DAYS - 1)
    answers = queries.count_answers_by_day(person.person_id, first)
    days = [first + timedelta(days=number) for number in range(STRIP_DAYS)]
    return render_template(
        "practice/index.html",
        today=waiting,
        points=queries.count_points(person.person_id),
        trades=queries.list_progress(person.person_id, now),
        strip=[Day(day, answers.get(day, 0), day in waiting.streak.frozen, not rules.is_workday(day)) for day in days],
        person_id=person.person_id,
    )


@blueprint.get("/practice/<trade_code>")
def show(trade_code: str) -> str:
    """Show the ways to practise a trade, how far one is, the weak-point map and the mock levels."""
    person = require()
    now = clock.now()
    learner = queries.get_learner(person.person_id, trade_code)
    topics = queries.list_topic_names(trade_code)
    return render_template(
        "practice/show.html",
        trade=learner.trade,
        figures=queries.figures(learner, now),
        topics=_by_top([TopicLine(topics[one.code], one) for one in queries.topic_map(learner)]),
        levels=queries.list_levels(person.person_id, trade_code),
        mocks=queries.list_mocks(person.person_id, trade_code),
        now=now,
        person_id=person.person_id,
    )


def _by_top(lines: Sequence[TopicLine]) -> list[tuple[TopicLine, list[TopicLine]]]:
    """Return each topic of the first level with all that lie under it."""
    found: list[tuple[TopicLine, list[TopicLine]]] = []
    for line in lines:
        if line.standing.depth:
            found[-1][1].append(line)
        else:
            found.append((line, []))
    return found


def make_wish(person_id: int, mode: str, choice: Choice) -> Wish:
    """Read what questions are chosen by. Raises: NotFound for the questions of a level that the person may not see."""
    plan = queries.find_level(person_id, choice.level) if mode == "level" and choice.level else None
    if mode == "level" and plan is None:
        raise NotFound(what="level")
    return Wish(mode, choice.topic if mode == "random" else None, plan, choice.early)


def _carried(choice: Choice) -> dict[str, Any]:
    """What an address has to carry so that the drill goes on as it was."""
    given = {"topic": choice.topic, "level": choice.level, "early": "1" if choice.early else None}
    return {name: value for name, value in given.items() if value}


def _is_certain() -> bool:
    return (request.args.get("certainty") or request.cookies.get(CERTAINTY_COOKIE)) == "on"


@blueprint.get(f"/practice/<trade_code>/<any({','.join(rules.DRILLS)}):mode>")
def drill(trade_code: str, mode: str) -> Response:
    """Show the next question, or say that there is none and what to do instead."""
    person = require()
    now = clock.now()
    choice = arguments(DrillQuery)
    learner = queries.get_learner(person.person_id, trade_code)
    wish = make_wish(person.person_id, mode, choice)
    asked = queries.choose(learner, wish, 1, (), now, random.Random(secrets.randbits(62)))  # noqa: S311 - practice
    topic = queries.list_topic_names(trade_code).get(wish.topic or "")
    page = render_template(
        "practice/drill.html",
        trade=learner.trade,
        mode=mode,
        cards=make_cards(learner, asked, mode, now),
        wish=wish,
        topic=topic,
        figures=queries.figures(learner, now),
        carried=_carried(choice),
        certainty=_is_certain(),
        language=web.language(),
        person_id=person.person_id,
        now=now,
    )
    response = make_response(page)
    if choice.certainty:
        response.set_cookie(
            CERTAINTY_COOKIE, choice.certainty, max_age=COOKIE_S, samesite="Lax", httponly=True, path="/practice"
        )
    return response


@blueprint.post(f"/practice/<trade_code>/<any({','.join(rules.DRILLS)}):mode>")
def answer(trade_code: str, mode: str) -> Response:
    """Record an answer, for browsers without scripts, and show what was right."""
    person = require()
    now = clock.now()
    choice = arguments(Choice)
    learner = queries.get_learner(person.person_id, trade_code)
    fields = read_answer_fields()
    version = queries.find_version(learner, fields.question_id, fields.version_id)
    if version is None:
        raise NotFound(what="question")
    value = read_value(present_item(1, rules.make_item(version, fields.seed), version))
    onward = url_for(".drill", trade_code=trade_code, mode=mode, **_carried(choice))
    if value is None and "unknown" not in request.form:
        flash(_("Give an answer first, or say that you do not know."), "warning")
        return redirect(onward, 303)
    given = services.Given(
        fields.client_id, trade_code, mode, fields.question_id, version.id, fields.seed, value, fields.certainty, now
    )
    batch = services.record(person.person_id, [given])
    answer_id = batch.recorded[0].answer_id
    if answer_id is None:
        flash(_("That answer could not be read. Here is another question."), "warning")
        return redirect(onward, 303)
    if batch.learnt:
        flash(_("Learnt: this question has left your wrong-answer book."), "success")
    if batch.earned:
        flash(ngettext("%(num)s learning point earned.", "%(num)s learning points earned.", batch.earned), "success")
    return redirect(url_for(".show_answer", answer_id=answer_id, **_carried(choice)), 303)


@blueprint.get("/practice/answers/<int:answer_id>")
def show_answer(answer_id: int) -> str:
    """Show an answer with the key, the explanation and the source."""
    person = require()
    found = queries.get_own_answer(answer_id, person.person_id)
    learner = queries.get_learner(person.person_id, found.trade_code)
    version = queries.find_version(learner, found.question_id, found.version_id)
    if version is None or found.seed is None:
        raise NotFound(what="answer")
    carried = _carried(arguments(Choice))
    return render_template(
        "practice/answer.html",
        trade=learner.trade,
        answer=found,
        card=answered_card(learner, found, version),
        worth=rules.certainty_points(found.certainty, found.share == 1) if found.certainty else None,
        figures=queries.figures(learner, clock.now()),
        onward=url_for(".drill", trade_code=found.trade_code, mode=found.mode, **carried),
        language=web.language(),
    )


@blueprint.post("/practice/<trade_code>/ordered/begin-again")
def begin_again(trade_code: str) -> Response:
    """Go back to the first question in order."""
    person = require()
    services.begin_again(person.person_id, trade_code)
    return redirect(url_for(".drill", trade_code=trade_code, mode="ordered"), 303)


@blueprint.post("/practice/<trade_code>/favourites/<int:question_id>")
def set_favourite(trade_code: str, question_id: int) -> Response:
    """Keep a question as a favourite, or no longer, and go back to where that was said."""
    person = require()
    kept = request.form.get("kept") == "1"
    services.set_favourite(person.person_id, trade_code, question_id, kept, clock.now())
    flash(_("Kept among your favourites.") if kept else _("No longer among your favourites."), "success")
    back = request.form.get("answer", type=int)
    if back:
        return redirect(url_for(".show_answer", answer_id=back), 303)
    return redirect(url_for(".list_favourites", trade_code=trade_code), 303)


@dataclass(frozen=True, slots=True)
class Entry:
    """A question in a list; of the wrong-answer book with when it is due."""

    card: Card
    due_at: datetime | None


def _list_page(learner: Learner, entries: Sequence[tuple[int, datetime | None]], title: str, mode: str) -> str:
    page = arguments(PageQuery).page
    now = clock.now()
    pages = max(1, -(-len(entries) // queries.PAGE))
    if page > pages:
        raise NotFound(what="page")
    part = entries[(page - 1) * queries.PAGE : page * queries.PAGE]
    cards = make_cards(learner, [Asked(learner.by_question[id_], 0) for id_, _due in part], mode, now)
    return render_template(
        "practice/list.html",
        trade=learner.trade,
        title=title,
        mode=mode,
        entries=[Entry(card, due_at) for card, (_id, due_at) in zip(cards, part, strict=True)],
        total=len(entries),
        due=sum(due_at is not None and due_at <= now for _id, due_at in entries),
        now=now,
        page=page,
        pages=pages,
        page_url=lambda number: url_for(request.endpoint or "", trade_code=learner.trade.code, page=number),
        language=web.language(),
    )


@blueprint.get("/practice/<trade_code>/book")
def book(trade_code: str) -> str:
    """List the wrong-answer book of a trade, the first to come back first."""
    learner = queries.get_learner(require().person_id, trade_code)
    entries = [(one.question_id, one.due_at) for one in queries.list_book(learner)]
    return _list_page(learner, entries, _("Wrong-answer book"), "wrong")


@blueprint.get("/practice/<trade_code>/kept")
def list_favourites(trade_code: str) -> str:
    """List the favourites of a trade, the latest first."""
    learner = queries.get_learner(require().person_id, trade_code)
    return _list_page(learner, [(id_, None) for id_ in queries.list_favourites(learner)], _("Favourites"), "favourites")


@blueprint.get("/practice/levels/<int:level_id>")
def level(level_id: int) -> str:
    """Offer a level for practice: against the clock, or its questions one by one."""
    return _level_page(level_id)


def _level_page(level_id: int, refusal: BlueprintUnfillable | None = None) -> str:
    person = require()
    plan = queries.find_level(person.person_id, level_id)
    if plan is None:
        raise NotFound(what="level")
    learner = queries.get_learner(person.person_id, plan.trade_code)
    return render_template(
        "practice/level.html",
        plan=plan,
        trade=learner.trade,
        running=queries.find_running_mock(person.person_id, level_id, clock.now()),
        mocks=queries.list_mocks(person.person_id, plan.trade_code, level_id),
        refusal=refusal,
    )


@blueprint.post("/practice/levels/<int:level_id>/start")
def start_mock(level_id: int) -> Any:
    """Start a mock of a level, or go on with the one that runs."""
    person = require()
    try:
        mock = services.start_mock(person.person_id, level_id, clock.now())
    except BlueprintUnfillable as refusal:
        return _level_page(level_id, refusal), 409
    return redirect(url_for(".mock", mock_id=mock.id), 303)


@blueprint.get("/practice/mocks/<int:mock_id>")
def mock(mock_id: int) -> str:
    """Show the paper of a mock, or its result."""
    person = require()
    found = queries.get_own_mock(mock_id, person.person_id)
    learner = queries.get_learner(person.person_id, found.trade_code)
    now = clock.now()
    return render_template(
        "practice/mock_paper.html" if found.finished_at is None else "practice/mock_result.html",
        mock=found,
        trade=learner.trade,
        cards=mock_cards(learner, found),
        left_ms=clock.ms(found.deadline_at - now),
        limit_ms=clock.ms(found.deadline_at - found.started_at),
        late=found.finished_at is not None and found.finished_at > found.deadline_at + rules.GRACE,
        has_level=queries.find_level(person.person_id, found.level_id) is not None,
        language=web.language(),
    )


@blueprint.post("/practice/mocks/<int:mock_id>")
def hand_in(mock_id: int) -> Response:
    """Hand a mock in."""
    person = require()
    now = clock.now()
    found = queries.get_own_mock(mock_id, person.person_id)
    learner = queries.get_learner(person.person_id, found.trade_code)
    items = [card.shown.item for card in mock_cards(learner, found)]
    services.hand_in_mock(mock_id, person.person_id, {item.position: read_value(item) for item in items}, now)
    return redirect(url_for(".mock", mock_id=mock_id), 303)
