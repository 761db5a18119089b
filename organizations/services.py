"""Growing the tree, joining it, and giving roles in it."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts import passwords
from accounts import rules as account_rules
from accounts import services as accounts
from accounts.errors import SignInFailed, SignUpFailed
from accounts.models import LoginSession, Person
from core import audit, clock
from core.database import db, lock, transaction
from core.errors import NotFound
from core.secrets import blind_index
from organizations import queries, rules
from organizations.errors import BadPlace, NotJoinable, OwnRole
from organizations.models import Membership, Organization, RoleGrant

CONSENT_VERSION = "2026-11"


def create_organization(
    parent_id: int | None, kind: str, name_zh: str, name_en: str, join_code: str | None = None
) -> Organization:
    """Add a node to the tree, in the caller's transaction; an enterprise or team without a join code is given one.

    Args:
        parent_id: the node above; None for a province.
        kind: "province", "city", "enterprise" or "team".
        name_zh: its Chinese name.
        name_en: its English name; may be empty.
        join_code: letters and digits, for enterprises and teams.

    Raises: BadPlace when this kind cannot stand under that parent; NotFound when there is no such parent.
    """
    parent = queries.get_organization(parent_id) if parent_id is not None else None
    if kind not in rules.KINDS or rules.PARENT_OF[kind] != (parent.kind if parent else None):
        raise BadPlace(path="kind", reason=kind)
    if kind in rules.JOINABLE:
        join_code = rules.normalise_code(join_code) if join_code else _new_code()
    node = Organization(
        parent_id=parent_id,
        kind=kind,
        name_zh=name_zh.strip(),
        name_en=name_en.strip(),
        path=[],
        join_code=join_code,
        created_at=clock.now(),
    )
    db.session.add(node)
    db.session.flush()
    node.path = [*(parent.path if parent else []), node.id]
    db.session.flush()
    return node


def join_organization(person_id: int, organization_id: int) -> Membership:
    """Make a person belong to a node, in the caller's transaction; the membership before it ends.

    Args:
        person_id: who.
        organization_id: an enterprise or a team.

    Raises: NotJoinable; NotFound.
    """
    node = queries.get_organization(organization_id)
    if not queries.is_joinable(node):
        raise NotJoinable(path="organization_id")
    lock(Person, person_id)
    now = clock.now()
    live = db.session.scalar(select(Membership).where(Membership.person_id == person_id, Membership.ended_at.is_(None)))
    if live is not None:
        if live.organization_id == organization_id:
            return live
        live.ended_at = now
        db.session.flush()
    membership = Membership(person_id=person_id, organization_id=organization_id, began_at=now)
    db.session.add(membership)
    db.session.flush()
    return membership


def grant_role(person_id: int, role: str, organization_id: int, granted_by: int | None) -> RoleGrant:
    """Give a role at a node, in the caller's transaction, and leave a trace; giving it again changes nothing.

    Args:
        person_id: to whom.
        role: one of rules.ROLES.
        organization_id: the node it reaches from, downwards.
        granted_by: who gives it; None for the system.

    Raises: OwnRole when someone gives it to themselves; NotFound.
    """
    if granted_by == person_id:
        raise OwnRole
    queries.get_organization(organization_id)
    lock(Person, person_id)
    live = db.session.scalar(
        select(RoleGrant).where(
            RoleGrant.person_id == person_id,
            RoleGrant.role == role,
            RoleGrant.organization_id == organization_id,
            RoleGrant.revoked_at.is_(None),
        )
    )
    if live is not None:
        return live
    grant = RoleGrant(
        person_id=person_id,
        role=role,
        organization_id=organization_id,
        granted_by=granted_by,
        granted_at=clock.now(),
    )
    db.session.add(grant)
    db.session.flush()
    audit.record(
        "role.grant",
        "role_grant",
        grant.id,
        person_id=granted_by,
        organization_id=organization_id,
        role=role,
        to=person_id,
    )
    return grant


def give_role(phone: str, role: str, organization_id: int, granted_by: int) -> None:
    """Give a role to the person with this phone who belongs to the node or under it.

    Args:
        phone: E.164.
        role: one of rules.ROLES.
        organization_id: the node.
        granted_by: who gives it.

    Raises: NotFound when nobody under the node has this phone, whoever may have it elsewhere (P2); OwnRole.
    """
    with transaction():
        person_id = db.session.scalar(
            select(Person.id)
            .join(Membership, Membership.person_id == Person.id)
            .join(Organization, Organization.id == Membership.organization_id)
            .where(
                Person.phone_index == blind_index(phone),
                Person.disabled_at.is_(None),
                Membership.ended_at.is_(None),
                Organization.path.contains([organization_id]),
            )
        )
        if person_id is None:
            raise NotFound(what="Person")
        grant_role(person_id, role, organization_id, granted_by)


def revoke_role(grant_id: int, organization_id: int, revoked_by: int) -> None:
    """Take a role back; it ends at the person's next request (P8).

    Args:
        grant_id: which grant.
        organization_id: the node it must be held at.
        revoked_by: who takes it back.

    Raises: NotFound; OwnRole.
    """
    with transaction():
        grant = lock(RoleGrant, grant_id)
        if grant.organization_id != organization_id:
            raise NotFound(what="RoleGrant")
        if grant.person_id == revoked_by:
            raise OwnRole
        if grant.revoked_at is None:
            grant.revoked_at = clock.now()
            audit.record(
                "role.revoke",
                "role_grant",
                grant_id,
                person_id=revoked_by,
                organization_id=organization_id,
                role=grant.role,
                to=grant.person_id,
            )


def add_node(parent_id: int, kind: str, name_zh: str, name_en: str, by: int) -> Organization:
    """Add a node under another, with a trace.

    Args:
        parent_id: the node above.
        kind: what stands under it.
        name_zh: its Chinese name.
        name_en: its English name; may be empty.
        by: who adds it.

    Raises: BadPlace; NotFound.
    """
    with transaction():
        node = create_organization(parent_id, kind, name_zh, name_en)
        audit.record("organization.create", "organization", node.id, person_id=by, organization_id=node.id)
        return node


def renew_code(organization_id: int, by: int) -> str:
    """Replace a node's join code, so that the old one opens nothing any more, and return the new one.

    Args:
        organization_id: an enterprise or a team.
        by: who asks.

    Raises: NotJoinable; NotFound.
    """
    with transaction():
        node = lock(Organization, organization_id)
        if not queries.is_joinable(node):
            raise NotJoinable(path="organization_id")
        node.join_code = _new_code()
        audit.record("join_code.renew", "organization", node.id, person_id=by, organization_id=node.id)
        return node.join_code


def view_members(organization_id: int, search: str, page: int, by: int) -> list[queries.Member]:
    """Read a page of people, leaving the trace of who saw whom in the same transaction (P5).

    Args:
        organization_id: the node.
        search: a part of the name; empty for all.
        page: from 1.
        by: who reads.

    Returns: one more than a page holds when there is a next page.
    """
    with transaction():
        members = queries.list_members(organization_id, search, None, queries.PAGE + 1, (page - 1) * queries.PAGE)
        audit.record(
            "people.view",
            "organization",
            organization_id,
            person_id=by,
            organization_id=organization_id,
            people=[member.person_id for member in members[: queries.PAGE]],
        )
        return members


def set_disabled(organization_id: int, person_id: int, disabled: bool, by: int, why: str) -> None:
    """Disable or enable the account of someone under a node; the caller has checked that `by` may.

    Args:
        organization_id: the node.
        person_id: whose account.
        disabled: True ends all its sessions too.
        by: who decides.
        why: the reason, kept in the audit trail.

    Raises: NotFound when the person does not belong there.
    """
    with transaction():
        member = queries.get_member(organization_id, person_id)
        accounts.mark_disabled(person_id, disabled)
        audit.record(
            "person.disable" if disabled else "person.enable",
            "person",
            person_id,
            person_id=by,
            organization_id=member.organization_id,
            why=why,
        )


def reset_password(organization_id: int, person_id: int, by: int, why: str) -> str:
    """Give someone who forgot their password a new one, end their sessions, and return it to be told once.

    Args:
        organization_id: the node.
        person_id: whose password; the caller has checked that `by` may.
        by: who asks.
        why: the reason, kept in the audit trail.

    Raises: NotFound when the person does not belong there.
    """
    password = "-".join(_code(4) for _ in range(3))
    password_hash = passwords.hash_password(password)
    with transaction():
        member = queries.get_member(organization_id, person_id)
        accounts.replace_password(person_id, password_hash)
        audit.record(
            "password.reset", "person", person_id, person_id=by, organization_id=member.organization_id, why=why
        )
    return password


def sign_up(
    phone: str, password: str, name: str, locale: str, organization_id: int, device: str
) -> tuple[str, LoginSession]:
    """Make an account, a membership and the trace of the consent, and open a session.

    Someone who signs up again with the password they already have is simply signed in.

    Args:
        phone: E.164.
        password: as typed.
        name: as shown to others.
        locale: "zh_CN" or "en".
        organization_id: an enterprise or a team.
        device: what the person will recognise the session by.

    Raises: BadPassword; NotJoinable; NotFound; SignUpFailed when no account was made.
    """
    account_rules.check_password(password, phone)
    password_hash = passwords.hash_password(password)
    try:
        with transaction():
            person = accounts.add_person(phone, password_hash, name, locale)
            join_organization(person.id, organization_id)
            audit.record(
                "consent.give",
                "person",
                person.id,
                person_id=person.id,
                organization_id=organization_id,
                version=CONSENT_VERSION,
            )
            return accounts.open_session(person.id, "cookie", device)
    except IntegrityError:
        pass
    try:
        return accounts.sign_in(phone, password, "cookie", device)
    except SignInFailed as failure:
        raise SignUpFailed from failure


def _new_code() -> str:
    return _code(rules.CODE_LENGTH)


def _code(length: int) -> str:
    return "".join(secrets.choice(rules.CODE_ALPHABET) for _ in range(length))
