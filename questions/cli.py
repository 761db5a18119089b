"""Commands of the question bank."""

from pathlib import Path

import click
from flask.cli import AppGroup

from questions import services
from questions.errors import BankInvalid

commands = AppGroup("questions", help="The question bank.")


@commands.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="content")
def load(folder: Path) -> None:
    """Load the banks of FOLDER; repeating it changes nothing, a changed question becomes a new version."""
    try:
        loaded = services.load_banks(folder)
    except BankInvalid as refusal:
        raise click.ClickException("\n".join(str(problem) for problem in refusal.problems)) from None
    click.echo(
        f"{len(loaded.trades)} trades: {loaded.new} new questions, {loaded.changed} new versions, "
        f"{loaded.unchanged} unchanged"
    )
