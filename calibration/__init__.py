"""From a float model to a quantization plan (torch), and from a plan to an integer program (NumPy only)."""
