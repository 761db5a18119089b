"""Reading strangers' files in a process of its own, which may use only so much memory and time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from questions.formats.neutral import LARGEST_FILE, Note, Reading, Refused
from questions.rules import N_

MEMORY = 512 * 1024 * 1024
"""Bytes of address space."""
CPU_S = 2
"""Seconds of processor time a file may cost, and one more for every `MORE_FOR` bytes of it."""
MORE_FOR = 256 * 1024
WAIT_FACTOR = 6
"""How much longer than its processor time a busy machine may take."""
_ROOT = Path(__file__).resolve().parents[2]


class Request(msgspec.Struct):
    """What the child is asked: a format ("" to guess it), a file, what its columns mean, and its limits."""

    format: str
    name: str
    body: bytes
    mapping: dict[str, str]


class Reply(msgspec.Struct):
    """What the child found: the format and the reading, or why it refuses."""

    format: str = ""
    reading: Reading | None = None
    refused: Note | None = None


def read_apart(format_: str, name: str, body: bytes, mapping: Mapping[str, str] | None = None) -> tuple[str, Reading]:
    """Read a file in a child process.

    Args:
        format_: a code of `FORMATS`; "" to guess it.
        name: of the file.
        body: the file.
        mapping: see `sheets.read_xlsx`.

    Returns: the code of the format and the reading.

    Raises: Refused, also when the child used up its memory or its time.
    """
    if len(body) > LARGEST_FILE:
        raise Refused(N_("The file is larger than %(most)s MB. Divide it."), most=LARGEST_FILE // 1024 // 1024)
    seconds = CPU_S + len(body) // MORE_FOR
    request = msgspec.msgpack.encode(Request(format_, name, body, dict(mapping or {})))
    try:
        child = subprocess.run(
            [sys.executable, "-m", "questions.formats.child", str(MEMORY), str(seconds)],
            input=request,
            capture_output=True,
            cwd=_ROOT,
            env={},
            timeout=seconds * WAIT_FACTOR,
            check=False,
        )
    except subprocess.TimeoutExpired as fault:
        raise Refused(TOO_LONG) from fault
    if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise Refused(TOO_LONG)
    try:
        reply = msgspec.msgpack.decode(child.stdout, type=Reply)
    except msgspec.DecodeError as fault:
        raise Refused(TOO_MUCH) from fault
    if reply.refused is not None:
        raise Refused(reply.refused.text, reply.refused.place, **reply.refused.values)
    if reply.reading is None:
        raise Refused(TOO_MUCH)
    return reply.format, reply.reading


TOO_LONG = N_("Reading the file takes too long for its size; it may be damaged or built to do harm. Divide it.")
TOO_MUCH = N_("The file needs more memory than a file may; it may be damaged or built to do harm. Divide it.")
