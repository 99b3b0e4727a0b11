"""Runs contestants in interleaved rounds, A B C A B C ..., each in a fresh process, one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks.contestants import Contestant
from benchmarks.disturbance import DISTURBED_CORES, Patience
from benchmarks.tasks import Measurement, Pace, timed
from benchmarks.workspace import ROOT

TIMEOUT_SECONDS = 1800
_POOLS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMBA_DISABLE_JIT",
)  # fmt: skip
"""Settings of this shell that no contestant inherits."""


@dataclass(frozen=True)
class Schedule:
    """How often and how long everything is measured."""

    rounds: int
    pace: Pace
    threads: int


QUICK = Pace(warmups=2, seconds=0.3, runs_min=1, runs_max=20)


@dataclass
class Rounds:
    """What the contestants of one group measured, round by round."""

    measured: dict[str, list[Measurement]] = field(default_factory=dict)
    """By contestant; the same index is the same round."""
    failed: dict[str, str] = field(default_factory=dict)
    """Contestants that cannot run here or did not end well, with the reason."""


def measure(
    contestants: Sequence[Contestant],
    schedule: Schedule,
    *,
    prepared: Mapping[str, str],
    discard_first: bool = False,
    patience: Patience,
    say: Callable[[str], None],
) -> Rounds:
    """Run all contestants in every round. One that fails is left out of the rounds that follow.

    prepared: contestants that are known not to run, with the reason. discard_first: run everything once
    before the first round and forget it, for what should find warm caches on disk. patience: for measurements
    that others disturbed.
    """
    found = Rounds(failed={each.name: prepared[each.name] for each in contestants if each.name in prepared})
    for number in range(-1 if discard_first else 0, schedule.rounds):
        for contestant in contestants:
            if contestant.name in found.failed:
                continue
            try:
                taken = least_disturbed(partial(run_once, contestant, schedule), patience)
            except Failed as failure:
                found.failed[contestant.name] = str(failure)
                found.measured.pop(contestant.name, None)
                say(f"  {contestant.name}: FAILED: {failure}")
                continue
            if number >= 0:
                found.measured.setdefault(contestant.name, []).append(taken)
                took = taken.median_seconds * 1000 / contestant.batch
                others = f"  (others used {taken.others_cores:.1f} cores)" if is_disturbed(taken) else ""
                say(f"  round {number + 1}/{schedule.rounds}  {took:10.2f} ms an image  {contestant.name}{others}")
    return found


def least_disturbed(once: Callable[[], Measurement], patience: Patience) -> Measurement:
    """The first undisturbed measurement, as long as patience lasts; then the least disturbed."""
    best = once()
    while is_disturbed(best) and patience.wait():
        start = time.perf_counter()
        best = min(best, once(), key=lambda taken: taken.others_cores)
        patience.seconds_left -= time.perf_counter() - start
    return best


def is_disturbed(taken: Measurement) -> bool:
    """Whether other processes used too much of the cores meanwhile."""
    return taken.others_cores > DISTURBED_CORES


def disturbed_share(groups: Iterable[Rounds]) -> float:
    """How many of all measurements were disturbed."""
    every = [taken for group in groups for rounds in group.measured.values() for taken in rounds]
    return sum(map(is_disturbed, every)) / len(every) if every else 0.0


class Failed(Exception):
    """A process did not end well; the text says how, in one line."""


def run_once(contestant: Contestant, schedule: Schedule) -> Measurement:
    """One contestant in one round."""
    task = contestant.task(schedule.pace, schedule.threads)
    if task is None:
        command = contestant.command()
        once = Pace(warmups=0, seconds=schedule.pace.seconds, runs_min=1, runs_max=schedule.pace.runs_max)
        return timed(lambda: _output(command, _environment()), once)
    if contestant.kind == "first_run":
        with tempfile.TemporaryDirectory(prefix="bittrue-bench-") as folder:
            cold = contestant.task(Pace(warmups=0, seconds=0, runs_min=1), schedule.threads)
            assert cold is not None
            return _worker(cold.to_json(), {**_environment(), "BITTRUE_CACHE_DIR": folder})
    return _worker(task.to_json(), _environment())


def _worker(task: str, environment: dict[str, str]) -> Measurement:
    output = _output((sys.executable, "-m", "benchmarks.worker", task), environment)
    return Measurement.from_json(output.strip().splitlines()[-1])


def _output(command: Sequence[str], environment: dict[str, str]) -> str:
    """The standard output of a process that ends with 0."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {TIMEOUT_SECONDS} s") from None
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failed(f"exit code {done.returncode}: {lines[-1][:200] if lines else 'no output'}")
    return done.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _POOLS}
