"""Looking at processes of this machine, which may end while one looks, and at time, which others take too."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


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


def crowding() -> float:
    """How many times longer than alone a program takes now, because others use the machine too: at least 1.

    Loading the application is what a restart mostly does: its time on the clock over its time on a processor.
    """
    began = time.monotonic()
    probe = subprocess.Popen([sys.executable, "-c", "import app"], cwd=ROOT, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(probe.pid, 0)
    probe.returncode = os.waitstatus_to_exitcode(status)
    assert probe.returncode == 0
    return max(1.0, (time.monotonic() - began) / (used.ru_utime + used.ru_stime))


def best_of(times: int, promise: float, once: Callable[[], float]) -> float:
    """Do something until it takes no longer than promised, at most so many times; return the shortest time in seconds.

    Other programs share the machine with the tests, and only our own part is promised: time is counted as if alone.
    """
    taken: list[float] = []
    while len(taken) < times and min(taken, default=promise + 1) > promise:
        seconds = once()
        taken.append(seconds if seconds <= promise else seconds / crowding())
    return min(taken)
