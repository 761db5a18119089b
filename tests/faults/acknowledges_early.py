"""Biwu with a planted bug for gunicorn: a save is acknowledged first and written after."""

from __future__ import annotations

import threading
from contextlib import suppress

from flask import Flask

import app
from competitions.writer import Outcome, Save, Writer
from core.errors import Unavailable

_write = Writer.save


def _acknowledge_first(self: Writer, one: Save) -> Outcome:
    def later() -> None:
        with suppress(Unavailable):  # nobody waits for it any more: that is the bug
            _write(self, one)

    threading.Thread(target=later, daemon=True).start()
    return Outcome("saved", None, one.seq, one.value)


def create_app() -> Flask:
    """The application whose acknowledgements cannot be believed."""
    Writer.save = _acknowledge_first  # type: ignore[method-assign]
    return app.create_app()
