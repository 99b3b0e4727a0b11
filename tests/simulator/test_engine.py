"""The integer machine on a tiny program, against the contract's formulas on Python integers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_programs import build, iot_npu, tensor, tiny_cnn, tiny_image

from bittrue.simulator.engine import Simulator
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.datapath import Mac
from bittrue.spec.errors import BadInput, IllFormed, OutOfDomain
from bittrue.spec.ops import OPS
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.table import Table
from bittrue.spec.program import Program

MACHINES: dict[str, dict[str, Any]] = {
    "proved": {},
    "wraps": {"accumulator_bits": 10, "overflow": "wrap"},
    "saturates": {"accumulator_bits": 10, "overflow": "saturate"},
    "saturates, channels first, bias last": {
        "accumulator_bits": 10,
        "overflow": "saturate",
        "order": ("c", "kx", "ky"),
        "bias": "last",
    },
}


def program(mac: Mapping[str, Any]) -> Program:
    """Image [1, 3, 5, 6] -> table -> conv2d (4 filters, stride 2, padding 1) -> table -> mean -> linear [1, 3]."""
    rng = np.random.default_rng(5)
    tensors = [
        tensor("image", (1, 3, 5, 6), signed=False),
        tensor("codes", (1, 3, 5, 6), zero_point=-3),
        tensor("conv", (1, 4, 3, 3), zero_point=(5, -6, 0, 40), axis=1),
        tensor("relu", (1, 4, 3, 3), zero_point=-128),
        tensor("pooled", (1, 4, 1, 1), zero_point=-90),
        tensor("flat", (1, 4), zero_point=-90),
        tensor("logits", (1, 3), zero_point=7),
    ]
    constants = {
        "codes/table": (np.arange(256) // 2 - 64)[None],
        "conv/weight": rng.integers(-127, 128, (4, 3, 3, 3)),
        "conv/bias": rng.integers(-500, 500, 4),
        "conv/multiplier": rng.integers(1 << 30, 1 << 31, 4),
        "conv/shift": np.array([38, 37, 39, 35]),
        "relu/table": rng.integers(-128, 128, (4, 256)),
        "pooled/multiplier": np.array([1908874354]),
        "pooled/shift": np.array([34]),
        "logits/weight": rng.integers(-127, 128, (3, 4)),
        "logits/bias": rng.integers(-500, 500, 3),
        "logits/multiplier": rng.integers(1 << 30, 1 << 31, 3),
        "logits/shift": np.full(3, 38),
    }
    steps = [
        (Table("quantize"), ["image"]),
        (Conv2d(4, (3, 3), (2, 2), (1, 1)), ["codes"]),
        (Table("relu", axis=1), ["conv"]),
        (Mean(), ["relu"]),
        (Reshape((1, 4)), ["pooled"]),
        (Linear(3), ["flat"]),
    ]
    return build(tensors, steps, constants, iot_npu({"mac": mac}))


IMAGE = np.random.default_rng(6).integers(0, 256, (1, 3, 5, 6), dtype=np.uint8)


def accumulated(mac: Mac, bias: int, terms: Sequence[int]) -> int:
    """The accumulator after every addition's overflow."""
    total, half = 0, 1 << (mac.accumulator_bits - 1)
    for term in [bias, *terms] if mac.bias == "first" else [*terms, bias]:
        total += term
        total = (total + half) % (2 * half) - half if mac.overflow == "wrap" else max(-half, min(total, half - 1))
    return total


