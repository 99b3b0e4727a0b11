"""The driver moves every bit of every lane, sees a broken handshake, and builds a design once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rtl.design import Design, Signal
from rtl.driver import library
from rtl.model import HandshakeBroken, Model, Pauses
from rtl.toolchain import ToolFailed, toolchain

FORWARD = """`timescale 1ns / 1ps
`include "bt_bug.svh"
module forward (
    input  wire          clk, rst_n, in_valid, in_last, out_ready,
    output wire          in_ready, out_valid, out_last,
    input  wire [38:0]   in_narrow,
    input  wire [204:0]  in_wide,
    input  wire [63:0]   in_full,
    output wire [38:0]   out_narrow,
    output wire [204:0]  out_wide,
    output wire [63:0]   out_full
);
    `BT_BUG
    reg full, last;
    reg [38:0] narrow; reg [204:0] wide; reg [63:0] word;
    reg [7:0] clocks;
    wire move = (out_ready | ~full) && bug != 4;
    assign in_ready = move;
    assign out_valid = full & ~(bug == 1 && clocks[0]);
    assign {out_last, out_narrow, out_wide} = {last, narrow, wide};
    assign out_full = bug == 2 ? word ^ {56'b0, clocks} : word;
    always @(posedge clk) begin
        clocks <= rst_n ? clocks + 8'd1 : 8'd0;
        if (!rst_n) full <= 1'b0;
        else if (move) full <= in_valid | (bug == 3 && full);
        if (move && in_valid) {last, narrow, wide, word} <= {in_last, in_narrow, in_wide, in_full};
    end
endmodule
"""
LANES = (Signal("narrow", 13, signed=True, lanes=3), Signal("wide", 41, signed=False, lanes=5), Signal("full", 64))


@pytest.fixture(scope="module")
def forward(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A design that hands on what it is given; its faults break the handshake."""
    source = tmp_path_factory.mktemp("forward") / "forward.sv"
    source.write_text(FORWARD)
    return Model(Design("forward", (str(source),), LANES, LANES, in_last=True, out_last=True))


def words() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Random words over each port's whole range, and random last beats."""
    draw = np.random.default_rng(0)
    return {
        "narrow": draw.integers(-(1 << 12), 1 << 12, (300, 3)),
        "wide": draw.integers(0, 1 << 41, (300, 5)),
        "full": draw.integers(-(1 << 63), (1 << 63) - 1, 300, endpoint=True),
    }, draw.random(300) < 0.3


@pytest.mark.parametrize("pauses", [None, Pauses(seed=7)])
def test_every_bit_of_every_lane_arrives(forward: Model, pauses: Pauses | None) -> None:
    """Words of odd widths, side by side, come back as they went in, and so does `last`."""
    inputs, last = words()
    played = forward.run(inputs, in_last=last, out_beats=300, pauses=pauses)
    for name, array in inputs.items():
        np.testing.assert_array_equal(played.outputs[name], array)
    np.testing.assert_array_equal(played.last, last)
    assert played.run_cycles == 301 if pauses is None else played.run_cycles > 400


@pytest.mark.parametrize("bug, breach", [(1, "withdrew"), (2, "changed"), (3, "more often"), (4, "stuck")])
def test_a_broken_handshake_is_seen(forward: Model, bug: int, breach: str) -> None:
    """Taking back a word, changing it while it waits, answering too often and standing still are faults."""
    inputs, last = words()
    with pytest.raises(HandshakeBroken, match=breach):
        forward.run(inputs, in_last=last, out_beats=300, pauses=Pauses(seed=7), bug=bug, idle_limit=1000)


def test_a_word_outside_its_port_is_refused(forward: Model) -> None:
    """Nothing is cut off on the way into a design."""
    inputs, last = words()
    inputs["narrow"][5, 1] = 1 << 12
    with pytest.raises(ValueError, match="in_narrow"):
        forward.run(inputs, in_last=last, out_beats=300)


def test_a_design_is_built_once_and_anew_when_its_source_changes(forward: Model, tmp_path: Path) -> None:
    """The cache knows a design by what it is made of."""
    built = library(forward.design)
    stamp = built.stat().st_mtime_ns
    assert library(forward.design) == built
    assert built.stat().st_mtime_ns == stamp
    copy = tmp_path / "forward.sv"
    copy.write_text(FORWARD.replace("8'd1", "8'd3"))
    assert library(Design("forward", (str(copy),), LANES, LANES, in_last=True, out_last=True)) != built


def test_a_lint_warning_is_an_error(tmp_path: Path) -> None:
    """A design that Verilator warns about is refused."""
    source = tmp_path / "forward.sv"
    source.write_text(FORWARD.replace("clocks + 8'd1", "clocks + 9'd1"))
    with pytest.raises(ToolFailed, match="WIDTH"):
        toolchain().lint(Design("forward", (str(source),), LANES, LANES))
