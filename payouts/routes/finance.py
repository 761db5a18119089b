"""Ledgers and payouts, for finance: reconciliation, approval, transfer lists and the bank's results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts import identity
from accounts.identity import Identity
from core.errors import Refusal
from organizations import permissions
from organizations.models import Organization
from organizations.queries import get_organization
from payouts import queries, services, sheets
from payouts.forms import ConfirmForm, ResultsForm, WhyForm
from payouts.models import Ledger
from payouts.routes.shared import PAGE, attempt, file_reply, pages, say


@pages.get("/payouts")
def list_ledgers() -> Any:
    """List the ledgers that I may read."""
    permissions.require_somewhere(("finance", "auditor", "enterprise_admin"))
    found = queries.list_ledgers_at(
        permissions.nodes_with(("finance", "auditor")),
        permissions.nodes_with(("finance", "auditor", "enterprise_admin")),
    )
    return render_template("payouts/ledgers.html", ledgers=found, purposes=_purposes())


@pages.get("/finance/ledgers/<int:ledger_id>")
def show_ledger(ledger_id: int) -> Any:
    """Show a ledger: reconciliation, payouts, transfer lists, entries."""
    _person, ledger, owner = _ledger(ledger_id, reading=True)
    return _ledger_page(ledger, owner)


@pages.post("/finance/ledgers/<int:ledger_id>/create")
def create_payouts(ledger_id: int) -> Any:
    """Make a payout for every award without one."""
    person, ledger, _owner = _ledger(ledger_id)
    count = attempt(lambda: services.create_payouts(ledger.id, person.person_id))
    if count is not None:
        flash(
            ngettext("%(num)s payout was made.", "%(num)s payouts were made.", count)
            if count
            else _("Every award has its payout already."),
            "success" if count else "info",
        )
    return _to_ledger(ledger_id)


@pages.post("/finance/ledgers/<int:ledger_id>/approve")
def approve_all(ledger_id: int) -> Any:
    """Approve all payouts that another person made."""
    person, ledger, _owner = _ledger(ledger_id)
    done = attempt(lambda: services.approve_all(ledger.id, person.person_id))
    if done is not None:
        approved, left = done
        flash(
            ngettext("%(num)s payout was approved.", "%(num)s payouts were approved.", approved),
            "success" if approved else "warning",
        )
        if left:
            flash(
                _(
                    "%(n)s were left out: you made them yourself, so another person must approve them, "
                    "or the winner is no longer eligible.",
                    n=left,
                ),
                "warning",
            )
    return _to_ledger(ledger_id)


@pages.post("/finance/ledgers/<int:ledger_id>/export")
def export_batch(ledger_id: int) -> Any:
    """Freeze the approved payouts into a transfer list."""
    person, ledger, _owner = _ledger(ledger_id)
    attempt(
        lambda: services.export_batch(ledger.id, person.person_id),
        _("The transfer list is ready below. Downloading it again always gives the same file."),
    )
    return _to_ledger(ledger_id)


@pages.post("/finance/batches/<int:batch_id>")
def download_batch(batch_id: int) -> Any:
    """Hand out a transfer list as it was frozen."""
    identity.require()
    ledger_id = queries.get_batch(batch_id).ledger_id
    person, _ledger_row, _owner = _ledger(ledger_id)
    return file_reply(
        lambda: services.download_batch(batch_id, person.person_id),
        f"transfer-list-{batch_id}.xlsx",
        lambda: _to_ledger(ledger_id),
    )


@pages.post("/finance/ledgers/<int:ledger_id>/results")
def import_results(ledger_id: int) -> Any:
    """Try a bank's results first, then take them in."""
    person, ledger, owner = _ledger(ledger_id)
    form: Any = ResultsForm(prefix="results")
    if not form.validate_on_submit():
        return _ledger_page(ledger, owner, results=form)
    apply = request.form.get("apply") == "yes"
    try:
        lines = services.import_results(ledger_id, form.text.data, person.person_id, apply=apply)
    except Refusal as refusal:
        flash(say(refusal), "error")
        lines = []
        if refusal.code == "results_refused":
            lines = services.import_results(ledger_id, form.text.data, person.person_id, apply=False)
    else:
        if apply:
            flash(ngettext("%(num)s line was taken in.", "%(num)s lines were taken in.", len(lines)), "success")
            return _to_ledger(ledger_id)
    return _ledger_page(ledger, owner, results=form, lines=lines)


