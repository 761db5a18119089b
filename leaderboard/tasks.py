"""Keeping the boards in step with PostgreSQL: a sweep every two seconds, a comparison every five minutes."""

import structlog
from procrastinate.exceptions import AlreadyEnqueued

from core.database import transaction
from core.jobs import defer, jobs, task
from core.valkey import Away
from leaderboard import services

log = structlog.get_logger(__name__)


@task(name="leaderboard.rebuild")
def rebuild(competition_id: int) -> None:
    """Draw a competition's boards anew."""
    services.rebuild(competition_id)


@jobs.periodic(cron="* * * * * */2")
@task(name="leaderboard.sweep", queueing_lock="leaderboard.sweep", lock="leaderboard.sweep")
def sweep(timestamp: int) -> None:
    """Project what changed; where there is no picture (new, flushed, restarted empty) have one drawn."""
    try:
        for competition_id in services.list_live_competitions():
            if services.sweep(competition_id) is None:
                _rebuild_later(competition_id)
    except Away:
        log.info("sweep_without_valkey")


@jobs.periodic(cron="*/5 * * * *")
@task(name="leaderboard.reconcile", queueing_lock="leaderboard.reconcile", lock="leaderboard.reconcile")
def reconcile(timestamp: int) -> None:
    """Compare every board with the standings row for row and repair what differs."""
    try:
        for competition_id in services.list_live_competitions():
            services.reconcile(competition_id, repair=True)
    except Away:
        log.info("reconcile_without_valkey")


def _rebuild_later(competition_id: int) -> None:
    try:
        with transaction():
            defer(rebuild, lock=f"leaderboard.rebuild.{competition_id}", competition_id=competition_id)
    except AlreadyEnqueued:
        pass
