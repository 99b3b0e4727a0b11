"""layer_norm and group_norm of the fast machine against the plain kernels: every kind and corner; refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bound_steps import runs_as_plain
from norm_units import SECTIONS, extreme_rows
from op_cases import group_norm_case, layer_norm_case
from op_kinds import NORMS, fq_vit_channels_case, with_section
from op_parts import Case, tensor

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift
from bittrue.simulator.plan.norm import bind_norm
from bittrue.simulator.plan.norm.mantissa import mantissas
from bittrue.simulator.plan.norm.statistics import floor_root
from bittrue.simulator.plan.rounding import rounded, rounding_masks, rounding_terms
from bittrue.simulator.plan.view import View
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.ops import GroupNorm
from bittrue.spec.units.section import Width

FAST = {name: path for name, path in NORMS.items() if "saturate" not in name and name != "exact pre-shift"}
RULES = {
    f"{kind} {rule}": with_section("norm", SECTIONS[kind], rounding=str(rule))
    for kind in ("exact", "rsqrt_table", "ibert", "fq_vit")
    for rule in Rounding
    if rule is not Rounding.TOSA_DOUBLE
}


def image(case: Case) -> list[View]:
    """An image whose channels lie innermost."""
    return [View.dense(case.call.inputs[0].shape, (0, 2, 3, 1))]


@pytest.mark.parametrize("path", [*FAST.values(), *RULES.values()], ids=[*FAST, *RULES])
def test_every_kind(path: Datapath) -> None:
    """Rows of 1 to 160 channels, a shift a channel, and images of one group."""
    for seed, channels in enumerate((1, 2, 6, 17, 64, 160)):
        rng = np.random.default_rng(seed)
        assert runs_as_plain(layer_norm_case(rng, path, rows=(1, 19), channels=channels, bits=8 - seed % 4), bind_norm)
        case = group_norm_case(rng, path, shape=(1, 2 + 3 * seed, 3, 5), groups=1)
        assert runs_as_plain(case, bind_norm, views=image(case))


@pytest.mark.parametrize("name", [name for name in FAST if not name.startswith("fq_vit")])
def test_rows_of_words(name: str) -> None:
    """Codes of 9 to 16 bits, at their ends and between, as rows and as an image; units that can hold them."""
    taken = 0
    for seed, (bits, channels) in enumerate(((16, 64), (16, 1), (12, 17), (9, 96))):
        rng = np.random.default_rng(seed)
        try:
            cases = (
                layer_norm_case(rng, FAST[name], rows=(1, 11), channels=channels, bits=bits),
                group_norm_case(rng, FAST[name], shape=(1, channels, 2, 3), groups=1, bits=bits),
            )
        except IllFormed:  # its registers are for bytes
            continue
        taken += runs_as_plain(cases[0], bind_norm)
        taken += runs_as_plain(cases[1], bind_norm, views=image(cases[1]))
    assert taken > 0


@pytest.mark.parametrize("path", FAST.values(), ids=FAST)
def test_extreme_rows(path: Datapath) -> None:
    """Constant rows, one code beside all others, half of the codes at either end."""
    for channels in (1, 16, 96):
        codes = extreme_rows(Width(8, True), channels).astype(np.int8)
        case = layer_norm_case(np.random.default_rng(channels), path, rows=(len(codes),), channels=channels)
        assert runs_as_plain(Case(case.call, (codes,)), bind_norm)
    for code in (-128, 0, 127):
        case = group_norm_case(np.random.default_rng(5), path, shape=(1, 8, 4, 3), groups=1)
        constant = Case(case.call, (np.full((1, 8, 4, 3), code, np.int8),))
        assert runs_as_plain(constant, bind_norm, views=image(case))


def test_zero_points_a_channel() -> None:
    """FQ-ViT's codes may have a zero point a channel; other kinds have none to subtract."""
    for seed in range(4):
        assert runs_as_plain(fq_vit_channels_case(np.random.default_rng(seed), NORMS["fq_vit"], groups=None), bind_norm)
        case = fq_vit_channels_case(np.random.default_rng(seed), NORMS["fq_vit"], groups=1)
        assert runs_as_plain(case, bind_norm, views=image(case))


@pytest.mark.parametrize("name", [name for name in NORMS if "saturate" in name])
def test_saturating_registers_are_refused(name: str) -> None:
    """Their sums depend on the order of additions."""
    assert not runs_as_plain(layer_norm_case(np.random.default_rng(0), NORMS[name]), bind_norm)


