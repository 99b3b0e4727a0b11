`timescale 1ns / 1ps
`include "bt_bug.svh"

// Residual add: sum = (a - zero_point_a) * multiplier_a + (b - zero_point_b) * multiplier_b,
// output = clamp(round_shift(sum, shift) + zero_point, low, high). One vector a clock;
// four registers deep. Contract: spec/units/add/two_multipliers.py.
module bt_add #(
    parameter integer CODE_BITS  = 17,  // two's complement: holds signed and unsigned codes of 16 bits
    parameter integer ZP_BITS    = 32,  // two's complement
    parameter integer MULT_BITS  = 31,  // unsigned
    parameter integer SHIFT_BITS = 6,
    parameter integer STAGE_BITS = 64,  // of the stages' ports
    parameter integer ROUNDING   = 0    // of bt_round_shift
) (
    input  wire                         clk,
    input  wire                         rst_n,
    input  wire                         in_valid,
    output wire                         in_ready,
    input  wire signed [CODE_BITS-1:0]  in_a,
    input  wire signed [CODE_BITS-1:0]  in_b,
    input  wire signed [ZP_BITS-1:0]    in_zero_point_a,
    input  wire signed [ZP_BITS-1:0]    in_zero_point_b,
    input  wire        [MULT_BITS-1:0]  in_multiplier_a,
    input  wire        [MULT_BITS-1:0]  in_multiplier_b,
    input  wire        [SHIFT_BITS-1:0] in_shift,
    input  wire signed [ZP_BITS-1:0]    in_zero_point,
    input  wire signed [CODE_BITS-1:0]  in_low,
    input  wire signed [CODE_BITS-1:0]  in_high,
    output wire                         out_valid,
    input  wire                         out_ready,
    output wire signed [STAGE_BITS-1:0] out_accumulator,
    output wire signed [STAGE_BITS-1:0] out_rounded,
    output wire signed [CODE_BITS-1:0]  out_output
);
    // The contract keeps the sum below 2**63 in magnitude.
    localparam integer SUM_BITS = ZP_BITS + 1 + MULT_BITS;
    localparam integer NARROW_SUM_BITS = SUM_BITS - 24;  // of a planted fault
    localparam integer PLACED_BITS = SUM_BITS + 1;

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

    reg signed [SUM_BITS-1:0]   term_a_1, term_b_1, sum_2, sum_3, sum_4;
    reg        [SHIFT_BITS-1:0] shift_1, shift_2;
    reg signed [SUM_BITS-1:0]   rounded_3, rounded_4;
    reg signed [ZP_BITS-1:0]    zero_point_1, zero_point_2, zero_point_3;
    reg signed [CODE_BITS-1:0]  low_1, low_2, low_3, high_1, high_2, high_3;
    reg signed [CODE_BITS-1:0]  output_4;

    // 1: both terms. Their factors are extended to the sum's width, so that the multiplication is signed.
    reg signed [SUM_BITS-1:0] difference_a, difference_b, factor_a, factor_b;
    always @* begin
        difference_a = {{(SUM_BITS - CODE_BITS) {in_a[CODE_BITS-1]}}, in_a}
                     - {{(SUM_BITS - ZP_BITS) {in_zero_point_a[ZP_BITS-1]}}, in_zero_point_a};
        difference_b = {{(SUM_BITS - CODE_BITS) {in_b[CODE_BITS-1]}}, in_b}
                     - {{(SUM_BITS - ZP_BITS) {in_zero_point_b[ZP_BITS-1]}}, in_zero_point_b};
        factor_a = {{(SUM_BITS - MULT_BITS) {1'b0}}, in_multiplier_a};
        factor_b = {{(SUM_BITS - MULT_BITS) {1'b0}}, in_multiplier_b};
        if (bug == 1) difference_b = {{(SUM_BITS - CODE_BITS) {in_b[CODE_BITS-1]}}, in_b};
        if (bug == 2) {factor_a, factor_b} = {factor_b, factor_a};
    end

    // 2: their sum.
    reg signed [SUM_BITS-1:0] sum;
    always @* begin
        sum = term_a_1 + term_b_1;
        if (bug == 3) sum = {{(SUM_BITS - NARROW_SUM_BITS) {sum[NARROW_SUM_BITS-1]}}, sum[NARROW_SUM_BITS-1:0]};
        if (bug == 10) sum = term_a_1 - term_b_1;
    end

    // 3: rounded.
    reg [2:0] rounding;
    reg [SHIFT_BITS-1:0] shift;
    always @* begin
        rounding = ROUNDING[2:0];
        shift = shift_2;
        if (bug == 4) rounding = 3'd3;
        if (bug == 5) rounding = 3'd1;
        if (bug == 6) rounding = 3'd2;
        if (bug == 7) shift = shift_2 - 1'b1;
    end
    wire signed [SUM_BITS-1:0] rounded;
    bt_round_shift #(
        .BITS(SUM_BITS),
        .SHIFT_BITS(SHIFT_BITS)
    ) round_shift (
        .rounding(rounding),
        .value(sum_2),
        .shift(shift),
        .rounded(rounded)
    );

    // 4: output.
    localparam signed [CODE_BITS-1:0] EARLY_LOW = -128, EARLY_HIGH = 127;  // of a planted fault
    wire signed [CODE_BITS-1:0] early, clamped;
    bt_clamp #(
        .BITS(SUM_BITS),
        .CODE_BITS(CODE_BITS)
    ) early_clamp (
        .value(rounded_3),
        .low(EARLY_LOW),
        .high(EARLY_HIGH),
        .clamped(early)
    );
    reg signed [PLACED_BITS-1:0] placed;
    always @* begin
        placed = {rounded_3[SUM_BITS-1], rounded_3};
        if (bug == 8) placed = {{(PLACED_BITS - CODE_BITS) {early[CODE_BITS-1]}}, early};
        placed = placed + {{(PLACED_BITS - ZP_BITS) {zero_point_3[ZP_BITS-1]}}, zero_point_3};
        if (bug == 9) placed = {{(PLACED_BITS - 8) {placed[7]}}, placed[7:0]};
    end
    bt_clamp #(
        .BITS(PLACED_BITS),
        .CODE_BITS(CODE_BITS)
    ) clamp (
        .value(placed),
        .low(low_3),
        .high(high_3),
        .clamped(clamped)
    );

    always @(posedge clk) begin
        if (move) begin
            term_a_1 <= difference_a * factor_a;
            term_b_1 <= difference_b * factor_b;
            {shift_1, zero_point_1, low_1, high_1} <= {in_shift, in_zero_point, in_low, in_high};
            {sum_2, shift_2, zero_point_2, low_2, high_2} <= {sum, shift_1, zero_point_1, low_1, high_1};
            {sum_3, rounded_3, zero_point_3, low_3, high_3} <= {sum_2, rounded, zero_point_2, low_2, high_2};
            {sum_4, rounded_4, output_4} <= {sum_3, rounded_3, clamped};
        end
    end

    assign out_accumulator = {{(STAGE_BITS - SUM_BITS) {sum_4[SUM_BITS-1]}}, sum_4};
    assign out_rounded     = {{(STAGE_BITS - SUM_BITS) {rounded_4[SUM_BITS-1]}}, rounded_4};
    assign out_output      = output_4;
endmodule
