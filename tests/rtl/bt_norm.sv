`timescale 1ns / 1ps
`include "bt_bug.svh"

// Norm of kind "exact" over rows of codes, then gamma and beta (spec/units/norm/{exact,identity,affine}.py).
//
//   sum S1 = sum q     sum_of_squares S2 = sum q*q     variance V = max(1, n*S2 - S1*S1 + epsilon)
//   root R = floor(sqrt(V << 2k))     reciprocal r = floor(2**p / R)
//   normalized u = round_shift((n*q - S1) * r, p - k - FRACTION_BITS)
//   output y = clamp(round_shift(u * multiplier + bias, shift) + zero_point, low, high)
//
// One row at a time: loaded while it is summed, then root and reciprocal bit by bit, then read again for the output.
// Layer and group norms differ in what a row is, which this unit need not know.
// Constants: cfg_sel 0 epsilon, 1 pre_shift (0 in this datapath, not read), 2 root_shift k, 3 reciprocal_bits p,
// 4 multiplier, 5 bias, 6 shift: one for each element of a row, or fewer and the last one serves the others,
// 7 zero_point, 8 low, 9 high. Streams and +bug=N: docs/adr/0005; causes: bugs.toml.
module bt_norm #(
    parameter integer CODE_BITS = 9,  // holds signed and unsigned codes of 8 bits
    parameter integer SUM_BITS = 32,
    parameter integer SUM_OF_SQUARES_BITS = 40,
    parameter integer VARIANCE_BITS = 62,
    parameter integer FRACTION_BITS = 16,
    parameter integer MULTIPLIER_BITS = 16,
    parameter integer OUTPUT_BITS = 17,  // holds signed and unsigned codes of 16 bits
    parameter integer ROUNDING = 0,  // of bt_round_shift
    parameter integer ROW_MAX = 4096,
    localparam integer STAGE_BITS = 64  // of stages whose width the datapath does not state, and of products
) (
    input  logic                                  clk,
    input  logic                                  rst_n,
    input  logic                                  cfg_we,
    input  logic [7:0]                            cfg_sel,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [31:0]                           cfg_addr,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [63:0]                           cfg_data,
    input  logic                                  in_valid,
    output logic                                  in_ready,
    input  logic                                  in_last,
    input  logic signed [CODE_BITS-1:0]           in_codes,
    output logic                                  out_valid,
    input  logic                                  out_ready,
    output logic                                  out_last,
    output logic signed [SUM_BITS-1:0]            out_sum,
    output logic signed [SUM_OF_SQUARES_BITS-1:0] out_sum_of_squares,
    output logic [VARIANCE_BITS-1:0]              out_variance,
    output logic signed [STAGE_BITS-1:0]          out_root,
    output logic signed [STAGE_BITS-1:0]          out_reciprocal,
    output logic signed [STAGE_BITS-1:0]          out_normalized,
    output logic signed [OUTPUT_BITS-1:0]         out_output
);
    localparam integer INDEX_BITS = ROW_MAX > 1 ? $clog2(ROW_MAX) : 1;
    localparam integer COUNT_BITS = INDEX_BITS + 1;
    localparam integer SQUARE_BITS = 2 * CODE_BITS;
    localparam integer ROOT_BITS = VARIANCE_BITS / 2;
    localparam integer QUOTIENT_BITS = 62;  // r <= 2**(p - k) <= 2**61
    localparam logic [1:0] LOAD = 2'd0, VARIANCE = 2'd1, ANSWER = 2'd2;  // root, reciprocal and the output

    `BT_BUG

    logic [1:0]                  phase;
    logic [INDEX_BITS-1:0]       index, last_index;

    wire accept = in_valid && in_ready;
    wire advance = !out_valid || out_ready;
    wire first = index == '0;
    wire index_last = index == last_index;

    assign in_ready = phase == LOAD;

    // Constants of the step.
    logic [VARIANCE_BITS-1:0]       epsilon;
    logic [4:0]                     root_shift;
    logic [5:0]                     reciprocal_bits;
    logic signed [31:0]             zero_point;
    logic signed [OUTPUT_BITS-1:0]  low, high;

    always_ff @(posedge clk)
        if (cfg_we)
            case (cfg_sel)
                8'd0: epsilon <= cfg_data[VARIANCE_BITS-1:0];
                8'd2: root_shift <= cfg_data[4:0];
                8'd3: reciprocal_bits <= cfg_data[5:0];
                8'd7: zero_point <= cfg_data[31:0];
                8'd8: low <= cfg_data[OUTPUT_BITS-1:0];
                8'd9: high <= cfg_data[OUTPUT_BITS-1:0];
                default: ;
            endcase

    // Sums, while the row is loaded.
    logic signed [SUM_BITS-1:0]            sum, next_sum;
    logic signed [SUM_OF_SQUARES_BITS-1:0] squares, next_squares;
    logic [COUNT_BITS-1:0]                 count;

    wire signed [SQUARE_BITS-1:0] square =
        bug == 10 ? SQUARE_BITS'($unsigned(in_codes)) * SQUARE_BITS'($unsigned(in_codes))
                  : SQUARE_BITS'(in_codes) * SQUARE_BITS'(in_codes);

    always_comb begin
        next_sum = (first && bug != 8 ? '0 : sum) + SUM_BITS'(in_codes);
        next_squares = (first && bug != 8 ? '0 : squares) + $signed(SUM_OF_SQUARES_BITS'($unsigned(square)));
        if (bug == 9 && in_last) begin
            next_sum = first ? '0 : sum;
            next_squares = first ? '0 : squares;
        end
        if (bug == 7 && next_squares >= SUM_OF_SQUARES_BITS'(131072)) next_squares = SUM_OF_SQUARES_BITS'(131071);
    end

    always_ff @(posedge clk)
        if (!rst_n) begin
            sum <= '0;
            squares <= '0;
        end else if (accept) begin
            sum <= bug == 6 ? SUM_BITS'($signed(next_sum[11:0])) : next_sum;
            squares <= next_squares;
            count <= COUNT_BITS'(index) + (bug == 11 ? '0 : COUNT_BITS'(1));
        end

    // Variance, root, reciprocal.
    logic                     take_root, rooted, divide, divided, inexact;
    logic [VARIANCE_BITS-1:0] variance;
    logic [ROOT_BITS-1:0]     floor_root, remainder;
    logic [QUOTIENT_BITS-1:0] quotient;

    wire signed [STAGE_BITS-1:0] n = STAGE_BITS'(count);
    wire signed [STAGE_BITS-1:0] identity = n * STAGE_BITS'(squares) - STAGE_BITS'(sum) * STAGE_BITS'(sum)
                                          + (bug == 12 ? '0 : $signed(STAGE_BITS'(epsilon)));
    wire [ROOT_BITS-1:0]     root = floor_root + ROOT_BITS'(bug == 13 && inexact);
    wire [5:0]               power = reciprocal_bits - 6'(bug == 15);
    wire [QUOTIENT_BITS-1:0] reciprocal = quotient + QUOTIENT_BITS'(bug == 14 && {remainder, 1'b0} >= {1'b0, root});

    always_ff @(posedge clk)
        if (phase == VARIANCE) variance <= identity < 64'sd1 ? VARIANCE_BITS'(1) : identity[VARIANCE_BITS-1:0];

    bt_root #(
        .ROOT_BITS(ROOT_BITS)
    ) root_of_variance (
        .clk(clk), .rst_n(rst_n), .start(take_root), .operand(variance << {root_shift, 1'b0}),
        .done(rooted), .root(floor_root), .inexact(inexact)
    );

    bt_reciprocal #(
        .DIVISOR_BITS(ROOT_BITS), .QUOTIENT_BITS(QUOTIENT_BITS), .POWER_BITS(6)
    ) reciprocal_of_root (
        .clk(clk), .rst_n(rst_n), .start(divide), .power(power), .divisor(root),
        .done(divided), .quotient(quotient), .remainder(remainder)
    );

    // The row is read with its gamma and beta, then normalized.
    logic                            reading, read_valid, read_last, normalized_valid, normalized_last;
    logic signed [CODE_BITS-1:0]     code;
    logic signed [MULTIPLIER_BITS:0] multiplier, multiplier_2;
    logic signed [STAGE_BITS-1:0]    bias, bias_2, normalized;
    logic [5:0]                      shift, shift_2;
    logic signed [OUTPUT_BITS-1:0]   next_output;

    wire [INDEX_BITS-1:0]        element = bug == 21 && !first ? index - 1'b1 : index;
    wire signed [STAGE_BITS-1:0] centred = n * STAGE_BITS'(code) - STAGE_BITS'(sum);
    wire signed [STAGE_BITS-1:0] scaled = centred * $signed(STAGE_BITS'(reciprocal));
    wire [5:0]                   fraction_bits = 6'(bug == 5 ? FRACTION_BITS - 1 : FRACTION_BITS);
    wire [5:0]                   fraction_shift = power - 6'(root_shift) - fraction_bits;
    wire [2:0]                   rounding =
        bug == 1 ? 3'd3 : bug == 2 ? 3'd1 : bug == 3 ? 3'd2 : bug == 4 ? 3'd4 : ROUNDING[2:0];
    wire signed [STAGE_BITS-1:0] next_normalized;

    bt_round_shift #(
        .BITS(STAGE_BITS), .SHIFT_BITS(6)
    ) round_normalized (
        .rounding(rounding), .value(scaled), .shift(fraction_shift), .rounded(next_normalized)
    );

    bt_memory #(
        .BITS(CODE_BITS), .WORDS(ROW_MAX), .ADDRESS_BITS(INDEX_BITS)
    ) row (
        .clk(clk), .write(accept), .write_address(index), .data(in_codes),
        .read(advance), .read_address(index), .word(code)
    );

    bt_row_constants #(
        .BITS(MULTIPLIER_BITS + 1), .ROW_MAX(ROW_MAX), .INDEX_BITS(INDEX_BITS)
    ) multipliers (
        .clk(clk), .write(cfg_we && cfg_sel == 8'd4), .address(cfg_addr[INDEX_BITS-1:0]),
        .data(cfg_data[MULTIPLIER_BITS:0]), .read(advance), .element(element), .word(multiplier)
    );

    bt_row_constants #(
        .BITS(STAGE_BITS), .ROW_MAX(ROW_MAX), .INDEX_BITS(INDEX_BITS)
    ) biases (
        .clk(clk), .write(cfg_we && cfg_sel == 8'd5), .address(cfg_addr[INDEX_BITS-1:0]),
        .data(cfg_data), .read(advance), .element(element), .word(bias)
    );

    bt_row_constants #(
        .BITS(6), .ROW_MAX(ROW_MAX), .INDEX_BITS(INDEX_BITS)
    ) shifts (
        .clk(clk), .write(cfg_we && cfg_sel == 8'd6), .address(cfg_addr[INDEX_BITS-1:0]),
        .data(cfg_data[5:0]), .read(advance), .element(element), .word(shift)
    );

    bt_affine #(
        .MULTIPLIER_BITS(MULTIPLIER_BITS + 1), .CODE_BITS(OUTPUT_BITS)
    ) affine (
        .rounding(rounding), .value(normalized), .multiplier(multiplier_2), .bias(bias_2), .shift(shift_2),
        .zero_point(zero_point), .low(low), .high(high), .code(next_output)
    );

    assign out_sum = sum;
    assign out_sum_of_squares = squares;
    assign out_variance = variance;
    assign out_root = $signed(STAGE_BITS'(root));
    assign out_reciprocal = $signed(STAGE_BITS'(reciprocal));

    always_ff @(posedge clk)
        if (advance) begin
            read_last <= index_last;

            normalized <= next_normalized;
            multiplier_2 <= multiplier;
            bias_2 <= bias;
            shift_2 <= shift;
            normalized_last <= read_last;

            out_normalized <= normalized;
            out_output <= next_output;
            out_last <= normalized_last;
        end

    // One row goes from phase to phase; `index` counts its elements in and out.
    wire loaded = accept && in_last;
    wire read = reading && advance;

    always_ff @(posedge clk)
        if (!rst_n) begin
            phase <= LOAD;
            index <= '0;
            reading <= 1'b0;
            read_valid <= 1'b0;
            normalized_valid <= 1'b0;
            out_valid <= 1'b0;
            take_root <= 1'b0;
            divide <= 1'b0;
        end else begin
            if (accept || read) index <= loaded || (read && index_last) ? '0 : index + 1'b1;
            if (loaded) last_index <= index;
            if (divided) reading <= 1'b1;
            else if (read && index_last) reading <= 1'b0;
            if (advance) begin
                read_valid <= reading;
                normalized_valid <= read_valid;
                out_valid <= normalized_valid;
            end
            take_root <= phase == VARIANCE;
            divide <= rooted;
            case (phase)
                LOAD: if (loaded) phase <= VARIANCE;
                VARIANCE: phase <= ANSWER;
                default: if (out_valid && out_ready && out_last) phase <= LOAD;
            endcase
        end
endmodule
