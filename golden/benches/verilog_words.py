"""Small pieces of SystemVerilog text that every part of the bench uses: widths, sign extension, what is compared.

Inside the bench every word is a value of 64 bits, sign extended where the package's word is signed.
"""

from __future__ import annotations

from bittrue.golden.benches.plan import Bench
from bittrue.golden.benches.sets import Word

SHORT = {"accumulator": "acc", "multiplier": "mult", "zero_point": "zp"}
"""How a mismatch names these operands."""


def checks(bench: Bench) -> tuple[str, ...]:
    """What is compared: every stage, and the marks of rows where there are any."""
    return (*(signal.name for signal in bench.stages), *(("out_last",) if bench.form == "rows" else ()))


def vector(bits: int) -> str:
    """The range of a vector."""
    return f"[{bits - 1}:0]"


def value(bits: str, sign: str, word: Word) -> str:
    """The 64-bit value of a port's word: its bits, and the expression of its highest one."""
    spare = 64 - word.bits
    fill = sign if word.signed else "1'b0"
    return f"{{{{{spare}{{{fill}}}}}, {bits}}}" if spare else bits
