"""The folder of benches of a package: written once, played wherever the simulator is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from bittrue.golden.benches.design import Design
from bittrue.golden.benches.index import INDEX_NAME, index_text
from bittrue.golden.benches.plan import benches_of
from bittrue.golden.benches.readme import readme_text
from bittrue.golden.benches.sets import BenchSet, check_name
from bittrue.golden.benches.verilog import verilog_of
from bittrue.spec.files import written_whole

COMPANIONS = {
    "run.py": "run.py",
    **{f"cocotb_bench/{name}.py": f"{name}.py" for name in ("__init__", "index", "scoreboard", "streams", "play")},
}
"""Programs in the folder, and which file of `companions` each is: they need no bittrue."""


def write_benches(
    package: Path, out: Path, *, sets: Sequence[BenchSet], modules: Mapping[str, Design] | None = None, label: str = ""
) -> tuple[Path, ...]:
    """Write benches for sets of the package in `package` into the folder `out`; the files written.

    modules: the design by unit or by set name; `bt_UNIT` with its default parameters where there is none.
    label: what the benches call the package. Raises BadInput or Unsupported before anything is written.
    """
    texts = bench_files(sets, modules=modules, label=label or package.name, package=_relative(package, out))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with written_whole(out / name) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    return tuple(out / name for name in texts)


def bench_files(
    sets: Sequence[BenchSet], *, modules: Mapping[str, Design] | None = None, label: str, package: str = ".."
) -> dict[str, str]:
    """Text of every file of the folder, by name; `package` is the package's folder as seen from there.

    Equal arguments give equal texts.
    """
    check_name(r"[ -!#-\[\]-~]+", label, where="label")
    check_name(r"[ -!#-\[\]-~]+", package, where="path from the benches to the package")
    benches = benches_of(sets, modules or {})
    texts = {f"{bench.name}.sv": verilog_of(bench, label=label, package=package) for bench in benches}
    texts[INDEX_NAME] = index_text(benches, label=label, package=package)
    texts["README.md"] = readme_text(benches, label=label)
    folder = files("bittrue.golden.benches.companions")
    return texts | {name: folder.joinpath(source).read_text(encoding="utf-8") for name, source in COMPANIONS.items()}


def _relative(package: Path, out: Path) -> str:
    return Path(os.path.relpath(package, out)).as_posix()
