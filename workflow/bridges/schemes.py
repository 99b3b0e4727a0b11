"""Bridge activations symmetric against asymmetric: cases of bench accuracy that differ in this option alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bittrue.calibration.bridge import bridge_activations
from bittrue.calibration.options import BridgeScheme, CalibrationOptions
from bittrue.reports.accuracy_data import AccuracyRow, Ordering
from bittrue.reports.bridge_data import ChosenScheme
from bittrue.workflow.accuracy.cases import MIXED_MAX, Bits, Case
from bittrue.workflow.accuracy.orderings import judged
from bittrue.workflow.accuracy.run import CaseRunner

TABLE = "bridge scheme"
SCHEMES: tuple[BridgeScheme, ...] = ("symmetric", "asymmetric", "searched")
SEARCHING = ("q-hyvit", "best")
"""Methods that choose the scheme themselves; of others "searched" would be "asymmetric" again."""
TAKING = ("minmax", "percentile", "mse", *SEARCHING)
"""Methods that the option reaches; the others are bound to their papers' scheme."""


def cases(
    models: Sequence[str], method: str, bits: Sequence[Bits], *, seeds: int, calibration_images: int, images: int
) -> tuple[Case, ...]:
    """A seed after another, so that an interrupted run has whole tables of the first seeds."""
    schemes = SCHEMES if method in SEARCHING else SCHEMES[:2]
    return tuple(
        Case(TABLE, "integer", model, scheme, _options(method, each, scheme, seed), calibration_images, images)
        for seed in range(seeds)
        for model in models
        for each in bits
        for scheme in schemes
    )


def _options(method: str, bits: Bits, scheme: BridgeScheme, seed: int) -> CalibrationOptions:
    """The widths of bench accuracy, so that its searched plans are these."""
    return CalibrationOptions(
        method=method,
        weight_bits=MIXED_MAX if bits.mixed else bits.weights,
        activation_bits=MIXED_MAX if bits.mixed else bits.activations,
        weight_budget=bits.weights if bits.mixed else None,
        activation_budget=bits.activations if bits.mixed else None,
        preactivation_bits=16,
        residual_bits=8,
        score_bits=8,
        bridge_scheme=scheme,
        seed=seed,
    )


def orderings(rows: Sequence[AccuracyRow], runners: Mapping[str, CaseRunner]) -> tuple[Ordering, ...]:
    """Every scheme against every one before it, on the same model, bits and seed."""
    groups: dict[tuple[str, str, int], list[AccuracyRow]] = {}
    for row in rows:
        if row.figures is not None:
            groups.setdefault((row.model, row.bits, row.seed), []).append(row)
    made: list[Ordering] = []
    for (model, _, _), group in groups.items():
        pairs = [(later, earlier) for index, later in enumerate(group) for earlier in group[:index]]
        if pairs:
            made += judged(group, pairs, runners[model].per_image)
    return tuple(made)


def chosen(found: Sequence[Case], runners: Mapping[str, CaseRunner]) -> tuple[ChosenScheme, ...]:
    """What the search chose, from the plans that are kept."""
    made: dict[tuple[str, str, str], ChosenScheme] = {}
    for case in found:
        runner = runners[case.model]
        plan = runner.store.plan(runner.plan_key(case)) if case.step == "searched" else None
        if plan is None:
            continue
        for name in bridge_activations(plan.graph):
            tensor, place = plan.tensors[name], (case.model, _named(case.options), name)
            held = made.get(place, ChosenScheme(*place, (), ()))
            made[place] = replace(
                held,
                schemes=(*held.schemes, tensor.scheme),
                channelwise=(*held.channelwise, tensor.axis is not None),
            )
    return tuple(made.values())


def _named(options: CalibrationOptions) -> str:
    """The bits as a row of bench accuracy names them."""
    if options.weight_budget is None or options.activation_budget is None:
        return f"W{options.weight_bits}A{options.activation_bits}"
    return f"W{options.weight_budget:g}A{options.activation_budget:g}-mixed"
