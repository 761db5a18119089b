"""Writing and reviewing questions: the list, the editor, one question with its history, the topics of a trade."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import identity
from core import clock
from core.database import db
from core.errors import NotFound
from core.security import limited
from core.web import language, tr
from organizations.queries import list_path
from questions import access, authoring, cases, queries, queries_admin, words
from questions.authoring import Actor
from questions.errors import CaseApart, ChangedMeanwhile, NoReason, NotNow, OwnQuestion, QuestionInvalid
from questions.forms import EditorForm, NoteForm, TopicsForm
from questions.models import Question, Topic, Trade
from questions.presenting import Shown, present_item
from questions.queries_admin import Listed, Measured, Wanted
from questions.rules import CASE, TYPES, BadExpression, PaperItem, Version, draw_item, parse_number
from questions.rules.differences import compare
from questions.rules.life import STATES, bad_weights, may_judge, may_take, share_of_whole
from questions.rules.samples import draw_samples
from questions.services import content_of
from questions.uses import figure_source, find_points, find_uses

UPLOAD_LIMIT = 6_000_000
"""Bytes of one form with its images and sounds."""
FILTERS = (
    "q",
    "trade",
    "topic",
    "type",
    "difficulty",
    "owner",
    "state",
    "facility",
    "facility_from",
    "facility_to",
    "light",
    "attempts",
    "order",
)
LIGHTS = ("red", "key", "amber", "green", "grey")
STEPS = (
    "comment",
    "submit",
    "withdraw",
    "offer",
    "return",
    "approve",
    "retire",
    "adopt",
    "decline",
    "reserve",
    "release",
)

blueprint = Blueprint("bank", __name__, url_prefix="/questions")


@blueprint.url_value_preprocessor
def allow_uploads(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let the editor's form be larger than others, before anything reads it."""
    if endpoint in ("bank.create", "bank.edit"):
        request.max_content_length = UPLOAD_LIMIT


def reach(question_id: int, roles: tuple[str, ...] = access.READERS) -> tuple[Actor, Listed]:
    """Return who asks, and a question of a bank that one of the roles reaches.

    What an organization offers is open to the same roles at a root. Raises: NotSignedIn; NotFound (P3).
    """
    person = identity.require()
    listed = queries_admin.get_listed(question_id)
    found = access.banks(roles)
    bank = listed.question.organization_id
    if bank not in found and _is_offered(listed.question) and roles != access.AUTHORS:
        bank = None
    if bank not in found:
        raise NotFound
    return Actor(person.person_id, found[bank]), listed


def _is_offered(question: Question) -> bool:
    """Say whether a question is offered as it stands; while it is mended it is its owner's alone (P2)."""
    return question.offered_at is not None and question.state == "approved"


