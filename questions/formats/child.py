"""The process that `sandbox` starts: limits itself, reads one file from its standard input, and answers."""

from __future__ import annotations

import os
import resource
import signal
import sys


def main() -> None:
    """Answer one request. Arguments: bytes of memory, seconds of processor time."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from core.processes import die_with_parent

    die_with_parent(signal.SIGKILL)

    import msgspec

    from questions import formats
    from questions.formats.neutral import Refused, note
    from questions.formats.sandbox import TOO_MUCH, Reply, Request

    try:
        request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
        code = request.format or formats.guess(request.name, request.body)
        reply = Reply(code, formats.FORMATS[code].read(request.body, request.mapping))
        answer = msgspec.msgpack.encode(reply)
    except Refused as refusal:
        answer = msgspec.msgpack.encode(Reply(refused=refusal.note))
    except (MemoryError, RecursionError):
        answer = msgspec.msgpack.encode(Reply(refused=note(TOO_MUCH)))
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
    os._exit(0)  # what was read is not worth tidying away


if __name__ == "__main__":
    main()
