"""which questions a competition draws from"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("competitions", sa.Column("draws_from", sa.String(), nullable=False, server_default="all"))
    op.create_check_constraint(op.f("ck_competitions_draws_from"), "competitions", "draws_from in ('all', 'reserved')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_competitions_draws_from"), "competitions", type_="check")
    op.drop_column("competitions", "draws_from")
