"""The width claims of spec/normalization.py, on the rows that stretch them most."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_parts import tensor

from bittrue.spec.errors import IllFormed
from bittrue.spec.normalization import root_shift_and_reciprocal_bits, variance_max

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


def worst_rows(low: int, high: int, n: int) -> list[list[int]]:
    """One outlier at either end, two halves, the smallest unevenness, and no unevenness at all."""
    return [
        [high] + [low] * (n - 1),
        [low] + [high] * (n - 1),
        [low] * (n // 2) + [high] * (n - n // 2),
        [low + 1] + [low] * (n - 1),
        [high] * n,
    ]


@EXAMPLES
@given(st.integers(1, 700), st.integers(2, 16), st.booleans(), st.integers(1, 1 << 20), st.sampled_from([40, 50, 62]))
def test_widths(n: int, bits: int, signed: bool, epsilon: int, variance_bits: int) -> None:
    """V << 2k stays below 2**variance_bits, (n*q - S1) * r below 2**62, u below its bound for 8..24 fraction bits."""
    spec = tensor("x", (n,), bits=bits, signed=signed)
    if variance_max(spec, n, epsilon).bit_length() > variance_bits:
        with pytest.raises(IllFormed, match="does not fit the norm unit"):
            root_shift_and_reciprocal_bits(spec, n, epsilon, variance_bits)
        return
    k, p = root_shift_and_reciprocal_bits(spec, n, epsilon, variance_bits)
    assert k >= 0
    assert p <= 62
    assert p - k - 24 >= 1
    for row in worst_rows(*spec.code_range, n):
        total = sum(row)
        variance = n * sum(q * q for q in row) - total * total + epsilon
        assert variance <= variance_max(spec, n, epsilon)
        assert variance << 2 * k < 1 << variance_bits
        reciprocal = (1 << p) // math.isqrt(variance << 2 * k)
        reach = max(abs(n * q - total) for q in row)
        assert reach**2 <= (n - 1) * variance
        assert reach * reciprocal < 1 << 62
        for fraction_bits in (8, 16, 24):
            normalized = (reach * reciprocal >> p - k - fraction_bits) + 1
            assert normalized <= (2 * (math.isqrt(n - 1) + 1) << fraction_bits) + 1


@pytest.mark.parametrize(
    ("n", "bits", "epsilon"), [(2, 8, 1), (144, 8, 1), (6, 4, 100), (640, 16, 1), (64 * 256, 8, 1)]
)
def test_the_root_shift_is_the_largest(n: int, bits: int, epsilon: int) -> None:
    """One more would let the largest variance out of its register."""
    spec = tensor("x", (n,), bits=bits)
    k, _ = root_shift_and_reciprocal_bits(spec, n, epsilon, 62)
    assert variance_max(spec, n, epsilon) << 2 * k < 1 << 62 <= variance_max(spec, n, epsilon) << 2 * (k + 1)


def test_by_hand() -> None:
    """N = 144 codes of 8 bits: the largest V is 144*144/4 * 255*255 + 1 = 337089601, 29 bits; k = (62 - 29) // 2 = 16.

    sqrt(143) < 12 has 4 bits, growth 5; p = min(62, 62 + 16 - 5) = 62.
    """
    spec = tensor("x", (144,))
    assert variance_max(spec, 144, 1) == 337089601
    assert root_shift_and_reciprocal_bits(spec, 144, 1, 62) == (16, 62)
    assert root_shift_and_reciprocal_bits(spec, 144, 1, 29) == (0, 57)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
def test_variance_max_is_reached(n: int) -> None:
    """Half of the codes at either end: exactly for even n, and never more for odd n."""
    spec = tensor("x", (n,), bits=4)
    row = worst_rows(-8, 7, n)[2]
    variance = n * sum(q * q for q in row) - sum(row) ** 2
    assert variance <= variance_max(spec, n, 0)
    assert n % 2 or variance == variance_max(spec, n, 0)
