`timescale 1ns / 1ps

// A constant that may differ from element to element of a row: one word each. Where fewer words were written, the last
// one serves the elements behind it, so that one word serves all.
module bt_row_constants #(
    parameter integer BITS = 17,
    parameter integer ROW_MAX = 4096,
    parameter integer INDEX_BITS = 12
) (
    input  logic                  clk,
    input  logic                  write,
    input  logic [INDEX_BITS-1:0] address,
    input  logic [BITS-1:0]       data,
    input  logic                  read,
    input  logic [INDEX_BITS-1:0] element,
    output logic [BITS-1:0]       word  // of `element`, a clock after `read`
);
    logic [INDEX_BITS-1:0] last;

    always_ff @(posedge clk) if (write) last <= address;

    bt_memory #(
        .BITS(BITS), .WORDS(ROW_MAX), .ADDRESS_BITS(INDEX_BITS)
    ) memory (
        .clk(clk), .write(write), .write_address(address), .data(data),
        .read(read), .read_address(element > last ? last : element), .word(word)
    );
endmodule
