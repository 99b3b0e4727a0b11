"""Test benches for vectors of bare units: plain SystemVerilog and cocotb, written from a package's sets."""
