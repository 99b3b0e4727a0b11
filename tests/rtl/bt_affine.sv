`timescale 1ns / 1ps
`include "bt_bug.svh"

// clamp(round_shift(value * multiplier + bias, shift) + zero_point, low, high), combinational: gamma and beta, the
// output's scale and its zero point (spec/units/norm/affine.py). The caller proves that 64 bits hold every step.
module bt_affine #(
    parameter integer MULTIPLIER_BITS = 17,
    parameter integer CODE_BITS = 17
) (
    input  logic        [2:0]                 rounding,  // of bt_round_shift
    input  logic signed [63:0]                value,
    input  logic signed [MULTIPLIER_BITS-1:0] multiplier,
    input  logic signed [63:0]                bias,
    input  logic        [5:0]                 shift,
    input  logic signed [31:0]                zero_point,
    input  logic signed [CODE_BITS-1:0]       low,
    input  logic signed [CODE_BITS-1:0]       high,
    output logic signed [CODE_BITS-1:0]       code
);
    `BT_BUG

    wire signed [63:0] factor = bug == 16 ? {{(64 - MULTIPLIER_BITS) {1'b0}}, multiplier} : 64'(multiplier);
    wire signed [63:0] total = value * factor + (bug == 17 ? 64'sd0 : bias);
    wire signed [63:0] rounded;
    wire signed [63:0] least = 64'(low);
    wire signed [63:0] limited = bug == 19 && rounded < least ? least : rounded;
    wire signed [63:0] placed = limited + (bug == 18 ? 64'sd0 : 64'(zero_point));
    wire signed [CODE_BITS-1:0] clamped;

    bt_round_shift #(
        .BITS(64),
        .SHIFT_BITS(6)
    ) round_shift (
        .rounding(rounding),
        .value(total),
        .shift(shift),
        .rounded(rounded)
    );

    bt_clamp #(
        .BITS(64),
        .CODE_BITS(CODE_BITS)
    ) clamp (
        .value(placed),
        .low(low),
        .high(high),
        .clamped(clamped)
    );

    assign code = bug == 20 ? placed[CODE_BITS-1:0] : clamped;
endmodule
