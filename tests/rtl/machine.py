"""The designs of one datapath side by side, as a Program's steps use them; counts what each step keeps busy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from rtl.model import Model
from rtl.unit import RtlUnit, model_of
from rtl.unit_mac import design as mac_design
from rtl.unit_mac import run as mac_run
from rtl.units import RTL_UNITS

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Integers


@dataclass
class Busy:
    """What one step asked of the designs."""

    load_cycles: dict[str, int] = field(default_factory=dict)
    """By unit: clocks in which constants were written."""
    run_cycles: dict[str, int] = field(default_factory=dict)
    """By unit: clocks in which vectors moved."""
    seconds: float = 0.0


class Machine:
    """Runs arrays on the design of each unit, the MAC as an array of 16 lanes by `columns`.

    A unit that no design serves is missing from `units`.
    """

    def __init__(self, datapath: Datapath, *, columns: int = 16, faults: Mapping[str, int] | None = None) -> None:
        """faults: by unit, the planted fault of bugs.toml that its design has."""
        self.datapath, self.columns, self.faults = datapath, columns, dict(faults or {})
        array = RtlUnit("mac", partial(mac_design, columns=columns), mac_run)
        self.units = {name: (unit, unit.design(datapath)) for name, unit in {**RTL_UNITS, "mac": array}.items()}
        self._busy = Busy()

    def build(self, name: str) -> Model:
        """The design of a unit, Verilated."""
        return model_of(self.units[name][1])

    def run(self, name: str, **arrays: np.ndarray) -> Integers:
        """The output of a unit for the arrays of `bittrue unit`."""
        unit, _ = self.units[name]
        form = unit_form(self.datapath, name)
        found = unit.run(self.build(name), unit_arrays(form, arrays), None, self.faults.get(name, 0))
        for counts, cycles in (
            (self._busy.load_cycles, found.load_cycles),
            (self._busy.run_cycles, found.run_cycles),
        ):
            counts[name] = counts.get(name, 0) + cycles
        return found.results["output"]

    @contextmanager
    def step(self) -> Iterator[Busy]:
        """Count what happens in the block as one step."""
        self._busy = busy = Busy()
        start = time.perf_counter()
        yield busy
        busy.seconds = time.perf_counter() - start
