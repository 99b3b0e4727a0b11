"""The contract every room speaks: program, tensors, arithmetic, ops, hardware description."""
