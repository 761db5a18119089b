"""The federation tree, who belongs where, and which role a person holds at which node."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model


class Organization(Model):
    """A node of the tree. `path` is the ids from the root down to and including this node."""

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint("kind in ('province', 'city', 'enterprise', 'team')", name="kind"),
        Index("ix_organizations_path", "path", postgresql_using="gin"),
        Index("ix_organizations_parent_id", "parent_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    join_code: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Membership(Model):
    """A person belongs to one node at a time; a change ends the old row and begins a new one."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index("uq_memberships_live", "person_id", unique=True, postgresql_where="ended_at is null"),
        Index("ix_memberships_organization_id", "organization_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RoleGrant(Model):
    """A role held at a node and everything under it. Being a worker needs no grant."""

    __tablename__ = "role_grants"
    __table_args__ = (
        CheckConstraint(
            "role in ('enterprise_admin', 'organizer', 'question_author', 'question_reviewer', 'finance', 'auditor')",
            name="role",
        ),
        Index(
            "uq_role_grants_live",
            "person_id",
            "role",
            "organization_id",
            unique=True,
            postgresql_where="revoked_at is null",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
