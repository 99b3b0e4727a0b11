"""Runs ZigZag in an environment of its own; `zigzag.py` starts it. Imports nothing of bittrue.

Standard input: a JSON list of products, each {"m", "n", "k"}. Standard output: the list of [energy_pj, cycles] on
ZigZag's own machine gemm_l1, whose array is 8 x 8 x 8, with an int8 result; ["why", 0] where it finds no mapping.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import tempfile
from pathlib import Path

import zigzag
from zigzag.api import get_hardware_performance_zigzag

LAYER = """- id: 0
  operator_type: Gemm
  equation: O[d0][d1]+=I[d0][d2]*W[d2][d1]
  dimension_relations: []
  loop_dims: [D0, D1, D2]
  loop_sizes: [{m}, {n}, {k}]
  operand_precision:
    W: 8
    I: 8
    O: 32
    O_final: 8
  operand_source:
    I: 0
    W: 0
"""


def cost(product: dict[str, int], folder: Path) -> tuple[float | str, float]:
    """Energy in picojoules and cycles of one product, or why there is none."""
    inputs = Path(zigzag.__file__).parent / "inputs"
    workload = folder / "layer.yaml"
    workload.write_text(LAYER.format(**product), encoding="utf-8")
    try:
        energy, cycles, *_ = get_hardware_performance_zigzag(
            str(workload),
            str(inputs / "hardware" / "gemm_l1.yaml"),
            str(inputs / "mapping" / "gemm_l1.yaml"),
            opt="latency",
            dump_folder=str(folder / "out"),
            loma_show_progress_bar=False,
        )
    except Exception as error:  # whatever it raises is an answer about this layer
        said = str(error).strip()
        return said.splitlines()[-1].lstrip("- ")[:120] if said else type(error).__name__, 0.0
    return float(energy), float(cycles)


def main() -> None:
    """Answer one list of products."""
    logging.disable(logging.CRITICAL)
    answers = []
    for product in json.load(sys.stdin):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            answers.append(cost(product, Path(folder)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
