"""A whole program run by the judge: every tensor, its dtype, its stages, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_integers import expected
from tiny_programs import build, iot_npu, tensor, tiny_cnn, tiny_image

from bittrue.golden.ops import JUDGES
from bittrue.golden.reference import Reference
from bittrue.spec.errors import IllFormed, OutOfDomain
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.table import Table


def test_every_tensor_and_stage_of_a_small_network() -> None:
    """Each step equals the formulas on Python integers, given the codes before it."""
    program = tiny_cnn()
    image = tiny_image()
    trace = Reference(program).run(image, stages=True)
    assert (trace.producer, trace.program_digest) == ("reference", program.digest)
    assert list(trace.tensors) == ["image", *(step.name for step in program.steps)]
    np.testing.assert_array_equal(trace.tensors["image"], image)
    for step, call in zip(program.steps, program.calls, strict=True):
        operands = [trace.tensors[name].astype(np.int64) for name in step.inputs]
        assert trace.tensors[step.name].dtype == call.output.dtype
        if step.op.name == "reshape":
            np.testing.assert_array_equal(trace.tensors[step.name].ravel(), operands[0].ravel())
            continue
        wanted = expected(call, operands)
        np.testing.assert_array_equal(trace.tensors[step.name], wanted["output"], strict=False)
        for stage in step.op.stages:
            np.testing.assert_array_equal(trace.stages[step.name][stage], wanted[stage], strict=True)
    assert np.unique(trace.tensors["logits"]).size > 2


def test_stages_only_when_asked() -> None:
    """Without `stages` the trace holds tensors only, and the same ones."""
    reference = Reference(tiny_cnn())
    bare, full = reference.run(tiny_image()), reference.run(tiny_image(), stages=True)
    assert not bare.stages
    assert list(full.stages) == ["conv", "sum", "pooled", "logits"]
    assert list(full.stages["conv"]) == ["accumulator", "rounded"]
    for name, array in bare.tensors.items():
        np.testing.assert_array_equal(array, full.tensors[name], strict=True)


def test_the_program_and_the_image_stay_as_they_were() -> None:
    """A run changes neither its image nor the program's constants, and read-only arrays are fine."""
    program, image = tiny_cnn(), tiny_image()
    for array in (*program.constants.values(), image):
        array.setflags(write=False)
    first = Reference(program).run(image)
    second = Reference(program).run(image)
    np.testing.assert_array_equal(first.tensors["logits"], second.tensors["logits"])
    np.testing.assert_array_equal(image, tiny_image())


def test_images_that_are_not_the_input_are_refused() -> None:
    """Another shape, floats, and codes outside u8."""
    reference = Reference(tiny_cnn())
    with pytest.raises(OutOfDomain, match="shape"):
        reference.run(tiny_image()[:, :, :5])
    with pytest.raises(OutOfDomain, match="integers"):
        reference.run(tiny_image() / 255)  # type: ignore[arg-type]
    wide = tiny_image().astype(np.int16)
    wide[0, 2, 3, 4] = 256
    with pytest.raises(OutOfDomain, match="declared range") as error:
        reference.run(wide)  # type: ignore[arg-type]
    assert error.value.where == "tensor image[0, 2, 3, 4]"


def test_a_step_that_leaves_its_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that its tensor cannot hold is an error, never a silent cast."""
    monkeypatch.setitem(JUDGES, "table", lambda call, operands, stages: operands[0] + 100)
    with pytest.raises(OutOfDomain, match="declared range") as error:
        Reference(tiny_cnn()).run(tiny_image())
    assert error.value.where.startswith("tensor input")


def test_an_ill_formed_program_is_refused() -> None:
    """The judge proves a program before it runs it."""
    program = tiny_cnn()
    conv = replace(program.step("conv"), bound=None)
    broken = replace(program, steps=tuple(conv if step.name == "conv" else step for step in program.steps))
    with pytest.raises(IllFormed, match="bound"):
        Reference(broken)


def test_narrow_codes_of_every_kind_keep_their_dtype() -> None:
    """4-bit signed, 16-bit unsigned: a trace holds each tensor in the narrowest dtype."""
    program = build(
        [
            tensor("image", (1, 3, 1, 2), signed=False),
            tensor("nibbles", (1, 3, 1, 2), bits=4),
            tensor("row", (1, 6), bits=4),
            tensor("wide", (1, 2), bits=16, signed=False, zero_point=30000),
        ],
        [(Table("clip"), ["image"]), (Reshape((1, 6)), ["nibbles"]), (Linear(2), ["row"])],
        {
            "nibbles/table": (np.arange(256) % 16 - 8)[None],
            "wide/weight": np.array([[100] * 6, [-100] * 6]),
            "wide/bias": np.array([1, -1]),
            "wide/multiplier": np.array([1 << 30, 1 << 30]),
            "wide/shift": np.array([28, 28]),
        },
        iot_npu(),
    )
    trace = Reference(program).run(np.array([7, 8, 9, 10, 11, 12], np.uint8).reshape(1, 3, 1, 2))
    assert [array.dtype.name for array in trace.tensors.values()] == ["uint8", "int8", "int8", "uint16"]
    # codes -1, 0, 1, 2, 3, 4 sum to 9; (9 * 100 + 1) * 4 + 30000, and its mirror.
    assert trace.tensors["wide"].tolist() == [[33604, 26396]]
