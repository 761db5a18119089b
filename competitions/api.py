"""The JSON API of competitions and attempts; the play screen uses these same endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request

from accounts.identity import Identity, require
from competitions import papers, queries, rules, services
from competitions.errors import AttemptClosed
from competitions.models import Answer, Attempt, Competition
from core import clock
from core.api import ATTEMPT, decode, endpoint, reply, sent
from core.errors import NotFound, NotSignedIn, Refusal
from core.web import csrf
from organizations.queries import path_of_person
from questions.queries import get_versions
from questions.rules import MOST_PARTS, TEXT_LIMIT

blueprint = Blueprint("competitions_api", __name__, url_prefix="/api/v1")

MOST_SEQ = 2**53 - 1


class CompetitionSummary(msgspec.Struct, frozen=True):
    """A competition as it stands in a list."""

    id: int
    name_zh: str
    name_en: str
    state: str
    opens_at: datetime
    closes_at: datetime
    joined: bool


class LevelView(msgspec.Struct, frozen=True):
    """A level on the map. `state`: locked (`why`: previous, opens_at, competition), open, playing or done."""

    id: int
    position: int
    name_zh: str
    name_en: str
    state: str
    why: str
    stars: int
    best_points: int | None
    pass_points: int
    max_points: int
    time_limit_s: int
    tries_used: int
    tries_total: int | None
    tries_per_day: int | None
    may_start: bool
    open_attempt_id: int | None


class TrackView(msgspec.Struct, frozen=True):
    """A track with its levels in order."""

    id: int
    trade: str
    name_zh: str
    name_en: str
    cleared: int
    levels: list[LevelView]


class CompetitionView(msgspec.Struct, frozen=True):
    """A competition with its rules and the caller's level map."""

    competition: CompetitionSummary
    summary_zh: str
    summary_en: str
    rules_zh: str
    rules_en: str
    tracks: list[TrackView]


class SavedAnswer(msgspec.Struct, frozen=True):
    """The acknowledged answer to one item."""

    position: int
    seq: int
    value: list[str] | bool | str | None
    flagged: bool


class AttemptView(msgspec.Struct, frozen=True):
    """A running attempt: the paper, what is saved, and the token with which this device saves.

    An answer counts when it was received by `deadline_at` plus `grace_ms`. `time_left_ms` is to the deadline.
    """

    id: int
    level_id: int
    number: int
    state: str
    started_at: datetime
    deadline_at: datetime
    server_time: datetime
    time_left_ms: int
    grace_ms: int
    items: list[papers.Item]
    answers: list[SavedAnswer]
    token: str


_Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT, pattern=r"^[^\x00]*$")]


class SaveAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to save: option ids or texts, a boolean, a text, or null to take it back; `seq` grows with changes."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=MOST_SEQ)]
    value: Annotated[list[_Text], msgspec.Meta(max_length=MOST_PARTS)] | bool | _Text | None
    flagged: bool = False


class Saved(msgspec.Struct, frozen=True):
    """The answer with this `seq` is committed."""

    seq: int
    deadline_at: datetime | None
    time_left_ms: int


class ReceiptView(msgspec.Struct, frozen=True):
    """Proof of what was handed in."""

    attempt_id: int
    answers_hash: str
    server_time: datetime
    signature: str


class ResultView(msgspec.Struct, frozen=True):
    """The result of an attempt; `items` only when the level lets keys be seen."""

    attempt_id: int
    level_id: int
    state: str
    close_reason: str | None
    points: int | None
    pass_points: int
    max_points: int
    cleared: bool | None
    stars: int
    elapsed_ms: int | None
    receipt: ReceiptView
    items: list[papers.MarkedItem] | None


class SaveRefused(Refusal):
    """An answer was not saved; the code says why."""

    def __init__(self, code: str, status: int, **details: object) -> None:
        super().__init__(**details)
        self.code = code
        self.status = status


