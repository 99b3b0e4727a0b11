"""The largest memory that the process held while something ran."""

from __future__ import annotations

import re
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """Starts when made. Linux only: nothing else has a peak that can be started again."""

    def __init__(self) -> None:
        try:
            _CLEAR.write_text("5")  # proc(5): reset the peak resident set size
            self.started = True
        except OSError:
            self.started = False

    def bytes(self) -> int | None:
        """The peak since the start; None where the system does not say."""
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text()) if self.started else None
        return None if found is None else 1024 * int(found[1])
