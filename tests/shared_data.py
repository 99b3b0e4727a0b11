"""Where the real data lies that is too large to commit: BITTRUE_SHARED, or ../shared beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BITTRUE_SHARED", ROOT.parent / "shared"))
IMAGENETTE = SHARED / "data" / "imagenette2-224"
WEIGHTS = SHARED / "weights"
EXAMPLE_WEIGHTS = ROOT / "examples" / "mobilevit_xxs_imagenette.safetensors"


def need(path: Path) -> Path:
    """The path; where it is missing the test is skipped with the reason, or fails in CI."""
    if not path.exists():
        reason = f"{path} is missing: set BITTRUE_SHARED to the folder that holds data/ and weights/"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
