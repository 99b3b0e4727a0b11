"""bench units: cells recomputed by hand and by other means, every kind measured, broken units seen, files written."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import numpy as np
import pytest
from norm_units import SECTIONS as NORM_SECTIONS
from pydantic import TypeAdapter
from softmax_plain import PLAIN
from softmax_units import SECTIONS as SOFTMAX_SECTIONS

from bittrue import workflow
from bittrue.cli.main import main
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.unit_data import ErrorRow, UnitErrors
from bittrue.reports.unit_figures import unit_figure
from bittrue.reports.unit_tables import TABLES, begin, number, with_tables
from bittrue.simulator.units.activation import KINDS as ACTIVATION_KERNELS
from bittrue.simulator.units.norm import KINDS as NORM_KERNELS
from bittrue.simulator.units.softmax import KINDS as SOFTMAX_KERNELS
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.units.activation import AnyActivation
from bittrue.spec.units.norm import RsqrtTableNorm
from bittrue.spec.units.softmax import AnySoftmax
from bittrue.workflow.unit_errors_activation import activation_errors
from bittrue.workflow.unit_errors_kinds import ACTIVATIONS, NORM, SOFTMAX
from bittrue.workflow.unit_errors_norm import CodeRows, norm_errors
from bittrue.workflow.unit_errors_softmax import CASES, softmax_errors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "unit_errors.md"
FILES = {
    "unit_errors.json",
    *(f"unit_errors_{unit}.svg" for unit in ("silu", "gelu", "exp", "rsqrt", "softmax", "norm")),
}


@pytest.fixture(scope="module")
def errors() -> UnitErrors:
    """The whole table."""
    return workflow.bench_units()


def row_of(errors: UnitErrors, unit: str, kind: str, case: str) -> ErrorRow:
    """One line of the table."""
    (row,) = (row for row in errors.of(unit) if (row.kind, row.case) == (kind, case))
    return row


# ------------------------------------------------------------------------------------------------------ completeness


def test_every_kind_is_measured(errors: UnitErrors) -> None:
    """All kinds of softmax and norm, and of activation all that serve SiLU or GELU, in every case."""
    assert {unit.kind for unit in SOFTMAX.values()} == set(SOFTMAX_KERNELS)
    assert {unit.kind for unit in NORM.values()} == set(NORM_KERNELS)
    classes = get_args(get_args(AnyActivation)[0])
    serving = {
        f: {get_args(c.model_fields["kind"].annotation)[0] for c in classes if f in c.functions}
        for f in ("silu", "gelu")
    }
    for function, kinds in serving.items():
        measured = {case.unit.kind for case in ACTIVATIONS if case.unit is not None and function in case.functions}
        assert measured == kinds
        assert set(errors.kinds(function)) == {case.name for case in ACTIVATIONS if function in case.functions}
    assert errors.kinds("softmax") == tuple(SOFTMAX) and errors.kinds("norm") == tuple(NORM)
    assert len(errors.kinds("exp")) == 5 and len(errors.kinds("rsqrt")) == 6
    places = [(row.unit, row.kind, row.case) for row in errors.rows]
    assert len(set(places)) == len(places)


def test_configurations_are_those_of_the_sources() -> None:
    """The same sections as the tests of the units have them, and as packaged datapaths do."""
    of_kind = {unit.kind: unit for name, unit in reversed(SOFTMAX.items())}
    for kind, section in SOFTMAX_SECTIONS.items():
        assert of_kind[kind] == TypeAdapter(AnySoftmax).validate_python(section)
    assert load_datapath("iot_npu").softmax == SOFTMAX["table"]
    assert load_datapath("iot_npu").norm == NORM["exact"]
    assert load_datapath("paper_fq_vit").norm == NORM["fq_vit"]
    for kind, names in {"ivit": ("start_bits", "steps", "fraction_bits"), "ibert": ("fraction_bits",)}.items():
        assert all(getattr(NORM[kind], name) == NORM_SECTIONS[kind][name] for name in (*names, "mean_rounding"))


def test_rows_are_consistent(errors: UnitErrors) -> None:
    """found - exact is the largest error, the mean is not above it, and a step is positive."""
    for row in errors.rows:
        assert math.isclose(abs(row.found - row.exact), row.max_error, rel_tol=1e-9, abs_tol=1e-15), row
        assert 0 < row.mean_error <= row.max_error and row.step > 0 and row.values > 30
        assert row.max_steps == row.max_error / row.step


# ------------------------------------------------------------------------------------------------------ cells by hand


@pytest.mark.parametrize("function", ["silu", "gelu"])
def test_a_direct_table_is_correctly_rounded(errors: UnitErrors, function: str) -> None:
    """Its error is the distance of float64's value to the nearest output code: half a step at most."""
    x = np.arange(-128, 128) / 16
    gate = 1 / (1 + np.exp(-x)) if function == "silu" else np.array([(1 + math.erf(v / math.sqrt(2))) / 2 for v in x])
    steps = x * gate * 512 / 17
    distance = np.abs(np.rint(steps) - steps)
    row = row_of(errors, function, "table", "every 8-bit code")
    assert row.max_steps <= 0.5
    assert math.isclose(row.max_steps, distance.max(), rel_tol=1e-9)
    assert math.isclose(row.mean_error, distance.mean() * 17 / 512, rel_tol=1e-9)
    assert row.at == x[distance.argmax()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table_softmax_from_its_formulas(errors: UnitErrors, case: Any) -> None:
    """A table of math.exp, the plain statement on Python integers and exact sums give the same cell.

    An exponential errs by half a unit, so a sum of n by (n - 1) / 2 (the largest is exact): at most
    1/2 + 1/2 + p * (n - 1) / 2 steps, with one more for the sum that is a unit below 2**16.
    """
    entries = [math.floor(65535 * math.exp(-d / 16) + 0.5) for d in range(256)]
    worst, bound = 0.0, 0.0
    for row in case.codes(case.scale).tolist():
        exponentials = [math.exp((q - max(row)) / 16) for q in row]
        exact = [e / math.fsum(exponentials) for e in exponentials]
        output = PLAIN["table"](SOFTMAX["table"], row, entries)["output"]
        worst = max(worst, *(abs(p / 65536 - real) for p, real in zip(output, exact, strict=True)))
        bound = max(bound, 2 + max(exact) * (case.n - 1) / 2)
    found = row_of(errors, "softmax", "table", case.name)
    assert math.isclose(found.max_error, worst, rel_tol=1e-9)
    assert 0.5 < found.max_steps <= bound


@pytest.mark.parametrize(
    ("kind", "at", "found"),
    [
        ("ibert", -1.25, 14 / 44),  # octave 3, b 10, c 44: r = 2 of the second octave, (44 - 2 * 8) / 2
        ("ivit", -0.5, 6 / 8),  # octave 4: t = -2 - 1 + 1 = -2, (8 - 2) / 2 over 4
        ("hyq", -1.0, 2 / 5),  # octave 3, b 5: r = 1 of the second octave, (5 - 1) / 2
    ],
)
def test_coarse_exponentials_by_hand(errors: UnitErrors, kind: str, at: float, found: float) -> None:
    """Logits of scale 1/4: I-BERT, Shiftmax and HyQ at the places where they are worst."""
    row = row_of(errors, "exp", kind, "-8 .. 0, scale 1/4")
    assert row.at == at
    assert math.isclose(row.found, found, rel_tol=1e-4)  # I-BERT's has 15 bits
    assert math.isclose(row.exact, math.exp(at), rel_tol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind, unit in NORM.items() if isinstance(unit, RsqrtTableNorm)])