@blueprint.get("")
def index() -> str:
    """List and search questions."""
    found = access.require_banks(access.READERS)
    trades = queries.list_trades()
    asked = request.args
    trade = next((one for one in trades if one.code == asked.get("trade")), None)
    topics = queries.list_topics(trade.code) if trade else []
    owner = asked.get("owner", "")
    chosen = {bank for bank in found if owner in ("", "mine", str(bank or "shared"))}
    state = asked.get("state", "") if asked.get("state") in STATES else ""
    wanted = Wanted(
        banks=chosen,
        trade=trade.code if trade else "",
        search=asked.get("q", "").strip()[:100],
        topics=words.under(asked.get("topic", ""), topics),
        type=asked.get("type", "") if asked.get("type") in TYPES else "",
        difficulty=asked.get("difficulty", 0, type=int),
        state=state,
        author_id=identity.require().person_id if owner == "mine" else None,
        measured=_measured() if _sees_figures() else None,
    )
    order = asked.get("order", "")
    page = max(1, asked.get("page", 1, type=int))
    rows, total = queries_admin.list_questions(wanted, page, order)
    counts = queries_admin.count_states(wanted)
    kept = {name: asked.get(name, "") for name in FILTERS}

    def url(**changes: Any) -> str:
        return url_for(".index", **{name: value for name, value in (kept | changes).items() if value not in (None, "")})

    every = [("", _("All"), sum(counts.values()))]
    every += [(code, word, counts.get(code, 0)) for code, (word, _tone) in words.state_words().items()]
    return render_template(
        "questions/index.html",
        rows=rows,
        total=total,
        page=page,
        pages=-(-total // queries_admin.PAGE) or 1,
        paging=lambda number: url(page=number),
        chips=[
            {"href": url(state=code), "label": word, "count": count, "current": code == state}
            for code, word, count in every
        ],
        kept=kept,
        filtered=any(value for name, value in kept.items() if name != "state"),
        lights=figure_source[0].lights() if wanted.measured is not None and figure_source else {},
        orders=_order_words(),
        trades=trades,
        topics=words.topic_tree(topics),
        topic_names=topic_names(rows),
        owners=_owners(found),
        types=words.type_words(),
        states=words.state_words(),
        difficulties=words.difficulty_words(),
        writes=bool(access.banks(access.AUTHORS)),
        imports=bool(access.banks(access.IMPORTERS)),
        reviews=bool(access.banks(access.REVIEWERS)),
        stewards=None in access.banks((*access.STEWARDS, *access.AUTHORS)),
        url=url,
    )


def _sees_figures() -> bool:
    """Say whether the reader may see what all competitions together say of questions, by a role at a root."""
    return None in access.banks(("organizer", *access.AUTHORS, *access.REVIEWERS))


BANDS = {"easy": (0.8, None), "middle": (0.4, 0.8), "hard": (None, 0.4)}
"""The facility of questions that are called so: from, to below."""


def _measured() -> Measured:
    """Read which figures are asked for. A band goes before numbers of one's own, which are percent."""
    asked = request.args
    low, high = (_share(asked.get(name, "")) for name in ("facility_from", "facility_to"))
    attempts = asked.get("attempts", "")
    lowest, below = BANDS.get(asked.get("facility", ""), (low, high))
    return Measured(
        lowest=lowest,
        below=below,
        light=asked.get("light", "") if asked.get("light") in LIGHTS else "",
        least=int(attempts) if attempts.isdecimal() and len(attempts) < 10 else 0,
        none=attempts == "none",
    )


def _share(text: str) -> float | None:
    """Read a percentage from 0 to 100 as a share, None for anything else; below 100 % lies all, so 100 says nothing."""
    number = parse_number(text[:10]) if text.strip() else None
    return float(number) / 100 if number is not None and 0 <= number < 100 else None


def _order_words() -> dict[str, str]:
    return {
        "newest": _("Newest first"),
        "hardest": _("Hardest first"),
        "easiest": _("Easiest first"),
        "weakest": _("Least discriminating first"),
        "answered": _("Most first attempts first"),
    }


def _owners(found: dict[access.Bank, int]) -> list[tuple[str, str]]:
    """Return the banks to choose from, with what they are called."""
    nodes = {node.id: tr(node) for node in list_path([bank for bank in found if bank is not None])}
    named = [(str(bank), nodes[bank]) for bank in found if bank is not None and bank in nodes]
    return [("shared", _("Shared bank")), *named] if None in found else named


def topic_names(rows: list[Listed]) -> dict[tuple[str, str], str]:
    """Return the names of the topics of listed questions' trades, by trade and code."""
    trades = {row.question.trade_code for row in rows}
    return {(trade, topic.code): tr(topic) for trade in trades for topic in queries.list_topics(trade)}


@blueprint.get("/inbox")
def inbox() -> str:
    """Show what waits for the reader: questions to judge, own ones that came back, offers."""
    access.require_banks((*access.AUTHORS, *access.REVIEWERS))
    person = identity.require()
    reviews = access.banks(access.REVIEWERS)
    waiting, total = queries_admin.list_waiting(reviews, person.person_id)
    returned = queries_admin.list_returned(person.person_id)
    offered = queries_admin.list_offered() if None in reviews else []
    return render_template(
        "questions/inbox.html",
        reviews=bool(reviews),
        writes=bool(access.banks(access.AUTHORS)),
        waiting=waiting,
        total=total,
        returned=[(row, queries_admin.last_note(row.question.id, ("returned",))) for row in returned],
        offered=offered,
        at_root=None in reviews,
        topic_names=topic_names([*waiting, *returned, *offered]),
        types=words.type_words(),
        states=words.state_words(),
    )


@blueprint.get("/new")
def choose() -> str:
    """Ask for the bank, the trade and the type of a new question."""
    found = access.require_banks(access.AUTHORS)
    return render_template(
        "questions/choose.html", trades=queries.list_trades(), owners=_owners(found), types=words.type_words()
    )


@blueprint.route("/write", methods=["GET", "POST"])
@limited("question", "120/minute")
def create() -> Any:
    """Write a new question."""
    found = access.require_banks(access.AUTHORS)
    owners = {str(bank or "shared"): bank for bank in found}
    owner, type_ = request.args.get("owner", ""), request.args.get("type", "")
    if type_ == CASE:
        return redirect(url_for("cases.begin", owner=owner, trade=request.args.get("trade", "")), 303)
    trade = queries.find_trade(request.args.get("trade"))
    if trade is None or type_ not in TYPES or owner not in owners:
        return redirect(url_for(".choose"), 303)
    bank = owners[owner]
    by = Actor(identity.require().person_id, found[bank])

    def keep(written: dict[str, Any], unfinished: bool) -> Any:
        made = authoring.create(trade.code, bank, written, by, clock.now(), unfinished=unfinished)
        if queries_admin.get_latest(made).unfinished:
            flash(_("Saved as far as it goes. What is still to be mended stands below."), "success")
        else:
            flash(_("The draft is saved. Look at it once more, then submit it for review."), "success")
        return redirect(url_for(".show", question_id=made.id, _anchor="saved"), 303)

    return _editor(trade, type_, EditorForm(), None, keep)


@blueprint.route("/<int:question_id>/edit", methods=["GET", "POST"])
@limited("question", "120/minute")
def edit(question_id: int) -> Any:
    """Write a new version of a question."""
    by, listed = reach(question_id, access.AUTHORS)
    trade = db.session.get_one(Trade, listed.question.trade_code)
    data = EditorForm.fields_of(authoring.written_of(listed.version)) | {"base": listed.version.number}
    form = EditorForm(data=data)

    def keep(written: dict[str, Any], unfinished: bool) -> Any:
        base = request.form.get("base", 0, type=int)
        if authoring.save(question_id, written, base, by, clock.now(), unfinished):
            if queries_admin.get_listed(question_id).version.unfinished:
                flash(_("Saved as far as it goes. What is still to be mended stands below."), "success")
            else:
                flash(_("Saved as a new version. It is a draft until it is approved."), "success")
        else:
            flash(_("Nothing was changed, so no new version was made."), "info")
        return redirect(url_for(".show", question_id=question_id, _anchor="saved"), 303)

    return _editor(trade, listed.version.type, form, listed, keep)


def _editor(
    trade: Trade, type_: str, form: Any, listed: Listed | None, keep: Callable[[dict[str, Any], bool], Any]
) -> Any:
    """Show the editor, check what was typed, or keep it: whole, or as far as it goes."""
    topics = queries.list_topics(trade.code)
    form.prepare(type_, words.leaf_paths(topics))
    written: dict[str, Any] | None = None
    status = 200
    if form.is_submitted():
        take_pictures(form, lambda: form.can_be_kept())
        written, unfinished = form.question(), "unfinished" in request.form
        if not unfinished and form.is_whole():
            form.check()
            if form.is_whole():
                form.place_faults(authoring.find_faults(trade.code, written))
        if "check" not in request.form and form.is_whole():
            try:
                return keep(written, unfinished)
            except QuestionInvalid as refusal:
                form.place_faults(refusal.faults)
            except ChangedMeanwhile as refusal:
                form.base.data = refusal.details["number"]
                flash(_("Somebody saved a newer version meanwhile. Saving again puts yours on top of it."), "warning")
        status = 200 if "check" in request.form and form.is_whole() else 422
    whole = written is not None and form.is_whole()
    version = _version_of(written) if whole and written is not None else None
    return render_template(
        "questions/edit.html",
        form=form,
        type=type_,
        type_word=words.type_words()[type_],
        trade=trade,
        listed=listed,
        checked=form.is_submitted() and whole,
        sample=_samples(version) if version and version.variables else None,
        shown=preview(version, 0) if version else None,
        person_id=identity.require().person_id,
        language=language(),
    ), status


def take_pictures(form: Any, check: Callable[[], object]) -> None:
    """Keep the files that a form brings, then check it; what is wrong with a file is said besides.

    Args:
        form: one that has `take_files`.
        check: looks at every field, which forgets what was said before.
    """
    person_id = identity.require().person_id
    form.take_files(lambda content: authoring.keep_media(content, person_id))
    refused = [(row, row.file.errors) for row, _images_only in form.pictured() if row.file.errors]
    form.look_up(queries_admin.find_mime)
    check()
    for row, errors in refused:
        row.file.errors = errors


def _version_of(written: dict[str, Any]) -> Version:
    """Return a version that is not kept anywhere."""
    content = content_of(written)
    return Version(
        id=0,
        topic=content.pop("topic_code"),
        options=tuple(content.pop("options")),
        prompts=tuple(content.pop("prompts", ())),
        media=tuple(content.pop("media", ())),
        **content,
    )


def _samples(version: Version) -> list[Any]:
    try:
        return list(draw_samples(version))
    except BadExpression:
        return []


@dataclass(frozen=True, slots=True)
class Preview(Shown):
    """An item as the player's templates show it, with nothing saved."""

    saved: str = ""
    flagged: bool = False
    case_span: tuple[int, int] = (1, 1)


def preview(version: Version, seed: int, position: int = 1, span: tuple[int, int] = (1, 1)) -> Preview:
    """Draw an item of a version as a paper would.

    Args:
        version: what is asked; a whole one.
        seed: which draw; the same one gives the same item.
        position: its place on the paper, from 1.
        span: the first and the last place of its case.
    """
    item: PaperItem = draw_item(version, 10, random.Random(seed))  # noqa: S311 - a preview, not a paper
    return Preview(present_item(position, item, version), None, case_span=span)


@blueprint.get("/<int:question_id>")
def show(question_id: int) -> str:
    """Show a question as it is asked, its content, what was said of it, and what may be done now."""
    by, listed = reach(question_id)
    question = listed.question
    seed = max(0, request.args.get("draw", 0, type=int)) % 1000
    place, members = cases.find_place(listed)
    faults = authoring.faults_of(question, listed.version) if may_take("submit", question.state) else []
    return render_template(
        "questions/show.html",
        listed=listed,
        question=question,
        version=listed.version,
        shown=None
        if listed.version.unfinished
        else preview(queries.get_versions([listed.version.id])[listed.version.id], seed, place, (1, members)),
        seed=seed,
        faults=[words.say(fault) for fault in faults],
        facts=words.describe(listed.version, words.topic_paths(queries.list_topics(question.trade_code))),
        trade=db.session.get_one(Trade, question.trade_code),
        notes=queries_admin.list_notes(question_id),
        returned=_last_return(question) if question.state == "draft" else None,
        note_words=words.note_words(),
        state=words.state_word(question, listed.version),
        type_word=words.type_words()[listed.version.type],
        steps=_steps(by, question) - ({"submit"} if faults else set()),
        own=_is_own(by, question),
        writes=question.organization_id in access.banks(access.AUTHORS),
        laboratory=_sees_figures(),
        form=NoteForm(formdata=None),
        language=language(),
    )


def _last_return(question: Question) -> Any:
    last = queries_admin.last_note(question.id, ("submitted", "returned", "approved", "retired"))
    return last if last and last.note.kind == "returned" else None


def _judges(by: Actor, question: Question, step: str) -> bool:
    """Say whether somebody may approve or adopt a question, as far as it depends on who wrote it."""
    after = question.current_version_id if step == "approve" else None
    return may_judge(by.person_id, question.author_id, queries_admin.list_writers(question.id, after))


def own_among(by: Actor, questions: Iterable[Listed]) -> bool:
    """Say whether somebody wrote any of some submitted questions, so that they cannot approve all of them."""
    return not all(_judges(by, one.question, "approve") for one in questions)


def _is_own(by: Actor, question: Question) -> bool:
    """Say whether somebody would have to judge what they wrote themselves."""
    if question.state == "submitted" and node_for("approve", question) is not None:
        return not _judges(by, question, "approve")
    offered = question.offered_at is not None and question.organization_id is not None
    return offered and node_for("adopt", question) is not None and not _judges(by, question, "adopt")


def _steps(by: Actor, question: Question) -> set[str]:
    """Return the steps that the reader may take now."""
    own, offered = question.organization_id is not None, question.offered_at is not None
    also = {
        "offer": own and not offered,
        "decline": own and offered,
        "adopt": own and offered and _judges(by, question, "adopt"),
        "approve": _judges(by, question, "approve"),
        "reserve": not question.reserved,
        "release": question.reserved,
    }
    return {
        step
        for step in STEPS
        if also.get(step, True) and may_take(step, question.state) and node_for(step, question) is not None
    }


_ROLES = {
    "comment": (*access.AUTHORS, *access.REVIEWERS),
    "submit": access.AUTHORS,
    "withdraw": access.AUTHORS,
    "offer": (*access.AUTHORS, *access.REVIEWERS),
}
"""Who takes a step; every other one is the reviewers'."""


def node_for(step: str, question: Question) -> int | None:
    """Return the node whose role lets the signed-in person take a step with a question, or None."""
    if step in ("adopt", "decline"):
        return access.banks(access.REVIEWERS).get(None)
    found = access.banks(_ROLES.get(step, access.REVIEWERS))
    if step == "comment" and _is_offered(question) and None in found:
        return found[None]
    return found.get(question.organization_id)


_DONE: dict[str, Callable[..., None]] = {
    "comment": authoring.comment,
    "submit": authoring.submit,
    "withdraw": authoring.withdraw,
    "offer": authoring.offer,
    "return": authoring.send_back,
    "approve": authoring.approve,
    "retire": authoring.retire,
    "adopt": authoring.adopt,
    "decline": authoring.decline,
    "reserve": lambda question_id, body, by, now: authoring.set_reserved(question_id, True, body, by, now),
    "release": lambda question_id, body, by, now: authoring.set_reserved(question_id, False, body, by, now),
}


def said(step: str) -> str:
    """Say what a step has done."""
    words_of: dict[str, str] = {
        "comment": _("Your note is kept."),
        "submit": _("Submitted. A reviewer other than you decides now."),
        "withdraw": _("Taken back. It is a draft again."),
        "offer": _("Offered. The reviewers of the shared bank decide."),
        "return": _("Returned to the author with your reason."),
        "approve": _("Approved. It is in use from now on; running attempts keep what they have."),
        "retire": _("Retired. No new paper draws it; attempts that contain it keep it."),
        "adopt": _("Taken into the shared bank. Its author stays its author."),
        "decline": _("Declined with your reason. It stays where it is."),
        "reserve": _("Kept for official use. It no longer appears in practice."),
        "release": _("Released. It may appear in practice from now on."),
    }
    return words_of[step]


@blueprint.post(f"/<int:question_id>/<any({', '.join(STEPS)}):step>")
@limited("question-step", "120/minute")
def take_step(question_id: int, step: str) -> Any:
    """Take one step in the life of a question."""
    _by, listed = reach(question_id)
    node_id = node_for(step, listed.question)
    if node_id is None:
        raise NotFound
    back = redirect(url_for(".show", question_id=question_id, _anchor="steps"), 303)
    form = NoteForm()
    if not form.validate_on_submit():
        flash(_("The note is too long."), "error")
        return back
    by = Actor(identity.require().person_id, node_id)
    with telling():
        seen = {"seen": form.seen.data or 0} if step in ("approve", "adopt") else {}
        _DONE[step](question_id, form.body.data or "", by, clock.now(), **seen)
        flash(said(step), "success")
    return back


@contextmanager
def telling() -> Iterator[None]:
    """Say why a step was refused."""
    try:
        yield
    except NoReason:
        flash(_("Write the reason into the note first. Nothing was done."), "error")
    except OwnQuestion:
        flash(_("Ask another reviewer: nobody approves what they wrote themselves."), "error")
    except NotNow:
        flash(_("That is not possible as the question stands now. Look at it again."), "error")
    except QuestionInvalid:
        flash(_("It is not whole yet. Mend what is listed, then submit it."), "error")
    except ChangedMeanwhile:
        flash(_("It was changed after you opened it. Nothing was done: read it as it is now, then decide."), "error")
    except CaseApart:
        flash(_("The text of its case has changed. Approve the whole case together, on the page of the case."), "error")


@blueprint.get(f"/<int:question_id>/<any({', '.join(STEPS)}):step>")
def step_form(question_id: int, step: str) -> Any:
    """Lead a reload or a change of language after a step back to the page it belongs to."""
    return redirect(url_for(".show", question_id=question_id), 303)


@blueprint.get("/<int:question_id>/versions")
def versions(question_id: int) -> str:
    """List the versions of a question, and show what differs between two of them."""
    _by, listed = reach(question_id)
    found = queries_admin.list_versions(question_id)
    numbers = {one.version.number: one.version for one in found}
    latest = listed.version.number
    new = request.args.get("new", latest, type=int)
    old = request.args.get("old", max(1, new - 1), type=int)
    if new not in numbers or old not in numbers:
        raise NotFound
    topics = words.topic_paths(queries.list_topics(listed.question.trade_code))
    return render_template(
        "questions/versions.html",
        listed=listed,
        versions=found,
        old=old,
        new=new,
        differences=compare(*(words.flatten(words.describe(numbers[one], topics)) for one in (old, new))),
    )


@blueprint.get("/<int:question_id>/uses")
def uses(question_id: int) -> str:
    """Show which levels may draw a question or have drawn it, with the way to retire it."""
    by, listed = reach(question_id)
    return render_template(
        "questions/uses.html",
        listed=listed,
        uses=find_uses(question_id, list(set(access.banks(access.READERS).values()))),
        may_retire="retire" in _steps(by, listed.question),
        competition_states={
            "draft": (_("Draft"), "warn"),
            "open": (_("Open"), "info"),
            "closed": (_("Closed"), ""),
            "sealed": (_("Sealed"), "good"),
        },
        form=NoteForm(formdata=None),
    )


@blueprint.route("/topics/<trade_code>", methods=["GET", "POST"])
def topics(trade_code: str) -> Any:
    """Show the topics of a trade, their weights and what the bank has of each; who looks after them edits them."""
    found = access.require_banks(access.READERS)
    trade = queries.find_trade(trade_code)
    if trade is None or None not in found:
        raise NotFound
    rows = queries.list_topics(trade_code)
    order = list(words.topic_paths(rows))
    rows.sort(key=lambda topic: order.index(topic.code))
    node_id = access.banks(access.STEWARDS).get(None)
    if request.method == "POST" and node_id is None:
        raise NotFound
    form: Any = TopicsForm(data={"topics": rows})
    if [row.code.data for row in form.rows()] != [topic.code for topic in rows]:
        raise NotFound(what="topic")
    if form.validate_on_submit():
        changes = [
            authoring.TopicChange(row.code.data, row.name_zh.data, row.name_en.data, row.weight.data)
            for row in form.rows()
        ]
        parents = {topic.code: topic.parent_code for topic in rows}
        bad = bad_weights((parents.get(change.code), change.weight) for change in changes)
        for row in form.rows():
            if bad and parents.get(row.code.data) in bad:
                row.faulty("weight", _("The weights of these topics do not sum to 100."))
        if bad:
            form.form_errors = [_("The weights do not sum to 100.")]
        if not bad and node_id is not None:
            authoring.edit_topics(trade_code, changes, Actor(identity.require().person_id, node_id))
            flash(_("The topics are saved."), "success")
            return redirect(url_for(".topics", trade_code=trade_code), 303)
    status = 422 if form.is_submitted() else 200
    return render_template(
        "questions/topics.html",
        trade=trade,
        trades=queries.list_trades(),
        form=form,
        edits=node_id is not None,
        rows=_topic_rows(rows, find_points(trade_code, list(set(found.values())))),
    ), status


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic in the tree: its share of the whole as it should be, of the questions and of the points, 0 to 1."""

    topic: Topic
    depth: int
    wanted: float | None
    questions: int
    share: float
    points: float | None


def _topic_rows(topics: list[Topic], points: dict[str, float]) -> list[TopicLine]:
    parents = {topic.code: topic.parent_code for topic in topics}
    weights = {topic.code: topic.weight for topic in topics}
    counts = queries_admin.count_in_use(topics[0].trade_code) if topics else {}
    all_questions, all_points = sum(counts.values()), sum(points.values())
    lines: list[TopicLine] = []
    depths: dict[str, int] = {}
    for topic in topics:
        depths[topic.code] = depths[topic.parent_code] + 1 if topic.parent_code else 0
        under = words.under(topic.code, topics)
        questions = sum(counts.get(code, 0) for code in under)
        lines.append(
            TopicLine(
                topic,
                depths[topic.code],
                share_of_whole(topic.code, parents, weights),
                questions,
                questions / all_questions if all_questions else 0.0,
                sum(points.get(code, 0.0) for code in under) / all_points if all_points else None,
            )
        )
    return lines
