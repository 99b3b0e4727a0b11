"""Golden vector packages: what an RTL team plays against its design. NumPy and pydantic only."""
