"""The worker's pages: competitions with their level maps, starting, playing, reviewing and the result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from accounts.identity import Identity, require
from competitions import papers, queries, rules, services
from competitions.errors import CompetitionNotOpen, LevelLocked, NoTriesLeft
from competitions.models import Attempt, Competition, Participation
from competitions.queries import LevelPlace, LevelState, TrackMap
from core import clock, web
from core.database import db
from core.errors import Invalid, NotFound, NotSignedIn, Refusal
from core.markup import render_markdown
from organizations.queries import list_root_ids, path_of_person
from questions.errors import BlueprintUnfillable
from questions.presenting import Shown, compare, kind_word
from questions.queries import get_versions
from questions.rules import Value, alike, from_fields

blueprint = Blueprint("competitions", __name__)

DAY = timedelta(days=1)
OWN_BANNER = {"competitions.play", "competitions.review", "competitions.save", "pages.home"}
Text = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class Station:
    """A level as the map component draws it."""

    name: str
    state: str
    number: int
    stars: int
    note: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Question(Shown):
    """One item of an attempt with what is saved of it; `saved` is [seq, value, flagged] as JSON.

    `case_span` has the first and the last position of its case group.
    """

    seq: int
    flagged: bool
    case_span: tuple[int, int] | None

    @property
    def answered(self) -> bool:
        """Whether an answer is saved."""
        return self.value is not None

    @property
    def saved(self) -> str:
        """What is saved, as the form carries it."""
        return msgspec.json.encode([self.seq, self.value, self.flagged]).decode()


def refusal_words(refusal: Refusal) -> str:
    """Say in a sentence why a level cannot be started or a competition not be joined."""
    why = refusal.details.get("why")
    if isinstance(refusal, CompetitionNotOpen):
        if why == "not_begun":
            return str(_("This competition has not begun yet."))
        return str(_("This competition is over. Your results stay in your record."))
    if isinstance(refusal, LevelLocked):
        if why == "previous":
            return str(_("Clear the level before this one first."))
        return str(_("This level opens later."))
    if isinstance(refusal, NoTriesLeft):
        if why == "day":
            return str(_("You have used today's tries at this level. Come back tomorrow."))
        return str(_("You have used all your tries at this level."))
    return str(_("This level has too few questions at the moment. The organizer has to mend it; please try later."))


def stations(track: TrackMap) -> list[Station]:
    """Return a track's levels as the map draws them; the first that can be played is where the person stands."""
    current = next((one for one in track.levels if one.state in ("open", "playing")), None)
    return [
        Station(
            web.tr(one.level),
            one.state if one.state in ("locked", "done") else "open",
            one.level.position,
            one.stars,
            _note(one),
            url_for("competitions.level", level_id=one.level.id),
            one is current,
        )
        for one in track.levels
    ]


def _note(state: LevelState) -> str:
    if state.state == "playing":
        return str(_("In progress"))
    if state.state == "locked":
        if state.why == "opens_at":
            return str(_("opens %(when)s", when=web.format_datetime(state.level.opens_at)))
        return str(_("clear the level before it")) if state.why == "previous" else ""
    if state.best_points is not None:
        return str(_("Best %(points)s of %(most)s", points=state.best_points, most=state.max_points))
    return str(_("Pass mark %(points)s of %(most)s", points=state.level.pass_points, most=state.max_points))


def joined() -> Mapping[int, Participation]:
    """Return the signed-in person's participations by competition; none when nobody is signed in."""
    if not current_user.is_authenticated:
        return {}
    return {one.competition_id: one for one in queries.list_participations(current_user.person_id)}


def audience() -> list[int]:
    """Return the nodes whose competitions the reader may see: the own path, or the roots for a passer-by."""
    return path_of_person(current_user.person_id) if current_user.is_authenticated else list_root_ids()


def _competition(competition_id: int) -> tuple[Competition, Participation | None]:
    """Return a competition the reader may see. Raises: NotFound; NotSignedIn, so that a shared link leads to log-in."""
    own = queries.find_participation(competition_id, current_user.person_id) if current_user.is_authenticated else None
    if own is not None:
        return queries.get_competition(competition_id), own
    try:
        return queries.get_visible_competition(competition_id, audience()), None
    except NotFound:
        if not current_user.is_authenticated:
            raise NotSignedIn from None
        raise


