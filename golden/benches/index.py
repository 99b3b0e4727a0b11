"""benches.json: what the cocotb scoreboard and the runner read beside them. Python's standard library reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bittrue.golden.benches.plan import Bench, Play, Signal
from bittrue.golden.benches.sets import Word

INDEX_NAME = "benches.json"
INDEX_VERSION = 1


def index_text(benches: Sequence[Bench], *, label: str, package: str) -> str:
    """JSON of every bench: its design, its ports, its sets and where their words are; keys sorted."""
    index = {
        "index_version": INDEX_VERSION,
        "label": label,
        "package": package,
        "benches": [_bench(bench) for bench in benches],
    }
    return json.dumps(index, sort_keys=True, indent=1) + "\n"


def _bench(bench: Bench) -> dict[str, object]:
    return {
        "name": bench.name,
        "unit": bench.unit,
        "form": bench.form,
        "module": bench.design.module,
        "parameters": dict(bench.design.parameters),
        "lanes": bench.design.lanes,
        "columns": bench.design.columns,
        "streams": [_signal(signal) for signal in bench.streams],
        "stages": [_signal(signal) for signal in bench.stages],
        "constants": [_signal(signal) for signal in bench.constants],
        "sets": [_play(play) for play in bench.plays],
    }


def _signal(signal: Signal) -> dict[str, object]:
    return {"name": signal.name, "port": signal.port, "word": _word(signal.word)}


def _word(word: Word) -> dict[str, object]:
    return {"bits": word.bits, "signed": word.signed}


def _play(play: Play) -> dict[str, object]:
    return {
        "name": play.name,
        "folder": play.folder,
        "rows": play.rows,
        "columns_in": play.columns_in,
        "columns_out": play.columns_out,
        "memories": [
            {
                "word": _word(memory.word),
                "mem": memory.mem,
                "fixed": memory.fixed,
                "words": memory.words,
                "row_step": memory.row_step,
                "column_step": memory.column_step,
                "shown": memory.shown,
                "writes": memory.writes,
                "group": memory.group,
                "stride": memory.stride,
            }
            for memory in play.memories
        ],
    }
