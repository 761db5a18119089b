"""The application: settings, extensions, and three visible lists of what it is made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click
from flask import Blueprint, Flask
from flask_migrate import Migrate
from jinja2 import StrictUndefined
from whitenoise import WhiteNoise

import accounts.models  # noqa: F401 - every table is known from here
import competitions.models
import competitions.tasks  # noqa: F401 - its schedules are known from here
import core.models  # noqa: F401
import laboratory.exports
import laboratory.models
import laboratory.tasks  # noqa: F401 - its schedules are known from here
import leaderboard.exports
import leaderboard.models
import leaderboard.tasks  # noqa: F401 - its schedules are known from here
import organizations.models  # noqa: F401
import payouts.exports
import payouts.models  # noqa: F401
import practice.models  # noqa: F401
import questions.models  # noqa: F401
from accounts import identity
from accounts.api import blueprint as accounts_api
from accounts.routes import blueprint as accounts_pages
from competitions import mocks, setup
from competitions import uses as competition_uses
from competitions.api import blueprint as competitions_api
from competitions.events import AttemptsScored
from competitions.routes import blueprint as competition_pages
from competitions.routes_admin import blueprint as organizer_pages
from competitions.shortcut import Shortcut
from config import Settings, load
from core import api, database, operation, retention, security, valkey, web
from core.exports_routes import blueprint as exports_pages
from core.servers import provide
from demo.cli import command as demo_command
from laboratory import uses as laboratory_uses
from laboratory.cli import commands as laboratory_commands
from laboratory.routes import blueprint as laboratory_pages
from leaderboard import services as boards
from leaderboard.api import api as leaderboard_api
from leaderboard.cli import leaderboard as leaderboard_commands
from leaderboard.routes import pages as leaderboard_pages
from leaderboard.routes_admin import blueprint as closing_pages
from organizations.routes import blueprint as organizations_pages
from organizations.routes_admin import blueprint as organizations_admin
from pages.routes import blueprint as worker_pages
from payouts.cli import payouts as payout_commands
from payouts.queries import list_prize_rules
from payouts.routes import pages as payout_pages
from payouts.services import return_pools
from practice import queries as practice_queries
from practice.api import blueprint as practice_api
from practice.routes import blueprint as practice_pages
from practice.routes_admin import blueprint as practice_admin
from questions import uses as question_uses
from questions.cli import commands as question_commands
from questions.routes import blueprint as media_pages
from questions.routes_admin import blueprint as question_pages
from questions.routes_cases import blueprint as case_pages
from questions.routes_import import blueprint as import_pages

BLUEPRINTS: list[Blueprint] = [
    accounts_pages,
    accounts_api,
    organizations_pages,
    organizations_admin,
    leaderboard_pages,
    leaderboard_api,
    competitions_api,
    organizer_pages,
    closing_pages,
    laboratory_pages,
    exports_pages,
    payout_pages,
    competition_pages,
    media_pages,
    question_pages,
    case_pages,
    import_pages,
    practice_pages,
    practice_admin,
    practice_api,
    worker_pages,
    api.blueprint,
    operation.blueprint,
]
COMMANDS: list[click.Command] = [
    demo_command,
    question_commands,
    laboratory_commands,
    leaderboard_commands,
    payout_commands,
    operation.worker,
    operation.doctor,
    retention.command,
]
SUBSCRIPTIONS: dict[type, list[database.Subscriber]] = {
    AttemptsScored: [lambda event: boards.project(event.participation_ids)],
}


class Biwu(Flask):
    """Flask without looking, at each of seven hooks of each request, whether it might be asynchronous: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func


def create_app(settings: Settings | None = None, **overrides: Any) -> Flask:
    """Build the application.

    Args:
        settings: what `config.load` gives; read from the environment when left out.
        overrides: entries of `app.config` that win, for tests.

    Raises: config.SettingsError naming every missing or unsafe setting.
    """
    settings = provide(settings or load(os.environ))
    app = Biwu(__name__)
    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        DATA_KEY=settings.data_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        REDIS_URL=settings.redis_url,
        PUBLIC_URL=settings.public_url,
        DEMO=settings.demo,
        DEMO_PEOPLE=settings.demo_people,
        LOG_LEVEL=settings.log_level,
        STATE_DIR=settings.state_dir,
        TRUSTED_PROXIES=settings.trusted_proxies,
        KEEP_DAYS=settings.keep_days,
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
    )
    app.config.from_mapping(overrides)
    app.jinja_env.undefined = StrictUndefined
    database.db.init_app(app)
    Migrate(app, database.db, compare_type=True)
    valkey.connect(app)
    web.prepare(app)
    security.prepare(app)
    identity.prepare(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for command in COMMANDS:
        app.cli.add_command(command)
    question_uses.use_finders[:] = [competition_uses.find_uses]
    question_uses.point_finders[:] = [competition_uses.points_by_topic]
    question_uses.figure_source[:] = [question_uses.FigureSource(laboratory_uses.figures, laboratory_uses.lights)]
    setup.prize_checks[:] = [lambda competition_id: bool(list_prize_rules(competition_id))]
    setup.discard_steps[:] = [return_pools]
    practice_queries.level_source[:] = [practice_queries.LevelSource(mocks.find_plan, mocks.list_plans)]
    database.subscriptions.clear()
    database.subscriptions.update(SUBSCRIPTIONS)
    app.wsgi_app = WhiteNoise(app.wsgi_app, root=app.static_folder, prefix="static/", autorefresh=app.debug)  # type: ignore[method-assign]
    app.wsgi_app = Shortcut(app)  # type: ignore[method-assign]
    return app
