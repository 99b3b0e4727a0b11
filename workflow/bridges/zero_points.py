"""What zero points of 8 bits cost a whole network: the same plans with wide zero points and with clamped ones.

The paper's overflow (arXiv 2303.12557, section 3): a range that lies on one side of 0 wants a zero point past the ends
of an 8-bit register. All tensors have 8 bits here, pre-activations too, as the paper's hardware has it. Networks are
integer Programs, on a datapath that clamps, on its twin that does not, and on the twin with clamping at bridge
activations alone. One plan more has a range a channel at every bridge activation, as the paper's figures have it;
norms and additions cannot be given one, so that this network is partially quantized and never lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bittrue.calibration.bridge import bridge_activations
from bittrue.calibration.lowering.resnap import resnap
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.reports.accuracy_data import AccuracyRow, Arithmetic, Ordering
from bittrue.reports.bridge_data import Overflow, ZeroPointRow
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Case
from bittrue.workflow.accuracy.orderings import judged
from bittrue.workflow.accuracy.run import CaseRunner, Change
from bittrue.workflow.accuracy.sources import FloatModel

TABLE = "zero points"
WIDE, AT_BRIDGES, CLAMPED = "wide", "clamped at bridges", "clamped"
"""Steps of the study: how zero points are held."""
BY_CHANNEL = "minmax, a range a bridge channel, partial"
"""The plan that is never lowered."""


@dataclass(frozen=True)
class Variant:
    """One way of holding zero points."""

    step: str
    arithmetic: Arithmetic
    datapath: Datapath
    change: Callable[[FloatModel], Change | None] = field(default=lambda model: None)


def clamping(datapath: Datapath) -> Datapath:
    """The datapath, or a refusal of one that does not clamp."""
    if datapath.tensors.zero_points != "clamped":
        raise BadInput(
            "this datapath does not clamp zero points",
            where=datapath.name,
            got=datapath.tensors.zero_points,
            expected='tensors.zero_points = "clamped", as paper_q_hyvit and paper_fq_vit have it',
        )
    return datapath


def variants(clamped: Datapath, by_channel: Callable[[FloatModel, str], Change]) -> tuple[Variant, ...]:
    """Every way, wide ones first. by_channel: gives bridge activations of a model the codes of a quantizer."""
    tensors = clamped.tensors.model_copy(update={"zero_points": "wide"})
    wide = clamped.model_copy(update={"name": f"{clamped.name}, wide zero points", "tensors": tensors})
    there = Change(f"bridges as {clamped.model_dump_json()}", lambda plan: clamped_at_bridges(plan, clamped))
    return (
        Variant(WIDE, "integer", wide),
        Variant(AT_BRIDGES, "integer", wide, lambda model: there),
        Variant(CLAMPED, "integer", clamped),
        Variant(WIDE, "partial", wide, lambda model: by_channel(model, "channel")),
        Variant(AT_BRIDGES, "partial", wide, lambda model: by_channel(model, "channel clamped")),
    )


def clamped_at_bridges(plan: QuantPlan, clamped: Datapath) -> QuantPlan:
    """The plan with bridge activations as a datapath would choose them again."""
    held, _ = resnap(plan, clamped)
    there = {name: held.tensors[name] for name in bridge_activations(plan.graph) if name in held.tensors}
    return replace(plan, tensors={**plan.tensors, **there})


def plans(method: str, arithmetic: Arithmetic) -> dict[str, CalibrationOptions]:
    """Options by name."""
    minmax = CalibrationOptions()
    if arithmetic == "partial":
        return {BY_CHANNEL: minmax}
    found = {
        "minmax, a scale a tensor": minmax,
        "minmax, a scale a channel": replace(minmax, activation_granularity="channel"),
    }
    return found if method == minmax.method else {**found, method: replace(minmax, method=method)}


def cases(
    variant: Variant, models: Sequence[str], method: str, *, calibration_images: int, images: int
) -> tuple[Case, ...]:
    """A case for each model and plan."""
    return tuple(
        Case(TABLE, variant.arithmetic, model, variant.step, options, calibration_images, images)
        for model in models
        for options in plans(method, variant.arithmetic).values()
    )


def overflow_of(plan: QuantPlan) -> Overflow:
    """Count the zero points that are no codes."""
    bridges = set(bridge_activations(plan.graph))
    found = {name: _past(plan, name) for name in plan.tensors if _past(plan, name)}
    return Overflow(found, tuple(name for name in found if name in bridges))


def _past(plan: QuantPlan, name: str) -> int:
    tensor = plan.tensors[name]
    low, high = code_range(tensor.bits, signed=True)
    return sum(not low <= zero <= high for zero in tensor.zero_point)


@dataclass(frozen=True)
class Done:
    """A case of a variant, its row, and who measured it."""

    variant: Variant
    case: Case
    row: AccuracyRow
    runner: CaseRunner


def rows(found: Sequence[Done], method: str) -> tuple[ZeroPointRow, ...]:
    """Rows model by model, plan by plan, wide ones first; found: variant after variant."""
    past: dict[tuple[str, str], Overflow | None] = {}
    made = []
    for done in found:
        names = {options: name for name, options in plans(method, done.variant.arithmetic).items()}
        place = (done.row.model, names[done.case.options])
        if place not in past:  # the first variant of every plan is the wide one
            past[place] = _overflow(done.runner, done.case)
        made.append(ZeroPointRow(place[1], done.variant.step, past[place], done.row))
    order = [*plans(method, "integer"), BY_CHANNEL]
    models = list(dict.fromkeys(row.accuracy.model for row in made))
    return tuple(sorted(made, key=lambda row: (models.index(row.accuracy.model), order.index(row.plan))))


def _overflow(runner: CaseRunner, case: Case) -> Overflow | None:
    plan = runner.store.plan(runner.plan_key(case))
    if plan is None:
        return None
    return overflow_of(plan if runner.change is None else runner.change.apply(plan))


def orderings(found: Sequence[ZeroPointRow], runners: Mapping[str, CaseRunner]) -> tuple[Ordering, ...]:
    """What clamping costs each model and plan, against wide zero points; the plan stands as the table.

    runners: by model, any that share the store.
    """
    groups: dict[tuple[str, str], list[AccuracyRow]] = {}
    for row in found:
        if row.accuracy.figures is not None:
            groups.setdefault((row.accuracy.model, row.plan), []).append(row.accuracy)
    made: list[Ordering] = []
    for (model, plan), group in groups.items():
        wide = [row for row in group if row.step == WIDE]
        pairs = [(row, wide[0]) for row in group if wide and row.step != WIDE]
        if pairs:
            made += [replace(each, table=plan) for each in judged(group, pairs, runners[model].per_image)]
    return tuple(made)
