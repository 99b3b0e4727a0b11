"""The judge's multiply-accumulate unit against Python integers, by hand, and by brute force over orders."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from op_datapaths import datapath
from plain_integers import expected
from plain_units import finished_sum, leaving, register_code, row_tiles, taps
from tiny_programs import UNIT, checked_call, tensor

from bittrue.golden import accumulator
from bittrue.golden.accumulator import accumulate_addends, at_once, multiply_accumulate
from bittrue.golden.ops import JUDGES
from bittrue.golden.ops.conv2d import reduction
from bittrue.golden.units import accumulate as accumulate_unit
from bittrue.golden.units import mac as mac_unit
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.units.mac import Mac

OVERFLOWS = ("exact", "wrap", "saturate", "saturate_at_end", "refuse")
ORDERS = [
    *permutations(("ky", "kx", "c")),
    *((*outer, "c") for outer in permutations(("c_tile", "ky", "kx"))),
]
"""Every order that a datapath can name."""


def int64(values: object) -> torch.Tensor:
    """Integers as an int64 tensor."""
    return torch.tensor(values, dtype=torch.int64)


def mac(**fields: object) -> Mac:
    """A MAC; what is not named is 8 by 8 bits into an exact register, ky-kx-c, the bias first."""
    usual: dict[str, object] = {
        "activation_bits_max": 8,
        "weight_bits_max": 8,
        "probability_bits_max": 16,
        "accumulator_bits": 32,
        "overflow": "exact",
        "order": ("ky", "kx", "c"),
        "bias": "first",
        "bias_bits": 32,
    }
    return Mac.model_validate({**usual, **fields})


@st.composite
def macs(draw: st.DrawFn, *, overflows: tuple[str, ...] = OVERFLOWS) -> Mac:
    """Any MAC: every field varies."""
    k_tile = draw(st.integers(0, 9))
    inner = st.none() | st.integers(8, 48) if k_tile else st.none()
    orders = [order for order in ORDERS if k_tile or "c_tile" not in order]
    products = draw(st.sampled_from(["signed", "signed", "unsigned"]))
    return mac(
        activation_bits_max=16,
        weight_bits_max=draw(st.integers(2, 16)),
        products=products,
        zero_point="folded" if products == "unsigned" else draw(st.sampled_from(["folded", "subtracted"])),
        accumulator_bits=draw(st.integers(8, 48)),
        overflow=draw(st.sampled_from(overflows)),
        order=draw(st.sampled_from(orders)),
        bias=draw(st.sampled_from(["first", "last"])),
        bias_bits=48,
        k_tile=k_tile,
        adder_bits=draw(inner),
        adder_overflow=draw(st.sampled_from(["wrap", "saturate"])),
        spill_bits=draw(inner),
        spill_overflow=draw(st.sampled_from(["wrap", "saturate"])),
        output_bits=draw(st.none() | st.integers(8, 48)),
        output_rounding=draw(st.sampled_from(tuple(Rounding))),
    )


def walked(unit: Mac, rows: list[list[int]] | list[tuple[int, ...]], bias: int) -> list[int]:
    """The register behind rows of products: codes times weights of 1."""
    ones = torch.ones(len(rows[0]), 1, dtype=torch.int64)
    found = multiply_accumulate(unit, int64(rows), ones, int64([bias]))["register"].reshape(-1).tolist()
    assert isinstance(found, list)
    return found


def around(rng: Generator, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Integers of about `bits` bits, a third of them at the ends."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = rng.integers(low, high, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.33, rng.choice([low, high], shape), values)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(macs(), st.integers(1, 20), st.integers(-3, 3), st.integers(0, 2**32 - 1))
def test_any_accumulator(unit: Mac, count: int, closeness: int, seed: int) -> None:
    """Addends, each the sum of a tile, as wide as the narrowest register, give or take: the sum and what leaves."""
    rng, rows = np.random.default_rng(seed), 6
    bits = int(np.clip(unit.register_bits + closeness, 4, 50))
    addends = around(rng, bits, (rows, count))
    bias, initial = around(rng, bits, (rows,)), around(rng, bits, (rows,))
    pre_shift = rng.integers(0, bits + 2, rows) if rng.integers(2) else np.zeros(rows, np.int64)
    arrays = {"addends": addends, "bias": bias, "initial": initial, "pre_shift": pre_shift}
    for leave_out in ((), ("initial", "pre_shift"), ("bias",)):
        given = {name: torch.from_numpy(array) for name, array in arrays.items() if name not in leave_out}
        rest = {name: 0 * array if name in leave_out else array for name, array in arrays.items()}
        found = accumulate_addends(unit, **given)
        assert list(found) == ["register", "output"]
        for row in range(rows):
            tiles = [[addend] for addend in addends[row].tolist()]
            wanted = finished_sum(
                unit.model_copy(update={"adder_bits": None}), tiles, int(rest["bias"][row]), int(rest["initial"][row])
            )
            assert found["register"][row].item() == wanted, unit
            assert found["output"][row].item() == leaving(unit, wanted, int(rest["pre_shift"][row])), unit


@settings(max_examples=200, deadline=None, derandomize=True)
@given(macs(), st.integers(1, 12), st.integers(2, 16), st.integers(0, 2**32 - 1))
def test_any_matrix_product(unit: Mac, k: int, bits: int, seed: int) -> None:
    """Operands of 2 to 16 bits, zero points, signed and unsigned registers."""
    rng = np.random.default_rng(seed)
    weight_bits = int(rng.integers(2, 17))
    a, b = around(rng, bits, (3, k)), around(rng, weight_bits, (k, 4))
    bias = around(rng, unit.register_bits - 2, (4,))
    signed = unit.products == "signed"
    points = (around(rng, bits, (k,)), around(rng, weight_bits, (1, 4))) if signed else (np.zeros(1, np.int64),) * 2
    found = multiply_accumulate(
        unit,
        *(torch.from_numpy(array) for array in (a, b, bias)),
        activation_zero_point=torch.from_numpy(points[0]),
        weight_zero_point=torch.from_numpy(points[1]),
        activation_bits=bits,
        weight_bits=weight_bits,
    )
    a, b = a - points[0], b - points[1]
    for m, n in np.ndindex(3, 4):
        products = [
            register_code(unit, int(x), bits) * register_code(unit, int(y), weight_bits)
            for x, y in zip(a[m], b[:, n], strict=True)
        ]
        wanted = finished_sum(unit, row_tiles(unit, products), int(bias[n]))
        assert found["register"][m, n].item() == wanted, unit
        assert found["output"][m, n].item() == leaving(unit, wanted), unit


def convolution(unit: Mac, rng: Generator, padding: tuple[int, int]) -> tuple[Call, np.ndarray]:
    """A convolution of 2 images' worth of shapes: 5 channels (7 in 1 group), stride 2 or 1, u8 or s8 codes."""
    bits, signed = int(rng.integers(2, 9)), bool(rng.integers(2))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    groups = int(rng.choice([1, 2]))
    source = tensor("x", (1, 5 * groups, 4, 3), bits=bits, signed=signed, zero_point=int(rng.integers(low, high + 1)))
    op = Conv2d(2 * groups, (2, 3), (2, 1), padding, groups)
    weight = around(rng, unit.weight_bits_max, (2 * groups, 5, 2, 3))
    bias = around(rng, min(unit.register_bits, 20), (2 * groups,))
    output = tensor("y", op.output_shape([source.shape]), zero_point=1)
    constants = {"weight": weight, "bias": bias, "multiplier": np.array([255]), "shift": np.array([8])}
    path = datapath({"requantization.multiplier_bits": 8})
    path = path.model_copy(update={"mac": unit})
    return checked_call(op, [source], output, constants, path), rng.integers(low, high + 1, source.shape)


