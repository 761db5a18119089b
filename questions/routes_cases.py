"""Cases in the browser: begun, seen whole as on a phone, changed, filled, submitted and approved together."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts import identity
from core import clock
from core.database import db
from core.errors import NotFound
from core.security import limited
from core.web import language
from questions import access, cases, queries, words
from questions.authoring import Actor
from questions.errors import CaseRefused, ChangedMeanwhile
from questions.forms import CaseForm, NoteForm
from questions.models import Trade
from questions.presenting import present_case
from questions.queries_admin import Listed
from questions.routes_admin import (
    UPLOAD_LIMIT,
    node_for,
    own_among,
    preview,
    reach,
    said,
    take_pictures,
    telling,
    topic_names,
)
from questions.rules import CASE_SIZE, TYPES

blueprint = Blueprint("cases", __name__, url_prefix="/questions")


@blueprint.url_value_preprocessor
def allow_uploads(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let the forms with pictures be larger than others, before anything reads them."""
    if endpoint in ("cases.begin", "cases.edit"):
        request.max_content_length = UPLOAD_LIMIT


@blueprint.route("/cases/write", methods=["GET", "POST"])
@limited("question", "120/minute")
def begin() -> Any:
    """Begin a case: its text, and the types of its questions."""
    found = access.require_banks(access.AUTHORS)
    owners = {str(bank or "shared"): bank for bank in found}
    owner = request.args.get("owner", "")
    trade = queries.find_trade(request.args.get("trade"))
    form: Any = CaseForm(data={"types": ["single", *[""] * (CASE_SIZE - 1)]})
    if trade is None or owner not in owners or not len(form.types):
        return redirect(url_for("bank.choose"), 303)
    form.begin(words.type_words(), words.leaf_paths(queries.list_topics(trade.code)))
    if _is_whole(form):
        bank = owners[owner]
        types = [field.data for field in form.types if field.data]
        by = Actor(identity.require().person_id, found[bank])
        first = cases.begin(trade.code, bank, types, form.topic.data, form.text(), by, clock.now())
        flash(_("The case is begun. Write its questions now, then submit the whole case."), "success")
        return redirect(url_for(".show", question_id=first.id, _anchor="saved"), 303)
    return _form_page(form, trade, None)


@blueprint.route("/<int:question_id>/case/edit", methods=["GET", "POST"])
@limited("question", "120/minute")
def edit(question_id: int) -> Any:
    """Change the text of a case and the order of its questions."""
    by, listed = _reach_case(question_id, access.AUTHORS)
    case = cases.get_case(question_id)
    count = len(case.members)
    form: Any = CaseForm(data=CaseForm.fields_of(case.text, count) | {"base": case.base})
    form.go_on(count)
    if _is_whole(form):
        try:
            base = int(form.base.data) if form.base.data.isdecimal() else 0
            places = [field.data for field in form.places]
            written = cases.change(question_id, form.text(), places, base, by, clock.now())
        except ChangedMeanwhile as refusal:
            form.base.data = refusal.details["number"]
            flash(_("Somebody changed the case meanwhile. Saving again puts your text on top of it."), "warning")
        else:
            if written:
                flash(
                    ngettext(
                        "Saved: %(num)s question has a new version, a draft until it is approved.",
                        "Saved: %(num)s questions have a new version, drafts until they are approved.",
                        written,
                    ),
                    "success",
                )
            else:
                flash(_("Nothing was changed, so no new version was made."), "info")
            return redirect(url_for(".show", question_id=question_id, _anchor="saved"), 303)
    return _form_page(form, db.session.get_one(Trade, listed.question.trade_code), case)


def _reach_case(question_id: int, roles: tuple[str, ...] = access.READERS) -> tuple[Actor, Listed]:
    """Return who asks and a question, as `reach` does; an offer opens one question, not the others of its case."""
    by, listed = reach(question_id, roles)
    if listed.question.organization_id not in access.banks(roles):
        raise NotFound
    return by, listed


def _is_whole(form: CaseForm) -> bool:
    """Say whether a case's form was sent to be saved, without faults; keep the files that it brings."""
    if not form.is_submitted():
        return False
    take_pictures(form, form.check)
    form.grow_media()
    return form.is_whole() and "check" not in request.form


def _form_page(form: Any, trade: Trade, case: cases.Case | None) -> Any:
    return render_template(
        "questions/case_edit.html", form=form, trade=trade, case=case, person_id=identity.require().person_id
    ), 422 if form.is_submitted() and "check" not in request.form else 200


