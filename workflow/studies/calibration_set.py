"""calibration-set: accuracy against the number of calibration images, over several draws of them.

Everything but the images is equal: methods, bits, evaluation images. A seed draws the calibration images and seeds the
method itself, so that the spread over seeds is that of a whole calibration.
"""

from __future__ import annotations

from bittrue.reports.study import StudyReport
from bittrue.reports.study_calibration_set import calibration_set_report
from bittrue.workflow.accuracy.cases import Case
from bittrue.workflow.studies.inputs import Inputs, check_counts, checked_arithmetic, checked_methods
from bittrue.workflow.studies.request import CalibrationSetRequest


def calibration_set(inputs: Inputs, request: CalibrationSetRequest) -> StudyReport:
    """Measure every number of images, seed, method, bits and model; a seed after the other."""
    return calibration_set_report(inputs.rows(_cases(inputs, request)))


def _cases(inputs: Inputs, request: CalibrationSetRequest) -> list[Case]:
    counts = tuple(dict.fromkeys(request.counts))
    check_counts("--counts", counts, most=inputs.calibration)
    check_counts("--seeds", [request.seeds])
    arithmetic = checked_arithmetic(request.arithmetic)
    methods = checked_methods(request.methods)
    return [
        Case("", arithmetic, runner.model.name, "", inputs.options(method, bits, seed), count, request.limit)
        for seed in range(request.seeds)
        for runner in inputs.runners
        for bits in inputs.bits
        for method in methods
        for count in sorted(counts)
    ]
