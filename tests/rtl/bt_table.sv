`timescale 1ns / 1ps
`include "bt_bug.svh"

// Table: output = table[code - input_low]. One vector a clock; one register deep. Contract: spec/units/table.py.
// Written through cfg: 0 is input_low, 1 the table from its lowest code.
module bt_table #(
    parameter integer CODE_BITS   = 9,  // two's complement: holds signed and unsigned codes of 8 bits
    parameter integer INDEX_BITS  = 8,  // the table has 2**INDEX_BITS entries
    parameter integer OUTPUT_BITS = 17  // two's complement
) (
    input  wire                          clk,
    input  wire                          rst_n,
    input  wire                          cfg_we,
    input  wire        [7:0]             cfg_sel,
    // verilator lint_off UNUSEDSIGNAL
    input  wire        [31:0]            cfg_addr,
    input  wire        [63:0]            cfg_data,
    input  wire                          in_valid,
    output wire                          in_ready,
    input  wire signed [CODE_BITS-1:0]   in_codes,
    // verilator lint_on UNUSEDSIGNAL
    output wire                          out_valid,
    input  wire                          out_ready,
    output wire signed [OUTPUT_BITS-1:0] out_output
);
    localparam [7:0] SEL_INPUT_LOW = 8'd0, SEL_TABLE = 8'd1;
    localparam [INDEX_BITS-1:0] ONE = 1;

    `BT_BUG

    reg valid;
    wire move = out_ready | ~valid;
    assign in_ready  = move;
    assign out_valid = valid;
    always @(posedge clk) begin
        if (!rst_n) valid <= 1'b0;
        else if (move) valid <= in_valid;
    end

    reg signed [OUTPUT_BITS-1:0] memory [0:(1<<INDEX_BITS)-1];
    // An index is what the difference of two codes leaves in INDEX_BITS.
    reg [INDEX_BITS-1:0] input_low;
    wire written = bug == 3 ? cfg_addr[INDEX_BITS-1:0] != {INDEX_BITS{1'b1}} : 1'b1;
    always @(posedge clk) begin
        if (cfg_we && cfg_sel == SEL_INPUT_LOW) input_low <= cfg_data[INDEX_BITS-1:0];
        if (cfg_we && cfg_sel == SEL_TABLE && written) memory[cfg_addr[INDEX_BITS-1:0]] <= cfg_data[OUTPUT_BITS-1:0];
    end

    reg [INDEX_BITS-1:0] index;
    always @* begin
        index = in_codes[INDEX_BITS-1:0] - input_low;
        if (bug == 1) index = index + ONE;
        if (bug == 2) index = in_codes[INDEX_BITS-1:0];
        if (bug == 4) index = {index[0], index[INDEX_BITS-1:1]};
    end

    reg signed [OUTPUT_BITS-1:0] entry, previous;
    always @(posedge clk) begin
        if (move) begin
            entry  <= memory[index];
            if (valid) previous <= entry;
        end
    end
    assign out_output = bug == 5 ? previous : entry;
endmodule
