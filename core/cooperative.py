"""Waiting for PostgreSQL in gevent's web processes without asking its emulation of poll.

psycopg waits with whatever `select` offers; patched by gevent, each wait builds watchers, an event and a timeout,
several times a query. Here a wait that is over already costs one system call, and any other one watcher.
"""

from __future__ import annotations

import select
from typing import Any

from gevent import Timeout, get_hub, monkey
from psycopg import waiting
from psycopg.errors import OperationalError, _WaitTimeout

_READ, _WRITE = select.POLLIN, select.POLLOUT
_POLL = monkey.get_original("select", "poll")


def install() -> None:
    """Let every psycopg connection of this process wait this way, if gevent has patched it; else change nothing."""
    if monkey.is_module_patched("select"):
        waiting.wait = wait


def wait(gen: Any, fileno: int, interval: float = 0.0, timeout: float | None = None) -> Any:
    """Run psycopg's generator to its end, letting other greenlets run wherever it has to wait.

    Args:
        gen: what psycopg wants done; it yields what it waits for.
        fileno: the connection's socket.
        interval: how often psycopg would look for signals; the hub does that.
        timeout: after how many seconds to give up; None never does.

    Raises: psycopg.errors.OperationalError when the socket is closed; the library's own time-out.
    """
    try:
        with Timeout.start_new(timeout, _WaitTimeout("wait timeout expired")):
            wanted = next(gen)
            while True:
                # A reply is never there yet; room to send nearly always is.
                ready = _ready(fileno, wanted) if wanted & waiting.WAIT_W else 0
                while not ready:
                    _watch(fileno, wanted)
                    ready = _ready(fileno, wanted)
                wanted = gen.send(ready)
    except StopIteration as done:
        return done.value


def _ready(fileno: int, wanted: int) -> int:
    """Return psycopg's flags of what can be done now, without waiting."""
    poll = _POLL()
    poll.register(fileno, (_READ if wanted & waiting.WAIT_R else 0) | (_WRITE if wanted & waiting.WAIT_W else 0))
    found = poll.poll(0)
    if not found:
        return 0
    event = found[0][1]
    if event & select.POLLNVAL:
        raise OperationalError("connection socket closed")
    # A socket that failed counts as ready: the library's next call says what happened.
    failed = event & (select.POLLERR | select.POLLHUP)
    ready = 0
    if event & _READ or (failed and wanted & waiting.WAIT_R):
        ready |= waiting.READY_R
    if event & _WRITE or (failed and wanted & waiting.WAIT_W):
        ready |= waiting.READY_W
    return ready


def _watch(fileno: int, wanted: int) -> None:
    hub = get_hub()
    watcher = hub.loop.io(fileno, (1 if wanted & waiting.WAIT_R else 0) | (2 if wanted & waiting.WAIT_W else 0))
    try:
        hub.wait(watcher)
    finally:
        watcher.close()
