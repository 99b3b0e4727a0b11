`timescale 1ns / 1ps

// floor(2**power / divisor) by restoring division, one bit of the quotient a clock.
//
// `start` takes power and divisor; `done` is 1 for one clock, power + 1 clocks later, and quotient and remainder
// then stay until the next start. The caller proves that the quotient fits; the divisor must not change meanwhile.
module bt_reciprocal #(
    parameter integer DIVISOR_BITS = 28,
    parameter integer QUOTIENT_BITS = 31,
    parameter integer POWER_BITS = 6
) (
    input  logic                     clk,
    input  logic                     rst_n,
    input  logic                     start,
    input  logic [POWER_BITS-1:0]    power,
    input  logic [DIVISOR_BITS-1:0]  divisor,
    output logic                     done,
    output logic [QUOTIENT_BITS-1:0] quotient,
    output logic [DIVISOR_BITS-1:0]  remainder
);
    logic                  busy;
    logic                  numerator_bit;  // 2**power: a one, then zeros
    logic [POWER_BITS-1:0] left;

    wire [DIVISOR_BITS:0] partial = {remainder, numerator_bit};
    wire                  fits = partial >= {1'b0, divisor};

    always_ff @(posedge clk) begin
        done <= busy && left == '0;
        if (!rst_n) begin
            busy <= 1'b0;
            done <= 1'b0;
        end else if (start) begin
            busy <= 1'b1;
            left <= power;
            numerator_bit <= 1'b1;
            quotient <= '0;
            remainder <= '0;
        end else if (busy) begin
            busy <= left != '0;
            left <= left - 1'b1;
            numerator_bit <= 1'b0;
            quotient <= {quotient[QUOTIENT_BITS-2:0], fits};
            remainder <= partial[DIVISOR_BITS-1:0] - (fits ? divisor : '0);  // below the divisor again
        end
    end
endmodule