def test_tables_of_reciprocal_roots_by_hand(errors: UnitErrors, kind: str) -> None:
    """The middle of the first interval stands for 1: e = 1 - 1 / sqrt(1 + half of it); a Newton step leaves 3/2 e^2."""
    unit = NORM[kind]
    assert isinstance(unit, RsqrtTableNorm)
    error = 1 - 1 / math.sqrt(1 + 2.0 ** -(unit.table_bits + 1))
    bound = 1.5 * error**2 if unit.steps else error
    row = row_of(errors, "rsqrt", kind, "operand from 2**14")
    assert 0.9 * bound < row.max_error < bound + 2.0**-20


def test_ivit_on_quiet_rows(errors: UnitErrors) -> None:
    """IntLayerNorm's statements in float64 (exact here), its output rounded to sixteenths, give the same cell."""
    case = CodeRows(64, 2)
    x = case.codes().astype(np.float64)
    y = x - np.rint(x.mean(axis=1, keepdims=True))
    squares, k = (y**2).sum(axis=1, keepdims=True), 2.0**16
    for _ in range(10):
        k = np.floor((k + np.floor(squares / k)) / 2)
    normalized = np.floor(y * np.floor((2.0**31 - 1) / k) / 2) * 8 / 2**30
    centred = x - x.mean(axis=1, keepdims=True)
    exact = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 256e-5)
    error = np.abs(np.rint(normalized * 16) / 16 - exact).max()
    row = row_of(errors, "norm", "ivit", case.name)
    assert math.isclose(row.max_error, error, rel_tol=1e-9)
    assert row.max_steps > 40


