"""Stimuli of the requantizer.

Directed: for every shift, ties and their neighbours of both signs, solved for the operands; walking patterns through
both operands and the product; neighbouring operands on the two sides of a tie, which make every low bit decide;
results at and far past both limits; results that only a narrower register would bring back into range.
"""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import between, generator, of_any_size
from bittrue.golden.stimuli.elementwise import Table
from bittrue.golden.stimuli.pipeline import (
    Pipeline,
    wide_ends,
)
from bittrue.golden.stimuli.pipeline_corners import PORTS, pipeline_corners
from bittrue.spec.arithmetic import code_range
from bittrue.spec.coverage.requantize import accumulator_bits, requantizer_served, shifts
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Stimuli, StimulusKind

DRAWN = 4000
"""Vectors of a random set."""


def requantize_stimuli(datapath: Datapath, kind: StimulusKind, seed: int) -> tuple[Stimuli, ...]:
    """Sets of one kind for the unit `requantize`."""
    unit = requantizer_served(datapath)
    pipe = Pipeline(unit, accumulator_bits(datapath, unit))
    rng = generator(seed, "requantize", kind)
    if kind == "uniform":
        return (_uniform(pipe, rng),)
    if kind == "shaped":
        return (_shaped(pipe, rng),)
    corners = pipeline_corners(pipe, rng).stimuli("requantize", "corners", "directed")
    return corners, _wide(pipe, rng)


def _wide(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    """Zero points outside the codes, up to 31 bits, and codes and limits of 16 bits."""
    table, n = Table(PORTS), 480
    # Results of any size up to 2**30, which a zero point brings back.
    rounded = of_any_size(rng, 30, n, signed=True)
    shift = np.minimum(between(rng, 1, 28, n), pipe.unit.shift_max)
    multiplier = (np.int64(1) << shift) + between(rng, -3, 3, n) * (np.abs(rounded) < 1 << 20)
    accumulator = np.clip(rounded, *code_range(pipe.bits, signed=True))
    multiplier = np.clip(multiplier, 0, (1 << pipe.unit.multiplier_bits) - 1)
    zero_point, low, high = wide_ends(rng, pipe.rounded(accumulator, multiplier, shift))
    table.add(accumulator=accumulator, multiplier=multiplier, shift=shift, zero_point=zero_point, low=low, high=high)
    return table.stimuli("requantize", "wide_codes", "directed")


def _uniform(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    table = Table(PORTS)
    ends = shifts(pipe.unit)
    table.add(
        accumulator=between(rng, *code_range(pipe.bits, signed=True), DRAWN),
        multiplier=between(rng, 0, (1 << pipe.unit.multiplier_bits) - 1, DRAWN),
        shift=between(rng, ends[0], ends[-1], DRAWN), zero_point=between(rng, -128, 127, DRAWN), low=-128, high=127,
    )  # fmt: skip
    return table.stimuli("requantize", "uniform", "uniform")


def _shaped(pipe: Pipeline, rng: np.random.Generator) -> Stimuli:
    """As layers give them: normal accumulators, one multiplier and shift a channel that spread them over the codes."""
    table = Table(PORTS)
    bits = pipe.unit.multiplier_bits
    for _ in range(16):  # channels
        width = int(rng.integers(8, pipe.bits - 8))
        a = np.rint(rng.normal(0, 1 << width, DRAWN // 16)).astype(np.int64)
        m = int(rng.integers(1 << (bits - 1), 1 << bits))
        shift = min(max(width + bits - 6, pipe.unit.shift_min), pipe.unit.shift_max)
        table.add(accumulator=a, multiplier=m, shift=shift, zero_point=int(rng.integers(-20, 20)), low=-128, high=127)
    return table.stimuli("requantize", "shaped", "shaped")
