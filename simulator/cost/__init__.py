"""Cycles and energy of a Program on a Machine, in closed form."""
