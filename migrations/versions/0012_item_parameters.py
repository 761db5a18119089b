"""the two-parameter model of items"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "item_parameters",
        sa.Column("competition_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("slope", sa.Float(), nullable=False),
        sa.Column("location", sa.Float(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["competition_id"], ["competitions.id"], name=op.f("fk_item_parameters_competition_id")
        ),
        sa.ForeignKeyConstraint(["version_id"], ["question_versions.id"], name=op.f("fk_item_parameters_version_id")),
        sa.PrimaryKeyConstraint("competition_id", "version_id", name=op.f("pk_item_parameters")),
    )


def downgrade() -> None:
    op.drop_table("item_parameters")
