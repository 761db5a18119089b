"""The main menu of whoever is signed in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import DBAPIError

from organizations import permissions


@dataclass(frozen=True)
class NavItem:
    """One entry: what it says, where it leads, its icon, and whether the reader is there."""

    label: str
    href: str
    icon: str
    current: bool


def nav() -> list[NavItem]:
    """Build the menu: what every worker has, then what the roles of the signed-in person add."""
    if "nav" not in g:
        entries = _entries()
        here = max((href for _label, href, _icon in entries if _covers(href)), key=len, default="")
        g.nav = [NavItem(label, href, icon, href == here) for label, href, icon in entries]
    menu: list[NavItem] = g.nav
    return menu


def _entries() -> list[tuple[str, str, str]]:
    entries = [
        (_("Home"), "/", "home"),
        (_("Competitions"), "/competitions", "trophy"),
        (_("Rankings"), "/leaderboards", "ranking"),
    ]
    if not current_user.is_authenticated:
        return [*entries, (_("Sign in"), "/login", "person")]
    return [*entries, (_("Practice"), "/practice", "book"), (_("Me"), "/me", "person"), *_role_entries()]


def _role_entries() -> list[tuple[str, str, str]]:
    try:
        roles = {grant.role for grant in permissions.grants()}
        managed = permissions.nodes_with(("enterprise_admin",))
    except DBAPIError:
        return []  # an error page still has a menu
    entries = []
    if roles & {"organizer", "enterprise_admin"}:
        entries.append((_("Organizer"), "/organizer", "grid"))
    if managed:
        entries.append((_("My enterprise"), f"/organizations/{managed[0]}", "building"))
        entries.append((_("Bonuses"), f"/organizations/{managed[0]}/bonuses", "star"))
    elif "organizer" in roles:
        entries.append((_("Organizations"), "/organizations", "building"))
    if roles & {"organizer", "enterprise_admin", "question_author", "question_reviewer"}:
        entries.append((_("Question bank"), "/questions", "edit"))
    if roles & {"organizer", "question_author", "question_reviewer"}:
        entries.append((_("Laboratory"), "/laboratory", "search"))
    if "finance" in roles:
        entries.append((_("Payouts"), "/payouts", "money"))
    if roles & {"auditor", "organizer"}:
        entries.append((_("Audit log"), "/audit", "book"))
    return entries


def _covers(href: str) -> bool:
    path = "/leaderboards" if request.path.endswith("/leaderboard") else request.path
    return path == href or (href != "/" and path.startswith(f"{href}/"))