def evaluate(tiny: Program, image: np.ndarray) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Codes of every tensor and accumulators of every MAC step, flat, on Python integers."""
    mac, constants = tiny.datapath.mac, {key: array.tolist() for key, array in tiny.constants.items()}

    def finish(step: str, channel: int, accumulator: int) -> int:
        multiplier, shift = (constants[f"{step}/{role}"] for role in ("multiplier", "shift"))
        zero_points = tiny.tensors[step].zero_point
        scaled = accumulator * multiplier[channel % len(multiplier)]
        s = shift[channel % len(shift)]
        return max(-128, min((scaled + (1 << (s - 1)) >> s) + zero_points[channel % len(zero_points)], 127))

    codes = [constants["codes/table"][0][pixel] for pixel in image.ravel().tolist()]
    sums: dict[str, list[int]] = {"conv": [], "pooled": [], "logits": []}
    for o, y, x in itertools.product(range(4), range(3), range(3)):
        terms = []
        for tap in itertools.product(range(3), repeat=3):  # in the machine's nesting
            at = dict(zip(mac.order, tap, strict=True))
            row, column = 2 * y + at["ky"] - 1, 2 * x + at["kx"] - 1
            inside = 0 <= row < 5 and 0 <= column < 6
            code = codes[(at["c"] * 5 + row) * 6 + column] if inside else -3
            terms.append(code * constants["conv/weight"][o][at["c"]][at["ky"]][at["kx"]])
        sums["conv"].append(accumulated(mac, constants["conv/bias"][o], terms))
    conv = [finish("conv", i // 9, accumulator) for i, accumulator in enumerate(sums["conv"])]
    relu = [constants["relu/table"][i // 9][code + 128] for i, code in enumerate(conv)]
    sums["pooled"] = [accumulated(mac, 0, [code + 128 for code in relu[9 * c : 9 * c + 9]]) for c in range(4)]
    pooled = [finish("pooled", 0, accumulator) for accumulator in sums["pooled"]]
    for weights, bias in zip(constants["logits/weight"], constants["logits/bias"], strict=True):
        sums["logits"].append(accumulated(mac, bias, [q * w for q, w in zip(pooled, weights, strict=True)]))
    logits = [finish("logits", o, accumulator) for o, accumulator in enumerate(sums["logits"])]
    tensors = {"image": image.ravel().tolist(), "codes": codes, "conv": conv, "relu": relu}
    return tensors | {"pooled": pooled, "flat": pooled, "logits": logits}, sums


@pytest.mark.parametrize("machine", MACHINES)
def test_every_tensor_and_accumulator_is_the_formulas(machine: str) -> None:
    """All tensors, and the accumulators after overflow, in order, shape and dtype."""
    tiny = program(MACHINES[machine])
    trace = Simulator(tiny).run(IMAGE, keep="stages")
    tensors, sums = evaluate(tiny, IMAGE)
    assert (trace.program_digest, trace.producer) == (tiny.digest, "simulator")
    assert list(trace.tensors) == list(tensors)
    for name, codes in trace.tensors.items():
        spec = tiny.tensors[name]
        assert (codes.shape, codes.dtype) == (spec.shape, spec.dtype)
        assert codes.ravel().tolist() == tensors[name], name
    for step, wanted in sums.items():
        assert trace.stages[step]["accumulator"].ravel().tolist() == wanted, step


def test_the_machines_differ() -> None:
    """The stimulus reaches the overflow rules and the order, so that the test above can fail for each."""
    sums = [evaluate(program(mac), IMAGE)[1] for mac in MACHINES.values()]
    assert all(a["conv"] != b["conv"] for a, b in itertools.combinations(sums, 2))
    assert all(a["pooled"] != b["pooled"] for a, b in itertools.combinations(sums[:3], 2))


def test_what_is_kept() -> None:
    """The choices keep the two ends, all tensors, and all stages; what is kept is the same each time."""
    tiny = tiny_cnn()
    simulator, image = Simulator(tiny), tiny_image()
    output, tensors, stages = (simulator.run(image, keep=keep) for keep in ("output", "tensors", "stages"))
    assert list(output.tensors) == ["image", "logits"]
    assert list(tensors.tensors) == list(stages.tensors) == list(tiny.tensors)
    assert not output.stages and not tensors.stages
    assert list(stages.stages) == [step.name for step in tiny.steps if step.op.stages_on(tiny.datapath)]
    for step in tiny.steps:
        assert tuple(stages.stages.get(step.name, ())) == step.op.stages_on(tiny.datapath)
    assert all(array.dtype == np.int64 for step in stages.stages.values() for array in step.values())
    for name, codes in stages.tensors.items():
        assert np.array_equal(codes, tensors.tensors[name])
        assert name not in output.tensors or np.array_equal(codes, output.tensors[name])


def test_keeping_the_output_uses_buffers_again() -> None:
    """A run for the output alone takes less memory than one that keeps every tensor, and gives the same codes."""
    simulator = Simulator(tiny_cnn())
    image = tiny_image()
    kept = simulator.run(image, keep="tensors").tensors
    assert len(kept) == 8
    assert simulator.plan().buffer_bytes < simulator.plan(keep_all=True).buffer_bytes
    assert np.array_equal(simulator.run(image, keep="output").tensors["logits"], kept["logits"])


def test_a_later_run_changes_no_earlier_trace() -> None:
    """What a run returns is a copy: the buffers of the next image are the same."""
    simulator = Simulator(tiny_cnn())
    first = simulator.run(tiny_image())
    before = {name: codes.copy() for name, codes in first.tensors.items()}
    simulator.run(tiny_image() ^ 255)
    assert all(np.array_equal(codes, before[name]) for name, codes in first.tensors.items())


def test_the_trace_owns_its_image() -> None:
    """Writing to the caller's array afterwards changes nothing; a read-only image is taken."""
    image = tiny_image()
    trace = Simulator(tiny_cnn()).run(image)
    image[...] = 0
    assert np.array_equal(trace.tensors["image"], tiny_image())
    image = tiny_image()
    image.flags.writeable = False
    assert np.array_equal(Simulator(tiny_cnn()).run(image).tensors["logits"], trace.tensors["logits"])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 6, 6), np.uint8),
        np.zeros((1, 3, 6, 6), np.float32),
        np.full((1, 3, 6, 6), 256),
        np.full((1, 3, 6, 6), -1),
    ],
    ids=["shape", "floats", "too large", "negative"],
)
def test_a_wrong_image_is_refused(image: np.ndarray) -> None:
    """Shape, type and code range are the input tensor's."""
    with pytest.raises(OutOfDomain, match="image"):
        Simulator(tiny_cnn()).run(image)


def test_a_wrong_choice_of_what_to_keep_is_refused() -> None:
    """A misspelt choice is no silent default."""
    with pytest.raises(BadInput, match="keeps"):
        Simulator(tiny_cnn()).run(tiny_image(), keep="everything")  # type: ignore[arg-type]


def test_an_ill_formed_program_is_refused() -> None:
    """The engine proves a program before it runs it."""
    tiny = tiny_cnn()
    broken = {**tiny.constants, "conv/shift": np.array([0])}
    with pytest.raises(IllFormed, match="shift"):
        Simulator(replace(tiny, constants=broken))


def test_every_op_has_a_kernel() -> None:
    """The registry names the ops of the contract, in the same order."""
    assert list(KERNELS) == list(OPS)
