"""Bonuses, for an enterprise's own people: the budget, the tiers, the awards and the payroll list."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import identity
from accounts.identity import Identity
from competitions.models import Competition
from competitions.queries import get_competition
from core.errors import NotFound
from core.forms import choices
from core.money import format_yuan
from core.web import tr
from organizations import permissions
from organizations.models import Organization
from organizations.queries import get_organization
from payouts import queries, rules, services
from payouts.forms import FundForm, PayrollForm, TierForm
from payouts.models import Ledger
from payouts.routes.shared import (
    PAGE,
    attempt,
    board_names,
    change_page,
    file_reply,
    line_of,
    pages,
    stages,
    take_effect,
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
    attempt(
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
    if not take_effect(form, lambda: services.add_bonus_tier(ledger.id, _tier(form), person.person_id)):
        return _bonus_page(enterprise, competition, tier=form)
    flash(_("The bonus was added."), "success")
    return _to_bonus(organization_id, competition_id)


@pages.route(
    "/organizations/<int:organization_id>/bonuses/<int:competition_id>/tiers/<int:tier_id>", methods=["GET", "POST"]
)
def edit_tier(organization_id: int, competition_id: int, tier_id: int) -> Any:
    """Change a bonus tier where it stands."""
    person, enterprise = _enterprise(organization_id)
    competition = _reached(enterprise, competition_id)
    ledger = _bonus_ledger(enterprise, competition_id)
    tier = queries.get_tier(ledger.id, tier_id)
    form: Any = TierForm(
        prefix="tier",
        data={"kind": tier.kind, "track": tier.track_id or 0, "amount": tier.amount_fen, "top_n": tier.top_n},
    )
    _offer_tiers(form, competition_id)
    if form.validate_on_submit() and take_effect(
        form, lambda: services.change_bonus_tier(ledger.id, _tier(form, tier_id), person.person_id)
    ):
        flash(_("The bonus was changed."), "success")
        return _to_bonus(organization_id, competition_id)
    crumbs = [
        {"label": tr(enterprise), "href": url_for("organizations_admin.organization", organization_id=organization_id)},
        {"label": _("Bonuses for our people"), "href": url_for(".list_bonuses", organization_id=organization_id)},
        {
            "label": tr(competition),
            "href": url_for(".show_bonus", organization_id=organization_id, competition_id=competition_id),
        },
    ]
    return change_page(_tier_title(tier), competition, form, "tier", crumbs)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/tiers/<int:tier_id>/remove")
def remove_tier(organization_id: int, competition_id: int, tier_id: int) -> Any:
    """Remove a bonus tier."""
    person, enterprise = _enterprise(organization_id)
    ledger = _bonus_ledger(enterprise, competition_id)
    attempt(lambda: services.remove_bonus_tier(ledger.id, tier_id, person.person_id), _("The bonus was removed."))
    return _to_bonus(organization_id, competition_id)


@pages.post("/organizations/<int:organization_id>/bonuses/<int:competition_id>/award")
def award_bonuses(organization_id: int, competition_id: int) -> Any:
    """Turn the tiers and the sealed standings into awards."""
    person, enterprise = _enterprise(organization_id)
    ledger = _bonus_ledger(enterprise, competition_id)
    attempt(lambda: services.award_bonuses(ledger.id, person.person_id), _("The bonuses are awarded."))
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
    return file_reply(
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


def _enterprise(organization_id: int, *, reading: bool = False) -> tuple[Identity, Organization]:
    identity.require()
    enterprise = get_organization(organization_id)
    roles = ("enterprise_admin", "auditor") if reading else ("enterprise_admin",)
    person = permissions.require_role(roles, [enterprise.id])
    if enterprise.kind != "enterprise":
        raise NotFound(what="Organization")
    return person, enterprise


def _reached(enterprise: Organization, competition_id: int) -> Competition:
    competition = get_competition(competition_id)
    if competition.state == "draft" or competition.organization_id not in enterprise.path:
        raise NotFound(what="Competition")
    return competition


def _bonus_ledger(enterprise: Organization, competition_id: int) -> Ledger:
    found = queries.find_ledger(competition_id, enterprise.id, "bonus")
    if found is None:
        raise NotFound(what="Ledger")
    return found


def _to_bonus(organization_id: int, competition_id: int) -> Any:
    return redirect(url_for(".show_bonus", organization_id=organization_id, competition_id=competition_id))


def _tier(form: Any, tier_id: int = 0) -> rules.Tier:
    """Read a bonus tier from its form; without an id it is a new one."""
    top_n = form.top_n.data if form.kind.data == "top_n" else None
    return rules.Tier(tier_id, form.track.data or None, form.kind.data, form.amount.data, top_n)


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
    boards = board_names(competition.id)
    page = max(1, request.args.get("page", 1, type=int))
    total = queries.count_awards(ledger.id) if ledger else 0
    place: dict[str, Any] = {"organization_id": enterprise.id, "competition_id": competition.id}
    return render_template(
        "payouts/bonus.html",
        place=place,
        enterprise=enterprise,
        competition=competition,
        ledger=ledger,
        books=books,
        lines=[
            line_of(
                ("tier", place | {"tier_id": one.id}),
                _tier_title(one),
                boards[one.track_id or 0],
                [format_yuan(one.amount_fen)],
                shares[one.id],
            )
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
        url=lambda number: url_for(".show_bonus", **place, page=number),
        may_set=permissions.holds("enterprise_admin", [enterprise.id]),
        fund=given.get("fund") or FundForm(formdata=None, prefix="fund"),
        tier=tier,
        payroll=given.get("payroll") or PayrollForm(formdata=None, prefix="payroll", data={"file": "xlsx"}),
        stages=stages(),
    ), (422 if given else 200)


def _offer_tiers(form: Any, competition_id: int) -> None:
    form.track.choices = choices(board_names(competition_id).items())
    form.kind.choices = choices(
        [
            ("per_level", _("Each level cleared")),
            ("all_levels", _("Clearing a whole track")),
            ("top_n", _("The first n of our people")),
        ]
    )
