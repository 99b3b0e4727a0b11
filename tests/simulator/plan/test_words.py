"""The residual stream of 16 bits in the fast machine: sums, means, products into it; and a network with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bound_steps import runs_as_plain
from op_cases import conv2d_case, linear_case, mean_case
from op_datapaths import IOT_NPU, datapath
from op_parts import Case, build, codes, tensor, zero_points
from plain_add import add_parameters
from small_models import pictures, small_plan
from wide_cases import widened

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.options import CalibrationOptions
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.simulator.plan.addition import bind_add
from bittrue.simulator.plan.depthwise import bind_depthwise
from bittrue.simulator.plan.products import bind_conv2d, bind_linear
from bittrue.simulator.plan.reductions import bind_mean
from bittrue.simulator.plan.view import View
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import Activation, Add, Sub

WIDE = load_datapath("iot_npu_wide")


def addition(
    seed: int, bits: tuple[int, int, int], *, signed: bool = True, minus: bool = False, path: Datapath = WIDE
) -> Case:
    """A sum or a difference of images of these widths."""
    rng, shape = np.random.default_rng(seed), (1, 5, 3, 7)
    a, b, y = (
        tensor(name, shape, bits=width, signed=signed, zero_point=zero_points(rng, width, signed))
        for name, width in zip("aby", bits, strict=True)
    )
    assert path.add is not None
    constants = add_parameters(rng, path.add, max(a.magnitude_max, b.magnitude_max))
    call = build(Sub() if minus else Add(), [a, b], y, constants, path)
    return Case(call, (codes(rng, a), codes(rng, b)))


@pytest.mark.parametrize("minus", [False, True], ids=["add", "sub"])
@pytest.mark.parametrize(
    "bits, signed", [((16, 16, 16), True), ((16, 8, 8), True), ((8, 16, 16), True), ((9, 12, 5), False)]
)
def test_sums_of_words(bits: tuple[int, int, int], signed: bool, minus: bool) -> None:
    """Words and bytes in any combination; operands that lie alike and that do not."""
    for seed in range(6):
        case = addition(seed, bits, signed=signed, minus=minus)
        assert runs_as_plain(case, bind_add)
        shape = case.call.output.shape
        inner = View.dense(shape, (0, 2, 3, 1))
        assert runs_as_plain(case, bind_add, views=[inner, inner])
        assert runs_as_plain(case, bind_add, views=[inner, View.dense(shape)])


def test_sums_of_words_by_another_unit() -> None:
    """There is no table of pairs of words."""
    path = datapath({"add.rounding": "half_even", "add.operand_bits_max": 16, "add.output_bits_max": 16})
    assert not runs_as_plain(addition(0, (16, 16, 16), path=path), bind_add)
    assert runs_as_plain(addition(0, (8, 8, 8), path=path), bind_add)


def test_means_of_words() -> None:
    """Sums of positions fit the accumulator, which the contract proves."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        case = mean_case(rng, WIDE, channels=19, size=(5, 6))
        bits = (16, 12, 9)[seed % 3]
        source = replace(case.call.inputs[0], bits=bits, signed=bool(seed % 2), zero_point=(3,))
        call = build(case.call.op, [source], case.call.output, dict(case.call.constants), WIDE)
        inner = View.dense(source.shape, (0, 2, 3, 1))
        assert runs_as_plain(Case(call, (codes(rng, source),)), bind_mean, views=[inner])


@pytest.mark.parametrize("bits, signed", [(16, True), (16, False), (11, True)])
def test_products_into_words(bits: int, signed: bool) -> None:
    """Whole tiles and part ones, all columns or some."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows = widened(rng, linear_case(rng, rows=(3, 5), in_features=21, out_features=16 + seed), bits, signed=signed)
        assert runs_as_plain(rows, bind_linear)
        for groups, binder in ((1, bind_conv2d), (19, bind_depthwise)):
            case = conv2d_case(rng, in_channels=19, out_channels=19, padding=(0, 0), groups=groups, size=(6, 9))
            inner = View.dense(case.call.inputs[0].shape, (0, 2, 3, 1))
            assert runs_as_plain(widened(rng, case, bits, signed=signed), binder, views=[inner])


def test_products_of_more_than_sixteen_bits() -> None:
    """Go through the datapath's own loop, or are left to the plain kernel."""
    rng = np.random.default_rng(0)
    assert runs_as_plain(widened(rng, linear_case(rng, IOT_NPU), 20), bind_linear)
    case = conv2d_case(rng, in_channels=4, out_channels=4, padding=(0, 0), groups=4)
    inner = View.dense(case.call.inputs[0].shape, (0, 2, 3, 1))
    assert not runs_as_plain(widened(rng, case, 20), bind_depthwise, views=[inner])


@pytest.mark.parametrize("residual_bits", [8, 16])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_a_wide_network_has_no_plain_step(granularity: str, residual_bits: int) -> None:
    """With 16-bit pre-activations; functions go with the products in front unless their results are wide."""
    options = CalibrationOptions(
        preactivation_bits=16,
        residual_bits=residual_bits,
        activation_granularity=granularity,  # type: ignore[arg-type]
    )
    program = lower_plan(small_plan(options), WIDE, {})
    simulator = Simulator(program)
    for keep_all in (False, True):
        assert simulator.plan(keep_all=keep_all).plain == []
    tables = [call.op.axis for call in program.calls if isinstance(call.op, Activation)]
    assert any(axis is not None for axis in tables) == (granularity == "channel")
    functions = [
        (call.output.bits <= 8, bound is None) for call, bound in simulator.plan().steps if call.op.name == "activation"
    ]
    assert functions and all(narrow == fused for narrow, fused in functions)
    for image in pictures(3):
        found = simulator.run(image[None], keep="output").tensors[program.output]
        assert np.array_equal(found, simulator.run(image[None], keep="stages").tensors[program.output])
