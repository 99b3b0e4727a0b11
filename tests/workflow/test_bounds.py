"""bounds: any data >= proved >= seen, and the steps that a narrow accumulator endangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_models import pictures, small_plan
from tiny_programs import iot_npu

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.spec.errors import IllFormed
from bittrue.spec.program import Program
from bittrue.workflow import bounds


@pytest.fixture(scope="module")
def program() -> Program:
    return lower_plan(small_plan(), iot_npu(), {})


def test_any_data_covers_proved_covers_seen(program: Program, tmp_path: Path) -> None:
    """For every accumulating step, and for no other."""
    np.save(tmp_path / "images.npy", pictures(2))
    found = bounds(program, images=tmp_path / "images.npy")
    assert [step.step for step in found.steps] == [call.step for call in program.calls if call.bound is not None]
    assert found.images == 2
    for step in found.steps:
        assert step.seen is not None
        assert step.any_data.low <= step.proved.low <= step.seen.low
        assert step.seen.high <= step.proved.high <= step.any_data.high
    assert any(step.any_data.bits > step.proved.bits for step in found.steps)


def test_any_data_is_what_the_research_table_says(program: Program) -> None:
    """s8 x s8 over 27 taps: 27 * 128 * 128 and the biases; the stem's bias is below 2**20, so 20 or 21 bits."""
    stem = next(step for step in bounds(program).steps if step.step == "stem")
    assert stem.any_data.high - 27 * 128 * 128 == max(0, int(program.constants["stem/bias"].max()))
    assert stem.seen is None


def test_endangered_steps_are_those_that_lowering_refuses(program: Program) -> None:
    """One bit less than a step's need endangers it; lowering for that accumulator names a step of the list."""
    found = bounds(program)
    widest = max(step.proved.bits for step in found.steps)
    assert found.endangered(widest) == ()
    names = {step.step for step in found.endangered(widest - 1)}
    assert names
    with pytest.raises(IllFormed, match="accumulator may overflow") as caught:
        lower_plan(small_plan(), iot_npu({"mac": {"accumulator_bits": widest - 1}}), {})
    assert any(name in caught.value.where for name in names)
