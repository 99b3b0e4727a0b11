"""Any eval-mode torch module -> FloatGraph, by torch.export; no hand-written copy of any model."""
