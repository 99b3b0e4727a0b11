"""What a worker process is asked and what it answers, as JSON on its command line and its last line of output."""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks import disturbance

Kind = Literal["simulate", "first_run", "eager", "reference", "litert", "onnxruntime"]
"""simulate: the program, bit for bit. first_run: the same with everything that a fresh process pays, import of the
kernels and their compilation included, once each keeping the output, all tensors and all stages. eager: timm's float
model in PyTorch. reference: the program in the PyTorch integer reference. litert, onnxruntime: a peer's own file."""


@dataclass(frozen=True)
class Pace:
    """How long one process measures."""

    warmups: int = 3
    seconds: float = 1.0
    """Runs are repeated until so much time is spent."""
    runs_min: int = 3
    runs_max: int = 100


@dataclass(frozen=True)
class Task:
    """Everything that a worker needs to know; paths as text."""

    kind: Kind
    source: str
    model: str
    side: int
    images: str
    batch: int
    reference_kernels: bool
    threads: int
    pace: Pace

    def to_json(self) -> str:
        """For the command line."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> Task:
        """The task of a command line."""
        document = json.loads(text)
        return Task(**{**document, "pace": Pace(**document["pace"])})


@dataclass(frozen=True)
class Measurement:
    """What one process measured in one round."""

    seconds: tuple[float, ...]
    """Wall time of each run of a whole batch, warm-ups left out."""
    others_cores: float = 0.0
    """Cores that other processes used meanwhile; 0 where the system does not tell."""
    peak_bytes: int = 0
    """Largest resident set of the process; 0 for a command."""
    answer: str = ""
    """Digest of the first image's integer output; empty for float outputs and commands."""

    @property
    def median_seconds(self) -> float:
        """Of one run."""
        return statistics.median(self.seconds)

    def to_json(self) -> str:
        """For the worker's last line of output."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> Measurement:
        """The measurement of a worker's last line."""
        document = json.loads(text)
        return Measurement(**{**document, "seconds": tuple(document["seconds"])})


def timed(run: Callable[[], object], pace: Pace) -> Measurement:
    """Warm up, then time single runs for as long as the pace says."""
    for _ in range(pace.warmups):
        run()
    seconds: list[float] = []
    before, begin = disturbance.now(), time.perf_counter()
    while len(seconds) < pace.runs_min or (len(seconds) < pace.runs_max and time.perf_counter() - begin < pace.seconds):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return Measurement(tuple(seconds), disturbance.others_cores(before, disturbance.now()))
