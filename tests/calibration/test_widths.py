"""Tensors that are wider than a datapath's units take: narrowed where a unit says so, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from op_datapaths import datapath
from small_models import pictures, small_plan

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.lowering.resnap import resnap
from bittrue.calibration.lowering.widths import in_bits
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BittrueError

PREACTIVATIONS = ("stem", "expand", "depthwise")
STREAM = ("project", "add", "proj", "add_1")
"""The residual stream of the small network, which no MAC reads: an add, a norm and a mean do."""
SMALL_NORM = {"norm.sum_bits": 24, "norm.sum_of_squares_bits": 32}


@cache
def plan(*names: str, bits: int = 16) -> QuantPlan:
    """The small network's plan with 16 bits for some tensors."""
    base = small_plan()
    return replace(base, tensors={**base.tensors, **{name: in_bits(base.tensors[name], bits) for name in names}})


def test_another_width_covers_the_same_interval() -> None:
    """The lowest and the highest code stand for the same real values, to half a step; 0 stays a code."""
    tensor = TensorPlan(16, (0.001, 0.5), (-20000, 40000), 1, "asymmetric", (0.0, 0.0), (1.0, 1.0))
    narrow = in_bits(tensor, 8)
    assert (narrow.bits, narrow.axis, narrow.low, narrow.high) == (8, 1, tensor.low, tensor.high)
    for index in range(2):
        for code, wide in ((-128, -32768), (127, 32767)):
            real = tensor.scale[index] * (wide - tensor.zero_point[index])
            assert abs(narrow.scale[index] * (code - narrow.zero_point[index]) - real) <= narrow.scale[index] * 0.51
    assert -128 <= narrow.zero_point[0] <= 127 < narrow.zero_point[1]


def test_another_width_of_a_symmetric_tensor() -> None:
    """The largest magnitude stays: 32767 steps of it become 127."""
    tensor = TensorPlan(16, (1.0,), (0,), None, "symmetric", (-32767.0,), (32767.0,))
    assert (in_bits(tensor, 8).scale, in_bits(tensor, 8).zero_point) == ((32767 / 127,), (0,))


def test_wide_preactivations_stay_where_the_units_take_them() -> None:
    """iot_npu_wide changes nothing; iot_npu's tables take 8 bits, and the three tensors are listed."""
    wide, narrow = load_datapath("iot_npu_wide"), load_datapath("iot_npu")
    assert resnap(plan(*PREACTIVATIONS), wide)[1] == ()
    held, changed = resnap(plan(*PREACTIVATIONS), narrow)
    assert changed == PREACTIVATIONS
    assert {held.tensors[name].bits for name in PREACTIVATIONS} == {8}


@pytest.mark.parametrize("name", ["iot_npu", "iot_npu_wide"])
@pytest.mark.parametrize("wide", [PREACTIVATIONS, (*PREACTIVATIONS, *STREAM)], ids=["pre-activations", "and stream"])
def test_a_wide_network_runs_on_both(name: str, wide: tuple[str, ...]) -> None:
    """Simulator and reference agree on every tensor; the wide datapath keeps the 16 bits."""
    program = lower_plan(plan(*wide), load_datapath(name), {})
    listed = set(json.loads(program.provenance["scales_changed"]))
    assert listed == (set(PREACTIVATIONS) if name == "iot_npu" else set())
    assert all(program.tensors[tensor].bits == (8 if tensor in listed else 16) for tensor in wide)
    image = pictures(1, seed=4)
    fast = Simulator(program).run(image).tensors
    for tensor, codes in Reference(program).run(image).tensors.items():
        assert np.array_equal(fast[tensor], codes), tensor


def test_a_table_narrows_its_output_too() -> None:
    """16 bits behind an activation: iot_npu's table gives 8, iot_npu_wide's unit 16."""
    base = plan("silu_1")
    assert resnap(base, load_datapath("iot_npu"))[0].tensors["silu_1"].bits == 8
    assert resnap(base, load_datapath("iot_npu_wide"))[1] == ()


def test_an_activation_unit_narrows_its_output_too() -> None:
    """The unit's own width of what it gives."""
    wide = load_datapath("iot_npu_wide")
    silu = next(unit for name, unit in wide.activation.items() if name == "silu")
    narrow = wide.model_copy(update={"activation": {"silu": silu.model_copy(update={"output_bits_max": 12})}})
    held, changed = resnap(plan("silu_1"), narrow)
    assert changed == ("silu_1",) and held.tensors["silu_1"].bits == 12


def test_a_norm_takes_the_widest_codes_that_its_registers_hold() -> None:
    """Rows of 8 squares in 32 bits with sign: 15-bit codes may reach 8 * 2**28 = 2**31, 14-bit ones 2**29."""
    held, changed = resnap(plan("add"), datapath(SMALL_NORM))
    assert changed == ("add",)
    assert held.tensors["add"].bits == 14
    lower_plan(plan("add"), datapath(SMALL_NORM), {})


def test_an_add_takes_what_its_unit_says() -> None:
    """Operands and output."""
    held, changed = resnap(plan(*STREAM), datapath({"add.operand_bits_max": 12, "add.output_bits_max": 11}))
    assert {name: held.tensors[name].bits for name in STREAM} == {"project": 12, "add": 11, "proj": 12, "add_1": 11}
    assert changed == STREAM


def test_nothing_is_narrowed_below_8_bits() -> None:
    """A unit that takes fewer refuses an 8-bit tensor, as it always did."""
    path = datapath({"add.operand_bits_max": 6})
    assert resnap(small_plan(), path)[1] == ()
    assert resnap(plan("project"), path)[0].tensors["project"].bits == 8
    with pytest.raises(BittrueError, match="an operand of an add is wider"):
        lower_plan(small_plan(), path, {})
