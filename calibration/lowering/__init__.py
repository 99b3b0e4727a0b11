"""QuantPlan + Datapath -> Program: integers everywhere. NumPy and exact rationals only, no torch.

The same plan lowers to the same bytes on any machine: scales meet as exact fractions, tables are
correctly rounded from exact arithmetic, and NumPy is used for single IEEE operations only.
"""
