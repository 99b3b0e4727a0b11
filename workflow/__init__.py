"""The public functions, one a verb: what the command line does, a notebook can do with the same names.

    from bittrue import workflow
    plan = workflow.calibrate("mobilevit_xxs", weights=..., images=...)
    program = workflow.lower(plan, datapath="iot_npu")

Functions, not modules: every verb's file is imported here, once, so that `workflow.lower` is always the
function. What needs PyTorch (calibrate, compare, demo, and reading photographs) imports it when called;
the rest works in an installation without it.
"""

from bittrue.workflow.bench import bench_accumulator, bench_datapaths
from bittrue.workflow.bounds import bounds
from bittrue.workflow.calibrate import calibrate
from bittrue.workflow.check import check
from bittrue.workflow.compare import compare
from bittrue.workflow.cost import cost
from bittrue.workflow.demo import demo
from bittrue.workflow.lower import lower
from bittrue.workflow.report import report
from bittrue.workflow.simulate import simulate
from bittrue.workflow.unit import unit, unit_list
from bittrue.workflow.unit_errors import bench_units
from bittrue.workflow.vectors import vectors

__all__ = [
    "bench_accumulator",
    "bench_datapaths",
    "bench_units",
    "bounds",
    "calibrate",
    "check",
    "compare",
    "cost",
    "demo",
    "lower",
    "report",
    "simulate",
    "unit",
    "unit_list",
    "vectors",
]
