"""Fidelity to a float model, on numbers small enough to do by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_programs import build, iot_npu, tensor, tiny_cnn

from bittrue.golden.fidelity import Drop, Fidelity, Top1, sqnr_db
from bittrue.spec.errors import BadInput, OutOfDomain
from bittrue.spec.ops.add import Add
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.table import Table
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace


def two_branches() -> Program:
    """Image [1, 1, 1, 3] -> a -> b; sum = a + b; logits [1, 3]. Scales 0.5, zero points 0."""
    tensors = [
        tensor("image", (1, 1, 1, 3), signed=False),
        *(tensor(name, (1, 1, 1, 3), scale=0.5) for name in ("a", "b", "sum")),
        tensor("logits", (1, 3), scale=0.5),
    ]
    table = np.zeros((1, 256), np.int64)
    one = np.array([1 << 30])
    add = {"sum/multiplier_a": one, "sum/multiplier_b": one, "sum/shift": np.array([30])}
    return build(
        tensors,
        [(Table("f"), ["image"]), (Table("g"), ["a"]), (Add(), ["a", "b"]), (Reshape((1, 3)), ["sum"])],
        {"a/table": table, "b/table": table, **add},
        iot_npu(),
    )


def trace_of(program: Program, **codes: list[int]) -> Trace:
    """A trace with the given codes (zeros elsewhere): fidelity does not ask how they came about."""
    arrays = {
        name: np.array(codes.get(name, [0, 0, 0]), spec.dtype).reshape(spec.shape)
        for name, spec in program.tensors.items()
    }
    return Trace(program.digest, "reference", arrays)


def floats_of(program: Program, **values: list[float]) -> dict[str, np.ndarray]:
    """The float model's tensors, in float32 as torch gives them."""
    return {name: np.array(value, np.float32).reshape(program.tensors[name].shape) for name, value in values.items()}


def test_metrics_by_hand() -> None:
    """Codes 2, -4, 6 at scale 0.5 are 1, -2, 3. Against 1, -2.5, 3: noise 0.25, signal 16.25.

    SQNR = 10 log10(65) = 18.129 dB; cosine = 15 / sqrt(16.25 * 14); largest error 0.5.
    """
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(trace_of(program, logits=[2, -4, 6]), floats_of(program, logits=[1, -2.5, 3]))
    (row,) = fidelity.rows
    assert (row.tensor, row.elements, row.largest_error) == ("logits", 3, 0.5)
    assert row.sqnr_db == pytest.approx(10 * math.log10(65))
    assert row.cosine == pytest.approx(15 / math.sqrt(16.25 * 14))


def test_sums_run_over_images() -> None:
    """Two images are one long tensor: noise 0.25 + 1, signal 16.25 + 4, the mean of two SQNRs is not taken."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(trace_of(program, logits=[2, -4, 6]), floats_of(program, logits=[1, -2.5, 3]))
    fidelity.add(trace_of(program, logits=[2, 0, 0]), floats_of(program, logits=[2, 0, 0]))
    (row,) = fidelity.rows
    assert (row.elements, row.largest_error) == (6, 1.0)
    assert row.sqnr_db == pytest.approx(10 * math.log10(20.25 / 1.25))
    assert row.cosine == pytest.approx(17 / math.sqrt(20.25 * 15))


def test_exact_and_empty_signals() -> None:
    """No noise is infinite, noise without signal minus infinite; zero against zero has cosine 1."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(
        trace_of(program, a=[1, 2, 3], b=[1, 0, 0]), floats_of(program, a=[0.5, 1, 1.5], b=[0, 0, 0], logits=[0, 0, 0])
    )
    rows = {row.tensor: row for row in fidelity.rows}
    assert list(rows) == ["a", "b", "logits"]
    assert (rows["a"].sqnr_db, rows["a"].largest_error) == (math.inf, 0)
    assert rows["a"].cosine == pytest.approx(1)
    assert (rows["b"].sqnr_db, rows["b"].cosine) == (-math.inf, 0.0)
    assert (rows["logits"].sqnr_db, rows["logits"].cosine) == (math.inf, 1.0)


def test_sqnr_of_a_hundredth_is_twenty_decibels() -> None:
    """Noise of a hundredth of the signal's energy is 20 dB."""
    assert sqnr_db(5.0, 0.05) == pytest.approx(20)


def test_top1_by_hand() -> None:
    """Three images: agree and right; disagree, float right; agree, no label. Ties go to the lowest class."""
    program = two_branches()
    fidelity = Fidelity(program)
    assert fidelity.top1 == Top1(0, 0, 0, 0, 0)
    assert (fidelity.top1.agreement, fidelity.top1.float_accuracy, fidelity.top1.integer_accuracy) == (None, None, None)
    fidelity.add(trace_of(program, logits=[0, 5, 1]), floats_of(program, logits=[0, 2, 1]), label=1)
    fidelity.add(trace_of(program, logits=[3, 1, 3]), floats_of(program, logits=[0, 0, 1]), label=2)
    fidelity.add(trace_of(program, logits=[0, 0, 9]), floats_of(program, logits=[0, 0, 1]))
    assert fidelity.top1 == Top1(images=3, agreed=2, labelled=2, float_correct=2, integer_correct=1)
    assert fidelity.top1.agreement == pytest.approx(2 / 3)
    assert (fidelity.top1.float_accuracy, fidelity.top1.integer_accuracy) == (1.0, 0.5)


