"""The multiply-accumulate unit of conv2d, linear, matmul, weighted_sum, mean and avg_pool2d.

The machine walks the K products of one output in `order` and cuts them into tiles of `k_tile`:

    tile:         partial = 0;  for each product p of the tile:  partial = A(partial + p)
                  register = R(register + partial)
    between tiles register = S(register)                     only with spill_bits
    bias          first: register = R(bias) before the first tile;   last: register = R(register + bias)
    end           register = E(register)                     only with overflow = "saturate_at_end"
    output        accumulator = O(register)                  only with output_bits

R is the accumulator's overflow rule at `accumulator_bits` (the identity for "exact", "refuse" and
"saturate_at_end"), A that of the adder in front of it (`adder_bits`; the identity without), S saturates or
wraps to `spill_bits`, E saturates to `accumulator_bits`, O saturates to `output_bits` behind the right shift
of `output_rounding` (NVDLA's CACC; the shift is an operand and 0 in a program). k_tile = 0 is one tile a
product: partial = p. S acts only between tiles: neither behind the load of a bias nor in front of a last one. "refuse"
is about the accumulator: a narrower adder or spill register does what its own rule says. mean and avg_pool2d add codes
the same way (products = 1); a tap of a pooling window outside the image adds 0 and keeps its place in a tile.

The accumulator alone (unit `accumulate`) starts behind the adders: every addend is what one tile delivers
(`partial`), so that A does not apply and each addend takes R, and S between addends where the unit spills. It may
start from a partial sum kept before (`initial`, through R) and leaves through the output stage with a shift of its own:

    register    = R(initial + bias) first, or bias added last as above; then the addends in ascending index
    accumulator = saturate(round_shift(register, pre_shift, output_rounding), output_bits)    pre_shift 0: no rounding

As a unit alone (`mac`) the operands are matrices, the zero points of both are subtracted in front of the multiplier
(0 by default), and K runs in ascending index.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.section import Section

Axis = Literal["c_tile", "ky", "kx", "c"]
Overflow = Literal["wrap", "saturate"]


class Mac(Section):
    """See the module docstring."""

    activation_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    """Widest activation code a multiplier takes (softmax probabilities excepted)."""
    weight_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    probability_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    """Widest softmax probability a multiplier takes."""
    products: Literal["signed", "unsigned"] = "signed"
    """"unsigned": both operands' registers are read as unsigned numbers whatever the tensors say, so that -1
    in 8 bits multiplies as 255. A design fault worth simulating; needs zero_point = "folded"."""
    zero_point: Literal["folded", "subtracted"] = "folded"
    """Whether conv2d and linear multiply raw codes, the zero point folded into the bias, or subtract the zero
    point in front of the multiplier. The other ops subtract it always."""
    accumulator_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    overflow: Literal["exact", "wrap", "saturate", "saturate_at_end", "refuse"]
    """What the accumulator does past its ends. "exact": it has no end that matters (any sum below 2**63);
    "wrap": two's complement; "saturate": after the load and every addition, in `order`; "saturate_at_end":
    the exact sum saturates once; "refuse": lowering refuses every step whose bound does not prove that it fits."""
    order: tuple[Axis, ...]
    """Nesting of the reduction loops of conv2d, outermost first: ky, kx and c once each. With "c_tile" in front
    of "c", channels are walked in blocks of k_tile: "c_tile" is the loop over blocks, "c" the one inside a block.
    One-dimensional reductions (linear, matmul, ...) run in ascending index."""
    bias: Literal["first", "last"]
    """Whether the accumulator is loaded with the bias or the bias is its last addition. A saturating
    accumulator saturates the load as well: a register cannot hold what is wider than itself."""
    bias_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    """Width of a bias constant (with the input zero point folded in where it is)."""
    bias_overflow: Literal["refuse", "wrap", "saturate"] = "refuse"
    """What lowering does with a bias that is wider."""
    k_tile: Annotated[int, Field(strict=True, ge=0, le=65536)] = 0
    """Products that are added before the accumulator sees them: the last tile of a row may be shorter. With
    "c_tile" in `order` a tile is the channels of one block at one kernel position."""
    adder_bits: Annotated[int, Field(strict=True, ge=8, le=48)] | None = None
    """Width of the sum inside a tile (the adders along a column of PEs)."""
    adder_overflow: Overflow = "wrap"
    spill_bits: Annotated[int, Field(strict=True, ge=8, le=48)] | None = None
    """Width at which the partial sum is kept between tiles."""
    spill_overflow: Overflow = "wrap"
    output_bits: Annotated[int, Field(strict=True, ge=8, le=48)] | None = None
    """Width at which a finished sum leaves the unit, saturated."""
    output_rounding: Rounding = Rounding.HALF_AWAY

    @model_validator(mode="after")
    def _fields_fit(self) -> Mac:
        blocked = "c_tile" in self.order
        wanted = ["c", "c_tile", "kx", "ky"] if blocked else ["c", "kx", "ky"]
        if sorted(self.order) != wanted:
            raise ValueError('order must name each of "ky", "kx", "c" once, and "c_tile" at most once')
        if blocked and (self.order.index("c_tile") > self.order.index("c") or self.order[-1] != "c" or not self.k_tile):
            raise ValueError('with "c_tile", order ends in "c" and k_tile says how many channels a block has')
        if (self.adder_bits or self.spill_bits) and not self.k_tile:
            raise ValueError("adder_bits and spill_bits need a k_tile")
        if self.products == "unsigned" and self.zero_point != "folded":
            raise ValueError('unsigned products need zero_point = "folded"')
        return self

    @property
    def register_bits(self) -> int:
        """The narrowest register that a partial sum passes: a bound within it makes order and overflow free."""
        return min([self.accumulator_bits, *(bits for bits, _ in self.inner)])

    @property
    def exact(self) -> bool:
        """Whether no register in the unit ever changes a sum, whatever its size."""
        return self.overflow == "exact" and not self.inner

    @property
    def wraps(self) -> bool:
        """Whether a register may wrap, so that a sum can end anywhere; saturation only brings it nearer to 0."""
        return self.overflow == "wrap" or any(rule == "wrap" for _, rule in self.inner)

    @property
    def ordered(self) -> bool:
        """Whether an unproved sum depends on the order of its additions."""
        if self.overflow == "saturate":
            return True
        # A wrapping register in front of a wrapping accumulator drops nothing that the accumulator keeps, if it
        # is at least as wide.
        free = [rule == "wrap" == self.overflow and bits >= self.accumulator_bits for bits, rule in self.inner]
        return not all(free)

    @property
    def inner(self) -> list[tuple[int, Overflow]]:
        """Width and rule of the registers besides the accumulator."""
        pairs: list[tuple[int | None, Overflow]] = [
            (self.adder_bits, self.adder_overflow),
            (self.spill_bits, self.spill_overflow),
        ]
        return [(bits, rule) for bits, rule in pairs if bits is not None]
