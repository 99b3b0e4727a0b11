"""Steps whose accumulators saturate: the fast machine against the plain kernels, where sums really saturate.

Each case runs behind a step that lays its operand out as the fast machine does, and asserts that it was bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numba import config
from op_cases import conv2d_case, linear_case, matmul_case
from op_datapaths import datapath
from op_parts import Case, codes, requantizer, tensor
from op_parts import build as checked

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.compiler import Plan
from bittrue.simulator.plan.processor import has_vnni
from bittrue.spec.bounds import held_accumulator
from bittrue.spec.op import Call, Op
from bittrue.spec.ops import Conv2d, Linear, MatMul, Table
from bittrue.spec.program import Program, Step
from bittrue.spec.tensors import TensorSpec

Kind = Callable[..., Case]
KINDS: dict[str, Kind] = {
    "conv2d 3x3": partial(conv2d_case, size=(3, 3), in_channels=5, out_channels=18, stride=(1, 1)),
    "conv2d 3x3, stride 2": partial(conv2d_case, in_channels=4, out_channels=3),
    "conv2d 1x1": partial(
        conv2d_case, size=(3, 3), in_channels=40, out_channels=17, kernel=(1, 1), stride=(1, 1), padding=(0, 0)
    ),
    "depthwise": partial(conv2d_case, size=(4, 3), in_channels=19, out_channels=19, groups=19, stride=(1, 1)),
    "linear": partial(linear_case, in_features=37, out_features=20),
    "matmul": partial(matmul_case, m=9, k=20, n=18),
    "matmul, transposed": partial(matmul_case, m=3, k=30, n=5, transpose_b=True),
    "probabilities": partial(matmul_case, m=3, k=20, n=18, probabilities=True),
}


def saturating(bits: int, **changes: object) -> dict[str, object]:
    """Keys of a MAC that saturates at `bits` bits."""
    return {"mac.accumulator_bits": bits, "mac.overflow": "saturate"} | {
        f"mac.{key}": value for key, value in changes.items()
    }


MACHINES: dict[str, dict[str, object]] = {
    "12": saturating(12),
    "14": saturating(14),
    "15, the last that is not scaled": saturating(15),
    "16": saturating(16),
    "12, bias last": saturating(12, bias="last"),
    "16, bias last": saturating(16, bias="last"),
    "16, channels first": saturating(16, order=("c", "ky", "kx")),
    "12, by columns": saturating(12, order=("kx", "c", "ky"), bias="last"),
    "16, subtracted": saturating(16, zero_point="subtracted"),
    "14, subtracted, channels first": saturating(14, zero_point="subtracted", order=("c", "kx", "ky")),
    "16, leaving in 12": saturating(16, output_bits=12),
    "at the end": {"mac.accumulator_bits": 14, "mac.overflow": "saturate_at_end"},
    "at the end, bias last, in tiles": {
        "mac.accumulator_bits": 14,
        "mac.overflow": "saturate_at_end",
        "mac.bias": "last",
        "mac.k_tile": 3,
    },
    "proved, leaving in 14": {"mac.output_bits": 14},
}


def made(kind: str, seed: int, changes: Mapping[str, object]) -> Case:
    """A random case."""
    return KINDS[kind](np.random.default_rng(seed), datapath(changes))


def planned(case: Case, table: np.ndarray | None = None) -> Plan:
    """A step behind one that copies its first operand into the fast machine's layout, in front of a table if any."""
    call = case.call
    first, rest = call.inputs[0], call.inputs[1:]
    given = replace(first, name="given", axis=None, scale=(1.0,), zero_point=(0,))
    copy = call.op.name == "conv2d" and first.bits <= 8  # other operands lie right as they are given
    tensors = {spec.name: spec for spec in ((given if copy else first), first, *rest, call.output)}
    low, high = first.code_range
    steps, constants = [], {f"y/{role}": array for role, array in call.constants.items()}
    if copy:
        steps.append(Step(first.name, Table("copy"), ("given",)))
        constants[f"{first.name}/table"] = np.arange(low, high + 1)[None]
    steps.append(Step("y", call.op, tuple(spec.name for spec in call.inputs), call.bound))
    if table is not None:
        tensors["z"] = replace(call.output, name="z", axis=None, scale=(1.0,), zero_point=(0,))
        steps.append(Step("z", Table("function"), ("y",)))
        constants["z/table"] = table
    inputs = ("given" if copy else first.name, *(spec.name for spec in rest))
    program = Program("tiny", call.datapath, tensors, tuple(steps), constants, inputs, steps[-1].name, {})
    return Plan(program, keep_all=table is None)


