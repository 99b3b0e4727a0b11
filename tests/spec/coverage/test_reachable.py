"""What a bin says of its own reachability."""

from __future__ import annotations

import numpy as np
import pytest

from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.units import UNITS
from bittrue.spec.coverage import COVERED, NOT_COVERED, coverage_of
from bittrue.spec.coverage.softmax import divisors_between
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.catalog import UNITS as CATALOG
from bittrue.spec.vectors import Stimuli


def test_every_unit_of_the_catalog_has_bins_or_a_reason() -> None:
    """A unit is covered, or named with the reason why not; never both."""
    assert set(COVERED) | set(NOT_COVERED) == set(CATALOG)
    assert not set(COVERED) & set(NOT_COVERED)
    assert all(NOT_COVERED.values())


def test_ties_that_cannot_be_are_those_that_no_operand_makes() -> None:
    """All products of a narrow requantizer, exhaustively: a tie's bin is unreachable just where there is none."""
    datapath = load_datapath("iot_npu")
    narrow = datapath.model_copy(
        update={
            "mac": datapath.mac.model_copy(update={"accumulator_bits": 8}),
            "requantization": datapath.requantization.model_validate(
                {"multiplier_bits": 4, "shift_max": 14, "rounding": "half_up"}
            ),
        }
    )
    a, m, s = (grid.reshape(-1) for grid in np.meshgrid(np.arange(-128, 128), np.arange(16), np.arange(15)))
    columns = {
        "accumulator": a,
        "multiplier": m,
        "shift": s,
        "zero_point": 0 * a,
        "low": 0 * a - 128,
        "high": 0 * a + 127,
    }
    stimuli = Stimuli("requantize", "all", "directed", columns)
    coverage = coverage_of(narrow, "requantize")
    hits = coverage.hits(stimuli, UNITS["requantize"](narrow, columns))
    ties = [bin_ for bin_ in coverage.bins if bin_.group == "tie"]
    assert len(ties) == 28 and {bin_.name for bin_ in ties if not bin_.reachable} == {
        bin_.name for bin_ in ties if not hits[bin_.name].any()
    }
    assert any(not bin_.reachable for bin_ in ties)


@pytest.mark.parametrize("overflow, past", [("refuse", False), ("wrap", True), ("saturate", True), ("exact", False)])
def test_overflow_can_be_reached_where_the_register_has_an_end(overflow: str, past: bool) -> None:
    """refuse proves that no step overflows; an exact accumulator has no end; the others go past it."""
    datapath = load_datapath("iot_npu")
    own = datapath.model_copy(update={"mac": datapath.mac.model_copy(update={"overflow": overflow})})
    for unit in ("mac", "accumulate"):
        bins = {bin_.name: bin_.reachable for bin_ in coverage_of(own, unit).bins}
        assert bins["sum/max+1"] is bins["overflow/up_and_back"] is past
        assert bins["sum/max"]


def test_divisors() -> None:
    """All of them within the bounds, the bounds included."""
    assert divisors_between(360, 5, 90).tolist() == [d for d in range(5, 91) if 360 % d == 0]
    assert divisors_between(1 << 46, 65535, 1 << 18).tolist() == [65536, 131072, 262144]


def test_a_datapath_of_another_kind_is_refused() -> None:
    """Bins are declared for what they are true of; the rest is refused by name, and so is a unit that is lacking."""

    def refused(datapath: str | Datapath, unit: str) -> str:
        with pytest.raises(Unsupported) as error:
            coverage_of(load_datapath(datapath) if isinstance(datapath, str) else datapath, unit)
        return str(error.value)

    assert "requantizers" in refused("cfu_mnv2", "requantize")
    assert "table of exponentials" in refused("ita", "softmax")
    assert "two exact multipliers" in refused("tflite_reference", "add")
    assert "no softmax unit" in refused("gemmini", "softmax")
    assert "table unit" in refused("iot_npu_wide", "silu")
