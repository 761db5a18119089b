"""Signing in and out, and a person's own account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from accounts import identity, queries, rules, services
from accounts.errors import BadPassword, BadPhone, SignInFailed, WrongPassword
from accounts.forms import PasswordForm, ProfileForm, SignInForm, said
from core import security
from core.secrets import blind_index

blueprint = Blueprint("accounts", __name__)


def device_name() -> str:
    """Name the device of this request so that its owner recognises it, e.g. "Android · WeChat"."""
    agent = request.headers.get("User-Agent", "")
    systems = {"HarmonyOS": "HarmonyOS", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad"} | {
        "Windows": "Windows",
        "Mac OS X": "Mac",
        "Linux": "Linux",
    }
    browsers = {"MicroMessenger": "WeChat", "Edg": "Edge", "Firefox": "Firefox", "Chrome": "Chrome"} | {
        "Safari": "Safari"
    }
    found = [next((name for mark, name in table.items() if mark in agent), "") for table in (systems, browsers)]
    return " · ".join(part for part in found if part) or "?"


def limit_sign_in(phone: str) -> None:
    """Count one log-in try against its phone and its address, which a whole factory may share.

    Args:
        phone: E.164.

    Raises: core.security.TooMany.
    """
    security.spend("sign-in-address", "300/minute", security.address())
    security.spend("sign-in-phone", "10/minute", blind_index(phone))


def password_problem(problem: BadPassword) -> str:
    """Say in words why a new password was refused."""
    words: dict[object, str] = {
        "too_short": _("Use at least 8 characters."),
        "too_long": _("Use at most 128 characters."),
        "too_easy": _("This password is guessed first. Choose another one."),
    }
    return words[problem.details["reason"]]


def phone_problem() -> str:
    """Say in words that a phone number cannot be."""
    return str(_("This is not a phone number. Enter 11 digits, or + and the country code."))


@blueprint.get("/login")
def sign_in() -> Any:
    """Show the log-in form."""
    onward = rules.safe_next(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(onward, 303)
    return render_template("accounts/sign_in.html", form=SignInForm(formdata=None, next=onward))


@blueprint.post("/login")
def sign_in_submit() -> Any:
    """Check phone and password, and begin a fresh session."""
    form = SignInForm()
    if form.validate_on_submit():
        try:
            phone = rules.normalise_phone(said(form.phone))
            limit_sign_in(phone)
            token, _session = services.sign_in(phone, said(form.password), "cookie", device_name())
            identity.remember(token)
            return redirect(rules.safe_next(form.next.data), 303)
        except BadPhone:
            form.phone.errors = [phone_problem()]
        except SignInFailed:
            form.form_errors.append(_("Phone number and password do not fit. Check both and try again."))
    return render_template("accounts/sign_in.html", form=form), 422


@blueprint.post("/logout")
def sign_out() -> Any:
    """End this session, here and in the database."""
    if current_user.is_authenticated:
        services.end_session(current_user.session_id)
    identity.forget()
    return redirect(url_for("accounts.sign_in"), 303)


@blueprint.get("/me/account")
def account() -> Any:
    """Show name, language, password and devices."""
    me = identity.require()
    return _account_page(me, ProfileForm(formdata=None, name=me.name, locale=me.locale), PasswordForm(formdata=None))


@blueprint.get("/me/account/<any(profile, password):form>")
def account_form(form: str) -> Any:
    """Lead a reload or a change of language after a refused form back to the page it belongs to."""
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/me/account/profile")
def change_profile() -> Any:
    """Change name and language."""
    me = identity.require()
    form = ProfileForm()
    if not form.validate_on_submit():
        return _account_page(me, form, PasswordForm(formdata=None)), 422
    services.change_profile(me.person_id, said(form.name), str(form.locale.data))
    flash(_("Saved."), "success")
    reply = redirect(url_for("accounts.account"), 303)
    reply.delete_cookie("lang")  # the choice made here counts from now on
    return reply


@blueprint.post("/me/account/password")
def change_password() -> Any:
    """Change the password; every other device is signed out."""
    me = identity.require()
    form = PasswordForm()
    if form.validate_on_submit():
        security.spend("password", "10/minute", str(me.person_id))
        try:
            services.change_password(me.person_id, said(form.current), said(form.password), me.session_id)
            flash(_("Password changed. All your other devices are signed out."), "success")
            return redirect(url_for("accounts.account"), 303)
        except WrongPassword:
            form.current.errors = [_("This is not your current password.")]
        except BadPassword as problem:
            form.password.errors = [password_problem(problem)]
    profile = ProfileForm(formdata=None, name=me.name, locale=me.locale)
    return _account_page(me, profile, form), 422


@blueprint.post("/me/account/sessions/<int:session_id>/end")
def end_session(session_id: int) -> Any:
    """Sign one of my devices out."""
    me = identity.require()
    services.end_session(session_id, me.person_id)
    if session_id == me.session_id:
        identity.forget()
        return redirect(url_for("accounts.sign_in"), 303)
    flash(_("That device is signed out."), "success")
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/me/account/sessions/end-others")
def end_other_sessions() -> Any:
    """Sign all my other devices out."""
    me = identity.require()
    services.end_other_sessions(me.person_id, me.session_id)
    flash(_("All your other devices are signed out."), "success")
    return redirect(url_for("accounts.account"), 303)


def _account_page(me: identity.Identity, profile: ProfileForm, password: PasswordForm) -> str:
    return render_template(
        "accounts/account.html",
        me=me,
        phone=rules.mask_phone(queries.get_person(me.person_id).phone_tail),
        profile=profile,
        password=password,
        sessions=queries.list_live_sessions(me.person_id),
    )
