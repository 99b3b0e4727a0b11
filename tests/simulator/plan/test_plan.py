"""The bound program: what is fast, what falls to the plain kernels, and that buffers are used again safely."""

from __future__ import annotations

import tracemalloc

import numba
import numpy as np
import pytest
from channel_plans import joined_plan
from op_cases import BUILDERS
from op_datapaths import EVERY, IOT_NPU, datapath
from plan_agreement import planned, planned_with_table
from small_models import pictures, small_plan
from tiny_programs import tiny_cnn, tiny_image

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.simulator.engine import Simulator
from bittrue.simulator.plan.binders import BINDERS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.compiler import Plan
from bittrue.simulator.plan.storage import Pool, Stored, byte_offset
from bittrue.simulator.plan.view import View
from bittrue.spec.layout import LAYOUT_OPS
from bittrue.spec.ops import OPS
from bittrue.spec.tensors import TensorSpec

PLAIN_OPS = {"avg_pool2d"}
"""Ops without a binder: in no model of the paper."""


def test_every_op_is_bound_or_known_to_be_plain() -> None:
    """No op is left out by oversight."""
    assert {*BINDERS, *LAYOUT_OPS, *PLAIN_OPS} == set(OPS)


def test_a_network_has_no_plain_step() -> None:
    """Convolutions, attention, norms and the head of a lowered network, on the default datapath."""
    program = lower_plan(small_plan(), IOT_NPU, {})
    for keep_all in (False, True):
        assert Plan(program, keep_all=keep_all).plain == []


def test_channel_scales_are_as_fast() -> None:
    """Functions with a table a channel, a residual and a concatenation of channel scales are bound.

    What is not: an image whose colours have tables of their own, and filters in two groups, as ever.
    """
    program = lower_plan(joined_plan(), IOT_NPU, {})
    assert sum(call.inputs[0].axis is not None and call.op.name == "table" for call in program.calls) == 3
    for keep_all in (False, True):
        assert Plan(program, keep_all=keep_all).plain == ["input", "mix"]


@pytest.mark.parametrize("path", ["wrap12", "saturate12"])
def test_a_narrow_accumulator_changes_what_is_fast_and_no_code(path: str) -> None:
    """Wrapping follows from the exact sum; saturation depends on the order of additions."""
    program = lower_plan(small_plan(), EVERY[path], {})
    simulator = Simulator(program)
    for image in pictures(3):
        found = simulator.run(image[None], keep="output").tensors[program.output]
        assert np.array_equal(found, simulator.run(image[None], keep="stages").tensors[program.output])


@pytest.mark.parametrize("name", sorted({*BINDERS} - {"matmul"}))
def test_the_default_datapath_is_fast(name: str) -> None:
    """A case of each op in its default shape takes its fast path in one of a few draws.

    A group norm needs one group. A matrix product needs a symmetric right operand, as lowering makes them: see above.
    """
    options = {"group_norm": {"groups": 1}}.get(name, {})
    cases = (BUILDERS[name](np.random.default_rng(seed), IOT_NPU, **options) for seed in range(300))
    assert any(planned(case, keep_all=False)[1].plain == [] for case in cases)


def test_a_table_is_read_as_the_product_is_written() -> None:
    """Behind a convolution the table costs no step of its own, unless its input is kept."""
    for seed in range(40):
        case = BUILDERS["conv2d"](np.random.default_rng(seed), IOT_NPU)
        spec = case.call.output
        if spec.axis is None and spec.bits <= 8:
            break
    low, high = spec.code_range
    _, plan = planned_with_table(case, np.arange(high - low + 1) - 128)
    assert [bound is None for call, bound in plan.steps if call.step == "behind"] == [True]


