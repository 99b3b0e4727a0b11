"""Killed with SIGKILL, a study resumes: no finished point is lost, counted twice or started again. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text
from study_files import COSTS, written

from bittrue.exploration.explore import explore
from bittrue.exploration.study import Request

POINTS = 33 * 5
WIDE = COSTS.replace("[16, 26]", "[16, 48]").replace(
    'datapath.mac.overflow = ["wrap", "refuse"]', "machine.clock_mhz = { range = [100, 104] }"
).replace("[knobs]", '[design]\ndatapath.mac.overflow = "wrap"\n[knobs]')  # fmt: skip
PATIENCE_S = 90


def start(file: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, as a process group of its own."""
    command = [sys.executable, "-m", "bittrue.cli.main", "explore", str(file), "--out", str(out), "--workers", "1"]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def rows(out: Path) -> dict[str, str]:
    """Digest and time of every committed point."""
    if not (out / "study.db").exists():
        return {}
    engine = create_engine(f"sqlite:///{out / 'study.db'}")
    try:
        with engine.connect() as connection:
            return {
                row[0]: row[1] for row in connection.execute(text("select digest, finished_at from bittrue_points"))
            }
    except Exception:  # no table yet
        return {}
    finally:
        engine.dispose()


def wait_for(condition: Callable[[], object], study: subprocess.Popen[bytes]) -> None:
    """Until it holds; the study must not have ended by itself."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert study.poll() is None, study.stdout.read().decode() if study.stdout else ""
        assert time.monotonic() < until, "nothing happens"
        time.sleep(0.02)


def workers_of(study: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that compute."""
    children = psutil.Process(study.pid).children(recursive=True)
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def end(study: subprocess.Popen[bytes]) -> None:
    """Take in what a killed process leaves, and see that its workers are gone with it."""
    study.wait()
    if study.stdout:
        study.stdout.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, WIDE)


def test_killed_and_resumed(file: Path, tmp_path: Path) -> None:
    """First the driver alone, then a worker, then driver and workers at once; then it runs to its end here."""
    out = tmp_path / "out"
    study = start(file, out)
    wait_for(lambda: len(rows(out)) > 5, study)
    orphans = workers_of(study)
    os.kill(study.pid, signal.SIGKILL)
    end(study)
    _, alive = psutil.wait_procs(orphans, timeout=PATIENCE_S)
    assert not alive, "workers outlive their driver"
    first = rows(out)
    assert 5 < len(first) < POINTS

    study = start(file, out)
    wait_for(lambda: len(rows(out)) > len(first) + 5, study)
    (worker,) = workers_of(study)
    worker.kill()
    before = len(rows(out))
    wait_for(lambda: len(rows(out)) > before + 5, study)
    os.killpg(study.pid, signal.SIGKILL)
    end(study)
    second = rows(out)
    assert len(second) < POINTS and first.items() <= second.items()

    found = explore(file, Request(out), workers=1)
    last = rows(out)
    assert second.items() <= last.items() and len(last) == POINTS
    assert len(found.rows) == POINTS == len({row.digest for row in found.rows})
    assert {row.state for row in found.rows} == {"done"}, "a killed worker is no error of its point"
    (session,) = found.sessions
    assert session.points == POINTS - len(second), "a finished point was started again"


def test_one_driver_at_a_time(file: Path, tmp_path: Path) -> None:
    """A second one is refused with what to do; the lock goes with the process."""
    import fcntl

    from bittrue.spec.errors import BadInput

    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="runs already"):
            explore(file, Request(tmp_path / "out"), workers=1)