def phase(competition: Competition, now: datetime) -> str:
    """Say where a competition is in time: "soon", "running" or "over"."""
    if competition.state != "open" or now >= competition.closes_at:
        return "over"
    return "soon" if now < competition.opens_at else "running"


def ends_in(competition: Competition, now: datetime) -> tuple[str, int | None]:
    """Return how long until the next turn of a competition, in words, and in ms when it is less than a day."""
    turn = competition.opens_at if now < competition.opens_at else competition.closes_at
    left = turn - now
    if left < DAY:
        return "", clock.ms(left)
    return str(ngettext("%(num)s day", "%(num)s days", left.days)), None


@blueprint.get("/competitions")
def index() -> str:
    """List the competitions the reader may join or has joined."""
    now = clock.now()
    own = joined()
    shown = {one.id: one for one in queries.visible_competitions(audience())}
    for competition_id in own.keys() - shown.keys():
        shown[competition_id] = queries.get_competition(competition_id)
    parts = {part: [one for one in shown.values() if phase(one, now) == part] for part in ("running", "soon", "over")}
    return render_template("competitions/index.html", parts=parts, joined=own, ends_in=lambda one: ends_in(one, now))


@blueprint.get("/competitions/<int:competition_id>")
def show(competition_id: int) -> str:
    """Show a competition: dates, rules, and the level map of each track."""
    if current_user.is_authenticated:
        services.settle_person(current_user.person_id)
    competition, own = _competition(competition_id)
    return _competition_page(competition, own)


def _competition_page(competition: Competition, own: Participation | None) -> str:
    now = clock.now()
    maps = queries.level_map(competition, own.id if own else None, now)
    return render_template(
        "competitions/show.html",
        competition=competition,
        own=own,
        phase=phase(competition, now),
        ends_in=ends_in(competition, now),
        tracks=[(one, stations(one)) for one in maps],
        rules=render_markdown(web.tr(competition, "rules")),
        signed_in=current_user.is_authenticated,
    )


@blueprint.post("/competitions/<int:competition_id>/join")
def join(competition_id: int) -> Any:
    """Join a competition."""
    person = require()
    try:
        services.join(competition_id, person.person_id, person.name)
    except CompetitionNotOpen as refusal:
        flash(refusal_words(refusal), "error")
        return redirect(url_for(".show", competition_id=competition_id), 303)
    flash(_("You take part. Choose a level and begin."), "success")
    back = request.form.get("level", type=int)
    if back:
        return redirect(url_for(".level", level_id=back), 303)
    return redirect(url_for(".show", competition_id=competition_id), 303)


@blueprint.get("/levels/<int:level_id>")
def level(level_id: int) -> str:
    """Show what awaits at a level before the clock starts."""
    person = require()
    services.settle_person(person.person_id)
    return _level_page(level_id)


def _level_page(level_id: int, refusal: Refusal | None = None) -> str:
    now = clock.now()
    place = queries.get_level_place(level_id)
    competition, own = _competition(place.competition.id)
    track, state = _state(place, own, now)
    limit = timedelta(seconds=place.level.time_limit_s)
    more = queries.list_adjustments(own.id, level_id) if own else []
    mine = rules.deadline(now, place.level.time_limit_s, competition.closes_at, more) - now
    left = None if place.level.tries_total is None else max(0, place.level.tries_total - state.tries_used)
    blueprint_rows = rules.blueprint_rows(place.level.blueprint)
    return render_template(
        "play/start.html",
        place=place,
        competition=competition,
        own=own,
        state=state,
        track=track,
        items=sum(row.items for row in blueprint_rows),
        limit_ms=clock.ms(limit),
        mine_ms=clock.ms(mine),
        longer=mine > limit,
        shorter=phase(competition, now) == "running" and mine < limit,
        tries_left=left,
        refusal=refusal_words(refusal) if refusal else _why_not(competition, state, now),
    )


def _why_not(competition: Competition, state: LevelState, now: datetime) -> str:
    """Say why the level cannot be started now; empty when it can."""
    if state.state == "playing":
        return ""
    if phase(competition, now) != "running":
        return refusal_words(CompetitionNotOpen(why="not_begun" if phase(competition, now) == "soon" else "over"))
    if state.state == "locked":
        return refusal_words(LevelLocked(why=state.why))
    return refusal_words(NoTriesLeft(why=state.tries_refusal)) if state.tries_refusal else ""


