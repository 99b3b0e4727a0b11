"""Every kind of norm unit behind layer_norm and group_norm: kernel and Python integers agree, parameters by channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from norm_units import SECTIONS
from normalization_plain import normalized_row, scaled
from op_cases import group_norm_case, layer_norm_case
from op_changes import accept, per_channel
from op_datapaths import datapath
from op_parts import Case

from bittrue.simulator.kernels import KERNELS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import VectorOp
from bittrue.spec.row_norm import RowNorm, unit_of


def path(kind: str, **changes: object) -> Datapath:
    """The default datapath with a norm unit of that kind."""
    return datapath({"norm": {**SECTIONS[kind], **changes}})


def channels_of(case: Case) -> np.ndarray:
    """The channel of each element, [rows, n]."""
    op, shape = case.call.op, case.call.output.shape
    assert isinstance(op, RowNorm)
    index = np.arange(shape[op.channel_axis(shape)])
    line = [1] * len(shape)
    line[op.channel_axis(shape)] = -1
    return np.broadcast_to(index.reshape(line), shape).reshape(-1, op.row_length(shape))


def agrees(case: Case) -> dict[str, np.ndarray]:
    """Run the kernel, compare every stage and the output with Python integers; the stages."""
    call, unit = case.call, unit_of(case.call.datapath)
    op, shape = call.op, call.output.shape
    assert isinstance(op, RowNorm)
    found: dict[str, np.ndarray] = {}
    output = KERNELS[op.name](call, case.operands, found)
    assert (output.dtype, output.shape) == (call.output.dtype, shape)
    assert (KERNELS[op.name](call, case.operands, None) == output).all()
    assert list(found) == list(op.stages_on(call.datapath))
    channels = channels_of(case)
    rows: list[dict[str, Any]] = [
        normalized_row(call, row, by.tolist())
        for row, by in zip(case.operands[0].reshape(channels.shape).tolist(), channels, strict=True)
    ]
    for name in unit.stages:
        wanted = op.statistics_shape(shape) if name in unit.row_stages else shape
        assert found[name].shape == wanted
        assert found[name].reshape(-1).tolist() == np.array([row[name] for row in rows]).reshape(-1).tolist()
    codes = [
        scaled(call, u, c)
        for row, by in zip(rows, channels, strict=True)
        for u, c in zip(row["normalized"], by, strict=True)
    ]
    assert output.reshape(-1).tolist() == codes
    return found


@pytest.mark.parametrize("kind", SECTIONS)
def test_layer_norm(kind: str) -> None:
    """Rows along the last axis, every parameter one a channel."""
    for seed in range(6):
        agrees(layer_norm_case(np.random.default_rng(seed), path(kind), rows=(2, 3), channels=int(2 + 7 * seed)))


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm(kind: str, groups: int) -> None:
    """Any number of groups; a channel's parameters hold for all its positions."""
    for seed in range(3):
        agrees(group_norm_case(np.random.default_rng(seed), path(kind), shape=(1, 4, 3, 5), groups=groups))


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("rule", ["wrap", "saturate"])
def test_overflowing_statistics(kind: str, rule: str) -> None:
    """Narrow registers: 9 and 16 bits overflow in most rows."""
    narrow = path(kind, statistics_overflow=rule, sum_bits=9, sum_of_squares_bits=16)
    for seed in range(4):
        agrees(layer_norm_case(np.random.default_rng(seed), narrow, channels=24))
        agrees(group_norm_case(np.random.default_rng(seed), narrow, shape=(1, 6, 4), groups=3))


@pytest.mark.parametrize("kind", SECTIONS)
def test_16_bit_codes(kind: str) -> None:
    """A 16-bit residual stream."""
    agrees(layer_norm_case(np.random.default_rng(0), path(kind, sum_of_squares_bits=62), channels=24, bits=16))


def test_power_of_two_factors_a_channel() -> None:
    """FQ-ViT takes a zero point a channel along the channel axis, and only there."""
    for make, axis in ((layer_norm_case, 2), (group_norm_case, 1)):
        case = make(np.random.default_rng(1), path("fq_vit"))
        call = per_channel(0, axis)(case.call)
        spec = call.inputs[0]
        constants = {**call.constants, "code_zero_point": np.array(spec.zero_point)}
        unit, n = unit_of(call.datapath), call.op.row_length(spec.shape)  # type: ignore[attr-defined]
        codes = type(next(iter(unit.parameter_widths.values())))(spec.bits, spec.signed)
        constants["root_shift"] = np.array([unit.root_shift(codes, n, constants)])
        del constants["code_zero_point"]
        call = replace(call, constants=constants)
        accept(call)
        agrees(Case(call, case.operands))
        with pytest.raises(IllFormed, match="per-channel"):
            accept(per_channel(0, axis=0)(case.call))
        with pytest.raises(IllFormed, match="per-channel"):
            accept(per_channel(0, axis)(make(np.random.default_rng(1), path("ibert")).call))


@pytest.mark.parametrize("kind", SECTIONS)
def test_parameters_of_another_length(kind: str) -> None:
    """A constant has one value or one a channel."""
    call = layer_norm_case(np.random.default_rng(2), path(kind)).call
    for role in call.op.roles_on(call.datapath):
        changed = {**call.constants, role: np.repeat(call.constants[role][:1], 5)}
        with pytest.raises(IllFormed, match=role if kind != "exact" else "wrong shape|must be|epsilon|root_shift"):
            accept(replace(call, constants=changed))


@pytest.mark.parametrize("kind", SECTIONS)
def test_work(kind: str) -> None:
    """Counts are positive and named as the contract names them; they grow with elements and rows."""
    call = layer_norm_case(np.random.default_rng(0), path(kind)).call
    work = call.op.work(call).vector
    assert set(work) <= set(VectorOp.__args__)  # type: ignore[attr-defined]
    assert all(count > 0 for count in work.values())
    double = layer_norm_case(np.random.default_rng(0), path(kind), rows=(2, 3)).call
    assert {name: 2 * count for name, count in work.items()} == dict(double.op.work(double).vector)


def test_no_norm_unit() -> None:
    """A datapath without a norm section refuses the step and says so."""
    call = layer_norm_case(np.random.default_rng(0)).call
    without = call.datapath.model_copy(update={"norm": None})
    with pytest.raises(Unsupported, match="no norm unit"):
        accept(replace(call, datapath=without))
