"""Why a design differs: the first divergent stage, patterns, and other rules that would explain every mismatch."""
