"""The block that a bench plays against, as its user describes it: module, parameters, and how its ports differ.

The ports themselves follow docs/adr/0005-unit-vectors.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bittrue.golden.benches.sets import IDENTIFIER, Word, check_name
from bittrue.spec.errors import BadInput


@dataclass(frozen=True)
class Design:
    """One module, or the thin wrapper that gives it the ports of the convention."""

    module: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    stages: tuple[str, ...] | None = None
    """Which stages it shows as `out_STAGE`, besides the output; None: all that a set has."""
    streams: tuple[str, ...] | None = None
    """Which arrays it takes as `in_ARRAY`, in any order; None: those that a set drives. One that a set holds
    constant is repeated at every beat."""
    constants: tuple[str, ...] | None = None
    """Which constants it takes, by `cfg_sel`; None: those of a set, in its order. A set's constants that are
    neither here nor among `streams` are not given to the design."""
    words: Mapping[str, Word] = field(default_factory=dict)
    """Ports by name (`in_low`, `out_output`) that are wider or narrower than the package's words. Sets whose words
    differ in width share a bench, so one build, where the design states its ports."""
    defaults: Mapping[str, int] = field(default_factory=dict)
    """Words for arrays of `streams` and `constants` that a set does not bring, by array."""
    lanes: int = 16
    """Of a MAC: activations a beat."""
    columns: int = 16
    """Of a MAC: outputs a beat. A set with fewer uses the first ones."""
    cfg_sel_bits: int = 8
    cfg_addr_bits: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot stand in an instantiation."""
        for name in (self.module, *self.parameters):
            check_name(IDENTIFIER, name, where=f"design {self.module}")
        if min(self.lanes, self.columns, self.cfg_sel_bits, self.cfg_addr_bits) < 1 or self.cfg_addr_bits > 32:
            raise BadInput("a design has lanes and columns, and 1 to 32 address bits", where=f"design {self.module}")


def design_of(modules: Mapping[str, Design], unit: str, name: str) -> Design:
    """The design for a set: by the set's name, by the unit's, or `bt_UNIT` with its default parameters."""
    return modules.get(name) or modules.get(unit) or Design(f"bt_{unit}")