def judged(call: Call, *operands: np.ndarray) -> dict[str, np.ndarray]:
    """Stages and output of the judge."""
    stages: dict[str, torch.Tensor] = {}
    output = JUDGES[call.op.name](call, [torch.from_numpy(codes) for codes in operands], stages)
    return {name: value.numpy() for name, value in {**stages, "output": output}.items()}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    macs(overflows=("exact", "wrap", "saturate", "saturate_at_end")),
    st.sampled_from([(0, 0), (1, 1)]),
    st.integers(0, 2**32 - 1),
)
def test_any_convolution(unit: Mac, padding: tuple[int, int], seed: int) -> None:
    """Orders, tiles, blocks of channels, padding and zero points: every stage of a small convolution."""
    call, codes = convolution(unit, np.random.default_rng(seed), padding)
    found, wanted = judged(call, codes), expected(call, [codes])
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=f"{name} of {unit}")


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("k_tile", [1, 2, 3, 5, 8])
def test_the_walk_of_a_convolution(order: tuple[str, ...], k_tile: int) -> None:
    """Places and tiles are those of the plain statement, for blocks that divide the channels and that do not."""
    unit, kernel = mac(order=order, k_tile=k_tile), (2, 3)
    places, tiles = reduction(unit, 5, kernel)
    wanted = taps(unit, 5, kernel)
    flat = [(at["c"] * 2 + at["ky"]) * 3 + at["kx"] for tile in wanted for at in tile]
    assert places.tolist() == flat
    assert sorted(flat) == list(range(30))
    assert tiles == ([len(tile) for tile in wanted] if "c_tile" in order else None)


