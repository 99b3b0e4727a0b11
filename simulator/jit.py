"""The one door to numba: every compiled function of the simulator is made here, for kernel authors.

numba's cache does not notice an edit in a function that a kernel imports from another file: it goes on
returning the OLD result (numba issue 9483). Here the cache folder bears a digest of every simulator and
kernel source, so that any edit starts an empty cache. Hence a rule: a compiled function uses only names
from this package, never a constant or function of another room.

Cached code is loaded by unpickling, so its folder must belong to this user alone (mode 0700); where that
cannot be had, a private temporary folder serves this one process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import config, get_thread_id, prange  # type: ignore[attr-defined]

from bittrue.simulator.plan.processor import vector_level

__all__ = [
    "cache_folder",
    "get_thread_id",
    "inlined_jit",
    "jit",
    "parallel_jit",
    "prange",
    "source_digest",
    "thread_limit",
]

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function: no Python objects, no GIL, exact integers, no bounds checks, cached on disk."""
    return _compiled(function, parallel=False)


def inlined_jit(function: Function) -> Function:
    """Like `jit`, its body copied into every caller: a call with ten arrays pushes more than a hundred words."""
    return _compiled(function, parallel=False, forceinline=True)


def parallel_jit(function: Function) -> Function:
    """Like `jit`, with loops over `prange` spread over the cores. Compiling it takes a few seconds."""
    return _compiled(function, parallel=True)


def thread_limit() -> int:
    """How many threads a parallel loop may have: `get_thread_id` stays below it."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def source_digest() -> str:
    """SHA-256 of all simulator sources, of the instructions they use and of the versions of numba and Python."""
    root = Path(__file__).resolve().parent
    digest = hashlib.sha256(f"numba {numba.__version__} python {platform.python_version()}".encode())
    digest.update(f"\0{vector_level()}".encode())
    sources = ("*.py", "kernels/*.py", "plan/**/*.py", "units/**/*.py")
    for path in sorted(path for pattern in sources for path in root.glob(pattern)):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """The private folder of compiled code for these sources, created when missing.

    It lies under BITTRUE_CACHE_DIR, else XDG_CACHE_HOME/bittrue, else ~/.cache/bittrue. A folder that
    cannot be written, or that others may write, is passed over for a temporary one.
    """
    try:
        parent = _user_cache() / "numba"
        parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = parent / source_digest()
        for path in (parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            if not _is_private(path):
                return _temporary_folder()
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # not writable; or no home folder is known
        return _temporary_folder()
    return folder


def _user_cache() -> Path:
    if own := os.environ.get("BITTRUE_CACHE_DIR"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "bittrue"
    return Path.home() / ".cache" / "bittrue"


def _is_private(path: Path) -> bool:
    """Whether a folder is no link, belongs to this user, and nobody else may read or write it."""
    status = path.lstat()
    if sys.platform == "win32":  # no owner and mode there: the user's profile is private
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bittrue-numba-"))  # mkdtemp makes it 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


_FOLDER = "" if config.DISABLE_JIT else str(cache_folder())  # type: ignore[attr-defined]


def _compiled(function: Function, *, parallel: bool, forceinline: bool = False) -> Function:
    # A function's cache folder is fixed when it is decorated; other users of numba in this process
    # keep their own setting.
    before, config.CACHE_DIR = config.CACHE_DIR, _FOLDER  # type: ignore[attr-defined]
    try:
        decorate = numba.njit(
            cache=True, nogil=True, parallel=parallel, forceinline=forceinline, boundscheck=False, fastmath=False
        )
        return cast(Function, decorate(function))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
