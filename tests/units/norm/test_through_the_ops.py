"""layer_norm and group_norm on every kind of norm unit: kernel and judge of the op agree."""

from __future__ import annotations

import numpy as np
import pytest
from norm_units import SECTIONS
from op_agreement import agree, extremes
from op_cases import group_norm_case, layer_norm_case
from op_kinds import NORMS, fq_vit_channels_case

from bittrue.spec.datapath import Datapath


def test_every_kind_has_a_datapath() -> None:
    """No kind escapes the tests of this file."""
    assert {path.norm.kind for path in NORMS.values()} == set(SECTIONS)


@pytest.mark.parametrize("path", NORMS.values(), ids=NORMS)
def test_layer_norm(path: Datapath) -> None:
    """Rows of one channel and more, any number of leading axes, codes of 2 and 8 bits, and the ends of the range."""
    rng = np.random.default_rng(30)
    for rows, channels in (((1, 3), 6), ((), 5), ((4,), 1), ((2, 2, 2), 3), ((1,), 40)):
        for bits in (2, 8):
            case = layer_norm_case(rng, path, rows=rows, channels=channels, bits=bits)
            agree(case)
            for extreme in extremes(case, rng):
                agree(extreme)


@pytest.mark.parametrize("path", NORMS.values(), ids=NORMS)
def test_group_norm(path: Datapath) -> None:
    """One group, one a channel, groups of several channels with several positions: channel by channel constants."""
    rng = np.random.default_rng(31)
    for shape, groups in (((1, 4, 3, 2), 2), ((1, 6), 2), ((1, 3, 1, 1), 3), ((1, 4, 5), 4), ((1, 8, 2, 3), 1)):
        for bits in (2, 8):
            case = group_norm_case(rng, path, shape=shape, groups=groups, bits=bits)
            agree(case)
            for extreme in extremes(case, rng):
                agree(extreme)


@pytest.mark.parametrize("groups", [None, 1, 2, 3, 6])
@pytest.mark.parametrize("name", [name for name, path in NORMS.items() if path.norm.kind == "fq_vit"])
def test_a_zero_point_a_channel(name: str, groups: int | None) -> None:
    """fq_vit subtracts the zero points of its codes, one a channel, in front of the factors."""
    for seed in range(4):
        agree(fq_vit_channels_case(np.random.default_rng(seed), NORMS[name], groups=groups))
