"""A peer in an environment of its own: a Python there runs one of our worker scripts, or the peer's command."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from bittrue.spec.errors import BadInput, Unsupported

TIMEOUT_S = 3600


@dataclass(frozen=True)
class Peer:
    """A virtual environment with a peer."""

    name: str
    folder: Path

    def program(self, command: str) -> Path:
        """A program of the environment; refused where it is missing."""
        found = self.folder / "bin" / command
        if not found.exists():
            raise Unsupported(
                f"{self.name} is not installed",
                got=f"no {found}",
                expected="a virtual environment with it",
                next_step=f"make {self.folder}/installed, or name another folder",
            )
        return found

    def answers(self, worker: str, questions: Any) -> Any:
        """What a worker script of workflow/costs answers to a JSON document."""
        with as_file(files("bittrue.workflow.costs").joinpath(worker)) as script:
            run = subprocess.run(
                # -P: the script's folder, whose files bear names of peers, is no place to import from.
                [str(self.program("python")), "-P", str(script)],
                input=json.dumps(questions),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise BadInput(f"{self.name} failed", where=worker, got=last[0], expected="exit code 0")
        return json.loads(run.stdout[run.stdout.index("[") :])
