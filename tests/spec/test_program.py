"""Programs: what decides their digest, and that nothing ill-formed passes the check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hand_program import HALF, PROGRAM
from op_datapaths import datapath
from op_parts import tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import AccumulatorBound
from bittrue.spec.ops import Conv2d, MatMul, Reshape, Softmax, Table
from bittrue.spec.program import Program, Step, with_bound


def test_the_program_is_well_formed() -> None:
    """What the tests below damage is sound."""
    PROGRAM.check()
    assert [call.step for call in PROGRAM.calls] == [step.name for step in PROGRAM.steps]


def test_step_by_name() -> None:
    """A step is found by its name; a misspelt one is refused with the nearest names."""
    assert PROGRAM.step("conv").op == Conv2d(2, (3, 3), (2, 2), (1, 1))
    with pytest.raises(IllFormed, match="logits"):
        PROGRAM.step("logit")


def with_tensor(name: str, change: dict[str, Any]) -> Program:
    """The program with one tensor changed, bounds proved anew."""
    return proved(replace(PROGRAM, tensors={**PROGRAM.tensors, name: replace(PROGRAM.tensors[name], **change)}))


def with_constant(key: str, values: object) -> Program:
    """The program with one constant changed, bounds proved anew."""
    return proved(replace(PROGRAM, constants={**PROGRAM.constants, key: np.array(values)}))


def with_step(name: str, change: dict[str, Any]) -> Program:
    """The program with one step changed, bounds as they were."""
    return replace(
        PROGRAM, steps=tuple(replace(step, **change) if step.name == name else step for step in PROGRAM.steps)
    )


def proved(program: Program) -> Program:
    """The program with its bounds proved anew."""
    return replace(program, steps=tuple(with_bound(program, step) for step in program.steps))


@pytest.mark.parametrize(
    "same",
    [
        replace(PROGRAM, model="other", provenance={}),
        with_tensor("conv", {"scale": (0.25, 3.0), "origin": "stem.conv", "layout": "NCHW"}),
        replace(PROGRAM, datapath=datapath({"name": "other", "source": "elsewhere"})),
        with_constant("conv/weight", PROGRAM.constants["conv/weight"].astype(np.int64)),
    ],
    ids=["model and provenance", "scales and origin", "datapath's name", "dtype of a constant"],
)
def test_digest_ignores_provenance(same: Program) -> None:
    """Scales, origins, names of people and storage types decide no output bit."""
    assert same.digest == PROGRAM.digest
    same.check()


@pytest.mark.parametrize(
    "other",
    [
        with_tensor("quantized", {"zero_point": (-4,)}),
        with_tensor("conv", {"zero_point": (5, 8)}),
        with_tensor("quantized", {"bits": 7}),
        with_tensor("logits", {"signed": False}),
        with_tensor("conv", {"shape": (1, 2, 4, 1)}),
        with_step("relu", {"op": Table("silu", 1)}),
        with_step("conv", {"op": Conv2d(2, (3, 3), (2, 1), (1, 1))}),
        with_step("logits", {"inputs": ("pooled",)}),
        replace(PROGRAM, steps=PROGRAM.steps[:-1]),
        replace(PROGRAM, output="flat"),
        replace(PROGRAM, datapath=datapath({"mac.accumulator_bits": 31})),
        replace(PROGRAM, datapath=datapath({"requantization.of": {"conv2d": {"rounding": "floor"}}})),
    ],
    ids=[
        "zero point",
        "one channel's zero point",
        "bits",
        "sign",
        "shape",
        "attribute (text)",
        "attribute",
        "input",
        "a step less",
        "output",
        "accumulator",
        "rounding of one op",
    ],
)
def test_digest_sees_the_meaning(other: Program) -> None:
    """Everything that may decide an output bit changes the digest."""
    assert other.digest != PROGRAM.digest


def test_digest_sees_every_integer() -> None:
    """Adding 1 to any element of any constant changes the digest."""
    digests = {PROGRAM.digest}
    count = 1
    for key, array in PROGRAM.constants.items():
        for index in np.ndindex(array.shape):
            changed = array.astype(np.int64)
            changed[index] += 1
            digests.add(replace(PROGRAM, constants={**PROGRAM.constants, key: changed}).digest)
            count += 1
    assert len(digests) == count > 800


def test_digest_sees_the_shape_of_a_constant() -> None:
    """The same integers in another shape are another constant."""
    array = PROGRAM.constants["conv/weight"]
    assert (
        replace(PROGRAM, constants={**PROGRAM.constants, "conv/weight": array.reshape(2, 27)}).digest != PROGRAM.digest
    )


BROKEN: dict[str, tuple[Callable[[], Program], str]] = {
    "input missing": (lambda: replace(PROGRAM, inputs=("picture",)), "no tensor of it"),
    "output missing": (lambda: replace(PROGRAM, output="scores"), "no tensor of it"),
    "no inputs": (lambda: replace(PROGRAM, inputs=()), "needs inputs"),
    "one input twice": (lambda: replace(PROGRAM, inputs=("image", "image")), "each once"),
    "image with a row sum": (lambda: with_tensor("image", {"row_sum_max": 3}), "row sum"),
    "constant missing": (
        lambda: replace(PROGRAM, constants={k: v for k, v in PROGRAM.constants.items() if k != "conv/shift"}),
        "missing .*conv/shift",
    ),
    "constant unused": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/beta": np.array([1])}),
        "unused .*conv/beta",
    ),
    "constant of floats": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/bias": np.zeros(2)}),
        "holds no integers",
    ),
    "constant of booleans": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/bias": np.zeros(2, bool)}),
        "holds no integers",
    ),
    "constant empty": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/shift": np.zeros(0, int)}),
        "holds no integers",
    ),
    "weight of another shape": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/weight": np.zeros((2, 3, 3, 2), int)}),
        "conv",
    ),
    "weight that does not divide": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/weight": np.zeros((5, 3), int)}),
        "conv",
    ),
    "bias of another length": (
        lambda: replace(PROGRAM, constants={**PROGRAM.constants, "conv/bias": np.zeros(3, int)}),
        "conv",
    ),
    "reads what comes later": (lambda: with_step("conv", {"inputs": ("flat",)}), "nothing before it produces"),
    "reads itself": (lambda: with_step("conv", {"inputs": ("conv",)}), "nothing before it produces"),
    "reads what nobody produces": (lambda: with_step("conv", {"inputs": ("ghost",)}), "nothing before it produces"),
    "two inputs": (lambda: with_step("conv", {"inputs": ("quantized", "quantized")}), "wrong number of inputs"),
    "a step without inputs": (lambda: with_step("conv", {"inputs": ()}), "wrong number of inputs"),
    "step twice": (lambda: replace(PROGRAM, steps=(*PROGRAM.steps, PROGRAM.steps[-2])), "produced twice"),
    "step writes the image": (lambda: with_step("flat", {"name": "image"}), ""),
    "tensor of no step": (
        lambda: replace(PROGRAM, tensors={**PROGRAM.tensors, "spare": tensor("spare", (1,))}),
        "no step produces",
    ),
    "tensor missing": (
        lambda: replace(PROGRAM, tensors={k: v for k, v in PROGRAM.tensors.items() if k != "flat"}),
        "missing from the tensors",
    ),
    "output of another shape": (lambda: with_tensor("pooled", {"shape": (1, 2)}), "does not follow from the inputs"),
    "bound too low": (lambda: with_step("conv", {"bound": AccumulatorBound(-1, 1)}), "not the proved one"),
    "bound too high": (
        lambda: with_step("conv", {"bound": AccumulatorBound(-(1 << 30), 1 << 30)}),
        "not the proved one",
    ),
    "bound missing": (lambda: with_step("conv", {"bound": None}), "not the proved one"),
    "bound of an op without one": (lambda: with_step("flat", {"bound": AccumulatorBound(0, 1)}), "not the proved one"),
    "op outside the contract": (lambda: with_step("flat", {"op": Foreign((1, 2))}), "unknown op"),
    "row sum that nothing proves": (lambda: with_tensor("flat", {"row_sum_max": 1}), "row sum"),
    "row sum of a linear": (lambda: with_tensor("logits", {"row_sum_max": 1}), "row sum"),
    "accumulator too narrow": (
        lambda: replace(PROGRAM, datapath=datapath({"mac.accumulator_bits": 12})),
        "may overflow",
    ),
    "padding with a wide zero point": (lambda: with_tensor("quantized", {"zero_point": (-129,)}), "not a code"),
}


class Foreign(Reshape):
    """A class that calls itself a reshape."""


@pytest.mark.parametrize(("make", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_programs(make: Callable[[], Program], words: str) -> None:
    """Names, shapes, constants and bounds that do not fit together are IllFormed."""
    with pytest.raises(IllFormed, match=words or None):
        make().check()


def test_the_step_is_named() -> None:
    """A refusal says in which step it arose."""
    with pytest.raises(IllFormed) as refusal:
        with_step("conv", {"bound": None}).check()
    assert refusal.value.where == "conv"


def test_a_row_sum_is_lost_behind_a_layout_op() -> None:
    """A permuted softmax has other rows: the proof does not move along."""
    table = np.array([65535, *range(255, 0, -1)])
    scores = tensor("scores", (1, 2, 2, 2), bits=16, signed=False, row_sum_max=(1 << 16) + 2)
    flipped = replace(scores, name="flipped", row_sum_max=None)
    program = replace(
        PROGRAM,
        tensors={
            "image": tensor("image", (1, 3, 4, 4), signed=False),
            **{name: PROGRAM.tensors[name] for name in ("quantized", "conv", "relu")},
            "scores": scores,
            "flipped": flipped,
            "product": tensor("product", (1, 2, 2, 2)),
        },
        steps=(
            *PROGRAM.steps[:3],
            Step("scores", Softmax(), ("relu",)),
            Step("flipped", Reshape((1, 2, 2, 2)), ("scores",)),
            Step("product", MatMul(), ("scores", "relu")),
        ),
        constants={
            **{k: v for k, v in PROGRAM.constants.items() if k.split("/")[0] in ("quantized", "conv", "relu")},
            "scores/table": table,
            **{f"product/{role}": array for role, array in HALF.items()},
        },
        output="product",
    )
    proved(program).check()
    with pytest.raises(IllFormed, match="row sum"):
        proved(
            replace(program, tensors={**program.tensors, "flipped": replace(flipped, row_sum_max=scores.row_sum_max)})
        ).check()
