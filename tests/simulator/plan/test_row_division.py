"""Products divided by row sums, and sums weighted by signed codes, in the fast machine against the plain kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bound_steps import runs_as_plain
from op_cases import weighted_sum_case
from op_datapaths import IOT_NPU
from op_kinds import DIVISIONS, SOFTMAXES, probabilities
from op_parts import Case, build, codes, requantizer, tensor, zero_points

from bittrue.simulator.plan.matmul import bind_matmul
from bittrue.simulator.plan.reductions import bind_weighted_sum
from bittrue.simulator.plan.row_division import bind_divided_matmul, bind_divided_weighted_sum
from bittrue.simulator.plan.view import View
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import MatMul, WeightedSum


def matmul_case(seed: int, path: Datapath, shape: tuple[int, int, int, int], *, transpose_b: bool) -> Case:
    """Exponentials [1, batch, m, k] by a symmetric operand, divided; some rows of exponentials are 0."""
    rng, (batch, m, k, n) = np.random.default_rng(seed), shape
    a = probabilities("a", path, (1, batch, m, k))
    b = tensor("b", (1, batch, n, k) if transpose_b else (1, batch, k, n))
    return _divided(rng, MatMul(transpose_b, divide_by_row_sum=True), path, [a, b], 0, (1, batch, m, n))


def sum_case(seed: int, path: Datapath, channels: int, groups: int, n: int) -> Case:
    """An image [1, C, P, N] weighted by exponentials, divided."""
    rng = np.random.default_rng(seed)
    a = tensor("a", (1, channels, groups, n), zero_point=zero_points(rng, 8, True, wide=False))
    b = probabilities("b", path, (1, 1, groups, n))
    return _divided(rng, WeightedSum(divide_by_row_sum=True), path, [a, b], 1, (1, channels, groups, 1))


def _divided(
    rng: np.random.Generator, op: MatMul | WeightedSum, path: Datapath, inputs: list, exponentials: int, shape: tuple
) -> Case:
    reach = (inputs[1 - exponentials].magnitude_max << path.softmax.fraction_bits) + 1
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True, wide=False))
    call = build(op, inputs, output, requantizer(rng, path, reach, 8, op=op.name), path)
    operands = [codes(rng, spec) for spec in inputs]
    operands[exponentials][..., 0, :] = 0
    operands[exponentials][..., -1, 1:] = 0
    operands[exponentials][..., -1, 0] = 1
    return Case(call, tuple(operands))


def image(case: Case) -> list[View]:
    """The first operand with its channels innermost, the second as it is."""
    first, second = (spec.shape for spec in case.call.inputs)
    return [View.dense(first, (0, 2, 3, 1)), View.dense(second)]


PATHS = {**DIVISIONS}
for _bits in (16, 23):
    _path = DIVISIONS["unnormalised"]
    _mac = _path.mac.model_copy(update={"accumulator_bits": _bits, "overflow": "wrap"})
    PATHS[f"accumulators of {_bits} bits that wrap"] = _path.model_copy(update={"mac": _mac})


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_divided_matmul(path: Datapath) -> None:
    """Either form of the right operand, exponentials of one byte and of two, sums of 0 and of 1, parts of tiles."""
    for seed, shape in enumerate([(2, 4, 5, 3), (3, 17, 64, 16), (1, 8, 200, 20), (1, 1, 1, 1)]):
        for transpose_b in (False, True):
            case = matmul_case(seed, path, shape, transpose_b=transpose_b)
            assert runs_as_plain(case, bind_divided_matmul)
            assert not runs_as_plain(case, bind_matmul)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_divided_weighted_sum(path: Datapath) -> None:
    """One exponential and many, one channel and many."""
    for seed, (channels, groups, n) in enumerate([(3, 2, 5), (64, 4, 100), (17, 3, 1), (1, 1, 9)]):
        case = sum_case(seed, path, channels, groups, n)
        assert runs_as_plain(case, bind_divided_weighted_sum, views=image(case))
        assert not runs_as_plain(case, bind_weighted_sum, views=image(case))


@pytest.mark.parametrize("path", DIVISIONS.values(), ids=DIVISIONS)
def test_ties(path: Datapath) -> None:
    """Exponentials 1, 1 and 2 divide by 4: quotients of 1/2, -1/2, 3/2, -3/2 and 5/2, as the rule rounds them."""
    shift = 30 + path.softmax.fraction_bits
    inputs = [probabilities("a", path, (1, 1, 1, 3)), tensor("b", (1, 1, 3, 5))]
    constants = {"multiplier": np.array([1 << 30]), "shift": np.array([shift])}
    call = build(MatMul(divide_by_row_sum=True), inputs, tensor("y", (1, 1, 1, 5)), constants, path)
    left = np.array([1, 1, 2]).astype(inputs[0].dtype).reshape(1, 1, 1, 3)
    right = np.array([[1, -1, 1, -1, 3], [1, -1, 1, -1, 3], [0, 0, 2, -2, 2]], np.int8).reshape(1, 1, 3, 5)
    assert runs_as_plain(Case(call, (left, right)), bind_divided_matmul)


def test_refusals() -> None:
    """Right operands with a zero point, images whose channels lie apart, and steps that do not divide."""
    path = DIVISIONS["unnormalised"]
    case = matmul_case(0, path, (1, 2, 5, 3), transpose_b=False)
    a, b = case.call.inputs
    moved = replace(case.call, inputs=(a, replace(b, zero_point=(1,))))
    assert not runs_as_plain(Case(moved, case.operands), bind_divided_matmul)
    assert not runs_as_plain(sum_case(0, path, 3, 2, 5), bind_divided_weighted_sum)
    undivided = weighted_sum_case(np.random.default_rng(0), IOT_NPU)
    assert not runs_as_plain(undivided, bind_divided_weighted_sum, views=image(undivided))


@pytest.mark.parametrize("kind", ["gemmlowp", "ivit", "table", "gemmlowp int16"])
def test_weights_of_every_format(kind: str) -> None:
    """Probabilities with a zero point, signed ones and unsigned ones, of one byte and of two."""
    path = SOFTMAXES[kind]
    for seed, (channels, groups, n) in enumerate([(3, 2, 5), (64, 4, 70), (17, 3, 1)]):
        rng = np.random.default_rng(seed)
        a = tensor("a", (1, channels, groups, n), zero_point=zero_points(rng, 8, True, wide=False))
        b = probabilities("b", path, (1, 1, groups, n))
        output = tensor("y", (1, channels, groups, 1), zero_point=zero_points(rng, 8, True, wide=False))
        constants = requantizer(rng, path, 1 << 22, 8, op="weighted_sum")
        call = build(WeightedSum(), [a, b], output, constants, path)
        case = Case(call, tuple(codes(rng, spec) for spec in call.inputs))
        assert runs_as_plain(case, bind_weighted_sum, views=image(case))
