"""drafts of competitions that were discarded"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("competitions", sa.Column("discarded_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_competitions_discarded"), "competitions", "discarded_at is null or state = 'draft'"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_competitions_discarded"), "competitions", type_="check")
    op.drop_column("competitions", "discarded_at")
