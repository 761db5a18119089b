"""Keeping the figures current, and simulating papers, in the job worker."""

from __future__ import annotations

from core.jobs import jobs, task
from laboratory import services


@jobs.periodic(cron="*/10 * * * *")
@task(name="laboratory.compute", queueing_lock="laboratory.compute", lock="laboratory.compute")
def compute(timestamp: int) -> None:
    """Compute the figures of every competition in which first attempts were scored since."""
    services.compute_due()


@task(name="laboratory.fit")
def fit(competition_id: int) -> None:
    """Estimate the two-parameter model for the items of a competition."""
    services.fit(competition_id)


@task(given_up=services.fail_simulation, name="laboratory.simulate")
def simulate(simulation_id: int) -> None:
    """Draw the papers of a simulation."""
    try:
        services.run_simulation(simulation_id)
    except Exception:
        services.fail_simulation(simulation_id)
        raise
