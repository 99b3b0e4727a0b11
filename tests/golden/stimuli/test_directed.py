"""The stimuli that are made: what they close, that they are reproducible, and what simulator and judge say of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from bittrue.golden.stimuli import MADE, stimuli_of
from bittrue.golden.units import UNITS as JUDGES
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.units import UNITS
from bittrue.spec.coverage import COVERED, coverage_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Integers, Stimuli

VECTORS_MAX = 5000
VARIANTS = (
    "wrap 20", "saturate 20", "saturate_at_end 20", "wrap 32", "saturate 32", "refuse 24", "wrap 20 last",
    "saturate 32 last",
)  # fmt: skip
CASES = [(unit, "iot_npu") for unit in MADE] + [
    (unit, variant) for unit in ("mac", "accumulate") for variant in VARIANTS
]


def datapath_of(variant: str) -> Datapath:
    """iot_npu, or with another accumulator: overflow rule, bits, where the bias goes."""
    datapath = load_datapath("iot_npu")
    if variant == "iot_npu":
        return datapath
    rule, bits, bias = (*variant.split(), "first")[:3]
    update = {"overflow": rule, "accumulator_bits": int(bits), "bias": bias}
    return datapath.model_copy(update={"mac": datapath.mac.model_copy(update=update)})


@lru_cache
def directed(unit: str, variant: str) -> tuple[tuple[Stimuli, dict[str, Integers]], ...]:
    """The directed sets and the simulator's answers."""
    datapath = datapath_of(variant)
    form = unit_form(datapath, unit)
    return tuple(
        (found, UNITS[unit](datapath, unit_arrays(form, found.arrays)))
        for found in stimuli_of(datapath, unit, "directed")
    )


def test_what_has_bins_has_stimuli() -> None:
    """The two tables name the same units."""
    assert set(MADE) == set(COVERED)


@pytest.mark.parametrize("unit, variant", CASES)
def test_directed_sets_close_every_reachable_bin(unit: str, variant: str) -> None:
    """Every bin that can be reached is, none that cannot, by at most 5,000 vectors."""
    coverage = coverage_of(datapath_of(variant), unit)
    reached = dict.fromkeys((bin_.name for bin_ in coverage.bins), 0)
    for found, results in directed(unit, variant):
        for name, mask in coverage.hits(found, results).items():
            reached[name] += int(mask.sum())
    assert [bin_.name for bin_ in coverage.bins if bin_.reachable and not reached[bin_.name]] == []
    assert [bin_.name for bin_ in coverage.bins if not bin_.reachable and reached[bin_.name]] == []
    assert sum(found.vectors for found, _ in directed(unit, variant)) <= VECTORS_MAX
    names = [found.name for found, _ in directed(unit, variant)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("unit, variant", CASES)
def test_simulator_and_judge_agree_on_every_directed_vector(unit: str, variant: str) -> None:
    """Stage by stage, integer by integer."""
    datapath = datapath_of(variant)
    for found, results in directed(unit, variant):
        arrays = unit_arrays(unit_form(datapath, unit), found.arrays)
        judged = JUDGES[unit](datapath, {name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
        assert list(judged) == list(results)
        for name, made in results.items():
            assert np.array_equal(made, judged[name].numpy()), (found.name, name)


@pytest.mark.parametrize("unit", list(MADE))
def test_bytes_follow_from_the_seed(unit: str) -> None:
    """Equal seeds give equal sets, another seed gives others; each kind is named as such and taken by the unit."""
    datapath = datapath_of("iot_npu")
    for kind in ("directed", "uniform", "shaped"):
        once, again, other = (stimuli_of(datapath, unit, kind, seed) for seed in (3, 3, 4))
        assert same(once, again) and not same(once, other)
        for found in once:
            assert found.kind == kind and found.unit == unit
            unit_arrays(unit_form(datapath, unit), found.arrays)


def same(first: tuple[Stimuli, ...], second: tuple[Stimuli, ...]) -> bool:
    """Whether two tuples of sets are equal to the last word."""
    return len(first) == len(second) and all(
        a.name == b.name
        and a.arrays.keys() == b.arrays.keys()
        and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)
        for a, b in zip(first, second, strict=True)
    )


def test_real_stimuli_are_not_made() -> None:
    """They come out of a network; who asks for them here is told so."""
    with pytest.raises(BadInput, match="network"):
        stimuli_of(datapath_of("iot_npu"), "requantize", "real")
