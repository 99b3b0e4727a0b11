"""Programs written by hand: what is derived, what is proved, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from op_datapaths import IOT_NPU

from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.spec.builder import Builder
from bittrue.spec.errors import BadInput, BittrueError, IllFormed, OutOfDomain
from bittrue.spec.ops import Linear, MatMul, Mul
from bittrue.spec.program_file import load_program, save_program

ONE = {"multiplier": 1 << 30, "shift": 30}
"""A requantizer that passes codes unchanged."""


def two_inputs() -> Builder:
    """a [2, 3] times b [3, 4], then the product with itself."""
    draft = Builder("by hand", IOT_NPU)
    a, b = draft.input("a", (2, 3)), draft.input("b", (3, 4), zero_point=5)
    product = draft.step("product", MatMul(), [a, b], constants=ONE)
    draft.step("square", Mul(), [product, product], bits=16, constants=ONE)
    return draft


def test_a_program_of_two_inputs(tmp_path: Path) -> None:
    """Shapes and bounds follow, both statements give the integers by hand, and the file keeps both inputs."""
    program = two_inputs().build("square")
    save_program(program, tmp_path / "p.safetensors")
    loaded = load_program(tmp_path / "p.safetensors")
    assert (loaded.inputs, loaded.digest) == (("a", "b"), program.digest)
    assert program.tensors["square"].shape == (2, 4)
    bound = program.step("product").bound
    assert bound is not None and (bound.low, bound.high) == (-127 * 133 * 3, 128 * 133 * 3)
    a, b = np.array([[1, 2, 3], [-1, 0, 1]]), np.arange(12).reshape(3, 4)
    wanted = np.clip(a @ (b - 5), -128, 127) ** 2
    for run in (Simulator(loaded).run, Reference(loaded).run):
        assert np.array_equal(run({"a": a, "b": b}).tensors["square"], wanted)


def test_inputs_of_a_run() -> None:
    """One array where there are two inputs, a missing, an unknown and a wrong one are refused by name."""
    machine = Simulator(two_inputs().build("square"))
    a, b = np.zeros((2, 3), np.int8), np.zeros((3, 4), np.int8)
    with pytest.raises(BadInput, match="several arrays"):
        machine.run(a)
    with pytest.raises(BadInput, match="not the program's inputs"):
        machine.run({"a": a})
    with pytest.raises(BadInput, match="not the program's inputs"):
        machine.run({"a": a, "b": b, "c": b})
    with pytest.raises(OutOfDomain, match="shape"):
        machine.run({"a": a, "b": a})
    with pytest.raises(OutOfDomain, match="range"):
        machine.run({"a": a.astype(np.int16) + 128, "b": b})


WEIGHT = np.ones((4, 3), np.int8)


@pytest.mark.parametrize(
    ("constants", "inputs", "words"),
    [
        ({"weight": WEIGHT, "bias": 0, "multiplier": 1 << 30}, ["a"], "shift"),
        ({"weight": WEIGHT, "bias": 0, **ONE, "scale": 1}, ["a"], "scale"),
        ({"weight": WEIGHT, "bias": 0.5, **ONE}, ["a"], "integers"),
        ({"weight": WEIGHT, "bias": 0, **ONE}, ["ghost"], "ghost"),
        ({"weight": WEIGHT.T, "bias": 0, **ONE}, ["a"], "weight"),
        ({"weight": WEIGHT, "bias": 0, "multiplier": 3, "shift": 30}, ["a"], "multiplier"),
        ({"weight": WEIGHT, "bias": 1 << 40, **ONE}, ["a"], "bias"),
    ],
)
def test_refusals(constants: dict[str, object], inputs: list[str], words: str) -> None:
    """Missing, surplus and impossible constants, and tensors that do not exist: said with the step's name."""

    def written() -> None:
        draft = Builder("by hand", IOT_NPU)
        draft.input("a", (2, 3))
        draft.step("y", Linear(4), inputs, constants=constants)  # type: ignore[arg-type]
        draft.build("y")

    with pytest.raises(BittrueError) as found:
        written()
    assert words in str(found.value) and "y" in found.value.where


def test_names_are_unique() -> None:
    """Two tensors of one name are refused."""
    draft = Builder("by hand", IOT_NPU)
    draft.input("a", (2, 3))
    with pytest.raises(IllFormed, match="one name"):
        draft.input("a", (2, 3))
