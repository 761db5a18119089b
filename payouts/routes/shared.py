"""What the pages of money share: running a use case, saying why it refused, files, how rules and awards are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask_babel import gettext as _

from competitions.models import Competition
from competitions.queries import list_tracks
from core.errors import NotFound, NotSignedIn, Refusal
from core.money import format_yuan
from core.web import attachment, tr

PAGE = 50
MEDIA = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}

pages = Blueprint("payouts", __name__)


@dataclass(frozen=True)
class RuleLine:
    """One prize rule or tier with what it gives by some standings, and where it is changed and removed."""

    change: str
    remove: str
    title: str
    board: str
    terms: list[str]
    winners: int
    least_fen: int
    most_fen: int
    total_fen: int


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


def attempt(use_case: Callable[[], Any], done: str = "") -> Any:
    """Run a use case; say what it did, or why it refused. Absent and forbidden stay errors."""
    try:
        result = use_case()
    except (NotFound, NotSignedIn):
        raise
    except Refusal as refusal:
        flash(say(refusal), "error")
        return None
    if done:
        flash(done, "success")
    return result


def file_reply(make: Callable[[], bytes], name: str, back: Callable[[], Any]) -> Any:
    """Answer with a file to keep, or say why it was refused and go back.

    Args:
        make: gives its bytes.
        name: what it is called, with its ending.
        back: gives the answer after a refusal.
    """
    body = attempt(make)
    if body is None:
        return back()
    return attachment(body, name, MEDIA[name.rpartition(".")[2]])


def change_page(title: str, competition: Competition, form: Any, kind: str, crumbs: list[dict[str, str]]) -> Any:
    """Show the form in which a rule or tier is changed.

    Args:
        title: what it is called.
        competition: whose it is.
        form: its form.
        kind: places, split or tier.
        crumbs: the way here; the last one leads back.
    """
    return render_template(
        "payouts/change.html", title=title, competition=competition, form=form, kind=kind, crumbs=crumbs
    ), (422 if form.errors else 200)


def take_effect(form: Any, use_case: Callable[[], Any]) -> bool:
    """Run a use case with what a form holds; a refusal is said on the form. Absent stays an error."""
    try:
        use_case()
    except NotFound:
        raise
    except Refusal as refusal:
        form.form_errors.append(say(refusal))
        return False
    return True


def line_of(what: tuple[str, dict[str, Any]], title: str, board: str, terms: list[str], shares: list[int]) -> RuleLine:
    """Return a rule or tier as its table shows it.

    Args:
        what: "rule" or "tier", and the ids in the addresses of its pages.
        title: what it is called.
        board: by which standings it goes.
        terms: what it gives, in words.
        shares: what each winner gets, in fen.
    """
    name, ids = what
    return RuleLine(
        change=url_for(f".edit_{name}", **ids),
        remove=url_for(f".remove_{name}", **ids),
        title=title,
        board=board,
        terms=terms,
        winners=len(shares),
        least_fen=min(shares, default=0),
        most_fen=max(shares, default=0),
        total_fen=sum(shares),
    )


def board_names(competition_id: int) -> dict[int, str]:
    """Return what the boards of a competition are called by track; 0 is the whole."""
    return {0: _("Whole competition")} | {track.id: tr(track) for track in list_tracks(competition_id)}


def say(refusal: Refusal) -> str:
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
