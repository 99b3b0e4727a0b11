"""How sets of a norm unit are made, and channels that show a row to its last bit."""

from __future__ import annotations

import numpy as np

from bittrue.golden.stimuli.draw import walking
from bittrue.golden.stimuli.norm_rows import (
    Scaling,
    scaling_of,
)
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind


def norm_set(
    name: str,
    codes: Integers,
    scaling: Scaling,
    *,
    gamma: Integers | int,
    beta: Integers | int,
    shift: Integers | int,
    zero_point: int = 0,
    limits: tuple[int, int] = (-128, 127),
    kind: StimulusKind = "directed",
) -> Stimuli:
    """A set of rows [rows, n] with the constants of their scaling; gamma, beta and shift spread over n channels."""
    one = {
        "epsilon": scaling.epsilon,
        "root_shift": scaling.root_shift,
        "reciprocal_bits": scaling.reciprocal_bits,
        "zero_point": zero_point,
        "low": limits[0],
        "high": limits[1],
    }
    constants = {key: np.array([value], np.int64) for key, value in one.items()}
    spread_out = {"multiplier": gamma, "bias": beta, "shift": shift}
    constants |= {key: np.broadcast_to(np.asarray(v, np.int64), (scaling.n,)).copy() for key, v in spread_out.items()}
    return Stimuli("norm", name, kind, {"codes": np.asarray(codes, np.int64)}, constants)


def scaling_for(unit: ExactNorm, n: int, epsilon: int, *, signed: bool = True) -> Scaling:
    """The constants of rows of n codes, where the unit surely takes them."""
    found = scaling_of(unit, n, epsilon, signed=signed)
    assert found is not None, (n, epsilon)
    return found


def gammas(unit: ExactNorm, rng: np.random.Generator, n: int) -> Integers:
    """[n]: the ends, walking patterns and anything, of both signs."""
    top = (1 << unit.multiplier_bits) - 1
    patterns = walking(unit.multiplier_bits)
    found = np.concatenate([[top, -top, 0, 1, -1], rng.permutation(np.concatenate([patterns, -patterns]))])
    return np.resize(found, n).astype(np.int64)


def shown(
    name: str, rows: Integers, scaling: Scaling, rng: np.random.Generator, *, gamma: Integers | int = 2, shift: int = 1
) -> Stimuli:
    """A set whose channel i shows element i of row i (mod n) to its last bit: beta takes the rest of the value away."""
    beta = np.zeros(scaling.n, np.int64)
    gamma = np.broadcast_to(np.asarray(gamma, np.int64), (scaling.n,))
    for channel in range(scaling.n):
        value = int(scaling.normalized(rows[channel % len(rows)])[channel])
        beta[channel] = (
            int(rng.integers(-40, 40)) * (1 << shift) + int(rng.integers(0, 1 << shift)) - value * int(gamma[channel])
        )
    return norm_set(name, rows, scaling, gamma=gamma, beta=beta, shift=shift, zero_point=int(rng.integers(-5, 5)))