def _state(place: LevelPlace, own: Participation | None, now: datetime) -> tuple[TrackMap, LevelState]:
    for track in queries.level_map(place.competition, own.id if own else None, now):
        for state in track.levels:
            if state.level.id == place.level.id:
                return track, state
    raise NotFound(what="level")


@blueprint.post("/levels/<int:level_id>/start")
def start(level_id: int) -> Any:
    """Start an attempt, or go on with the one that is running."""
    person = require()
    try:
        attempt = services.start_attempt(person.person_id, level_id)
    except (CompetitionNotOpen, LevelLocked, NoTriesLeft, BlueprintUnfillable) as refusal:
        db.session.rollback()
        return _level_page(level_id, refusal), 409
    return redirect(url_for(".play", attempt_id=attempt.id), 303)


@blueprint.get("/attempts/<int:attempt_id>")
def play(attempt_id: int) -> Any:
    """Show the paper of a running attempt with everything saved."""
    person = require()
    attempt = _own(attempt_id, person)
    if attempt.state != "open":
        return redirect(url_for(".result", attempt_id=attempt_id), 303)
    now = clock.now()
    place = queries.get_level_place(attempt.level_id)
    shown = _questions(attempt)
    return render_template(
        "play/play.html",
        attempt=attempt,
        place=place,
        questions=shown,
        answered=sum(one.answered for one in shown),
        left_ms=clock.ms(attempt.deadline_at - now),
        limit_ms=clock.ms(attempt.deadline_at - attempt.started_at),
        token=services.attempt_token(attempt_id, person.session_id),
        kind_word=kind_word,
        language=web.language(),
    )


def _own(attempt_id: int, person: Identity) -> Attempt:
    services.settle_person(person.person_id)
    return queries.get_own_attempt(attempt_id, person.person_id)


def _questions(attempt: Attempt) -> list[Question]:
    paper = rules.paper_items(attempt.paper)
    saved = {one.position: one for one in queries.list_answers(attempt.id)}
    items = papers.present(paper, get_versions([one.version for one in paper]))
    groups: dict[str, list[int]] = defaultdict(list)
    for item in items:
        if item.case:
            groups[item.case.code].append(item.position)
    shown = []
    for item in items:
        answer = saved.get(item.position)
        span = (min(groups[item.case.code]), max(groups[item.case.code])) if item.case else None
        shown.append(
            Question(item, answer.value, answer.seq, answer.flagged, span)
            if answer
            else Question(item, None, 0, False, span)
        )
    return shown


@blueprint.post("/attempts/<int:attempt_id>")
def save(attempt_id: int) -> Any:
    """Save what changed in the form of the whole paper, for browsers without scripts, and say what became of it."""
    person = require()
    received_at = clock.now()
    attempt = queries.get_own_attempt(attempt_id, person.person_id)
    saved = 0
    newer: list[int] = []
    lost: list[int] = []
    filled: list[int] = []
    for question in _questions(attempt):
        position = question.item.position
        seq, before, flagged_before = _carried(position)
        value, flagged = _given(question.item), f"flag-{position}" in request.form
        if alike(question.item.type, value, before) and flagged == flagged_before:
            continue
        outcome = services.save_answer(attempt_id, person.session_id, position, seq + 1, value, flagged, received_at)
        if outcome.verdict == "saved":
            saved += 1
            if question.item.type == "ordering" and _parts(question.item) != question.fields(value):
                filled.append(position)
        else:
            (newer if outcome.verdict == "superseded" else lost).append(position)
    if saved:
        flash(ngettext("%(num)s answer saved.", "%(num)s answers saved.", saved), "success")
    if filled:
        numbers = ", ".join(str(one) for one in filled)
        note = _("Question %(numbers)s: steps without a number of their own got the free ones.", numbers=numbers)
        flash(note, "warning")
    if newer:
        numbers = ", ".join(str(one) for one in newer)
        flash(_("Question %(numbers)s: a newer answer was already saved and stands.", numbers=numbers), "warning")
    if lost:
        numbers = ", ".join(str(one) for one in lost)
        flash(_("Not saved, the attempt is over: question %(numbers)s.", numbers=numbers), "error")
        return redirect(url_for(".result", attempt_id=attempt_id), 303)
    if not saved and not newer:
        flash(_("Everything was saved already."), "info")
    onward = ".review" if request.form.get("then") == "review" else ".play"
    return redirect(url_for(onward, attempt_id=attempt_id), 303)


