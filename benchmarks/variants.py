"""Datapaths that are timed against the default one: other accumulators, approximate units, and the wide datapath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath
from bittrue.workflow.unit_errors_kinds import ACTIVATIONS, NORM, SOFTMAX

LOGITS_SCALE = 1 / 16
"""Scale of all softmax logits in the softmax rows, the default's among them: I-BERT, FQ-ViT and HyQ refuse the
coarse logits of some layers of mobilevit_xxs, and time does not depend on it."""
Unit = Literal["accumulator", "softmax", "norm", "activation", "wide"]
UNITS: tuple[Unit, ...] = ("accumulator", "softmax", "norm", "activation", "wide")


@dataclass(frozen=True)
class Variant:
    """A datapath, and what its time is divided by."""

    name: str
    datapath: Datapath
    unit: Unit | None = None
    """Which unit differs, "wide" for several; None for what others are compared with."""
    base: str = "default"
    """The variant that differs in this unit alone."""
    logits_scale: float | None = None
    """Set in the plan before lowering; None: as calibrated."""
    calibrated: Mapping[str, Any] = field(default_factory=dict)
    """Options of calibration that differ from the defaults: such a variant has a plan of its own."""


def _accumulator(bits: int, overflow: str) -> dict[str, Any]:
    mac = load_datapath("iot_npu").mac
    return {"mac": mac.model_copy(update={"accumulator_bits": bits, "overflow": overflow})}


@cache
def variants() -> Mapping[str, Variant]:
    """Every variant that a MobileViT v1 lowers for, by name. Its only activation is SiLU."""
    base = load_datapath("iot_npu")
    even = "default, logits of scale 1/16"
    found = [Variant("default", base), Variant(even, base, logits_scale=LOGITS_SCALE)]
    changes: list[tuple[Unit, str, dict[str, Any]]] = [
        ("accumulator", "accumulator: 24 bits, wrapping", _accumulator(24, "wrap")),
        ("accumulator", "accumulator: 20 bits, saturating at each step", _accumulator(20, "saturate")),
        *(("softmax", f"softmax: {name}", {"softmax": unit}) for name, unit in SOFTMAX.items() if name != "table"),
        *(("norm", f"norm: {name}", {"norm": unit}) for name, unit in NORM.items() if name != "exact"),
        *(
            ("activation", f"activation: {case.name}", {"activation": {"silu": case.unit}})
            for case in ACTIVATIONS
            if case.unit is not None and case.bits == 8 and "silu" in case.functions
        ),
    ]
    for unit, name, update in changes:
        datapath = base.model_copy(update=update)
        if unit == "softmax":
            found.append(Variant(name, datapath, unit, even, LOGITS_SCALE))
        else:
            found.append(Variant(name, datapath, unit))
    wide = load_datapath("iot_npu_wide")
    for name, options in (
        ("one scale a tensor", {}),
        ("a scale a channel", {"activation_granularity": "channel"}),
        ("a scale a channel, residual stream of 16 bits", {"activation_granularity": "channel", "residual_bits": 16}),
    ):
        calibrated = {"preactivation_bits": 16, **options}
        found.append(Variant(f"pre-activations of 16 bits, {name}", wide, "wide", calibrated=calibrated))
    return {variant.name: variant for variant in found}
