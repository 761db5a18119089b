"""Reads of the tree, of who belongs where, and of who holds which role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, text

from accounts.models import Person
from core.database import db
from core.errors import NotFound
from core.models import AuditEntry
from organizations.models import Membership, Organization, RoleGrant
from organizations.rules import JOINABLE, Grant, normalise_code

PAGE = 50


def get_organization(organization_id: int) -> Organization:
    """Return a node of the tree. Raises: NotFound."""
    node = db.session.get(Organization, organization_id)
    if node is None:
        raise NotFound(what="Organization")
    return node


def find_by_code(code: str) -> Organization | None:
    """Find the enterprise or team with a join code, as typed."""
    wanted = normalise_code(code)
    return db.session.scalar(select(Organization).where(Organization.join_code == wanted)) if wanted else None


def list_children(
    organization_id: int | None, search: str = "", limit: int | None = None, offset: int = 0
) -> list[Organization]:
    """List the nodes directly under one, in the order they were made; None lists the roots.

    Args:
        organization_id: the parent.
        search: a part of the name in either language; empty for all.
        limit: how many at most.
        offset: how many to leave out first.
    """
    wanted = select(Organization).where(Organization.parent_id == organization_id).order_by(Organization.id)
    if organization_id is None:
        wanted = select(Organization).where(Organization.parent_id.is_(None)).order_by(Organization.id)
    if search:
        wanted = wanted.where(
            or_(
                Organization.name_zh.icontains(search, autoescape=True),
                Organization.name_en.icontains(search, autoescape=True),
            )
        )
    return list(db.session.scalars(wanted.limit(limit).offset(offset)))


def list_path(path: Sequence[int]) -> list[Organization]:
    """List the nodes of a path from the root down."""
    nodes = {node.id: node for node in db.session.scalars(select(Organization).where(Organization.id.in_(path)))}
    return [nodes[node_id] for node_id in path if node_id in nodes]


def names_under(organization_id: int) -> dict[int, Organization]:
    """Return by id every node on the path to a node, and every one under it."""
    path = select(func.unnest(Organization.path)).where(Organization.id == organization_id)
    found = db.session.scalars(
        select(Organization).where(Organization.path.contains([organization_id]) | Organization.id.in_(path))
    )
    return {one.id: one for one in found}


def path_of_person(person_id: int) -> list[int]:
    """Return the ids from the root to the node a person belongs to; empty when they belong to none."""
    path = db.session.scalar(
        select(Organization.path)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
    )
    return list(path or [])


def list_root_ids() -> list[int]:
    """Return the ids of the trees' roots: what is open to everybody, signed in or not."""
    return list(db.session.scalars(select(Organization.id).where(Organization.parent_id.is_(None))))


_GRANTS = text(
    """
    select g.role, g.organization_id, o.path from role_grants g join organizations o on o.id = g.organization_id
    where g.person_id = :person_id and g.revoked_at is null order by g.id
    """
)


def list_grants(person_id: int) -> list[Grant]:
    """List the roles a person holds now."""
    rows = db.session.execute(_GRANTS, {"person_id": person_id})
    return [Grant(role, organization_id, tuple(path)) for role, organization_id, path in rows]


@dataclass(frozen=True)
class HeldRole:
    """A live grant at a node and who holds it."""

    id: int
    role: str
    person_id: int
    name: str
    phone_tail: str
    granted_at: datetime


def list_roles_at(organization_id: int) -> list[HeldRole]:
    """List the live grants at exactly this node."""
    rows = db.session.execute(
        select(RoleGrant.id, RoleGrant.role, Person.id, Person.name, Person.phone_tail, RoleGrant.granted_at)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.organization_id == organization_id, RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.role, RoleGrant.id)
    )
    return [HeldRole(*row) for row in rows]


@dataclass(frozen=True)
class Member:
    """Someone who belongs to a node, the phone by its tail only."""

    person_id: int
    name: str
    phone_tail: str
    organization_id: int
    team_zh: str
    team_en: str
    began_at: datetime
    disabled_at: datetime | None


