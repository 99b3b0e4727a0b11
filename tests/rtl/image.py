"""`make rtl-image`: a whole image through the Verilated designs, every tensor compared with the simulator's.

    python tests/rtl/image.py [--model mobilevit_xxs] [--weights FILE] [--out out/rtl_image]
    python tests/rtl/image.py --program PROGRAM --images FILE.npy

Each step reads what the designs made of the steps before it. Prints one line a step and writes them as CSV, with the
clocks that each unit was busy beside the cost model's cycles. Leaves with 1 if a tensor differs, with 2 if a step
was computed by anything but a design. --fault plants a fault of bugs.toml: the comparison must then find it.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rtl.image_ops import MOVES, ON_UNITS
from rtl.image_table import COLUMNS, Line, text, total
from rtl.machine import Machine

from bittrue.simulator.engine import Simulator
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.spec.tensors import Codes
from bittrue.workflow.cost import cost

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "examples" / "mobilevit_xxs_imagenette.safetensors"


def play(program: Program, image: Codes, machine: Machine) -> Iterator[Line]:
    """Run one image step by step through the designs; each tensor is compared with the simulator's."""
    truth = Simulator(program).run(image).tensors
    costs = cost(program).steps
    tensors = program.operands(image)
    for step, call, model in zip(program.steps, program.calls, costs, strict=True):
        operands = [tensors[name] for name in step.inputs]
        run, units = ON_UNITS.get(step.op.name, (None, ()))
        served = run is not None and all(unit in machine.units for unit in units)
        for unit in units if served else ():
            machine.build(unit)
        with machine.step() as busy:
            found = run(machine, call, operands) if run and served else KERNELS[step.op.name](call, operands)
        tensors[step.output] = found.astype(call.output.dtype)
        mismatches = int(np.count_nonzero(found != truth[step.output]))
        ran_on = "+".join(busy.run_cycles) if served else "moves" if step.op.name in MOVES else "simulator"
        yield Line(step, ran_on or "moves", found.size, mismatches, busy, model)


def lowered(model: str, weights: Path, out: Path) -> tuple[Program, Codes]:
    """The program of a trained model, calibrated on some of the demo's photographs, and another photograph."""
    from bittrue.workflow.calibrate import calibrate
    from bittrue.workflow.inputs import open_images
    from bittrue.workflow.lower import lower
    from bittrue.workflow.photographs import CALIBRATION, write_photographs

    folders = out / "images" / "calibration", out / "images" / "evaluation"
    calibration, evaluation = folders if folders[1].exists() else write_photographs(out / "images")
    plan = calibrate(model, weights=str(weights), images=calibration, limit=len(CALIBRATION))
    program = lower(plan)
    (image,) = open_images(program, evaluation, limit=1, seed=0, verb="rtl-image")
    return program, image.codes


def main() -> int:
    """Exit code: 0 all equal on designs alone, 1 a tensor differs, 2 a step ran elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mobilevit_xxs")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--program", type=Path, help="a lowered program instead of a model")
    parser.add_argument("--images", type=Path, help="with --program: uint8 [N, 3, H, W]; the first is run")
    parser.add_argument("--fault", nargs=2, metavar=("UNIT", "N"), action="append", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "rtl_image")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.program:
        program, image = load_program(chosen.program), np.load(chosen.images, allow_pickle=False)[:1]
    else:
        program, image = lowered(chosen.model, chosen.weights, chosen.out)
    machine = Machine(program.datapath, faults={unit: int(number) for unit, number in chosen.fault})
    start, lines = time.perf_counter(), []
    for line in play(program, image, machine):
        lines.append(line)
        print(text(line), flush=True)
    with (chosen.out / "steps.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(line.row() for line in lines)
    print(total(lines, time.perf_counter() - start), f"written to {chosen.out / 'steps.csv'}", sep="\n")
    if any(line.mismatches for line in lines):
        return 1
    return 2 if any(line.ran_on == "simulator" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
