"""Prizes, for those who run a competition: the pool, the rules, the awards and the list of winners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import identity
from accounts.identity import Identity
from competitions.models import Competition
from competitions.queries import get_competition
from core.forms import choices
from core.money import format_yuan
from core.web import tr
from organizations import permissions
from organizations.models import Organization
from organizations.queries import get_organization
from organizations.rules import MANAGERS
from payouts import queries, rules, services
from payouts.forms import FundForm, PlacesForm, SplitForm, WinnersForm
from payouts.models import PrizeRule
from payouts.routes.shared import (
    PAGE,
    RuleLine,
    attempt,
    board_names,
    change_page,
    file_reply,
    line_of,
    pages,
    stages,
    take_effect,
)

READERS = (*MANAGERS, "finance", "auditor")


@pages.get("/organizer/competitions/<int:competition_id>/prizes")
def show_prizes(competition_id: int) -> Any:
    """Show the pool, the rules, and who would win or has won what."""
    _person, competition, owner = _competition(competition_id, READERS)
    return _prizes_page(competition, owner)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/fund")
def fund_prizes(competition_id: int) -> Any:
    """Put money into the prize pool."""
    person, competition, owner = _competition(competition_id, MANAGERS)
    form: Any = FundForm(prefix="fund")
    if not form.validate_on_submit():
        return _prizes_page(competition, owner, fund=form)
    ledger = services.open_ledger(competition_id, owner.id, "prize", person.person_id)
    amount, seen = form.amount.data, request.form.get("seen_fen", type=int)
    attempt(
        lambda: services.fund(ledger.id, amount, form.memo.data, person.person_id, expected_fen=seen),
        _("%(amount)s was put into the pool.", amount=format_yuan(amount)),
    )
    return _to_prizes(competition_id)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/<any(places, split):kind>")
def add_rule(competition_id: int, kind: str) -> Any:
    """Add a prize rule: by places, or an equal split."""
    person, competition, owner = _competition(competition_id, MANAGERS)
    form: Any = PlacesForm(prefix="places") if kind == "places" else SplitForm(prefix="split")
    _offer_boards(form, competition_id)
    if form.validate_on_submit() and take_effect(
        form, lambda: services.add_prize_rule(competition_id, _draft(form), person.person_id)
    ):
        flash(_("The rule was added."), "success")
        return _to_prizes(competition_id)
    return _prizes_page(competition, owner, **{kind: form})


@pages.route("/organizer/competitions/<int:competition_id>/prizes/<int:rule_id>", methods=["GET", "POST"])
def edit_rule(competition_id: int, rule_id: int) -> Any:
    """Change a prize rule where it stands."""
    person, competition, _owner = _competition(competition_id, MANAGERS)
    rule = queries.get_prize_rule(competition_id, rule_id)
    form = _form_of(rule)
    _offer_boards(form, competition_id)
    if form.validate_on_submit() and take_effect(
        form, lambda: services.change_prize_rule(competition_id, _draft(form, rule_id), person.person_id)
    ):
        flash(_("The rule was changed."), "success")
        return _to_prizes(competition_id)
    crumbs = [
        {"label": _("Competitions I run"), "href": url_for("organizer.index")},
        {"label": tr(competition), "href": url_for("organizer.show", competition_id=competition_id)},
        {"label": _("Prizes"), "href": url_for(".show_prizes", competition_id=competition_id)},
    ]
    kind = "places" if isinstance(form, PlacesForm) else "split"
    return change_page(tr(rule), competition, form, kind, crumbs)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/<int:rule_id>/remove")
def remove_rule(competition_id: int, rule_id: int) -> Any:
    """Remove a prize rule."""
    person, _competition_row, _owner = _competition(competition_id, MANAGERS)
    attempt(lambda: services.remove_prize_rule(competition_id, rule_id, person.person_id), _("The rule was removed."))
    return _to_prizes(competition_id)


@pages.post("/organizer/competitions/<int:competition_id>/prizes/award")
def award_prizes(competition_id: int) -> Any:
    """Turn the rules and the sealed standings into awards."""
    person, _competition_row, _owner = _competition(competition_id, MANAGERS)
    attempt(
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
    full = bool(form.full.data) and permissions.holds((*MANAGERS, "finance"), owner.path)
    scope = queries.WinnerScope(form.track.data or None, form.city.data or None, form.enterprise.data or None)
    return file_reply(
        lambda: services.export_winners(
            competition, scope, form.file.data, full=full, why=form.why.data, person_id=person.person_id
        ),
        f"winners-{competition_id}.{form.file.data}",
        lambda: _to_prizes(competition_id),
    )


def _competition(competition_id: int, roles: Sequence[str]) -> tuple[Identity, Competition, Organization]:
    identity.require()
    competition = get_competition(competition_id)
    owner = get_organization(competition.organization_id)
    return permissions.require_role(roles, owner.path), competition, owner


def _to_prizes(competition_id: int) -> Any:
    return redirect(url_for(".show_prizes", competition_id=competition_id))


def _draft(form: Any, rule_id: int = 0) -> services.PrizeDraft:
    """Read a prize rule from its form; without an id it is a new one."""
    track_id = form.track.data or None
    if isinstance(form, PlacesForm):
        bands = (rules.Band(band.first.data, band.last.data, band.each.data) for band in form.bands if band.each.data)
        prize = rules.Prize(rule_id, track_id, "places", tuple(bands))
    else:
        any_track = track_id is None and form.who.data == "any_track"
        prize = rules.Prize(rule_id, track_id, "equal_split", pot_fen=form.pot.data, any_track=any_track)
    return services.PrizeDraft(prize, form.name_zh.data, form.name_en.data)


def _form_of(rule: PrizeRule) -> Any:
    """Return the form of a stored prize rule, filled with it."""
    prize = queries.as_prize(rule)
    data: dict[str, Any] = {"track": rule.track_id or 0, "name_zh": rule.name_zh, "name_en": rule.name_en}
    if rule.kind == "places":
        bands = [{"first": band.first, "last": band.last, "each": band.each_fen} for band in prize.bands]
        return PlacesForm(prefix="places", data=data | {"bands": bands})
    who = "any_track" if prize.any_track else "board"
    return SplitForm(prefix="split", data=data | {"pot": prize.pot_fen, "who": who})


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
        may_set=permissions.holds(MANAGERS, owner.path),
        may_full=permissions.holds((*MANAGERS, "finance"), owner.path),
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
    boards = board_names(competition_id)
    return [
        line_of(
            ("rule", {"competition_id": competition_id, "rule_id": rule.id}),
            tr(rule),
            boards[rule.track_id or 0],
            _terms(queries.as_prize(rule)),
            shares[rule.id],
        )
        for rule in stored
    ], allocation


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


def _offer_boards(form: Any, competition_id: int) -> None:
    form.track.choices = choices(board_names(competition_id).items())
    if hasattr(form, "who"):
        form.who.choices = choices(
            [
                ("any_track", _("Everyone who cleared every level of a track")),
                ("board", _("Everyone who cleared every level of the board")),
            ]
        )


def _offer_winners(form: Any, competition_id: int) -> None:
    cities, enterprises = queries.list_places_with_winners(competition_id)
    form.track.choices = choices([(0, _("All boards")), *list(board_names(competition_id).items())[1:]])
    form.city.choices = choices([(0, _("All cities")), *((one.id, tr(one)) for one in cities)])
    form.enterprise.choices = choices([(0, _("All enterprises")), *((one.id, tr(one)) for one in enterprises)])