def test_the_walk_by_hand() -> None:
    """3 channels in blocks of 2 and a kernel of 1 by 2: c_tile outermost, then kx; places are 2 * c + kx."""
    outside, tiles = reduction(mac(order=("c_tile", "ky", "kx", "c"), k_tile=2), 3, (1, 2))
    assert (outside.tolist(), tiles) == ([0, 2, 1, 3, 4, 5], [2, 2, 1, 1])
    inside, tiles = reduction(mac(order=("ky", "kx", "c_tile", "c"), k_tile=2), 3, (1, 2))
    assert (inside.tolist(), tiles) == ([0, 2, 4, 1, 3, 5], [2, 1, 2, 1])


BY_HAND = {
    # 100 + 100 - 90, bias 20, in 8 bits
    "exact": ({"overflow": "exact"}, 130),
    "refuse": ({"overflow": "refuse"}, 130),
    "wrap": ({"overflow": "wrap"}, 130 - 256),
    "saturate: 120, 127, 37": ({"overflow": "saturate"}, 37),
    "saturate, bias last: 100, 127, 37, 57": ({"overflow": "saturate", "bias": "last"}, 57),
    "saturate at end": ({"overflow": "saturate_at_end"}, 127),
    "saturate, tiles of 2: 20 + 200 is 127, - 90": ({"overflow": "saturate", "k_tile": 2}, 37),
    "saturate, one tile: 20 + 110": ({"overflow": "saturate", "k_tile": 3}, 127),
    "saturating adder of 8 bits: 127; 20 + 127 - 90": (
        {"overflow": "exact", "k_tile": 2, "adder_bits": 8, "adder_overflow": "saturate"},
        57,
    ),
    "wrapping adder of 8 bits: -56; 20 - 56 - 90": ({"overflow": "exact", "k_tile": 2, "adder_bits": 8}, -126),
    "wrapping spill of 8 bits: 220 is -36, - 90": ({"overflow": "exact", "k_tile": 2, "spill_bits": 8}, -126),
    "saturating spill: 220 is 127, - 90": (
        {"overflow": "exact", "k_tile": 2, "spill_bits": 8, "spill_overflow": "saturate"},
        37,
    ),
    "one tile spills nothing": ({"overflow": "exact", "k_tile": 3, "spill_bits": 8}, 130),
}


