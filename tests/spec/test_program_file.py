"""Programs on disk: what is saved comes back the same, and every kind of damage is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hand_program import PROGRAM
from tiny_programs import iot_npu

from bittrue.spec.builder import Builder
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.files import read_safetensors, write_safetensors
from bittrue.spec.ops import Concat
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program, save_program


def saved(tmp_path: Path, program: Program = PROGRAM) -> Path:
    """A file of the program."""
    path = tmp_path / "tiny.safetensors"
    save_program(program, path)
    return path


def test_round_trip(tmp_path: Path) -> None:
    """Saving, loading and saving again gives the same digest, the same parts and the same bytes."""
    path = saved(tmp_path)
    loaded = load_program(path)
    assert loaded.digest == PROGRAM.digest
    assert (loaded.steps, loaded.tensors, loaded.datapath, loaded.provenance) == (
        PROGRAM.steps,
        PROGRAM.tensors,
        PROGRAM.datapath,
        PROGRAM.provenance,
    )
    assert all((loaded.constants[key] == array).all() for key, array in PROGRAM.constants.items())
    save_program(loaded, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def contents(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the metadata of a file."""
    return read_safetensors(path, "program")


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the program's JSON inside a file, constants untouched, the digest left as it was."""
    arrays, metadata = contents(path)
    document = json.loads(metadata["document"])
    change(document)
    write_safetensors(path, arrays, {**metadata, "document": json.dumps(document, sort_keys=True)})


def refused(path: Path) -> BittrueError:
    """Loading is refused as a user sees it: a BittrueError that names the file."""
    with pytest.raises(BittrueError) as refusal:
        load_program(path)
    assert str(path) in str(refusal.value)
    return refusal.value


def step_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """One step of a document."""
    found: dict[str, Any] = next(step for step in document["steps"] if step["name"] == name)
    return found


