`timescale 1ns / 1ps

// clamp(value, low, high): the nearest code of low..high, combinational. All are two's complement.
module bt_clamp #(
    parameter integer BITS = 64,
    parameter integer CODE_BITS = 17
) (
    input  wire signed [BITS-1:0]      value,
    input  wire signed [CODE_BITS-1:0] low,
    input  wire signed [CODE_BITS-1:0] high,
    output wire signed [CODE_BITS-1:0] clamped
);
    wire signed [BITS-1:0] wide_low = {{(BITS - CODE_BITS) {low[CODE_BITS-1]}}, low};
    wire signed [BITS-1:0] wide_high = {{(BITS - CODE_BITS) {high[CODE_BITS-1]}}, high};
    assign clamped = value < wide_low ? low : value > wide_high ? high : value[CODE_BITS-1:0];
endmodule
