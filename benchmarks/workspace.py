"""Where the benchmarks read and write, for all scripts beside this file."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "bench"
TOSA_BIN = ROOT / ".venv-tosa" / "bin"
"""The environment of the TOSA reference model; `make .venv-tosa/installed` makes it."""

_MAKES_PROGRAMS = ("spec", "calibration", "hw_configs", "workflow/photographs.py", "workflow/unit_errors_kinds.py")
_AND_THESE = ("benchmarks/networks.py", "benchmarks/prepare.py", "benchmarks/variants.py")


def shared() -> Path:
    """The folder with peers/ and weights/ that are too large to commit: BITTRUE_SHARED, or ../shared."""
    return Path(os.environ.get("BITTRUE_SHARED", ROOT.parent / "shared"))


@cache
def cache_folder() -> Path:
    """Plans, programs and images of these sources: the folder's name is a digest of all that can change them."""
    digest = hashlib.sha256()
    for name in (*_MAKES_PROGRAMS, *_AND_THESE):
        path = ROOT / name
        files = [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.toml")])
        for file in files:
            digest.update(f"\0{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return OUT / "cache" / digest.hexdigest()[:12]
