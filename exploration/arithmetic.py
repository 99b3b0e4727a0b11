"""Programs that give the same bits: an accumulator that is proved to hold every sum changes none of them."""

from __future__ import annotations

from dataclasses import replace

from bittrue.spec.program import Program

WIDEST = 48
"""Bits; what a proof lets every accumulator stand for."""


def arithmetic_digest(program: Program) -> str:
    """The program's digest; programs that differ only in the width or the overflow rule of an accumulator which no
    partial sum can leave have the same, because neither can matter (spec/op.py, accumulator_proved). What was
    simulated for one then stands for all of them."""
    if any(call.bound is not None and not call.accumulator_proved for call in program.calls):
        return program.digest
    mac = program.datapath.mac.model_copy(update={"accumulator_bits": WIDEST, "overflow": "exact"})
    return replace(program, datapath=program.datapath.model_copy(update={"mac": mac})).digest
