"""`flask leaderboard`: draw boards anew, compare them, verify a seal."""

import sys
import time

import click
from flask.cli import AppGroup

from leaderboard import services

leaderboard = AppGroup("leaderboard", help="Draw boards anew, compare them with PostgreSQL, verify a seal.")


@leaderboard.command()
@click.option("--competition", "competition_id", type=int, help="Only this competition.")
def rebuild(competition_id: int | None) -> None:
    """Draw the boards of all live competitions, or of one, anew from PostgreSQL."""
    for one in [competition_id] if competition_id else services.list_live_competitions():
        began = time.monotonic()
        rebuilt = services.rebuild(one)
        click.echo(f"competition {one}: {rebuilt.rows} rows in {time.monotonic() - began:.2f} s")


@leaderboard.command()
@click.option("--competition", "competition_id", type=int, help="Only this competition.")
@click.option("--repair", is_flag=True, help="Mend what differs.")
def reconcile(competition_id: int | None, repair: bool) -> None:
    """Compare boards with PostgreSQL row for row; ends with status 1 when something differs and was not repaired."""
    differences = 0
    for one in [competition_id] if competition_id else services.list_live_competitions():
        found = services.reconcile(one, repair=repair)
        differences += found.differences
        click.echo(
            f"competition {one}: {found.checked} rows, {found.missing} missing, {found.older} older, "
            f"{found.wrong} wrong, {found.extra} extra" + (", drawn anew" if found.rebuilt else "")
        )
    sys.exit(1 if differences and not repair else 0)


@leaderboard.command()
@click.argument("competition_id", type=int)
def verify(competition_id: int) -> None:
    """Compute a seal's hash again from its rows and from the raw answers; ends with status 1 when they differ."""
    found = services.verify(competition_id)
    click.echo(f"competition {competition_id}: {found.rows} sealed rows")
    click.echo(f"recorded      {found.recorded}")
    click.echo(f"from its rows {found.from_rows}")
    click.echo(f"from answers  {found.from_answers}")
    click.echo("The seal holds." if found.holds else "THE SEAL DOES NOT HOLD.")
    sys.exit(0 if found.holds else 1)