@pages.post("/finance/payouts/<int:payout_id>/<any(approve, confirm, fail, unknown, reverse):step>")
def step_payout(payout_id: int, step: str) -> Any:
    """Take one payout one step further."""
    identity.require()
    ledger_id = queries.get_ledger_id_of_payout(payout_id)
    person, _ledger_row, _owner = _ledger(ledger_id)
    by = person.person_id
    form: Any = ConfirmForm() if step == "confirm" else WhyForm()
    if step != "approve" and not form.validate_on_submit():
        first = next(iter(form.errors.values()))[0]
        flash(_("%(number)s: %(error)s", number=sheets.payout_number(payout_id), error=first), "error")
        return _to_payout(ledger_id, payout_id)
    if step == "approve":
        attempt(lambda: services.approve(payout_id, by), _("The payout was approved."))
    elif step == "confirm":
        attempt(
            lambda: services.confirm(payout_id, form.bank_reference.data, form.amount.data, by),
            _("The payout is marked as paid."),
        )
    elif step == "fail":
        attempt(lambda: services.mark_failed(payout_id, form.why.data, by), _("The payout is marked as failed."))
    elif step == "unknown":
        attempt(
            lambda: services.mark_unknown(payout_id, form.why.data, by),
            _("The payout is marked as unknown. Nothing is sent again until a person finds out."),
        )
    else:
        attempt(
            lambda: services.reverse(payout_id, form.why.data, by),
            _("The money is back in the books; a new payout can be made."),
        )
    return _to_payout(ledger_id, payout_id)


@pages.get("/finance/payouts/<int:payout_id>")
def show_payout(payout_id: int) -> Any:
    """Show one payout: where it stands and what may be done with it."""
    identity.require()
    person, ledger, owner = _ledger(queries.get_ledger_id_of_payout(payout_id), reading=True)
    row = queries.get_payout_row(payout_id)
    return render_template(
        "payouts/payout.html",
        ledger=ledger,
        owner=owner,
        row=row,
        number=sheets.payout_number(payout_id),
        timeline=_timeline(row),
        may_act=permissions.holds(_handlers(ledger), _reach(ledger, owner)),
        own=row.payout.created_by == person.person_id,
        confirm=ConfirmForm(formdata=None, data={"amount": row.payout.amount_fen}),
        state=_states()[row.payout.state],
    )


def _handlers(ledger: Ledger) -> tuple[str, ...]:
    return ("finance",) if ledger.purpose == "prize" else ("finance", "enterprise_admin")


def _reach(ledger: Ledger, owner: Organization) -> list[int]:
    """Return where a role must be held: for a bonus at the enterprise itself, whose pay is its own business (P2)."""
    return [owner.id] if ledger.purpose == "bonus" else owner.path


def _ledger(ledger_id: int, *, reading: bool = False) -> tuple[Identity, Ledger, Organization]:
    identity.require()
    ledger = queries.get_ledger(ledger_id)
    owner = get_organization(ledger.organization_id)
    path = _reach(ledger, owner)
    roles = (*_handlers(ledger), "auditor") if reading else _handlers(ledger)
    return permissions.require_role(roles, path), ledger, owner


def _to_ledger(ledger_id: int) -> Any:
    return redirect(url_for(".show_ledger", ledger_id=ledger_id))


def _to_payout(ledger_id: int, payout_id: int) -> Any:
    return redirect(url_for(".show_payout", payout_id=payout_id))


