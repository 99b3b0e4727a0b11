"""Widths of stages and constants for ops that the tiny program lacks."""

from __future__ import annotations

import numpy as np
import pytest

from bittrue.golden.vectors.widths import Width, constant_width, stage_width
from bittrue.spec.datapath import Datapath
from bittrue.spec.op import AccumulatorBound, Call, Op
from bittrue.spec.ops import Add, Concat, MatMul, Softmax
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.add import TwoMultipliersAdd

CODES = TensorSpec("x", (1, 4), 6, True, (1.0,), (0,))
CONTAINER = Width(64, True)


def call(op: Op, datapath: Datapath, *, bound: AccumulatorBound | None = None, **constants: int) -> Call:
    """A call with one-element constants."""
    arrays = {role: np.array([value]) for role, value in constants.items()}
    return Call("s", op, (CODES, CODES), CODES, arrays, datapath, bound)


def test_accumulators(datapath: Datapath) -> None:
    """Only a MAC's accumulator has the datapath's width: the adder's is no MAC accumulator."""
    mac = call(MatMul(), datapath, bound=AccumulatorBound(-9, 9))
    assert stage_width(mac, "accumulator") == Width(21, True) and stage_width(mac, "rounded") == CONTAINER
    assert stage_width(call(Add(), datapath), "accumulator") == CONTAINER


def test_softmax(datapath: Datapath) -> None:
    """The maximum is a code of the input; exponentials have the unit's width; sums have no stated one."""
    softmax = call(Softmax(), datapath, table=65535)
    widths = [stage_width(softmax, stage) for stage in Softmax().stages_on(datapath)]
    assert widths == [Width(6, True), Width(16, False), CONTAINER, CONTAINER]
    assert constant_width(softmax, "table") == Width(16, False)


def test_ratios_have_no_sign(datapath: Datapath) -> None:
    """Multipliers of add and concat are unsigned, as wide as the unit's; shifts hold shift_max."""
    unit = datapath.required(datapath.add, "add")
    assert isinstance(unit, TwoMultipliersAdd)
    add = call(Add(), datapath, multiplier_a=1, multiplier_b=0, shift=1)
    bits = Width(unit.multiplier_bits, False)
    assert [constant_width(add, role) for role in Add().roles_on(datapath)] == [bits, bits, Width(6, False)]
    assert constant_width(call(Concat(axis=0), datapath, multiplier=1, shift=1), "multiplier") == Width(15, False)


@pytest.mark.parametrize(("value", "bits"), [(127, 8), (-128, 8), (128, 16), (-(2**40), 48), (2**62, 64)])
def test_constant_without_a_stated_width(datapath: Datapath, value: int, bits: int) -> None:
    """It gets the least of 8, 16, 32, 48 and 64 bits that holds it, signed."""
    assert constant_width(call(Concat(axis=0), datapath, spare=value), "spare") == Width(bits, True)
