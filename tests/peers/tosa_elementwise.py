"""ADD and MUL as the conversion from TFLite to TOSA writes them, and the reference model's answer.

add: both operands RESCALEd to int32 (lifted by 20 bits), ADD, RESCALE. mul: both centred, MUL, RESCALE. Source of the
compositions: tensorflow/compiler/mlir/tosa/transforms/legalize_tfl.cc, matchAndRewriteAddSub and matchAndRewriteMul.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from peers import draws, tosa
from peers.constants import Gemmlowp
from peers.layers import Array, Elementwise
from peers.ours import Profile
from peers.tosa import Operand, Operator, scalar

_ONE = (1 << 30, 30)


@dataclass(frozen=True)
class Rescale:
    """RESCALE per tensor with one rounding mode."""

    double: bool

    def __call__(
        self, values: Operand, target: tosa.DType, scale: tuple[int, int], zero_in: int = 0, zero_out: int = 0
    ) -> Operand:
        """values -> (values - zero_in) * multiplier / 2**shift + zero_out."""
        multiplier, shift = (Operand(np.array([value]), "INT32", constant=True) for value in scale)
        operands = [
            values,
            multiplier,
            Operand(shift.values, "INT8", constant=True),
            scalar(zero_in, values.dtype),
            scalar(zero_out, target),
        ]
        attributes: dict[str, object] = {"double": self.double, "scale32": True, "per_channel": False}
        operator = Operator("RESCALE", operands, values.values.shape, target, attributes)
        return Operand(tosa.run(operator), target)


def reference(layer: Elementwise, codes: list[Array], made: Gemmlowp, *, double: bool) -> Array:
    """The composition through the reference model, operator by operator; `made` are the layer's constants."""
    rescale = Rescale(double)
    tensors = (layer.a, layer.b)
    if layer.kind == "mul":
        scale = made.mul(layer.a.scale, layer.b.scale, layer.y.scale)
        centred = [
            rescale(Operand(q, "INT8"), "INT32", _ONE, x.zero_point) for q, x in zip(codes, tensors, strict=True)
        ]
        total = Operator("MUL", [*centred, scalar(0, "INT8")], layer.y.shape, "INT32")
    else:
        scale = made.add(layer.a.scale, layer.b.scale, layer.y.scale)
        lifted = []
        for q, x, name in zip(codes, tensors, "ab", strict=True):
            by = int(scale[f"multiplier_{name}"]), int(scale[f"shift_{name}"])
            wide = rescale(Operand(q, "INT8"), "INT32", (1 << 30, 30 - int(scale["left_shift"])), x.zero_point)
            lifted.append(rescale(wide, "INT32", by))
        total = Operator("ADD", lifted, layer.y.shape, "INT32")
    last = int(scale["multiplier"].reshape(-1)[0]), int(scale["shift"].reshape(-1)[0])
    return rescale(Operand(tosa.run(total), "INT32"), "INT8", last, zero_out=layer.y.zero_point).values


def against(ours: Profile, kind: str, double: bool, rng: Generator) -> tuple[Array, Array]:
    """One random layer without a fused activation."""
    drawn, codes = draws.elementwise(rng, kind)
    layer = Elementwise(drawn.kind, drawn.a, drawn.b, drawn.y)
    made = ours.constants
    assert isinstance(made, Gemmlowp)
    return ours.layer(layer, codes), reference(layer, codes, made, double=double)
