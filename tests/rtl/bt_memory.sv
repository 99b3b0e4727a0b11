`timescale 1ns / 1ps

// A memory of one write and one read port, both synchronous; `word` keeps what was last read.
module bt_memory #(
    parameter integer BITS = 16,
    parameter integer WORDS = 256,
    parameter integer ADDRESS_BITS = 8
) (
    input  logic                    clk,
    input  logic                    write,
    input  logic [ADDRESS_BITS-1:0] write_address,
    input  logic [BITS-1:0]         data,
    input  logic                    read,
    input  logic [ADDRESS_BITS-1:0] read_address,
    output logic [BITS-1:0]         word  // a clock after `read`
);
    logic [BITS-1:0] words [0:WORDS-1];

    always_ff @(posedge clk) begin
        if (write) words[write_address] <= data;
        if (read) word <= words[read_address];
    end
endmodule
