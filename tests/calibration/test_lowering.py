"""Lowering: integers everywhere, exact tables, proved bounds, and real arithmetic that stays close to float."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from small_models import pictures, small_graph, small_plan
from tiny_programs import iot_npu

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.lowering.constants import common_shift, requantizer
from bittrue.calibration.lowering.float32 import float32_bits
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.lowering.tables import FUNCTIONS, exponential_table, function_table
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import save_plan
from bittrue.golden.reference import Reference
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import BittrueError, IllFormed
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.workflow import lower

REAL = {
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "relu6": lambda x: min(max(x, mpmath.mpf(0)), mpmath.mpf(6)),
    "hardsigmoid": lambda x: min(max(x / 6 + mpmath.mpf(1) / 2, mpmath.mpf(0)), mpmath.mpf(1)),
    "hardswish": lambda x: x * min(max(x / 6 + mpmath.mpf(1) / 2, mpmath.mpf(0)), mpmath.mpf(1)),
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("scale_in, zero_in", [(0.05, 3), (0.31, -128), (2.0, 0), (1e-4, 100)])
def test_tables_are_correctly_rounded(name: str, scale_in: float, zero_in: int) -> None:
    """Every entry is the code nearest to the function's true value, by another library at 50 digits."""
    scale_out, zero_out = 0.043, -70
    table = function_table(FUNCTIONS[name], (-128, 127), scale_in, zero_in, scale_out, zero_out, (-128, 127))
    with mpmath.workdps(50):
        for code, entry in zip(range(-128, 128), table, strict=True):
            exact = REAL[name]((code - zero_in) * mpmath.mpf(scale_in)) / mpmath.mpf(scale_out) + zero_out
            assert entry == min(max(int(mpmath.floor(exact + mpmath.mpf("0.5"))), -128), 127)


def test_exponential_table_is_correctly_rounded_and_falls() -> None:
    """Entry 0 is the full scale; entries fall monotonically to 0."""
    table = exponential_table(8, 0.11, 16)
    with mpmath.workdps(50):
        expected = [
            int(mpmath.floor(65535 * mpmath.exp(-d * mpmath.mpf(0.11)) + mpmath.mpf("0.5"))) for d in range(256)
        ]
    assert table.tolist() == expected
    assert (np.diff(table) <= 0).all()
    assert table[-1] == 0


def test_requantizer_constants_are_the_nearest() -> None:
    """m / 2**s is within half a unit of m's last place of the ratio."""
    ratios = [Fraction(1, 3), Fraction(7, 1000), Fraction(12345, 1)]
    output = TensorSpec("y", (1, 3), 8, True, (1.0,), (0,))
    found = requantizer(ratios, iot_npu().requantizer("conv2d"), output)
    for ratio, m, s in zip(ratios, found["multiplier"].tolist(), found["shift"].tolist(), strict=True):
        assert abs(Fraction(m, 1 << s) - ratio) <= Fraction(1, 1 << (s + 1))
        assert 1 << 30 <= m < 1 << 31


def test_a_float32_scale_is_the_nearest() -> None:
    """The bits are those of the float32 nearest to the ratio, ties to even; no normal number, no scale."""
    rng = np.random.default_rng(0)
    values = [Fraction(int(a), int(b)) for a, b in rng.integers(1, 1 << 50, (500, 2))]
    ties = [Fraction((1 << 24) + 1), Fraction((1 << 24) + 3), Fraction((1 << 25) - 1, 1 << 30)]
    for value in values + ties:
        bits = np.array(float32_bits(value), np.int32)
        found = Fraction(float(bits.view(np.float32)))
        beside = [Fraction(float(np.array(int(bits) + step, np.int32).view(np.float32))) for step in (-1, 1)]
        assert all(abs(found - value) <= abs(other - value) for other in beside)
        if any(abs(found - value) == abs(other - value) for other in beside):
            assert int(bits) % 2 == 0
    for outside in (Fraction(0), Fraction(1, 1 << 127), Fraction(1 << 128)):
        with pytest.raises(IllFormed, match="float32"):
            float32_bits(outside)


def test_a_shifting_requantizer_takes_powers_of_two() -> None:
    """The shift is the exponent; anything else is refused."""
    unit = RequantizationUnit(kind="shift", rounding=Rounding.FLOOR, shift_min=0, shift_max=31)
    output = TensorSpec("y", (1, 3), 8, True, (1.0,), (0,))
    assert requantizer([Fraction(1), Fraction(1, 1 << 31)], unit, output)["shift"].tolist() == [0, 31]
    for ratio in (Fraction(2), Fraction(1, 3), Fraction(1, 1 << 32)):
        with pytest.raises(IllFormed, match="power of two"):
            requantizer([ratio], unit, output)


def test_a_multiplier_without_top_bit_where_the_shift_ends() -> None:
    """A unit that need not be normalized gives up bits of the multiplier; one that must is refused."""
    fields = {"multiplier_bits": 8, "shift_min": 0, "shift_max": 15, "rounding": Rounding.HALF_UP}
    output = TensorSpec("y", (1, 3), 8, True, (1.0,), (0,))
    ratio = Fraction(3, 1000)
    found = requantizer([ratio], RequantizationUnit.model_validate({**fields, "normalized": False}), output)
    assert (found["multiplier"].tolist(), found["shift"].tolist()) == ([98], [15])
    with pytest.raises(IllFormed, match="shift"):
        requantizer([ratio], RequantizationUnit.model_validate(fields), output)


