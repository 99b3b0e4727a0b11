`timescale 1ns / 1ps

// round_shift(value, shift) of docs/arithmetic.md: an arithmetic right shift that rounds, combinational.
module bt_round_shift #(
    parameter integer BITS = 63,
    parameter integer SHIFT_BITS = 6
) (
    input  wire        [2:0]            rounding,  // ROUND_... below
    input  wire signed [BITS-1:0]       value,
    input  wire        [SHIFT_BITS-1:0] shift,     // 0: the value itself
    output wire signed [BITS-1:0]       rounded
);
    localparam [2:0] ROUND_HALF_UP = 3'd0, ROUND_HALF_AWAY = 3'd1, ROUND_HALF_EVEN = 3'd2, ROUND_FLOOR = 3'd3;
    localparam [2:0] ROUND_TOWARD_ZERO = 3'd4;

    wire signed [BITS-1:0] quotient = value >>> shift;
    // All bits that the shift drops, then without the topmost of them.
    wire [BITS-1:0] dropped = ~({BITS{1'b1}} << shift);
    wire [BITS-1:0] below = dropped >> 1;
    wire guard = |(value & dropped & ~below);
    wire sticky = |(value & below);
    wire negative = value[BITS-1];

    reg up;
    always @* begin
        case (rounding)
            ROUND_HALF_UP:     up = guard;
            ROUND_HALF_AWAY:   up = guard & (sticky | ~negative);
            ROUND_HALF_EVEN:   up = guard & (sticky | quotient[0]);
            ROUND_FLOOR:       up = 1'b0;
            ROUND_TOWARD_ZERO: up = negative & (guard | sticky);
            default:           up = 1'bx;
        endcase
    end

    assign rounded = quotient + $signed({{(BITS - 1) {1'b0}}, up});
endmodule
