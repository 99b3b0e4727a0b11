"""FQ-ViT's integer layer norm: gamma over deviation as an 8-bit mantissa and a power of two, a channel and row.

Codes may have a power-of-two factor a channel (PTF): real = scale * 2^factor_c * (q - code_zero_point_c). For a
row of n codes and the constants G (`gamma`), B (`beta`), g (`gamma_shift`), k (`root_shift`); m = mantissa_bits,
X = exponent_max; c is the channel of element i, every >> and quotient in floor() rounds down:

    x_i = (q_i - code_zero_point_c) << factor_c
    sum             S1 = sum x                                  in a register of sum_bits
    sum_of_squares  S2 = sum x*x                                in a register of sum_of_squares_bits
    variance        V  = max(0, n*S2 - S1*S1)
    root            R  = floor(sqrt(V << 2k))
    exponent        N  = clamp(m - 1 - floor(log2(A)), 0, X)    A = n * |G_c| * 2^k / (R * 2^g), exactly rational
    mantissa        M  = sign(G_c) * min(floor(A * 2^N), 2^m - 1)
    offset          b  = round_shift(D, g - N, rounding) for N < g;  D << (N - g) otherwise
                         D = B_c - T,  T = floor((S1 * G_c * 2^k) / R)
    normalized      u  = round_shift(M * x_i + b, N, rounding); M * x_i + b for N = 0
    output          y  = clamp(u + zero_point, low, high)

V = 0 or G_c = 0 make A = 0: N = X, M = 0, T = 0, so u is beta. (V < 0 arises only where a register overflowed.)
exponent, mantissa and offset have a value an element; those of one channel and row are equal.
A is what `normalized` multiplies x by, so gamma, beta and the output's scale are inside: G = gamma / s * 2^g and
B = beta / s * 2^g with the output's scale s, each rounded; there is no further multiplication (affine.py).
k is the largest for which the largest V, shifted by 2k, stays below 2**variance_bits.

The mantissa is rounded down to m bits: u errs by up to 2^(1-m) of A*x (0.78 % of it for m = 8, always towards
zero) while b does not, which hurts where the mean of a row is far from 0. There is no epsilon.

Source: Lin et al., FQ-ViT, arXiv 2111.13824, section 3.2; megvii-research/FQ-ViT models/ptq/layers.py
QIntLayerNorm @ 5bc4e4fb (get_MN: m = 8, X = 31; torch.round: rounding half_even). For group norm the same over
the elements of a group: I-GroupNorm of Q-HyViT, arXiv 2303.12557. The code computes mean, deviation, A, log2 and b in
float32; ours is integer: the floor root of V with k extra bits, gamma and beta with g fraction bits, an exact
logarithm and an exact quotient A. Where A is 0 the code divides by zero for V = 0, and gives N = 31, M = 0 for
gamma = 0: V = 0 follows the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm.unit import Interval, NormUnit, check_63_bits, check_one, magnitude
from bittrue.spec.units.section import Arrays, Port, Width

GAMMA_SHIFT_MAX = 40


class FqVitNorm(NormUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        Port("factor", ("n",), "exponent of the channel's power-of-two factor", 0),
        Port("gamma", ("n",), "gamma over the output's scale, gamma_shift fraction bits"),
        Port("beta", ("n",), "beta over the output's scale, gamma_shift fraction bits"),
        Port("gamma_shift", ("one",), "fraction bits of gamma and beta"),
        Port("root_shift", ("one",), "k: half of the left shift in front of the root"),
    )
    stages: ClassVar[tuple[str, ...]] = (
        "sum", "sum_of_squares", "variance", "root", "exponent", "mantissa", "offset", "normalized",
    )  # fmt: skip
    row_stages: ClassVar[tuple[str, ...]] = stages[:4]
    has_affine: ClassVar[bool] = False
    reads_zero_point: ClassVar[bool] = True

    kind: Literal["fq_vit"]
    variance_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    """Width of V and of the root's operand; unsigned."""
    mantissa_bits: Annotated[int, Field(strict=True, ge=2, le=16)]
    exponent_max: Annotated[int, Field(strict=True, ge=0, le=31)]
    factor_max: Annotated[int, Field(strict=True, ge=0, le=7)]
    """The largest exponent of a channel's factor; 3 in FQ-ViT, 0 for a unit without factors."""

    def centred(self, codes: Width, constants: Arrays) -> Interval:
        """The interval of x over all channels."""
        low, high = code_range(codes.bits, codes.signed)
        ends = [
            (end - int(zero)) << int(factor)
            for zero, factor in zip(
                *np.broadcast_arrays(constants["code_zero_point"], constants["factor"]), strict=True
            )
            for end in (low, high)
        ]
        return min(ends), max(ends)

    def root_shift(self, codes: Width, n: int, constants: Arrays) -> int:
        """The k of the module docstring; the variance must fit. Reads factor and code_zero_point."""
        return (self.variance_bits - self._variance(codes, n, constants).bit_length()) // 2

    def _statistics(self, codes: Width, n: int, constants: Arrays) -> tuple[Interval, Interval]:
        low, high = self.centred(codes, constants)
        return (n * min(low, 0), n * max(high, 0)), (0, n * max(-low, high) ** 2)

    def _variance(self, codes: Width, n: int, constants: Arrays) -> int:
        low, high = self.centred(codes, constants)
        total, squares = self._statistics(codes, n, constants)
        held = self.held(total, self.sum_bits), self.held(squares, self.sum_of_squares_bits)
        return (n * n * (high - low) ** 2 + 3) // 4 if held == (total, squares) else n * held[1][1]

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse factors, gammas, betas and rows that the unit cannot hold."""
        gamma_shift = check_one(where, "gamma_shift", constants, 0, GAMMA_SHIFT_MAX)
        for name, low, high in (
            ("factor", 0, self.factor_max),
            ("gamma", -(1 << self.multiplier_bits) + 1, (1 << self.multiplier_bits) - 1),
        ):
            least, most = int(constants[name].min()), int(constants[name].max())
            if least < low or most > high:
                raise IllFormed(
                    f"constant '{name}' does not fit the norm unit",
                    where=where,
                    got=f"{least}..{most}",
                    expected=f"{low}..{high}",
                )
        self._check_statistics(where, codes, n, constants)
        self._check_products(where, codes, n, constants, gamma_shift)

    def _check_statistics(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        total, squares = self._statistics(codes, n, constants)
        self.check_statistics(where, total, squares)
        check_63_bits(where, "n * sum of squares", 2 * n * squares[1])
        bits = self._variance(codes, n, constants).bit_length()
        if bits > self.variance_bits:
            raise IllFormed(
                "the variance of a row does not fit the norm unit",
                where=where,
                got=f"{bits} bits",
                expected=f"at most {self.variance_bits} bits",
                next_step="normalize narrower codes or shorter rows",
            )
        expected = self.root_shift(codes, n, constants)
        check_one(where, "root_shift", constants, expected, expected)

    def _check_products(self, where: str, codes: Width, n: int, constants: Arrays, gamma_shift: int) -> None:
        total = magnitude(self.held(self._statistics(codes, n, constants)[0], self.sum_bits))
        product = total * magnitude((int(constants["gamma"].min()), int(constants["gamma"].max())))
        check_63_bits(where, "product of sum and gamma", product << int(constants["root_shift"][0]))
        check_63_bits(where, "normalized value", 2 * self.normalized_max(codes, n, constants))

    def normalized_max(self, codes: Width, n: int, constants: Arrays) -> int:
        """The largest |M*x + b|: R >= 2^k, and A * 2^N < 2^m where N > 0."""
        total = magnitude(self.held(self._statistics(codes, n, constants)[0], self.sum_bits))
        gamma, beta = (
            magnitude((int(constants[name].min()), int(constants[name].max()))) for name in ("gamma", "beta")
        )
        left = max(0, self.exponent_max - int(constants["gamma_shift"][0]))
        shifted_left = ((beta + 1) << left) + ((total // n + 1) << self.mantissa_bits)
        shifted_right = 2 * (beta + total * gamma + 1)
        product = magnitude(self.centred(codes, constants)) << self.mantissa_bits
        return product + max(shifted_left, shifted_right)

    def normalized_scale(self, n: int) -> Fraction:
        """`normalized` is an output code; in deviations its unit depends on the channel, so 1 stands here."""
        return Fraction(1)

    def stage_widths(self, codes: Width, n: int) -> Mapping[str, Width]:
        """The registers of the statistics, and of the mantissa form."""
        return {
            **super().stage_widths(codes, n),
            "variance": Width(self.variance_bits, False),
            "exponent": Width(5, False),
            "mantissa": Width(self.mantissa_bits + 1, True),
        }

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """gamma has a sign; beta is as wide as it needs to be."""
        return {
            "factor": Width(3, False),
            "gamma": Width(self.multiplier_bits + 1, True),
            "gamma_shift": Width(6, False),
            "root_shift": Width(5, False),
        }

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """Statistics: a square and two additions an element. Apply: M*x, b and one rounding. A row: one root;
        a mantissa and an offset are counted once an element, as a layer norm has them."""
        return {"multiply": 3 * size, "add": 4 * size, "requantize": 2 * size, "root": rows, "divide": 2 * size}
