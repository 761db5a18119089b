"""One running program for all tests of faults."""

from collections.abc import Iterator

import pytest

from tests.faults.rig import Rig, running


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """Biwu as `make run` starts it; every test puts a competition of its own there and leaves all parts running."""
    with running() as started:
        yield started
