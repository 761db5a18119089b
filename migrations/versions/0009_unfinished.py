"""question versions that are not whole yet, and a word for a declined offer"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


KINDS = "'comment', 'submitted', 'returned', 'approved', 'retired', 'offered', 'adopted', 'released'"


def allow_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_question_notes_kind"), "question_notes", type_="check")
    op.create_check_constraint(op.f("ck_question_notes_kind"), "question_notes", f"kind in ({kinds})")


def upgrade() -> None:
    allow_kinds(f"{KINDS}, 'declined'")
    op.add_column("question_versions", sa.Column("unfinished", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute("update question_notes set kind = 'returned' where kind = 'declined'")
    allow_kinds(KINDS)
    op.drop_column("question_versions", "unfinished")