@blueprint.get("/<int:question_id>/case")
def show(question_id: int) -> str:
    """Show a case as it is asked, its questions, and what may be done with all of them now."""
    by, listed = _reach_case(question_id)
    case = cases.get_case(question_id)
    versions = queries.get_versions([one.version.id for one in case.members])
    span = (1, len(case.members))
    shown = [
        None if one.version.unfinished else preview(versions[one.version.id], 0, position, span)
        for position, one in enumerate(case.members, 1)
    ]
    ready = {step: cases.ready_for(step, case.all) for step in cases.STEPS}
    own = own_among(by, ready["approve"])
    return render_template(
        "questions/case.html",
        listed=listed,
        case=case,
        shown=shown,
        text=present_case(case.text),
        span=span,
        size=CASE_SIZE,
        trade=db.session.get_one(Trade, listed.question.trade_code),
        topic_names=topic_names(list(case.all)),
        types=words.type_words(),
        states=words.state_words(),
        writes=listed.question.organization_id in access.banks(access.AUTHORS),
        own=own and node_for("approve", listed.question) is not None,
        empty=[one for one in case.members if cases.is_empty(one)],
        unfinished=[one for one in case.members if one.version.unfinished],
        steps={
            step
            for step, questions in ready.items()
            if questions and node_for(step, listed.question) is not None and not (step == "approve" and own)
        },
        language=language(),
    )


@blueprint.post("/<int:question_id>/case/<any(submit, withdraw, return, approve):step>")
@limited("question-step", "120/minute")
def take_step(question_id: int, step: str) -> Any:
    """Take one step with every question of a case that it may be taken with."""
    _by, listed = _reach_case(question_id)
    node_id = node_for(step, listed.question)
    if node_id is None:
        raise NotFound
    form = NoteForm()
    if not form.validate_on_submit():
        flash(_("The note is too long."), "error")
    else:
        by = Actor(identity.require().person_id, node_id)
        with telling():
            count = cases.take(question_id, step, form.body.data or "", by, clock.now(), form.seen.data or 0)
            flash(ngettext("%(num)s question:", "%(num)s questions:", count) + " " + said(step), "success")
    return redirect(url_for(".show", question_id=question_id, _anchor="steps"), 303)


@blueprint.get("/<int:question_id>/case/<any(submit, withdraw, return, approve, add, leave):step>")
def step_form(question_id: int, step: str) -> Any:
    """Lead a reload or a change of language after a step back to the page it belongs to."""
    return redirect(url_for("bank.show", question_id=question_id), 303)


@blueprint.post("/<int:question_id>/case/add")
@limited("question", "120/minute")
def add(question_id: int) -> Any:
    """Add a question to a case: a new one of a type, or one that is there."""
    by, _listed = _reach_case(question_id, access.AUTHORS)
    type_, code = request.form.get("type", ""), request.form.get("code", "").strip()[:100]
    try:
        if code:
            cases.add_existing(question_id, code, by, clock.now())
            flash(_("It belongs to the case now, and is a draft until it is approved."), "success")
        elif type_ in TYPES:
            made = cases.add_new(question_id, type_, by, clock.now())
            flash(_("A question was added to the case. Write it now."), "success")
            return redirect(url_for("bank.edit", question_id=made.id), 303)
    except CaseRefused as refusal:
        flash(_refused(str(refusal.details["why"])), "error")
    return redirect(url_for(".show", question_id=question_id), 303)


def _refused(why: str) -> str:
    said_of: dict[str, str] = {
        "full": _("A case has no more than three questions. Take one out first."),
        "absent": _("No question of this trade and bank has that code. Look it up in the list."),
        "elsewhere": _("That question belongs to a case already. Take it out there first."),
        "retired": _("That question is retired. Submit it again first."),
    }
    return said_of[why]


@blueprint.post("/<int:question_id>/case/leave")
@limited("question", "120/minute")
def leave(question_id: int) -> Any:
    """Take a question out of its case."""
    by, _listed = _reach_case(question_id, access.AUTHORS)
    other = cases.take_out(question_id, by, clock.now())
    if other is not None:
        flash(_("The empty draft is discarded."), "success")
        return redirect(url_for("bank.show" if other == question_id else ".show", question_id=other), 303)
    flash(_("Taken out of its case. It is a draft of its own until it is approved."), "success")
    return redirect(url_for("bank.show", question_id=question_id), 303)
