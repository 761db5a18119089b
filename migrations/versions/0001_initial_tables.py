"""every table"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('audit_entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('subject_id', sa.BigInteger(), nullable=True),
    sa.Column('organization_id', sa.BigInteger(), nullable=True),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entries'))
    )
    op.create_index('ix_audit_entries_subject', 'audit_entries', ['subject', 'subject_id'], unique=False)
    op.create_table('exports',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('params', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('requested_by', sa.BigInteger(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('error', sa.String(), nullable=False),
    sa.Column('filename', sa.String(), nullable=False),
    sa.Column('media_type', sa.String(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'cancelled')", name=op.f('ck_exports_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exports'))
    )
    op.create_index('ix_exports_requested_by', 'exports', ['requested_by', 'requested_at'], unique=False)
    op.create_table('organizations',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('path', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('join_code', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind in ('province', 'city', 'enterprise', 'team')", name=op.f('ck_organizations_kind')),
    sa.ForeignKeyConstraint(['parent_id'], ['organizations.id'], name=op.f('fk_organizations_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organizations')),
    sa.UniqueConstraint('join_code', name=op.f('uq_organizations_join_code'))
    )
    op.create_index('ix_organizations_parent_id', 'organizations', ['parent_id'], unique=False)
    op.create_index('ix_organizations_path', 'organizations', ['path'], unique=False, postgresql_using='gin')
    op.create_table('people',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('phone_index', sa.String(), nullable=False),
    sa.Column('phone_sealed', sa.String(), nullable=False),
    sa.Column('phone_tail', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('locale', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people')),
    sa.UniqueConstraint('phone_index', name=op.f('uq_people_phone_index'))
    )
    op.create_table('tax_rules',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('rate_bp', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('rate_bp between 0 and 10000', name=op.f('ck_tax_rules_rate')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tax_rules')),
    sa.UniqueConstraint('category', 'valid_from', name=op.f('uq_tax_rules_category_valid_from'))
    )
    op.create_table('trades',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_trades'))
    )
    op.create_table('competitions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('organization_id', sa.BigInteger(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('summary_zh', sa.String(), nullable=False),
    sa.Column('summary_en', sa.String(), nullable=False),
    sa.Column('rules_zh', sa.String(), nullable=False),
    sa.Column('rules_en', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('opens_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('mask_names', sa.Boolean(), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state in ('draft', 'open', 'closed', 'sealed')", name=op.f('ck_competitions_state')),
    sa.CheckConstraint('closes_at > opens_at', name=op.f('ck_competitions_window')),
    sa.ForeignKeyConstraint(['created_by'], ['people.id'], name=op.f('fk_competitions_created_by')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_competitions_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_competitions'))
    )
    op.create_index('ix_competitions_organization_id', 'competitions', ['organization_id'], unique=False)
    op.create_table('login_sessions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('token_digest', sa.String(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('device', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind in ('cookie', 'bearer')", name=op.f('ck_login_sessions_kind')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_login_sessions_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_sessions')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_login_sessions_token_digest'))
    )
    op.create_index('ix_login_sessions_person_id', 'login_sessions', ['person_id'], unique=False)
    op.create_table('memberships',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('organization_id', sa.BigInteger(), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_memberships_organization_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_memberships_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memberships'))
    )
    op.create_index('ix_memberships_organization_id', 'memberships', ['organization_id'], unique=False)
    op.create_index('uq_memberships_live', 'memberships', ['person_id'], unique=True, postgresql_where='ended_at is null')
    op.create_table('payees',
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('account_name', sa.String(), nullable=False),
    sa.Column('bank_name', sa.String(), nullable=False),
    sa.Column('card_sealed', sa.String(), nullable=False),
    sa.Column('card_tail', sa.String(), nullable=False),
    sa.Column('consented_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_payees_person_id')),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_payees'))
    )
    op.create_table('questions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('trade_code', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('current_version_id', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("state in ('draft', 'published', 'retired')", name=op.f('ck_questions_state')),
    sa.ForeignKeyConstraint(['trade_code'], ['trades.code'], name=op.f('fk_questions_trade_code')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_questions')),
    sa.UniqueConstraint('code', name=op.f('uq_questions_code'))
    )
    op.create_index('ix_questions_trade_code', 'questions', ['trade_code'], unique=False)
    op.create_table('role_grants',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('organization_id', sa.BigInteger(), nullable=False),
    sa.Column('granted_by', sa.BigInteger(), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("role in ('enterprise_admin', 'organizer', 'question_author', 'question_reviewer', 'finance', 'auditor')", name=op.f('ck_role_grants_role')),
    sa.ForeignKeyConstraint(['granted_by'], ['people.id'], name=op.f('fk_role_grants_granted_by')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_role_grants_organization_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_role_grants_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grants'))
    )
    op.create_index('uq_role_grants_live', 'role_grants', ['person_id', 'role', 'organization_id'], unique=True, postgresql_where='revoked_at is null')
    op.create_table('topics',
    sa.Column('trade_code', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['trade_code'], ['trades.code'], name=op.f('fk_topics_trade_code')),
    sa.PrimaryKeyConstraint('trade_code', 'code', name=op.f('pk_topics'))
    )
    op.create_table('ledgers',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('organization_id', sa.BigInteger(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("purpose in ('prize', 'bonus')", name=op.f('ck_ledgers_purpose')),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_ledgers_competition_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_ledgers_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledgers')),
    sa.UniqueConstraint('competition_id', 'organization_id', 'purpose', name=op.f('uq_ledgers_competition_id_organization_id_purpose'))
    )
    op.create_table('participations',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('path', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('eligible', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_participations_competition_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_participations_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_participations')),
    sa.UniqueConstraint('competition_id', 'person_id', name=op.f('uq_participations_competition_id_person_id'))
    )
    op.create_index('ix_participations_path', 'participations', ['path'], unique=False, postgresql_using='gin')
    op.create_index('ix_participations_person_id', 'participations', ['person_id'], unique=False)
    op.create_table('question_versions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('question_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('type', sa.String(), nullable=False),
    sa.Column('topic_code', sa.String(), nullable=False),
    sa.Column('difficulty', sa.BigInteger(), nullable=False),
    sa.Column('stem', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('key', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('explanation', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('source', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('content_hash', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("type in ('single', 'multiple', 'true_false', 'fill_in', 'numeric')", name=op.f('ck_question_versions_type')),
    sa.CheckConstraint('difficulty between 1 and 5', name=op.f('ck_question_versions_difficulty')),
    sa.ForeignKeyConstraint(['created_by'], ['people.id'], name=op.f('fk_question_versions_created_by')),
    sa.ForeignKeyConstraint(['question_id'], ['questions.id'], name=op.f('fk_question_versions_question_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question_versions')),
    sa.UniqueConstraint('question_id', 'number', name=op.f('uq_question_versions_question_id_number'))
    )
    op.create_table('seals',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sealed_by', sa.BigInteger(), nullable=True),
    sa.Column('row_count', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_seals_competition_id')),
    sa.ForeignKeyConstraint(['sealed_by'], ['people.id'], name=op.f('fk_seals_sealed_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seals')),
    sa.UniqueConstraint('competition_id', name=op.f('uq_seals_competition_id'))
    )
    op.create_table('tracks',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('trade_code', sa.String(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_tracks_competition_id')),
    sa.ForeignKeyConstraint(['trade_code'], ['trades.code'], name=op.f('fk_tracks_trade_code')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tracks')),
    sa.UniqueConstraint('competition_id', 'position', name=op.f('uq_tracks_competition_id_position'))
    )
    op.create_table('bonus_tiers',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('ledger_id', sa.BigInteger(), nullable=False),
    sa.Column('track_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('top_n', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("(kind = 'top_n') = (top_n is not null)", name=op.f('ck_bonus_tiers_top_n')),
    sa.CheckConstraint("kind in ('per_level', 'all_levels', 'top_n')", name=op.f('ck_bonus_tiers_kind')),
    sa.CheckConstraint('amount_fen > 0 and top_n > 0', name=op.f('ck_bonus_tiers_positive')),
    sa.ForeignKeyConstraint(['ledger_id'], ['ledgers.id'], name=op.f('fk_bonus_tiers_ledger_id')),
    sa.ForeignKeyConstraint(['track_id'], ['tracks.id'], name=op.f('fk_bonus_tiers_track_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bonus_tiers'))
    )
    op.create_index('ix_bonus_tiers_ledger_id', 'bonus_tiers', ['ledger_id'], unique=False)
    op.create_table('levels',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('track_id', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('blueprint', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('time_limit_s', sa.BigInteger(), nullable=False),
    sa.Column('pass_points', sa.BigInteger(), nullable=False),
    sa.Column('tries_total', sa.BigInteger(), nullable=True),
    sa.Column('tries_per_day', sa.BigInteger(), nullable=True),
    sa.Column('opens_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reveal', sa.String(), nullable=False),
    sa.CheckConstraint("reveal in ('never', 'after_submit', 'after_close')", name=op.f('ck_levels_reveal')),
    sa.CheckConstraint('time_limit_s between 10 and 86400', name=op.f('ck_levels_time_limit')),
    sa.CheckConstraint('tries_total > 0 and tries_per_day > 0', name=op.f('ck_levels_tries')),
    sa.ForeignKeyConstraint(['track_id'], ['tracks.id'], name=op.f('fk_levels_track_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_levels')),
    sa.UniqueConstraint('track_id', 'position', name=op.f('uq_levels_track_id_position'))
    )
    op.create_table('payout_batches',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('ledger_id', sa.BigInteger(), nullable=False),
    sa.Column('exported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('exported_by', sa.BigInteger(), nullable=False),
    sa.Column('total_fen', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('body_sealed', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['exported_by'], ['people.id'], name=op.f('fk_payout_batches_exported_by')),
    sa.ForeignKeyConstraint(['ledger_id'], ['ledgers.id'], name=op.f('fk_payout_batches_ledger_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_batches'))
    )
    op.create_table('prize_rules',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('track_id', sa.BigInteger(), nullable=True),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('terms', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.CheckConstraint("kind in ('places', 'equal_split')", name=op.f('ck_prize_rules_kind')),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_prize_rules_competition_id')),
    sa.ForeignKeyConstraint(['track_id'], ['tracks.id'], name=op.f('fk_prize_rules_track_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_prize_rules')),
    sa.UniqueConstraint('competition_id', 'position', name=op.f('uq_prize_rules_competition_id_position'))
    )
    op.create_table('sealed_standings',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('seal_id', sa.BigInteger(), nullable=False),
    sa.Column('participation_id', sa.BigInteger(), nullable=False),
    sa.Column('track_id', sa.BigInteger(), nullable=True),
    sa.Column('rank', sa.BigInteger(), nullable=False),
    sa.Column('levels_cleared', sa.BigInteger(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('elapsed_ms', sa.BigInteger(), nullable=False),
    sa.Column('reached_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('eligible', sa.Boolean(), nullable=False),
    sa.Column('path', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.ForeignKeyConstraint(['participation_id'], ['participations.id'], name=op.f('fk_sealed_standings_participation_id')),
    sa.ForeignKeyConstraint(['seal_id'], ['seals.id'], name=op.f('fk_sealed_standings_seal_id')),
    sa.ForeignKeyConstraint(['track_id'], ['tracks.id'], name=op.f('fk_sealed_standings_track_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sealed_standings')),
    sa.UniqueConstraint('seal_id', 'participation_id', 'track_id', name=op.f('uq_sealed_standings_seal_id_participation_id_track_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index('ix_sealed_standings_rank', 'sealed_standings', ['seal_id', 'track_id', 'rank'], unique=False)
    op.create_table('standings',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('competition_id', sa.BigInteger(), nullable=False),
    sa.Column('participation_id', sa.BigInteger(), nullable=False),
    sa.Column('track_id', sa.BigInteger(), nullable=True),
    sa.Column('levels_cleared', sa.BigInteger(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('elapsed_ms', sa.BigInteger(), nullable=False),
    sa.Column('reached_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['competition_id'], ['competitions.id'], name=op.f('fk_standings_competition_id')),
    sa.ForeignKeyConstraint(['participation_id'], ['participations.id'], name=op.f('fk_standings_participation_id')),
    sa.ForeignKeyConstraint(['track_id'], ['tracks.id'], name=op.f('fk_standings_track_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_standings')),
    sa.UniqueConstraint('participation_id', 'track_id', name=op.f('uq_standings_participation_id_track_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index('ix_standings_changed', 'standings', ['competition_id', 'changed_at'], unique=False)
    op.create_index('ix_standings_order', 'standings', ['competition_id', 'track_id', sa.literal_column('levels_cleared desc'), sa.literal_column('points desc'), 'elapsed_ms', 'reached_at'], unique=False)
    op.create_table('attempts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('participation_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('level_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('paper', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('close_reason', sa.String(), nullable=True),
    sa.Column('answers_hash', sa.String(), nullable=True),
    sa.Column('rule_version', sa.BigInteger(), nullable=True),
    sa.Column('marks', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('points', sa.BigInteger(), nullable=True),
    sa.Column('max_points', sa.BigInteger(), nullable=False),
    sa.Column('cleared', sa.Boolean(), nullable=True),
    sa.Column('elapsed_ms', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("(state = 'open') = (finished_at is null)", name=op.f('ck_attempts_finished')),
    sa.CheckConstraint("(state = 'scored') = (points is not null)", name=op.f('ck_attempts_scored')),
    sa.CheckConstraint("close_reason in ('submitted', 'time_up', 'competition_closed')", name=op.f('ck_attempts_close_reason')),
    sa.CheckConstraint("state in ('open', 'closed', 'scored')", name=op.f('ck_attempts_state')),
    sa.ForeignKeyConstraint(['level_id'], ['levels.id'], name=op.f('fk_attempts_level_id')),
    sa.ForeignKeyConstraint(['participation_id'], ['participations.id'], name=op.f('fk_attempts_participation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_attempts_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempts')),
    sa.UniqueConstraint('participation_id', 'level_id', 'number', name=op.f('uq_attempts_participation_id_level_id_number'))
    )
    op.create_index('ix_attempts_level_id', 'attempts', ['level_id'], unique=False)
    op.create_index('ix_attempts_person_id', 'attempts', ['person_id', 'level_id'], unique=False)
    op.create_index('ix_attempts_unfinished', 'attempts', ['deadline_at'], unique=False, postgresql_where="state <> 'scored'")
    op.create_index('uq_attempts_open', 'attempts', ['participation_id', 'level_id'], unique=True, postgresql_where="state = 'open'")
    op.create_table('awards',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('ledger_id', sa.BigInteger(), nullable=False),
    sa.Column('participation_id', sa.BigInteger(), nullable=False),
    sa.Column('prize_rule_id', sa.BigInteger(), nullable=True),
    sa.Column('bonus_tier_id', sa.BigInteger(), nullable=True),
    sa.Column('rank', sa.BigInteger(), nullable=True),
    sa.Column('gross_fen', sa.BigInteger(), nullable=False),
    sa.Column('tax_fen', sa.BigInteger(), nullable=False),
    sa.Column('net_fen', sa.BigInteger(), nullable=False),
    sa.Column('tax_rule_id', sa.BigInteger(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('(prize_rule_id is null) <> (bonus_tier_id is null)', name=op.f('ck_awards_origin')),
    sa.CheckConstraint('gross_fen > 0 and tax_fen >= 0 and gross_fen = net_fen + tax_fen', name=op.f('ck_awards_gross')),
    sa.ForeignKeyConstraint(['bonus_tier_id'], ['bonus_tiers.id'], name=op.f('fk_awards_bonus_tier_id')),
    sa.ForeignKeyConstraint(['ledger_id'], ['ledgers.id'], name=op.f('fk_awards_ledger_id')),
    sa.ForeignKeyConstraint(['participation_id'], ['participations.id'], name=op.f('fk_awards_participation_id')),
    sa.ForeignKeyConstraint(['prize_rule_id'], ['prize_rules.id'], name=op.f('fk_awards_prize_rule_id')),
    sa.ForeignKeyConstraint(['tax_rule_id'], ['tax_rules.id'], name=op.f('fk_awards_tax_rule_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_awards')),
    sa.UniqueConstraint('ledger_id', 'participation_id', 'prize_rule_id', 'bonus_tier_id', name=op.f('uq_awards_ledger_id_participation_id_prize_rule_id_bonus_tier_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_index('ix_awards_participation_id', 'awards', ['participation_id'], unique=False)
    op.create_table('adjustments',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('participation_id', sa.BigInteger(), nullable=False),
    sa.Column('level_id', sa.BigInteger(), nullable=True),
    sa.Column('attempt_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('factor_percent', sa.BigInteger(), nullable=True),
    sa.Column('seconds', sa.BigInteger(), nullable=True),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('made_by', sa.BigInteger(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'extension') = (seconds is not null)", name=op.f('ck_adjustments_seconds')),
    sa.CheckConstraint("(kind = 'factor') = (factor_percent is not null)", name=op.f('ck_adjustments_factor')),
    sa.CheckConstraint("kind in ('factor', 'extension')", name=op.f('ck_adjustments_kind')),
    sa.CheckConstraint('factor_percent between 100 and 400 and seconds between 1 and 86400', name=op.f('ck_adjustments_more')),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempts.id'], name=op.f('fk_adjustments_attempt_id')),
    sa.ForeignKeyConstraint(['level_id'], ['levels.id'], name=op.f('fk_adjustments_level_id')),
    sa.ForeignKeyConstraint(['made_by'], ['people.id'], name=op.f('fk_adjustments_made_by')),
    sa.ForeignKeyConstraint(['participation_id'], ['participations.id'], name=op.f('fk_adjustments_participation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_adjustments'))
    )
    op.create_index('ix_adjustments_participation_id', 'adjustments', ['participation_id'], unique=False)
    op.create_table('answers',
    sa.Column('attempt_id', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.SmallInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('value', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('flagged', sa.Boolean(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempts.id'], name=op.f('fk_answers_attempt_id')),
    sa.PrimaryKeyConstraint('attempt_id', 'position', name=op.f('pk_answers')),
    postgresql_with={'fillfactor': '70'}
    )
    op.create_table('payouts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('award_id', sa.BigInteger(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('approved_by', sa.BigInteger(), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('batch_id', sa.BigInteger(), nullable=True),
    sa.Column('bank_reference', sa.String(), nullable=True),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failure', sa.String(), nullable=False),
    sa.Column('reversed_by', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("state = 'created' or approved_by is not null", name=op.f('ck_payouts_approved')),
    sa.CheckConstraint("state in ('created', 'approved') or batch_id is not null", name=op.f('ck_payouts_exported')),
    sa.CheckConstraint("state in ('created', 'approved', 'exported', 'confirmed', 'failed', 'unknown')", name=op.f('ck_payouts_state')),
    sa.CheckConstraint('approved_by <> created_by', name=op.f('ck_payouts_four_eyes')),
    sa.ForeignKeyConstraint(['approved_by'], ['people.id'], name=op.f('fk_payouts_approved_by')),
    sa.ForeignKeyConstraint(['award_id'], ['awards.id'], name=op.f('fk_payouts_award_id')),
    sa.ForeignKeyConstraint(['batch_id'], ['payout_batches.id'], name=op.f('fk_payouts_batch_id')),
    sa.ForeignKeyConstraint(['created_by'], ['people.id'], name=op.f('fk_payouts_created_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payouts'))
    )
    op.create_index('ix_payouts_batch_id', 'payouts', ['batch_id'], unique=False)
    op.create_index('uq_payouts_bank_reference', 'payouts', ['bank_reference'], unique=True)
    op.create_index('uq_payouts_live', 'payouts', ['award_id'], unique=True, postgresql_where='reversed_by is null')
    op.create_table('ledger_transactions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('ledger_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('award_id', sa.BigInteger(), nullable=True),
    sa.Column('payout_id', sa.BigInteger(), nullable=True),
    sa.Column('reverses_id', sa.BigInteger(), nullable=True),
    sa.Column('memo', sa.String(), nullable=False),
    sa.CheckConstraint("kind in ('fund', 'award', 'export', 'confirm', 'fail', 'reverse', 'release')", name=op.f('ck_ledger_transactions_kind')),
    sa.ForeignKeyConstraint(['award_id'], ['awards.id'], name=op.f('fk_ledger_transactions_award_id')),
    sa.ForeignKeyConstraint(['ledger_id'], ['ledgers.id'], name=op.f('fk_ledger_transactions_ledger_id')),
    sa.ForeignKeyConstraint(['payout_id'], ['payouts.id'], name=op.f('fk_ledger_transactions_payout_id')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_ledger_transactions_person_id')),
    sa.ForeignKeyConstraint(['reverses_id'], ['ledger_transactions.id'], name=op.f('fk_ledger_transactions_reverses_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_transactions')),
    sa.UniqueConstraint('reverses_id', name=op.f('uq_ledger_transactions_reverses_id'))
    )
    op.create_table('ledger_entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('transaction_id', sa.BigInteger(), nullable=False),
    sa.Column('ledger_id', sa.BigInteger(), nullable=False),
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("account in ('sponsor', 'pool', 'payable', 'tax', 'in_transit', 'paid')", name=op.f('ck_ledger_entries_account')),
    sa.CheckConstraint('amount_fen <> 0', name=op.f('ck_ledger_entries_amount')),
    sa.ForeignKeyConstraint(['ledger_id'], ['ledgers.id'], name=op.f('fk_ledger_entries_ledger_id')),
    sa.ForeignKeyConstraint(['transaction_id'], ['ledger_transactions.id'], name=op.f('fk_ledger_entries_transaction_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entries'))
    )
    op.create_index('ix_ledger_entries_ledger_id', 'ledger_entries', ['ledger_id', 'account'], unique=False)
    op.create_index('ix_ledger_entries_transaction_id', 'ledger_entries', ['transaction_id'], unique=False)
    op.create_foreign_key('fk_payouts_reversed_by', 'payouts', 'ledger_transactions', ['reversed_by'], ['id'])


def downgrade():
    op.drop_constraint('fk_payouts_reversed_by', 'payouts', type_='foreignkey')
    op.drop_index('ix_ledger_entries_transaction_id', table_name='ledger_entries')
    op.drop_index('ix_ledger_entries_ledger_id', table_name='ledger_entries')
    op.drop_table('ledger_entries')
    op.drop_table('ledger_transactions')
    op.drop_index('uq_payouts_live', table_name='payouts', postgresql_where='reversed_by is null')
    op.drop_index('uq_payouts_bank_reference', table_name='payouts')
    op.drop_index('ix_payouts_batch_id', table_name='payouts')
    op.drop_table('payouts')
    op.drop_table('answers')
    op.drop_index('ix_adjustments_participation_id', table_name='adjustments')
    op.drop_table('adjustments')
    op.drop_index('ix_awards_participation_id', table_name='awards')
    op.drop_table('awards')
    op.drop_index('uq_attempts_open', table_name='attempts', postgresql_where="state = 'open'")
    op.drop_index('ix_attempts_unfinished', table_name='attempts', postgresql_where="state <> 'scored'")
    op.drop_index('ix_attempts_person_id', table_name='attempts')
    op.drop_index('ix_attempts_level_id', table_name='attempts')
    op.drop_table('attempts')
    op.drop_index('ix_standings_order', table_name='standings')
    op.drop_index('ix_standings_changed', table_name='standings')
    op.drop_table('standings')
    op.drop_index('ix_sealed_standings_rank', table_name='sealed_standings')
    op.drop_table('sealed_standings')
    op.drop_table('prize_rules')
    op.drop_table('payout_batches')
    op.drop_table('levels')
    op.drop_index('ix_bonus_tiers_ledger_id', table_name='bonus_tiers')
    op.drop_table('bonus_tiers')
    op.drop_table('tracks')
    op.drop_table('seals')
    op.drop_table('question_versions')
    op.drop_index('ix_participations_person_id', table_name='participations')
    op.drop_index('ix_participations_path', table_name='participations', postgresql_using='gin')
    op.drop_table('participations')
    op.drop_table('ledgers')
    op.drop_table('topics')
    op.drop_index('uq_role_grants_live', table_name='role_grants', postgresql_where='revoked_at is null')
    op.drop_table('role_grants')
    op.drop_index('ix_questions_trade_code', table_name='questions')
    op.drop_table('questions')
    op.drop_table('payees')
    op.drop_index('uq_memberships_live', table_name='memberships', postgresql_where='ended_at is null')
    op.drop_index('ix_memberships_organization_id', table_name='memberships')
    op.drop_table('memberships')
    op.drop_index('ix_login_sessions_person_id', table_name='login_sessions')
    op.drop_table('login_sessions')
    op.drop_index('ix_competitions_organization_id', table_name='competitions')
    op.drop_table('competitions')
    op.drop_table('trades')
    op.drop_table('tax_rules')
    op.drop_table('people')
    op.drop_index('ix_organizations_path', table_name='organizations', postgresql_using='gin')
    op.drop_index('ix_organizations_parent_id', table_name='organizations')
    op.drop_table('organizations')
    op.drop_index('ix_exports_requested_by', table_name='exports')
    op.drop_table('exports')
    op.drop_index('ix_audit_entries_subject', table_name='audit_entries')
    op.drop_table('audit_entries')
