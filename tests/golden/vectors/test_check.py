"""check_package: a package from a stranger is refused wherever it is not what it says."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.manifest import FileEntry, Manifest, StepVectors
from bittrue.golden.vectors.values import Value
from bittrue.spec.errors import BadInput

Relist = Callable[[Manifest], None]
CONV = "steps/000_stem.0.conv"


def refused(package: Path, text: str) -> BadInput:
    """The refusal of a package; it must say what, where, what was got and what to do next."""
    with pytest.raises(BadInput, match=text) as error:
        check_package(package)
    assert error.value.where.startswith(str(package))
    assert error.value.got is not None and error.value.next_step
    return error.value


def read(package: Path) -> Manifest:
    """The manifest as it stands."""
    return Manifest.model_validate_json((package / "manifest.json").read_bytes())


def replace_file(package: Path, relist: Relist, path: str, data: bytes) -> None:
    """Put other bytes into a file and list them with fitting size and hash."""
    (package / path).write_bytes(data)
    manifest = read(package)
    entry = FileEntry(sha256=sha256(data).hexdigest(), bytes=len(data))
    relist(manifest.model_copy(update={"files": {**manifest.files, path: entry}}))


def edit(package: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest's JSON."""
    document = json.loads((package / "manifest.json").read_bytes())
    change(document)
    (package / "manifest.json").write_text(json.dumps(document))


def test_a_whole_package_is_accepted(package: Path) -> None:
    """An untouched package gives its manifest; so does a link to its folder."""
    assert check_package(package) == read(package)
    (package.parent / "link").symlink_to(package)
    assert check_package(package.parent / "link") == read(package)


def test_one_flipped_bit_in_any_listed_file(package: Path) -> None:
    """A flip in the header, the middle or the end of every file is found."""
    for path in read(package).files:
        whole = (package / path).read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 1):
            (package / path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert refused(package, "other contents").where == str(package / path)
        (package / path).write_bytes(whole)
    check_package(package)


def test_one_flipped_bit_in_the_manifest(package: Path) -> None:
    """A flip anywhere in the manifest's first three kilobytes is found, unless it is only white space."""
    path = package / "manifest.json"
    whole = path.read_bytes()
    for at in range(0, 3000, 7):
        if whole[at : at + 1].isspace():
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BadInput):
            check_package(package)


@pytest.mark.parametrize("size", [0, 1, 500])
def test_truncated_manifest(package: Path, size: int) -> None:
    """A manifest that ends early is refused."""
    whole = (package / "manifest.json").read_bytes()
    (package / "manifest.json").write_bytes(whole[:size])
    refused(package, "not valid")
    (package / "manifest.json").write_bytes(whole[:-2])
    refused(package, "not valid")


def test_manifest_that_is_missing_or_no_object(package: Path) -> None:
    """Another folder, a list and bytes that are no text are refused."""
    for data in (b"[]", b"\xff\xfe", b"[" * 100_000, b"null"):
        (package / "manifest.json").write_bytes(data)
        refused(package, "not valid")
    (package / "manifest.json").unlink()
    refused(package, "no vector package")
    refused(package / "nowhere", "no vector package")


@pytest.mark.parametrize("version", [0, 1, 3, -1])
def test_unknown_schema_version(package: Path, version: int) -> None:
    """Another schema version is named before the rest is looked at."""

    def change(document: dict[str, Any]) -> None:
        document.clear()
        document["schema_version"] = version

    edit(package, change)
    error = refused(package, "another schema version")
    assert (error.got, error.expected) == (version, 2)


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "surprise"),
        (("datapath", "mac"), "surprise"),
        (("steps", 0, "values", 1), "surprise"),
        (("files", f"{CONV}/output.npy"), "md5"),
    ],
)
def test_unknown_keys(package: Path, place: tuple[str | int, ...], key: str) -> None:
    """An unknown key at any depth is refused, with its path."""

    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for part in place:
            inner = inner[part]
        inner[key] = 1

    edit(package, change)
    assert refused(package, "not valid").where.endswith(".".join(str(part) for part in (*place, key)))


@pytest.mark.parametrize(
    "path", ["../outside.npy", "/etc/passwd", "a/../../b", "C:/x", "c:x", "a\\..\\b", "a//b", "", "./a", "a/", "a\n"]
)
def test_paths_that_leave_the_folder(package: Path, path: str) -> None:
    """A path that is absolute, climbs, has a drive or a backslash is refused, in the table and in a value."""
    entry = {"sha256": "0" * 64, "bytes": 1}
    edit(package, lambda document: document["files"].update({path: entry}))
    refused(package, "not valid")
    edit(package, lambda document: document["files"].pop(path))
    edit(package, lambda document: document["steps"][0]["values"][0].update({"npy": path}))
    refused(package, "not valid")


