"""bittrue.workflow: functions by name, each imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from small_models import pictures, small_plan

from bittrue import workflow


def run(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize("name", workflow.__all__)
def test_every_public_name_is_a_function(name: str) -> None:
    """Although files bear the same names."""
    assert isinstance(getattr(workflow, name), FunctionType)


def test_a_file_that_is_imported_first_does_not_hide_its_function() -> None:
    """In whatever order modules arrive, `workflow.lower` is the function."""
    run(
        "import bittrue.workflow.lower\nfrom bittrue.workflow.simulate import Simulation\n"
        "from types import FunctionType\nfrom bittrue import workflow\n"
        "from bittrue.workflow import lower, simulate, compare\n"
        "assert all(type(f) is FunctionType for f in (lower, simulate, compare, workflow.lower, workflow.simulate))\n"
        "import sys\nassert sys.modules['bittrue.workflow.lower'].lower is lower"
    )


def test_the_package_itself_imports_nothing() -> None:
    """A verb waits for its own imports only."""
    run(
        "import sys\nfrom bittrue import workflow\n"
        "heavy = {'numpy', 'numba', 'pydantic', 'torch'} & set(sys.modules)\nassert not heavy, heavy\n"
        "workflow.simulate\n"
        "others = {'bittrue.workflow.compare', 'bittrue.golden.compare', 'torch'} & set(sys.modules)\n"
        "assert not others, others"
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    assert not hasattr(workflow, "simulat")
    with pytest.raises(AttributeError, match="simulat"):
        workflow.simulat  # noqa: B018


def test_a_photograph_is_simulated_without_torch(tmp_path: Path) -> None:
    """timm and torch take seconds to import; reading and resizing need neither."""
    from PIL import Image

    workflow.lower(small_plan(), out=tmp_path / "program")
    Image.fromarray(np.ascontiguousarray(pictures(1)[0].transpose(1, 2, 0))).save(tmp_path / "photo.png")
    run(
        "import sys\nfrom pathlib import Path\nfrom bittrue import workflow\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "found = workflow.simulate(folder / 'program', images=folder / 'photo.png')\n"
        "assert found.names == ('photo.png',)\n"
        "heavy = {'torch', 'torchvision', 'timm'} & set(sys.modules)\nassert not heavy, heavy"
    )