def refused(case: Case, views: list[View] | None = None) -> bool:
    """Whether the step is left to the plain kernel."""
    return not runs_as_plain(case, bind_norm, views=views)


def test_other_layouts_are_refused() -> None:
    """Several groups, channels that do not lie side by side, and mantissas of words."""
    path = NORMS["exact"]
    case = group_norm_case(np.random.default_rng(0), path, groups=2)
    assert refused(case, image(case))
    whole = group_norm_case(np.random.default_rng(0), path, groups=1)
    assert refused(whole)
    assert refused(layer_norm_case(np.random.default_rng(0), NORMS["fq_vit"], bits=9))


def test_other_outputs_are_refused() -> None:
    """A zero point a channel, and codes of more than 8 bits."""
    case = layer_norm_case(np.random.default_rng(0), NORMS["exact"])
    shape = case.call.output.shape
    points = tensor("y", shape, zero_point=range(6), axis=len(shape) - 1)
    assert refused(Case(replace(case.call, output=points), case.operands))
    assert refused(Case(replace(case.call, output=tensor("y", shape, bits=12)), case.operands))


def test_shifts_in_front_of_the_statistics_are_refused() -> None:
    """A pre-shift of the exact kinds and a variance shift of I-BERT's."""
    narrow = with_section("norm", SECTIONS["exact"], pre_shift_max=6, variance_bits=20)
    case = layer_norm_case(np.random.default_rng(0), narrow, channels=64)
    assert int(case.call.constants["pre_shift"][0]) > 0
    assert refused(case)
    shifted = with_section("norm", SECTIONS["ibert"], sum_of_squares_bits=16)
    case = layer_norm_case(np.random.default_rng(0), shifted, channels=64)
    assert int(case.call.constants["variance_shift"][0]) > 0
    assert refused(case)


def test_tosa_double() -> None:
    """A rule that depends on the shift: one shift for all channels is taken, several are refused, and FQ-ViT's form."""
    path = with_section("norm", SECTIONS["exact"], rounding="tosa_double", fraction_bits=30)
    case = layer_norm_case(np.random.default_rng(1), path, rows=(40,), channels=24)
    shifts = case.call.constants["shift"]
    assert len(set(shifts.tolist())) > 1
    assert refused(case)
    call = replace(case.call, constants={**case.call.constants, "shift": shifts[:1]})
    assert int(shifts[0]) > 31
    assert not refused(Case(call, case.operands))
    assert refused(
        layer_norm_case(np.random.default_rng(1), with_section("norm", SECTIONS["fq_vit"], rounding="tosa_double"))
    )


def test_wide_products_are_refused() -> None:
    """Shifts of the channels so far apart that the common one needs more than 63 bits; sums times gamma past 2**52."""
    case = layer_norm_case(np.random.default_rng(2), NORMS["exact"], channels=4, rows=(30,))
    taken = []
    for apart in range(0, 44, 2):
        constants = {**case.call.constants, "shift": np.array([18, 18 + apart, 18, 18]), "bias": np.zeros(4, np.int64)}
        call = replace(case.call, constants=constants)
        call.op.check(call)
        taken.append(not refused(Case(call, case.operands)))
    assert taken == sorted(taken, reverse=True)
    assert 3 < sum(taken) < 20
    wide = with_section("norm", SECTIONS["fq_vit"], multiplier_bits=31, variance_bits=48)
    drawn = layer_norm_case(np.random.default_rng(2), wide, rows=(2,), channels=4096)
    source = replace(drawn.call.inputs[0], zero_point=(-128,))
    for gamma, fits in (((1 << 31) - 1, False), ((1 << 29) - 1, True)):
        constants = {**drawn.call.constants, "gamma": np.full(4096, gamma), "factor": np.array([3])}
        found = {**constants, "code_zero_point": np.array([-128])}
        constants["root_shift"] = np.array([wide.norm.root_shift(Width(8, True), 4096, found)])
        call = replace(drawn.call, inputs=(source,), constants=constants)
        call.op.check(call)
        assert refused(Case(call, drawn.operands)) != fits


def test_an_image_of_another_place() -> None:
    """A group norm reads the part of an image that a slice left, and writes its own."""
    case = group_norm_case(np.random.default_rng(3), NORMS["exact"], shape=(1, 6, 4, 5), groups=1)
    part = View(7, (((1, 1),), ((6, 1),), ((4, 100),), ((5, 20),)))
    assert isinstance(case.call.op, GroupNorm)
    assert runs_as_plain(case, bind_norm, views=[part])


