`timescale 1ns / 1ps
`include "bt_bug.svh"

// Softmax of kind "table" over rows of logits (spec/units/softmax/table.py).
//
//   maximum M = max q     exponential e = table[M - q]     sum S = sum e
//   reciprocal r = floor(2**RECIPROCAL_BITS / S)
//   output p = min(round_shift(e * r, RECIPROCAL_BITS - PROBABILITY_BITS), 2**PROBABILITY_BITS - 1)
//
// One row at a time: loaded while its maximum is found, read for the sum, divided, read again for the output.
// Constants: cfg_sel 0 is the table of exponentials. Streams and +bug=N: docs/adr/0005; causes: bugs.toml.
module bt_softmax #(
    parameter integer LOGIT_BITS = 8,
    parameter integer EXPONENTIAL_BITS = 16,
    parameter integer RECIPROCAL_BITS = 46,
    parameter integer PROBABILITY_BITS = 16,
    parameter integer ROUNDING = 0,  // of bt_round_shift
    parameter integer ROW_MAX = 4096,
    localparam integer CODE_BITS = LOGIT_BITS + 1,  // with a sign, for unsigned logits
    localparam integer INDEX_BITS = ROW_MAX > 1 ? $clog2(ROW_MAX) : 1,
    localparam integer SUM_BITS = EXPONENTIAL_BITS + INDEX_BITS,
    localparam integer QUOTIENT_BITS = RECIPROCAL_BITS - EXPONENTIAL_BITS + 1  // S is at least table[0]
) (
    input  logic                         clk,
    input  logic                         rst_n,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic                         cfg_we,
    input  logic [7:0]                   cfg_sel,
    input  logic [31:0]                  cfg_addr,
    input  logic [63:0]                  cfg_data,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                         in_valid,
    output logic                         in_ready,
    input  logic                         in_last,
    input  logic signed [CODE_BITS-1:0]  in_logits,
    output logic                         out_valid,
    input  logic                         out_ready,
    output logic                         out_last,
    output logic signed [CODE_BITS-1:0]  out_maximum,
    output logic [EXPONENTIAL_BITS-1:0]  out_exponential,
    output logic signed [63:0]           out_sum,         // as wide as a stage of no stated width
    output logic signed [63:0]           out_reciprocal,
    output logic [PROBABILITY_BITS-1:0]  out_output
);
    localparam integer POWER_BITS = $clog2(RECIPROCAL_BITS + 1);
    localparam integer SHIFT = RECIPROCAL_BITS - PROBABILITY_BITS;
    localparam integer PRODUCT_BITS = EXPONENTIAL_BITS + QUOTIENT_BITS + 1;  // with a sign
    localparam logic signed [CODE_BITS-1:0] LOWEST = {1'b1, {(CODE_BITS-1){1'b0}}};
    localparam logic [1:0] LOAD = 2'd0, SUM = 2'd1, ANSWER = 2'd2;  // the reciprocal and the output

    `BT_BUG

    logic [1:0]                   phase;
    logic [INDEX_BITS-1:0]        index, last_index;

    wire accept = in_valid && in_ready;
    wire advance = !out_valid || out_ready;

    assign in_ready = phase == LOAD;

    // Maximum, while the row is loaded.
    logic signed [CODE_BITS-1:0] maximum, running;

    wire greater = bug == 13 ? $unsigned(in_logits) > $unsigned(running) : in_logits > running;

    always_comb begin
        running = index == '0 ? LOWEST : maximum;
        if (bug == 6) running = maximum;
        if (bug == 7 && index == '0) running = '0;
    end

    always_ff @(posedge clk)
        if (!rst_n) maximum <= LOWEST;
        else if (accept) maximum <= greater ? in_logits : running;

    // Exponentials: the row is read, then the table. Once for the sum, once for the output.
    logic                         reading, read_valid, read_last, exponential_valid, exponential_last;
    logic signed [CODE_BITS-1:0] logit;
    logic [EXPONENTIAL_BITS-1:0]  looked_up;

    wire                        index_last = index == last_index;
    wire [LOGIT_BITS-1:0]       distance = LOGIT_BITS'($unsigned(maximum - logit)) + LOGIT_BITS'(bug == 9);
    wire [EXPONENTIAL_BITS-1:0] exponential = bug == 12 ? {1'b0, looked_up[EXPONENTIAL_BITS-2:0]} : looked_up;

    bt_memory #(
        .BITS(CODE_BITS), .WORDS(ROW_MAX), .ADDRESS_BITS(INDEX_BITS)
    ) row (
        .clk(clk), .write(accept), .write_address(index), .data(in_logits),
        .read(advance), .read_address(index), .word(logit)
    );

    bt_memory #(
        .BITS(EXPONENTIAL_BITS), .WORDS(1 << LOGIT_BITS), .ADDRESS_BITS(LOGIT_BITS)
    ) exponentials (
        .clk(clk), .write(cfg_we && cfg_sel == 8'd0), .write_address(cfg_addr[LOGIT_BITS-1:0]),
        .data(cfg_data[EXPONENTIAL_BITS-1:0]), .read(advance), .read_address(distance), .word(looked_up)
    );

    always_ff @(posedge clk)
        if (advance) begin
            read_last <= index_last;
            exponential_last <= read_last;
        end

    // Sum, then its reciprocal.
    logic                     divide, divided;
    logic [SUM_BITS-1:0]      sum, remainder;
    logic [QUOTIENT_BITS-1:0] quotient;

    wire                     row_summed = phase == SUM && exponential_valid && exponential_last;
    wire [SUM_BITS-1:0]      next_sum = sum + SUM_BITS'(exponential);
    wire [QUOTIENT_BITS-1:0] reciprocal =
        quotient + QUOTIENT_BITS'(bug == 10 && {remainder, 1'b0} >= {1'b0, sum});

    always_ff @(posedge clk)
        if (!rst_n || (accept && in_last && bug != 14)) sum <= '0;
        else if (phase == SUM && exponential_valid && !(bug == 8 && exponential_last))
            sum <= bug == 11 ? SUM_BITS'(next_sum[EXPONENTIAL_BITS+1:0]) : next_sum;

    bt_reciprocal #(
        .DIVISOR_BITS(SUM_BITS), .QUOTIENT_BITS(QUOTIENT_BITS), .POWER_BITS(POWER_BITS)
    ) reciprocal_of_sum (
        .clk(clk), .rst_n(rst_n), .start(divide), .done(divided),
        .power(POWER_BITS'(bug == 3 ? RECIPROCAL_BITS - 1 : RECIPROCAL_BITS)),
        .divisor(sum), .quotient(quotient), .remainder(remainder)
    );

    // Multiply, round, saturate.
    wire [5:0]                       shift = 6'(bug == 3 ? SHIFT - 1 : bug == 4 ? SHIFT + 1 : SHIFT);
    wire [PROBABILITY_BITS-1:0]      top = {PROBABILITY_BITS{1'b1}} >> (bug == 4 ? 1 : 0);
    wire [PRODUCT_BITS-1:0]          product = PRODUCT_BITS'(exponential) * PRODUCT_BITS'(reciprocal);
    wire [PRODUCT_BITS-1:0]          rounded;
    wire                             saturated = rounded > PRODUCT_BITS'(top) && bug != 5;

    bt_round_shift #(
        .BITS(PRODUCT_BITS), .SHIFT_BITS(6)
    ) round_shift (
        .rounding(bug == 1 ? 3'd3 : bug == 2 ? 3'd2 : ROUNDING[2:0]), .value(product), .shift(shift), .rounded(rounded)
    );

    assign out_maximum = maximum;
    assign out_sum = $signed(64'(sum));
    assign out_reciprocal = $signed(64'(reciprocal));

    always_ff @(posedge clk)
        if (advance) begin
            out_exponential <= exponential;
            out_output <= saturated ? top : rounded[PROBABILITY_BITS-1:0];
            out_last <= exponential_last;
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
            exponential_valid <= 1'b0;
            out_valid <= 1'b0;
            divide <= 1'b0;
        end else begin
            if (accept || read) index <= loaded || (read && index_last) ? '0 : index + 1'b1;
            if (loaded) last_index <= index;
            if (loaded || divided) reading <= 1'b1;
            else if (read && index_last) reading <= 1'b0;
            if (advance) begin
                read_valid <= reading;
                exponential_valid <= read_valid;
                out_valid <= phase == ANSWER && exponential_valid;
            end
            divide <= row_summed;
            case (phase)
                LOAD: if (loaded) phase <= SUM;
                SUM: if (row_summed) phase <= ANSWER;
                default: if (out_valid && out_ready && out_last) phase <= LOAD;
            endcase
        end
endmodule