@pytest.mark.parametrize(("fields", "wanted"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(fields: dict[str, object], wanted: int) -> None:
    """Each rule on the same three addends."""
    unit = mac(accumulator_bits=8, **fields)
    assert walked(unit, [[100, 100, -90]], 20) == [wanted]


def test_a_bias_is_not_spilled_by_hand() -> None:
    """The bias stays whole before the first tile and behind the last: 300 - 100 and -100 + 300 are 200."""
    for place in ("first", "last"):
        unit = mac(bias=place, k_tile=2, spill_bits=8)
        assert walked(unit, [[-50, -50]], 300) == [200]


def test_addends_are_sums_of_tiles() -> None:
    """The accumulator alone has no adder in front of it, and its register is spilled between any two addends.

    120 + 100 = 220 in an exact register, spilled to 8 bits: -36; + 5 = -31. The MAC adds tiles of 3: 225.
    """
    unit = mac(k_tile=3, adder_bits=8, adder_overflow="saturate", spill_bits=8)
    assert accumulate_addends(unit, int64([[120, 100, 5]]))["register"].tolist() == [-31]
    assert walked(mac(k_tile=3, spill_bits=8), [[120, 100, 5]], 0) == [225]
    assert walked(unit, [[120, 100, 5]], 0) == [127]


def test_leaving_by_hand() -> None:
    """NVDLA's CACC: 1005 >> 1 rounds 502.5 away to 503; 8 bits hold 127. A shift of 0 rounds nothing."""
    addends, pre_shift = int64([[1000, 5], [-1000, -5], [100, 1], [100, 1]]), int64([1, 1, 1, 0])
    found = accumulate_addends(mac(output_bits=16), addends, pre_shift=pre_shift)
    assert found["register"].tolist() == [1005, -1005, 101, 101]
    assert found["output"].tolist() == [503, -503, 51, 101]
    narrow = accumulate_addends(mac(output_bits=8), addends, pre_shift=pre_shift)
    assert narrow["output"].tolist() == [127, -128, 51, 101]


def test_a_sum_that_was_begun_elsewhere() -> None:
    """Two halves through `initial` equal the whole, saturation included: 100, 127, then 37, 127."""
    unit = mac(accumulator_bits=8, overflow="saturate")
    first = accumulate_addends(unit, int64([[100, 100]]))["register"]
    second = accumulate_addends(unit, int64([[-90, 100]]), initial=first)["register"]
    assert second.tolist() == accumulate_addends(unit, int64([[100, 100, -90, 100]]))["register"].tolist() == [127]


def test_unsigned_products_by_hand() -> None:
    """-1 in 8 bits multiplies as 255: 255 * 255 - 255 * 2 of codes (-1, 2) and (-1, -1), in 4 bits 15 * 15 + 2 * 15."""
    arrays = {"activations": int64([[-1, 2]]), "weights": int64([[-1], [-1]])}
    path = datapath({"mac.products": "unsigned"})
    assert mac_unit.run(path, arrays)["output"].tolist() == [[255 * 255 + 2 * 255]]
    narrow = {**arrays, "activation_bits": int64([4]), "weight_bits": int64([4])}
    assert mac_unit.run(path, narrow)["output"].tolist() == [[15 * 15 + 2 * 15]]
    assert mac_unit.run(datapath(), arrays)["output"].tolist() == [[1 - 2]]


def test_the_units_read_their_arrays() -> None:
    """Names as documented; what is absent is 0; one value stands for all."""
    path = datapath({"mac.output_bits": 8})
    found = mac_unit.run(
        path,
        {
            "activations": int64([[10, 20], [1, 2]]),
            "weights": int64([[3, -4], [5, 6]]),
            "bias": int64([7, 8]),
            "activation_zero_point": int64([1]),
            "weight_zero_point": int64([[2, 0]]),
        },
    )  # (9, 19) times (1, 3), (-4, 6), and (0, 1) times the same
    assert found["register"].tolist() == [[9 + 57 + 7, -36 + 114 + 8], [3 + 7, 6 + 8]]
    summed = accumulate_unit.run(path, {"addends": int64([[200, 1], [3, 4]]), "bias": int64([1])})
    assert summed["register"].tolist() == [202, 8]
    assert summed["output"].tolist() == [127, 8]


@pytest.mark.parametrize("bias", ["first", "last"])
@pytest.mark.parametrize("overflow", ["wrap", "saturate", "saturate_at_end", "exact"])
def test_brute_force_over_orders(overflow: str, bias: str) -> None:
    """All 720 orders of six addends in 8 bits: each equals the plain sum, and only saturation depends on the order."""
    unit = mac(accumulator_bits=8, overflow=overflow, bias=bias)
    rows = list(permutations((120, 90, -100, -77, 64, -128)))
    found = accumulate_addends(unit, int64(rows), int64([55]))["register"].tolist()
    assert found == [finished_sum(unit, [[addend] for addend in row], 55) for row in rows]
    assert (len(set(found)) > 20) == (overflow == "saturate")
    assert at_once(unit) == (overflow != "saturate")


@pytest.mark.parametrize("tile_length", [1, 2, 3, 4])
@pytest.mark.parametrize("adder", ["wrap", "saturate"])
@pytest.mark.parametrize("overflow", ["exact", "wrap", "saturate", "saturate_at_end"])
def test_brute_force_over_tiles(overflow: str, adder: str, tile_length: int) -> None:
    """All 625 rows of four addends of -100, -30, 0, 60, 127, the adder of 8 bits and the register of 9."""
    fields = {"adder_bits": 8, "adder_overflow": adder, "spill_bits": 8, "spill_overflow": adder}
    unit = mac(accumulator_bits=9, overflow=overflow, k_tile=tile_length, bias="last", **fields)
    rows = list(product((-100, -30, 0, 60, 127), repeat=4))
    assert walked(unit, rows, 33) == [finished_sum(unit, row_tiles(unit, row), 33) for row in rows]


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("bits", [8, 12, 13])
@pytest.mark.parametrize("inner", [None, ("wrap", 12), ("wrap", 13), ("saturate", 14), ("wrap", 11)])
def test_what_may_be_summed_at_once(overflow: str, bits: int, inner: tuple[str, int] | None) -> None:
    """Where the judge takes a shortcut, no order and no tile changes the sum, and it is the exact one held once."""
    fields = {} if inner is None else {"adder_bits": inner[1], "adder_overflow": inner[0]}
    unit = mac(accumulator_bits=bits, overflow=overflow, k_tile=2, **fields)
    addends = around(np.random.default_rng(3), 14, (400, 6))
    sums = [finished_sum(unit, row_tiles(unit, row), 9) for row in addends.tolist()]
    backwards = [finished_sum(unit, row_tiles(unit, row[::-1]), 9) for row in addends.tolist()]
    exact = mac(accumulator_bits=bits, overflow=overflow)
    plain = [finished_sum(exact, [[sum(row)]], 9) for row in addends.tolist()]
    if at_once(unit):
        assert overflow != "saturate"
        assert sums == backwards == plain
    else:
        assert sums != plain
    assert walked(unit, addends.tolist(), 9) == sums


def test_every_order_of_a_saturating_convolution() -> None:
    """The twelve orders in blocks of 3 of 4 channels, the bias first and last, give 24 different sums."""
    rng, seen = np.random.default_rng(8), set()
    source, weight = tensor("x", (1, 4, 5, 5)), around(rng, 8, (2, 4, 3, 3))
    constants = {"weight": weight, "bias": np.array([900, -900]), **UNIT}
    codes, op = around(rng, 8, source.shape), Conv2d(2, (3, 3))
    for order, bias in product(ORDERS, ("first", "last")):
        changes = {"mac.accumulator_bits": 14, "mac.overflow": "saturate", "mac.order": order, "mac.bias": bias}
        path = datapath({**changes, "mac.k_tile": 3})
        call = checked_call(op, [source], tensor("y", (1, 2, 3, 3)), constants, path)
        found = judged(call, codes)["accumulator"]
        np.testing.assert_array_equal(found, expected(call, [codes])["accumulator"])
        seen.add(found.tobytes())
    assert len(seen) == 24


def test_padding_by_hand() -> None:
    """One pixel of code 10, zero point -7, under a 3x3 kernel of ones.

    Folded: 8 * -7 + 10 = -46. Subtracted: 10 + 7 = 17 and eight zeros. Unsigned: 8 * 249 + 10 = 2002.
    """
    results = {}
    for name, field in (("folded", {}), ("subtracted", {"mac.zero_point": "subtracted"}), ("unsigned", UNSIGNED)):
        constants = {"weight": np.ones((1, 1, 3, 3), np.int64), "bias": np.array([0]), **UNIT}
        source = tensor("x", (1, 1, 1, 1), zero_point=-7)
        output = tensor("y", (1, 1, 1, 1))
        call = checked_call(Conv2d(1, (3, 3), padding=(1, 1)), [source], output, constants, datapath(field))
        results[name] = judged(call, np.array([[[[10]]]]))["accumulator"].item()
    assert results == {"folded": -46, "subtracted": 17, "unsigned": 2002}


UNSIGNED = {"mac.products": "unsigned"}


def test_unsigned_linear_and_matmul_by_hand() -> None:
    """Codes (-1, 3) and weights (-2, 1) read as 255 * 254 + 3; a 4-bit code -1 reads as 15."""
    constants = {"weight": np.array([[-2, 1]]), "bias": np.array([0]), **UNIT}
    call = checked_call(Linear(1), [tensor("x", (1, 2))], tensor("y", (1, 1)), constants, datapath(UNSIGNED))
    assert judged(call, np.array([[-1, 3]]))["accumulator"].item() == 255 * 254 + 3
    pair = [tensor("a", (1, 2), bits=4), tensor("b", (2, 1))]
    call = checked_call(MatMul(), pair, tensor("y", (1, 1)), UNIT, datapath(UNSIGNED))
    assert judged(call, np.array([[-1, 3]]), np.array([[-2], [1]]))["accumulator"].item() == 15 * 254 + 3


def test_both_ways_to_multiply_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles summed in int64 equal those summed in float64."""
    rng = np.random.default_rng(2)
    unit = mac(accumulator_bits=20, overflow="saturate", k_tile=4, adder_bits=18)
    a, b = torch.from_numpy(around(rng, 10, (5, 30))), torch.from_numpy(around(rng, 10, (30, 3)))
    by_float = multiply_accumulate(unit, a, b)["register"]
    monkeypatch.setattr(accumulator, "EXACT_IN_FLOAT64", 0)
    assert torch.equal(multiply_accumulate(unit, a, b)["register"], by_float)


def test_sums_beyond_float64_are_exact() -> None:
    """2**53 + 1, which no float64 holds, in an exact and in a wrapping register of 48 bits."""
    addends = int64([[1 << 53, 1], [(1 << 60) + 1, (1 << 60) + 1]])
    assert accumulate_addends(mac(), addends)["register"].tolist() == [(1 << 53) + 1, (1 << 61) + 2]
    wrapping = mac(accumulator_bits=48, overflow="wrap")
    assert accumulate_addends(wrapping, addends)["register"].tolist() == [1, 2]


def test_sums_past_63_bits_are_refused() -> None:
    """The unit alone says so instead of wrapping in silence."""
    with pytest.raises(OutOfDomain, match="63 bits"):
        accumulate_addends(mac(), int64([[1 << 61, 1 << 61, 1 << 61]]))
