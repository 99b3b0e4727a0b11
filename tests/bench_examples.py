"""Sets for the designs of golden/benches/example_designs.sv, what they must answer, and how their benches are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from bittrue.golden.benches.design import Design
from bittrue.golden.benches.sets import BenchArray, BenchSet, Word
from bittrue.golden.benches.write import write_benches
from bittrue.golden.vectors.memory import to_mem

DESIGNS = Path(__file__).parent / "golden" / "benches" / "example_designs.sv"
MODULES = {
    "requantize": Design("example_elements", {"ACC_BITS": 12}, words={"out_rounded": Word(13, True)}),
    "softmax": Design("example_rows"),
    "mac": Design("example_mac", {"LANES": 4, "COLS": 3}, lanes=4, columns=3),
}
Arrays = dict[str, tuple[np.ndarray, Word]]
needs_icarus = pytest.mark.skipif(
    not shutil.which("iverilog") and os.environ.get("CI") != "true", reason="Icarus is not installed (Debian: iverilog)"
)


@dataclass(frozen=True)
class Made:
    """A set before it is written."""

    unit: str
    name: str
    driven: Arrays
    constants: Arrays
    stages: Arrays


@dataclass(frozen=True)
class Run:
    """What became of one call of run.py."""

    code: int
    text: str
    work: Path

    @property
    def mismatches(self) -> list[str]:
        """Lines that report a mismatch, in order."""
        return [line for line in self.text.splitlines() if line.startswith("MISMATCH ")]

    def cases(self, bench: str) -> dict[str, str]:
        """JUnit: "SET.STAGE" -> passed, failure, error or skipped; the counts of each suite are checked."""
        found = {}
        for suite in ElementTree.parse(self.work / f"{bench}.xml").getroot():
            tags = {case.get("name"): [child.tag for child in case] for case in suite}
            for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert int(suite.get(kind, "-1")) == sum(tags[name] == [tag] for name in tags)
            assert int(suite.get("tests", "-1")) == len(tags)
            found |= {
                f"{suite.get('name')}.{name}".removeprefix(f"{bench}."): (*tags[name], "passed")[0] for name in tags
            }
        return found


def play(folder: Path, *arguments: str, work: str = "work", rtl: Sequence[str] = (str(DESIGNS),)) -> Run:
    """Run a folder of benches as its README says."""
    command = [sys.executable, folder / "run.py", "--rtl", *rtl, "--work", folder.parent / work, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent, timeout=300)
    return Run(done.returncode, done.stdout + done.stderr, folder.parent / work)


def write(package: Path, made: Sequence[Made], designs: Mapping[str, Design] = MODULES) -> Path:
    """A package of these sets, and its benches in PACKAGE/tb."""
    sets = [written(package, one, index) for index, one in enumerate(made)]
    units = {one.unit for one in made}
    modules = {unit: design for unit, design in designs.items() if unit in units}
    write_benches(package, package / "tb", sets=sets, modules=modules, label="example")
    return package / "tb"


def written(package: Path, made: Made, index: int) -> BenchSet:
    """The set, its .mem files written into the package as golden.vectors writes them."""
    folder = f"{index:03d}_{made.unit}.{made.name}"

    def arrays(group: Arrays, prefix: str = "") -> tuple[BenchArray, ...]:
        found = []
        for name, (codes, word) in group.items():
            path = f"units/{folder}/{prefix}{name}.mem"
            (package / path).parent.mkdir(parents=True, exist_ok=True)
            (package / path).write_text(to_mem(codes, word.bits, signed=word.signed, name=name))
            found.append(BenchArray(name, word, codes.shape, path))
        return tuple(found)

    return BenchSet(
        made.unit,
        f"{made.unit}.{made.name}",
        folder,
        arrays(made.driven),
        arrays(made.stages),
        arrays(made.constants, "const_"),
    )


def elements(vectors: int = 40, *, seed: int = 0, name: str = "corners") -> Made:
    """accumulator, shift; zero_point -> rounded, output."""
    rng = np.random.default_rng(seed)
    accumulator, shift = rng.integers(-2048, 2048, vectors), rng.integers(0, 12, vectors)
    accumulator[5], shift[5] = 6, 2  # a tie: planted fault 1 shows
    zero_point = np.array(-42 + seed)
    rounded = np.array([(a + ((1 << s) >> 1)) >> s for a, s in zip(accumulator.tolist(), shift.tolist(), strict=True)])
    output = (rounded + zero_point + 128) % 256 - 128
    return Made(
        "requantize",
        name,
        {"accumulator": (accumulator, Word(12, True)), "shift": (shift, Word(4, False))},
        {"zero_point": (zero_point, Word(8, True))},
        {"rounded": (rounded, Word(32, True)), "output": (output, Word(8, True))},
    )


def rows(vectors: int = 6, n: int = 5, *, seed: int = 0) -> Made:
    """logits; table -> maximum, distance, output."""
    rng = np.random.default_rng(seed)
    logits = rng.integers(-8, 8, (vectors, n))
    logits[0], logits[1] = 7, -8  # planted fault 1 shows in the second row
    table = rng.integers(0, 256, 16)
    maximum = logits.max(axis=1, keepdims=True)
    return Made(
        "softmax",
        f"rows_of_{n}",
        {"logits": (logits, Word(4, True))},
        {"table": (table, Word(8, False))},
        {
            "maximum": (maximum, Word(4, True)),
            "distance": (maximum - logits, Word(4, False)),
            "output": (table[maximum - logits], Word(8, False)),
        },
    )


def mac(vectors: int = 5, k: int = 9, columns: int = 3, *, seed: int = 0) -> Made:
    """activations; weights, bias -> register, output."""
    rng = np.random.default_rng(seed)
    activations, weights = rng.integers(1, 128, (vectors, k)), rng.integers(1, 128, (k, columns))
    bias = rng.integers(-1000, 1000, columns)
    register = activations @ weights
    word = Word(20, True)
    return Made(
        "mac",
        f"k_{k}",
        {"activations": (activations, Word(8, True))},
        {"weights": (weights, Word(8, True)), "bias": (bias, word)},
        {"register": (register, word), "output": (register + bias, word)},
    )
