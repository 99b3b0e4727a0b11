"""How many cores other processes kept busy while something was measured: a number that no clock of ours shows."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

DISTURBED_CORES = 0.2
"""Use of the cores by others from which on a measurement counts as disturbed."""
_STAT = Path("/proc/stat")
_IDLE = (3, 4)
"""Columns idle and iowait of a processor's line."""
_GUEST = 8
"""From here on time is counted a second time."""


@dataclass(frozen=True)
class Load:
    """Processor time spent up to a moment, in seconds."""

    wall: float
    busy: float
    """By everyone, on the cores that this process may use; stolen time of a virtual machine counts as busy."""
    own: float
    """By this process and the children that it waited for."""


def now() -> Load:
    """The clocks at this moment; all busy time is our own where the system does not tell."""
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
    busy = busy_seconds(_STAT.read_text(), os.sched_getaffinity(0)) if _STAT.is_file() else own
    return Load(time.perf_counter(), busy, own)


def busy_seconds(stat: str, cores: set[int]) -> float:
    """Time that the cores were not idle, from the text of /proc/stat."""
    names = {f"cpu{core}" for core in cores}
    lines = [line.split() for line in stat.splitlines() if line.split()[0] in names]
    ticks = sum(int(value) for line in lines for at, value in enumerate(line[1 : 1 + _GUEST]) if at not in _IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")


def others_cores(before: Load, after: Load) -> float:
    """Cores that others used on average between two moments."""
    others = (after.busy - before.busy) - (after.own - before.own)
    return max(0.0, others / (after.wall - before.wall))


@dataclass
class Patience:
    """Time that a whole run may spend on waiting for quiet and on measuring again."""

    seconds_left: float

    def wait(self) -> bool:
        """Wait for a quiet second, without computing anything; False where the time is spent before there is one."""
        while self.seconds_left > 0:
            before = now()
            time.sleep(1)
            after = now()
            self.seconds_left -= after.wall - before.wall
            if others_cores(before, after) <= DISTURBED_CORES:
                return True
        return False
