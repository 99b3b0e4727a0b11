"""The public functions, one a verb: what the command line does, a notebook can do with the same names.

    from bittrue import workflow
    plan = workflow.calibrate("mobilevit_xxs", weights=..., images=...)
    program = workflow.lower(plan, datapath="iot_npu")

Functions, not modules, although the files bear the same names; and each file is imported when its function is first
asked for, so that a verb does not wait for what the others need. What needs PyTorch (calibrate, compare, demo)
imports it when called; the rest works in an installation without it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bittrue.workflow.bench import bench_accumulator, bench_datapaths
    from bittrue.workflow.bench_accuracy import bench_accuracy
    from bittrue.workflow.bench_bridges import bench_bridges
    from bittrue.workflow.bench_cost import bench_cost
    from bittrue.workflow.bench_study import bench_study
    from bittrue.workflow.benches import benches
    from bittrue.workflow.bounds import bounds
    from bittrue.workflow.calibrate import calibrate
    from bittrue.workflow.check import check
    from bittrue.workflow.compare import compare
    from bittrue.workflow.cost import cost
    from bittrue.workflow.coverage import coverage, unit_coverage
    from bittrue.workflow.demo import demo
    from bittrue.workflow.hardware import hw_check, hw_list, hw_schema, hw_show
    from bittrue.workflow.lower import lower
    from bittrue.workflow.mutation import bench_mutation
    from bittrue.workflow.profile import profile
    from bittrue.workflow.report import report
    from bittrue.workflow.simulate import simulate
    from bittrue.workflow.unit import unit, unit_list
    from bittrue.workflow.unit_errors import bench_units
    from bittrue.workflow.unit_vectors import unit_vectors
    from bittrue.workflow.vectors import vectors

__all__ = [
    "bench_accumulator",
    "bench_accuracy",
    "bench_bridges",
    "bench_cost",
    "bench_datapaths",
    "bench_mutation",
    "bench_study",
    "bench_units",
    "benches",
    "bounds",
    "calibrate",
    "check",
    "compare",
    "cost",
    "coverage",
    "demo",
    "hw_check",
    "hw_list",
    "hw_schema",
    "hw_show",
    "lower",
    "profile",
    "report",
    "simulate",
    "unit",
    "unit_coverage",
    "unit_list",
    "unit_vectors",
    "vectors",
]

_FILES = {
    "bench_accumulator": "bench",
    "bench_datapaths": "bench",
    "bench_mutation": "mutation",
    "bench_units": "unit_errors",
    "hw_check": "hardware",
    "hw_list": "hardware",
    "hw_schema": "hardware",
    "hw_show": "hardware",
    "unit_coverage": "coverage",
    "unit_list": "unit",
}
"""Of the functions whose file has another name."""


class _Verbs(ModuleType):
    """Imports a function's file on demand, and never shows the file in the function's place."""

    def __getattr__(self, name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(f"{__name__}.{_FILES.get(name, name)}"), name)
        setattr(self, name, found)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        # Importing workflow/lower.py, from wherever, ends in `workflow.lower = that module`.
        if name in __all__ and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Verbs
