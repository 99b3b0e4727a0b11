"""Every line of the table of profiles."""

from __future__ import annotations

from peers import file_cases, ort_cases, rtl_cases, table_cases, tflite_cases, tosa_cases
from peers.comparison import Comparison
from peers.ours import By


def comparisons(by: By = "simulator") -> list[Comparison]:
    """In the order of the table; `by` says which of bittrue's statements is compared. Tables have only one."""
    families = (tflite_cases, file_cases, ort_cases, tosa_cases, rtl_cases)
    return [*(line for family in families for line in family.comparisons(by)), *table_cases.comparisons()]
