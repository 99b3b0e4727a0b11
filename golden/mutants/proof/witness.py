"""Vectors that a solver finds: what to drive so that a mutant and its original differ. Nothing is cut off here.

A template gives what is not searched: the constants, the length of a row, and, on the first tries, the scales.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bittrue.golden.mutants.evaluate import OPS, faulty, kept
from bittrue.golden.mutants.operators import Mutant
from bittrue.golden.mutants.proof.prove import BIT_FAULTS
from bittrue.golden.mutants.proof.z3_backend import Z3
from bittrue.golden.mutants.score import outcomes
from bittrue.golden.mutants.units import MEMORIES, UnitWords, ports_of
from bittrue.golden.mutants.words import Graph, Interval, Node, dirty
from bittrue.spec.errors import BittrueError
from bittrue.spec.vectors import Stimuli

Cells = Any
"""An object array [elements, lanes] of expressions; of a memory, its list of entries."""
SCALES = ("multiplier", "multiplier_a", "multiplier_b", "shift", "pre_shift")
"""Driven ports that the first tries take from the template, which makes products easy."""
OF_ONE_SIGN = ("logits", "codes")
"""Ports whose codes stand in one register, signed or not."""
VECTORS_TRIED = 3
FORMED = ("mac", "norm")
"""Units whose numbers among the constants follow from each other or from the shape of a set."""
DEFAULT_BITS = 8
"""Of activations whose set does not say (spec/units/core.py)."""
CELLS_MOST = 400
"""Elements times lanes that a search is tried on."""


def witness(unit: UnitWords, mutant: Mutant, template: Stimuli, *, seconds: float) -> Stimuli | None:
    """One vector, or two where the fault remembers one, that the mutant fails on; None where none was found.

    What is found is legal for the unit and was replayed. seconds: of each question to the solver.
    """
    ports = ports_of(unit, template)
    cells = max(array.shape[1] * array.shape[2] for array in ports.values() if array.ndim == 3)
    if cells > CELLS_MOST:
        return None
    for fixed in _tries(template):
        found = _search(unit, mutant, template, fixed, seconds)
        if found is not None and _differs(unit, mutant, found):
            return found
    loaded = [name for name, array in template.constants.items() if array.size == 1]
    if not loaded or unit.unit in FORMED:
        return None
    # Constants that are one number are searched as well; the unit refuses what does not go together.
    driven = {name: np.broadcast_to(template.constants[name].reshape(1), (template.vectors, 1)) for name in loaded}
    rest = {name: array for name, array in template.constants.items() if name not in loaded}
    freed = Stimuli(unit.unit, template.name, "directed", {**template.driven, **driven}, rest)
    found = _search(unit, mutant, freed, {}, seconds)
    if found is None or any(len(np.unique(found.driven[name])) > 1 for name in loaded):
        return None
    constants = {name: found.driven[name][0].reshape(template.constants[name].shape) for name in loaded}
    left = {name: array for name, array in found.driven.items() if name not in loaded}
    again = Stimuli(unit.unit, template.name, "directed", left, {**rest, **constants})
    return again if _differs(unit, mutant, again) else None


def _tries(template: Stimuli) -> Iterator[dict[str, int]]:
    """The scales of some vectors fixed; then nothing."""
    scales = [name for name in SCALES if name in template.driven]
    if scales:
        for vector in range(min(VECTORS_TRIED, template.vectors)):
            yield {name: int(template.driven[name][vector]) for name in scales}
    yield {}


def _differs(unit: UnitWords, mutant: Mutant, found: Stimuli) -> bool:
    try:
        return outcomes(unit, [mutant], [found])[0].by_stage is not None
    except BittrueError:  # the unit refuses these operands
        return False


def _search(
    unit: UnitWords, mutant: Mutant, template: Stimuli, fixed: Mapping[str, int], seconds: float
) -> Stimuli | None:
    solver = Z3()
    arrays = ports_of(unit, template)
    vectors = [_ports(solver, unit, template, arrays, fixed, which) for which in ("now", "before")]
    golden = _run(solver, unit.graph, vectors[0], {})
    before: dict[str, Cells] = {}
    changed = dirty(unit.graph, mutant.graph)
    if _remembers(mutant.graph):
        before = _run(solver, unit.graph, vectors[1], {})
    known = {name: cells for name, cells in golden.items() if name not in changed}
    mutated = _run(solver, mutant.graph, vectors[0], before, known)
    pairs = []
    for stage in unit.graph.outputs:
        if stage in changed:
            one, other = np.broadcast_arrays(golden[stage], mutated[stage])
            pairs += list(zip(one.reshape(-1), other.reshape(-1), strict=True))
    if solver.equal(pairs, seconds) is not False:
        return None
    used = vectors[::-1] if before else vectors[:1]
    driven = {}
    for name, array in template.driven.items():
        rows = [[_number(solver, cell) for cell in ports[name].reshape(-1)] for ports in used]
        driven[name] = np.array(rows, np.int64).reshape(len(used), *array.shape[1:])
    return Stimuli(unit.unit, template.name, "directed", driven, template.constants)


def _remembers(graph: Graph) -> bool:
    return any(
        node.fault is not None and node.fault.kind in ("previous_vector", "first_vector") for node in graph.nodes
    )


def _number(solver: Z3, cell: Any) -> int:
    value = solver.model.eval(cell, model_completion=True).as_signed_long()
    return int(value)


def _ports(
    solver: Z3,
    unit: UnitWords,
    template: Stimuli,
    arrays: Mapping[str, np.ndarray],
    fixed: Mapping[str, int],
    which: str,
) -> dict[str, Cells]:
    """Constants of the template, variables for what is driven."""
    found: dict[str, Cells] = {}
    for name, array in arrays.items():
        node = unit.graph.by_name[name]
        if name in MEMORIES:
            found[name] = array.tolist()
            continue
        cells = np.empty(array.shape[1:], object)
        for at in np.ndindex(*cells.shape):
            if name not in template.driven:
                cells[at] = solver.constant(int(array[(0, *at)]))
            elif name in fixed:
                cells[at] = solver.constant(fixed[name])
            else:
                cells[at] = solver.variable(f"{which}_{name}")
                solver.between(cells[at], *_legal(name, node.interval, template))
        found[name] = cells
    for low, high in unit.graph.ordered:
        if low in found and high in found:
            solver.at_most(found[low][0, 0], found[high][0, 0])
    for least, names in unit.graph.one_at_least:
        solver.one_at_least(least, [found[name][0, 0] for name in names])
    return found


def _legal(name: str, interval: Interval, template: Stimuli) -> Interval:
    """What a port may bring in a set like the template: codes of its register, in rows of one sign."""
    low, high = interval
    if name == "activations":
        bits = int(np.max(template.arrays.get("activation_bits", np.array(DEFAULT_BITS))))
        return max(low, -(1 << (bits - 1))), min(high, (1 << bits) - 1)
    return (low, -low - 1) if name in OF_ONE_SIGN and low < 0 and high == -2 * low - 1 else interval


def _run(
    solver: Z3,
    graph: Graph,
    ports: Mapping[str, Cells],
    before: Mapping[str, Cells],
    known: Mapping[str, Cells] | None = None,
) -> dict[str, Cells]:
    found = dict(known or {})
    for node in graph.nodes:
        if node.name not in found:
            found[node.name] = _faulty(solver, node, _cells(solver, node, found, ports), before)
    return found


def _cells(solver: Z3, node: Node, known: Mapping[str, Cells], ports: Mapping[str, Cells]) -> Cells:
    if node.op == "port":
        return ports[node.name]
    if node.op == "const":
        return _one(solver.constant(node.numbers[0]))
    if node.op == "fold":
        return _fold(solver, node, [known[name] for name in node.inputs])
    inputs = [known[name] for name in node.inputs]
    if isinstance(inputs[0], list) and node.op != "read":
        made = OPS[node.op](node, *(np.array(each, np.int64) for each in inputs))
        return [int(entry) for entry in kept(made, node.width)]
    if node.op == "read":
        memory, addresses = inputs
        return _each(lambda address: solver.apply(node, [memory, address]), [addresses])
    return _each(lambda *cells: solver.apply(node, cells), inputs)


def _one(cell: Any) -> Cells:
    found = np.empty((1, 1), object)
    found[0, 0] = cell
    return found


def _each(make: Any, inputs: Sequence[Cells]) -> Cells:
    spread = np.broadcast_arrays(*inputs)
    found = np.empty(spread[0].shape, object)
    for at in np.ndindex(*found.shape):
        found[at] = make(*(array[at] for array in spread))
    return found


def _faulty(solver: Z3, node: Node, cells: Cells, before: Mapping[str, Cells]) -> Cells:
    fault = node.fault
    if fault is None:
        return cells
    if fault.kind in BIT_FAULTS:
        if isinstance(cells, list):
            return [_entry(fault, node, entry) for entry in cells]
        return _each(lambda cell: solver.fault(fault, node.width, cell), [cells])
    if fault.kind in ("previous_vector", "first_vector"):
        return before[fault.wire or node.name]
    moved = faulty(fault, node.width, cells[None], cells[None], (0, 0))
    return moved[0]


def _entry(fault: Any, node: Node, entry: int) -> int:
    value = np.array([entry], np.int64)
    return int(faulty(fault, node.width, value, value, (0, 0))[0])


def _fold(solver: Z3, node: Node, inputs: Sequence[Cells]) -> Cells:
    body, (states, tile) = node.body, node.numbers
    assert body is not None
    current, elements = list(inputs[:states]), inputs[states:]
    length = max(each.shape[0] for each in elements)
    for t in range(length):
        controls = {
            "first": t == 0,
            "last": t == length - 1,
            "tile_first": t % tile == 0,
            "tile_last": t % tile == tile - 1 or t == length - 1,
        }
        wires: dict[str, Cells] = {}
        for each in body.nodes:
            if each.op == "state":
                value = current[each.numbers[0]]
            elif each.op == "element":
                array = elements[each.numbers[0]]
                value = array[t : t + 1] if array.shape[0] > 1 else array
            elif each.op in controls:
                value = _one(solver.constant(int(controls[each.op])))
            else:
                value = _cells(solver, each, wires, {})
            wires[each.name] = _faulty(solver, each, value, {})
        current = [wires[name] for name in body.outputs]
    return current[0]
