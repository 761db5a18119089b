"""Biwu with a planted bug for gunicorn: a save is acknowledged first and written after."""

from __future__ import annotations

import threading
from contextlib import suppress

from flask import Flask, current_app

import app
from competitions import saves
from competitions.saves import Outcome, Save
from core.errors import Unavailable

_write = saves.save


def _acknowledge_first(one: Save) -> Outcome:
    application = current_app._get_current_object()  # type: ignore[attr-defined]

    def later() -> None:
        with application.app_context(), suppress(Unavailable):  # nobody waits for it any more: that is the bug
            _write(one)

    threading.Thread(target=later, daemon=True).start()
    return Outcome("saved", None, one.seq, one.value)


def create_app() -> Flask:
    """The application whose acknowledgements cannot be believed."""
    saves.save = _acknowledge_first
    return app.create_app()
