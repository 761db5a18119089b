"""Run migrations on the application's own database, one process at a time."""

from alembic import context
from flask import current_app
from sqlalchemy import text

UPGRADE_LOCK = 2017_25133

database = current_app.extensions["migrate"].db


def ours(thing: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """The job queue brings its own tables; they are no part of the models."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


with database.engine.connect() as connection:
    connection.execute(text("select pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        include_object=ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
