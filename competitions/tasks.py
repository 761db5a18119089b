"""Background work of competitions."""

from competitions import services
from core.jobs import jobs, task


@jobs.periodic(cron="* * * * * *")
@task(name="competitions.sweep", queueing_lock="competitions.sweep")
def sweep(timestamp: int) -> None:
    """Finalise every attempt whose time is over, once a second."""
    services.finalise_due()
