"""Signing up at an employer, and what administrators see of the tree."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.local import LocalProxy

from accounts import identity
from accounts import rules as account_rules
from accounts.errors import BadPassword, BadPhone, SignUpFailed
from accounts.forms import SignUpForm, said
from accounts.routes import device_name, limit_sign_in, password_problem, phone_problem
from core import security
from core.errors import NotFound
from core.secrets import blind_index
from core.web import choose_locale
from organizations import queries, services
from organizations.models import Organization
from organizations.nav import nav

blueprint = Blueprint("organizations", __name__)
blueprint.record_once(lambda state: state.app.jinja_env.globals.update(nav=LocalProxy(nav)))


@blueprint.get("/sign-up")
def sign_up() -> Any:
    """Find the employer by join code or down the tree, then show the form; plain links and forms, no script needed."""
    if current_user.is_authenticated:
        return redirect("/", 303)
    code, node_id = request.args.get("code", ""), request.args.get("node", type=int)
    if code:
        security.spend("join-code", "600/hour", security.address())
        found = queries.find_by_code(code)
        if found:
            return redirect(url_for("organizations.sign_up", employer=found.id), 303)
    employer_id = request.args.get("employer", type=int)
    if employer_id is not None:
        return _sign_up_page(_get_employer(employer_id), SignUpForm(formdata=None))
    return _choose_page(node_id, code)


@blueprint.get("/sign-up/<int:employer_id>")
def sign_up_again(employer_id: int) -> Any:
    """Lead a reload or a change of language after a refused form back to the form."""
    return redirect(url_for("organizations.sign_up", employer=employer_id), 303)


@blueprint.post("/sign-up/<int:employer_id>")
def sign_up_submit(employer_id: int) -> Any:
    """Make the account and sign the person in."""
    employer, form = _get_employer(employer_id), SignUpForm()
    if form.validate_on_submit():
        try:
            identity.remember(_sign_up(form, employer.id))
            return redirect("/", 303)
        except BadPhone:
            form.phone.errors = [phone_problem()]
        except BadPassword as problem:
            form.password.errors = [password_problem(problem)]
        except SignUpFailed:
            form.form_errors.append(
                _("No account could be made with these details. If you signed up before, sign in instead.")
            )
    return _sign_up_page(_get_employer(employer_id), form), 422


def _sign_up(form: SignUpForm, employer_id: int) -> str:
    phone = account_rules.normalise_phone(said(form.phone))
    security.spend("sign-up-address", "200/hour", security.address())
    security.spend("sign-up-phone", "5/hour", blind_index(phone))
    limit_sign_in(phone)
    token, _session = services.sign_up(
        phone, said(form.password), said(form.name), choose_locale(), employer_id, device_name()
    )
    return token


def _get_employer(organization_id: int) -> Organization:
    node = queries.get_organization(organization_id)
    if not queries.is_joinable(node):
        raise NotFound
    return node


def _sign_up_page(employer: Organization, form: SignUpForm) -> str:
    return render_template(
        "organizations/sign_up.html",
        form=form,
        employer=employer,
        path=queries.list_path(employer.path),
        teams=queries.list_children(employer.id, limit=100),
    )


def _choose_page(node_id: int | None, code: str) -> str:
    node = queries.get_organization(node_id) if node_id is not None else None
    search, page = request.args.get("q", "").strip()[:60], max(1, request.args.get("page", 1, type=int))
    found = queries.list_children(node_id, search, queries.PAGE + 1, (page - 1) * queries.PAGE)
    return render_template(
        "organizations/choose_employer.html",
        node=node,
        path=queries.list_path(node.path) if node else [],
        children=found[: queries.PAGE],
        more=len(found) > queries.PAGE,
        page=page,
        search=search,
        code=code,
    )
