"""item types beyond the first five, topic trees, the life of a question, media"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TYPES = "type in ('single', 'multiple', 'true_false', 'fill_in', 'numeric', 'ordering', 'matching')"
JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_media_created_by")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_media")),
    )
    op.add_column("topics", sa.Column("parent_code", sa.String(), nullable=True))
    op.add_column("topics", sa.Column("weight", sa.BigInteger(), nullable=True))
    for name, default in (("prompts", "[]"), ("variables", "{}"), ("media", "[]")):
        op.add_column("question_versions", sa.Column(name, JSON, nullable=False, server_default=default))
    op.add_column("question_versions", sa.Column("case_group", JSON, nullable=True))
    op.drop_constraint(op.f("ck_question_versions_type"), "question_versions", type_="check")
    op.create_check_constraint(op.f("ck_question_versions_type"), "question_versions", TYPES)
    op.drop_constraint(op.f("ck_questions_state"), "questions", type_="check")
    op.execute("update questions set state = 'approved' where state = 'published'")
    op.create_check_constraint(
        op.f("ck_questions_state"), "questions", "state in ('draft', 'submitted', 'approved', 'retired')"
    )
    op.add_column("questions", sa.Column("latest_version_id", sa.BigInteger(), nullable=True))
    op.execute("update questions set latest_version_id = current_version_id")
    op.add_column("questions", sa.Column("organization_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_questions_organization_id"), "questions", "organizations", ["organization_id"], ["id"]
    )
    op.add_column("questions", sa.Column("author_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_questions_author_id"), "questions", "people", ["author_id"], ["id"])
    op.add_column("questions", sa.Column("reserved", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("questions", sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "question_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('comment', 'submitted', 'returned', 'approved', 'retired', 'offered', 'adopted', 'released')",
            name=op.f("ck_question_notes_kind"),
        ),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_question_notes_question_id")),
        sa.ForeignKeyConstraint(["version_id"], ["question_versions.id"], name=op.f("fk_question_notes_version_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_question_notes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_notes")),
    )
    op.create_index("ix_question_notes_question_id", "question_notes", ["question_id"])


def downgrade() -> None:
    op.drop_table("question_notes")
    for name in ("offered_at", "reserved", "author_id", "organization_id", "latest_version_id"):
        op.drop_column("questions", name)
    op.drop_constraint(op.f("ck_questions_state"), "questions", type_="check")
    op.execute("update questions set state = 'published' where state in ('approved', 'submitted')")
    op.create_check_constraint(
        op.f("ck_questions_state"), "questions", "state in ('draft', 'published', 'retired')"
    )
    for name in ("case_group", "media", "variables", "prompts"):
        op.drop_column("question_versions", name)
    for name in ("weight", "parent_code"):
        op.drop_column("topics", name)
    op.drop_table("media")
