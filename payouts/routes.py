"""Pages of money: prizes for organizers, bonuses for enterprises, ledgers for finance, bank details for winners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # the published types are older

from accounts import identity
from accounts.identity import Identity
from competitions.models import Competition
from core.errors import Invalid, NotFound, NotSignedIn, Refusal
from core.money import format_yuan
from core.web import attachment, tr
from organizations import permissions
from organizations.models import Organization
from payouts import queries, rules, services, sheets
from payouts.forms import (
    ConfirmForm,
    FundForm,
    PayeeForm,
    PayrollForm,
    PlacesForm,
    ResultsForm,
    SplitForm,
    TierForm,
    WhyForm,
    WinnersForm,
)
from payouts.models import Ledger

SETTERS = ("organizer", "enterprise_admin")
READERS = ("organizer", "enterprise_admin", "finance", "auditor")
PAGE = 50
MEDIA = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}

pages = Blueprint("payouts", __name__)


@dataclass(frozen=True)
class RuleLine:
    """One prize rule or tier with what it gives by some standings."""

    id: int
    title: str
    board: str
    terms: list[str]
    winners: int
    least_fen: int
    most_fen: int
    total_fen: int


@pages.get("/organizer/competitions/<int:competition_id>/prizes")
def show_prizes(competition_id: int) -> Any:
    """Show the pool, the rules, and who would win or has won what."""
    _person, competition, owner = _competition(competition_id, READERS)
    return _prizes_page(competition, owner)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/fund")
def fund_prizes(competition_id: int) -> Any:
    """Put money into the prize pool."""
    person, competition, owner = _competition(competition_id, SETTERS)
    form: Any = FundForm(prefix="fund")
    if not form.validate_on_submit():
        return _prizes_page(competition, owner, fund=form)
    ledger = services.open_ledger(competition_id, owner.id, "prize", person.person_id)
    amount, seen = form.amount.data, request.form.get("seen_fen", type=int)
    _attempt(
        lambda: services.fund(ledger.id, amount, form.memo.data, person.person_id, expected_fen=seen),
        _("%(amount)s was put into the pool.", amount=format_yuan(amount)),
    )
    return _to_prizes(competition_id)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/places")
def add_places(competition_id: int) -> Any:
    """Add a prize rule by places."""
    person, competition, owner = _competition(competition_id, SETTERS)
    form: Any = PlacesForm(prefix="places")
    _offer_boards(form, competition_id)
    if not form.validate_on_submit():
        return _prizes_page(competition, owner, places=form)
    prize = rules.Prize(
        0,
        form.track.data or None,
        "places",
        tuple(rules.Band(band.first.data, band.last.data, band.each.data) for band in form.bands if band.each.data),
    )
    return _add_rule(person, competition, owner, prize, form, "places")


@pages.post("/organizer/competitions/<int:competition_id>/prizes/split")
def add_split(competition_id: int) -> Any:
    """Add an equal split."""
    person, competition, owner = _competition(competition_id, SETTERS)
    form: Any = SplitForm(prefix="split")
    _offer_boards(form, competition_id)
    if not form.validate_on_submit():
        return _prizes_page(competition, owner, split=form)
    track_id = form.track.data or None
    prize = rules.Prize(
        0,
        track_id,
        "equal_split",
        pot_fen=form.pot.data,
        any_track=track_id is None and form.who.data == "any_track",
    )
    return _add_rule(person, competition, owner, prize, form, "split")


@pages.post("/organizer/competitions/<int:competition_id>/prizes/<int:rule_id>/remove")
def remove_rule(competition_id: int, rule_id: int) -> Any:
    """Remove a prize rule."""
    person, _competition_row, _owner = _competition(competition_id, SETTERS)
    _attempt(lambda: services.remove_prize_rule(competition_id, rule_id, person.person_id), _("The rule was removed."))
    return _to_prizes(competition_id)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/award")
def award_prizes(competition_id: int) -> Any:
    """Turn the rules and the sealed standings into awards."""
    person, _competition_row, _owner = _competition(competition_id, SETTERS)
    _attempt(
        lambda: services.award_prizes(competition_id, person.person_id),
        _("The prizes are awarded. Winners see them in their record; finance can now pay."),
    )
    return _to_prizes(competition_id)


@pages.post("/organizer/competitions/<int:competition_id>/winners")
def export_winners(competition_id: int) -> Any:
    """Hand out the list of winners; who took it and why is recorded."""
    person, competition, owner = _competition(competition_id, READERS)
    form: Any = WinnersForm(prefix="winners")
    _offer_winners(form, competition_id)
    if not form.validate_on_submit():
        return _prizes_page(competition, owner, winners_form=form)
    full = bool(form.full.data) and permissions.holds(("organizer", "enterprise_admin", "finance"), owner.path)
    scope = queries.WinnerScope(form.track.data or None, form.city.data or None, form.enterprise.data or None)
    return _file(
        lambda: services.export_winners(
            competition, scope, form.file.data, full=full, why=form.why.data, person_id=person.person_id
        ),
        f"winners-{competition_id}.{form.file.data}",
        lambda: _to_prizes(competition_id),
    )


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
    count = _attempt(lambda: services.create_payouts(ledger.id, person.person_id))
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
    done = _attempt(lambda: services.approve_all(ledger.id, person.person_id))
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
    _attempt(
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
    return _file(
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
        flash(_say(refusal), "error")
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
        _attempt(lambda: services.approve(payout_id, by), _("The payout was approved."))
    elif step == "confirm":
        _attempt(
            lambda: services.confirm(payout_id, form.bank_reference.data, form.amount.data, by),
            _("The payout is marked as paid."),
        )
    elif step == "fail":
        _attempt(lambda: services.mark_failed(payout_id, form.why.data, by), _("The payout is marked as failed."))
    elif step == "unknown":
        _attempt(
            lambda: services.mark_unknown(payout_id, form.why.data, by),
            _("The payout is marked as unknown. Nothing is sent again until a person finds out."),
        )
    else:
        _attempt(
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


@pages.get("/organizations/<int:organization_id>/bonuses")
def list_bonuses(organization_id: int) -> Any:
    """List the competitions that an enterprise's people take part in, with its bonuses."""
    _person, enterprise = _enterprise(organization_id, reading=True)
    return render_template(
        "payouts/bonuses.html",
        enterprise=enterprise,
        rows=[
            (competition, joined, queries.reconciliation(ledger.id) if ledger else None)
            for competition, joined, ledger in queries.list_bonus_competitions(enterprise)
        ],
    )


