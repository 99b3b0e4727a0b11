"""The worker process: tasks and measurements as JSON, the same integers as the reference, its own memory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shared_data import ROOT
from small_models import pictures, small_plan

from benchmarks.contestants import Contestant
from benchmarks.networks import Network, weights_of
from benchmarks.subjects import SUBJECTS, pixels_for
from benchmarks.tasks import Measurement, Pace, Task, timed
from bittrue.simulator.engine import Simulator
from bittrue.workflow import lower

ONCE = Pace(warmups=0, seconds=0.0, runs_min=1)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Three images through the small model's program."""
    folder = tmp_path_factory.mktemp("bench")
    lower(small_plan(), out=folder / "program")
    np.save(folder / "images.npy", pictures(3))
    return Task("simulate", str(folder / "program"), "", 64, str(folder / "images.npy"), 2, False, 1, ONCE)


def test_simulator_and_reference_answer_the_same_codes(task: Task) -> None:
    """[N, classes], image by image those of a single run."""
    images = np.load(task.images)[:2]
    found = SUBJECTS["simulate"](task, images)()
    judged = SUBJECTS["reference"](task, images)()
    assert found is not None and judged is not None
    assert found.shape[0] == 2 and (found == judged).all()
    program = lower(small_plan())
    for image, codes in zip(images, found, strict=True):
        assert (Simulator(program).run(image[None]).tensors[program.output].ravel() == codes).all()


def test_the_process_measures_a_task(task: Task) -> None:
    """Every kind that needs no torch imports none, says its memory, and gives one digest."""
    answers = set()
    for kind in ("simulate", "first_run"):
        asked = replace(task, kind=kind)  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.worker", asked.to_json()],
            cwd=ROOT, env={**os.environ, "NUMBA_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = Measurement.from_json(done.stdout.splitlines()[-1])
        assert len(found.seconds) == 1 and found.seconds[0] > 0
        assert 10e6 < found.peak_bytes < 10e9
        answers.add(found.answer)
    assert len(answers) == 1 and len(answers.pop()) == 64


def test_tasks_and_measurements_survive_json(task: Task) -> None:
    """Whole."""
    assert Task.from_json(task.to_json()) == task
    measured = Measurement((1.0, 2.0), 0.1, 5, "digest")
    assert Measurement.from_json(measured.to_json()) == measured


def test_runs_are_repeated_within_their_bounds() -> None:
    """At least runs_min whatever the time, at most runs_max; warm-ups are not counted."""
    calls: list[int] = []
    assert len(timed(lambda: calls.append(1), Pace(warmups=2, seconds=0.0, runs_min=3)).seconds) == 3
    assert len(calls) == 5
    assert len(timed(lambda: calls.append(1), Pace(warmups=0, seconds=60.0, runs_min=1, runs_max=4)).seconds) == 4


def test_a_peer_reads_the_same_pixels() -> None:
    """float32 0..1, or int8 codes 128 below."""
    images = np.array([[[[0, 128, 255]]]], np.uint8)
    assert pixels_for(images, np.dtype(np.int8)).tolist() == [[[[-128, 0, 127]]]]
    real = pixels_for(images, np.dtype(np.float32))
    assert real.dtype == np.float32 and real.max() == 1.0


def test_what_is_absent_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer's file with its folder; random weights where no trained ones lie."""
    monkeypatch.setenv("BITTRUE_SHARED", str(tmp_path))
    peer = Contestant("LiteRT", "litert", Network("mobilevit_xxs"), file="a.tflite")
    assert peer.missing() == f"a.tflite is not in {tmp_path / 'peers'}: set BITTRUE_SHARED"
    assert Contestant("ours", "simulate", Network("mobilevit_xxs")).missing() == ""
    assert weights_of("mobilevitv2_050").name == "mobilevitv2_050_random.safetensors"
    assert weights_of("mobilevit_xxs").parent == ROOT / "examples"
