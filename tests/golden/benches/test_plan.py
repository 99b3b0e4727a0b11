"""What becomes a bench: which sets share one, what a design may differ in, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from bench_examples import MODULES, elements, mac, rows, write, written

from bittrue.golden.benches.companions import index
from bittrue.golden.benches.design import Design
from bittrue.golden.benches.plan import benches_of
from bittrue.golden.benches.sets import BenchArray, BenchSet, Word
from bittrue.golden.benches.write import bench_files, write_benches
from bittrue.spec.errors import BadInput, Unsupported

S8 = Word(8, True)


def one(**changed: object) -> BenchSet:
    """A set of three vectors of unit `table`."""
    fields: dict[str, object] = {
        "unit": "table",
        "name": "table.all",
        "folder": "000_table.all",
        "driven": (BenchArray("codes", S8, (3,), "units/codes.mem"),),
        "stages": (BenchArray("output", S8, (3,), "units/output.mem"),),
        "constants": (BenchArray("table", S8, (256,), "units/table.mem"), BenchArray("low", S8, (), "units/low.mem")),
    }
    return BenchSet(**{**fields, **changed})  # type: ignore[arg-type]


def test_sets_that_look_alike_at_the_ports_share_a_bench(tmp_path: Path) -> None:
    """Lengths of sets and rows do not count; another width is another bench, unless the design states its ports."""
    made = [elements(), rows(), rows(3, 7), elements(7, seed=1, name="other")]
    sets = [written(tmp_path, entry, index) for index, entry in enumerate(made)]
    assert [(bench.name, len(bench.plays)) for bench in benches_of(sets, {})] == [
        ("tb_requantize", 2),
        ("tb_softmax", 2),
    ]
    wide = replace(one(), name="table.wide", folder="001", driven=(BenchArray("codes", Word(9, True), (2,), "c.mem"),),
                   stages=(BenchArray("output", S8, (2,), "o.mem"),))  # fmt: skip
    assert [bench.name for bench in benches_of([one(), wide], {})] == ["tb_table", "tb_table_2"]
    stated = Design("bt_table", words={"in_codes": Word(9, True)})
    assert [bench.name for bench in benches_of([one(), wide], {"table": stated})] == ["tb_table"]


def test_a_set_can_have_a_design_of_its_own() -> None:
    """Designs are found by the set's name, then by the unit's; one that serves nothing is refused."""
    sets = [one(), one(name="table.low", folder="001")]
    found = benches_of(sets, {"table": Design("big"), "table.low": Design("small", {"BITS": 4})})
    assert [(bench.name, bench.design.module) for bench in found] == [("tb_table", "big"), ("tb_table_2", "small")]
    with pytest.raises(BadInput, match="designs for nothing: \\['tabel'\\]"):
        benches_of(sets, {"tabel": Design("big")})


def test_a_design_names_its_ports_and_constants() -> None:
    """A constant may be a port and is repeated; defaults stand in for what a set lacks; cfg_sel follows the design."""
    design = Design("my_table", streams=("codes", "low"), constants=("offset", "table"), defaults={"offset": -5})
    (bench,) = benches_of([one()], {"table": design})
    assert [signal.port for signal in bench.streams] == ["in_codes", "in_low"]
    assert [signal.name for signal in bench.constants] == ["offset", "table"]
    memories = {signal.port: memory for signal, memory in zip(bench.signals, bench.plays[0].memories, strict=True)}
    assert (memories["in_low"].row_step, memories["in_low"].column_step) == (0, 0)
    assert (memories["cfg_offset"].mem, memories["cfg_offset"].fixed, memories["cfg_offset"].writes) == ("", -5, 1)


def test_a_mac_gets_weights_by_its_own_columns_and_a_bias_for_each(tmp_path: Path) -> None:
    """Columns that a set lacks are written as zeros, so that addresses have no gap."""
    (bench,) = benches_of([written(tmp_path, mac(4, 8, 2), 0)], {"mac": MODULES["mac"]})
    by_port = {signal.port: memory for signal, memory in zip(bench.signals, bench.plays[0].memories, strict=True)}
    weights, bias = by_port["cfg_weights"], by_port["cfg_bias"]
    assert (weights.writes, weights.group, weights.stride) == (24, 2, 3)
    assert (bias.writes, bias.group, bias.stride) == (3, 2, 3)
    assert (bias.row_step, bias.column_step, bias.shown) == (0, 1, True)


def test_columns_that_a_set_lacks_are_written_as_zeros() -> None:
    """Weights [2, 2] of an array of three columns, and one bias for all of them."""
    word = index.Word(8, True)
    signal = index.Signal("weights", "cfg_weights", word)
    weights = index.Memory(signal, word, (1, 2, 3, 4), 0, 0, False, writes=6, group=2, stride=3)
    assert [weights.written(address) for address in range(6)] == [1, 2, 0, 3, 4, 0]
    bias = index.Memory(signal, word, (-7,), 0, 0, True, writes=3, group=2, stride=3)
    assert [bias.written(address) for address in range(3)] == [-7, -7, 0]


@pytest.mark.parametrize(
    "changed, what",
    [
        ({"name": 'x";$finish;"'}, "not a name"),
        ({"folder": "../up"}, "not a name"),
        ({"driven": (BenchArray("codes", S8, (3,), "../codes.mem"),)}, "not a name"),
        ({"driven": (BenchArray("codes", S8, (3,), '"); $finish; ("'),)}, "not a name"),
        ({"driven": ()}, "needs driven arrays"),
        ({"stages": (BenchArray("rounded", S8, (3,), "r.mem"),)}, "end in the output"),
        ({"stages": (BenchArray("output", S8, (4,), "o.mem"),)}, "count their vectors differently"),
        ({"driven": (BenchArray("table", S8, (3,), "t.mem"),)}, "nothing is read or made twice"),
    ],
)
def test_sets_that_no_bench_can_play_are_refused(changed: dict[str, object], what: str) -> None:
    """Names and paths stand in Verilog and in file names, so they are held to a pattern."""
    with pytest.raises(BadInput, match=what):
        one(**changed)
    with pytest.raises(Unsupported, match="1 to 64 bits"):
        one(driven=(BenchArray("codes", Word(65, True), (3,), "c.mem"),))


def test_sets_that_do_not_fit_the_design_are_refused(tmp_path: Path) -> None:
    """What is driven must be a port; what is a port must be driven, constant or have a default; columns must do."""
    with pytest.raises(Unsupported, match="drives what the design takes as a constant"):
        benches_of([one()], {"table": Design("t", streams=("low",))})
    with pytest.raises(BadInput, match="reads or shows zero_point"):
        benches_of([one()], {"table": Design("t", streams=("codes", "zero_point"))})
    with pytest.raises(BadInput, match="reads or shows rounded"):
        benches_of([one()], {"table": Design("t", stages=("rounded",))})
    with pytest.raises(Unsupported, match="as many columns as it has"):
        benches_of([written(tmp_path, mac(), 0)], {"mac": Design("bt_mac", columns=2)})
    two = (BenchArray("codes", S8, (3,), "c.mem"), BenchArray("other", S8, (3, 2), "o.mem"))
    with pytest.raises(Unsupported, match="neither one word an element"):
        benches_of([one(driven=two)], {})
    with pytest.raises(BadInput, match="not a name"):
        Design("bt_table #(")
    with pytest.raises(BadInput, match="not a name"):
        bench_files([one()], label='a "quoted"\nlabel')


def test_the_bench_holds_to_what_every_simulator_takes(tmp_path: Path) -> None:
    """Nothing is there that some simulator refuses, and every name is declared above its use."""
    folder = write(tmp_path / "package", [elements(), rows(), mac()])
    refused = r"\b(program|class|force|release|fork|\$fscanf|\$urandom|\$random|randomize|bind|interface|covergroup)\b"
    for path in sorted(folder.glob("*.sv")):
        text = re.sub(r'//[^\n]*|"[^"\n]*"', "", path.read_text())
        assert "`timescale 1ns/1ps" in text and not re.search(refused, text), path
        declarations = list(re.finditer(r"^    (?:reg|wire|integer|string)\b(?: \[[^]]*\])? ([^;=]+);", text, re.M))
        assert len(declarations) > 30
        for declaration in declarations:
            for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"\[[^]]*\]", "", declaration[1])):
                first = re.search(rf"\b{name}\b", text)
                assert first and declaration.start(1) <= first.start() < declaration.end(1), f"{path.name}: {name}"


def test_equal_sets_give_equal_bytes_wherever_the_package_lies(tmp_path: Path) -> None:
    """Neither a path of this machine nor a time stands in any file; the folder is whole."""
    texts = []
    for name in ("here", "there"):
        folder = write(tmp_path / name / "package", [elements(), rows(), mac()])
        texts.append(
            {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        )
    assert texts[0] == texts[1] and not any(str(tmp_path).encode() in text for text in texts[0].values())
    assert set(texts[0]) == {
        "tb_requantize.sv", "tb_softmax.sv", "tb_mac.sv", "benches.json", "README.md", "run.py",
        *(f"cocotb_bench/{name}.py" for name in ("__init__", "index", "scoreboard", "streams", "play")),
    }  # fmt: skip


def test_benches_may_stand_outside_the_package(tmp_path: Path) -> None:
    """The path to the package is relative, and is what the runner and the bench take when none is given."""
    sets = [written(tmp_path / "package", elements(), 0)]
    files = write_benches(tmp_path / "package", tmp_path / "elsewhere" / "tb", sets=sets)
    assert json.loads((tmp_path / "elsewhere" / "tb" / "benches.json").read_text())["package"] == "../../package"
    assert 'parameter PACKAGE = "../../package";' in files[0].read_text()
