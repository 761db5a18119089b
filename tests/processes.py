"""Looking at processes of this machine, which may end while one looks."""

import contextlib
import socket
import time
from collections.abc import Callable

import psutil


def free_port() -> int:
    """A TCP port of this machine that nobody listened on a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float, what: str = "it") -> float:
    """Wait for a condition and return how many seconds that took; fail when it does not come true in time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def children(pid: int, recursive: bool = False) -> dict[int, str]:
    """Command lines of the living children of a process, by process number; with theirs when `recursive`."""
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive):
            with contextlib.suppress(psutil.NoSuchProcess):
                if words := child.cmdline():
                    found[child.pid] = " ".join(words)
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that waits to be reaped has."""
    try:
        return str(psutil.Process(pid).status()) != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
