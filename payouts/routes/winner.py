"""Bank details, for winners."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts import identity
from core.errors import Invalid, NotFound
from payouts import queries, rules, services
from payouts.forms import PayeeForm
from payouts.routes.shared import pages, say, stages


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
            field.errors = [*field.errors, say(refusal)]
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
