"""Kill rates of a package as lines of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bittrue.golden.vectors.manifest import Manifest


def kill_rates(manifest: Manifest) -> list[tuple[str, str]]:
    """A line a unit; none where nobody counted."""
    return [
        (
            f"faults of {rate.unit}" + ("" if rate.op is None else f" of {rate.op}"),
            f"{rate.killed} of {rate.mutants - rate.equivalent} noticed ({100 * rate.score:.1f} %), "
            f"{rate.equivalent} more proved to be none",
        )
        for rate in manifest.mutation
    ]
