"""Children that never outlive their parent. Imports nothing heavy: gunicorn reads it before gevent patches."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: int) -> None:
    """Ask Linux to send this process a signal when its parent dies, even by kill -9; no effect elsewhere.

    Source: prctl(2), PR_SET_PDEATHSIG = 1. Call it after setuid, which clears the wish. The parent is the *thread*
    that forked: start children from a thread that lives as long as they shall.
    """
    if _libc is not None:
        _libc.prctl(1, signal_number, 0, 0, 0)


def dies_with(signal_number: signal.Signals) -> Callable[[], None]:
    """A preexec_fn for subprocess.Popen: the child gets the signal when its parent dies."""
    parent = os.getpid()

    def ask() -> None:
        die_with_parent(signal_number)
        if os.getppid() != parent:
            os._exit(1)

    return ask
