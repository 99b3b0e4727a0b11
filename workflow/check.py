"""check: a vector package's integrity, and a design's outputs against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.design import DesignVerdict, judge_design
from bittrue.golden.vectors.manifest import Manifest


@dataclass(frozen=True)
class CheckResult:
    """A package that is whole, and what the design said, if one was given."""

    manifest: Manifest
    design: DesignVerdict | None

    @property
    def agreed(self) -> bool:
        """Whether nothing differs."""
        return self.design is None or self.design.agreed


def check(package: Path, *, dut: Path | None = None) -> CheckResult:
    """Verify a package from a stranger and compare a design's outputs with it, exactly.

    dut: a folder with STEP/STAGE.npy, .mem or .bin in the manifest's packing. Raises BadInput for a
    package that cannot be trusted or a design folder that cannot be judged; differences are not errors:
    look at `agreed`.
    """
    manifest = check_package(package)
    return CheckResult(manifest, None if dut is None else judge_design(package, manifest, dut))
