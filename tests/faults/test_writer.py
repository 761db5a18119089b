"""The writer's list under interleavings that threads meet too seldom to wait for (A2)."""

from __future__ import annotations

from typing import Any

import pytest

from competitions import writer
from competitions.writer import Outcome, Save, Writer
from core import clock


class Interrupted(list[Save]):
    """A list to which another thread appends in the very moment after a batch was read from it."""

    def __init__(self, late: Save) -> None:
        super().__init__()
        self.late = late

    def __getitem__(self, wanted: Any) -> Any:
        found = super().__getitem__(wanted)
        if self.late not in self:
            self.append(self.late)
        return found


def test_a2_a_save_that_arrives_while_a_batch_is_taken_is_written_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, late = (Save(1, 1, position, 1, ["a"], False, clock.now()) for position in (1, 2))
    written: list[Save] = []

    def execute(_: Writer, batch: list[Save]) -> dict[int, Outcome]:
        assert len(written) < 5, "the writer turns without end"
        written.extend(batch)
        return dict.fromkeys(range(len(batch)), Outcome("saved"))

    monkeypatch.setattr(writer.Writer, "_execute", execute)
    one = Writer("")
    one._waiting = Interrupted(late)
    one.save(first)
    assert one.save(Save(1, 1, 3, 1, ["a"], False, clock.now())).verdict == "saved"
    assert late in written
    assert late.outcome == Outcome("saved")
