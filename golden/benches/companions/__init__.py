"""Programs that are copied beside the benches. They run where there is no bittrue: standard library and cocotb only."""
