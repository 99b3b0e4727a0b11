"""constant: kernel and judge give the step's own codes; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree
from op_cases import constant_case
from op_changes import Change, constant, output, refused
from op_datapaths import EVERY, IOT_NPU
from op_parts import tensor

from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.spec.arithmetic import clamp
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Add, Constant
from bittrue.spec.program import Program, Step
from bittrue.spec.program_file import load_program, save_program


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """What stands in the step."""
    return {"output": call.constants["codes"].tolist()}


@pytest.mark.parametrize("path", EVERY)
def test_every_datapath(path: str) -> None:
    """Nothing of a datapath matters."""
    agree(constant_case(np.random.default_rng(1), EVERY[path]), plain)


@pytest.mark.parametrize("bits", [2, 8, 12, 16, 24])
@pytest.mark.parametrize("shape", [(1,), (7,), (1, 1, 5), (1, 3, 2, 4), (2, 1, 3, 1, 2)], ids=str)
def test_shapes_and_widths(shape: tuple[int, ...], bits: int) -> None:
    """Any rank, a single number included, and any width of code."""
    case = constant_case(np.random.default_rng(2), shape=shape, bits=bits)
    assert agree(case, plain).output.dtype == case.call.output.dtype


REFUSALS: dict[str, tuple[Change, str]] = {
    "another shape": (constant("codes", np.zeros((1, 3, 2, 3), np.int8)), "'codes' has the wrong shape"),
    "flat": (constant("codes", np.zeros(24, np.int8)), "'codes' has the wrong shape"),
    "a code too large": (constant("codes", np.full((1, 3, 2, 4), 128)), "no output codes"),
    "a code too small": (constant("codes", np.full((1, 3, 2, 4), -129)), "no output codes"),
    "codes of another sign": (output(tensor("y", (1, 3, 2, 4), signed=False)), "no output codes"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Codes that the output does not have."""
    refused(constant_case(np.random.default_rng(9)).call, change, words)


def test_work() -> None:
    """24 codes are fetched."""
    call = constant_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"move": 24})


def program() -> Program:
    """y = x + c and z = y + x with c = 1, 2, 3, and a constant that nobody reads. z may lie where c was."""
    tensors = {name: tensor(name, (1, 3)) for name in ("x", "c", "y", "z", "alone")}
    constants = {"c/codes": np.array([[1, 2, 3]]), "alone/codes": np.array([[7, 7, 7]])}
    for name in ("y", "z"):
        constants |= {f"{name}/{role}": np.array([1 << 30]) for role in ("multiplier_a", "multiplier_b")}
        constants[f"{name}/shift"] = np.array([30])
    steps = (
        Step("c", Constant((1, 3)), ()),
        Step("alone", Constant((1, 3)), ()),
        Step("y", Add(), ("x", "c")),
        Step("z", Add(), ("y", "x")),
    )
    return Program("by hand", IOT_NPU, tensors, steps, constants, ("x",), "z", {})


def test_a_program_with_a_step_that_reads_nothing(tmp_path: Path) -> None:
    """Simulated twice in the same buffers, judged, written and read: 2 x + c."""
    saved = tmp_path / "program.safetensors"
    save_program(program(), saved)
    loaded = load_program(saved)
    assert loaded.digest == program().digest
    simulator = Simulator(loaded)
    for x in ([[10, 20, 30]], [[-60, 0, 70]]):
        codes = np.array(x, np.int8)
        wanted = [[clamp(2 * value + added, -128, 127) for value, added in zip(x[0], (1, 2, 3), strict=True)]]
        assert simulator.run(codes, keep="output").tensors["z"].tolist() == wanted
        assert simulator.run(codes, keep="stages").tensors["z"].tolist() == wanted
        assert Reference(loaded).run(codes).tensors["z"].tolist() == wanted


def test_a_constant_reads_nothing_and_every_other_op_something() -> None:
    """The number of inputs is checked both ways."""
    good = program()
    good.check()
    for name, inputs in (("c", ("x",)), ("y", ())):
        steps = tuple(replace(step, inputs=inputs) if step.name == name else step for step in good.steps)
        with pytest.raises(IllFormed, match="wrong number of inputs"):
            replace(good, steps=steps).check()


def test_hardware_need_not_execute_it() -> None:
    """A constant is data in memory: a datapath's list of ops does not concern it."""
    some = IOT_NPU.model_copy(update={"ops": ("add",)})
    replace(program(), datapath=some).check()