@pages.get("/organizations/<int:organization_id>/bonuses/<int:competition_id>")
def show_bonus(organization_id: int, competition_id: int) -> Any:
    """Show an enterprise's budget, tiers and computed bonuses in one competition."""
    _person, enterprise = _enterprise(organization_id, reading=True)
    return _bonus_page(enterprise, _reached(enterprise, competition_id))


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/fund")
def fund_bonus(organization_id: int, competition_id: int) -> Any:
    """Put money into an enterprise's budget."""
    person, enterprise = _enterprise(organization_id)
    competition = _reached(enterprise, competition_id)
    form: Any = FundForm(prefix="fund")
    if not form.validate_on_submit():
        return _bonus_page(enterprise, competition, fund=form)
    ledger = services.open_ledger(competition_id, enterprise.id, "bonus", person.person_id)
    amount, seen = form.amount.data, request.form.get("seen_fen", type=int)
    _attempt(
        lambda: services.fund(ledger.id, amount, form.memo.data, person.person_id, expected_fen=seen),
        _("%(amount)s was put into the budget.", amount=format_yuan(amount)),
    )
    return _to_bonus(organization_id, competition_id)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/tiers")
def add_tier(organization_id: int, competition_id: int) -> Any:
    """Add a bonus tier."""
    person, enterprise = _enterprise(organization_id)
    competition = _reached(enterprise, competition_id)
    form: Any = TierForm(prefix="tier")
    _offer_tiers(form, competition_id)
    if not form.validate_on_submit():
        return _bonus_page(enterprise, competition, tier=form)
    ledger = services.open_ledger(competition_id, enterprise.id, "bonus", person.person_id)
    top_n = form.top_n.data if form.kind.data == "top_n" else None
    tier = rules.Tier(0, form.track.data or None, form.kind.data, form.amount.data, top_n)
    try:
        services.add_bonus_tier(ledger.id, tier, person.person_id)
    except Refusal as refusal:
        form.form_errors.append(_say(refusal))
        return _bonus_page(enterprise, competition, tier=form)
    flash(_("The bonus was added."), "success")
    return _to_bonus(organization_id, competition_id)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/tiers/<int:tier_id>/remove")
def remove_tier(organization_id: int, competition_id: int, tier_id: int) -> Any:
    """Remove a bonus tier."""
    person, enterprise = _enterprise(organization_id)
    ledger = _bonus_ledger(enterprise, competition_id)
    _attempt(lambda: services.remove_bonus_tier(ledger.id, tier_id, person.person_id), _("The bonus was removed."))
    return _to_bonus(organization_id, competition_id)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/award")
