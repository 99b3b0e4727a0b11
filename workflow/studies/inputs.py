"""What every study is given: models, images, bits, and the folder that it keeps everything in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.images import find_images
from bittrue.calibration.methods import METHODS
from bittrue.calibration.options import CalibrationOptions
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.accuracy_data import AccuracyRow, Arithmetic
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Bits, Case, bits_of, methods_of, options_of
from bittrue.workflow.accuracy.chunks import CHUNK
from bittrue.workflow.accuracy.evaluation import Evaluation, check_space
from bittrue.workflow.accuracy.run import CaseRunner, run_cases
from bittrue.workflow.accuracy.sources import EvaluationImages, float_models
from bittrue.workflow.accuracy.store import Store
from bittrue.workflow.progress import Progress
from bittrue.workflow.studies.request import StudyRequest


@dataclass(frozen=True)
class Inputs:
    """The parts of one study, every name and number of its request checked."""

    runners: tuple[CaseRunner, ...]
    """One a model."""
    bits: tuple[Bits, ...]
    request: StudyRequest
    calibration: int
    """How many calibration images there are to draw from."""
    measure: bool
    """Where it is off, only what is finished is shown."""
    progress: Progress
    tell: Callable[[str], None]
    """Gets a line as something is done."""

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.runners[0].store

    def options(self, method: str, bits: Bits, seed: int) -> CalibrationOptions:
        """Of one plan; refused where they cannot be."""
        request = self.request
        options = options_of(
            bits,
            method=method,
            preactivation_bits=request.preactivation_bits,
            residual_bits=request.residual_bits,
            score_bits=request.score_bits,
            seed=seed,
        )
        options.check(tuple(METHODS))
        return options

    def rows(self, cases: Sequence[Case]) -> tuple[AccuracyRow, ...]:
        """The accuracy of networks, as `bench accuracy` measures it."""
        if self.measure:
            check_space(self.store, [runner.evaluation for runner in self.runners], self.request.limit)
        return run_cases(
            cases, self.runners, measure=self.measure, progress=self.progress, tell=lambda row: self.tell(_line(row))
        )


def study_inputs(
    request: StudyRequest,
    *,
    weights: str,
    images: Path,
    calibration: Path,
    out: Path,
    measure: bool,
    progress: Progress,
    tell: Callable[[str], None],
) -> Inputs:
    """Find images, load models; refuses what cannot be used."""
    evaluation, drawn = EvaluationImages.of(find_images(images)), find_images(calibration)
    bits = bits_of(request.bits)
    datapath, store = load_datapath(request.datapath), Store(out)
    check_counts("--limit", [request.limit], most=len(evaluation.paths))
    models = float_models(request.models, weights, side=request.side)
    if not models or not bits:
        raise BadInput("nothing to measure", got="no models or no bits", next_step="name at least one")
    runners = tuple(
        CaseRunner(model, calibration=drawn, evaluation=evaluation, datapath=datapath, store=store, progress=progress)
        for model in models
    )
    return Inputs(runners, bits, request, len(drawn), measure, progress, tell)


def check_counts(option: str, values: Sequence[int], *, most: int | None = None, least: int = 1) -> None:
    """Refuse numbers out of range, and none at all."""
    if not values:
        raise BadInput("nothing to measure", where=option, got="no numbers", next_step="name at least one")
    for value in values:
        if value < least or (most is not None and value > most):
            raise BadInput("a number is out of range", where=option, got=value, expected=f"{least}..{most or ''}")


def checked_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Calibration methods in the order of the literature; refuses unknown ones, and none."""
    if not names:
        raise BadInput("nothing to measure", where="--methods", got="no methods", next_step="name at least one")
    return methods_of(names, tuple(METHODS))


def checked_arithmetic(name: str) -> Arithmetic:
    """Refuses any other than integer and partial."""
    if name == "integer":
        return "integer"
    if name == "partial":
        return "partial"
    raise BadInput("no such arithmetic", where="--arithmetic", got=name, expected="integer or partial")


def evaluation_pixels(evaluation: Evaluation, rows: slice) -> NDArray[np.uint8]:
    """Some images in evaluation order, uint8 [images, 3, side, side]; none lie in two chunks of decoded images."""
    index, first = divmod(rows.start, CHUNK)
    return np.array(evaluation.decoded[index][first : first + rows.stop - rows.start])


def _line(row: AccuracyRow) -> str:
    """One network that is measured."""
    name = f"{row.model} {row.bits} {row.name} seed {row.seed}, {row.calibration_images} calibration images"
    if row.figures is None:
        return f"{name}: refused, {row.refused}"
    found = row.figures
    return f"{name}: {found.sqnr_db:.2f} dB, {100 * found.agreement:.2f} % of {found.images:,} images as in float"
