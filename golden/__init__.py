"""The judge: a PyTorch integer reference of every op, exact comparison, and fidelity to the float model."""
