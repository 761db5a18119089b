"""Commands of the laboratory."""

from __future__ import annotations

import time

import click
from flask.cli import AppGroup

from laboratory import services

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
