"""One op, one name, in every room; and the kernel and its judge know nothing of each other."""

from __future__ import annotations

import ast
import typing
from pathlib import Path

import numpy as np
import pytest
from op_cases import BUILDERS
from op_datapaths import IOT_NPU

from bittrue.golden.ops import JUDGES
from bittrue.simulator.fixed import ROUNDING_CODES
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.op import VectorOp
from bittrue.spec.ops import OPS
from bittrue.spec.units.requantization import RequantizingOp

ROOT = Path(__file__).parents[2]
SHARED_ARITHMETIC = {"INT64_LIMIT", "Rounding", "code_range", "signed_bits"}
"""What either side may take from spec/arithmetic.py: an enum and two facts about widths."""
GENERIC_TESTS = {"test_mirror", "test_every_op", "test_elementwise_kinds"}


def names(folder: str) -> set[str]:
    """Modules of a folder."""
    return {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of everything that a file imports, at any depth; name is "" for a whole module."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            copied = "companions" in path.parts  # they stand beside a bench, under another name
            assert node.level <= copied, f"{path}: relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def sources(room: str) -> list[Path]:
    """All Python files of a room."""
    return sorted((ROOT / room).rglob("*.py"))


def test_files_and_registries_bear_the_same_names() -> None:
    """spec/ops, simulator/kernels, golden/ops, tests/ops and the registries all list the same ops."""
    assert names("spec/ops") == set(OPS)
    assert names("simulator/kernels") == set(OPS) == set(KERNELS)
    assert names("golden/ops") == set(OPS) == set(JUDGES)
    assert names("tests/ops") - GENERIC_TESTS == {f"test_{name}" for name in OPS}
    assert set(BUILDERS) == set(OPS)


@pytest.mark.parametrize("name", sorted(OPS))
def test_each_name_leads_to_its_own_file(name: str) -> None:
    """A registry entry is the function of the module of its name; an op class says its own name."""
    assert OPS[name].name == name
    assert OPS[name].__module__ == f"bittrue.spec.ops.{name}"
    assert KERNELS[name].__module__ == f"bittrue.simulator.kernels.{name}"
    assert JUDGES[name].__module__ == f"bittrue.golden.ops.{name}"


@pytest.mark.parametrize(
    ("room", "banned"),
    [
        ("simulator", ("bittrue.golden", "torch", "timm", "pandas")),
        ("golden", ("bittrue.simulator", "numba")),
        ("spec", ("bittrue.golden", "bittrue.simulator", "torch", "timm", "pandas", "numba")),
    ],
)
def test_rooms_do_not_import_each_other(room: str, banned: tuple[str, ...]) -> None:
    """The kernels do not know the judges, the judges do not know the kernels, the contract knows neither."""
    files = sources(room)
    assert files
    for path in files:
        for module, name in imports(path):
            for word in banned:
                assert not f"{module}.{name}.".startswith(f"{word}."), f"{path} imports {module} {name}"


@pytest.mark.parametrize("room", ["simulator", "golden"])
def test_no_shared_arithmetic(room: str) -> None:
    """Neither statement computes with the functions of spec/arithmetic.py, by whatever way it may reach them.

    What is driven into a unit is no statement: golden/stimuli solves for operands, and no result comes from it.
    """
    uses = 0
    for path in sources(room):
        if path.is_relative_to(ROOT / "golden" / "stimuli"):
            continue
        for module, name in imports(path):
            if module == "bittrue.spec.arithmetic":
                assert name in SHARED_ARITHMETIC, f"{path} imports {name}"
                uses += 1
            assert (module, name) != ("bittrue.spec", "arithmetic"), f"{path} imports all of spec.arithmetic"
    assert uses, "the modes at least come from there; if not, this test looks in the wrong place"


def test_ops_that_requantize() -> None:
    """A datapath may change the requantizer of exactly the ops that end in it."""
    assert set(typing.get_args(RequantizingOp)) == {name for name, op in OPS.items() if op.requantizes} | {"activation"}


def test_no_op_falls_out_of_the_roundings() -> None:
    """Both statements know every rounding mode."""
    assert set(ROUNDING_CODES) == set(Rounding)
    assert len(set(ROUNDING_CODES.values())) == len(Rounding)


@pytest.mark.parametrize("name", sorted(OPS))
def test_work_counts_known_operations(name: str) -> None:
    """Every op states its work in the words of the contract, with positive counts."""
    call = BUILDERS[name](np.random.default_rng(0), IOT_NPU).call
    work = call.op.work(call)
    assert set(work.vector) <= set(typing.get_args(VectorOp))
    assert all(count > 0 for count in work.vector.values())
