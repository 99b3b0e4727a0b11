"""A step seen as vectors of its units: the units alone answer what the step did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from op_cases import BUILDERS, conv2d_case, group_norm_case, linear_case, matmul_case, table_case
from op_datapaths import IOT_NPU, NARROW, ORDERS, datapath
from op_parts import Case

from bittrue.golden.stimuli.ran_step import spread
from bittrue.golden.stimuli.views import unit_views, units_of
from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.units import UNITS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.trace import Trace
from bittrue.spec.units.catalog import unit_arrays, unit_form

ALL = 10**9
SUBTRACTED = datapath({"mac.zero_point": "subtracted"})
WRAPPING = NARROW["wrap12"]
LINEAR_ROUNDS_TWICE = datapath({"requantization.of": {"linear": {"second_rounding": "half_away"}}})


def traced(case: Case) -> Trace:
    """The step as the simulator runs it, with its stages."""
    stages: dict[str, np.ndarray] = {}
    output = KERNELS[case.call.op.name](case.call, list(case.operands), stages)
    tensors = {spec.name: codes for spec, codes in zip(case.call.inputs, case.operands, strict=True)}
    return Trace("0" * 64, "simulator", {**tensors, case.call.output.name: output}, {case.call.step: stages})


def answers(case: Case, limit: int = ALL) -> dict[str, np.ndarray]:
    """The output of every unit of the step, its sets one after the other, by unit."""
    found: dict[str, list[np.ndarray]] = {}
    for view in unit_views(case.call, traced(case), limit=limit):
        path = case.call.datapath.for_op(view.op)
        arrays = unit_arrays(unit_form(path, view.stimuli.unit), view.stimuli.arrays)
        assert view.stimuli.kind == "real" and view.stimuli.name.startswith(case.call.step)
        found.setdefault(view.stimuli.unit, []).append(UNITS[view.stimuli.unit](path, arrays)["output"])
    assert set(found) == set(units_of(case.call.datapath, case.call))
    return {unit: np.concatenate(parts) for unit, parts in found.items()}


@pytest.mark.parametrize("name", sorted(set(BUILDERS) - {"conv2d", "linear", "matmul"}))
@pytest.mark.parametrize("seed", range(4))
def test_units_answer_what_the_step_did(name: str, seed: int) -> None:
    """Every element of the step's output stands in some set's output, in its order; other ops give no set."""
    case = BUILDERS[name](np.random.default_rng(seed), IOT_NPU)
    found = answers(case)
    trace = traced(case)
    output = trace.tensors[case.call.output.name]
    if name == "activation":  # of a unit in front of the requantizer
        output = trace.stages[case.call.step].get("accumulator", output)
    for made in found.values():
        assert np.array_equal(made.reshape(-1), output.reshape(-1))
    served = ("mean", "mul", "add", "softmax", "layer_norm", "group_norm", "weighted_sum")
    assert bool(found) == (name in (*served, "table") or (name == "activation" and bool(found)))


@pytest.mark.parametrize("path", [IOT_NPU, SUBTRACTED, WRAPPING, LINEAR_ROUNDS_TWICE, *list(ORDERS.values())[:3]])
@pytest.mark.parametrize("seed", range(3))
def test_mac_rows_are_the_windows(path: Datapath, seed: int) -> None:
    """im2col in the machine's order: the MAC alone makes the step's accumulators, its requantizer the output."""
    rng = np.random.default_rng(seed)
    cases = [
        conv2d_case(rng, path),
        conv2d_case(rng, path, in_channels=4, out_channels=4, kernel=(3, 2), stride=(2, 1), groups=2),
        conv2d_case(rng, path, in_channels=3, out_channels=3, stride=(1, 1), groups=3),
        linear_case(rng, path),
        matmul_case(rng, path),
        matmul_case(rng, path, transpose_b=True, probabilities=True),
    ]
    for case in cases:
        found, trace = answers(case), traced(case)
        accumulator = trace.stages[case.call.step]["accumulator"]
        groups = getattr(case.call.op, "groups", 1)
        if case.call.op.name == "conv2d":  # [1, groups, columns, pixels] -> sets of [pixels, columns]
            accumulator = accumulator.reshape(groups, accumulator.shape[1] // groups, -1).swapaxes(1, 2)
        assert np.array_equal(found["mac"].reshape(-1), accumulator.reshape(-1)), case.call.op
        output = trace.tensors[case.call.output.name]
        assert np.array_equal(found["requantize"], output.reshape(-1)), case.call.op


def test_a_bound_on_the_vectors() -> None:
    """No set has more than `limit` vectors; each is one of all, and half of them are others than the first."""
    case = linear_case(np.random.default_rng(0), IOT_NPU)
    trace = traced(case)
    views = unit_views(case.call, trace, limit=5)
    assert {view.stimuli.unit: view.stimuli.vectors for view in views} == {"mac": min(5, _rows(case)), "requantize": 5}
    flat = trace.stages[case.call.step]["accumulator"].reshape(-1)
    assert np.array_equal(views[-1].stimuli.driven["accumulator"], flat[spread(flat.size, 5)])


def _rows(case: Case) -> int:
    return case.operands[0].size // case.operands[0].shape[-1]


@pytest.mark.parametrize("count", [1, 7, 1000, 1024, 65536, 99991])
def test_spread_takes_different_indices_and_no_period(count: int) -> None:
    """Indices are different, ascending and within bounds; of every 16 neighbouring columns all are met."""
    found = spread(count, 256)
    assert len(found) == min(count, 256) and (np.diff(found) > 0).all() and min(found) >= 0 and max(found) < count
    if count >= 1000:
        assert len(set((found % 16).tolist())) == 16 and np.diff(found).max() < 4 * count / 256


def test_groups_and_tables_get_sets_of_their_own() -> None:
    """A depthwise convolution has a set a group, at most four; a table a channel has one each."""
    rng = np.random.default_rng(1)
    deep = conv2d_case(rng, IOT_NPU, in_channels=6, out_channels=6, groups=6)
    macs = [view.stimuli.name for view in unit_views(deep.call, traced(deep), units=("mac",))]
    assert len(macs) == 4 and len(set(macs)) == 4 and all(name.startswith(f"{deep.call.step}.group_") for name in macs)
    tables = table_case(rng, IOT_NPU, axis=1)
    assert len({view.stimuli.name for view in unit_views(tables.call, traced(tables))}) > 1


def test_groups_of_a_norm_have_gammas_of_their_own() -> None:
    """A set a group, each with the gammas of its channels over its row; one group is one set of one row."""
    case = group_norm_case(np.random.default_rng(3), IOT_NPU, shape=(1, 4, 2, 3), groups=2)
    first, second = (view.stimuli for view in unit_views(case.call, traced(case)))
    assert first.vectors == second.vectors == 1 and first.name != second.name
    gamma = np.concatenate([first.constants["multiplier"], second.constants["multiplier"]])
    assert np.array_equal(gamma, np.repeat(case.call.constants["multiplier"], 6))


def test_what_a_trace_lacks_is_refused() -> None:
    """No stages for a requantizer and no tensor are refused; the MAC needs no stages."""
    case = linear_case(np.random.default_rng(0), IOT_NPU)
    trace = traced(case)
    with pytest.raises(BadInput, match="no stages"):
        unit_views(case.call, replace(trace, stages={}))
    assert len(unit_views(case.call, replace(trace, stages={}), units=("mac",))) == 1
    with pytest.raises(BadInput, match="lacks a tensor"):
        unit_views(case.call, replace(trace, tensors={}))
