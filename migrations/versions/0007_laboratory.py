"""figures about items and levels, simulations of papers, exposure caps"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "item_statistics",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("competition_id", sa.BigInteger(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("papers", sa.BigInteger(), nullable=False),
        sa.Column("facility", sa.Float(), nullable=False),
        sa.Column("deviation", sa.Float(), nullable=True),
        sa.Column("discrimination", sa.Float(), nullable=True),
        sa.Column("efficiency", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("light", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("light in ('red', 'amber', 'grey', 'green')", name=op.f("ck_item_statistics_light")),
        sa.ForeignKeyConstraint(["version_id"], ["question_versions.id"], name=op.f("fk_item_statistics_version_id")),
        sa.ForeignKeyConstraint(
            ["competition_id"], ["competitions.id"], name=op.f("fk_item_statistics_competition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_statistics")),
        sa.UniqueConstraint(
            "version_id",
            "competition_id",
            name=op.f("uq_item_statistics_version_id_competition_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_item_statistics_competition_id", "item_statistics", ["competition_id", "light"])
    op.create_table(
        "level_statistics",
        sa.Column("level_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False),
        sa.Column("deviation", sa.Float(), nullable=True),
        sa.Column("alpha", sa.Float(), nullable=True),
        sa.Column("error_ratio", sa.Float(), nullable=True),
        sa.Column("standard_error", sa.Float(), nullable=True),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["level_id"], ["levels.id"], name=op.f("fk_level_statistics_level_id")),
        sa.PrimaryKeyConstraint("level_id", name=op.f("pk_level_statistics")),
    )
    op.create_table(
        "simulations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("level_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("result", JSON, nullable=False),
        sa.CheckConstraint("state in ('waiting', 'running', 'done', 'failed')", name=op.f("ck_simulations_state")),
        sa.ForeignKeyConstraint(["level_id"], ["levels.id"], name=op.f("fk_simulations_level_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["people.id"], name=op.f("fk_simulations_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulations")),
    )
    op.create_index("ix_simulations_level_id", "simulations", ["level_id"])
    op.add_column("levels", sa.Column("exposure_cap", sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_levels_exposure_cap"), "levels", "exposure_cap between 1 and 100")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_levels_exposure_cap"), "levels", type_="check")
    op.drop_column("levels", "exposure_cap")
    for table in ("simulations", "level_statistics", "item_statistics"):
        op.drop_table(table)
