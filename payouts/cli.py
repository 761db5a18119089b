"""`flask payouts`: tax rules, reconciliation, and the promises about money checked over every ledger."""

import sys

import click
from flask.cli import AppGroup

from core.money import format_yuan
from payouts import queries, services

payouts = AppGroup("payouts", help="Tax rules, reconciliation, and the promises about money.")


@payouts.command("tax-rules")
def tax_rules() -> None:
    """Take in the dated tax rules that are not known yet, and show all."""
    click.echo(f"{services.load_tax_rules()} new")
    for rule in queries.list_tax_rules():
        click.echo(f"{rule.category} from {rule.valid_from}: {rule.rate_bp / 100:g} %  {rule.source}")


@payouts.command()
def reconcile() -> None:
    """Print every ledger's pool, allocated, payable, paid, tax, unknown and difference; status 1 unless all are 0."""
    differences = 0
    for ledger in queries.list_all_ledgers():
        books = queries.reconciliation(ledger.id)
        differences += books.difference_fen
        click.echo(
            f"ledger {ledger.id} ({ledger.purpose}, competition {ledger.competition_id}): "
            f"pool {format_yuan(books.pool_fen)}, allocated {format_yuan(books.allocated_fen)}, "
            f"unallocated {format_yuan(books.unallocated_fen)}, payable {format_yuan(books.payable_fen)}, "
            f"in transit {format_yuan(books.in_transit_fen)}, paid {format_yuan(books.paid_fen)}, "
            f"tax {format_yuan(books.tax_fen)}, unknown {format_yuan(books.unknown_fen)}, "
            f"difference {format_yuan(books.difference_fen)}"
        )
    sys.exit(1 if differences else 0)


@payouts.command()
def check() -> None:
    """Check the promises about money over all ledgers; status 1 when one is broken."""
    broken = 0
    for promise, sentence, faults in queries.list_checks():
        broken += faults
        click.echo(f"{promise} {'OK' if not faults else f'BROKEN ({faults})'}: {sentence}")
    sys.exit(1 if broken else 0)