def _summary(competition: Competition, joined: bool) -> CompetitionSummary:
    return CompetitionSummary(
        competition.id,
        competition.name_zh,
        competition.name_en,
        competition.state,
        competition.opens_at,
        competition.closes_at,
        joined,
    )


@blueprint.get("/competitions")
@endpoint("Competitions", gives=list[CompetitionSummary], refuses=(401,))
def list_competitions() -> Response:
    """List the competitions the caller may take part in or look back at."""
    person = require()
    joined = queries.joined_competition_ids(person.person_id)
    return reply(
        [_summary(one, one.id in joined) for one in queries.visible_competitions(path_of_person(person.person_id))]
    )


@blueprint.get("/competitions/<int:competition_id>")
@endpoint("Competitions", gives=CompetitionView)
def show_competition(competition_id: int) -> Response:
    """Show a competition with the caller's level map."""
    person = require()
    services.settle_person(person.person_id)
    competition = queries.get_visible_competition(competition_id, path_of_person(person.person_id))
    participation = queries.find_participation(competition_id, person.person_id)
    maps = queries.level_map(competition, participation.id if participation else None, clock.now())
    return reply(
        CompetitionView(
            _summary(competition, participation is not None),
            competition.summary_zh,
            competition.summary_en,
            competition.rules_zh,
            competition.rules_en,
            [_track(one) for one in maps],
        )
    )


def _track(one: queries.TrackMap) -> TrackView:
    return TrackView(
        one.track.id,
        one.track.trade_code,
        one.track.name_zh,
        one.track.name_en,
        one.cleared,
        [
            LevelView(
                state.level.id,
                state.level.position,
                state.level.name_zh,
                state.level.name_en,
                state.state,
                state.why,
                state.stars,
                state.best_points,
                state.level.pass_points,
                state.max_points,
                state.level.time_limit_s,
                state.tries_used,
                state.level.tries_total,
                state.level.tries_per_day,
                state.may_start,
                state.open_attempt_id,
            )
            for state in one.levels
        ],
    )


@blueprint.put("/competitions/<int:competition_id>/participation")
@endpoint("Competitions", gives=CompetitionSummary, refuses=(401, 404, 409))
def join(competition_id: int) -> Response:
    """Join a competition; doing it again changes nothing."""
    person = require()
    services.join(competition_id, person.person_id, person.name)
    return reply(_summary(queries.get_competition(competition_id), True))


@blueprint.post("/levels/<int:level_id>/attempts")
@endpoint("Attempts", gives=AttemptView, refuses=(401, 404, 409))
def start(level_id: int) -> Response:
    """Start an attempt, or get the one that is running; the deadline is fixed here."""
    person = require()
    started = services.begin_attempt(person.person_id, level_id)
    return reply(_view(started.attempt, person, queries.list_answers(started.attempt.id) if started.resumed else []))


@blueprint.get("/attempts/<int:attempt_id>")
@endpoint("Attempts", gives=AttemptView, refuses=(401, 404, 409))
def show_attempt(attempt_id: int) -> Response:
    """Get a running attempt with its paper and everything saved, to go on with it on this device."""
    person = require()
    services.settle_person(person.person_id)
    attempt = queries.get_own_attempt(attempt_id, person.person_id)
    if attempt.state != "open":
        raise AttemptClosed(attempt_id=attempt_id)
    return reply(_view(attempt, person, queries.list_answers(attempt_id)))


def _view(attempt: Attempt, person: Identity, answers: list[Answer]) -> AttemptView:
    now = clock.now()
    paper = rules.paper_items(attempt.paper)
    return AttemptView(
        attempt.id,
        attempt.level_id,
        attempt.number,
        attempt.state,
        attempt.started_at,
        attempt.deadline_at,
        now,
        clock.ms(attempt.deadline_at - now),
        clock.ms(rules.GRACE),
        papers.present(paper, get_versions([item.version for item in paper])),
        [SavedAnswer(one.position, one.seq, one.value, one.flagged) for one in answers],
        services.attempt_token(attempt.id, person.session_id),
    )


