"""the job queue's own tables"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(
        """
        do $$ declare r record; begin
            for r in select tablename from pg_tables where schemaname = 'public' and tablename like 'procrastinate_%' loop
                execute format('drop table %I cascade', r.tablename);
            end loop;
            for r in select p.oid::regprocedure as signature from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                     where n.nspname = 'public' and p.proname like 'procrastinate_%' loop
                execute format('drop function %s cascade', r.signature);
            end loop;
            for r in select typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
                     where n.nspname = 'public' and typname like 'procrastinate_%' and typtype in ('e', 'c') loop
                execute format('drop type if exists %I cascade', r.typname);
            end loop;
        end $$
        """
    )