def run(plan: Plan, case: Case, name: str = "y") -> np.ndarray:
    """A tensor after a run on the case's operands."""
    inputs = plan._program.inputs
    plan.run(dict(zip(inputs, case.operands, strict=True)))
    return plan.read(name)


def bound_by(plan: Plan, name: str = "y") -> str:
    """The function that runs a step."""
    (bound,) = [bound for call, bound in plan.steps if call.step == name]
    return str(getattr(bound, "func", bound).__name__)


def accumulators(case: Case, **changes: object) -> np.ndarray:
    """The plain kernel's accumulators, with some of the MAC's fields changed."""
    mac = case.call.datapath.mac.model_copy(update=changes)
    call = replace(case.call, datapath=case.call.datapath.model_copy(update={"mac": mac}))
    stages: dict[str, np.ndarray] = {}
    KERNELS[call.op.name](call, case.operands, stages)
    return stages["accumulator"]


def plainly(case: Case) -> np.ndarray:
    """The plain kernel's output."""
    return KERNELS[case.call.op.name](case.call, case.operands, None)


def exact(case: Case) -> np.ndarray:
    """Accumulators that no register changes."""
    return accumulators(case, accumulator_bits=48, overflow="exact", output_bits=None)


def limited(case: Case) -> np.ndarray:
    """The exact accumulators, saturated once: what saturation on the way departs from."""
    mac = case.call.datapath.mac
    bits = min(mac.accumulator_bits, mac.output_bits or 48)
    return np.clip(exact(case), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


SEEDS = 1 if config.DISABLE_JIT else 4  # type: ignore[attr-defined]
"""Cases of each kind, at least: in plain Python they take long."""
WINDOWS = ("conv2d 3x3", "conv2d 3x3, stride 2", "depthwise")
"""What has an order of taps."""


@pytest.mark.parametrize(
    ("kind", "machine"),
    [(kind, name) for kind in KINDS for name in MACHINES if kind in WINDOWS or "mac.order" not in MACHINES[name]],
)
def test_steps_equal_the_plain_kernels(kind: str, machine: str) -> None:
    """Codes are the plain kernel's where the order of additions, or the saturation at the end, changes sums."""
    seen = False
    for seed in range(20):
        case = made(kind, seed, MACHINES[machine])
        plan, mac = planned(case), case.call.datapath.mac
        assert np.array_equal(run(plan, case), plainly(case))
        assert not plan.plain
        if case.call.accumulator_proved and mac.output_bits is None:
            continue  # an order that cannot matter is another binder's
        assert bound_by(plan).startswith("saturating")
        if not seen:
            other = limited(case) if mac.overflow == "saturate" else exact(case)
            seen = bool((accumulators(case) != other).any())
        if seen and seed + 1 >= SEEDS:
            return
    raise AssertionError("no sum saturated")


@pytest.mark.parametrize("kind", ["conv2d 3x3", "depthwise", "linear"])
def test_a_table_behind_the_step_is_read_as_it_is_written(kind: str) -> None:
    """The output of the table is the plain kernel's, looked up."""
    case = made(kind, 0, saturating(13))
    table = np.random.default_rng(1).integers(-128, 128, (1, 256))
    plan = planned(case, table)
    assert [bound for call, bound in plan.steps if call.step == "z"] == [None]
    assert bound_by(plan).startswith("saturating")
    assert np.array_equal(run(plan, case, "z"), table[0][plainly(case).astype(int) + 128])


@pytest.mark.parametrize(
    "changes",
    [
        {"requantization.rounding": "half_even"},
        {"requantization.kind": "float32"},
        {"requantization.kind": "thresholds"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["conv2d 3x3", "linear"])
def test_any_requantizer_takes_the_accumulators(kind: str, changes: Mapping[str, object]) -> None:
    """Accumulators are saturated in order in front of every other requantizer, too."""
    case = KINDS[kind](np.random.default_rng(2), datapath({**saturating(13), **changes}))
    plan = planned(case)
    assert bound_by(plan) == "run" and not plan.plain
    assert np.array_equal(run(plan, case), plainly(case))
    assert (accumulators(case) != limited(case)).any()
    table = np.random.default_rng(1).integers(-128, 128, (1, 256))
    plan = planned(case, table)
    assert np.array_equal(run(plan, case, "z"), table[0][plainly(case).astype(int) + 128])
    assert bound_by(plan, "z") != "NoneType"


def straight(
    op: Op, source: TensorSpec, weight: np.ndarray, bias: np.ndarray, changes: Mapping[str, object], seed: int = 0
) -> Call:
    """A checked step with given weights and biases."""
    path, columns = datapath(changes), weight.shape[0]
    output = tensor("y", op.output_shape([source.shape]))
    constants = {"weight": weight, "bias": bias}
    call = Call("y", op, (source,), output, constants, path)
    reach = held_accumulator(replace(call, bound=op.bound(call))).magnitude
    constants |= requantizer(np.random.default_rng(seed), path, reach, 8, columns)
    return checked(op, [source], output, constants, path)


def worst(call: Call, column: int, *, top: bool) -> np.ndarray:
    """The row of codes that brings one column of a linear step to an end of its bound."""
    low, high = call.inputs[0].code_range
    up = call.constants["weight"][column] > 0
    return np.where(up == top, high, low).astype(call.inputs[0].dtype)


@pytest.mark.parametrize("bias", ["first", "last"])
@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("bits", [14, 18, 20])
def test_blocks_are_proved_one_by_one(bits: int, top: bool, bias: str) -> None:
    """16 columns that just reach an end of the register are dot products; one that passes it by 1 is not."""
    rng = np.random.default_rng(3)
    features, limit = 1 << (bits - 12), (1 << (bits - 1)) - 1 if top else -(1 << (bits - 1))
    weight = rng.integers(-12, 13, (33, features))
    source = tensor("x", (8, features))
    ends = np.where((weight > 0) == top, 127, -128)
    # bias last: the sum of the taps alone must stay inside, too, and does
    biases = limit - (weight * ends).sum(axis=1)
    biases[20] += 1 if top else -1
    call = straight(Linear(33), source, weight, biases, saturating(bits, bias=bias))
    assert np.abs(biases).max() < abs(limit) and not call.accumulator_proved
    rows = np.stack([worst(call, column, top=top) for column in (0, 20, 32)] + [codes(rng, source)[0]] * 5)
    case = Case(call, (rows,))
    plan = planned(case)
    (bound,) = [bound for _, bound in plan.steps]
    assert isinstance(bound, partial) and bound.func.__name__ == "saturating_codes"
    assert bound.args[6].tolist() == [True, False, True]
    assert np.array_equal(run(plan, case), plainly(case))
    found, free = accumulators(case), exact(case)
    assert found[0, 0] == free[0, 0] == found[2, 32] == limit and found[1, 20] == limit != free[1, 20]


@pytest.mark.parametrize("kind", ["conv2d 3x3", "linear", "depthwise"])
def test_a_register_as_wide_as_the_bound_takes_the_fast_path(kind: str) -> None:
    """At the bound's own width the step is another binder's; one bit less and it is bound here, with equal codes."""
    wide = made(kind, 5, saturating(30))
    assert wide.call.bound is not None
    bits = wide.call.bound.bits
    for width, here in ((bits, False), (bits - 1, True)):
        mac = wide.call.datapath.mac.model_copy(update={"accumulator_bits": width})
        path = wide.call.datapath.model_copy(update={"mac": mac})
        case = replace(wide, call=replace(wide.call, datapath=path))
        assert case.call.op.bound(case.call) == case.call.bound and case.call.accumulator_proved is not here
        plan = planned(case)
        assert bound_by(plan).startswith("saturating") is here and not plan.plain
        assert np.array_equal(run(plan, case), plainly(case))


WIDE_BIASES = [1 << 29, -(1 << 29), 1 << 15, -(1 << 15) - 1, (1 << 16) + 5, 0]


@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("bits", [14, 16, 30])
def test_biases_past_the_register(bits: int, order: str) -> None:
    """A bias wider than the register saturates as it is loaded, or when it is added last."""
    rng = np.random.default_rng(7)
    source = tensor("x", (11, 40))
    weight, bias = rng.integers(-127, 128, (6, 40)), np.array(WIDE_BIASES) * (1 if bits < 30 else 3)
    call = straight(Linear(6), source, weight, bias, saturating(bits, bias=order))
    case = Case(call, (codes(rng, source),))
    plan = planned(case)
    assert bound_by(plan) == "saturating_codes"
    assert np.array_equal(run(plan, case), plainly(case))


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("signed", [True, False])
def test_wide_codes(bits: int, signed: bool) -> None:
    """Activations of 12 and 16 bits are multiplied in int32, saturating or exact."""
    rng = np.random.default_rng(bits)
    source = tensor("x", (10, 1, 2, 25), bits=bits, signed=signed, zero_point=(37,))
    for overflow, width in (("saturate", 20), ("saturate_at_end", 20), ("refuse", 32)):
        changes = {"mac.accumulator_bits": width, "mac.overflow": overflow, "mac.activation_bits_max": 16}
        weight, bias = rng.integers(-127, 128, (17, 25)), rng.integers(-(1 << 18), 1 << 18, 17)
        case = Case(straight(Linear(17), source, weight, bias, changes), (codes(rng, source),))
        plan = planned(case)
        assert bound_by(plan) == "saturating_codes" and np.array_equal(run(plan, case), plainly(case))
        assert (accumulators(case) != exact(case)).any() == (overflow != "refuse")


def test_the_widest_registers_that_are_taken() -> None:
    """30 bits saturate in order, in int32; one bit more is left to the plain kernels."""
    rng = np.random.default_rng(9)
    source = tensor("x", (3, 60), bits=16)
    weight, bias = rng.integers(-(1 << 12), 1 << 12, (4, 60)), np.zeros(4, np.int64)
    for bits, plain in ((30, []), (31, ["y"])):
        changes = {**saturating(bits), "mac.activation_bits_max": 16, "mac.weight_bits_max": 16}
        case = Case(straight(Linear(4), source, weight, bias, changes), (codes(rng, source),))
        plan = planned(case)
        assert plan.plain == plain and np.array_equal(run(plan, case), plainly(case))


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("bits", [15, 16, 17])
def test_products_of_symmetric_operands_are_scaled(bits: int, transpose_b: bool) -> None:
    """Two activations of 8 signed bits saturate in scaled sums from 16 bits on, and in plain ones below."""
    rng = np.random.default_rng(bits)
    a, b = tensor("a", (2, 9, 40)), tensor("b", (2, 18, 40) if transpose_b else (2, 40, 18))
    op, output, path = MatMul(transpose_b), tensor("y", (2, 9, 18)), datapath(saturating(bits))
    call = checked(op, [a, b], output, requantizer(rng, path, 1 << (bits - 1), 8), path)
    case = Case(call, (codes(rng, a), codes(rng, b)))
    plan = planned(case)
    (bound,) = [bound for _, bound in plan.steps]
    assert isinstance(bound, partial) and bound.func.__name__ == "saturating_products"
    assert bound.args[12] == (32 - bits if bits >= 16 and has_vnni() else 0)
    assert np.array_equal(run(plan, case), plainly(case))
    assert (accumulators(case) != limited(case)).any()


@pytest.mark.parametrize("bits", [15, 16, 20])
@pytest.mark.parametrize("sign", [1, -1])
def test_small_products_behind_a_saturation_count(bits: int, sign: int) -> None:
    """Every bit of a sum that saturated and went on is right: the output is a window onto that end of the register."""
    rng = np.random.default_rng(bits)
    count = 1 << (bits - 13)  # of products that fill the register
    rows, columns = rng.choice([-1, 1], (9, count + 60)), rng.integers(-5, 0, (16, count + 60))
    rows[:, :count], columns[:, :count] = -128 * sign if sign > 0 else 127, -128
    end = (1 << (bits - 1)) - 1 if sign > 0 else -(1 << (bits - 1))
    identity = {"multiplier": np.array([1 << 30]), "shift": np.array([30])}
    output = tensor("y", (1, 9, 16), zero_point=((127 if sign > 0 else -128) - end,))
    left, right = tensor("a", (1, *rows.shape)), tensor("b", (1, *columns.T.shape))
    path = datapath(saturating(bits))
    constants = {"weight": columns, "bias": np.zeros(16, np.int64), **identity}
    for case in (
        Case(checked(Linear(16), [left], output, constants, path), (rows[None].astype(np.int8),)),
        Case(
            checked(MatMul(), [left, right], output, identity, path),
            (rows[None].astype(np.int8), np.ascontiguousarray(columns.T[None]).astype(np.int8)),
        ),
    ):
        found, plan = accumulators(case), planned(case)
        assert bound_by(plan).startswith("saturating") and (abs(found - end) < 256).all() and (found != end).any()
        assert np.array_equal(run(plan, case), plainly(case))


REFUSED: dict[str, tuple[str, dict[str, object]]] = {
    "tiles": ("linear", saturating(12, k_tile=3)),
    "an adder": ("conv2d 3x3", {"mac.adder_bits": 11, "mac.k_tile": 4, **saturating(14)}),
    "an adder in front of saturation at the end": (
        "linear",
        {
            "mac.adder_bits": 11,
            "mac.k_tile": 4,
            "mac.accumulator_bits": 14,
            "mac.overflow": "saturate_at_end",
        },
    ),
    "a spill": ("linear", saturating(12, k_tile=3, spill_bits=11)),
    "unsigned registers": ("linear", saturating(16, products="unsigned")),
    "wrapping, then saturating": ("linear", {**saturating(14, output_bits=12), "mac.overflow": "wrap"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_proved_is_left_to_the_plain_kernels(what: str) -> None:
    """Other registers on the way of a sum, and registers read as unsigned, are refused; the codes are right."""
    kind, changes = REFUSED[what]
    case = made(kind, 11, changes)
    plan = planned(case)
    assert plan.plain == ["y"]
    assert np.array_equal(run(plan, case), plainly(case))


def test_grouped_convolutions_are_left_to_the_plain_kernels() -> None:
    """Neither one filter a channel nor all channels to each: refused."""
    case = conv2d_case(np.random.default_rng(0), datapath(saturating(14)), in_channels=4, out_channels=6, groups=2)
    plan = planned(case)
    assert plan.plain == ["y"] and np.array_equal(run(plan, case), plainly(case))


def test_order_decides() -> None:
    """The machine's order of taps reaches the sums: another order gives another output."""
    rng = np.random.default_rng(13)
    source = tensor("x", (1, 6, 5, 5))
    weight, bias = rng.integers(-127, 128, (16, 6, 3, 3)), np.zeros(16, np.int64)
    outputs = {}
    for order in (("ky", "kx", "c"), ("c", "ky", "kx"), ("kx", "ky", "c")):
        call = straight(Conv2d(16, (3, 3), (1, 1), (1, 1)), source, weight, bias, saturating(14, order=order))
        case = Case(call, (codes(np.random.default_rng(1), source),))
        outputs[order] = run(planned(case), case)
        assert np.array_equal(outputs[order], plainly(case))
    assert len({output.tobytes() for output in outputs.values()}) == 3
