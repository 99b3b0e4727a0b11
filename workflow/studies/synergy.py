"""synergy: what bridge, mixed granularity and mixed scheme are worth alone, and whether together they are worth more.

Two measurements: the accuracy of all eight combinations (factorial.py), and the errors at the ends of bridge blocks
under each combination's plan, source by source and together (block_errors.py), of the first seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bittrue.reports.accuracy_data import AccuracyRow
from bittrue.reports.study import StudyReport
from bittrue.reports.study_synergy import synergy_report
from bittrue.reports.study_synergy_data import COMBINATIONS, Combination, Effects, Synergy, named
from bittrue.workflow.accuracy.cases import Bits, Case
from bittrue.workflow.accuracy.run import CaseRunner
from bittrue.workflow.studies.block_terms import block_terms
from bittrue.workflow.studies.factorial import effects
from bittrue.workflow.studies.inputs import Inputs, check_counts, checked_arithmetic, checked_methods
from bittrue.workflow.studies.request import SynergyRequest


def synergy(inputs: Inputs, request: SynergyRequest) -> StudyReport:
    """Measure the eight combinations on every model and bits, then their plans' bridge blocks."""
    check_counts("--seeds", [request.seeds])
    check_counts("--block-images", [request.block_images], most=len(inputs.runners[0].evaluation.images.paths))
    checked_methods([request.method])
    check_counts("--calibration-images", [request.calibration_images], most=inputs.calibration)
    designs = [(runner, bits) for runner in inputs.runners for bits in inputs.bits]
    rows = inputs.rows(
        [
            case
            for seed in range(request.seeds)
            for runner, bits in designs
            for case in _cases(inputs, request, runner, bits, seed)
        ]
    )
    measured = [
        block_terms(inputs, request, runner, bits.name, _cases(inputs, request, runner, bits, 0))
        for runner, bits in designs
    ]
    return synergy_report(
        Synergy(
            rows=tuple((_combination(row), row) for row in rows),
            effects=tuple(_effects(inputs, request, rows)),
            blocks=tuple(block for blocks, _ in measured for block in blocks),
            gains=tuple(gain for _, gains in measured for gain in gains),
        )
    )


def _cases(inputs: Inputs, request: SynergyRequest, runner: CaseRunner, bits: Bits, seed: int) -> list[Case]:
    """One for each of COMBINATIONS, in their order."""
    arithmetic, found = checked_arithmetic(request.arithmetic), []
    for combination in COMBINATIONS:
        options = replace(
            inputs.options(request.method, bits, seed),
            bridge="bridge" in combination,
            mixed_granularity="granularity" in combination,
            mixed_scheme="scheme" in combination,
        )
        count, images = request.calibration_images, request.limit
        found.append(Case("", arithmetic, runner.model.name, named(combination), options, count, images))
    return found


def _combination(row: AccuracyRow) -> Combination:
    return next(combination for combination in COMBINATIONS if named(combination) == row.step)


def _effects(inputs: Inputs, request: SynergyRequest, rows: Sequence[AccuracyRow]) -> Iterator[Effects]:
    """Of every model and bits whose combinations all have figures for every seed."""
    by_model = {runner.model.name: runner for runner in inputs.runners}
    groups: dict[tuple[str, str], list[AccuracyRow]] = {}
    for row in rows:
        if row.figures is not None:
            groups.setdefault((row.model, row.bits), []).append(row)
    for (model, bits), some in groups.items():
        if len(some) < len(COMBINATIONS) * request.seeds:
            continue
        networks = {
            combination: [by_model[model].per_image(row) for row in some if _combination(row) == combination]
            for combination in COMBINATIONS
        }
        yield from effects(model, bits, networks)
