"""table: kernel, judge and Python integers agree; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from op_agreement import Array, agree
from op_cases import table_case
from op_changes import Change, constant, output, per_channel, refused, source, through
from op_datapaths import IOT_NPU, datapath
from op_parts import Case, build, tensor

from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Table

WIDE = datapath({"table.input_bits_max": 12, "table.output_bits_max": 16})


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """One read an element, from the element's own table."""
    op, table, lowest = call.op, call.constants["table"].tolist(), call.inputs[0].code_range[0]
    assert isinstance(op, Table)
    return {
        "output": [
            table[0 if op.axis is None else index[op.axis]][int(operands[0][index]) - lowest]
            for index in np.ndindex(call.output.shape)
        ]
    }


@pytest.mark.parametrize("axis", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("bits", [2, 5, 8])
def test_axes_and_widths(axis: int | None, bits: int) -> None:
    """One table, or one for each index of any axis; signed and unsigned codes."""
    for seed in range(3):
        agree(table_case(np.random.default_rng(seed), bits=bits, axis=axis), plain)


@pytest.mark.parametrize("bits", [9, 12])
def test_wide_tables(bits: int) -> None:
    """More than 8 bits in, 16 bits out."""
    agree(table_case(np.random.default_rng(bits), WIDE, shape=(1, 2, 300), bits=bits, axis=1), plain)


@pytest.mark.parametrize("shape", [(1,), (300,), (1, 1, 1, 1), (1, 3, 17, 16)], ids=str)
def test_shapes(shape: tuple[int, ...]) -> None:
    """Any rank, one code or many."""
    agree(table_case(np.random.default_rng(5), shape=shape), plain)


@pytest.mark.parametrize("signed", [True, False])
def test_every_code_reads_its_own_entry(signed: bool) -> None:
    """The lowest code reads entry 0, the highest the last."""
    low = -128 if signed else 0
    codes = np.arange(low, low + 256)
    spec = tensor("x", (256,), signed=signed)
    entries = np.random.default_rng(6).permutation(256) - 128
    call = build(Table("any"), [spec], tensor("y", (256,)), {"table": entries.reshape(1, 256)}, IOT_NPU)
    assert agree(Case(call, (codes.astype(spec.dtype),)), plain).output.tolist() == entries.tolist()


def test_by_hand() -> None:
    """Two 2-bit tables: codes -2, -1, 0, 1 are 10, 11, 12, 13 in channel 0 and their negatives in channel 1."""
    entries = np.array([[10, 11, 12, 13], [-10, -11, -12, -13]])
    spec = tensor("x", (1, 2, 2), bits=2)
    call = build(Table("any", 1), [spec], tensor("y", (1, 2, 2)), {"table": entries}, IOT_NPU)
    found = agree(Case(call, (np.array([[[-2, 1], [0, -1]]], np.int8),)), plain)
    assert found.output.tolist() == [[[10, 13], [-12, -11]]]


SHAPE = (1, 3, 2, 4)
REFUSALS: dict[str, tuple[Change, str]] = {
    "codes too wide": (source(tensor("x", SHAPE, bits=9)), "wider than the datapath has"),
    "output too wide": (output(tensor("y", SHAPE, bits=9)), "wider than the datapath has"),
    "narrow unit": (through({"table.input_bits_max": 7}), "wider than the datapath has"),
    "table too short": (constant("table", np.zeros((1, 255), int)), "'table' has the wrong shape"),
    "table without its first axis": (constant("table", np.zeros(256, int)), "'table' has the wrong shape"),
    "a table a channel but no axis": (constant("table", np.zeros((3, 256), int)), "'table' has the wrong shape"),
    "axis but one table": (lambda call: replace(call, op=Table("any", 1)), "'table' has the wrong shape"),
    "axis past the last": (lambda call: replace(call, op=Table("any", 4)), "axis does not exist"),
    "axis negative": (lambda call: replace(call, op=Table("any", -1)), "axis does not exist"),
    "entry too high": (constant("table", np.full((1, 256), 128)), "not a code of the output"),
    "entry too low": (constant("table", np.full((1, 256), -129)), "not a code of the output"),
    "input per channel, one table": (per_channel(0, 1), "needs a table a channel"),
    "output per channel, one table": (
        output(tensor("y", SHAPE, zero_point=(1, 2, 3), axis=1)),
        "needs a table a channel",
    ),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(change: Change, words: str) -> None:
    """Tables, widths and axes that the contract excludes."""
    refused(table_case(np.random.default_rng(9)).call, change, words)


def test_input_per_another_axis() -> None:
    """Tables along axis 1 cannot serve zero points along axis 2."""
    refused(table_case(np.random.default_rng(9), axis=1).call, per_channel(0, 2), "needs a table a channel")


def test_work() -> None:
    """One read for each of 24 codes."""
    call = table_case(np.random.default_rng(0)).call
    assert call.op.work(call) == Work(None, {"table": 24})
