"""out/bench/*.json: everything measured, with the machine, for whoever compares two runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import MachineDescription
from benchmarks.rounds import Rounds, Schedule
from benchmarks.verdicts import Result
from bittrue.spec.files import write_text

FORMAT_VERSION = 1


def document(
    machine: MachineDescription, schedule: Schedule, results: Sequence[Result], groups: Mapping[str, Rounds]
) -> dict[str, object]:
    """rows: the table. groups: what every contestant measured; seconds are those of a run of its whole batch."""
    return {
        "format_version": FORMAT_VERSION,
        "machine": dataclasses.asdict(machine),
        "schedule": dataclasses.asdict(schedule),
        "rows": [dataclasses.asdict(result) for result in results],
        "groups": {name: measured(found) for name, found in groups.items()},
    }


def measured(found: Rounds) -> dict[str, object]:
    """One group: by contestant, a value a round, and the digests of the integers; who failed, and why."""
    every = {
        name: {
            "seconds": [taken.median_seconds for taken in rounds],
            "fastest_seconds": [min(taken.seconds) for taken in rounds],
            "others_cores": [taken.others_cores for taken in rounds],
            "runs": [len(taken.seconds) for taken in rounds],
            "peak_bytes": [taken.peak_bytes for taken in rounds],
            "answers": sorted({taken.answer for taken in rounds}),
        }
        for name, rounds in found.measured.items()
    }
    return {"measured": every, "failed": dict(found.failed)}


def write(path: Path, content: Mapping[str, object]) -> None:
    """Write the document whole."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
