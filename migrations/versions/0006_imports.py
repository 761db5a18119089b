"""files of questions being taken in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "question_imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("node_id", sa.BigInteger(), nullable=True),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("report", JSON, nullable=False),
        sa.Column("error", JSON, nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'reading', 'checked', 'importing', 'done', 'failed', 'discarded', 'undone')",
            name=op.f("ck_question_imports_state"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_question_imports_person_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_question_imports_organization_id")
        ),
        sa.ForeignKeyConstraint(["trade_code"], ["trades.code"], name=op.f("fk_question_imports_trade_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_imports")),
    )
    op.create_index("ix_question_imports_created_at", "question_imports", ["created_at"])
    op.add_column("questions", sa.Column("import_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_questions_import_id"), "questions", "question_imports", ["import_id"], ["id"])
    op.create_index("ix_questions_import_id", "questions", ["import_id"])


def downgrade() -> None:
    op.drop_index("ix_questions_import_id", "questions")
    op.drop_column("questions", "import_id")
    op.drop_table("question_imports")
