// Three small designs with the ports of docs/adr/0005, for the tests of the benches themselves.
// +bug=1 a wrong stage; 2 stands still; 3 an x digit; 4 a beat too many; 5 (rows) out_last is late; 6 ready is x.
`timescale 1ns/1ps

// Elements: rounded = (accumulator + 2**(shift-1)) >> shift, output = low byte of rounded + zero_point.
module example_elements #(
    parameter integer ACC_BITS = 12
) (
    input wire clk, input wire rst_n,
    input wire cfg_we, input wire [7:0] cfg_sel, input wire [31:0] cfg_addr, input wire [63:0] cfg_data,
    input wire in_valid, output wire in_ready,
    input wire signed [ACC_BITS-1:0] in_accumulator, input wire [3:0] in_shift,
    output reg out_valid, input wire out_ready,
    output reg signed [ACC_BITS:0] out_rounded, output reg signed [7:0] out_output
);
    integer bug;
    initial if ($value$plusargs("bug=%d", bug) == 0) bug = 0;
    reg signed [7:0] zero_point;
    always @(posedge clk) if (cfg_we && cfg_sel == 0 && cfg_addr == 0) zero_point <= cfg_data[7:0];

    reg [7:0] beats;
    wire signed [ACC_BITS:0] wide = {in_accumulator[ACC_BITS-1], in_accumulator};
    wire signed [ACC_BITS:0] half = in_shift == 0 ? 0 : 1 <<< (in_shift - 4'd1);
    wire signed [ACC_BITS:0] rounded = (wide + (bug == 1 && beats == 5 ? 0 : half)) >>> in_shift;
    wire signed [ACC_BITS:0] placed = rounded + {{(ACC_BITS - 7){zero_point[7]}}, zero_point};
    assign in_ready = bug == 6 && beats == 5 ? 1'bx : !(bug == 2 && beats == 5) && (!out_valid || out_ready);
    // The planted fault answers the last of 40 beats without end.
    wire again = bug == 4 && beats == 40;
    always @(posedge clk)
        if (!rst_n) begin
            out_valid <= 1'b0;
            beats <= 0;
        end else begin
            if (in_ready) out_valid <= in_valid || again;
            else if (out_ready) out_valid <= 1'b0;
            if (in_ready && in_valid) begin
                beats <= beats + 1;
                out_rounded <= rounded;
                out_output <= bug == 3 && beats == 6 ? {placed[7:1], 1'bx} : placed[7:0];
            end
        end
endmodule

// Rows of up to 16: maximum of the row, distance = maximum - logit, output = table[distance].
module example_rows (
    input wire clk, input wire rst_n,
    input wire cfg_we, input wire [7:0] cfg_sel, input wire [31:0] cfg_addr, input wire [63:0] cfg_data,
    input wire in_valid, output wire in_ready, input wire in_last, input wire signed [3:0] in_logits,
    output wire out_valid, input wire out_ready, output wire out_last,
    output wire signed [3:0] out_maximum, output wire [3:0] out_distance, output wire [7:0] out_output
);
    integer bug;
    initial if ($value$plusargs("bug=%d", bug) == 0) bug = 0;
    reg [7:0] table_of [0:15];
    always @(posedge clk) if (cfg_we && cfg_sel == 0) table_of[cfg_addr[3:0]] <= cfg_data[7:0];

    reg signed [3:0] row [0:15];
    reg signed [3:0] maximum;
    reg [3:0] fill, length, at;
    reg full;
    assign in_ready = !full;
    assign out_valid = full && !(bug == 2 && at == 1);
    assign out_last = bug == 5 ? at == 0 : at == length;
    assign out_maximum = maximum;
    assign out_distance = maximum - row[at];
    assign out_output = bug == 3 && at == 1 ? 8'bx : table_of[out_distance];
    always @(posedge clk)
        if (!rst_n) begin
            full <= 1'b0;
            fill <= 0;
        end else if (in_valid && in_ready) begin
            row[fill] <= in_logits;
            // The planted fault keeps the maximum of the row before.
            if ((fill == 0 && bug != 1) || in_logits > maximum || (^maximum) === 1'bx) maximum <= in_logits;
            length <= fill;
            at <= 0;
            full <= in_last;
            fill <= in_last ? 0 : fill + 1;
        end else if (out_valid && out_ready) begin
            at <= at + 1;
            full <= at != length;
        end
endmodule

// MAC of LANES x COLS: register = sum of activation * weight; output = register + bias. K up to 16.
module example_mac #(
    parameter integer LANES = 4,
    parameter integer COLS = 3
) (
    input wire clk, input wire rst_n,
    input wire cfg_we, input wire [7:0] cfg_sel, input wire [31:0] cfg_addr, input wire [63:0] cfg_data,
    input wire in_valid, output wire in_ready, input wire in_last, input wire [LANES*8-1:0] in_activations,
    output reg out_valid, input wire out_ready,
    output reg [COLS*20-1:0] out_register, output reg [COLS*20-1:0] out_output
);
    integer bug;
    initial if ($value$plusargs("bug=%d", bug) == 0) bug = 0;
    reg signed [7:0] weight [0:16*COLS-1];
    reg signed [19:0] bias [0:COLS-1];
    integer k, lane, column;
    reg signed [19:0] sum [0:COLS-1];
    reg signed [7:0] code;
    assign in_ready = !out_valid || out_ready;
    always @(posedge clk) begin
        if (cfg_we && cfg_sel == 0) weight[cfg_addr] <= cfg_data[7:0];
        if (cfg_we && cfg_sel == 1) bias[cfg_addr] <= cfg_data[19:0];
        if (!rst_n) begin
            out_valid <= 1'b0;
            k = 0;
            for (column = 0; column < COLS; column = column + 1) sum[column] = 0;
            for (lane = 0; lane < 16 * COLS; lane = lane + 1) weight[lane] <= 0;
        end else if (in_ready) begin
            out_valid <= in_valid && in_last && !(bug == 2);
            if (in_valid) begin
                for (lane = 0; lane < LANES; lane = lane + 1) begin
                    code = in_activations[lane*8 +: 8];
                    for (column = 0; column < COLS; column = column + 1)
                        if (!(bug == 1 && lane == 3 && column == 1))
                            sum[column] = sum[column] + code * weight[(k + lane) * COLS + column];
                end
                k = k + LANES;
                if (in_last) begin
                    k = 0;
                    for (column = 0; column < COLS; column = column + 1) begin
                        out_register[column*20 +: 20] <= sum[column];
                        out_output[column*20 +: 20] <= sum[column] + bias[column];
                        sum[column] = 0;
                    end
                end
            end
        end
    end
endmodule
