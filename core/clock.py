"""The one place that reads the clock, and spans as milliseconds."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the present moment as aware UTC."""
    return datetime.now(UTC)


def ms(span: timedelta) -> int:
    """Return a span in whole milliseconds, the nearest; none for one that lies in the past."""
    return max(0, round(span / timedelta(milliseconds=1)))
