"""The demo, as a user runs it: every verb on the committed model and real photographs, offline."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from shared_data import EXAMPLE_WEIGHTS

from bittrue.spec.errors import BadInput
from bittrue.workflow import demo
from bittrue.workflow.photographs import CALIBRATION, EVALUATION


def test_the_demo_runs_offline_and_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is opened; every integer is equal; the page and the vectors are there."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the demo opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    out = tmp_path / "demo"
    done = demo(weights=EXAMPLE_WEIGHTS, out=out)
    assert done.comparison.verdict.agreed
    assert done.check.design is not None and done.check.agreed
    assert not done.check.design.not_compared
    assert done.comparison.images == 32
    assert done.comparison.top1 is not None and done.comparison.top1.agreed >= 28
    assert not set(CALIBRATION) & set(EVALUATION)
    assert done.cost.cycles > 0
    assert done.page.read_text().count("<svg") >= 3
    manifest = json.loads((done.package / "manifest.json").read_text())
    assert {"conv2d", "linear", "matmul", "softmax", "layer_norm", "add", "table"} <= {
        s["op"] for s in manifest["steps"]
    }
    with pytest.raises(BadInput, match="no demo"):
        demo(weights=EXAMPLE_WEIGHTS, out=tmp_path)
