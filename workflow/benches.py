"""benches: self-checking benches for the unit sets of a package."""

from __future__ import annotations

from pathlib import Path

from bittrue.golden.benches.design_file import load_designs
from bittrue.golden.benches.from_package import bench_sets
from bittrue.golden.benches.write import write_benches
from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.folder import check_empty
from bittrue.spec.errors import BadInput
from bittrue.spec.units.catalog import UNITS


def benches(package: Path, *, out: Path, designs: Path | None = None) -> tuple[Path, ...]:
    """Check a package and write benches for its unit sets to the folder `out`; the files written.

    out: a new or empty folder, outside the package, whose files are all listed. designs: a TOML file of the modules
    to instantiate (golden/benches/design_file.py); bt_UNIT with the ports of ADR 0005 where it is missing. Raises
    BadInput for a package that cannot be trusted or has no unit sets, Unsupported for a set that no bench can play.
    """
    check_empty(out)
    if out.resolve().is_relative_to(package.resolve()):
        raise BadInput(
            "a package is left as it was sealed",
            where=str(out),
            expected="a folder beside the package",
            got="one in it",
        )
    modules = {} if designs is None else load_designs(designs)
    manifest = check_package(package)
    sets = bench_sets(manifest)
    if not sets:
        raise BadInput(
            "the package has no unit sets to play",
            where=str(package),
            got=f"{len(manifest.steps)} steps",
            expected="sets of bare units",
            next_step="bittrue vectors --unit requantize --stimuli directed --out PACKAGE",
        )
    # A file may describe a whole chip; what the package does not exercise is passed over, what no package could is not.
    unknown = sorted(set(modules) - set(UNITS) - {one.name for one in sets})
    if unknown:
        raise BadInput(
            "a design is named for neither a unit nor a set of the package",
            where=str(designs),
            got=", ".join(unknown),
            expected=", ".join(dict.fromkeys(name for one in sets for name in (one.unit, one.name))),
        )
    here = {name for one in sets for name in (one.unit, one.name)}
    return write_benches(package, out, sets=sets, modules={name: one for name, one in modules.items() if name in here})
