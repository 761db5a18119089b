"""papers are found by the questions that they hold"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Built beside the running competition: nobody's attempt waits for it.
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_attempts_paper",
            "attempts",
            ["paper"],
            postgresql_using="gin",
            postgresql_ops={"paper": "jsonb_path_ops"},
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_attempts_paper", table_name="attempts")
