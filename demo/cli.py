"""The command that makes the demo event."""

import click
from flask import current_app
from flask.cli import with_appcontext

import demo


@click.command("demo")
@click.option(
    "--people",
    type=click.IntRange(len(demo.LOGINS), 5_000_000),
    help="How many people the demo province has; DEMO_PEOPLE when left out. It only ever grows.",
)
@with_appcontext
def command(people: int | None) -> None:
    """Make the demo event, or bring it up to so many people; repeating it changes nothing."""
    from demo import services  # what it needs is large, and every other command starts without it

    try:
        services.make(people or current_app.config["DEMO_PEOPLE"], click.echo)
    except services.NoBanks:
        raise click.ClickException("The question banks are missing: run `flask questions load` first.") from None