def _ledger_page(
    ledger: Ledger, owner: Organization, results: Any = None, lines: Sequence[services.ResultLine] | None = None
) -> Any:
    state = request.args.get("state", "")
    page = max(1, request.args.get("page", 1, type=int))
    counts = queries.count_payouts(ledger.id)
    words = _states()
    if state not in words:
        state = ""
    total = counts.get(state, 0) if state else sum(counts.values())
    return render_template(
        "payouts/ledger.html",
        ledger=ledger,
        owner=owner,
        competition=queries.get_purpose(ledger),
        purposes=_purposes(),
        books=queries.reconciliation(ledger.id),
        unpaid=len(queries.list_unpaid_awards(ledger.id)),
        counts=counts,
        states=words,
        state=state,
        payouts=queries.payout_page(ledger.id, state or None, PAGE * (page - 1), PAGE),
        number=sheets.payout_number,
        page=page,
        page_count=-(-total // PAGE),
        url=lambda wanted: url_for(".show_ledger", ledger_id=ledger.id, state=state or None, page=wanted),
        batches=queries.list_batches(ledger.id),
        postings=queries.list_postings(ledger.id, 30),
        kinds=_kinds(),
        accounts=_accounts(),
        results=results or ResultsForm(formdata=None, prefix="results"),
        lines=lines,
        actions=_actions(),
        reasons=_reasons(),
        may_act=permissions.holds(_handlers(ledger), _reach(ledger, owner)),
    ), (422 if results is not None and results.errors else 200)


def _timeline(row: queries.PayoutRow) -> list[dict[str, str]]:
    payout = row.payout
    order = ["created", "approved", "exported", "confirmed"]
    place = {"failed": 2, "unknown": 2}.get(payout.state)
    here = order.index(payout.state) if place is None else place
    notes = [row.maker, row.approver or "", "", payout.bank_reference or ""]
    words = _states()
    items = [
        {
            "label": words[name][0],
            "note": notes[index],
            "state": "done" if index < here or payout.state == "confirmed" else "now" if index == here else "next",
        }
        for index, name in enumerate(order)
    ]
    if payout.state in ("failed", "unknown"):
        items[2]["state"] = "done"
        items[3] = {"label": words[payout.state][0], "note": payout.failure, "state": "now"}
    return items


def _purposes() -> dict[str, str]:
    return {"prize": _("Prize pool"), "bonus": _("Enterprise bonus")}


def _states() -> dict[str, tuple[str, str]]:
    return {
        "created": (_("Made"), ""),
        "approved": (_("Approved"), "info"),
        "exported": (_("On a transfer list"), "info"),
        "confirmed": (_("Paid"), "good"),
        "failed": (_("Failed"), "bad"),
        "unknown": (_("Unknown"), "warn"),
    }


def _kinds() -> dict[str, str]:
    return {
        "fund": _("Funding"),
        "award": _("Awards"),
        "export": _("Transfer list"),
        "confirm": _("Paid"),
        "fail": _("Failed, back in the books"),
        "reverse": _("Reversal"),
        "release": _("Returned to the sponsor"),
    }


def _accounts() -> dict[str, str]:
    return {
        "sponsor": _("Sponsor"),
        "pool": _("Pool"),
        "payable": _("Payable"),
        "tax": _("Tax withheld"),
        "in_transit": _("In transit"),
        "paid": _("Paid"),
    }


def _actions() -> dict[str, str]:
    return {
        "confirm": _("will be marked as paid"),
        "fail": _("will be marked as failed"),
        "unknown": _("will be marked as unknown"),
        "same": _("known already, changes nothing"),
        "refused": _("wrong"),
    }


def _reasons() -> dict[str, str]:
    return {
        "": "",
        "no_such_payout": _("no payout of this ledger has that number"),
        "named_twice": _("the payout is named twice"),
        "wrong_amount": _("the amount is not ours"),
        "no_reference": _("the bank reference is missing"),
        "reference_taken": _("the bank reference belongs to another payout"),
        "status": _("the status is none of paid, failed, unknown"),
        "is_confirmed": _("the payout is paid already"),
        "is_failed": _("the payout has failed already"),
        "is_unknown": _("the payout is unknown already"),
    }
