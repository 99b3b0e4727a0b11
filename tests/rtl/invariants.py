"""What holds in every state that a design reaches and of every input that it may get; for the proofs of mutants.

A register is *alive* while something may still read what it holds; else its word cannot matter.
Verilog over the names of wires in the flat netlist (`reciprocal_of_sum.busy`). proof.py proves each invariant before it
is used: a reset brings the design into it, and no clock leads out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PIPELINE = {
    "in_shift": "in_shift == 0 ? 6'd1 : in_shift == 63 ? 6'd62 : in_shift",
    "in_high": "$signed(in_high) < $signed(in_low) ? in_low : in_high",
}
_ROWS = {
    "in_last": "in_last || index == 4095",
    "in_valid": "in_valid && !cfg_we",
    "cfg_we": "cfg_we && rst_n && phase == 0 && index == 0",
}
# root_shift and reciprocal_bits of rows of 8-bit codes, ExactNorm.check.
_SHIFTS = "reciprocal_bits >= root_shift && reciprocal_bits - root_shift >= 38 && reciprocal_bits - root_shift <= 61"
LEGAL = {
    "bt_requantize": _PIPELINE,
    "bt_add": _PIPELINE,
    "bt_mac": {"in_valid": "in_valid && !cfg_we", "cfg_we": "cfg_we && rst_n && !(valid_1 || valid_2 || out_full)"},
    "bt_table": {"in_valid": "in_valid && !cfg_we", "cfg_we": "cfg_we && rst_n && !valid"},
    "bt_softmax": _ROWS,
    "bt_norm": _ROWS | {"in_valid": f"in_valid && !cfg_we && {_SHIFTS}"},
}
"""By design and input: an admitted word, made out of any word. Shifts are 1..62, high is no less than low, rows are no
longer than the memory, constants are written in front of the first beat and fit the row."""

INVARIANTS = {
    # Register k of the pipeline holds a vector while bit k - 1 of `valid` is 1.
    "bt_requantize": "(!(valid & 4'd1) || (shift_1 >= 1 && shift_1 <= 62))",
    "bt_add": """
        (!(valid & 4'd1) || (shift_1 >= 1 && shift_1 <= 62)) && (!(valid & 4'd2) || (shift_2 >= 1 && shift_2 <= 62))
    """,
    # Phases: 0 loads, 1 sums, 2 divides and answers. Nothing follows the last element of a row.
    "bt_softmax": """
        phase != 3
        && reciprocal_of_sum.start + reciprocal_of_sum.busy + reciprocal_of_sum.done <= 2'd1
        && (!(reciprocal_of_sum.start || reciprocal_of_sum.busy || reciprocal_of_sum.done)
            || (phase == 2 && !(reading || read_valid || exponential_valid || out_valid)))
        && (!reciprocal_of_sum.busy || reciprocal_of_sum.left <= 46)
        && (phase == 2 || !out_valid)
        && (phase != 0 || !(reading || read_valid || exponential_valid))
        && !(read_valid && read_last && reading)
        && !(exponential_valid && exponential_last && (reading || read_valid))
        && !(out_valid && out_last && (reading || read_valid || exponential_valid))
    """,
    # Phases: 0 loads, 1 takes the variance, 2 takes root and reciprocal and answers.
    "bt_norm": f"((phase == 0 && index == 0) || ({_SHIFTS}))"
    """
        && phase != 3
        && (root_of_variance.busy || root_of_variance.left == 0)
        && squares <= 40'h10000000 && $signed(sum) <= 32'sh100000 && $signed(sum) >= -32'sh100000
        && take_root + root_of_variance.busy + rooted + divide + reciprocal_of_root.busy + divided <= 3'd1
        && (!(take_root || root_of_variance.busy || rooted || divide || reciprocal_of_root.busy || divided)
            || (phase == 2 && !(reading || read_valid || normalized_valid || out_valid)))
        && (!root_of_variance.busy || (root_of_variance.left >= 1 && root_of_variance.left <= 31))
        && (phase == 0 || reading || index == 0)
        && (phase != 0 || index == 0 || count == index)
        && ((phase == 0 && index == 0)
            || (count <= 4096 && squares <= {count, 16'd0} && $signed(sum) <= $signed({1'd0, count, 8'd0})
                && $signed(sum) >= -$signed({1'd0, count, 8'd0})))
        && (phase == 2 || !(reading || read_valid || normalized_valid || out_valid))
        && !(read_valid && read_last && reading)
        && !(normalized_valid && normalized_last && (reading || read_valid))
        && !(out_valid && out_last && (reading || read_valid || normalized_valid))
    """,
}
"""By design."""

_FIRST, _SECOND, _THIRD, _FOURTH = (f"valid & 4'd{1 << stage}" for stage in range(4))
ALIVE = {
    "bt_requantize": {
        "shift_1": _FIRST,
        "rounded_2": _SECOND,
        "rounded_3": _THIRD,
        "placed_3": _THIRD,
        "rounded_4": _FOURTH,
        "placed_4": _FOURTH,
        "output_4": _FOURTH,
    },
    "bt_add": {
        "shift_1": _FIRST,
        "shift_2": _SECOND,
        "rounded_3": _THIRD,
        "rounded_4": _FOURTH,
        "output_4": _FOURTH,
    },
    "bt_table": {"memory": "valid"},
    "bt_mac": {"last_1": "valid_1", "last_2": "valid_2", "first_2": "valid_2"},
    "bt_softmax": {
        "last_index": "phase != 0",
        "sum": "phase != 0",
        "read_last": "read_valid",
        "exponential_last": "exponential_valid",
        "out_last": "out_valid",
        "out_exponential": "out_valid",
        "out_output": "out_valid",
        "reciprocal_of_sum.left": "reciprocal_of_sum.busy",
        "reciprocal_of_sum.numerator_bit": "reciprocal_of_sum.busy",
        "reciprocal_of_sum.remainder": "reciprocal_of_sum.busy",
    },
    "bt_norm": {
        "last_index": "phase != 0",
        "variance": "phase == 2",
        "read_last": "read_valid",
        "normalized": "normalized_valid",
        "multiplier_2": "normalized_valid",
        "bias_2": "normalized_valid",
        "shift_2": "normalized_valid",
        "normalized_last": "normalized_valid",
        "out_last": "out_valid",
        "out_normalized": "out_valid",
        "out_output": "out_valid",
        "root_of_variance.left": "root_of_variance.busy",
        "root_of_variance.rest": "root_of_variance.busy",
        "root_of_variance.remainder": "root_of_variance.busy",
        "reciprocal_of_root.left": "reciprocal_of_root.busy",
        "reciprocal_of_root.numerator_bit": "reciprocal_of_root.busy",
        "reciprocal_of_root.remainder": "reciprocal_of_root.busy",
    },
}
"""By design and register, or memory whose word was read: while it is alive. What is not named always is."""

SPLIT = {"bt_norm": "normalized_valid"}
"""By design: a register of one bit; a proof is made for either value of it, so that what is alive behind it is fixed
and no proof has to look through a multiplier."""


@dataclass(frozen=True)
class Counter:
    """A register whose words only tell steps apart: a mutant that goes through other words in its place is the same."""

    registers: tuple[str, ...]
    """Wires: the one that counts, then those that keep what it held."""
    begins: Mapping[str, int]
    """What inputs and registers hold in a clock that begins a count; 0 where nothing is said."""
    counts: Mapping[str, int]
    """The same, in a clock that counts."""
    steps: int
    memory: str = ""
    """The cell that it addresses and nothing else does; it counts through all words of it."""


COUNTERS = {
    "bt_softmax": (
        Counter(("index", "last_index"), {}, {"rst_n": 1, "in_valid": 1}, 4096, "row.words"),
        Counter(("reciprocal_of_sum.left",), {"rst_n": 1, "divide": 1}, {"rst_n": 1, "reciprocal_of_sum.busy": 1}, 47),
    ),
    "bt_norm": (
        Counter(("root_of_variance.left",), {"rst_n": 1, "take_root": 1}, {"rst_n": 1, "root_of_variance.busy": 1}, 31),
    ),
}
"""By design."""
