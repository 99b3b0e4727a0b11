"""Tables and the picture of a profile."""

from __future__ import annotations

from dataclasses import replace

from bittrue.reports.plot_style import COLOURS
from bittrue.reports.profile_data import MachineLimit, Profile, StepTime
from bittrue.reports.profile_tables import OP_COLUMNS, STEP_COLUMNS, fact_rows, op_rows, step_rows
from bittrue.reports.roofline import OTHERS, _colours, roofline_figure

LIMIT = MachineLimit(200.0, 100.0, 10.0, 2, "AVX-512 VNNI", "omp")
PRODUCT = StepTime("fc", "linear", (), False, 1_000_000, 1000, 400, 500, 100, 10.0, 12.0, 5.0)
TABLE = StepTime("act", "table", (), True, 0, 2_000_000, 1500, 400, 100, 30.0, 31.0, 0.1)
VIEWLESS = Profile("model", "iot_npu", "0" * 64, 5, LIMIT, (PRODUCT, TABLE), (), 45.0, 50.0)


def test_every_op_has_a_row_and_the_last_row_is_their_sum() -> None:
    """The longest first; what has no products has no rate of them."""
    table, product, everything = op_rows(VIEWLESS)
    assert table == ("table", "1", "1", "30", "75.0%", "-", "2.00", "0.00", "-", "0.1", "0%")
    assert product == ("linear", "1", "-", "10", "25.0%", "1.0", "0.00", "0.00", "100.0", "0.1", "50%")
    assert everything == ("all", "2", "1", "40", "100.0%", "1.0", "2.00", "0.00", "25.0", "0.1", "13%")
    assert {len(row) for row in op_rows(VIEWLESS)} == {len(OP_COLUMNS)}


def test_the_longest_steps_come_first() -> None:
    """As many as asked for, with the kernel that ran them."""
    (row,) = step_rows(VIEWLESS, 1)
    assert row == ("act", "table", "plain", "30.0", "31.0", "75.0%", "-", "2.00", "2", "-", "0.1", "0%")
    assert len(row) == len(STEP_COLUMNS)
    assert [each[0] for each in step_rows(VIEWLESS, 5)] == ["act", "fc"]


def test_the_facts_name_the_run_and_the_machine() -> None:
    """What the shares and the limits are shares and limits of."""
    facts = dict(fact_rows(VIEWLESS))
    assert facts["one run"] == "0.04 ms at its shortest, median 0.05 of 5"
    assert facts["steps"] == "2 run, 1 plain; 0 computed in passing, 0 views"
    assert facts["products"] == "200.0 GMAC/s at the peak of the tile, AVX-512 VNNI"


def test_the_picture_is_a_png_and_follows_the_numbers() -> None:
    """Other times give another picture; equal ones the same bytes."""
    found = roofline_figure(VIEWLESS)
    assert found.startswith(b"\x89PNG")
    assert roofline_figure(VIEWLESS) == found
    slower = replace(VIEWLESS, steps=(replace(PRODUCT, minimum_us=11.0), TABLE))
    assert roofline_figure(slower) != found


def test_steps_without_operations_and_many_ops_are_drawn() -> None:
    """A moved tensor counts nothing; ops beyond the colours share one."""
    moved = replace(TABLE, step="m", op="move", vector_operations=0)
    many = [replace(PRODUCT, op=f"op {index}", minimum_us=20.0 - index) for index in range(len(COLOURS) + 3)]
    assert roofline_figure(replace(VIEWLESS, steps=(moved,))).startswith(b"\x89PNG")
    crowded = replace(VIEWLESS, steps=(*many, moved))
    assert roofline_figure(crowded).startswith(b"\x89PNG")
    assert list(_colours(crowded))[-1] == OTHERS
    assert len(_colours(crowded)) == len(COLOURS)
