"""Counters of a mutant that go through other words than the design's: which word stands for which.

Word t of the design's count and word t of the mutant's tell the same thing, if nothing but the counting reads them.
Both counts are followed through yosys' `eval`; the pairs are then an assumption about the state, and proof.py proves
that every clock keeps it. A memory that the counter addresses is renamed with it, which takes another word for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtl.cut import Cut, in_terms, instance, module_of
from rtl.invariants import Counter
from rtl.yosys import run

ROW = re.compile(r"^ +\d+'[01]+ \| +\d+'([01]+) +\d+'([01]+)$", re.MULTILINE)
"""Of the table that `eval` prints: a word, the next one, the address."""


@dataclass(frozen=True)
class Renamed:
    """One counter of a mutant."""

    counter: Counter
    words: tuple[int, ...]
    """By word of the design: the mutant's."""
    shown: tuple[int, ...]
    """The same, where others read them: a fault may lie between the counter and its readers."""

    def of(self, expression: str, *, counts: bool) -> str:
        """Verilog: the mutant's word in the counter itself, or in what keeps its words and is addressed by them."""
        return f"{'words' if counts or self.words == self.shown else 'shown'}[{expression}]"

    @property
    def tables(self) -> str:
        """Verilog of the tables that `of` reads."""
        last, found = len(self.words) - 1, []
        named = {"words": self.words} | ({} if self.words == self.shown else {"shown": self.shown})
        for name, words in named.items():
            filled = " ".join(f"{name}[{word}] = {other};" for word, other in enumerate(words))
            found.append(f"reg [{last.bit_length() - 1}:0] {name} [0:{last}]; initial begin {filled} end")
        return " ".join(found)


def renamed(counter: Counter, gold: Cut, gate: Cut, folder: Path) -> Renamed | None:
    """How the gate renames a counter; None if it does not, or gives two words of a memory one name.

    gold, gate: with gold.json and gate.json in the folder.
    """
    (here, _), (there, _) = (_after(counter, counter.begins, name, gold, folder)[0] for name in ("gold", "gate"))
    design, mutant = (_after(counter, counter.counts, name, gold, folder) for name in ("gold", "gate"))
    words = list(range(len(design)))
    shown = words.copy()
    for _ in range(counter.steps):
        words[here], shown[design[here][1]] = there, mutant[there][1]
        here, there = design[here][0], mutant[there][0]
    same, mixed = words == list(range(len(words))), len(set(shown)) < len(words)
    return None if same or (counter.memory and mixed) else Renamed(counter, tuple(words), tuple(shown))


def _after(counter: Counter, held: Mapping[str, int], name: str, gold: Cut, folder: Path) -> list[tuple[int, int]]:
    """By word of the counter: the one behind it in a clock in which inputs and registers hold what is said, else 0.

    And the address that it is in its memory, or itself.
    """
    wire = gold.names[counter.registers[0]]
    last = f"[{wire.count('[') - 1}:0]"
    inputs = gold.ports("input")
    body = [f"wire [{bits - 1}:0] {port};" for port, bits in gold.widths.items()]
    body += [f"assign {in_terms(key, gold.names)} = {value};" for key, value in held.items()]
    address = f"memory{gold.memories.index(counter.memory)}_WR_ADDR" if counter.memory else "value"
    body += [f"assign {wire} = value;", f"assign after = {wire.replace('state', 'next')};"]
    body.append(f"assign address = {address};")
    body.append(instance(name, "dut", {port: port for port in (*inputs, *gold.ports("output"))}))
    text = module_of("counting", [f"input wire {last} value", f"output wire {last} after, address"], body)
    (folder / "counting.v").write_text(text)
    log = run(
        f"read_json {name}.json; read_verilog counting.v; hierarchy -top counting; proc; flatten; "
        "setundef -undriven -zero; opt; eval -table value -show after -show address counting",
        folder=folder,
    )
    return [(int(after, 2), int(shown, 2)) for after, shown in ROW.findall(log)]