def edit_value(field: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of one field of the first value."""
    return lambda document: document["steps"][0]["values"][0].update({field: value})


@pytest.mark.parametrize(
    "change",
    [
        edit_value("npy", f"{CONV}/nowhere.npy"),
        edit_value("npy", f"{CONV}/output.npy"),
        edit_value("bits", "8"),
        edit_value("shape", [1, 1, 3, 4, 4]),
        edit_value("shape", [2, 1, 3, 4, 0]),
        edit_value("scale", []),
        edit_value("counted", None),
        edit_value("counted", "vectors"),
        edit_value("role", "bench"),
        lambda document: document["steps"].append(document["steps"][0]),
        lambda document: document["steps"][1].update({"name": document["steps"][0]["name"]}),
        lambda document: document["steps"][1].update({"folder": document["steps"][0]["folder"]}),
        lambda document: document["steps"][0]["values"][0].update({"role": "stage", "name": "rounded"}),
        lambda document: document.update({"steps": []}),
        lambda document: document.update({"payload_digest": "XYZ"}),
        lambda document: document["steps"][0].update({"name": "a/b"}),
    ],
)
def test_manifest_that_contradicts_itself(package: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Values without files, shared files, packings and shapes that do not follow are refused."""
    edit(package, change)
    refused(package, "not valid")


def test_edited_manifest_with_old_digests(package: Path) -> None:
    """A valid edit of a meaning or of the table is found by the digests."""
    edit(package, lambda document: document["steps"][0]["values"][0].update({"zero_point": [1]}))
    refused(package, "the manifest was edited")
    edit(package, lambda document: document["files"][f"{CONV}/output.npy"].update({"bytes": 1}))
    refused(package, "the file table was edited")


def test_missing_and_extra_files(package: Path) -> None:
    """The files must be exactly the listed ones; a file below a new folder counts."""
    (package / "steps" / "new").mkdir()
    (package / "steps" / "new" / "more.txt").write_text("hello")
    assert "1 extra ['steps/new/more.txt']" in str(refused(package, "not those").got)
    (package / "steps" / "new" / "more.txt").unlink()
    (package / CONV / "output.mem").unlink()
    assert "1 missing ['steps/000_stem.0.conv/output.mem']" in str(refused(package, "not those").got)


@pytest.mark.parametrize("what", ["file", "folder", "manifest", "dangling"])
def test_symbolic_links(package: Path, what: str) -> None:
    """No link is followed, even where it leads to the right bytes."""
    outside = package.parent / "outside"
    if what == "file":
        (package / CONV / "output.npy").rename(outside)
        (package / CONV / "output.npy").symlink_to(outside)
    elif what == "folder":
        (package / CONV).rename(outside)
        (package / CONV).symlink_to(outside)
    elif what == "manifest":
        (package / "manifest.json").rename(outside)
        (package / "manifest.json").symlink_to(outside)
    else:
        (package / "steps" / "link").symlink_to(outside)
    refused(package, "no vector package" if what == "manifest" else "holds no links")


def test_pipes_are_not_opened(package: Path) -> None:
    """A pipe in place of a file is refused, not read."""
    (package / CONV / "output.mem").unlink()
    os.mkfifo(package / CONV / "output.mem")
    refused(package, "plain files only")


def test_other_size(package: Path) -> None:
    """A file that grew is refused by its size."""
    with (package / CONV / "output.mem").open("a") as file:
        file.write("\n")
    refused(package, "another size")


def npy(array: np.ndarray, *, version: tuple[int, int] = (1, 0), allow_pickle: bool = False) -> bytes:
    """An array as .npy bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=allow_pickle)
    return stream.getvalue()


def header(text: str) -> bytes:
    """A .npy 1.0 header with no data behind it."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        """What a pickle of it would run."""
        return os.mkdir, ("/nonexistent/unpickled",)


OUTPUT = np.zeros((2, 1, 2, 3, 4), np.int8)
ARRAYS = {
    "pickle": (npy(np.array([[Trap()]], dtype=object), allow_pickle=True), "does not hold integers"),
    "float": (npy(OUTPUT.astype(np.float32)), "does not hold integers"),
    "bool": (npy(OUTPUT.astype(np.bool_)), "does not hold integers"),
    "record": (npy(np.zeros(OUTPUT.shape, "i1,i1")), "does not hold integers"),
    "wider": (npy(OUTPUT.astype(np.int16)), "not what the manifest states"),
    "unsigned": (npy(OUTPUT.astype(np.uint8)), "not what the manifest states"),
    "turned": (npy(OUTPUT.reshape(2, 1, 2, 4, 3)), "not what the manifest states"),
    "flat": (npy(OUTPUT.reshape(-1)), "not what the manifest states"),
    "short": (npy(OUTPUT)[:-1], "truncated or too long"),
    "long": (npy(OUTPUT) + b"\0", "truncated or too long"),
    "version 3": (npy(OUTPUT, version=(3, 0)), "not a readable"),
    "vast": (header("{'descr': '|i1', 'fortran_order': False, 'shape': (1000000000000000,)}"), "truncated or too long"),
    "negative": (header("{'descr': '|i1', 'fortran_order': False, 'shape': (-1,)}") + b"\0", "not a readable"),
    "40 axes": (
        header("{'descr': '|i1', 'fortran_order': False, 'shape': (" + "1," * 40 + ")}") + b"\0",
        "truncated or too long",
    ),
    "slow header": (header("{'descr': '|i1', 'fortran_order': False, 'shape': (" + "1" * 9000), "not a readable"),
    "incomplete header": (header("{'descr': '|i1'}"), "not a readable"),
    "nested header": (header("(" * 9000), "not a readable"),
    "code for a header": (header("__import__('os')"), "not a readable"),
    "magic only": (b"\x93NUMPY", "not a readable"),
    "empty": (b"", "not a readable"),
    "code too wide": (npy(OUTPUT + np.int8(32)), "does not fit its width"),
}
"""Bytes in place of a 6-bit signed output, and what is said of them."""


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_are_not_what_is_stated(package: Path, relist: Relist, kind: str) -> None:
    """With fitting hashes, another dtype, shape, length or format than stated is still refused; no pickle runs."""
    data, text = ARRAYS[kind]
    replace_file(package, relist, f"{CONV}/output.npy", data)
    refused(package, text)


def mem_of(package: Path, value: Value) -> list[str]:
    """The lines of a value's .mem file."""
    return (package / value.mem).read_text().splitlines()


def edit_last(lines: list[str], line: str | None) -> bytes:
    """The lines with the last one replaced or dropped."""
    return ("\n".join([*lines[:-1], *([] if line is None else [line])]) + "\n").encode()


def test_mem_that_is_not_its_npy(package: Path, relist: Relist) -> None:
    """With fitting hashes, a .mem file with another, an unknown, a missing or a surplus word is refused."""
    path = f"{CONV}/accumulator.mem"
    value = next(value for value in read(package).steps[0].values if value.mem == path)
    lines = mem_of(package, value)
    flipped = f"{int(lines[-1], 16) ^ 1:06x}"
    for last, got in (
        (flipped, "1 other words, the first at word 47"),
        ("x" + lines[-1][1:], "1 other words, the first at word 47"),
        (None, "holds 47 words, expected 48"),
        (f"{lines[-1]}\n0", "holds 49 words, expected 48"),
    ):
        replace_file(package, relist, path, edit_last(lines, last))
        assert refused(package, "does not hold the codes").got == got
    replace_file(package, relist, path, edit_last(lines, "hello"))
    refused(package, "not a word")


def test_unknown_word_where_the_truth_is_zero(package: Path, relist: Relist) -> None:
    """An x in place of a zero is found too."""
    path = "steps/002_head.norm/const_bias.mem"
    text = (package / path).read_text()
    assert "\n00000000\n" in text
    replace_file(package, relist, path, text.replace("\n00000000\n", "\nxxxxxxxx\n").encode())
    assert refused(package, "does not hold the codes").got == "1 other words, the first at word 1"


def test_companions_are_hashed(package: Path, relist: Relist) -> None:
    """A listed file that no value names, such as a bench, is accepted and its hash is checked."""
    (package / "tb").mkdir()
    replace_file(package, relist, "tb/bench.sv", b"module bench; endmodule\n")
    check_package(package)
    (package / "tb" / "bench.sv").write_bytes(b"module wrong; endmodule\n")
    refused(package, "other contents")


def test_negative_axis_or_wild_step_index(package: Path) -> None:
    """Numbers outside their domain are refused with their path."""
    edit(package, lambda document: document["steps"][0].update({"index": -1}))
    assert refused(package, "not valid").where.endswith("steps.0.index")


def test_value_models_are_frozen(package: Path) -> None:
    """Nobody changes a manifest by accident."""
    step: StepVectors = read(package).steps[0]
    with pytest.raises(ValueError, match="frozen"):
        step.name = "other"  # type: ignore[misc]
