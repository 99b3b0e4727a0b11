"""Kinds of activation unit, one a file; `[activation.FUNCTION] kind = "..."` of a datapath chooses."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bittrue.spec.units.activation.clamp import Clamp
from bittrue.spec.units.activation.hardswish import Hardswish
from bittrue.spec.units.activation.igelu import IGelu
from bittrue.spec.units.activation.interpolated import InterpolatedActivation
from bittrue.spec.units.activation.ita_gelu import ItaGelu
from bittrue.spec.units.activation.piecewise import PiecewiseActivation
from bittrue.spec.units.activation.relu import Relu
from bittrue.spec.units.activation.shift_silu import ShiftSilu
from bittrue.spec.units.activation.sigmoid_product import SigmoidProduct
from bittrue.spec.units.activation.tflite_hardswish import TfliteHardswish
from bittrue.spec.units.activation.tflite_logistic import TfliteLogistic
from bittrue.spec.units.activation.unit import ActivationUnit, Function

AnyActivation = Annotated[
    Clamp
    | Hardswish
    | IGelu
    | InterpolatedActivation
    | ItaGelu
    | PiecewiseActivation
    | Relu
    | ShiftSilu
    | SigmoidProduct
    | TfliteHardswish
    | TfliteLogistic,
    Field(discriminator="kind"),
]


def _each_serves(units: dict[Function, ActivationUnit]) -> dict[Function, ActivationUnit]:
    for function, unit in units.items():
        if not unit.serves(function):
            kind = getattr(unit, "kind", type(unit).__name__)
            raise ValueError(f'the unit "{kind}" as configured does not compute {function}')
    return units


Activations = Annotated[dict[Function, AnyActivation], AfterValidator(_each_serves)]
"""The section [activation]: the unit of each function that has one."""

__all__ = [
    "Activations",
    "ActivationUnit",
    "AnyActivation",
    "Clamp",
    "Function",
    "Hardswish",
    "IGelu",
    "InterpolatedActivation",
    "ItaGelu",
    "PiecewiseActivation",
    "Relu",
    "ShiftSilu",
    "SigmoidProduct",
    "TfliteHardswish",
    "TfliteLogistic",
]
