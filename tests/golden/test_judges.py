"""Every judge, with all its stages, against the formulas on Python integers (tests/plain_integers.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from op_datapaths import ADDERS, ENDS, SPILLS, SUBTRACTED, TILED, UNSIGNED
from plain_integers import expected
from tiny_programs import UNIT, checked_call, iot_npu, tensor

from bittrue.golden import accumulator
from bittrue.golden.ops import JUDGES
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, OutOfDomain
from bittrue.spec.op import Call, Op
from bittrue.spec.ops import OPS
from bittrue.spec.ops.add import Add
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.concat import Concat
from bittrue.spec.ops.constant import Constant
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.ops.layer_norm import LayerNorm
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.mul import Mul
from bittrue.spec.ops.permute import Permute
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.slice import Slice
from bittrue.spec.ops.softmax import Softmax
from bittrue.spec.ops.sub import Sub
from bittrue.spec.ops.table import Table
from bittrue.spec.ops.weighted_sum import WeightedSum
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Width


@dataclass(frozen=True)
class Case:
    """One step without its datapath; `shift` brings a typical accumulator to about eight bits."""

    op: Op
    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    constants: Mapping[str, NDArray[np.integer]]


def generator() -> np.random.Generator:
    """Constants are drawn anew for each case, and the same in each run."""
    return np.random.default_rng(5)


def scaling(count: int, shift: int) -> dict[str, NDArray[np.integer]]:
    """Requantizer constants: different multipliers, and shifts that differ by one."""
    rng = generator()
    return {"multiplier": rng.integers(1 << 30, 1 << 31, count), "shift": shift + rng.integers(0, 2, count)}


def weights(shape: tuple[int, ...], shift: int, *, channels: int | None = None) -> dict[str, NDArray[np.integer]]:
    """Constants of conv2d and linear, one a channel unless said otherwise."""
    rng = generator()
    count = shape[0] if channels is None else channels
    return {"weight": rng.integers(-127, 128, shape), "bias": rng.integers(-900, 900, count), **scaling(count, shift)}


def norm_constants(source: TensorSpec, row: int, channels: int) -> dict[str, NDArray[np.integer]]:
    """Gammas of both signs, and the parameters of the default unit for rows of `row` codes, epsilon 7."""
    rng, unit = generator(), iot_npu().norm
    assert isinstance(unit, ExactNorm)
    k, p = unit.root_shift_and_reciprocal_bits(Width(source.bits, source.signed), row, 7)
    return {
        "epsilon": np.array([7]),
        "pre_shift": np.array([0]),
        "root_shift": np.array([k]),
        "reciprocal_bits": np.array([p]),
        "multiplier": rng.integers(-(1 << 15), 1 << 15, channels),
        "bias": rng.integers(-(1 << 28), 1 << 28, channels),
        "shift": rng.integers(25, 27, channels),
    }


def layer_norm(source: TensorSpec, output: TensorSpec) -> Case:
    """Rows along the last axis."""
    return Case(LayerNorm(), (source,), output, norm_constants(source, source.shape[-1], source.shape[-1]))


def group_norm(source: TensorSpec, output: TensorSpec, groups: int) -> Case:
    """Rows of channels / groups times positions."""
    constants = norm_constants(source, source.size // groups, source.shape[1])
    return Case(GroupNorm(groups), (source,), output, constants)


def exponentials(scale: float) -> NDArray[np.integer]:
    """A table of exponentials for logits of a scale."""
    return np.round(65535 * np.exp(-np.arange(256) * scale)).astype(np.int64)


CASES = {
    "conv2d, padded, 3x2 kernel, stride (2, 1)": Case(
        Conv2d(4, (3, 2), (2, 1), (1, 1)),
        (tensor("x", (1, 3, 6, 5), zero_point=-9),),
        tensor("y", (1, 4, 3, 6), zero_point=3),
        weights((4, 3, 3, 2), 38),
    ),
    "conv2d, two groups, output zero points per channel": Case(
        Conv2d(4, (3, 3), groups=2),
        (tensor("x", (1, 6, 5, 5)),),
        tensor("y", (1, 4, 3, 3), zero_point=(3, -4, 0, 90), axis=1),
        weights((4, 3, 3, 3), 39),
    ),
    "conv2d, depthwise, input zero points per channel": Case(
        Conv2d(3, (3, 3), padding=(1, 1), groups=3),
        (tensor("x", (1, 3, 4, 4), zero_point=(-5, 100, 0), axis=1),),
        tensor("y", (1, 3, 4, 4)),
        weights((3, 1, 3, 3), 38),
    ),
    "conv2d, one constant for all channels, u8 input": Case(
        Conv2d(2, (1, 1)),
        (tensor("x", (1, 5, 3, 3), signed=False, zero_point=4),),
        tensor("y", (1, 2, 3, 3), signed=False, zero_point=128),
        weights((2, 5, 1, 1), 38, channels=1),
    ),
    "linear": Case(
        Linear(6), (tensor("x", (1, 2, 3, 9)),), tensor("y", (1, 2, 3, 6), zero_point=-20), weights((6, 9), 38)
    ),
    "linear, one axis": Case(Linear(6), (tensor("x", (9,)),), tensor("y", (6,)), weights((6, 9), 38)),
    "matmul": Case(
        MatMul(),
        (tensor("a", (2, 3, 4), zero_point=7), tensor("b", (2, 4, 5), zero_point=-300)),
        tensor("y", (2, 3, 5)),
        scaling(1, 39),
    ),
    "matmul, b transposed": Case(
        MatMul(True),
        (tensor("a", (1, 2, 3, 4), zero_point=7), tensor("b", (1, 2, 5, 4), signed=False, zero_point=90)),
        tensor("y", (1, 2, 3, 5), zero_point=1),
        scaling(1, 39),
    ),
    "weighted_sum": Case(
        WeightedSum(),
        (
            tensor("key", (1, 4, 3, 6), zero_point=2),
            tensor("score", (1, 1, 3, 6), bits=16, signed=False, row_sum_max=70000),
        ),
        tensor("y", (1, 4, 3, 1)),
        scaling(1, 45),
    ),
    "mean": Case(
        Mean(), (tensor("x", (1, 5, 3, 4), zero_point=-200),), tensor("y", (1, 5, 1, 1), zero_point=9), scaling(1, 35)
    ),
    "avg_pool2d": Case(
        AvgPool2d((3, 2), (2, 1), (1, 1)),
        (tensor("x", (1, 3, 5, 4), zero_point=-200),),
        tensor("y", (1, 3, 3, 5), zero_point=9),
        scaling(1, 35),
    ),
    "avg_pool2d, by the taps inside": Case(
        AvgPool2d((3, 2), (2, 1), (1, 1), count_include_pad=False),
        (tensor("x", (1, 3, 5, 4), zero_point=-200),),
        tensor("y", (1, 3, 3, 5), zero_point=9),
        scaling(6, 35),
    ),
    "add": Case(
        Add(),
        (tensor("a", (1, 3, 4), zero_point=5), tensor("b", (1, 3, 4), zero_point=-130)),
        tensor("y", (1, 3, 4), zero_point=-6),
        {"multiplier_a": np.array([2000000001]), "multiplier_b": np.array([777777777]), "shift": np.array([31])},
    ),
    "sub": Case(
        Sub(),
        (tensor("a", (1, 3, 4), zero_point=5), tensor("b", (1, 3, 4), zero_point=-130)),
        tensor("y", (1, 3, 4), zero_point=-6),
        {"multiplier_a": np.array([2000000001]), "multiplier_b": np.array([777777777]), "shift": np.array([31])},
    ),
    "constant": Case(
        Constant((1, 3, 4)), (), tensor("y", (1, 3, 4)), {"codes": generator().integers(-128, 128, (1, 3, 4))}
    ),
    "mul, b repeated along two axes": Case(
        Mul(),
        (tensor("a", (1, 3, 4, 2), zero_point=5), tensor("b", (1, 1, 4, 1), zero_point=-130)),
        tensor("y", (1, 3, 4, 2), zero_point=-6),
        scaling(1, 37),
    ),
    "concat": Case(
        Concat(1),
        (tensor("a", (1, 2, 3), zero_point=5), tensor("b", (1, 3, 3), signed=False, zero_point=40)),
        tensor("y", (1, 5, 3), zero_point=5),
        {"multiplier": np.array([1 << 30, 1999999999]), "shift": np.array([30, 31])},
    ),
    "softmax": Case(
        Softmax(),
        (tensor("x", (2, 3, 7), zero_point=900),),
        tensor("y", (2, 3, 7), bits=16, signed=False, row_sum_max=65536 + 7),
        {"table": exponentials(1 / 16)},
    ),
    "softmax, one logit takes all": Case(
        Softmax(),
        (tensor("x", (8, 5), signed=False),),
        tensor("y", (8, 5), bits=16, signed=False, row_sum_max=65536 + 5),
        {"table": exponentials(1.0)},
    ),
    "layer_norm": layer_norm(tensor("x", (1, 4, 12), zero_point=77), tensor("y", (1, 4, 12), zero_point=-3)),
    "layer_norm, 16-bit codes": layer_norm(tensor("x", (1, 3, 8), bits=16), tensor("y", (1, 3, 8), zero_point=4)),
    "group_norm, one group": group_norm(tensor("x", (1, 4, 3, 5)), tensor("y", (1, 4, 3, 5), zero_point=8), 1),
    "group_norm, two groups": group_norm(tensor("x", (1, 6, 2, 2), signed=False), tensor("y", (1, 6, 2, 2)), 2),
    "table": Case(
        Table("f"),
        (tensor("x", (1, 3, 4)),),
        tensor("y", (1, 3, 4), signed=False),
        {"table": generator().integers(0, 256, (1, 256))},
    ),
    "table, one a channel, 4-bit codes": Case(
        Table("f", 1),
        (tensor("x", (1, 3, 4), bits=4, signed=False),),
        tensor("y", (1, 3, 4)),
        {"table": generator().integers(-128, 128, (3, 16))},
    ),
}
LAYOUT = {
    "reshape": (Reshape((2, 6)), lambda codes: codes.reshape(2, 6)),
    "permute": (Permute((2, 0, 1)), lambda codes: codes.transpose(2, 0, 1)),
    "slice": (Slice(2, 1, 3), lambda codes: codes[:, :, 1:3]),
}
MODES = tuple(Rounding)


def stimulus(case: Case) -> list[NDArray[np.int64]]:
    """Codes over the whole range; the two ends stand first. Rows with a proved sum keep it."""
    arrays = []
    for seed, spec in enumerate(case.inputs):
        low, high = spec.code_range
        high = high if spec.row_sum_max is None else spec.row_sum_max // spec.shape[-1]
        codes = np.random.default_rng(seed).integers(low, high + 1, spec.shape)
        codes.reshape(-1)[:2] = low, high
        arrays.append(codes)
    return arrays


def call_of(case: Case, datapath: Datapath) -> Call:
    """The checked step on a datapath."""
    return checked_call(case.op, case.inputs, case.output, case.constants, datapath)


def judge(call: Call, operands: list[NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Stages in the judge's order, then "output"."""
    stages: dict[str, torch.Tensor] = {}
    output = JUDGES[call.op.name](call, [torch.from_numpy(array) for array in operands], stages)
    assert tuple(stages) == call.op.stages_on(call.datapath)
    assert output.dtype is torch.int64
    assert torch.equal(output, JUDGES[call.op.name](call, [torch.from_numpy(array) for array in operands], None))
    return {name: value.numpy() for name, value in {**stages, "output": output}.items()}