def award_bonuses(organization_id: int, competition_id: int) -> Any:
    """Turn the tiers and the sealed standings into awards."""
    person, enterprise = _enterprise(organization_id)
    ledger = _bonus_ledger(enterprise, competition_id)
    _attempt(lambda: services.award_bonuses(ledger.id, person.person_id), _("The bonuses are awarded."))
    return _to_bonus(organization_id, competition_id)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/payroll")
def export_payroll(organization_id: int, competition_id: int) -> Any:
    """Hand an enterprise the list of its own people's bonuses."""
    person, enterprise = _enterprise(organization_id)
    competition = _reached(enterprise, competition_id)
    _bonus_ledger(enterprise, competition_id)
    form: Any = PayrollForm(prefix="payroll")
    if not form.validate_on_submit():
        return _bonus_page(enterprise, competition, payroll=form)
    return _file(
        lambda: services.export_winners(
            competition,
            queries.WinnerScope(organization_id=enterprise.id),
            form.file.data,
            full=True,
            why=form.why.data,
            person_id=person.person_id,
        ),
        f"payroll-{competition_id}.{form.file.data}",
        lambda: _to_bonus(organization_id, competition_id),
    )


@pages.route("/me/payee", methods=["GET", "POST"])
def edit_payee() -> Any:
    """Ask a winner where the money goes; shown masked afterwards."""
    person = identity.require()
    if not queries.has_won(person.person_id):
        raise NotFound(what="Payee")
    payee = queries.find_payee(person.person_id)
    form: Any = PayeeForm(data={"account_name": person.name})
    if form.validate_on_submit():
        try:
            services.save_payee(
                person.person_id,
                form.account_name.data,
                form.bank_name.data,
                form.card_number.data,
                consented=form.consent.data,
            )
        except Invalid as refusal:
            field = getattr(form, str(refusal.details["path"]))
            field.errors = [*field.errors, _say(refusal)]
        else:
            flash(_("Saved. Your card number is kept encrypted."), "success")
            return redirect(url_for(".edit_payee"))
    return render_template(
        "payouts/payee.html",
        form=form,
        payee=payee,
        holder=rules.mask_name(payee.account_name) if payee else "",
        won=queries.list_won(person.person_id),
        stages=stages(),
    ), (422 if form.errors else 200)


def stages() -> dict[str, tuple[str, str]]:
    """Return word and tone of where an award stands, as `_won.html` shows it."""
    return {
        "awarded": (_("Awarded"), "prize"),
        "approved": (_("Approved"), "info"),
        "sent": (_("Sent to bank"), "info"),
        "paid": (_("Paid"), "good"),
        "failed": (_("Payment failed"), "warn"),
        "unknown": (_("Being checked"), "warn"),
    }


def _competition(competition_id: int, roles: Sequence[str]) -> tuple[Identity, Competition, Organization]:
    identity.require()
    competition = queries.get_competition(competition_id)
    owner = queries.get_organization(competition.organization_id)
    return permissions.require_role(roles, owner.path), competition, owner


def _handlers(ledger: Ledger) -> tuple[str, ...]:
    return ("finance",) if ledger.purpose == "prize" else ("finance", "enterprise_admin")


def _reach(ledger: Ledger, owner: Organization) -> list[int]:
    """Return where a role must be held: for a bonus at the enterprise itself, whose pay is its own business (P2)."""
    return [owner.id] if ledger.purpose == "bonus" else owner.path


def _ledger(ledger_id: int, *, reading: bool = False) -> tuple[Identity, Ledger, Organization]:
    identity.require()
    ledger = queries.get_ledger(ledger_id)
    owner = queries.get_organization(ledger.organization_id)
    path = _reach(ledger, owner)
    roles = (*_handlers(ledger), "auditor") if reading else _handlers(ledger)
    return permissions.require_role(roles, path), ledger, owner


def _enterprise(organization_id: int, *, reading: bool = False) -> tuple[Identity, Organization]:
    identity.require()
    enterprise = queries.get_organization(organization_id)
    roles = ("enterprise_admin", "auditor") if reading else ("enterprise_admin",)
    person = permissions.require_role(roles, [enterprise.id])
    if enterprise.kind != "enterprise":
        raise NotFound(what="Organization")
    return person, enterprise