def tensor_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """One tensor of a document."""
    found: dict[str, Any] = next(spec for spec in document["tensors"] if spec["name"] == name)
    return found


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown op": lambda d: step_of(d, "conv").update(op="conv3d"),
    "attribute changed": lambda d: step_of(d, "relu")["attributes"].update(function="silu"),
    "attribute of another type": lambda d: step_of(d, "conv")["attributes"].update(groups=1.0),
    "attribute a boolean": lambda d: step_of(d, "conv")["attributes"].update(groups=True),
    "attribute of a tuple": lambda d: step_of(d, "conv")["attributes"].update(stride=[2, "2"]),
    "attribute too short": lambda d: step_of(d, "conv")["attributes"].update(stride=[2]),
    "attribute too long": lambda d: step_of(d, "conv")["attributes"].update(kernel=[3, 3, 3]),
    "attribute missing": lambda d: step_of(d, "conv")["attributes"].pop("kernel"),
    "attribute unknown": lambda d: step_of(d, "conv")["attributes"].update(dilation=[1, 1]),
    "bound lowered": lambda d: step_of(d, "conv").update(bound=[-1, 1]),
    "bound of floats": lambda d: step_of(d, "conv").update(bound=[float(x) for x in step_of(d, "conv")["bound"]]),
    "bound of three": lambda d: step_of(d, "conv").update(bound=[0, 1, 2]),
    "bound removed": lambda d: step_of(d, "conv").update(bound=None),
    "bound missing": lambda d: step_of(d, "conv").pop("bound"),
    "forward input": lambda d: step_of(d, "conv").update(inputs=["flat"]),
    "cyclic input": lambda d: step_of(d, "conv").update(inputs=["conv"]),
    "input a number": lambda d: step_of(d, "conv").update(inputs=[3]),
    "input a list": lambda d: step_of(d, "conv").update(inputs=[["image"]]),
    "input a text": lambda d: step_of(d, "conv").update(inputs="quantized"),
    "steps exchanged": lambda d: d["steps"].reverse(),
    "step removed": lambda d: d["steps"].pop(),
    "step a number": lambda d: d["steps"].append(7),
    "steps missing": lambda d: d.pop("steps"),
    "steps a text": lambda d: d.update(steps="conv"),
    "shape changed": lambda d: tensor_of(d, "conv").update(shape=[1, 2, 1, 4]),
    "shape of floats": lambda d: tensor_of(d, "image").update(shape=[1.0, 3.0, 4.0, 4.0]),
    "shape a text": lambda d: tensor_of(d, "conv").update(shape="1224"),
    "shape empty": lambda d: tensor_of(d, "logits").update(shape=[]),
    "zero point changed": lambda d: tensor_of(d, "quantized").update(zero_point=[-4]),
    "zero point a float": lambda d: tensor_of(d, "quantized").update(zero_point=[-3.0]),
    "zero point a number": lambda d: tensor_of(d, "quantized").update(zero_point=-3),
    "bits a float": lambda d: tensor_of(d, "quantized").update(bits=8.0),
    "bits a text": lambda d: tensor_of(d, "quantized").update(bits="8"),
    "signed a number": lambda d: tensor_of(d, "quantized").update(signed=1),
    "axis past the last": lambda d: tensor_of(d, "conv").update(axis=9),
    "axis negative": lambda d: tensor_of(d, "conv").update(axis=-3),
    "axis a text": lambda d: tensor_of(d, "conv").update(axis="1"),
    "scale not a number": lambda d: tensor_of(d, "conv").update(scale=[float("nan"), 1.0]),
    "scale a text": lambda d: tensor_of(d, "conv").update(scale=["1", "1"]),
    "row sum claimed": lambda d: tensor_of(d, "flat").update(row_sum_max=1),
    "tensor key unknown": lambda d: tensor_of(d, "conv").update(colour="green"),
    "tensor key missing": lambda d: tensor_of(d, "conv").pop("bits"),
    "tensor removed": lambda d: d["tensors"].pop(),
    "tensor added": lambda d: d["tensors"].append({**tensor_of(d, "flat"), "name": "spare"}),
    "tensors a mapping": lambda d: d.update(tensors={}),
    "datapath missing": lambda d: d.pop("datapath"),
    "datapath key unknown": lambda d: d["datapath"].update(lanes=8),
    "datapath another": lambda d: d["datapath"]["requantization"].update(rounding="floor"),
    "datapath overflow": lambda d: d["datapath"]["mac"].update(accumulator_bits=8),
    "input another": lambda d: d.update(inputs=["quantized"]),
    "output another": lambda d: d.update(output="flat"),
    "output a list": lambda d: d.update(output=["logits"]),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_edited_documents(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """An edit of the program's text is refused, whether it breaks the contract or only the digest."""
    path = saved(tmp_path)
    edit(path, change)
    refused(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"text"', "{}", "NaN"])
def test_documents_that_are_no_programs(tmp_path: Path, text: str) -> None:
    """JSON of another kind, or no JSON."""
    path = saved(tmp_path)
    arrays, metadata = contents(path)
    write_safetensors(path, arrays, {**metadata, "document": text})
    refused(path)


@pytest.mark.parametrize(
    ("key", "bit"),
    [("conv/weight", 1), ("conv/bias", 64), ("conv/multiplier", 2), ("conv/shift", 1), ("relu/table", 1)],
)
def test_edited_constants(tmp_path: Path, key: str, bit: int) -> None:
    """One integer of one constant, changed in the file."""
    path = saved(tmp_path)
    arrays, metadata = contents(path)
    array = arrays[key].copy()
    array.reshape(-1)[-1] ^= bit
    write_safetensors(path, {**arrays, key: array}, metadata)
    refused(path)


@pytest.mark.parametrize("change", ["missing", "added", "reshaped", "floats"])
def test_other_constants(tmp_path: Path, change: str) -> None:
    """A constant that is missing, that no step has, of another shape or of floats."""
    path = saved(tmp_path)
    arrays, metadata = contents(path)
    weight = arrays.pop("logits/weight")
    if change == "added":
        arrays |= {"logits/weight": weight, "logits/gamma": weight}
    elif change != "missing":
        arrays["logits/weight"] = weight.T.copy() if change == "reshaped" else weight.astype(np.float32)
    write_safetensors(path, arrays, metadata)
    refused(path)


def test_an_attribute_that_came_later(tmp_path: Path) -> None:
    """At its default it is in no file, so that older programs keep their bytes and digests; else it is read back."""
    digests = []
    for copies in (False, True):
        draft = Builder("joined", iot_npu())
        names = [draft.input(name, (1, 2)) for name in "ab"]
        constants = {} if copies else {"multiplier": [1 << 30] * 2, "shift": [30] * 2}
        program = draft.build(draft.step("y", Concat(1, copies=copies), names, constants=constants))
        path = tmp_path / f"{copies}.safetensors"
        save_program(program, path)
        document = json.loads(contents(path)[1]["document"])
        assert document["steps"][0]["attributes"] == ({"axis": 1, "copies": True} if copies else {"axis": 1})
        assert load_program(path).steps == program.steps
        digests.append(load_program(path).digest)
        edit(path, lambda document: document["steps"][0]["attributes"].update(copies="yes"))
        assert "copies" in str(refused(path))
    assert digests[0] != digests[1]


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(tmp_path: Path, fraction: float) -> None:
    """A file that ends early is refused wherever it ends."""
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    assert isinstance(refused(path), BadInput)


def test_a_flipped_bit_anywhere(tmp_path: Path) -> None:
    """No single changed byte leads to another program: it is refused, or it changed nothing but provenance."""
    path = saved(tmp_path)
    data = path.read_bytes()
    refusals = 0
    for place in range(0, len(data), 97):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            digest = load_program(path).digest
        except BittrueError:
            refusals += 1
        else:
            assert digest == PROGRAM.digest
    assert refusals > 50


def test_foreign_files(tmp_path: Path) -> None:
    """Somebody else's safetensors, another kind of bittrue file, another format version, no file."""
    path = tmp_path / "foreign.safetensors"
    arrays = {"layer.weight": np.zeros((2, 2), np.float32)}
    for metadata in (
        None,
        {},
        {"format": "pt"},
        {"bittrue": "a word"},
        {"bittrue": "[]"},
        {"bittrue": '{"format_version": 1}'},
    ):
        path.write_bytes(safetensors.numpy.save(arrays, metadata))
        assert isinstance(refused(path), BadInput)
    write_safetensors(path, arrays, {"kind": "plan", "format_version": "1"})
    assert "plan" in str(refused(path))
    write_safetensors(path, arrays, {"kind": "program", "format_version": "1"})
    assert "format version" in str(refused(path))
    write_safetensors(path, arrays, {"kind": "program", "format_version": "1"})
    assert isinstance(refused(path), BadInput)
    path.unlink()
    assert "no such program" in str(refused(path))
