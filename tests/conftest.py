"""Session-wide settings of the test suite."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import pytest
from shared_data import IMAGENETTE

# Two test processes share two cores: a pool of two numba threads each runs many times slower than one.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")


def pytest_report_header() -> list[str]:
    """Say which versions and which data the results are about."""
    names = ("bittrue", "numpy", "numba", "torch", "timm", "hypothesis")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    data = IMAGENETTE if IMAGENETTE.exists() else f"{IMAGENETTE} MISSING: tests on real images will be skipped"
    return [f"python {platform.python_version()}, {versions}", f"images: {data}"]


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Two test processes share two cores with numba's pool; torch's own pool would fight both."""
    import torch

    torch.set_num_threads(1)
