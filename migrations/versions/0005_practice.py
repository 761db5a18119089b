"""practice: answers, what comes back when, favourites, places, days, learning points, mock levels"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
MODES = "mode in ('ordered', 'random', 'daily', 'wrong', 'favourites', 'weak', 'level', 'mock')"


def moment(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def refers(table: str, name: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [other], name=op.f(f"fk_{table}_{name}"))


def upgrade() -> None:
    op.create_table(
        "practice_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("topic_code", sa.String(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("values", JSON, nullable=False),
        sa.Column("value", JSON, nullable=True),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("certainty", sa.SmallInteger(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        moment("answered_at"),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.CheckConstraint("share between 0 and 1", name=op.f("ck_practice_answers_share")),
        sa.CheckConstraint("certainty between 1 and 3", name=op.f("ck_practice_answers_certainty")),
        sa.CheckConstraint(MODES, name=op.f("ck_practice_answers_mode")),
        refers("practice_answers", "person_id", "people.id"),
        refers("practice_answers", "trade_code", "trades.code"),
        refers("practice_answers", "question_id", "questions.id"),
        refers("practice_answers", "version_id", "question_versions.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_answers")),
        sa.UniqueConstraint("person_id", "client_id", name=op.f("uq_practice_answers_person_id_client_id")),
    )
    op.create_index("ix_practice_answers_person_id", "practice_answers", ["person_id", "trade_code", "answered_at"])
    op.create_table(
        "practice_cards",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("state", JSON, nullable=False),
        moment("due_at"),
        moment("wrong_since", nullable=True),
        moment("learnt_at", nullable=True),
        sa.Column("right_days", sa.SmallInteger(), nullable=False),
        sa.Column("last_right_on", sa.Date(), nullable=True),
        refers("practice_cards", "person_id", "people.id"),
        refers("practice_cards", "question_id", "questions.id"),
        refers("practice_cards", "trade_code", "trades.code"),
        sa.PrimaryKeyConstraint("person_id", "question_id", name=op.f("pk_practice_cards")),
    )
    op.create_index(
        "ix_practice_cards_due",
        "practice_cards",
        ["person_id", "trade_code", "due_at"],
        postgresql_where=sa.text("wrong_since is not null"),
    )
    op.create_table(
        "practice_favourites",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        moment("marked_at"),
        refers("practice_favourites", "person_id", "people.id"),
        refers("practice_favourites", "question_id", "questions.id"),
        refers("practice_favourites", "trade_code", "trades.code"),
        sa.PrimaryKeyConstraint("person_id", "question_id", name=op.f("pk_practice_favourites")),
    )
    op.create_table(
        "practice_places",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        moment("moved_at"),
        refers("practice_places", "person_id", "people.id"),
        refers("practice_places", "trade_code", "trades.code"),
        sa.PrimaryKeyConstraint("person_id", "trade_code", name=op.f("pk_practice_places")),
    )
    op.create_table(
        "practice_days",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        refers("practice_days", "person_id", "people.id"),
        sa.PrimaryKeyConstraint("person_id", "day", name=op.f("pk_practice_days")),
    )
    op.create_table(
        "practice_points",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        moment("awarded_at"),
        sa.CheckConstraint("kind in ('ten', 'daily', 'learnt')", name=op.f("ck_practice_points_kind")),
        sa.CheckConstraint("points > 0", name=op.f("ck_practice_points_points")),
        refers("practice_points", "person_id", "people.id"),
        refers("practice_points", "trade_code", "trades.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_points")),
        sa.UniqueConstraint("person_id", "kind", "ref", name=op.f("uq_practice_points_person_id_kind_ref")),
    )
    op.create_index("ix_practice_points_trade_code", "practice_points", ["trade_code", "awarded_at"])
    op.create_table(
        "practice_mocks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("trade_code", sa.String(), nullable=False),
        sa.Column("level_id", sa.BigInteger(), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("paper", JSON, nullable=False),
        sa.Column("pass_points", sa.BigInteger(), nullable=False),
        sa.Column("max_points", sa.BigInteger(), nullable=False),
        moment("started_at"),
        moment("deadline_at"),
        moment("finished_at", nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("marks", JSON, nullable=True),
        sa.Column("answers", JSON, nullable=True),
        sa.CheckConstraint("(finished_at is null) = (points is null)", name=op.f("ck_practice_mocks_finished")),
        refers("practice_mocks", "person_id", "people.id"),
        refers("practice_mocks", "trade_code", "trades.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_mocks")),
    )
    op.create_index("ix_practice_mocks_person_id", "practice_mocks", ["person_id", "trade_code", "started_at"])


def downgrade() -> None:
    for name in ("mocks", "points", "days", "places", "favourites", "cards", "answers"):
        op.drop_table(f"practice_{name}")
