"""Commands of the laboratory."""

from __future__ import annotations

import time

import click
from flask.cli import AppGroup

from laboratory import irt, services

commands = AppGroup("laboratory", help="Figures about items and papers.")


@commands.command("compute")
@click.argument("competition_ids", type=int, nargs=-1)
def compute(competition_ids: tuple[int, ...]) -> None:
    """Compute the figures of these competitions, and of all competitions together."""
    began = time.perf_counter()
    done = services.compute(competition_ids)
    click.echo(
        f"{done.items} items, {done.levels} levels from {done.attempts} first attempts "
        f"in {time.perf_counter() - began:.1f} s"
    )


@commands.command("fit")
@click.argument("competition_ids", type=int, nargs=-1, required=True)
def fit(competition_ids: tuple[int, ...]) -> None:
    """Estimate the two-parameter logistic model (2PL) for the items of these competitions."""
    if not irt.is_available():
        raise click.ClickException("The model needs more packages: pip install -r requirements-irt.txt")
    for competition_id in competition_ids:
        began = time.perf_counter()
        items = services.fit(competition_id)
        click.echo(f"Competition {competition_id}: {items} items in {time.perf_counter() - began:.1f} s")
