from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent
from accounts import passwords

turns = 0

def tick():
    global turns
    while True:
        turns += 1
        gevent.sleep(0)

ticker = gevent.spawn(tick)
hashes = [gevent.spawn(passwords.hash_password, "a sentence") for _ in range(24)]
gevent.joinall(hashes, raise_error=True)
turns_meanwhile, one = turns, hashes[0].value
checks = [gevent.spawn(passwords.fits, one, typed) for typed in ("a sentence", "another")]
gevent.joinall(checks, raise_error=True)
ticker.kill()
print(len({each.value for each in hashes}), [each.value for each in checks], turns_meanwhile > 480)
"""


def test_under_gevent_a_hash_never_blocks_the_worker() -> None:
    """Done on the loop, others would get about one turn a hash; beside it, they get thousands."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("24 [True, False] True", "")
