"""Ops of every kind of activation, add, mean, pooling and concat unit: kernel and judge agree in every stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from activation_cases import activation_case
from activation_units import EXAMPLES
from op_agreement import agree, extremes, with_operands
from op_cases import add_case, avg_pool2d_case, concat_case, mean_case, mul_case
from op_datapaths import REQUANTIZERS
from op_elementwise_kinds import ACTIVATIONS, ADDS, CONCATS, MEANS, POOLS

from bittrue.spec.datapath import Datapath

SEEDS = range(3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    """Any formats, with one set of constants and with one for each channel."""
    elementwise = EXAMPLES[name].unit.elementwise
    for seed in SEEDS:
        for axis in (None, 1) if elementwise else (None,):
            agree(activation_case(np.random.default_rng(seed), ACTIVATIONS[name], example=name, axis=axis))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_at_every_code(name: str) -> None:
    """All codes of the tensor's width."""
    rows = (1 << EXAMPLES[name].source.bits) // 16
    case = activation_case(np.random.default_rng(1), ACTIVATIONS[name], example=name, shape=(rows, 16))
    low, high = case.call.inputs[0].code_range
    agree(with_operands(case, np.arange(low, high + 1).reshape(-1, 16)))


@pytest.mark.parametrize("requantizer", REQUANTIZERS.values(), ids=REQUANTIZERS)
def test_activation_in_front_of_every_requantizer(requantizer: Datapath) -> None:
    """What the unit leaves goes through the datapath's requantizer, whatever it is."""
    for name in (name for name, example in EXAMPLES.items() if example.unit.requantizes and example.source.bits <= 8):
        path = ACTIVATIONS[name].model_copy(update={"requantization": requantizer.requantization})
        agree(activation_case(np.random.default_rng(3), path, example=name))


@pytest.mark.parametrize("path", ADDS.values(), ids=ADDS)
def test_add(path: Datapath) -> None:
    """Any operands, operands at their ends, and ties."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        agree(add_case(rng, path, shape=(1, 5, 7, 3)))
        agree(add_case(rng, path, ties=True))
        for case in extremes(add_case(rng, path), rng):
            agree(case)


@pytest.mark.parametrize("path", ADDS.values(), ids=ADDS)
def test_add_of_every_pair(path: Datapath) -> None:
    """All pairs of codes that the two tensors can have, up to 65,536."""
    for seed in range(2):
        case = add_case(np.random.default_rng(seed), path, shape=(256, 256))
        low, high = zip(*(spec.code_range for spec in case.call.inputs), strict=True)
        a, b = (np.resize(np.arange(first, last + 1), 256) for first, last in zip(low, high, strict=True))
        agree(with_operands(case, a[:, None], b[None, :]))


@pytest.mark.parametrize("path", MEANS.values(), ids=MEANS)
def test_mean(path: Datapath) -> None:
    """Images of several sizes; codes at their ends."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for size in ((1, 1), (3, 5), (7, 7)):
            for case in (mean_case(rng, path, size=size), *extremes(mean_case(rng, path, size=size), rng)):
                agree(case)
        agree(mean_case(rng, path, ties=True))


@pytest.mark.parametrize("path", POOLS.values(), ids=POOLS)
def test_avg_pool2d(path: Datapath) -> None:
    """Windows with and without a border, whose taps inside the image differ in number; codes at their ends."""
    windows = (
        {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0)},
        {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)},
        {"kernel": (3, 3), "stride": (1, 1), "padding": (1, 1)},
        {"kernel": (5, 4), "stride": (1, 2), "padding": (2, 2)},
        {"kernel": (7, 9), "stride": (3, 1), "padding": (0, 4), "size": (7, 5)},
    )
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for window in windows:
            case = avg_pool2d_case(rng, path, **window)
            for each in (case, *extremes(case, rng)):
                agree(each)


@pytest.mark.parametrize("kind", ["divide, half_away", "divide, floor", "reciprocal"])
def test_padding_is_not_counted(kind: str) -> None:
    """A constant image stays constant up to its border: no tap outside is a zero that counts."""
    case = avg_pool2d_case(np.random.default_rng(2), POOLS[kind], kernel=(3, 3), stride=(1, 1), padding=(1, 1))
    (source,) = case.call.inputs
    low, high = case.call.output.code_range
    same = replace(case.call.output, zero_point=source.zero_point)
    case = replace(case, call=replace(case.call, output=same))
    for code in (max(low, source.code_range[0]), min(high, source.code_range[1])):
        assert (agree(with_operands(case, np.array(code))).output == code).all()


@pytest.mark.parametrize("path", CONCATS.values(), ids=CONCATS)
@pytest.mark.parametrize("axis", [0, 1, 3])
def test_concat(path: Datapath, axis: int) -> None:
    """Along any axis; one part as well as many; codes at their ends."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for parts in ((1,), (2, 1, 3), (1, 1, 1, 1, 2)):
            agree(concat_case(rng, path, axis=axis, parts=parts))
        for case in extremes(concat_case(rng, path, axis=axis, parts=(2, 3)), rng):
            agree(case)


@pytest.mark.parametrize("requantizer", REQUANTIZERS.values(), ids=REQUANTIZERS)
def test_mul_of_every_pair(requantizer: Datapath) -> None:
    """All pairs of codes, through every requantizer."""
    case = mul_case(np.random.default_rng(7), requantizer, shape=(256, 256), other=(256, 256))
    a, b = (np.resize(np.arange(spec.code_range[0], spec.code_range[1] + 1), 256) for spec in case.call.inputs)
    agree(with_operands(case, a[:, None], b[None, :]))
