"""The tree for those who answer for a part of it, and the audit log of that part."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import identity
from accounts import rules as account_rules
from accounts.errors import BadPhone
from accounts.forms import said
from accounts.routes import phone_problem
from core.errors import NotFound
from core.forms import choices
from organizations import permissions, queries, rules, services
from organizations.acts import act_names, thing_names
from organizations.errors import OwnRole
from organizations.forms import GrantForm, NodeForm, ReasonForm
from organizations.models import Organization

blueprint = Blueprint("organizations_admin", __name__)


def role_names() -> dict[str, str]:
    """Say each role in words."""
    return {
        "enterprise_admin": _("Enterprise administrator"),
        "organizer": _("Organizer"),
        "question_author": _("Question author"),
        "question_reviewer": _("Question reviewer"),
        "finance": _("Finance"),
        "auditor": _("Auditor"),
    }


def _reach(organization_id: int, roles: tuple[str, ...]) -> tuple[identity.Identity, Organization]:
    """Return who asks and the node, or refuse in the same way whether it is absent or not theirs (P3)."""
    identity.require()
    node = queries.get_organization(organization_id)
    return permissions.require_role(roles, node.path), node


def _back(organization_id: int) -> Any:
    return redirect(url_for("organizations_admin.organization", organization_id=organization_id), 303)


@blueprint.get("/organizations")
def index() -> Any:
    """List the nodes the person answers for; with one alone, go there."""
    nodes = queries.list_path(permissions.require_somewhere(rules.VIEWERS))
    if len(nodes) == 1:
        return _back(nodes[0].id)
    return render_template("organizations/index.html", nodes=nodes)


@blueprint.get("/organizations/<int:organization_id>")
def organization(organization_id: int) -> Any:
    """Show a node: what is under it, who belongs to it, its join code and its roles."""
    _who, node = _reach(organization_id, rules.VIEWERS)
    return _page(node, NodeForm(formdata=None), _grant_form(node, empty=True))


@blueprint.get("/organizations/<int:organization_id>/<any(children, roles, code):form>")
def organization_form(organization_id: int, form: str) -> Any:
    """Lead a reload or a change of language after a refused form back to the page it belongs to."""
    return _back(organization_id)


@blueprint.post("/organizations/<int:organization_id>/children")
def add_child(organization_id: int) -> Any:
    """Add a node under this one."""
    me, node = _reach(organization_id, rules.MANAGERS)
    form = NodeForm()
    if not form.validate_on_submit():
        return _page(node, form, _grant_form(node, empty=True)), 422
    services.add_node(node.id, _child_kind(node), said(form.name_zh), said(form.name_en), me.person_id)
    flash(_("Added."), "success")
    return _back(organization_id)


@blueprint.post("/organizations/<int:organization_id>/code")
def renew_code(organization_id: int) -> Any:
    """Replace the join code."""
    me, node = _reach(organization_id, rules.MANAGERS)
    services.renew_code(node.id, me.person_id)
    flash(_("The old join code no longer works."), "success")
    return _back(organization_id)


@blueprint.post("/organizations/<int:organization_id>/roles")
def grant_role(organization_id: int) -> Any:
    """Give a role to someone who belongs here."""
    me, node = _reach(organization_id, rules.MANAGERS)
    form = _grant_form(node)
    if form.validate_on_submit():
        try:
            services.give_role(
                account_rules.normalise_phone(said(form.phone)), str(form.role.data), node.id, me.person_id
            )
            flash(_("Role given. It counts from the person's next click."), "success")
            return _back(organization_id)
        except BadPhone:
            form.phone.errors = [phone_problem()]
        except NotFound:
            form.phone.errors = [_("Nobody who belongs here has this phone number.")]
        except OwnRole:
            form.phone.errors = [_("Ask someone else: nobody gives a role to themselves.")]
    return _page(queries.get_organization(organization_id), NodeForm(formdata=None), form), 422


@blueprint.post("/organizations/<int:organization_id>/roles/<int:grant_id>/revoke")
def revoke_role(organization_id: int, grant_id: int) -> Any:
    """Take a role back."""
    me, node = _reach(organization_id, rules.MANAGERS)
    held = next((one for one in queries.list_roles_at(node.id) if one.id == grant_id), None)
    if held is None or held.role not in rules.grantable_roles(permissions.grants(), node.path):
        raise NotFound
    try:
        services.revoke_role(grant_id, node.id, me.person_id)
        flash(_("Role taken back. It ends at the person's next click."), "success")
    except OwnRole:
        flash(_("Ask someone else: nobody takes back a role of their own."), "error")
    return _back(organization_id)


@blueprint.get("/organizations/<int:organization_id>/people")
def people(organization_id: int) -> Any:
    """List who belongs here, phones masked; that they were listed is recorded."""
    me, node = _reach(organization_id, rules.MANAGERS)
    search, page = request.args.get("q", "").strip()[:60], max(1, request.args.get("page", 1, type=int))
    members = services.view_members(node.id, search, page, me.person_id)
    return render_template(
        "organizations/people.html",
        node=queries.get_organization(organization_id),
        members=members[: queries.PAGE],
        mask=account_rules.mask_phone,
        more=len(members) > queries.PAGE,
        search=search,
        page=page,
        total=queries.count_people_under(organization_id),
    )


@blueprint.get("/organizations/<int:organization_id>/people/<int:person_id>")
def person(organization_id: int, person_id: int) -> Any:
    """Show one account, with what the reader may do to it."""
    me, node = _reach(organization_id, rules.MANAGERS)
    member = queries.get_member(organization_id, person_id)
    return _person_page(node, member, ReasonForm(formdata=None) if _may_manage(me, node, person_id) else None)


@blueprint.get("/organizations/<int:organization_id>/people/<int:person_id>/<any(disable, enable, reset):act>")
def person_form(organization_id: int, person_id: int, act: str) -> Any:
    """Lead a reload or a change of language after a refused form back to the page it belongs to."""
    return redirect(url_for("organizations_admin.person", organization_id=organization_id, person_id=person_id), 303)


@blueprint.post("/organizations/<int:organization_id>/people/<int:person_id>/<any(disable,enable,reset):act>")
def change_person(organization_id: int, person_id: int, act: str) -> Any:
    """Disable or enable an account, or give it a new password that is shown once."""
    me, node, member = _manage(organization_id, person_id)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _person_page(node, member, form), 422
    if act == "reset":
        password = services.reset_password(organization_id, person_id, me.person_id, said(form.why))
        node, member = queries.get_organization(organization_id), queries.get_member(organization_id, person_id)
        return _person_page(node, member, ReasonForm(formdata=None), password)
    services.set_disabled(organization_id, person_id, act == "disable", me.person_id, said(form.why))
    flash(_("Account disabled.") if act == "disable" else _("Account enabled."), "success")
    return redirect(url_for("organizations_admin.person", organization_id=organization_id, person_id=person_id), 303)


@blueprint.get("/audit")
def audit_log() -> Any:
    """List who did what in the part of the tree the reader answers for."""
    nodes = permissions.require_somewhere(("auditor", "organizer"))
    page = max(1, request.args.get("page", 1, type=int))
    action, person_id = request.args.get("action", "")[:40], request.args.get("person", type=int)
    lines = queries.list_audit(nodes, action, person_id, queries.PAGE + 1, (page - 1) * queries.PAGE)
    return render_template(
        "organizations/audit.html",
        lines=lines[: queries.PAGE],
        more=len(lines) > queries.PAGE,
        actions=queries.list_actions(nodes),
        act_names=act_names(),
        thing_names=thing_names(),
        action=action,
        person_id=person_id,
        page=page,
    )


def _manage(organization_id: int, person_id: int) -> tuple[identity.Identity, Organization, queries.Member]:
    me, node = _reach(organization_id, rules.MANAGERS)
    member = queries.get_member(organization_id, person_id)
    if not _may_manage(me, node, person_id):
        raise NotFound
    return me, node, member


def _may_manage(me: identity.Identity, node: Organization, person_id: int) -> bool:
    theirs = queries.list_grants(person_id)
    return person_id != me.person_id and rules.may_manage(permissions.grants(), node.path, theirs)


def _child_kind(node: Organization) -> str:
    kind = next((kind for kind, parent in rules.PARENT_OF.items() if parent == node.kind), None)
    if kind is None:
        raise NotFound
    return kind


def _grant_form(node: Organization, empty: bool = False) -> GrantForm:
    form = GrantForm(formdata=None) if empty else GrantForm()
    names = role_names()
    form.role.choices = choices((one, names[one]) for one in rules.grantable_roles(permissions.grants(), node.path))
    return form


def _page(node: Organization, child: NodeForm, grant: GrantForm) -> str:
    page, search = max(1, request.args.get("page", 1, type=int)), request.args.get("q", "").strip()[:60]
    children = queries.list_children(node.id, search, queries.PAGE + 1, (page - 1) * queries.PAGE)
    return render_template(
        "organizations/organization.html",
        node=node,
        path=[one for one in queries.list_path(node.path) if permissions.holds(rules.VIEWERS, one.path)],
        children=children[: queries.PAGE],
        more=len(children) > queries.PAGE,
        page=page,
        search=search,
        counts=queries.count_people_by_child(node.id),
        people=queries.count_people_under(node.id),
        roles=queries.list_roles_at(node.id),
        role_names=role_names(),
        grantable=rules.grantable_roles(permissions.grants(), node.path),
        mask=account_rules.mask_phone,
        manages=permissions.holds(rules.MANAGERS, node.path),
        child_kind=None if node.kind == "team" else _child_kind(node),
        child_form=child,
        grant_form=grant,
    )


def _person_page(node: Organization, member: queries.Member, form: ReasonForm | None, password: str = "") -> str:
    return render_template(
        "organizations/person.html",
        node=node,
        member=member,
        phone=account_rules.mask_phone(member.phone_tail),
        form=form,
        password=password,
    )