@pytest.mark.parametrize("rule", Rounding)
def test_ties(rule: Rounding) -> None:
    """The row 3, -1, -2, 0 with an epsilon that makes the variance 4**7: normalized is 1.5, -0.5, -1 and 0."""
    path = with_section("norm", SECTIONS["exact"], fraction_bits=4, rounding=str(rule))
    case = layer_norm_case(np.random.default_rng(0), path, rows=(1,), channels=4)
    epsilon = 4**7 - 4 * 14
    shifts = path.norm.root_shift_and_reciprocal_bits(Width(8, True), 4, epsilon)
    constants = {
        "epsilon": epsilon, "pre_shift": 0, "root_shift": shifts[0], "reciprocal_bits": shifts[1],
        "multiplier": 2, "bias": 0, "shift": 1,
    }  # fmt: skip
    output = tensor("y", (1, 4))
    call = replace(case.call, output=output, constants={name: np.array([value]) for name, value in constants.items()})
    call.op.check(call)
    assert runs_as_plain(Case(call, (np.array([[3, -1, -2, 0]], np.int8),)), bind_norm)


@pytest.mark.parametrize(
    ("total", "gamma", "root", "below"),
    [
        (121413, 2122889972, 1208596798, 56),
        (107403, 1393253587, 1231588797, 18),
        (97835, 1734722049, 1633097694, 6),
        (-107403, 1393253587, 1231588797, None),
    ],
)
def test_quotients_that_float64_rounds_up(total: int, gamma: int, root: int, below: int | None) -> None:
    """A dividend just below a multiple of the root gives the floor, and so does a negative one."""
    root_shift = 12
    product = total * gamma << root_shift
    assert below is None or -product % root == below
    assert below is None or math.floor(product / root) == product // root + 1
    variance = -(-root * root >> 2 * root_shift)
    lines = [np.array([value], np.int64) for value in (gamma, 0, gamma, gamma << 62 - gamma.bit_length())]
    forms = np.zeros((3, 1), np.int64)
    mantissas(
        1, total, variance + total * total, np.zeros(2, np.int64), *lines, np.array([gamma.bit_length()], np.int64),
        root_shift, 0, 8, 31, ROUNDING_CODES[Rounding.FLOOR], forms,
    )  # fmt: skip
    assert forms[:, 0].tolist() == [min(gamma * 2**root_shift // root, 255), 0, -(product // root)]


def test_floor_root() -> None:
    """Around squares, up to the largest operand: the float root is off by one there."""
    for root in (1, 2, 3, 1000, (1 << 26) + 1, 94906267, (1 << 30) + 12345, (1 << 31) - 1):
        for value in (root * root - 1, root * root, root * root + 1):
            assert floor_root(value) == (root if value >= root * root else root - 1)
    assert floor_root(0) == 0
    assert floor_root((1 << 62) - 1) == (1 << 31) - 1


@pytest.mark.parametrize("rule", Rounding)
def test_rounding_by_terms(rule: Rounding) -> None:
    """round_shift as additions, at ties, at both signs and at TOSA's shifts."""
    code = ROUNDING_CODES[rule]
    for shift in (1, 2, 5, 31, 32, 40, 60):
        half = 1 << (shift - 1)
        values = {step * half + side for step in range(-9, 10) for side in (-1, 0, 1)} | {0, 1 << 30, -(1 << 30)}
        always, negative, odd = rounding_terms(code, shift)
        for value in sorted(values):
            if abs(value) >= 1 << 61:
                continue
            below = negative if value < 0 else 0
            assert (value + always + below + ((value >> shift) & odd)) >> shift == round_shift(value, shift, code)


@pytest.mark.parametrize("rule", [rule for rule in Rounding if rule is not Rounding.TOSA_DOUBLE])
def test_rounding_by_masks(rule: Rounding) -> None:
    """round_shift with a shift a lane, and a shift of 0."""
    masks = rounding_masks(ROUNDING_CODES[rule])
    for value in (*range(-40, 41), (1 << 50) + 3, -(1 << 50) - 3, (1 << 50) + 4, -(1 << 50) - 4):
        assert rounded(value, 0, *masks) == value
        for shift in (1, 2, 3, 31, 49):
            assert rounded(value, shift, *masks) == round_shift(value, shift, ROUNDING_CODES[rule])