def test_the_worst_drop_is_measured_from_the_best_input() -> None:
    """a: 40 dB, b: 20 dB (falls 20), sum: 10 dB (falls 30 below a, its better input), logits: 10 dB."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(
        trace_of(program, a=[200 // 2, 0, 0], b=[20, 0, 0], sum=[0, 2, 0], logits=[0, 2, 0]),
        floats_of(program, a=[50, 0.5, 0], b=[10, 1, 0], sum=[0, 1, 10**-0.5], logits=[0, 1, 10**-0.5]),
    )
    sqnr = {row.tensor: row.sqnr_db for row in fidelity.rows}
    assert sqnr["a"] == pytest.approx(40, abs=0.01)
    assert sqnr["b"] == pytest.approx(20, abs=0.1)
    worst = fidelity.worst_drop
    assert worst == Drop("sum", sqnr["a"], sqnr["sum"])
    assert worst is not None and worst.drop_db == sqnr["a"] - sqnr["sum"]


def test_the_first_of_equal_drops_is_named() -> None:
    """Falls of b and sum from a are the same number; b comes first."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(
        trace_of(program, a=[100, 0, 0], b=[20, 0, 0], sum=[20, 0, 0], logits=[20, 0, 0]),
        floats_of(program, a=[50, 0.5, 0], b=[10, 1, 0], sum=[10, 1, 0], logits=[10, 1, 0]),
    )
    assert fidelity.worst_drop is not None and fidelity.worst_drop.tensor == "b"


def test_an_exact_input_counts_as_what_its_width_can_carry() -> None:
    """Exact a counts as 49.92 dB of 8 bits: b at 20 dB falls 30 from it, the sum at 3 dB falls 47."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(
        trace_of(program, a=[2, 0, 0], b=[20, 0, 0], sum=[0, 2, 0], logits=[0, 2, 0]),
        floats_of(program, a=[1, 0, 0], b=[10, 1, 0], sum=[0, 1, 1], logits=[0, 1, 1]),
    )
    worst = fidelity.worst_drop
    assert worst is not None and worst.tensor == "sum"
    assert worst.input_sqnr_db == pytest.approx(8 * 6.0206 + 1.7609, abs=1e-3)


def test_a_tensor_without_float_value_passes_its_inputs_on() -> None:
    """With no float value of sum, logits are measured against the best of what it was made from."""
    program = two_branches()
    fidelity = Fidelity(program)
    fidelity.add(
        trace_of(program, a=[100, 0, 0], b=[20, 0, 0], logits=[0, 2, 0]),
        floats_of(program, a=[50, 0.5, 0], b=[10, 1, 0], logits=[0, 1, 1]),
    )
    worst = fidelity.worst_drop
    assert worst is not None
    assert (worst.tensor, worst.input_sqnr_db) == ("logits", fidelity.rows[0].sqnr_db)


def test_no_drop_where_nothing_falls() -> None:
    """Without measurements behind one another there is no worst step."""
    program = two_branches()
    fidelity = Fidelity(program)
    assert fidelity.worst_drop is None
    fidelity.add(trace_of(program, logits=[2, 0, 0]), floats_of(program, logits=[1, 1, 0]))
    assert fidelity.worst_drop is None


def test_what_cannot_be_compared_is_refused() -> None:
    """Another program, another shape, a missing output, NaN, a trace with a hole; nothing is half added."""
    program = two_branches()
    fidelity, trace = Fidelity(program), trace_of(program)
    good = floats_of(program, a=[1, 0, 0], logits=[1, 0, 0])
    other = tiny_cnn()
    with pytest.raises(BadInput, match="another program"):
        fidelity.add(Trace(other.digest, "reference", {}), good)
    with pytest.raises(OutOfDomain, match="shape"):
        fidelity.add(trace, {**good, "logits": np.zeros(3)})
    with pytest.raises(OutOfDomain, match="output is missing"):
        fidelity.add(trace, {"a": good["a"]})
    with pytest.raises(OutOfDomain, match="NaN"):
        fidelity.add(trace, {**good, "logits": np.full((1, 3), np.nan)})
    with pytest.raises(OutOfDomain, match="lacks"):
        fidelity.add(Trace(program.digest, "reference", {"logits": trace.tensors["logits"]}), good)
    assert fidelity.rows == ()
    assert fidelity.top1.images == 0