_VERDICTS: dict[str, type[Refusal] | tuple[str, int]] = {
    "not_found": NotFound,
    "not_signed_in": NotSignedIn,
    "closed": ("attempt_closed", 409),
    "late": ("too_late", 409),
    "superseded": ("superseded", 409),
}


REFUSED = "biwu.save_refused"
"""Where the WSGI environment holds why a save was refused before Flask began (competitions.shortcut)."""


@blueprint.put("/attempts/<int:attempt_id>/answers/<int:position>")
@csrf.exempt  # type: ignore[untyped-decorator]
@endpoint("Attempts", gives=Saved, takes=SaveAnswer, refuses=(401, 404, 409, 413, 422, 503), security=ATTEMPT)
def save_answer(attempt_id: int, position: int) -> Response:
    """Save one answer. 200: committed. 409 superseded, too_late or attempt_closed. 503: unknown, send it again."""
    if refused := request.environ.get(REFUSED):
        raise refused
    return reply(save(request.headers.get("Authorization", ""), attempt_id, position, sent()))


def save(authorization: str, attempt_id: int, position: int, sent: bytes) -> Saved:
    """Save one answer as it came over the wire.

    Args:
        authorization: the header's value: `Attempt` and the token of this attempt on one device.
        attempt_id: the attempt.
        position: the item, from 1.
        sent: the JSON of a `SaveAnswer`.

    Raises: NotSignedIn, NotFound, Invalid, SaveRefused, core.errors.Unavailable.
    """
    received_at = clock.now()
    session_id = _device(authorization, attempt_id)
    wish = decode(sent, SaveAnswer)
    outcome = services.save_answer(attempt_id, session_id, position, wish.seq, wish.value, wish.flagged, received_at)
    deadline_at = outcome.deadline_at
    if outcome.verdict == "saved":
        return Saved(wish.seq, deadline_at, clock.ms(deadline_at - received_at) if deadline_at else 0)
    verdict = _VERDICTS[outcome.verdict]
    if isinstance(verdict, tuple):
        details: dict[str, Any] = {"deadline_at": deadline_at}
        if outcome.verdict == "superseded":
            details |= {"seq": outcome.seq, "value": outcome.value}
        raise SaveRefused(*verdict, **details)
    raise verdict()


def _device(authorization: str, attempt_id: int) -> int:
    """Return the session of the attempt token that came along. Raises: NotSignedIn; NotFound for another attempt's."""
    scheme, _, token = authorization.partition(" ")
    if scheme != "Attempt":
        raise NotSignedIn()
    known, session_id = services.read_attempt_token(token)
    if known != attempt_id:
        raise NotFound(what="attempt")
    return session_id


@blueprint.post("/attempts/<int:attempt_id>/submission")
@endpoint("Attempts", gives=ResultView)
def submit(attempt_id: int) -> Response:
    """Hand an attempt in and get its result; doing it again gives the same."""
    person = require()
    return reply(_result(services.hand_in(attempt_id, person.person_id)))


@blueprint.get("/attempts/<int:attempt_id>/result")
@endpoint("Attempts", gives=ResultView, refuses=(401, 404, 409))
def show_result(attempt_id: int) -> Response:
    """Get the result of an attempt that is over."""
    person = require()
    services.settle_person(person.person_id)
    return reply(_result(queries.get_result(attempt_id, person.person_id)))


def _result(result: queries.Result) -> ResultView:
    receipt = services.receipt(result)
    return ResultView(
        result.id,
        result.level_id,
        result.state,
        result.close_reason,
        result.points,
        result.pass_points,
        result.max_points,
        result.cleared,
        rules.stars(result.points or 0, result.pass_points, result.max_points),
        result.elapsed_ms,
        ReceiptView(receipt.attempt_id, receipt.answers_hash, receipt.server_time, receipt.signature),
        result.items,
    )