def test_thresholds_are_where_the_code_changes() -> None:
    """Each threshold is the least accumulator whose exact quotient rounds (half up) to the code or more."""
    unit = RequantizationUnit(kind="thresholds", rounding=Rounding.HALF_UP)
    output = TensorSpec("y", (1, 2), 4, True, (1.0,), (3,))
    (thresholds,) = requantizer([Fraction(7, 50)], unit, output)["thresholds"].tolist()
    assert len(thresholds) == 15
    for index, threshold in enumerate(thresholds):
        for accumulator, reached in ((threshold, True), (threshold - 1, False)):
            code = math.floor(Fraction(7 * accumulator, 50) + Fraction(1, 2)) + 3
            assert (code >= -8 + 1 + index) == reached


def test_common_shift_keeps_the_larger_multiplier_full() -> None:
    """Both are nearest for the one shift."""
    (a, b), shift = common_shift([Fraction(1, 3), Fraction(1, 100)], 31, 62)
    assert 1 << 30 <= a < 1 << 31
    assert abs(Fraction(b, 1 << shift) - Fraction(1, 100)) <= Fraction(1, 1 << (shift + 1))


def test_the_integer_network_follows_the_float_network() -> None:
    """Not an exactness claim: the logits' SQNR of a random small network is above 20 dB, and 16-bit operands beat 8."""
    images = pictures(3, seed=9)

    def sqnr_db(options: CalibrationOptions, changes: dict[str, dict[str, object]]) -> float:
        plan = small_plan(options)
        program = lower_plan(plan, iot_npu(changes), {})
        judge, runner = Reference(program), FloatRunner(plan.graph)
        signal = noise = 0.0
        for image in images:
            x = runner.logits(image[None]).astype(np.float64)
            codes = judge.run(image[None]).tensors[program.output]
            signal += float((x**2).sum())
            noise += float(((x - program.tensors[program.output].dequantize(codes).ravel()) ** 2).sum())
        return 10 * float(np.log10(signal / noise))

    eight = sqnr_db(CalibrationOptions(), {})
    four = sqnr_db(CalibrationOptions(weight_bits=4), {})
    assert eight > 20
    assert four < eight


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("scheme", ["symmetric", "asymmetric"])
def test_every_choice_lowers_to_a_checked_program(granularity: str, scheme: str) -> None:
    """Granularity and scheme change constants, never soundness."""
    options = CalibrationOptions(activation_granularity=granularity, activation_scheme=scheme)  # type: ignore[arg-type]
    program = lower_plan(small_plan(options), iot_npu(), {})
    assert all(call.bound is None or call.accumulator_proved for call in program.calls)
    assert all(np.issubdtype(array.dtype, np.integer) for array in program.constants.values())


def test_lowering_twice_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """The same plan gives the same file."""
    plan = small_plan()
    save_plan(plan, tmp_path / "plan")
    lower(plan, out=tmp_path / "here")
    script = (
        "import sys; from pathlib import Path; from bittrue.workflow.lower import lower; "
        "lower(Path(sys.argv[1]), out=Path(sys.argv[2])); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "plan"), str(tmp_path / "there")], check=True)
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"mac": {"accumulator_bits": 12}}, "accumulator may overflow"),
        ({"mac": {"activation_bits_max": 6}}, "wider than the datapath's multiplier"),
        ({"mac": {"weight_bits_max": 4}}, "does not fit the datapath"),
        ({"mac": {"bias_bits": 8}}, "does not fit the datapath"),
        ({"softmax": {"row_max": 32}}, "row is longer"),
        ({"softmax": {"logit_bits_max": 6}}, "too wide for the unit"),
        ({"norm": {"variance_bits": 16}}, "variance of a row does not fit"),
        ({"norm": {"sum_of_squares_bits": 12}}, "sum of squares"),
        ({"table": {"input_bits_max": 4}}, "table is wider"),
        ({"requantization": {"shift_max": 8}}, "outside what the multiplier and shifter"),
    ],
)
def test_a_datapath_that_cannot_hold_the_plan_is_refused_with_the_step(
    changes: dict[str, dict[str, object]], said: str
) -> None:
    """Each refusal says the step and the width."""
    with pytest.raises(BittrueError, match=said) as caught:
        lower_plan(small_plan(), iot_npu(changes), {})
    assert caught.value.where


def test_overflow_is_allowed_where_the_datapath_says_what_it_does() -> None:
    """A 12-bit accumulator lowers when it wraps or saturates; the bound is recorded all the same."""
    for overflow in ("wrap", "saturate"):
        program = lower_plan(small_plan(), iot_npu({"mac": {"accumulator_bits": 12, "overflow": overflow}}), {})
        assert any(not call.accumulator_proved for call in program.calls if call.bound is not None)


def test_small_graph_has_every_part_it_is_meant_to_have() -> None:
    """The tests above mean what they say only while the small model has these kinds."""
    kinds = {node.kind for node in small_graph().nodes}
    assert {"conv2d", "linear", "matmul", "softmax", "layer_norm", "function", "add", "mean", "slice"} <= kinds
