"""Whether a mutant is the design in all that can be seen of it: a SAT proof by yosys, never a guess.

One clock is looked at, from any state that fulfils the design's invariant (invariants.py), which is proved first, and
from any state at all where the clock is one of reset. Registers and memories are cut out (cut.py): the same words come
out of them in both, so that what goes into them must be equal. A register counts while it is alive and may else be
anything in either of the two. What counts beside the registers: the handshake, the words of `out_*` while out_valid is
1, what is written and which words are read. A mutant is equivalent

    if its fault never changes a bit, whatever the state, or
    if no clock makes a difference that counts,

and a reset makes none. What fulfils the invariant need not be reached: a difference found proves nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rtl.clock import Question, kept, met, seen
from rtl.cut import ClockLost, Cut, cut, read
from rtl.design import Design
from rtl.invariants import COUNTERS, INVARIANTS, SPLIT
from rtl.netlist import NETLIST, Mutant
from rtl.renaming import renamed
from rtl.toolchain import ToolFailed
from rtl.yosys import run

Verdict = Literal["equivalent", "differs", "undecided"]
"""differs: in a state that fulfils the invariant. undecided: time ran out, or yosys refused."""
ACTIVE = {"const0": ("portbit", 1), "const1": ("portbit", 0), "cnot0": ("ctrlbit", 0), "cnot1": ("ctrlbit", 1)}
"""By mode of `mutate`: at which value of which bit the fault changes something. "inv" always does."""


class Prover:
    """Proofs about the mutants of one design, whose netlist lies in `folder`."""

    def __init__(self, design: Design, folder: Path, *, timeout_s: float) -> None:
        self.design, self.folder, self.timeout_s = design, folder, timeout_s
        self.netlist = read(design, folder, name="netlist")
        self._plain = read(design, folder, "dffunmap;", name="plain")
        self.usable = invariant_holds(design, folder, timeout_s=timeout_s)

    def compare(self, mutant: Mutant) -> Verdict:
        """Whether it is proved that nobody can tell the mutant from the design."""
        if not self.usable:
            return "undecided"
        here = self.folder / f"proof_{mutant.number}"
        here.mkdir(exist_ok=True)
        shutil.copy(self.folder / NETLIST, here)
        try:
            gold = cut(self._plain, "gold", here)
            gate = cut(read(self.design, here, f"mutate {mutant.command}; dffunmap;"), "gate", here)
        except ClockLost:
            return "undecided"
        if gold.registers != gate.registers:
            return "undecided"
        plain = self._same(Question(self.design, gold), gate, here, never=self._never(mutant, here))
        if plain != "differs":
            return plain
        for counter in COUNTERS.get(self.design.top, ()):
            words = renamed(counter, gold, gate, here)
            verdict = self._same(Question(self.design, gold, renamed=words), gate, here) if words else "differs"
            if verdict != "differs":
                return verdict
        return plain

    def _same(self, asked: Question, gate: Cut, folder: Path, *, never: bool = False) -> Verdict:
        """Whether neither a reset nor, unless the fault `never` changes a bit, any other clock makes a difference."""
        questions = [replace(asked, reset=True)] if self.design.top in INVARIANTS else []
        if not never:
            questions += [replace(asked, split=value) for value in ((0, 1) if self.design.top in SPLIT else (None,))]
        found = [self._asked(question, gate, folder) for question in questions]
        return next((verdict for verdict in found if verdict != "equivalent"), "equivalent")

    def _never(self, mutant: Mutant, folder: Path) -> bool:
        """Whether it is proved that the fault changes no bit in any state of the invariant."""
        fault = dict(re.findall(r"-(mode|cell|port|portbit|ctrlbit) (\S+)", mutant.command))
        if fault["mode"] not in ACTIVE:
            return False
        place, when = ACTIVE[fault["mode"]]
        bit = self.netlist["cells"][fault["cell"]]["connections"][fault["port"]][int(fault[place])]
        ports = self.netlist["ports"] | {"watched": {"direction": "output", "bits": [bit]}}
        (folder / "watched.json").write_text(json.dumps({"modules": {"gold": {**self.netlist, "ports": ports}}}))
        run("read_json watched.json; dffunmap; write_json plain.json", folder=folder)
        watched = cut(json.loads((folder / "plain.json").read_text())["modules"]["gold"], "watched", folder)
        (folder / "met.v").write_text(met(Question(self.design, watched), "watched", when))
        commands = "read_json watched.json; read_verilog met.v; hierarchy -check -top met; proc; flatten; opt -full"
        return solved(commands, "hit", "met", folder, self.timeout_s) == "equivalent"

    def _asked(self, asked: Question, gate: Cut, folder: Path) -> Verdict:
        for side, netlist in (("gold", asked.gold), ("gate", gate)):
            (folder / f"{side}_seen.v").write_text(seen(side, netlist, asked))
        commands = (
            "read_json gold.json; read_json gate.json; read_verilog gold_seen.v gate_seen.v; proc; memory; "
            "flatten gold_seen gate_seen; miter -equiv -flatten gold_seen gate_seen miter; hierarchy -top miter; "
            "opt -full"
        )
        return solved(commands, "trigger", "miter", folder, self.timeout_s)


def invariant_holds(design: Design, folder: Path, *, timeout_s: float = 120) -> bool:
    """Whether it is proved that a reset brings the design into its invariant, and that no clock leads out of it."""
    here = folder / "invariant"
    here.mkdir(exist_ok=True)
    shutil.copy(folder / NETLIST, here)
    gold = cut(read(design, here, "dffunmap;"), "gold", here)
    (here / "kept.v").write_text(kept(design, gold))
    commands = "read_json gold.json; read_verilog kept.v; hierarchy -check -top kept; proc; flatten; opt -full"
    return solved(commands, "lost", "kept", here, timeout_s) == "equivalent"


def solved(commands: str, wire: str, module: str, folder: Path, timeout_s: float) -> Verdict:
    """Whether a wire of a module without registers is 0 whatever comes in."""
    try:
        log = run(f"{commands}; sat -prove {wire} 0 {module}", folder=folder, timeout_s=timeout_s)
    except (subprocess.TimeoutExpired, ToolFailed):
        return "undecided"
    if "no model found: SUCCESS!" in log:
        return "equivalent"
    return "differs" if "model found: FAIL!" in log else "undecided"
