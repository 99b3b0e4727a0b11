"""A netlist without its registers and memories: what enters them leaves by ports, what they hold enters by ports.

For proofs over one clock (proof.py). Ports: `stateN` and `nextN` are what register N holds and what it holds next,
`memoryN_PIN` a pin of memory N, all others the design's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtl.design import Design
from rtl.netlist import NETLIST
from rtl.yosys import run

Json = dict[str, Any]
CLOCK = "clk"


class ClockLost(RuntimeError):
    """A register that neither edge of the clock moves: nothing here speaks of it."""


@dataclass(frozen=True)
class Cut:
    """What is left of a netlist."""

    module: Json
    registers: tuple[str, ...]
    memories: tuple[str, ...]
    """By number: the cell."""
    early: frozenset[int] = frozenset()
    """Registers that move at the other edge: half a clock sooner, and the rest of the design sees it."""
    names: dict[str, str] = field(default_factory=dict)
    """By wire whose bits are registers: the bits as Verilog."""

    @property
    def widths(self) -> dict[str, int]:
        """By port."""
        return {port: len(entry["bits"]) for port, entry in self.module["ports"].items()}

    def ports(self, direction: str) -> dict[str, int]:
        """Widths of the inputs or outputs."""
        return {
            port: bits for port, bits in self.widths.items() if self.module["ports"][port]["direction"] == direction
        }


def read(design: Design, folder: Path, change: str = "", *, name: str = "read") -> Json:
    """The design's netlist in `folder`, changed by yosys commands, as a module of JSON."""
    run(f"read_rtlil {NETLIST}; {change} write_json {name}.json", folder=folder)
    module: Json = json.loads((folder / f"{name}.json").read_text())["modules"][design.top]
    return module


def cut(module: Json, name: str, folder: Path) -> Cut:
    """Write NAME.json: the module under that name, its registers (after dffunmap) and memories turned into ports.

    Raises ClockLost for a register without a clock.
    """
    module = {**module, "ports": dict(module["ports"])}
    cells: dict[str, Json] = dict(module["cells"])
    module["cells"] = cells
    (clock,) = module["ports"][CLOCK]["bits"]
    inverted = {
        cell["connections"]["Y"][0]
        for cell in cells.values()
        if cell["type"] == "$not" and cell["connections"]["A"] == [clock]
    }
    memories = tuple(sorted(cell for cell in cells if cells[cell]["type"].startswith("$mem")))
    for number, memory in enumerate(memories):
        for pin, bits in cells.pop(memory)["connections"].items():
            if bits:
                direction = "input" if pin == "RD_DATA" else "output"
                module["ports"][f"memory{number}_{pin}"] = {"direction": direction, "bits": bits}
    registers = tuple(sorted(cell for cell in cells if cells[cell]["type"] == "$dff"))
    bit_of: dict[int, str] = {}
    early = set()
    for number, register in enumerate(registers):
        pins = cells.pop(register)["connections"]
        if pins["CLK"] != [clock]:
            if pins["CLK"][0] not in inverted:
                raise ClockLost(register)
            early.add(number)
        module["ports"][f"state{number}"] = {"direction": "input", "bits": pins["Q"]}
        module["ports"][f"next{number}"] = {"direction": "output", "bits": pins["D"]}
        bit_of |= {bit: f"state{number}[{index}]" for index, bit in enumerate(pins["Q"])}
    (folder / f"{name}.json").write_text(json.dumps({"modules": {name: module}}))
    wires = {wire: entry["bits"] for wire, entry in module["netnames"].items() if not entry["hide_name"]}
    wires = {wire: bits for wire, bits in wires.items() if all(bit in bit_of for bit in bits)}
    verilog = {wire: ", ".join(bit_of[bit] for bit in reversed(bits)) for wire, bits in wires.items()}
    return Cut(module, registers, memories, frozenset(early), {wire: f"{{{bits}}}" for wire, bits in verilog.items()})


def in_terms(text: str, names: Mapping[str, str], of: str = "state") -> str:
    """Verilog over wires of registers as Verilog over their state or, of = "next", over what comes after it."""
    for wire in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){re.escape(wire)}(?![\w.])", names[wire].replace("state", of), text)
    return " ".join(text.split())


def module_of(name: str, ports: Iterable[str], body: Iterable[str]) -> str:
    """A Verilog module."""
    lines = "\n    ".join(body)
    return f"`default_nettype none\nmodule {name}({', '.join(ports)});\n    {lines}\nendmodule\n"


def declared(direction: str, port: str, bits: int) -> str:
    """A port of a module."""
    return f"{direction} wire [{bits - 1}:0] {port}"


def register(bits: str) -> str:
    """The port whose only bit a wire of one register is, as `Cut.names` gives it."""
    (port,) = re.fullmatch(r"\{(\w+)\[0\]\}", bits).groups()  # type: ignore[union-attr]
    return str(port)


def instance(module: str, name: str, pins: Mapping[str, str]) -> str:
    """An instance of a module, its pins by name."""
    return f"{module} {name} ({', '.join(f'.{pin}({value})' for pin, value in pins.items())});"