def _reached(enterprise: Organization, competition_id: int) -> Competition:
    competition = queries.get_competition(competition_id)
    if competition.state == "draft" or competition.organization_id not in enterprise.path:
        raise NotFound(what="Competition")
    return competition


def _bonus_ledger(enterprise: Organization, competition_id: int) -> Ledger:
    found = queries.find_ledger(competition_id, enterprise.id, "bonus")
    if found is None:
        raise NotFound(what="Ledger")
    return found


def _attempt(use_case: Callable[[], Any], done: str = "") -> Any:
    """Run a use case; say what it did, or why it refused. Absent and forbidden stay errors."""
    try:
        result = use_case()
    except (NotFound, NotSignedIn):
        raise
    except Refusal as refusal:
        flash(_say(refusal), "error")
        return None
    if done:
        flash(done, "success")
    return result


def _file(make: Callable[[], bytes], name: str, back: Callable[[], Any]) -> Any:
    body = _attempt(make)
    if body is None:
        return back()
    return attachment(body, name, MEDIA[name.rpartition(".")[2]])


def _to_prizes(competition_id: int) -> Any:
    return redirect(url_for(".show_prizes", competition_id=competition_id))


def _to_ledger(ledger_id: int) -> Any:
    return redirect(url_for(".show_ledger", ledger_id=ledger_id))


def _to_payout(ledger_id: int, payout_id: int) -> Any:
    return redirect(url_for(".show_payout", payout_id=payout_id))


def _to_bonus(organization_id: int, competition_id: int) -> Any:
    return redirect(url_for(".show_bonus", organization_id=organization_id, competition_id=competition_id))


def _add_rule(
    person: Identity, competition: Competition, owner: Organization, prize: rules.Prize, form: Any, name: str
) -> Any:
    draft = services.PrizeDraft(prize, form.name_zh.data, form.name_en.data)
    try:
        services.add_prize_rule(competition.id, draft, person.person_id)
    except NotFound:
        raise
    except Refusal as refusal:
        form.form_errors.append(_say(refusal))
        return _prizes_page(competition, owner, **{name: form})
    flash(_("The rule was added."), "success")
    return _to_prizes(competition.id)


