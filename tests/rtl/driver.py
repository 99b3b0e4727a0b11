"""The C++ between a Verilated design and arrays: written from the design's ports, compiled once, kept by digest."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from rtl.design import FOLDER, Design, Signal
from rtl.toolchain import Toolchain, toolchain

HEADER = FOLDER / "stream_driver.h"
RUNTIME = ("verilated", "verilated_threads")


def library(design: Design) -> Path:
    """The shared library with the function `play` for a design; built where no earlier run has left it."""
    tools = toolchain()
    return _kept(_digest(design, tools), lambda folder: _build(design, tools, folder)) / "design.so"


def glue(design: Design) -> str:
    """The C++ source that names the design's pins."""
    flags = {"IN_LAST": design.in_last, "OUT_LAST": design.out_last, "CONSTANTS": design.constants}
    puts = "".join(f"        {_put(signal, i)}\n" for i, signal in enumerate(design.inputs))
    takes = "".join(f"        {_take(signal, i)}\n" for i, signal in enumerate(design.outputs))
    return (
        "".join(f"#define HAS_{name} {int(there)}\n" for name, there in flags.items())
        + f'#include "{HEADER.name}"\nstruct Ports {{\n'
        + f"    static void put(Vdesign& d, const void* const* in, int64_t i) {{\n{puts}    }}\n"
        + "    static bool take(const Vdesign& d, void* const* out, int64_t i) {\n        bool same = true;\n"
        + f"{takes}        return same;\n    }}\n}};\n"
        + 'extern "C" __attribute__((visibility("default"))) int64_t play_design(Call* call) '
        + "{ return play<Ports>(*call); }\n"
    )


def _put(signal: Signal, index: int) -> str:
    array = f"static_cast<const {signal.dtype.name}_t*>(in[{index}]) + i * {signal.lanes}"
    return f"::put<{signal.bits}, {signal.lanes}>(d.in_{signal.name}, {array});"


def _take(signal: Signal, index: int) -> str:
    array = f"static_cast<{signal.dtype.name}_t*>(out[{index}]) + i * {signal.lanes}"
    kind = f"{signal.bits}, {str(signal.signed).lower()}, {signal.lanes}"
    return f"same &= ::take<{kind}>(d.out_{signal.name}, {array});"


def _build(design: Design, tools: Toolchain, folder: Path) -> None:
    tools.verilate(design, folder)
    generated = sorted(path.name for path in folder.glob("Vdesign*.cpp"))
    (folder / "driver.cpp").write_text("".join(f'#include "{name}"\n' for name in generated) + glue(design))
    runtime = _kept(f"runtime-{tools.digest[:16]}", lambda inside: _build_runtime(tools, inside))
    objects = [str(runtime / f"{name}.o") for name in RUNTIME]
    where = [f"-I{path}" for path in (folder, FOLDER, *_includes(tools))]
    tools.compile("-shared", "-o", str(folder / "design.so"), str(folder / "driver.cpp"), *objects, *where, "-pthread")


def _build_runtime(tools: Toolchain, folder: Path) -> None:
    where = [f"-I{path}" for path in _includes(tools)]
    for name in RUNTIME:
        source = tools.root / "include" / f"{name}.cpp"
        tools.compile("-c", "-o", str(folder / f"{name}.o"), str(source), *where)


def _includes(tools: Toolchain) -> tuple[Path, ...]:
    return tools.root / "include", tools.root / "include" / "vltstd"


def _digest(design: Design, tools: Toolchain) -> str:
    digest = hashlib.sha256(f"{tools.digest} {design.top} {dict(design.parameters)}\0{glue(design)}".encode())
    for path in (*design.paths, *sorted(FOLDER.glob("*.svh")), HEADER, FOLDER / "toolchain.py"):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return f"{design.top}-{digest.hexdigest()[:16]}"


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache; made by `make(folder)` under a lock, whole or not at all."""
    parent = _cache()
    with (parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (parent / name).is_dir():
            return parent / name
        part = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=parent))
        try:
            make(part)
            part.rename(parent / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return parent / name


def _cache() -> Path:
    """A folder of this user alone: what lies in it is loaded as code."""
    base = os.environ.get("BITTRUE_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "bittrue")
    folder = Path(base).expanduser() / "rtl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} must belong to this user alone (mode 0700)")
    return folder
