"""demo: the whole walk on a trained model and real photographs, offline."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bittrue.calibration.options import CalibrationOptions
from bittrue.golden.vectors.manifest import Manifest
from bittrue.simulator.cost.report import CostReport
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.workflow.calibrate import calibrate
from bittrue.workflow.check import CheckResult, check
from bittrue.workflow.compare import Comparison, compare
from bittrue.workflow.cost import cost
from bittrue.workflow.extras import need, need_torch
from bittrue.workflow.inputs import open_images
from bittrue.workflow.lower import lower
from bittrue.workflow.photographs import write_photographs
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.report import report
from bittrue.workflow.simulate import simulate
from bittrue.workflow.vectors import vectors

MODEL = "mobilevit_xxs"
STEPS = ("stages.4.1.conv_1x1", "stages.4.1.transformer.0.*")
"""A bridge convolution and the first transformer behind it: one of every kind of step, small enough to read."""


@dataclass(frozen=True)
class Demo:
    """What the demo measured, and where its files are."""

    program: Program
    comparison: Comparison
    vectors: Manifest
    check: CheckResult
    cost: CostReport
    package: Path
    page: Path


def demo(*, weights: Path, out: Path, seed: int = 0, progress: Progress = silent) -> Demo:
    """Calibrate, lower, simulate, compare, write and check vectors, cost and report.

    weights: a trained mobilevit_xxs (examples/mobilevit_xxs_imagenette.safetensors). out: a folder for
    all results; an earlier demo in it is replaced. Photographs come with scikit-image; those that
    calibrate and those that are measured on are different ones.
    """
    need_torch("demo")
    need("demo", "skimage", "matplotlib", "jinja2", verb="demo")
    _clear(out)
    calibration, evaluation = write_photographs(out / "images")
    plan_path, program_path, comparison_path = (
        out / "plan.safetensors",
        out / "program.safetensors",
        out / "comparison.json",
    )
    options = CalibrationOptions(seed=seed)
    plan = calibrate(
        MODEL, weights=str(weights), images=calibration, out=plan_path, options=options, limit=None, progress=progress
    )
    program = lower(plan, out=program_path, progress=progress)
    simulate(program, images=evaluation, out=out / "simulation.safetensors", progress=progress)
    comparison = compare(program, images=evaluation, plan=plan, out=comparison_path, progress=progress)
    package = out / "vectors"
    manifest = vectors(
        program, images=evaluation, steps=STEPS, out=package, seed=seed, command="bittrue demo", progress=progress
    )
    dump_reference(program, manifest, evaluation, out / "reference_as_design", seed=seed)
    checked = check(package, dut=out / "reference_as_design")
    page = out / "report.html"
    report(program_path, comparison=comparison_path, vectors=package, out=page, progress=progress)
    return Demo(program, comparison, manifest, checked, cost(program), package, page)


def dump_reference(program: Program, manifest: Manifest, images: Path, out: Path, *, seed: int) -> None:
    """Let the PyTorch reference stand in for a design: dump its stages of the package's steps as npy."""
    from bittrue.golden.reference import Reference

    judge = Reference(program)
    traces = [
        judge.run(image.codes, stages=True)
        for image in open_images(program, images, limit=len(manifest.images), seed=seed, verb="demo")
    ]
    for step in manifest.steps:
        folder = out / step.name
        folder.mkdir(parents=True)
        np.save(folder / "output.npy", np.stack([trace.tensors[step.name] for trace in traces]), allow_pickle=False)
        for stage in program.step(step.name).op.stages_on(program.datapath):
            np.save(
                folder / f"{stage}.npy",
                np.stack([trace.stages[step.name][stage] for trace in traces]),
                allow_pickle=False,
            )


MARK = ".bittrue-demo"
"""Marks a folder as one that the demo made and may replace."""


def _clear(out: Path) -> None:
    """Make an empty folder; replace an earlier demo, refuse to touch anything else."""
    if out.exists() and not out.is_dir():
        raise BadInput("a file stands where the folder should go", where=str(out), next_step="choose another --out")
    if out.exists():
        if any(out.iterdir()) and not (out / MARK).is_file():
            raise BadInput(
                "the folder holds something that is no demo", where=str(out), next_step="give --out another folder"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()
