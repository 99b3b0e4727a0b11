`timescale 1ns / 1ps
`include "bt_bug.svh"

// Requantizer: output = clamp(round_shift(accumulator * multiplier, shift) + zero_point, low, high).
// One vector a clock; four registers deep; every stage leaves with the output. Contract: spec/units/requantization.py.
module bt_requantize #(
    parameter integer ACC_BITS   = 32,  // two's complement
    parameter integer MULT_BITS  = 31,  // unsigned
    parameter integer SHIFT_BITS = 6,
    parameter integer ZP_BITS    = 32,  // two's complement, as are low, high and the output
    parameter integer CODE_BITS  = 17,  // holds signed and unsigned codes of 16 bits
    parameter integer STAGE_BITS = 64,  // of the stages' ports
    parameter integer ROUNDING   = 0    // of bt_round_shift
) (
    input  wire                         clk,
    input  wire                         rst_n,
    input  wire                         in_valid,
    output wire                         in_ready,
    input  wire signed [ACC_BITS-1:0]   in_accumulator,
    input  wire        [MULT_BITS-1:0]  in_multiplier,
    input  wire        [SHIFT_BITS-1:0] in_shift,
    input  wire signed [ZP_BITS-1:0]    in_zero_point,
    input  wire signed [CODE_BITS-1:0]  in_low,
    input  wire signed [CODE_BITS-1:0]  in_high,
    output wire                         out_valid,
    input  wire                         out_ready,
    output wire signed [STAGE_BITS-1:0] out_product,
    output wire signed [STAGE_BITS-1:0] out_rounded,
    output wire signed [STAGE_BITS-1:0] out_placed,
    output wire signed [CODE_BITS-1:0]  out_output
);
    localparam integer PRODUCT_BITS = ACC_BITS + MULT_BITS;
    localparam integer PLACED_BITS = PRODUCT_BITS + 1;
    // Of planted faults.
    localparam integer NARROW_ACC_BITS = ACC_BITS - 8, NARROW_PRODUCT_BITS = PRODUCT_BITS - 15;
    localparam [SHIFT_BITS-1:0] THIRTY_ONE = 31;

    `BT_BUG

    // The whole pipeline moves or stands. A name ends in the number of the register that holds it.
    reg [4:1] valid;
    wire move = out_ready | ~valid[4];
    assign in_ready  = move;
    assign out_valid = valid[4];
    always @(posedge clk) begin
        if (!rst_n) valid <= 4'b0000;
        else if (move) valid <= {valid[3:1], in_valid};
    end

    reg signed [PRODUCT_BITS-1:0] product_1, product_2, product_3, product_4;
    reg        [SHIFT_BITS-1:0]   shift_1;
    reg signed [PRODUCT_BITS-1:0] rounded_2, rounded_3, rounded_4;
    reg signed [ZP_BITS-1:0]      zero_point_1, zero_point_2;
    reg signed [PLACED_BITS-1:0]  placed_3, placed_4;
    reg signed [CODE_BITS-1:0]    low_1, low_2, low_3, high_1, high_2, high_3;
    reg signed [CODE_BITS-1:0]    output_4;

    // What only planted faults compute: two roundings (31 bits half up, the rest half away); a clamp in front of the
    // zero point.
    wire signed [PRODUCT_BITS-1:0] high_part, twice;
    bt_round_shift #(
        .BITS(PRODUCT_BITS),
        .SHIFT_BITS(SHIFT_BITS)
    ) first_rounding (
        .rounding(3'd0),
        .value(product_1),
        .shift(THIRTY_ONE),
        .rounded(high_part)
    );
    bt_round_shift #(
        .BITS(PRODUCT_BITS),
        .SHIFT_BITS(SHIFT_BITS)
    ) second_rounding (
        .rounding(3'd1),
        .value(high_part),
        .shift(shift_1 - THIRTY_ONE),
        .rounded(twice)
    );
    wire signed [CODE_BITS-1:0] early;
    bt_clamp #(
        .BITS(PRODUCT_BITS),
        .CODE_BITS(CODE_BITS)
    ) early_clamp (
        .value(rounded_2),
        .low(low_2),
        .high(high_2),
        .clamped(early)
    );

    // 1: product. Both factors are extended to its width, so that the multiplication is signed.
    reg [MULT_BITS-1:0] last_multiplier;
    reg signed [PRODUCT_BITS-1:0] entered, factor, product;
    always @* begin
        entered = {{MULT_BITS{in_accumulator[ACC_BITS-1]}}, in_accumulator};
        factor = {{ACC_BITS{1'b0}}, in_multiplier};
        if (bug == 14) entered = {
            {(PRODUCT_BITS - NARROW_ACC_BITS) {in_accumulator[NARROW_ACC_BITS-1]}}, in_accumulator[NARROW_ACC_BITS-1:0]
        };
        if (bug == 15) entered = {{MULT_BITS{1'b0}}, in_accumulator};
        if (bug == 16) factor[MULT_BITS-1] = 1'b0;
        if (bug == 18) factor = {{ACC_BITS{1'b0}}, last_multiplier};
        product = entered * factor;
        if (bug == 17) product = {
            {(PRODUCT_BITS - NARROW_PRODUCT_BITS) {product[NARROW_PRODUCT_BITS-1]}}, product[NARROW_PRODUCT_BITS-1:0]
        };
    end

    // 2: rounded.
    reg [2:0] rounding;
    reg [SHIFT_BITS-1:0] shift;
    reg signed [PRODUCT_BITS-1:0] dividend;
    always @* begin
        rounding = ROUNDING[2:0];
        shift = shift_1;
        dividend = product_1;
        if (bug == 1) rounding = 3'd3;
        if (bug == 2) rounding = 3'd1;
        if (bug == 3) rounding = 3'd2;
        if (bug == 4) rounding = 3'd4;
        if (bug == 6) shift = shift_1 + 1'b1;
        if (bug == 7) shift = {1'b0, shift_1[SHIFT_BITS-2:0]};
        if (bug == 10) dividend = product_1 + {{(PRODUCT_BITS - ZP_BITS) {zero_point_1[ZP_BITS-1]}}, zero_point_1};
    end
    wire signed [PRODUCT_BITS-1:0] shifted;
    bt_round_shift #(
        .BITS(PRODUCT_BITS),
        .SHIFT_BITS(SHIFT_BITS)
    ) round_shift (
        .rounding(rounding),
        .value(dividend),
        .shift(shift),
        .rounded(shifted)
    );
    reg signed [PRODUCT_BITS-1:0] rounded;
    always @* begin
        rounded = shifted;
        if (bug == 5 && shift_1 > 31) rounded = twice;
        if (bug == 8 && shift_1 >= 32) rounded = {PRODUCT_BITS{1'b0}};
        if (bug == 9) rounded = {{(PRODUCT_BITS - 16) {shifted[15]}}, shifted[15:0]};
    end

    // 3: placed.
    reg signed [PLACED_BITS-1:0] offset, placed;
    always @* begin
        offset = {{(PLACED_BITS - ZP_BITS) {zero_point_2[ZP_BITS-1]}}, zero_point_2};
        if (bug == 11) offset = {PLACED_BITS{1'b0}};
        placed = {rounded_2[PRODUCT_BITS-1], rounded_2} + offset;
        if (bug == 12) placed = {{(PLACED_BITS - CODE_BITS) {early[CODE_BITS-1]}}, early} + offset;
        if (bug == 13) placed = {{(PLACED_BITS - 8) {placed[7]}}, placed[7:0]};
    end

    // 4: output.
    wire signed [CODE_BITS-1:0] clamped;
    wire signed [CODE_BITS-1:0] top = bug == 19 ? high_3 - $signed({{(CODE_BITS - 1) {1'b0}}, 1'b1}) : high_3;
    bt_clamp #(
        .BITS(PLACED_BITS),
        .CODE_BITS(CODE_BITS)
    ) clamp (
        .value(placed_3),
        .low(low_3),
        .high(top),
        .clamped(clamped)
    );

    always @(posedge clk) begin
        if (move) begin
            if (in_valid) last_multiplier <= in_multiplier;
            {product_1, shift_1, zero_point_1, low_1, high_1} <= {product, in_shift, in_zero_point, in_low, in_high};
            {product_2, rounded_2, zero_point_2, low_2, high_2} <= {product_1, rounded, zero_point_1, low_1, high_1};
            {product_3, rounded_3, placed_3, low_3, high_3} <= {product_2, rounded_2, placed, low_2, high_2};
            {product_4, rounded_4, placed_4, output_4} <= {product_3, rounded_3, placed_3, clamped};
        end
    end

    assign out_product = {{(STAGE_BITS - PRODUCT_BITS) {product_4[PRODUCT_BITS-1]}}, product_4};
    assign out_rounded = {{(STAGE_BITS - PRODUCT_BITS) {rounded_4[PRODUCT_BITS-1]}}, rounded_4};
    assign out_placed  = {{(STAGE_BITS - PLACED_BITS) {placed_4[PLACED_BITS-1]}}, placed_4};
    assign out_output  = output_4;
endmodule
