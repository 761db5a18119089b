from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import time
import gevent
from accounts import passwords

longest = 0.0

def tick():
    global longest
    while True:
        before = time.monotonic()
        gevent.sleep(0)
        longest = max(longest, time.monotonic() - before)

ticker = gevent.spawn(tick)
began = time.monotonic()
hashes = [gevent.spawn(passwords.hash_password, "a sentence") for _ in range(24)]
gevent.joinall(hashes, raise_error=True)
took = time.monotonic() - began
one = hashes[0].value
checks = [gevent.spawn(passwords.fits, one, typed) for typed in ("a sentence", "another")]
gevent.joinall(checks, raise_error=True)
ticker.kill()
print(len({each.value for each in hashes}), [each.value for each in checks], longest < took / 3)
"""


def test_under_gevent_a_hash_never_blocks_the_worker() -> None:
    """Done on the loop, the hashes would hold it nearly all the time they take together."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("24 [True, False] True", "")
