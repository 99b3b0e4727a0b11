"""The same questions for yosys: words as 64-bit wires of a Verilog module, decided by its SAT solver."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bittrue.golden.mutants.words import Fault, Node
from bittrue.spec.units.section import Width

PLAIN = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
COMPARED = {"lt": "<", "le": "<=", "eq": "=="}
HOLDS, FAILS = "SAT proof finished - no model found: SUCCESS", "SAT proof finished - model found: FAIL"


class Untranslated(Exception):
    """A cell that is not written as Verilog here."""


class Yosys:
    """One question; `Backend` of names of signed 64-bit wires. Memories, dividers and roots are not translated."""

    def __init__(self) -> None:
        self.inputs: list[str] = []
        self.wires: list[str] = []
        self.assumed: list[str] = []
        self.undecided = False
        """Whether the answer may be weaker than the truth: no answer in time, or a memory read as an unknown."""

    def variable(self, name: str) -> str:
        """An input of the module."""
        self.inputs.append(f"v{len(self.inputs)}")
        return self.inputs[-1]

    def constant(self, value: int) -> str:
        """A wire with a number."""
        return self._wire(f"64'sh{value & ((1 << 64) - 1):016x}")

    def memory(self, name: str) -> Callable[[str], str]:
        """Each read is another unknown, which can only refute more."""
        self.undecided = True
        return lambda address: self.variable(name)

    def apply(self, node: Node, inputs: Sequence[str]) -> str:
        """See golden/mutants/words.py."""
        return self._kept(self._made(node, list(inputs)), node.width)

    def _made(self, node: Node, inputs: list[str]) -> str:
        if node.op == "wire":
            return inputs[0]
        if node.op == "wrap":
            return self._kept(inputs[0], Width(node.numbers[0], bool(node.numbers[1])))
        if node.op == "read":
            return inputs[0](inputs[1])  # type: ignore[operator, no-any-return]
        if node.op == "select":
            return self._wire(f"({inputs[0]} != 0) ? {inputs[1]} : {inputs[2]}")
        a, b = inputs
        if node.op in PLAIN:
            return self._wire(f"{a} {PLAIN[node.op]} {b}")
        if node.op in COMPARED:
            return self._wire(f"({a} {COMPARED[node.op]} {b}) ? 64'sd1 : 64'sd0")
        if node.op in ("shl", "shr"):
            return self._wire(f"{a} {'<<' if node.op == 'shl' else '>>>'} {b}[5:0]")
        if node.op == "add_broken_carry":
            k = node.numbers[0]
            high, low = self._wire(f"({a} >>> {k}) + ({b} >>> {k})"), self._wire(f"{a} + {b}")
            return self._wire(f"{{{high}[{63 - k}:0], {low}[{k - 1}:0]}}")
        raise Untranslated(node.op)

    def fault(self, fault: Fault, width: Width, value: str) -> str:
        """A fault of bits."""
        if fault.kind == "narrower":
            return self._kept(value, Width(width.bits - fault.numbers[0], width.signed))
        one = f"(64'd1 << {fault.numbers[0]})"
        if fault.kind == "swapped_bits":
            low, high = sorted(fault.numbers)
            differ = self._wire(f"{{63'd0, {value}[{low}] ^ {value}[{high}]}}")
            return self._kept(self._wire(f"{value} ^ ({differ} << {low}) ^ ({differ} << {high})"), width)
        form = {"stuck_at_0": f"{value} & ~{one}", "stuck_at_1": f"{value} | {one}", "inverted_bit": f"{value} ^ {one}"}
        return self._kept(self._wire(form[fault.kind]), width)

    def _kept(self, value: str, width: Width) -> str:
        if width.bits >= 64:
            return value
        spare, top = 64 - width.bits, width.bits - 1
        fill = f"{value}[{top}]" if width.signed else "1'b0"
        return self._wire(f"{{{{{spare}{{{fill}}}}}, {value}[{top}:0]}}")

    def _wire(self, made: str) -> str:
        name = f"w{len(self.wires)}"
        self.wires.append(f"    wire signed [63:0] {name} = {made};")
        return name

    def between(self, value: str, low: int, high: int) -> None:
        """Signed bounds."""
        self.at_most(self.constant(low), value)
        self.at_most(value, self.constant(high))

    def at_most(self, low: str, high: str) -> None:
        """Signed."""
        self.assumed.append(f"({low} <= {high})")

    def module(self, pairs: Sequence[tuple[str, str]]) -> str:
        """The question: `differ` is 1 where the assumptions hold and a pair differs."""
        ports = "".join(f"    input wire signed [63:0] {name},\n" for name in self.inputs)
        differ = " || ".join(f"({one} != {other})" for one, other in pairs)
        assumed = " && ".join(self.assumed) or "1'b1"
        body = "\n".join(self.wires)
        head = f"module question(\n{ports}    output wire differ\n);\n{body}\n"
        return f"{head}    assign differ = ({assumed}) && ({differ});\nendmodule\n"

    def equal(self, pairs: Sequence[tuple[str, str]], seconds: float) -> bool | None:
        """Ask yosys, which must be on the PATH."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "question.v"
            source.write_text(self.module(pairs), encoding="utf-8")
            script = (
                f"read_verilog {source}; hierarchy -top question; proc; opt; "
                f"sat -timeout {max(1, round(seconds))} -prove differ 0 question"
            )
            said = subprocess.run(["yosys", "-p", script], capture_output=True, text=True, check=False).stdout
        if HOLDS in said:
            return True
        if FAILS in said:
            return False
        self.undecided = True
        return None
