"""Units that have a graph of words, and how their arrays lie in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from bittrue.golden.mutants.builder import Words
from bittrue.golden.mutants.evaluate import Trace
from bittrue.golden.mutants.units.elementwise import add_graph, interpolated_graph, mul_graph, table_graph
from bittrue.golden.mutants.units.mac import accumulate_graph, mac_graph
from bittrue.golden.mutants.units.norm import norm_graph
from bittrue.golden.mutants.units.requantize import check, requantize_words
from bittrue.golden.mutants.units.rows import mean_graph, softmax_graph
from bittrue.golden.mutants.words import Graph
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.activation import Function
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Stimuli

ROWS = ("softmax", "norm", "mean", "accumulate")
GRAPHS = ("requantize", "add", "mul", "mean", "table", "softmax", "norm", "mac", "accumulate", *get_args(Function))
"""Units that have a graph of words, on datapaths that it serves."""
MEMORIES = ("table",)
DERIVED = ("activation_bits", "weight_bits", "input_bits")
"""Ports that choose a width and are no wires."""


@dataclass(frozen=True)
class UnitWords:
    """A unit's graph, and the places in it where a rule can be exchanged."""

    datapath: Datapath
    unit: str
    graph: Graph
    places: Mapping[str, tuple[str, str]]
    input_bits: int | None = None
    """Of an activation's codes."""


def words_of(
    datapath: Datapath, unit: str, *, rules: Mapping[str, str] | None = None, input_bits: int | None = None
) -> UnitWords:
    """The graph of a unit; rules: by place, another rounding or overflow rule. Raises Unsupported, BadInput."""
    unit_form(datapath, unit)
    words = Words(rules)
    if unit == "requantize":
        reach = 1 << (datapath.mac.accumulator_bits - 1)
        check(datapath.requantization, "requantization")
        requantize_words(words, datapath.requantization, words.port("accumulator", -reach, reach - 1))
        places = {"after_shift": ("placed",)}.get(datapath.requantization.zero_point, ())
        graph = words.graph("product", "rounded", *places, "output")
    elif unit == "mac":
        graph = mac_graph(words, datapath.mac)
    elif unit == "accumulate":
        graph = accumulate_graph(words, datapath.mac)
    elif unit == "add":
        graph = add_graph(words, datapath.add)
    elif unit == "mul":
        graph = mul_graph(words, datapath)
    elif unit == "mean":
        graph = mean_graph(words, datapath)
    elif unit == "table":
        graph = table_graph(words, datapath.table)
    elif unit == "softmax":
        graph = softmax_graph(words, datapath.softmax)
    elif unit == "norm":
        graph = norm_graph(words, datapath.norm)
    elif unit in get_args(Function):
        bits = input_bits or datapath.activation[unit].input_bits_max  # type: ignore[index]
        graph = interpolated_graph(words, datapath.activation[unit], unit, bits)  # type: ignore[index, arg-type]
        return UnitWords(datapath, unit, graph, words.all_places(), bits)
    else:
        raise Unsupported("the unit has no graph of words", where=unit)
    return UnitWords(datapath, unit, graph, words.all_places())


def ports_of(words: UnitWords, stimuli: Stimuli) -> Trace:
    """The arrays of a set as the graph reads them: [vectors or 1, elements, lanes], defaults filled in."""
    form = unit_form(words.datapath, words.unit)
    arrays = unit_arrays(form, stimuli.arrays)
    found: Trace = {}
    for name, array in arrays.items():
        if name in DERIVED or name not in words.graph.by_name:
            continue
        whole = np.asarray(array, np.int64)
        if name in MEMORIES:
            found[name] = whole.reshape(-1)
        elif words.unit == "mac":
            found[name] = _of_mac(name, whole)
        elif name in stimuli.driven:
            found[name] = whole.reshape(len(whole), -1, 1)
        else:
            found[name] = whole.reshape(1, -1, 1)
    if words.unit == "norm":
        found["count"] = np.full((1, 1, 1), found["codes"].shape[1], np.int64)
    return found


def _of_mac(name: str, array: np.ndarray) -> np.ndarray:
    if name == "activations":
        return array[:, :, None]
    return array[None] if name == "weights" else array.reshape(1, 1, -1)


def stages_of(words: UnitWords, trace: Trace, vectors: int) -> Trace:
    """Stages and output as [vectors, all words of one vector]."""
    found = {}
    for name in words.graph.outputs:
        array = trace[name]
        found[name] = np.broadcast_to(array, (vectors, *array.shape[1:])).reshape(vectors, -1)
    return found
