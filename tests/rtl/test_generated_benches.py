"""The benches that bittrue writes, on the designs of this folder: right ones pass, planted faults name their stage."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from bench_examples import Made, needs_icarus, play, written
from rtl.bugs import bugs
from rtl.cases import CASES
from rtl.cases import mac as mac_case
from rtl.design import FOLDER
from rtl.units import RTL_UNITS

from bittrue import workflow
from bittrue.golden.benches.design import Design
from bittrue.golden.benches.sets import Word
from bittrue.golden.benches.write import write_benches
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.arithmetic import signed_bits
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Arrays

pytestmark = needs_icarus
IOT_NPU = load_datapath("iot_npu")
CONSTANTS = {
    "mac": ("weights", "bias", "activation_zero_point", "weight_zero_point"),
    "table": ("input_low", "table"),
}
"""By cfg_sel, where it is not every array but the rows in the unit's own order."""
VECTORS = 1000


def arrays_of(unit: str) -> Arrays:
    """The designs' own cases, thinned: Icarus takes some 20,000 words a second."""
    thin: Arrays
    if unit in ("softmax", "norm"):
        from rtl import row_cases

        return unit_arrays(unit_form(IOT_NPU, unit), getattr(row_cases, unit)())
    if unit == "mac":
        arrays = dict(mac_case(columns=RTL_UNITS[unit].design(IOT_NPU).outputs[0].lanes))
        thin = arrays | {"activations": arrays["activations"][:120]}
    else:
        arrays = CASES[unit]()
        step = max(max(array.size for array in arrays.values()) // VECTORS, 1)
        thin = {name: array[::step] if array.size > 2 * VECTORS else array for name, array in arrays.items()}
    return unit_arrays(unit_form(IOT_NPU, unit), thin)


def word(codes: np.ndarray) -> Word:
    """The narrowest width of whole bytes, signed."""
    needed = signed_bits(int(codes.min()), int(codes.max()))
    return Word(next(bits for bits in (8, 16, 32, 48, 64) if needed <= bits), True)


def made(unit: str) -> Made:
    """The cases as a set: what the design streams is driven, the rest is constant, every stage is the simulator's."""
    arrays = arrays_of(unit)
    truth = workflow.unit(unit, datapath=IOT_NPU, inputs=arrays, stages=True)
    streams = [signal.name for signal in RTL_UNITS[unit].design(IOT_NPU).inputs]
    vectors = len(truth["output"])

    def held(names: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, Word]]:
        return {name: (array, word(array)) for name, array in names.items()}

    driven = {name: array for name, array in arrays.items() if name in streams and array.ndim and len(array) == vectors}
    constants = {name: array for name, array in arrays.items() if name not in driven}
    return Made(unit, "cases", held(driven), held(constants), held(truth))


def design_of(unit: str) -> Design:
    """The design as a bench knows it."""
    rtl = RTL_UNITS[unit].design(IOT_NPU)
    words = {f"in_{signal.name}": Word(signal.bits, signal.signed) for signal in rtl.inputs}
    words |= {f"out_{signal.name}": Word(signal.bits, signal.signed) for signal in rtl.outputs}
    return Design(
        rtl.top,
        rtl.parameters,
        streams=tuple(signal.name for signal in rtl.inputs),
        constants=CONSTANTS.get(unit) if rtl.constants else (),
        words=words,
        lanes=rtl.inputs[0].lanes,
        columns=rtl.outputs[0].lanes,
    )


@pytest.fixture(scope="module", params=sorted(RTL_UNITS))
def benches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A unit and the folder of its benches."""
    unit = request.param
    package = tmp_path_factory.mktemp(unit) / "package"
    write_benches(package, package / "tb", sets=[written(package, made(unit), 0)], modules={unit: design_of(unit)})
    return unit, package / "tb"


def sources(unit: str) -> tuple[str, ...]:
    return tuple(str(path) for path in RTL_UNITS[unit].design(IOT_NPU).paths)


@pytest.mark.parametrize("how", ["sv", "cocotb"])
def test_a_right_design_passes_under_back_pressure(benches: tuple[str, Path], how: str) -> None:
    """Every stage of every vector, with random gaps and stalls, in both benches."""
    unit, folder = benches
    found = play(folder, "--with", how, "--include", str(FOLDER), "+gaps=20", "+stalls=30", rtl=sources(unit))
    assert found.code == 0, found.text[-2000:]
    assert set(found.cases(f"tb_{unit}").values()) == {"passed"}


def test_every_planted_fault_fails_at_its_stage(benches: tuple[str, Path]) -> None:
    """A bench ends with the stage at which bugs.toml says that the fault must first show."""
    unit, folder = benches
    assert play(folder, "--include", str(FOLDER), rtl=sources(unit)).code == 0
    binary = folder.parent / "work" / f"tb_{unit}.icarus.sv" / "bench.vvp"
    wrong = {}
    for bug in bugs():
        if bug.unit == unit and not bug.on:
            plusargs = [f"+package={folder.parent}", f"+bug={bug.number}", "+stop_after=0"]
            done = subprocess.run(["vvp", "-n", binary, *plusargs], capture_output=True, text=True, check=False)
            first = next((line for line in done.stdout.splitlines() if line.startswith("FIRST ")), "no mismatch")
            if f" stage={bug.stage} " not in first or not done.returncode:
                wrong[str(bug)] = first
    assert not wrong
