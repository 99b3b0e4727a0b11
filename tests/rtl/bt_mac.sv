`timescale 1ns / 1ps
`include "bt_bug.svh"

// Weight-stationary MAC array: register[n] = bias[n] + sum over k of (a[k] - z_a) * (w[k][n] - z_w), COLS columns each.
// K comes in tiles of ROWS codes, one tile a clock; the weights of all tiles stay in the array, one bank a row of PEs.
// Contract: spec/units/mac.py with bias first (or last), overflow "wrap" (it serves "refuse", where nothing overflows)
// or "saturate", k_tile = ROWS or 0 (EACH_PRODUCT).
//
// Written through cfg: 0 weights, [k][n] from address 0 on without a gap; 1 bias, address n; 2 activation and 3 weight
// zero point. How many weights were written says how long K is: lanes beyond it add nothing.
module bt_mac #(
    parameter integer ROWS         = 16,  // lanes
    parameter integer COLS         = 16,
    parameter integer TILES        = 128,  // K is at most TILES * ROWS
    parameter integer ACT_BITS     = 17,  // two's complement: holds signed and unsigned codes of 16 bits
    parameter integer WGT_BITS     = 9,  // two's complement
    parameter integer ACC_BITS     = 32,
    parameter integer SATURATE     = 0,
    parameter integer EACH_PRODUCT = 0,  // saturates after each product, not after each tile
    parameter integer BIAS_LAST    = 0
) (
    input  wire                     clk,
    input  wire                     rst_n,
    input  wire                     cfg_we,
    input  wire [7:0]               cfg_sel,
    // verilator lint_off UNUSEDSIGNAL
    input  wire [31:0]              cfg_addr,
    input  wire [63:0]              cfg_data,
    // verilator lint_on UNUSEDSIGNAL
    input  wire                     in_valid,
    output wire                     in_ready,
    input  wire                     in_last,
    input  wire [ROWS*ACT_BITS-1:0] in_activations,
    output wire                     out_valid,
    input  wire                     out_ready,
    output wire [COLS*ACC_BITS-1:0] out_register,
    output wire [COLS*ACC_BITS-1:0] out_output
);
    localparam integer ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1, COL_BITS = COLS > 1 ? $clog2(COLS) : 1;
    localparam integer TILE_BITS = TILES > 1 ? $clog2(TILES) : 1;
    localparam integer A_BITS = ACT_BITS + 1, W_BITS = WGT_BITS + 1;  // with the zero point subtracted
    localparam integer PRODUCT_BITS = A_BITS + W_BITS;
    localparam integer TILE_SUM_BITS = PRODUCT_BITS + ROW_BITS;
    localparam integer SUM_BITS = (TILE_SUM_BITS > ACC_BITS ? TILE_SUM_BITS : ACC_BITS) + 1;
    localparam [7:0] SEL_WEIGHTS = 8'd0, SEL_BIAS = 8'd1, SEL_A_ZERO = 8'd2, SEL_W_ZERO = 8'd3;
    // verilator lint_off WIDTHTRUNC
    localparam [COL_BITS-1:0] ONE_COL = 1, LAST_COL = COLS - 1;
    localparam [ROW_BITS-1:0] ONE_ROW = 1, LAST_ROW = ROWS - 1;
    // verilator lint_on WIDTHTRUNC
    localparam [TILE_BITS-1:0] ONE_TILE = 1;

    `BT_BUG

    // The accumulator's overflow rule.
    function automatic signed [ACC_BITS-1:0] held(input signed [SUM_BITS-1:0] sum, input saturates);
        if (saturates && sum[SUM_BITS-1:ACC_BITS-1] != {(SUM_BITS - ACC_BITS + 1) {sum[SUM_BITS-1]}})
            held = {sum[SUM_BITS-1], {(ACC_BITS - 1) {~sum[SUM_BITS-1]}}};
        else held = sum[ACC_BITS-1:0];
    endfunction
    // Saturation to 20 bits, of planted faults.
    localparam signed [ACC_BITS-1:0] NARROW_MAX = {{(ACC_BITS - 19) {1'b0}}, {19{1'b1}}};
    function automatic signed [ACC_BITS-1:0] narrowed(input signed [ACC_BITS-1:0] sum);
        narrowed = sum > NARROW_MAX ? NARROW_MAX : sum < ~NARROW_MAX ? ~NARROW_MAX : sum;
    endfunction

    wire saturates = SATURATE != 0 && bug != 13;
    wire bias_last = BIAS_LAST != 0 || bug == 14;

    // Constants. Counters follow the weights as they come: column, row of PEs, tile.
    wire write_weights = cfg_we && cfg_sel == SEL_WEIGHTS;
    wire restarts = cfg_addr == 0;
    reg [COL_BITS-1:0] next_col;
    reg [ROW_BITS-1:0] next_row, last_row;
    reg [TILE_BITS-1:0] next_tile, last_tile;  // the last ones that have weights
    wire [COL_BITS-1:0] col = restarts ? 0 : next_col;
    wire [ROW_BITS-1:0] row_of_pe = restarts ? 0 : next_row;
    wire [TILE_BITS-1:0] write_tile = restarts ? 0 : next_tile;
    // verilator lint_off WIDTHTRUNC
    // verilator lint_off WIDTHEXPAND
    wire [COL_BITS-1:0] swapped_col = row_of_pe % COLS;  // of a planted fault
    wire [ROW_BITS-1:0] swapped_row = col % ROWS;
    // verilator lint_on WIDTHEXPAND
    // verilator lint_on WIDTHTRUNC
    wire [COL_BITS-1:0] write_col = bug == 8 ? swapped_col : col;
    wire [ROW_BITS-1:0] write_row = bug == 8 ? swapped_row : row_of_pe;
    reg signed [ACT_BITS-1:0] a_zero;
    reg signed [WGT_BITS-1:0] w_zero;
    always @(posedge clk) begin
        if (!rst_n) begin
            a_zero <= 0;
            w_zero <= 0;
        end else if (cfg_we) begin
            if (cfg_sel == SEL_A_ZERO) a_zero <= cfg_data[ACT_BITS-1:0];
            if (cfg_sel == SEL_W_ZERO) w_zero <= cfg_data[WGT_BITS-1:0];
        end
        if (write_weights) begin
            next_col <= col == LAST_COL ? 0 : col + ONE_COL;
            if (col == LAST_COL) next_row <= row_of_pe == LAST_ROW ? 0 : row_of_pe + ONE_ROW;
            else next_row <= row_of_pe;
            if (col == LAST_COL && row_of_pe == LAST_ROW) next_tile <= write_tile + ONE_TILE;
            else next_tile <= write_tile;
            last_row <= row_of_pe;
            last_tile <= write_tile;
        end
    end

    // Control: registers 1 hold operands, 2 products (or their sum over the tile), the accumulators follow.
    reg valid_1, valid_2, out_full;
    reg last_1, last_2, first_2;
    reg [TILE_BITS-1:0] tile, tile_1;
    wire move = out_ready | ~out_full;
    wire enters = in_valid & move;
    assign in_ready  = move;
    assign out_valid = out_full;
    always @(posedge clk) begin
        if (!rst_n) {valid_1, valid_2, out_full, tile} <= 0;
        else if (move) begin
            {valid_1, valid_2, out_full} <= {in_valid, valid_1, valid_2 & last_2};
            if (enters) tile <= in_last && bug != 15 ? 0 : tile + ONE_TILE;
        end
        if (move) begin
            {last_1, last_2} <= {in_last, last_1};
            tile_1 <= tile;
            // In a row's first tile the accumulator starts anew.
            first_2 <= tile_1 == 0;
        end
    end

    genvar r, c;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : row
            // The operand of this row of PEs.
            localparam [ROW_BITS-1:0] LANE = r;
            localparam integer SOURCE = r < 2 ? 1 - r : r;  // of a planted fault
            wire signed [ACT_BITS-1:0] code = bug == 9 ? in_activations[SOURCE*ACT_BITS+:ACT_BITS]
                                                       : in_activations[r*ACT_BITS+:ACT_BITS];
            // verilator lint_off UNSIGNED
            // verilator lint_off CMPCONST
            wire lane_used = bug == 12 ? LANE < last_row : LANE <= last_row;
            // verilator lint_on CMPCONST
            // verilator lint_on UNSIGNED
            wire used = tile < last_tile || tile == last_tile && lane_used;
            reg used_1;
            reg signed [A_BITS-1:0] operand, operand_1;
            always @* begin
                operand = {code[ACT_BITS-1], code} - {a_zero[ACT_BITS-1], a_zero};
                if (bug == 1) operand = {{(A_BITS - 8) {1'b0}}, code[7:0]};
                if (bug == 11) operand = {code[ACT_BITS-1], code};
                if (!used) operand = 0;
            end
            always @(posedge clk) if (move) {used_1, operand_1} <= {used, operand};

            // A word of the bank: the weights of this row of PEs for one tile, column 0 in the lowest bits.
            reg [COLS*WGT_BITS-1:0] bank[0:TILES-1];
            always @(posedge clk)
                if (write_weights && write_row == LANE)
                    bank[write_tile][write_col*WGT_BITS+:WGT_BITS] <= cfg_data[WGT_BITS-1:0];
            wire [COLS*WGT_BITS-1:0] weights = used_1 ? bank[tile_1] : 0;

            for (c = 0; c < COLS; c = c + 1) begin : pe
                wire signed [WGT_BITS-1:0] weight = weights[c*WGT_BITS+:WGT_BITS];
                wire signed [W_BITS-1:0] factor = bug == 1 ? {{(W_BITS - 8) {1'b0}}, weight[7:0]}
                                                : {weight[WGT_BITS-1], weight} - {w_zero[WGT_BITS-1], w_zero};
                wire signed [PRODUCT_BITS-1:0] product = operand_1 * factor;
            end
        end

        for (c = 0; c < COLS; c = c + 1) begin : column
            localparam [COL_BITS-1:0] COLUMN = c;
            reg signed [ACC_BITS-1:0] bias, accumulator;
            wire signed [SUM_BITS-1:0] written = cfg_data[SUM_BITS-1:0];
            always @(posedge clk) begin
                if (!rst_n) bias <= 0;
                else if (cfg_we && cfg_sel == SEL_BIAS && cfg_addr[COL_BITS-1:0] == COLUMN)
                    bias <= held(written, saturates);
            end
            reg signed [ACC_BITS-1:0] base;
            always @* begin
                base = !first_2 ? accumulator : bias_last || bug == 7 ? 0 : bias;
                if (bug == 5 && !first_2) base = {{(ACC_BITS - 18) {accumulator[17]}}, accumulator[17:0]};
                if (bug == 3) base = narrowed(base);
                if (bug == 6) base = accumulator;
            end

            wire signed [ACC_BITS-1:0] summed;
            if (EACH_PRODUCT != 0) begin : chain
                for (r = 0; r < ROWS; r = r + 1) begin : link
                    reg signed [PRODUCT_BITS-1:0] product_2;
                    always @(posedge clk) if (move) product_2 <= row[r].pe[c].product;
                    wire signed [ACC_BITS-1:0] from, to;
                    if (r == 0) begin : first
                        assign from = base;
                    end else begin : later
                        assign from = link[r-1].to;
                    end
                    assign to = held({{(SUM_BITS - ACC_BITS) {from[ACC_BITS-1]}}, from}
                                   + {{(SUM_BITS - PRODUCT_BITS) {product_2[PRODUCT_BITS-1]}}, product_2}, saturates);
                end
                assign summed = link[ROWS-1].to;
            end else begin : tree
                for (r = 0; r < ROWS; r = r + 1) begin : link
                    wire signed [TILE_SUM_BITS-1:0] product =
                        {{ROW_BITS{row[r].pe[c].product[PRODUCT_BITS-1]}}, row[r].pe[c].product};
                    wire signed [TILE_SUM_BITS-1:0] to;
                    if (r == 0) begin : first
                        assign to = product;
                    end else begin : later
                        assign to = link[r-1].to + product;
                    end
                end
                reg signed [TILE_SUM_BITS-1:0] sum_2;
                always @(posedge clk) if (move) sum_2 <= link[ROWS-1].to;
                reg signed [SUM_BITS-1:0] addend, exact;
                always @* begin
                    addend = {{(SUM_BITS - TILE_SUM_BITS) {sum_2[TILE_SUM_BITS-1]}}, sum_2};
                    if (bug == 4) addend = {{(SUM_BITS - 16) {sum_2[15]}}, sum_2[15:0]};
                    exact = {{(SUM_BITS - ACC_BITS) {base[ACC_BITS-1]}}, base} + addend;
                    if (bug == 10) exact[15:0] = base[15:0] + addend[15:0];
                    if (bug == 10) exact[SUM_BITS-1:16] =
                        {{(SUM_BITS - ACC_BITS) {base[ACC_BITS-1]}}, base[ACC_BITS-1:16]} + addend[SUM_BITS-1:16];
                end
                assign summed = held(exact, saturates);
            end

            reg signed [ACC_BITS-1:0] next;
            always @* begin
                next = summed;
                if (bias_last && last_2)
                    next = held({{(SUM_BITS - ACC_BITS) {summed[ACC_BITS-1]}}, summed}
                              + {{(SUM_BITS - ACC_BITS) {bias[ACC_BITS-1]}}, bias}, saturates);
                if (bug == 2) next = {{(ACC_BITS - 20) {next[19]}}, next[19:0]};
                if (bug == 3) next = narrowed(next);
            end
            always @(posedge clk) if (move && valid_2) accumulator <= next;

            assign out_register[c*ACC_BITS+:ACC_BITS] = accumulator;
            assign out_output[c*ACC_BITS+:ACC_BITS] = bug == 16 ? narrowed(accumulator) : accumulator;
        end
    endgenerate
endmodule
