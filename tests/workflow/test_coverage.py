"""Coverage of packages and of units, as the command line shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bittrue import workflow
from bittrue.golden.stimuli import stimuli_of
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.errors import BadInput


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directed vectors of two units."""
    out = tmp_path_factory.mktemp("coverage") / "p"
    workflow.unit_vectors(["requantize", "table"], datapath="iot_npu", kinds=("directed",), out=out)
    return out


def test_a_package_reaches_what_its_stimuli_reach(package: Path) -> None:
    """Bins are decided anew from the package's arrays; they are those of the stimuli and of its tags."""
    requantize, table = workflow.coverage(package)
    made = workflow.unit_coverage("requantize", datapath="iot_npu")
    assert (requantize.reached, requantize.vectors, requantize.sets) == (made.reached, made.vectors, made.sets)
    assert requantize.open == table.open == ()
    assert {bin_.name for bin_ in requantize.unreachable} == {"tie/62.positive"}
    manifest = workflow.check(package).manifest
    tagged = [one.coverage for one in manifest.units if one.unit == "requantize"]
    assert {name: sum(one[name] for one in tagged) for name in tagged[0]} == requantize.reached


def test_open_bins_are_named(tmp_path: Path) -> None:
    """Uniform vectors leave bins open; closing them and minimising both end closed."""
    uniform = workflow.unit_coverage("requantize", datapath="iot_npu", kinds=("uniform",))
    assert {"tie/40.positive", "multiplier/0"} <= {bin_.name for bin_ in uniform.open}
    assert not set(uniform.open) & set(uniform.closed)
    small = workflow.unit_coverage("requantize", datapath="iot_npu", kinds=("uniform",), close=True, minimise=True)
    assert small.open == () and small.vectors < 400


def test_a_package_without_covered_units_is_refused(tmp_path: Path) -> None:
    """A softmax of another kind has vectors and no bins."""
    import numpy as np

    inputs = {"logits": np.array([[1, 2, 3, 4]])}
    workflow.unit_vectors("softmax", datapath="ita", inputs=inputs, out=tmp_path / "p")
    with pytest.raises(BadInput, match="no unit that coverage is declared for"):
        workflow.coverage(tmp_path / "p")


def test_the_command(package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 where all that can be reached is, 1 where a bin is open, 2 for an unclear request; JSON on request."""
    from bittrue.cli import main as cli

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bittrue", "coverage", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0), "".join(capsys.readouterr())

    code, said = run(package)
    assert code == 0 and "tie negative" in said and "cannot be reached" in said
    code, said = run("--unit", "table", "--stimuli", "uniform", "--json")
    (document,) = json.loads(said)
    assert code == 1 and document["open"][0]["meaning"] and document["vectors"] == 1000
    assert run()[0] == run(package, "--unit", "add")[0] == run("--unit", "add", "--stimuli", "real")[0] == 2


def test_directed_vectors_fit_the_promise() -> None:
    """The units of the default datapath: at most 5,000 directed vectors each."""
    for unit in ("requantize", "add"):
        assert sum(found.vectors for found in stimuli_of(load_datapath("iot_npu"), unit, "directed")) <= 5000