class Carried(msgspec.Struct, array_like=True):
    """What the form says was saved of an item when it was drawn."""

    seq: int
    value: list[str] | bool | str | None
    flagged: bool


def _carried(position: int) -> tuple[int, Value, bool]:
    try:
        known = msgspec.json.decode(request.form.get(f"saved-{position}", ""), type=Carried)
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid(path=f"saved-{position}", reason="not_as_sent") from error
    if not 0 <= known.seq < 2**53 - 1:
        raise Invalid(path=f"saved-{position}", reason="not_as_sent")
    return known.seq, known.value, known.flagged


def _given(item: papers.Item) -> Value:
    ids = [option.id for option in item.options]
    return from_fields(item.type, request.form.getlist(f"answer-{item.position}"), _parts(item), ids)


def _parts(item: papers.Item) -> list[str]:
    return [request.form.get(f"answer-{item.position}-{number}", "").strip() for number in range(1, item.parts + 1)]


@blueprint.get("/attempts/<int:attempt_id>/review")
def review(attempt_id: int) -> Any:
    """Show what is answered, left out and flagged, before handing in."""
    person = require()
    attempt = _own(attempt_id, person)
    if attempt.state != "open":
        return redirect(url_for(".result", attempt_id=attempt_id), 303)
    shown = _questions(attempt)
    return render_template(
        "play/review.html",
        attempt=attempt,
        place=queries.get_level_place(attempt.level_id),
        questions=shown,
        open_numbers=[one.item.position for one in shown if not one.answered],
        flagged_numbers=[one.item.position for one in shown if one.flagged],
        left_ms=clock.ms(attempt.deadline_at - clock.now()),
    )


@blueprint.post("/attempts/<int:attempt_id>/submission")
def submit(attempt_id: int) -> Any:
    """Hand an attempt in."""
    person = require()
    services.submit_attempt(attempt_id, person.person_id)
    return redirect(url_for(".result", attempt_id=attempt_id), 303)


@blueprint.get("/attempts/<int:attempt_id>/result")
def result(attempt_id: int) -> Any:
    """Show the result of an attempt, its receipt, and what comes next."""
    person = require()
    attempt = _own(attempt_id, person)
    if attempt.state == "open":
        return redirect(url_for(".play", attempt_id=attempt_id), 303)
    if attempt.state == "closed":
        services.finalise(attempt_id, clock.now())
        db.session.refresh(attempt)
    place = queries.get_level_place(attempt.level_id)
    own = queries.find_participation(place.competition.id, person.person_id)
    track, state = _state(place, own, clock.now())
    following = next((one for one in track.levels if one.level.position == place.level.position + 1), None)
    marked = queries.marked_items(attempt, place)
    return render_template(
        "play/result.html",
        attempt=attempt,
        place=place,
        state=state,
        following=following,
        stars=rules.stars(attempt.points or 0, place.level.pass_points, attempt.max_points),
        receipt=services.receipt(attempt),
        items=None if marked is None else list(zip(_questions(attempt), marked, strict=True)),
        compare=compare,
        kind_word=kind_word,
        language=web.language(),
        show_map_link=url_for(".show", competition_id=place.competition.id) + f"#track-{place.track.id}",
    )


@blueprint.app_context_processor
def _open_attempt() -> dict[str, Any]:
    """Give every page of a signed-in person the attempt that is running, for the banner; one query."""
    if not request or request.endpoint in OWN_BANNER or web.wants_json():
        return {}
    try:
        return {"open_attempt": running_attempt()}
    except SQLAlchemyError:
        return {}


def running_attempt() -> dict[str, Any] | None:
    """Return the signed-in person's running attempt as the banner shows it, or None."""
    if not current_user.is_authenticated:
        return None
    now = clock.now()
    found = queries.find_running(current_user.person_id, now)
    if found is None:
        return None
    return {
        "url": url_for("competitions.play", attempt_id=found.attempt_id),
        "level_name": web.tr({"name_zh": found.name_zh, "name_en": found.name_en}),
        "question_number": found.position or 1,
        "deadline_at": found.deadline_at,
        "remaining_ms": clock.ms(found.deadline_at - now),
    }
