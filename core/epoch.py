"""A counter that the processes of one host share without asking anyone: it says when memories have become old."""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

_BYTES = 8


class Epoch:
    """A number in a small file, mapped into memory by every process that reads it.

    What is remembered under an epoch is forgotten by all processes of the host the moment one of them advances it.

    Args:
        path: the file; made when absent.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._file).st_size < _BYTES:
            os.ftruncate(self._file, _BYTES)
        self._map = mmap.mmap(self._file, _BYTES)

    def value(self) -> bytes:
        """Return the present epoch, to be part of a memory's key."""
        return self._map[:_BYTES]

    def advance(self) -> None:
        """Begin a new epoch in every process of the host, at once."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            number = int.from_bytes(self._map[:_BYTES], "little")
            self._map[:_BYTES] = ((number + 1) % 2 ** (8 * _BYTES)).to_bytes(_BYTES, "little")
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the file back."""
        self._map.close()
        os.close(self._file)
