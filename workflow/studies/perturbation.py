"""perturbation: how far the second-order estimate of the loss follows the loss itself as the error grows.

Every tensor and weight of a plan is perturbed alone, by its quantization error times each factor (injection.py). What
is measured is kept image by image, a few images a file, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.plan import QuantPlan
from bittrue.reports.study import StudyReport
from bittrue.reports.study_perturbation import perturbation_report
from bittrue.reports.study_perturbation_data import Estimated, PerturbationRow
from bittrue.reports.study_statistics import spearman
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Bits
from bittrue.workflow.accuracy.chunks import Chunks
from bittrue.workflow.accuracy.evaluation import check_space
from bittrue.workflow.accuracy.run import CaseRunner
from bittrue.workflow.accuracy.store import digest
from bittrue.workflow.studies.error_sources import ErrorSource, error_sources
from bittrue.workflow.studies.injection import DRAWS, column, injected
from bittrue.workflow.studies.inputs import Inputs, check_counts, checked_methods, evaluation_pixels
from bittrue.workflow.studies.request import PerturbationRequest

IMAGES_AT_ONCE = 4
"""In memory with the values and gradients of all their tensors; the images of one file."""
ABOVE_ROUNDING = 10.0
"""A loss counts from this many times what float32 does to it."""


@dataclass(frozen=True)
class _Network:
    """One plan on the study's images."""

    runner: CaseRunner
    bits: Bits
    key: str
    """Of everything that decides what is measured, but for the number of images."""


def perturbation(inputs: Inputs, request: PerturbationRequest) -> StudyReport:
    """Perturb every tensor of every model and bits."""
    factors = _factors(request)
    checked_methods([request.method])
    check_counts("--calibration-images", [request.calibration_images], most=inputs.calibration)
    networks = [
        _Network(runner, bits, _key(inputs, request, runner, bits)) for runner in inputs.runners for bits in inputs.bits
    ]
    if inputs.measure:
        check_space(inputs.store, [runner.evaluation for runner in inputs.runners], request.limit)
    files = -(-request.limit // IMAGES_AT_ONCE)
    rows: list[PerturbationRow] = []
    for index, network in enumerate(networks):
        plan = _plan(inputs, request, network)
        if plan is None:
            continue
        sources = error_sources(plan)
        kept = _chunks(inputs, network, plan, sources, factors)
        if not inputs.measure and kept.missing(request.limit):
            continue
        parts = []
        for file in range(files):
            inputs.progress("cases", index * files + file, len(networks) * files)
            parts.append(np.array(kept[file]))
        found = list(_rows(network, sources, factors, np.concatenate(parts)[: request.limit]))
        rows += found
        inputs.tell(f"{network.runner.model.name} {found[0].bits}: {len(sources)} tensors, {request.limit} images")
    inputs.progress("cases", len(networks) * files, len(networks) * files)
    return perturbation_report(rows)


def _factors(request: PerturbationRequest) -> tuple[float, ...]:
    found = tuple(sorted(set(request.factors)))
    if not found or found[0] <= 0:
        raise BadInput("not factors", where="--factors", got=list(request.factors), expected="numbers above 0")
    return found


def _key(inputs: Inputs, request: PerturbationRequest, runner: CaseRunner, bits: Bits) -> str:
    return digest(
        {
            "plan": runner.plans.key(inputs.options(request.method, bits, request.seed), request.calibration_images),
            "evaluation": runner.evaluation.images.digest,
            "factors": _factors(request),
            "draws": DRAWS,
        }
    )


def _plan(inputs: Inputs, request: PerturbationRequest, network: _Network) -> QuantPlan | None:
    """Calibrated where it has to be; None where nothing is to be measured and there is none."""
    options, plans = inputs.options(request.method, network.bits, request.seed), network.runner.plans
    if not inputs.measure:
        return inputs.store.plan(plans.key(options, request.calibration_images))
    name = f"calibrate {network.runner.model.name} {request.method}"
    return plans.plan(
        options,
        request.calibration_images,
        lambda what, done, total: inputs.progress(f"{name} {what}", done, total),
    )


def _chunks(
    inputs: Inputs, network: _Network, plan: QuantPlan, sources: Sequence[ErrorSource], factors: Sequence[float]
) -> Chunks[np.float64]:
    """What `injected` says of every image, kept on disk."""
    evaluation, name = network.runner.evaluation, f"perturb {network.runner.model.name}"

    def make(rows: slice) -> NDArray[np.float64]:
        return injected(
            plan,
            sources,
            factors,
            evaluation_pixels(evaluation, rows),
            rows.start,
            progress=lambda done: inputs.progress(f"{name} images {rows.start}..{rows.stop - 1}", done, len(sources)),
        )

    # Whole files of all images there are, so that a longer study has those of a shorter one.
    folder, count = inputs.store.folder("perturbation", network.key), len(evaluation.images.paths)
    return Chunks(folder, count, make, size=IMAGES_AT_ONCE)


def _rows(
    network: _Network, sources: Sequence[ErrorSource], factors: Sequence[float], found: NDArray[np.float64]
) -> Iterator[PerturbationRow]:
    """found: [images, sources + 1, columns]."""
    for index, source in enumerate(sources):
        for at, factor in enumerate(factors):
            yield PerturbationRow(
                model=network.runner.model.name,
                bits=network.bits.name,
                tensor=source.name,
                kinds=source.kinds,
                factor=factor,
                images=len(found),
                kl=_estimated("kl", found, index, at, factor),
                squared=_estimated("squared", found, index, at, factor),
                drawn=factor**2 * float(found[:, index, column("drawn")].mean()),
                cross_entropy=float(found[:, index, column("cross_entropy", at)].mean()),
            )


def _estimated(loss: str, found: NDArray[np.float64], index: int, at: int, factor: float) -> Estimated:
    diagonal, full = (found[:, index, column(f"{loss} {form}")] for form in ("diagonal", "full"))
    true, floor = found[:, index, column(loss, at)], found[:, -1, column(loss, at)]
    return Estimated(
        diagonal=factor**2 * float(diagonal.mean()),
        full=factor**2 * float(full.mean()),
        true=float(true.mean()),
        image_correlation=spearman(diagonal, true),
        above_rounding=float(true.mean()) > ABOVE_ROUNDING * float(floor.mean()),
    )
