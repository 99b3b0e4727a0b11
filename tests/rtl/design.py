"""A design of tests/rtl as its driver sees it: sources, parameters, and the ports of ADR 0005. For whoever adds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Signal:
    """One stream port, without its `in_` or `out_`: `lanes` words of `bits` bits, word 0 in the lowest bits."""

    name: str
    bits: int
    signed: bool = True
    lanes: int = 1

    @property
    def dtype(self) -> np.dtype:
        """What its words are carried in: int32 where every one of them fits, else int64."""
        return np.dtype(np.int32 if self.bits < 32 or (self.bits == 32 and self.signed) else np.int64)


@dataclass(frozen=True)
class Design:
    """One top module with its parameters set: what is built once and then run with many arrays."""

    top: str
    sources: tuple[str, ...]
    """File names in tests/rtl, in the order of compilation."""
    inputs: tuple[Signal, ...]
    outputs: tuple[Signal, ...]
    parameters: Mapping[str, int] = field(default_factory=dict)
    in_last: bool = False
    out_last: bool = False
    constants: bool = False
    """Whether it has the port `cfg_we`, `cfg_sel`, `cfg_addr`, `cfg_data`."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The sources, to hand to a tool."""
        return tuple(FOLDER / name for name in self.sources)
