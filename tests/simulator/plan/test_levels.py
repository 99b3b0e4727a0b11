"""The tests of the tiles with the vector instructions that this process did not choose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numba
import pytest

from bittrue.simulator.plan.processor import NEEDED, vector_level

FEATURES = dict(llvm.get_host_cpu_features())
LEVELS = [name for name, needed in NEEDED.items() if all(FEATURES.get(feature, False) for feature in needed)]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="plain Python has no vectors")  # type: ignore[attr-defined]
@pytest.mark.parametrize("level", [level for level in [*LEVELS, "loops"] if level != vector_level()])
def test_tiles_of_another_level(level: str, tmp_path: Path) -> None:
    """Whatever else this processor has gives the same sums and codes."""
    environment = {**os.environ, "BITTRUE_VECTOR": level, "BITTRUE_CACHE_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "1"}
    files = [str(Path(__file__).with_name(name)) for name in ("test_tile.py", "test_words_tile.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
