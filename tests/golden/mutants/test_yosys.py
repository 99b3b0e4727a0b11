"""Two solvers, one verdict: what z3 proves or refutes, yosys' SAT solver proves or refutes."""

from __future__ import annotations

from functools import cache

import pytest

from bittrue.golden.mutants.operators import Mutant, mutants_of
from bittrue.golden.mutants.proof.prove import by_solver
from bittrue.golden.mutants.proof.yosys import Yosys
from bittrue.golden.mutants.proof.z3_backend import Z3
from bittrue.golden.mutants.units import words_of
from bittrue.hw_configs.load import load_datapath

IOT = load_datapath("iot_npu")
ASKED = {
    ("requantize", "wrong_gate", "output.above", "le for lt"): True,
    ("requantize", "wrong_gate", "output.above", "eq for lt"): False,
    ("requantize", "signedness", "placed", "rounded unsigned"): True,
    ("requantize", "narrower", "zero_point", "1 bits"): False,
    ("requantize", "lost_carry", "placed", "into bit 8"): False,
    ("softmax", "lost_carry", "rounded.sum", "into bit 8"): True,
    ("softmax", "wrong_gate", "maximum/greater", "le for lt"): True,
    ("softmax", "swapped_bits", "rounded.sum", "bits 8 and 9"): True,
    ("softmax", "last_element_ignored", "maximum", ""): False,
    ("softmax", "rounding", "rounded", "half_even for half_up"): False,
    ("accumulate", "signedness", "accumulated/total", "register unsigned"): True,
}


@cache
def every(unit: str) -> tuple[Mutant, ...]:
    return mutants_of(words_of(IOT, unit), gates_at_most=1 << 20)


@pytest.mark.parametrize("name", ASKED, ids=str)
def test_two_solvers_agree(name: tuple[str, str, str, str]) -> None:
    """The same question, once as bit vectors of z3 and once as Verilog."""
    golden = words_of(IOT, name[0])
    mutant = next(m for m in every(name[0]) if (m.operator, m.wire, m.detail) == name[1:])
    found = [by_solver(golden.graph, mutant.graph, backend=backend, seconds=20) for backend in (Z3, Yosys)]
    assert found == [ASKED[name]] * 2
