`timescale 1ns / 1ps

// floor(sqrt(operand)), two bits of the operand and one of the root a clock.
//
// `start` takes the operand; `done` is 1 for one clock, ROOT_BITS clocks later, and root and inexact then stay until
// the next start.
module bt_root #(
    parameter integer ROOT_BITS = 31
) (
    input  logic                   clk,
    input  logic                   rst_n,
    input  logic                   start,
    input  logic [2*ROOT_BITS-1:0] operand,
    output logic                   done,
    output logic [ROOT_BITS-1:0]   root,
    output logic                   inexact
);
    localparam integer COUNT_BITS = $clog2(ROOT_BITS + 1);

    logic                   busy;
    logic [COUNT_BITS-1:0]  left;
    logic [2*ROOT_BITS-1:0] rest;       // of the operand, from its top
    logic [ROOT_BITS:0]     remainder;  // at most twice the root

    wire [ROOT_BITS+2:0] partial = {remainder, rest[2*ROOT_BITS-1 -: 2]};
    wire [ROOT_BITS+2:0] trial = {1'b0, root, 2'b01};
    wire                 fits = partial >= trial;

    assign inexact = remainder != '0;

    always_ff @(posedge clk) begin
        done <= busy && left == COUNT_BITS'(1);
        if (!rst_n) begin
            busy <= 1'b0;
            done <= 1'b0;
            left <= '0;
        end else if (start) begin
            busy <= 1'b1;
            left <= COUNT_BITS'(ROOT_BITS);
            rest <= operand;
            root <= '0;
            remainder <= '0;
        end else if (busy) begin
            busy <= left != COUNT_BITS'(1);
            left <= left - 1'b1;
            rest <= rest << 2;
            root <= {root[ROOT_BITS-2:0], fits};
            remainder <= partial[ROOT_BITS:0] - (fits ? trial[ROOT_BITS:0] : '0);
        end
    end
endmodule