def test_what_the_page_says(errors: UnitErrors) -> None:
    """The findings in words: scales of I-BERT, small sums of I-ViT, FQ-ViT's mantissa, I-ViT's SiLU."""
    ibert = {
        scale: row_of(errors, "softmax", "ibert", f"n 64, deviation 1, scale {scale}") for scale in ("1/64", "1/2")
    }
    assert ibert["1/64"].max_error < 0.005 and ibert["1/2"].max_error > 0.2
    quiet, long = (row_of(errors, "norm", "ivit", f"n {n}, deviation 2").max_steps for n in (64, 8192))
    assert quiet > 40 and long < 1
    near, far = (row_of(errors, "norm", "fq_vit", f"n 144, deviation 2{more}").max_steps for more in ("", ", mean 60"))
    assert near < 1 and far > 4
    fine, coarse = (
        row_of(errors, "silu", f"shift_silu, element{more}", "every 8-bit code").max_steps for more in (", 15 bits", "")
    )
    assert fine < 2.5 and coarse > 15
    assert all(row.max_steps < 0.51 for row in errors.of("norm") if row.kind == "exact" and "16 bits" not in row.case)


# -------------------------------------------------------------------------------------------------------- broken units


def largest(rows: list[ErrorRow]) -> float:
    """Over all cases, in steps."""
    return max(row.max_steps for row in rows)


def test_a_broken_softmax_is_seen(errors: UnitErrors, monkeypatch: pytest.MonkeyPatch) -> None:
    """One code too much in one place of each row."""
    run = SOFTMAX_KERNELS["gemmlowp"]

    def broken(unit: Any, arrays: Any) -> Any:
        found = run(unit, arrays)
        found["output"][:, -1] += 1
        return found

    monkeypatch.setitem(SOFTMAX_KERNELS, "gemmlowp", broken)
    healthy = [row for row in errors.of("softmax") if row.kind == "gemmlowp"]
    assert largest(healthy) < 0.51
    assert largest(softmax_errors({"gemmlowp": SOFTMAX["gemmlowp"]})) > 1


