"""One clock of a netlist whose registers and memories are cut out (cut.py), as Verilog that a solver is asked about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtl.cut import Cut, declared, in_terms, instance, module_of, register
from rtl.design import Design
from rtl.invariants import ALIVE, INVARIANTS, LEGAL, SPLIT
from rtl.renaming import Renamed


@dataclass(frozen=True)
class Question:
    """Out of which states a design and its mutant are compared over one clock."""

    design: Design
    gold: Cut
    """The design, unmutated."""
    reset: bool = False
    """A clock of reset out of any state, after which registers alone count; else out of a state of the invariant."""
    split: int | None = None
    """The value of the register of SPLIT."""
    renamed: Renamed | None = None
    """A counter of the mutant that goes through other words."""

    @property
    def alive(self) -> dict[str, str]:
        """By port of the state: while it counts; the others always do."""
        found = {}
        for wire, text in ALIVE.get(self.design.top, {}).items():
            if wire in self.gold.memories:
                found[f"memory{self.gold.memories.index(wire)}_RD_DATA"] = text
            else:
                found |= dict.fromkeys(re.findall(r"state\d+", self.gold.names[wire]), text)
        return found

    @property
    def legal(self) -> str:
        """Whether the design may be in the state."""
        return in_terms(INVARIANTS.get(self.design.top, "1"), self.gold.names)

    def word(self, port: str, word: str) -> str:
        """Verilog: the mutant's word where the design has `word` in a port."""
        if self.renamed is None or not self.is_renamed(port):
            return word
        (counts,) = set(re.findall(r"state\d+", self.gold.names[self.renamed.counter.registers[0]]))
        return self.renamed.of(word, counts=port.replace("next", "state") == counts)

    def is_renamed(self, port: str) -> bool:
        """Whether the mutant has another word where the design has this port's."""
        if self.renamed is None:
            return False
        memory = self.renamed.counter.memory
        if port.endswith("_ADDR"):
            return bool(memory) and port.startswith(f"memory{self.gold.memories.index(memory)}_")
        states = {
            text for wire in self.renamed.counter.registers for text in re.findall(r"state\d+", self.gold.names[wire])
        }
        return port.replace("next", "state") in states


def seen(name: str, netlist: Cut, asked: Question) -> str:
    """Verilog of NAME_seen: what counts of what leaves a netlist, for NAME = gold and its mutant, gate.

    `other_PORT` is what a part of the gate's state holds while it is not alive.
    """
    ports, pins = inputs(asked.design, netlist, asked.gold.names)
    body = [] if asked.reset else [f"wire legal = {asked.legal};"]
    if asked.reset:
        pins["rst_n"] = "1'b0"
    if asked.split is not None:
        fixed = register(asked.gold.names[SPLIT[asked.design.top]])
        ports.remove(declared("input", fixed, 1))
        body.insert(0, f"wire [0:0] {fixed} = {asked.split};")
    for port, bits in netlist.ports("input").items():
        lost = asked.reset and asked.is_renamed(port)
        if lost or port in asked.alive:
            ports.append(declared("input", f"other_{port}", bits))
        if name == "gate":
            pins[port] = f"other_{port}" if lost else _held(port, pins[port], asked)
    outputs = netlist.ports("output")
    for port, bits in outputs.items():
        ports.append(declared("output", f"seen_{port}", bits))
        body += [f"wire [{bits - 1}:0] {port};", f"assign seen_{port} = {_counts(name, port, netlist.widths, asked)};"]
    given = {port: port for port in outputs}
    if netlist.early:  # what they hold next is what the rest sees already
        sooner = {f"next{number}": f"next{number}" for number in netlist.early}
        body.append(instance(name, "sooner", pins | sooner))
        pins |= {f"state{number}": f"next{number}" for number in netlist.early}
        given = {port: port for port in outputs if port not in sooner}
    if asked.renamed is not None:
        body.insert(0, asked.renamed.tables)
    return module_of(f"{name}_seen", ports, [*body, instance(name, "dut", pins | given)])


def kept(design: Design, netlist: Cut) -> str:
    """Verilog of the module `kept`, whose output `lost` is 1 where a clock leads out of the invariant."""
    invariant = INVARIANTS.get(design.top, "1")
    ports, pins = inputs(design, netlist, netlist.names)
    body = [f"wire [{bits - 1}:0] {port};" for port, bits in netlist.ports("output").items()]
    body += [
        f"wire before = {in_terms(invariant, netlist.names)};",
        f"wire after = {in_terms(invariant, netlist.names, 'next')};",
        "assign lost = (before || !rst_n) && !after;",
        instance("gold", "dut", pins | {port: port for port in netlist.ports("output")}),
    ]
    return module_of("kept", [*ports, "output wire lost"], body)


def met(asked: Question, output: str, value: int) -> str:
    """Verilog of `met`: `hit` is 1 where an output of the netlist has a value in a state that the design may be in."""
    ports, pins = inputs(asked.design, asked.gold, asked.gold.names)
    body = [f"wire {output};", f"assign hit = ({asked.legal}) && {output} == {value};"]
    return module_of("met", [*ports, "output wire hit"], [*body, instance("watched", "dut", pins | {output: output})])


def inputs(design: Design, netlist: Cut, names: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Declarations of a netlist's inputs, and what is put on its pins: words that the contract admits."""
    legal, found = LEGAL.get(design.top, {}), netlist.ports("input")
    ports = [declared("input", port, bits) for port, bits in found.items()]
    return ports, {port: in_terms(legal.get(port, port), names) for port in found}


def _held(port: str, pin: str, asked: Question) -> str:
    """What the gate holds where the design holds `pin`."""
    word = asked.word(port, pin)
    if port not in asked.alive:
        return word
    return f"({in_terms(asked.alive[port], asked.gold.names)}) ? {word} : other_{port}"


def _counts(name: str, port: str, widths: Mapping[str, int], asked: Question) -> str:
    """What counts of what leaves by a port, else 0."""
    word = asked.word(port, port) if name == "gold" else port
    memory, _, pin = port.partition("_")
    after = ""
    if re.fullmatch(r"next\d+", port):
        after = asked.alive.get(port.replace("next", "state"), "1")
    elif asked.reset:
        return "0"
    elif port.startswith("out_") and port != "out_valid":
        word = f"out_valid ? {port} : 0"
    elif pin == "RD_ADDR":
        after = asked.alive.get(f"{memory}_RD_DATA", "1")
        word = f"{memory}_RD_EN ? {word} : 0" if widths[f"{memory}_RD_EN"] == 1 else word
    elif pin == "WR_ADDR" and widths[f"{memory}_WR_EN"] == widths[f"{memory}_WR_DATA"]:
        word = f"|{memory}_WR_EN ? {word} : 0"
    elif pin == "WR_DATA":
        word = f"{port} & {memory}_WR_EN"
    if after:
        word = f"({in_terms(after, asked.gold.names, 'next')}) ? ({word}) : 0"
    return word if asked.reset else f"legal ? ({word}) : 0"
