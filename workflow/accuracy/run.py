"""Measure cases: calibrate, lower, run, compare; nothing that an earlier run has kept is done again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bittrue.calibration.images import ImageSet
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan
from bittrue.reports.accuracy_data import AccuracyRow, Figures
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.workflow.accuracy.cases import Case
from bittrue.workflow.accuracy.evaluation import Evaluation
from bittrue.workflow.accuracy.measure import Logits, PerImage, figures, integer_logits, partial_logits
from bittrue.workflow.accuracy.plans import Plans, cost_of
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel
from bittrue.workflow.accuracy.store import Store, digest
from bittrue.workflow.lower import provenance_of
from bittrue.workflow.progress import Progress, silent


@dataclass(frozen=True)
class Change:
    """Something that is done to every plan before it is measured: a study of one property, everything else equal."""

    name: str
    """Says all that decides what is done: what is kept is named by it."""
    apply: Callable[[QuantPlan], QuantPlan]


class CaseRunner:
    """Runs the cases of one model."""

    def __init__(
        self,
        model: FloatModel,
        *,
        calibration: ImageSet,
        evaluation: EvaluationImages,
        datapath: Datapath,
        store: Store,
        progress: Progress = silent,
        change: Change | None = None,
    ) -> None:
        self.change = change
        self.model, self.datapath, self.store, self.progress = model, datapath, store, progress
        self.plans = Plans(model, calibration, store)
        self.evaluation = Evaluation(model, evaluation, store)

    def finished(self, case: Case) -> AccuracyRow | None:
        """The row of a case that an earlier run has measured."""
        measurement, key = self.keys(case)
        found = self.store.figures(key)
        if found is None or len(self.store.per_image(measurement)) < case.images:
            return None
        return self._row(case, found, "")

    def row(self, case: Case) -> AccuracyRow:
        """The row of a case. A refusal by calibration, lowering or the datapath is a row that says so, and is not kept:
        whoever asks again has usually changed something."""
        known = self.finished(case)
        if known is not None:
            return known
        try:
            found = self._measured(case)
        except BittrueError as error:
            return self._row(case, None, _one_line(error))
        row = self._row(case, found, "")
        facts = {name: value for name, value in row.record().items() if name not in (*_FIGURES, "table", "refused")}
        self.store.keep_figures(row.key, found, {**facts, "bittrue": importlib.metadata.version("bittrue")})
        return row

    def per_image(self, row: AccuracyRow) -> PerImage:
        """What the figures of a row were made from."""
        return self.store.per_image(row.measurement).first(row.images)

    def plan_key(self, case: Case) -> str:
        """Names the plan of a case."""
        return self.plans.key(case.options, case.calibration_images)

    def keys(self, case: Case) -> tuple[str, str]:
        """Of the measurement, and of the case."""
        integers = case.arithmetic == "integer"
        measurement = digest(
            {
                "plan": self.plan_key(case),
                "arithmetic": case.arithmetic,
                "datapath": self.datapath.model_dump_json() if integers else "",
                "evaluation": self.evaluation.images.digest,
                **({} if self.change is None else {"change": self.change.name}),
            }
        )
        return measurement, digest({"measurement": measurement, "images": case.images})

    def _measured(self, case: Case) -> Figures:
        plan = self.plans.plan(case.options, case.calibration_images, self._told("calibrate", case))
        seconds, peak = cost_of(plan)
        if self.change is not None:
            plan = self.change.apply(plan)
        count, (measurement, _) = case.images, self.keys(case)
        images = self.evaluation.extend(measurement, self._logits(case, plan), count, self._told("evaluate", case))
        return figures(images, self.evaluation.labels(count), calibration_s=seconds, peak_memory_bytes=peak)

    def _logits(self, case: Case, plan: QuantPlan) -> Logits:
        if case.arithmetic == "partial":
            return partial_logits(plan)
        return integer_logits(lower_plan(plan, self.datapath, provenance_of(plan)))

    def _told(self, verb: str, case: Case) -> Progress:
        options = case.options
        weights, activations = options.weight_budget or options.weight_bits, options.activation_budget
        bits = f"W{weights:g}A{activations or options.activation_bits:g}"
        name = " ".join(filter(None, (verb, self.model.name, bits, options.method, case.step)))
        return lambda what, done, total: self.progress(f"{name} {what}".strip(), done, total)

    def _row(self, case: Case, found: Figures | None, refused: str) -> AccuracyRow:
        options, (measurement, key) = case.options, self.keys(case)
        return AccuracyRow(
            table=case.table,
            arithmetic=case.arithmetic,
            model=case.model,
            method=options.method,
            step=case.step,
            activation_bits=options.activation_budget or options.activation_bits,
            weight_bits=options.weight_budget or options.weight_bits,
            mixed=options.weight_budget is not None,
            residual_bits=options.residual_bits or options.activation_bits,
            seed=options.seed,
            calibration_images=case.calibration_images,
            images=case.images,
            datapath=self.datapath.name if case.arithmetic == "integer" else "",
            key=key,
            measurement=measurement,
            figures=found,
            refused=refused,
        )


_FIGURES = (*Figures.__dataclass_fields__, "drop_points")


def _one_line(error: BittrueError) -> str:
    """What a row says of a refusal."""
    where = f"{error.where}: " if error.where else ""
    return f"{where}{error.what}" + ("" if error.got is None else f" ({error.got})")


def run_cases(
    cases: Sequence[Case],
    runners: Sequence[CaseRunner],
    *,
    measure: bool = True,
    progress: Progress = silent,
    tell: Callable[[AccuracyRow], None] = lambda row: None,
) -> tuple[AccuracyRow, ...]:
    """Rows of cases, in their order; cases of one plan are run one after another. measure: where it is off, only the
    rows of finished cases are collected. tell: gets each row as it is done."""
    by_model = {runner.model.name: runner for runner in runners}
    plans = [by_model[case.model].plan_key(case) for case in cases]
    first = {plan: index for index, plan in reversed(list(enumerate(plans)))}
    rows: dict[int, AccuracyRow] = {}
    for done, index in enumerate(sorted(range(len(cases)), key=lambda index: (first[plans[index]], index))):
        progress("cases", done, len(cases))
        runner = by_model[cases[index].model]
        row = runner.row(cases[index]) if measure else runner.finished(cases[index])
        if row is not None:
            rows[index] = row
            tell(row)
    progress("cases", len(cases), len(cases))
    return tuple(rows[index] for index in sorted(rows))