def _prizes_page(competition: Competition, owner: Organization, **given: Any) -> Any:
    places = given.get("places") or PlacesForm(
        formdata=None, prefix="places", data={"name_zh": "名次奖", "name_en": "Prize for places"}
    )
    split = given.get("split") or SplitForm(
        formdata=None, prefix="split", data={"name_zh": "通关奖", "name_en": "Finishers' prize", "who": "any_track"}
    )
    winners_form = given.get("winners_form") or WinnersForm(formdata=None, prefix="winners", data={"file": "xlsx"})
    for form in (places, split):
        _offer_boards(form, competition.id)
    _offer_winners(winners_form, competition.id)
    ledger_id = queries.find_prize_ledger_id(competition.id)
    seal = queries.find_seal(competition.id)
    awarded = bool(ledger_id and queries.count_awards(ledger_id))
    lines, allocation = _preview_prizes(competition.id, ledger_id, sealed=seal is not None)
    page = max(1, request.args.get("page", 1, type=int))
    scope = queries.WinnerScope(purpose="prize")
    total = queries.count_winners(competition.id, scope)
    winners = (
        queries.winners(
            competition.id,
            scope,
            limit=PAGE,
            offset=PAGE * (page - 1),
        )
        if total
        else []
    )
    return render_template(
        "payouts/prizes.html",
        competition=competition,
        owner=owner,
        ledger_id=ledger_id,
        books=queries.reconciliation(ledger_id) if ledger_id else None,
        allocation=allocation,
        lines=lines,
        seal=seal,
        awarded=awarded,
        winners=winners,
        total=total,
        page=page,
        page_count=-(-total // PAGE),
        url=lambda number: url_for(".show_prizes", competition_id=competition.id, page=number),
        may_set=permissions.holds(SETTERS, owner.path),
        may_full=permissions.holds(("organizer", "enterprise_admin", "finance"), owner.path),
        may_pay=permissions.holds(("finance", "auditor"), owner.path),
        fund=given.get("fund") or FundForm(formdata=None, prefix="fund"),
        places=places,
        split=split,
        winners_form=winners_form,
        stages=stages(),
    ), (422 if given else 200)


def _preview_prizes(
    competition_id: int, ledger_id: int | None, *, sealed: bool
) -> tuple[list[RuleLine], rules.Allocation]:
    """Compute what the rules give by the sealed standings, or by the present ones while there are none."""
    stored = queries.list_prize_rules(competition_id)
    shares: dict[int, list[int]] = {rule.id: [] for rule in stored}
    allocation = rules.Allocation((), 0, 0)
    if ledger_id is not None:
        rows = queries.list_sealed_rows(competition_id) if sealed else queries.list_present_rows(competition_id)
        prizes = [queries.as_prize(rule) for rule in stored]
        pool = queries.reconciliation(ledger_id).pool_fen
        allocation = rules.allocate(prizes, rows, queries.level_counts(competition_id), pool)
        for share in allocation.shares:
            shares[share.origin_id].append(share.gross_fen)
    boards = _boards(competition_id)
    return [
        _line(rule.id, tr(rule), boards[rule.track_id or 0], _terms(queries.as_prize(rule)), shares[rule.id])
        for rule in stored
    ], allocation


def _line(line_id: int, title: str, board: str, terms: list[str], shares: list[int]) -> RuleLine:
    return RuleLine(
        line_id, title, board, terms, len(shares), min(shares, default=0), max(shares, default=0), sum(shares)
    )


def _terms(prize: rules.Prize) -> list[str]:
    if prize.kind == "equal_split":
        who = (
            _("everyone who cleared every level of a track")
            if prize.any_track
            else _("everyone who cleared every level of the board")
        )
        return [_("%(pot)s in equal parts for %(who)s", pot=format_yuan(prize.pot_fen), who=who)]
    return [
        _("place %(n)s: %(each)s", n=band.first, each=format_yuan(band.each_fen))
        if band.first == band.last
        else _(
            "places %(first)s to %(last)s: %(each)s each",
            first=band.first,
            last=band.last,
            each=format_yuan(band.each_fen),
        )
        for band in prize.bands
    ]


def _tier_title(tier: rules.Tier) -> str:
    titles: dict[str, str] = {
        "per_level": _("Each level cleared"),
        "all_levels": _("Clearing a whole track"),
        "top_n": _("The first %(n)s of our people", n=tier.top_n),
    }
    return titles[tier.kind]


def _bonus_page(enterprise: Organization, competition: Competition, **given: Any) -> Any:
    ledger = queries.find_ledger(competition.id, enterprise.id, "bonus")
    tier = given.get("tier") or TierForm(formdata=None, prefix="tier", data={"kind": "per_level"})
    _offer_tiers(tier, competition.id)
    seal = queries.find_seal(competition.id)
    tiers = queries.list_tiers(ledger.id) if ledger else []
    shares: dict[int, list[int]] = {one.id: [] for one in tiers}
    books = queries.reconciliation(ledger.id) if ledger else None
    over_fen = allocated_fen = 0
    if tiers:
        rows = (
            queries.list_sealed_rows(competition.id) if seal is not None else queries.list_present_rows(competition.id)
        )
        levels = queries.level_counts(competition.id)
        allocation = rules.allocate_bonuses(tiers, rows, levels, enterprise.id, rules.MAX_FEN * 1000)
        allocated_fen = allocation.allocated_fen
        over_fen = max(0, allocated_fen - (books.pool_fen if books else 0))
        for share in allocation.shares:
            shares[share.origin_id].append(share.gross_fen)
    boards = _boards(competition.id)
    page = max(1, request.args.get("page", 1, type=int))
    total = queries.count_awards(ledger.id) if ledger else 0
    return render_template(
        "payouts/bonus.html",
        enterprise=enterprise,
        competition=competition,
        ledger=ledger,
        books=books,
        lines=[
            _line(one.id, _tier_title(one), boards[one.track_id or 0], [format_yuan(one.amount_fen)], shares[one.id])
            for one in tiers
        ],
        allocated_fen=allocated_fen,
        over_fen=over_fen,
        seal=seal,
        winners=queries.winners(
            competition.id,
            queries.WinnerScope(organization_id=enterprise.id, purpose="bonus"),
            limit=PAGE,
            offset=PAGE * (page - 1),
        )
        if total
        else [],
        total=total,
        page=page,
        page_count=-(-total // PAGE),
        url=lambda number: url_for(
            ".show_bonus", organization_id=enterprise.id, competition_id=competition.id, page=number
        ),
        may_set=permissions.holds("enterprise_admin", [enterprise.id]),
        fund=given.get("fund") or FundForm(formdata=None, prefix="fund"),
        tier=tier,
        payroll=given.get("payroll") or PayrollForm(formdata=None, prefix="payroll", data={"file": "xlsx"}),
        stages=stages(),
    ), (422 if given else 200)


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
        competition=queries.get_competition(ledger.competition_id),
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


def _boards(competition_id: int) -> dict[int, str]:
    return {0: _("Whole competition")} | {track.id: tr(track) for track in queries.list_tracks(competition_id)}


def _choices(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


def _offer_boards(form: Any, competition_id: int) -> None:
    form.track.choices = _choices(_boards(competition_id).items())
    if hasattr(form, "who"):
        form.who.choices = _choices(
            [
                ("any_track", _("Everyone who cleared every level of a track")),
                ("board", _("Everyone who cleared every level of the board")),
            ]
        )


def _offer_tiers(form: Any, competition_id: int) -> None:
    form.track.choices = _choices(_boards(competition_id).items())
    form.kind.choices = _choices(
        [
            ("per_level", _("Each level cleared")),
            ("all_levels", _("Clearing a whole track")),
            ("top_n", _("The first n of our people")),
        ]
    )


def _offer_winners(form: Any, competition_id: int) -> None:
    cities, enterprises = queries.list_places_with_winners(competition_id)
    form.track.choices = _choices([(0, _("All boards")), *list(_boards(competition_id).items())[1:]])
    form.city.choices = _choices([(0, _("All cities")), *((one.id, tr(one)) for one in cities)])
    form.enterprise.choices = _choices([(0, _("All enterprises")), *((one.id, tr(one)) for one in enterprises)])


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


def _say(refusal: Refusal) -> str:
    """Write a refusal as a sentence: what happened and what to do."""
    details = refusal.details
    yuan = {
        name[:-4]: format_yuan(value)
        for name, value in details.items()
        if name.endswith("_fen") and isinstance(value, int)
    }
    reason = str(details.get("reason", ""))
    sentences: dict[str, Callable[[], str]] = {
        "over_pool": lambda: _(
            "The rules could give out %(demand)s, %(by)s more than the pool of %(pool)s. "
            "Fund the pool first, or lower a prize.",
            **yuan,
        ),
        "over_budget": lambda: _(
            "The bonuses come to %(demand)s, %(by)s more than the budget of %(budget)s. "
            "Put more into the budget; nothing was awarded.",
            **yuan,
        ),
        "standings_sealed": lambda: _("The standings are sealed: prizes and bonuses can no longer be changed."),
        "standings_not_sealed": lambda: _("The standings are not sealed yet. Close the competition first."),
        "already_awarded": lambda: _("The awards are made already: the pool can no longer change."),
        "ledger_moved": lambda: _(
            "Nothing was added: the pool has changed since you opened the page and now holds %(funded)s. "
            "Look again and send it once more if you still mean it.",
            **yuan,
        ),
        "no_tax_rule": lambda: _("No tax rule is in force for this kind of award. Nothing was awarded."),
        "not_another_person": lambda: _("Another person must do this: you made this payout yourself."),
        "no_longer_eligible": lambda: _("The winner is no longer eligible; the payout was not approved."),
        "wrong_state": lambda: _(
            "The payout has moved on meanwhile; nothing was changed. Look at where it stands now."
        ),
        "nothing_to_export": lambda: _(
            "No approved payout can be sent. %(n)s winners have not given their bank details yet.",
            n=details.get("without_payee", 0),
        ),
        "wrong_amount": lambda: _(
            "The bank names %(amount)s, but the payout is %(expected)s. Nothing was recorded.", **yuan
        ),
        "reference_taken": lambda: _("This bank reference already belongs to another payout. Nothing was recorded."),
        "results_refused": lambda: _("Some lines are wrong, so none was taken in. Mend them below and try again."),
        "too_many_rows": lambda: _(
            "That is more than %(limit)s rows. Narrow the list to a board, a city or an enterprise.",
            limit=details.get("limit", 0),
        ),
    }
    reasons: dict[str, Callable[[], str]] = {
        "no_places": lambda: _("The rule names no places."),
        "places_overlap": lambda: _(
            "The places must not overlap, and each row must run from a lower to a higher place."
        ),
        "amount": lambda: _("The amount must be above 0."),
        "top_n": lambda: _("Say how many: the first n needs a number."),
        "luhn": lambda: _("This is no card number: please compare it digit by digit with the card."),
        "not_lines": lambda: _("This does not read as lines of text."),
    }
    found = sentences.get(refusal.code) or reasons.get(reason)
    return found() if found else _("This was refused; nothing was changed.")
