"""The integer machine: numba kernels, one file an op, and the engine that runs a Program with them."""