def assert_same(found: dict[str, NDArray[np.int64]], wanted: dict[str, NDArray[np.int64]]) -> None:
    """The same stages and output: shapes, dtype and every integer."""
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == np.int64
        np.testing.assert_array_equal(found[name], array, err_msg=name, strict=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_a_judge_states_its_formula(name: str, mode: str) -> None:
    """Every stage and the output equal the formula on Python integers, in every rounding mode."""
    case = CASES[name]
    call = call_of(case, iot_npu(dict.fromkeys(("requantization", "add", "softmax", "norm"), {"rounding": mode})))
    operands = stimulus(case)
    found = judge(call, operands)
    assert_same(found, expected(call, operands))
    assert np.unique(found["output"]).size > 2, "the case says something"


@pytest.mark.parametrize("shift", [17, 31, 36])
@pytest.mark.parametrize("name", CASES)
def test_a_judge_rounds_twice(name: str, shift: int) -> None:
    """The first shift below, at and above the step's own shifts, with another rule for the second."""
    case = CASES[name]
    rule = {"rounding": "half_up", "second_rounding": "half_away", "first_shift": shift}
    call = call_of(case, iot_npu({"requantization": rule}))
    operands = stimulus(case)
    assert_same(judge(call, operands), expected(call, operands))


MACS = [name for name, case in CASES.items() if call_of(case, iot_npu()).bound is not None]
ORDER_FREE = [name for name in MACS if CASES[name].op.name != "conv2d" or CASES[name].op.kernel == (1, 1)]
"""One-dimensional reductions and 1x1 kernels have one order."""
ORDERS = [("ky", "kx", "c"), ("c", "ky", "kx"), ("kx", "c", "ky")]


@pytest.mark.parametrize("bias", ["first", "last"])
@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("name", MACS)
def test_an_overflowing_accumulator(name: str, overflow: str, bias: str) -> None:
    """A register too narrow for the sums wraps or saturates after each addition, in each order of axes."""
    case, results = CASES[name], []
    bits = 20 if name == "weighted_sum" else 11
    for order in ORDERS:
        mac = {"accumulator_bits": bits, "overflow": overflow, "order": order, "bias": bias}
        call = call_of(case, iot_npu({"mac": mac}))
        assert not call.accumulator_proved
        operands = stimulus(case)
        found = judge(call, operands)
        assert_same(found, expected(call, operands))
        results.append(found["accumulator"])
    wide = judge(call_of(case, iot_npu()), stimulus(case))["accumulator"]
    assert (results[0] != wide).any(), "the register overflows"
    one_order = (results[0] == results[1]).all() and (results[0] == results[2]).all()
    if overflow == "wrap" or name in ORDER_FREE:
        assert one_order
    else:
        assert not one_order, "the order of a saturating convolution changes its result"


MAC_DATAPATHS = {**TILED, **ADDERS, **SPILLS, **ENDS, **SUBTRACTED, **UNSIGNED}


@pytest.mark.parametrize("path", MAC_DATAPATHS)
@pytest.mark.parametrize("name", MACS)
def test_every_mac(name: str, path: str) -> None:
    """Tiles, adders, spills, ends and multipliers, for every op that adds; unsigned factors have no zero point."""
    case, operands = CASES[name], stimulus(CASES[name])
    if path in UNSIGNED and case.op.name in ("matmul", "weighted_sum"):
        with pytest.raises(IllFormed, match="unsigned"):
            call_of(case, MAC_DATAPATHS[path])
        case = replace(case, inputs=tuple(replace(spec, zero_point=(0,)) for spec in case.inputs))
    call = call_of(case, MAC_DATAPATHS[path])
    assert_same(judge(call, operands), expected(call, operands))


def test_the_order_of_a_saturating_linear_by_hand() -> None:
    """8-bit register, products 100, 100, -90, bias 20, by hand.

    Bias first: 20 + 100 = 120, + 100 -> 127, - 90 = 37. Bias last: 100, 127, 37, 57.
    With the codes reversed, bias first: 20 - 90 = -70, 30, 127 (130 saturates).
    """
    one = {"weight": np.array([[10, 10, 10]]), "bias": np.array([20]), **UNIT}
    case = Case(Linear(1), (tensor("x", (1, 3)),), tensor("y", (1, 1)), one)
    results = {}
    for bias in ("first", "last"):
        call = call_of(case, iot_npu({"mac": {"accumulator_bits": 8, "overflow": "saturate", "bias": bias}}))
        for codes in ([10, 10, -9], [-9, 10, 10]):
            results[bias, codes[0]] = int(judge(call, [np.array([codes])])["accumulator"][0, 0])
    assert results == {("first", 10): 37, ("first", -9): 127, ("last", 10): 57, ("last", -9): 127}


@pytest.mark.parametrize("name", MACS)
def test_the_int64_path_equals_the_float64_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a bound reaches 2**53 the sums run in int64; both ways give the same integers."""
    case = CASES[name]
    call = call_of(case, iot_npu())
    operands = stimulus(case)
    by_float = judge(call, operands)
    monkeypatch.setattr(accumulator, "EXACT_IN_FLOAT64", 0)
    assert_same(judge(call, operands), by_float)


def test_a_sum_beyond_float64_is_exact() -> None:
    """16-bit codes far from a wide zero point sum to more than 2**53; by hand.

    1023 products of (2**29 + 1) * 65535, and one of 2**29 * 65535, need 55 bits: a double would round.
    The 48-bit register keeps the low bits of the exact sum.
    """
    n = 1024
    a = tensor("a", (1, n), bits=16, zero_point=-(1 << 29))
    b = tensor("b", (n, 1), bits=16, signed=False)
    output = tensor("y", (1, 1), bits=32)
    case = Case(MatMul(), (a, b), output, {"multiplier": np.array([128]), "shift": np.array([22])})
    mac = {"accumulator_bits": 48, "overflow": "wrap", "activation_bits_max": 16}
    datapath = iot_npu({"mac": mac, "requantization": {"multiplier_bits": 8}})
    call = call_of(case, datapath)
    assert call.bound is not None and call.bound.magnitude > 1 << 53
    codes = np.ones((1, n), np.int64)
    codes[0, 5] = 0
    exact = (n - 1) * ((1 << 29) + 1) * 65535 + (1 << 29) * 65535
    half = 1 << 47
    assert float(exact) != exact
    found = judge(call, [codes, np.full((n, 1), 65535)])
    assert int(found["accumulator"][0, 0]) == (exact + half) % (1 << 48) - half


@pytest.mark.parametrize("name", LAYOUT)
def test_layout_judges_move_codes(name: str) -> None:
    """reshape, permute and slice equal NumPy's."""
    op, wanted = LAYOUT[name]
    codes = np.arange(12).reshape(1, 3, 4)
    moved = wanted(codes)
    call = checked_call(op, [tensor("x", codes.shape)], tensor("y", moved.shape), {}, iot_npu())
    np.testing.assert_array_equal(judge(call, [codes])["output"], moved)


def test_a_broken_row_sum_is_refused() -> None:
    """An accumulator outside its proved bound means that an input breaks its tensor's promise."""
    case = CASES["weighted_sum"]
    call = call_of(case, iot_npu())
    key, score = stimulus(case)
    with pytest.raises(OutOfDomain, match="proved bound"):
        judge(call, [np.full_like(key, 127), np.full_like(score, 65535)])


def test_every_op_has_a_judge_and_a_case() -> None:
    """The registry, the contract and this file name the same ops; activation's kinds stand in tests/units."""
    assert list(JUDGES) == sorted(OPS) == list(OPS)
    assert {case.op.name for case in CASES.values()} | set(LAYOUT) | {"activation"} == set(OPS)
