"""How fast a package of a whole model is written, checked and replayed: every stage of one image, npy and .mem.

    python -m benchmarks.vectors [--rounds N] [--program FILE --image FILE.npy] [--write [PAGE]]

Each number is a whole command from the shell, interpreter, simulation and all, with kernels compiled before. --write
puts the table into docs/vectors.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.networks import Network
from benchmarks.prepare import prepare
from benchmarks.workspace import OUT, ROOT

PAGE = ROOT / "docs" / "vectors.md"
BEGIN, END = "<!-- table: make bench-vectors -->\n", "<!-- end of table -->\n"
GOAL_MB_S = 20.0
HEADER = (
    "| command | goal, MB/s | measured, MB/s | seconds | of them CPU | peak memory, MB | met |\n"
    "|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Measured:
    """One command over all rounds."""

    what: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    """Less than `seconds` on one core where other processes had their turn, or where it waited for the disk."""
    peak_mb: float

    def line(self, megabytes: float) -> str:
        """A row of the table."""
        median = statistics.median(self.seconds)
        rates = sorted(megabytes / seconds for seconds in self.seconds)
        met = "yes" if megabytes / median >= GOAL_MB_S else "**no**"
        measured = f"**{megabytes / median:.0f}** [{rates[0]:.0f} .. {rates[-1]:.0f}]"
        cpu = statistics.median(self.cpu_seconds)
        rest = f"{median:.1f} | {cpu:.1f} | {self.peak_mb:.0f} | {met}"
        return f"| {self.what} | >= {GOAL_MB_S:.0f} | {measured} | {rest} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and store the table; 0 if every goal is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path, help="default: mobilevit_xxs, calibrated and lowered into the cache")
    parser.add_argument("--image", type=Path, help="a .npy of uint8 [1, 3, H, W]")
    parser.add_argument("--write", nargs="?", const=PAGE, type=Path, metavar="PAGE")
    chosen = parser.parse_args(arguments)
    if (chosen.program is None) != (chosen.image is None) or chosen.rounds < 1:
        parser.error("give --program and --image together, and at least one round")
    program, image = chosen.program, chosen.image
    if program is None:
        network = Network("mobilevit_xxs")
        if refused := prepare([network]):
            raise SystemExit(f"could not be prepared: {refused}")
        program, image = network.program, network.first_image
    OUT.mkdir(parents=True, exist_ok=True)
    described = machine.describe()
    with tempfile.TemporaryDirectory(dir=OUT) as place:
        found, megabytes, files = measure(program, image, Path(place) / "package", chosen.rounds)
    text = HEADER + "".join(one.line(megabytes) for one in found)
    text += (
        f"\n{megabytes:,.0f} MB in {files:,} files. Median [least .. most] of {chosen.rounds} rounds. "
        f"{described.sentence()}\n"
    )
    print(text, end="")
    if chosen.write:
        before, begin, rest = chosen.write.read_text().partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise SystemExit(f"{chosen.write} lacks the lines {BEGIN.strip()} and {END.strip()}")
        chosen.write.write_text(before + BEGIN + text + END + after)
    return int(any(megabytes / statistics.median(one.seconds) < GOAL_MB_S for one in found))


def measure(program: Path, image: Path, package: Path, rounds: int) -> tuple[list[Measured], float, int]:
    """Every command in turn, as often as there are rounds and once before, for the compiler's cache."""
    source = [str(program), "--images", str(image)]
    commands = {
        "vectors": ["vectors", *source, "--step", "*", "--out", str(package), "--json"],
        "check": ["check", str(package), "--json"],
        "check --replay": [
            "check", str(package), "--replay", "--program", str(program), "--images", str(image), "--json",
        ],
    }  # fmt: skip
    seconds: dict[str, list[float]] = {what: [] for what in commands}
    cpu: dict[str, list[float]] = {what: [] for what in commands}
    peaks = dict.fromkeys(commands, 0.0)
    size, files = 0, 0
    for round_ in range(rounds + 1):
        shutil.rmtree(package, ignore_errors=True)
        for what, command in commands.items():
            taken, used, peak, said = _run(command)
            if what == "vectors":
                size, files = int(said["bytes"]), int(said["files"])
            if round_:
                seconds[what].append(taken)
                cpu[what].append(used)
                peaks[what] = max(peaks[what], peak)
    named = {"vectors": "`bittrue vectors`", "check": "`bittrue check`", "check --replay": "`bittrue check --replay`"}
    found = [Measured(named[what], tuple(seconds[what]), tuple(cpu[what]), peaks[what]) for what in commands]
    return found, size / 1e6, files


def _run(command: Sequence[str]) -> tuple[float, float, float, dict[str, int]]:
    """Wall seconds, CPU seconds, peak memory in MB and the JSON that one command says."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-m", "bittrue.cli.main", *command], stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
    if child.returncode:
        raise SystemExit(f"bittrue {' '.join(command)} left with {child.returncode}")
    return taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, json.loads(text)


if __name__ == "__main__":
    sys.exit(main())
