"""Figures of a point: what each is called, its unit, which way is better, and what must run to know it.

Costs are read off the cost report as it is: every number that `simulator/cost` reports of a whole program (cycles,
latency_ms, energy_uj, ...) is an objective by its own name. Those of accuracy are those of `bittrue bench accuracy`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, get_type_hints

from bittrue.calibration.plan import QuantPlan
from bittrue.hw_configs.refusal import nearest
from bittrue.simulator.cost.report import CostReport
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program

ACCURACY: Mapping[str, str] = {
    "agreement": "share of images for which the design and the float model choose the same class",
    "sqnr_db": "signal to quantization noise of the logits over all images, dB",
    "kl_nats": "mean KL divergence of the class probabilities from the float model's, nats",
    "top1": "share of images classified right",
    "drop_points": "top-1 of the float model less that of the design, percentage points",
}
"""Known when the images have run through the simulator."""
PROGRAM: Mapping[str, str] = {
    "weight_kib": "weights at their own widths, packed, KiB",
    "constant_kib": "weights, biases, multipliers and tables in whole bytes, KiB",
    "unproved_steps": "steps whose proved sums do not fit the accumulator",
}
"""Known from the program alone."""
TOTAL = "total"
"""How the sum of a part of a report begins."""
COST_WORDS: Mapping[str, str] = {
    "macs": "multiply-accumulates of an image",
    "cycles": "cycles of an image",
    "latency_ms": "time of an image, ms",
    "energy_uj": "energy of an image, uJ",
    "area_mm2": "silicon of the machine by the cost model's proxy, mm2",
    "peak_buffer_bytes": "the most that the activation buffer holds, bytes",
    "utilisation": "MACs over what all cells could have done",
}
UNITS: Mapping[str, str] = {
    "_db": "dB", "_nats": "nats", "_points": "points", "_kib": "KiB", "_ms": "ms", "_uj": "uJ", "_mj": "mJ",
    "_pj": "pJ", "_mm2": "mm2", "_um2": "um2", "_bytes": "bytes", "_bits": "bits", "_cycles": "cycles",
}  # fmt: skip
"""By the end of a name."""


def cost_names() -> tuple[str, ...]:
    """Numbers that a cost report has of a whole program."""
    return tuple(name for name, _ in _readings())


def _readings() -> list[tuple[str, tuple[str, ...]]]:
    """Every figure of a report with the properties that lead to it: its numbers, and the totals of its parts, so that
    `area.total_mm2` is `area_mm2`."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, kind in _results(CostReport):
        if kind in (int, float):
            found.append((name, (name,)))
        elif dataclasses.is_dataclass(kind):
            totals = [inner for inner, number in _results(kind) if number in (int, float) and inner.startswith(TOTAL)]
            found += [(f"{name}{inner.removeprefix(TOTAL)}", (name, inner)) for inner in totals]
    return found


def _results(kind: type) -> list[tuple[str, type]]:
    """The properties of a class and their types."""
    made = {
        name: member.func if isinstance(member, cached_property) else getattr(member, "fget", None)
        for name, member in vars(kind).items()
    }
    return [(name, get_type_hints(of).get("return", object)) for name, of in made.items() if of is not None]


def known_metrics() -> dict[str, str]:
    """Every figure, with what it means."""
    costs = {name: COST_WORDS.get(name, "of an image, by the cost model") for name in cost_names()}
    return {**ACCURACY, **costs, **PROGRAM}


def check_metric(name: str, where: str) -> None:
    """Refuse a figure that does not exist."""
    known = known_metrics()
    if name not in known:
        raise BadInput(
            "no such figure", where=where, got=name, expected=", ".join(known), next_step=nearest(name, known)
        )


def unit_of(name: str) -> str:
    """The unit of a figure, empty where it is a share or a count."""
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def cost_figures(report: CostReport) -> dict[str, float]:
    """Of one image; a figure that is not finite is left out."""
    found: dict[str, Any] = {name: attrgetter(".".join(path))(report) for name, path in _readings()}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def program_figures(program: Program, plan: QuantPlan) -> dict[str, float]:
    """Of memory and accumulators."""
    weights = sum(plan.graph.parameter(plan.graph.by_name[name], "weight").size * weight.bits
                  for name, weight in plan.weights.items())  # fmt: skip
    unproved = sum(call.bound is not None and not call.accumulator_proved for call in program.calls)
    return {
        "weight_kib": weights / 8 / 1024,
        "constant_kib": sum(_whole_bytes(array.min(), array.max()) * array.size for array in program.constants.values())
        / 1024,
        "unproved_steps": unproved,
    }


def _whole_bytes(low: int, high: int) -> int:
    """The least of 1, 2, 4 or 8 bytes that holds two values and what is between."""
    bits = max((-int(low) - 1).bit_length() if low < 0 else 0, int(high).bit_length()) + (low < 0)
    return next(width for width in (1, 2, 4, 8) if 8 * width >= bits)
