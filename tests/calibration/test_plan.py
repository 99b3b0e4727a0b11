"""Plans on disk: whole, equal bytes for equal plans, refused when damaged."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from small_models import small_plan

from bittrue.calibration.plan import load_plan, save_plan
from bittrue.spec.errors import BadInput
from bittrue.spec.files import read_safetensors, write_safetensors


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    """Digest, provenance and bytes survive."""
    plan = small_plan()
    save_plan(plan, tmp_path / "a")
    again = load_plan(tmp_path / "a")
    save_plan(again, tmp_path / "b")
    assert again.digest() == plan.digest()
    assert again.provenance == plan.provenance
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def rewrite(path: Path, **metadata: str) -> None:
    arrays, kept = read_safetensors(path, "plan")
    write_safetensors(path, arrays, {**kept, **metadata})


def test_an_edited_scale_is_refused(tmp_path: Path) -> None:
    """The digest sees it."""
    path = tmp_path / "plan"
    save_plan(small_plan(), path)
    document = json.loads(read_safetensors(path, "plan")[1]["document"])
    document["tensors"]["stem"]["scale"] = [0.5]
    rewrite(path, document=json.dumps(document))
    with pytest.raises(BadInput, match="edited"):
        load_plan(path)


def test_the_digest_sees_the_shape_of_a_parameter() -> None:
    """The same bytes under another shape are other weights."""
    plan = small_plan()
    weight = plan.graph.parameters["fc/weight"]
    turned = {**plan.graph.parameters, "fc/weight": weight.reshape(weight.shape[::-1])}
    assert dataclasses.replace(plan, graph=dataclasses.replace(plan.graph, parameters=turned)).digest() != plan.digest()


@pytest.mark.parametrize(
    "metadata, said",
    [
        ({"kind": "program"}, "not a quantization plan"),
        ({"format_version": "99"}, "another format version"),
        ({"document": "{"}, "damaged"),
        ({"document": "{}"}, "damaged"),
    ],
)
def test_foreign_and_damaged_plans_are_refused(tmp_path: Path, metadata: dict[str, str], said: str) -> None:
    """Each says what it is instead."""
    path = tmp_path / "plan"
    save_plan(small_plan(), path)
    rewrite(path, **metadata)
    with pytest.raises(BadInput, match=said):
        load_plan(path)


def test_truncated_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    """A file that is no whole safetensors file never half-loads."""
    path = tmp_path / "plan"
    save_plan(small_plan(), path)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-100])
    (tmp_path / "text").write_text("hello")
    save_file({"x": np.zeros(1)}, tmp_path / "other")
    for name in ("cut", "text", "other", "absent"):
        with pytest.raises(BadInput):
            load_plan(tmp_path / name)
