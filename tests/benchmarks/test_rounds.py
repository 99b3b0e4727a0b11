"""Interleaving, discarded rounds, failures, and measurements that others disturbed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from benchmark_parts import contestant, rounds

from benchmarks import disturbance
from benchmarks import rounds as module
from benchmarks.contestants import Contestant
from benchmarks.disturbance import Load, Patience
from benchmarks.rounds import Failed, Schedule, disturbed_share, least_disturbed, measure
from benchmarks.tasks import Measurement, Pace

SCHEDULE = Schedule(rounds=2, pace=Pace(), threads=2)
A, B = contestant("a"), contestant("b", batch=4)
Runner = Callable[[Contestant, Schedule], Measurement]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the contestants that were run, in order; a run takes as many seconds as were run before."""
    names: list[str] = []

    def run_once(one: Contestant, schedule: Schedule) -> Measurement:
        names.append(one.name)
        return Measurement((float(len(names)),))

    monkeypatch.setattr(module, "run_once", run_once)
    return names


def silent(text: str) -> None:
    """No progress."""


def test_contestants_take_turns(started: list[str]) -> None:
    """A slow minute of the machine meets both sides of a ratio."""
    found = measure([A, B], SCHEDULE, prepared={}, patience=Patience(0), say=silent)
    assert started == ["a", "b", "a", "b"]
    assert [taken.median_seconds for taken in found.measured["b"]] == [2.0, 4.0]


def test_a_discarded_round_is_run_and_forgotten(started: list[str]) -> None:
    """It fills caches on disk."""
    found = measure([A], SCHEDULE, prepared={}, discard_first=True, patience=Patience(0), say=silent)
    assert len(started) == 3
    assert [taken.median_seconds for taken in found.measured["a"]] == [2.0, 3.0]


def test_who_cannot_run_here_is_not_started(started: list[str]) -> None:
    """And keeps its reason; the reasons of other groups stay there."""
    found = measure([A, B], SCHEDULE, prepared={"a": "absent", "c": "absent"}, patience=Patience(0), say=silent)
    assert started == ["b", "b"]
    assert found.failed == {"a": "absent"}


def test_a_failure_ends_one_contestant_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its earlier rounds go, too: a ratio needs every round."""
    runs: Iterator[str] = iter(["fine", "fine", "bad", "fine"])

    def run_once(one: Contestant, schedule: Schedule) -> Measurement:
        if next(runs) == "bad":
            raise Failed("exit code 1: why")
        return Measurement((1.0,))

    monkeypatch.setattr(module, "run_once", run_once)
    found = measure([A, B], SCHEDULE, prepared={}, patience=Patience(0), say=silent)
    assert found.failed == {"a": "exit code 1: why"}
    assert list(found.measured) == ["b"] and len(found.measured["b"]) == 2


class Ready(Patience):
    """Quiet again at once, a second for each wait."""

    def wait(self) -> bool:
        """See Patience."""
        self.seconds_left -= 1
        return self.seconds_left >= 0


@pytest.mark.parametrize("seconds, taken", [(0, 0.9), (2, 0.4), (3, 0.0), (60, 0.0)])
def test_a_disturbed_measurement_is_taken_again_and_the_best_kept(seconds: float, taken: float) -> None:
    """Until one is quiet, or patience is spent."""
    queue = iter([0.9, 0.4, 0.7, 0.0])
    once = partial(next, (Measurement((1.0,), others_cores=load) for load in queue))
    assert least_disturbed(once, Ready(seconds + 0.5)).others_cores == taken


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is charged; a quiet second ends it early."""
    walls = (Load(float(at), 2.0 * at, 0.0) for at in range(100))
    monkeypatch.setattr(disturbance, "now", lambda: next(walls))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    loud = Patience(3)
    assert not loud.wait() and loud.seconds_left == 0
    quiet = (Load(float(at), 0.0, 0.0) for at in range(100))
    monkeypatch.setattr(disturbance, "now", lambda: next(quiet))
    ready = Patience(3)
    assert ready.wait() and ready.seconds_left == 2


def test_the_share_of_disturbed_measurements_counts_all() -> None:
    """Nothing measured is nothing disturbed."""
    found = rounds({"a": [1.0, 1.0], "b": [1.0]})
    found.measured["b"].append(Measurement((1.0,), others_cores=1.5))
    assert disturbed_share([found]) == 0.25
    assert disturbed_share([]) == 0.0


def test_a_process_that_ends_badly_tells_its_last_line() -> None:
    """In one line, for the table."""
    command = (sys.executable, "-c", "import sys; print('first', file=sys.stderr); sys.exit('the reason')")
    with pytest.raises(Failed, match="^exit code 1: the reason$"):
        module._output(command, {})