def list_members(
    organization_id: int, search: str = "", person_id: int | None = None, limit: int = PAGE, offset: int = 0
) -> list[Member]:
    """List the people of a node and of all under it, in the order they joined.

    Args:
        organization_id: the node.
        search: a part of the name; empty for all.
        person_id: only this person.
        limit: how many at most.
        offset: how many to leave out first.
    """
    node = Organization
    wanted = (
        select(
            Person.id,
            Person.name,
            Person.phone_tail,
            node.id,
            node.name_zh,
            node.name_en,
            Membership.began_at,
            Person.disabled_at,
        )
        .join(Membership, Membership.person_id == Person.id)
        .join(node, node.id == Membership.organization_id)
        .where(Membership.ended_at.is_(None), node.path.contains([organization_id]))
    )
    if search:
        wanted = wanted.where(Person.name.icontains(search, autoescape=True))
    if person_id is not None:
        wanted = wanted.where(Person.id == person_id)
    return [Member(*row) for row in db.session.execute(wanted.order_by(Membership.id).limit(limit).offset(offset))]


def get_member(organization_id: int, person_id: int) -> Member:
    """Return someone who belongs to a node or under it. Raises: NotFound."""
    found = list_members(organization_id, person_id=person_id)
    if not found:
        raise NotFound(what="Person")
    return found[0]


def count_people_under(organization_id: int) -> int:
    """Count the people who belong to a node or to one under it."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Membership)
            .join(Organization, Organization.id == Membership.organization_id)
            .where(Membership.ended_at.is_(None), Organization.path.contains([organization_id]))
        )
        or 0
    )


def count_people_by_child(organization_id: int) -> dict[int, int]:
    """Count the people under each child of a node; children without people are left out."""
    rows = db.session.execute(
        text(
            """
            select o.path[array_position(o.path, :node) + 1] as child, count(*) as people
            from memberships m join organizations o on o.id = m.organization_id
            where m.ended_at is null and o.path @> array[:node]::bigint[] and o.id <> :node
            group by 1
            """
        ),
        {"node": organization_id},
    )
    return {row.child: row.people for row in rows}


def is_joinable(organization: Organization) -> bool:
    """Say whether people can belong to this node."""
    return organization.kind in JOINABLE


@dataclass(frozen=True)
class AuditLine:
    """An audit entry with the names of who acted and where."""

    entry: AuditEntry
    person: str
    place_zh: str
    place_en: str


def list_audit(
    nodes: Sequence[int], action: str = "", person_id: int | None = None, limit: int = PAGE, offset: int = 0
) -> list[AuditLine]:
    """List audit entries of some nodes and all under them, the latest first.

    Args:
        nodes: the nodes whose entries the reader may see.
        action: the beginning of the action, e.g. "role."; empty for all.
        person_id: only acts of this person.
        limit: how many at most.
        offset: how many to leave out first.
    """
    under = select(Organization.id).where(Organization.path.overlap(list(nodes)))
    wanted = (
        select(AuditEntry, Person.name, Organization.name_zh, Organization.name_en)
        .outerjoin(Person, Person.id == AuditEntry.person_id)
        .outerjoin(Organization, Organization.id == AuditEntry.organization_id)
        .where(AuditEntry.organization_id.in_(under))
    )
    if action:
        wanted = wanted.where(AuditEntry.action.startswith(action, autoescape=True))
    if person_id is not None:
        wanted = wanted.where(AuditEntry.person_id == person_id)
    rows = db.session.execute(wanted.order_by(AuditEntry.id.desc()).limit(limit).offset(offset))
    return [AuditLine(entry, name or "", zh or "", en or "") for entry, name, zh, en in rows]


def list_actions(nodes: Sequence[int]) -> list[str]:
    """List the kinds of acts found at some nodes and under them: the first word of each action."""
    under = select(Organization.id).where(Organization.path.overlap(list(nodes)))
    kind = func.split_part(AuditEntry.action, ".", 1)
    return list(db.session.scalars(select(kind).where(AuditEntry.organization_id.in_(under)).distinct().order_by(kind)))