@pytest.mark.parametrize("maximum, fused", [("element", True), ("row", False)])
def test_an_activation_unit_goes_with_the_product_in_front(maximum: str, fused: bool) -> None:
    """Element by element it is a table like any other; a row needs all its elements first. The codes are the unit's."""
    unit = {"kind": "shift_silu", "input_bits_max": 8, "fraction_bits": 20, "sigmoid_bits": 8, "maximum": maximum}
    program = lower_plan(small_plan(), datapath({"activation": {"silu": unit}}), {})
    simulator = Simulator(program)
    passing = [bound is None for call, bound in simulator.plan().steps if call.op.name == "activation"]
    assert passing and all(passing) == any(passing) == fused
    assert simulator.plan().plain == []
    for image in pictures(3):
        found = simulator.run(image[None], keep="output").tensors[program.output]
        assert np.array_equal(found, simulator.run(image[None], keep="stages").tensors[program.output])


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="plain Python allocates")  # type: ignore[attr-defined]
def test_a_run_allocates_nothing() -> None:
    """Beyond a few objects of Python's: no array is made while a bound program runs."""
    program = lower_plan(small_plan(), IOT_NPU, {})
    plan = Plan(program, keep_all=False)
    operands = program.operands(pictures(1)[0][None])
    plan.run(operands)
    tracemalloc.start()
    plan.run(operands)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16_384 + 2 * operands[program.input].nbytes


def test_many_images_through_the_same_buffers() -> None:
    """No run leaves anything behind that a later one reads."""
    program = lower_plan(small_plan(), IOT_NPU, {})
    simulator = Simulator(program)
    images = pictures(5)
    batch = simulator.outputs(images)
    assert batch.shape == (5, *program.tensors[program.output].shape[1:])
    for image, codes in zip(images, batch, strict=True):
        assert np.array_equal(Simulator(program).run(image[None], keep="output").tensors[program.output][0], codes)


def test_the_input_of_the_caller_is_not_written() -> None:
    """The fast machine copies it into a buffer of its own."""
    image = tiny_image()
    before = image.copy()
    Simulator(tiny_cnn()).run(image)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [3, 5, 8, 12, 16, 20])
def test_stored_codes_come_back(bits: int, signed: bool) -> None:
    """Every code of every width through a buffer and back; narrow ones as code + byte_offset in a byte."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    codes = np.linspace(low, high, 24).round().astype(np.int64)
    spec = TensorSpec("x", (1, 2, 3, 4), bits, signed, (1.0,), (0,))
    view = View.dense(spec.shape, (0, 2, 3, 1))
    stored = Stored(spec, Pool(reuse=False).take(24 * 4), view)
    array = codes.reshape(spec.shape).astype(spec.dtype)
    stored.write(array)
    assert np.array_equal(stored.read(), array) and stored.read().dtype == spec.dtype
    if bits <= 8:
        assert (stored.data[view.offsets()].astype(np.int64) == codes + byte_offset(spec)).all()


def test_a_border_holds_the_zero_point_of_its_channel() -> None:
    """An image that a convolution pads is surrounded by the bytes that the padding reads."""
    program = tiny_cnn()
    builder = Builder(program, keep_all=False)
    step = next(step for step in program.steps if step.op.name == "conv2d" and any(step.op.padding))  # type: ignore[attr-defined]
    spec = program.tensors[step.inputs[0]]
    stored = builder.place_image(spec)
    py, px = stored.border
    assert (py, px) == step.op.padding  # type: ignore[attr-defined]
    _, channels, height, width = spec.shape
    whole = stored.memory[: (height + 2 * py) * (width + 2 * px) * channels].reshape(height + 2 * py, -1, channels)
    zero = np.broadcast_to(np.array(spec.zero_point) + byte_offset(spec), (channels,))
    stored.write(np.zeros(spec.shape, spec.dtype))
    assert (whole[:py] == zero).all() and (whole[:, :px] == zero).all() and (whole[height + py :] == zero).all()


def test_a_buffer_is_given_out_again_only_when_nobody_reads_it() -> None:
    """Two tensors that are alive at once never share memory, unless one is a view of the other."""
    program = lower_plan(small_plan(), IOT_NPU, {})
    plan = Plan(program, keep_all=False)
    order = {name: index for index, name in enumerate([*program.inputs, *(step.output for step in program.steps)])}
    last = {name: max([order[name], *(order[s.output] for s in program.steps if name in s.inputs)]) for name in order}
    layout = {step.output: step.inputs[0] for step in program.steps if step.op.name in LAYOUT_OPS}

    def root(name: str) -> str:
        return root(layout[name]) if name in layout else name

    places = plan.places
    for a in places:
        for b in places:
            overlap = order[a] < order[b] < last[a] or order[a] < order[b] == last[a]
            if overlap and root(a) != root(b):
                assert not np.shares_memory(places[a].memory, places[b].memory), (a, b)