def test_a_broken_norm_is_seen(errors: UnitErrors, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normalized value that is 1 % too small."""
    run = NORM_KERNELS["exact"]

    def broken(unit: Any, arrays: Any) -> Any:
        found = run(unit, arrays)
        return {**found, "normalized": found["normalized"] * 99 // 100}

    monkeypatch.setitem(NORM_KERNELS, "exact", broken)
    assert largest([row for row in errors.of("norm") if row.kind == "exact"]) < 0.7
    assert largest(norm_errors({"exact": NORM["exact"]})) > 100  # 1 % of 3 deviations are 123 steps of 2**-12


def test_a_broken_activation_is_seen(errors: UnitErrors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpolation without its slope."""
    run = ACTIVATION_KERNELS["interpolated"]

    def broken(unit: Any, arrays: Any) -> Any:
        found = run(unit, arrays)
        return {**found, "output": (found["base"] + (1 << unit.fraction_bits >> 1)) >> unit.fraction_bits}

    monkeypatch.setitem(ACTIVATION_KERNELS, "interpolated", broken)
    case = next(case for case in ACTIVATIONS if case.name == "interpolated, 33 nodes")
    rows, _ = activation_errors([case])
    for row in rows:
        assert row.max_steps > 5 * row_of(errors, row.unit, row.kind, row.case).max_steps


# ------------------------------------------------------------------------------------------------- command and page


def test_the_command_writes_the_page_and_the_plots(
    errors: UnitErrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON on standard output and in the folder, six plots below 60 kB that are XML and come out the same again."""
    page = tmp_path / "page.md"
    page.write_text("top\n" + "".join(f"{begin(table)}old\n<!-- end of table -->\n" for table in TABLES) + "bottom\n")
    folder = tmp_path / "plots"
    monkeypatch.setattr(sys, "argv", ["bittrue", "bench", "units", "--json", "--out", str(folder), "--page", str(page)])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    printed = json.loads(capsys.readouterr().out)
    rows = [row.document() for row in errors.rows]
    assert printed["rows"] == json.loads((folder / "unit_errors.json").read_text())["rows"] == rows
    assert {path.name for path in folder.iterdir()} == FILES
    for name in FILES:
        if name.endswith(".svg"):
            drawn = (folder / name).read_text(encoding="utf-8")
            assert drawn == unit_figure(errors, name.removeprefix("unit_errors_").removesuffix(".svg"))
            assert len(drawn.encode()) < 60_000
            ElementTree.fromstring(drawn)
    text = page.read_text()
    assert text.startswith("top\n") and text.endswith("bottom\n") and "old" not in text
    silu = text.partition(begin("silu"))[2].partition("<!--")[0]
    assert f"| table | every 8-bit code | {number(errors.of('silu')[0].max_error)} | 0.496 |" in silu


def test_the_page_of_the_documentation_is_current(errors: UnitErrors) -> None:
    """docs/unit_errors.md and the JSON beside its plots hold what the command measures now."""
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text, errors) == text
    figures = PAGE.parent / "figures"
    kept = json.loads((figures / "unit_errors.json").read_text())["rows"]
    assert [(row["unit"], row["kind"], row["case"]) for row in kept] == [(r.unit, r.kind, r.case) for r in errors.rows]
    for before, now in zip(kept, errors.rows, strict=True):
        assert math.isclose(before["max_error"], now.max_error, rel_tol=1e-6), now
    assert {path.name for path in figures.glob("unit_errors*")} == FILES
    assert all(f"figures/{name}" in text for name in FILES)


def test_pages_without_markers_and_folders_that_are_files_are_refused(tmp_path: Path) -> None:
    """Before anything is measured or written."""
    page = tmp_path / "page.md"
    page.write_text(begin("softmax"))
    with pytest.raises(BadInput, match="lacks the markers"):
        workflow.bench_units(page=page)
    with pytest.raises(BadInput, match="cannot be read"):
        workflow.bench_units(page=tmp_path / "absent.md")
    with pytest.raises(BadInput, match="no folder"):
        workflow.bench_units(out=page)
    assert page.read_text() == begin("softmax")


def test_plots_without_matplotlib_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    with pytest.raises(Unsupported) as refused:
        workflow.bench_units(out=tmp_path / "out")
    assert refused.value.next_step == "pip install 'bittrue[report]'"
    assert not (tmp_path / "out").exists()
