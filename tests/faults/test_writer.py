"""The writer's list under interleavings that threads meet too seldom to wait for (A2)."""

from __future__ import annotations

import threading
import time

import pytest

from competitions import writer
from competitions.writer import Outcome, Save, Writer
from core import clock


def test_a2_saves_that_arrive_while_a_batch_is_written_are_written_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *late = (Save(1, 1, position, 1, ["a"], False, clock.now()) for position in range(1, 6))
    batches: list[list[Save]] = []
    one = Writer("")
    threads = [threading.Thread(target=one.save, args=(save,)) for save in late]

    def execute(_: Writer, batch: list[Save]) -> dict[int, Outcome]:
        batches.append(batch)
        if len(batches) == 1:
            for thread in threads:
                thread.start()
            while len(one._waiting) < len(late):
                time.sleep(0.001)
        return dict.fromkeys(range(len(batch)), Outcome("saved"))

    monkeypatch.setattr(writer.Writer, "_execute", execute)
    assert one.save(first).verdict == "saved"
    for thread in threads:
        thread.join(timeout=10)
    assert [len(batch) for batch in batches] == [1, 4]
    assert all(save.outcome == Outcome("saved") for save in late)


def test_a2_a_writer_that_crashes_leaves_no_save_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Writer, batch: list[Save]) -> dict[int, Outcome]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(writer.Writer, "_execute", crash)
    one = Writer("")
    with pytest.raises(RuntimeError):
        one.save(Save(1, 1, 1, 1, ["a"], False, clock.now()))
    monkeypatch.setattr(writer.Writer, "_execute", lambda _, batch: {0: Outcome("saved")})
    assert one.save(Save(1, 1, 1, 1, ["a"], False, clock.now())).verdict == "saved"
