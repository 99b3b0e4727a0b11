"""bench mutation: how many faults of each unit its vectors notice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bittrue.golden.stimuli import MADE, stimuli_of
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.accuracy_tables import csv_text
from bittrue.reports.mutation_data import Mutation, MutationRow, OperatorRow, Proof, Survivor
from bittrue.reports.mutation_tables import COMMAND, SECTIONS, document, sections
from bittrue.reports.page_tables import check_markers, with_tables
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.files import check_target, plain_json, write_text
from bittrue.spec.vectors import Stimuli, StimulusKind
from bittrue.workflow.extras import need
from bittrue.workflow.kill_rate import GATES, SECONDS
from bittrue.workflow.progress import Progress, silent

if TYPE_CHECKING:
    from bittrue.golden.mutants.study import UnitStudy

KINDS: tuple[StimulusKind, ...] = ("directed", "uniform", "shaped")
DIRECTED_MOST = 5000
"""Vectors of a directed set (docs/vectors.md)."""


@dataclass(frozen=True)
class MutationRequest:
    """What shall be measured; empty means all."""

    units: Sequence[str] = ()
    """As in `bittrue unit`; default every unit that has stimuli and a graph of words."""
    datapath: str | Path | Datapath = "iot_npu"
    stimuli: Sequence[StimulusKind] = KINDS
    vectors: int | None = None
    """Of each random kind and unit; further seeds are drawn until there are so many. Directed sets are taken whole."""
    seed: int = 0
    gates: int = GATES
    """Gate mutants of a unit, at most (but no fewer than its rule mutants)."""
    seconds: float = SECONDS
    """For each question to the solver, in its own measure of work, which is about that of a second."""
    repeat: int = 0
    """Proofs of each unit that yosys, which must be on the PATH, repeats."""


def bench_mutation(
    request: MutationRequest | None = None,
    *,
    out: Path,
    page: Path | None = None,
    witnesses: Path | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda line: None,
) -> Mutation:
    """Score, prove, list what survives; write mutation.{md,json} and a CSV file for each kind of row to `out`.

    page: a Markdown file whose sections, between their markers, are replaced. witnesses: an .npz file of vectors that
    notice what some kind of stimuli overlooks. Needs the extra `rtl` (z3). Raises BittrueError before any work for
    what cannot be used.
    """
    need("rtl", "z3", verb="bench mutation")
    request = request or MutationRequest()
    if request.repeat and shutil.which("yosys") is None:
        raise Unsupported("yosys is not on the PATH", next_step="apt-get install yosys, or leave --repeat out")
    if out.exists() and not out.is_dir():
        raise BadInput("the output is no folder", where=str(out), next_step="choose another folder")
    if witnesses is not None:
        check_target(witnesses)
    text = None if page is None else _read_page(page)
    found = _measured(request, progress, tell)
    result = Mutation(*_rows(found))
    _write(result, out)
    if witnesses is not None:
        from bittrue.golden.mutants.witnesses import merged, write_witnesses

        write_witnesses(witnesses, merged(each for study in found for each in study.witnesses.values()))
    if page is not None and text is not None:
        write_text(page, with_tables(text, COMMAND, sections(result)))
    return result


def _measured(request: MutationRequest, progress: Progress, tell: Callable[[str], None]) -> list[UnitStudy]:
    from bittrue.golden.mutants.operators import mutants_of
    from bittrue.golden.mutants.study import studied
    from bittrue.golden.mutants.units import GRAPHS, words_of

    datapath = request.datapath if isinstance(request.datapath, Datapath) else load_datapath(request.datapath)
    units = tuple(request.units) or tuple(unit for unit in MADE if unit in GRAPHS)
    planned = [(words_of(datapath, unit), unit) for unit in units]
    found = []
    for done, (words, unit) in enumerate(planned):
        progress("units", done, len(planned))
        sets = {kind: _sets(datapath, unit, kind, request) for kind in request.stimuli}
        mutants = mutants_of(words, gates_at_most=request.gates)
        tell_proofs = partial(progress, f"{unit}: proofs")
        found.append(studied(words, mutants, sets, seconds=request.seconds, repeat=request.repeat, tell=tell_proofs))
        if request.repeat:
            tell(f"{unit}: yosys repeats {found[-1].repeated} of the proofs")
        for row in _scores(found[-1]):
            tell(f"{row.unit} {row.stimuli}: {row.killed} of {row.mutants - row.equivalent} ({100 * row.score:.2f} %)")
    progress("units", len(planned), len(planned))
    return found


def _sets(datapath: Datapath, unit: str, kind: StimulusKind, request: MutationRequest) -> list[Stimuli]:
    """The directed sets; of a random kind as many vectors as are asked for, over as many seeds as that takes."""
    sets = list(stimuli_of(datapath, unit, kind, request.seed))
    if kind == "directed" or request.vectors is None:
        return sets
    left, found, seed = request.vectors, [], request.seed
    while left > 0:
        share = sets if seed == request.seed else list(stimuli_of(datapath, unit, kind, seed))
        for each in share:
            wanted = min(left, each.vectors)
            if wanted:
                part = each.take(np.arange(wanted))
                found.append(Stimuli(unit, f"{each.name}.{seed}", kind, part.driven, part.constants))
                left -= wanted
        seed += 1
    return found


def _scores(study: UnitStudy) -> list[MutationRow]:
    return [
        MutationRow(
            unit=study.unit.unit,
            datapath=study.unit.datapath.name,
            stimuli=kind,
            vectors=study.vectors[kind],
            mutants=len(study.mutants),
            gates=sum(mutant.family == "gate" for mutant in study.mutants),
            killed=sum(outcome.by_stage is not None for outcome in outcomes),
            killed_by_output=sum(outcome.by_output is not None for outcome in outcomes),
            equivalent=len(study.proofs),
            repeated=study.repeated,
            survived=len(study.survivors(kind)),
        )
        for kind, outcomes in study.outcomes.items()
    ]


def _rows(
    found: list[UnitStudy],
) -> tuple[tuple[MutationRow, ...], tuple[OperatorRow, ...], tuple[Survivor, ...], tuple[Proof, ...]]:
    scores, operators, survivors, proofs = [], [], [], []
    for study in found:
        unit = study.unit.unit
        scores += _scores(study)
        for operator, family in dict.fromkeys((mutant.operator, mutant.family) for mutant in study.mutants):
            group = [mutant for mutant in study.mutants if mutant.operator == operator]
            left = {kind: sum(m.operator == operator for m in study.survivors(kind)) for kind in study.outcomes}
            said = ", ".join(f"{kind} {count}" for kind, count in left.items())
            equivalent = sum(mutant.index in study.proofs for mutant in group)
            operators.append(OperatorRow(unit, family, operator, len(group), equivalent, said))
        for kind in study.outcomes:
            survivors += [
                Survivor(unit, kind, m.operator, m.wire, m.detail, _shown(study.witnesses.get(m.index)))
                for m in study.survivors(kind)
            ]
        named = {mutant.index: mutant for mutant in study.mutants}
        for index, kind_of_proof in study.proofs.items():
            mutant = named[index]
            proofs.append(Proof(unit, mutant.operator, mutant.wire, mutant.detail, kind_of_proof))
    return tuple(scores), tuple(operators), tuple(survivors), tuple(proofs)


SHOWN = 8
"""Elements of a row that a list shows."""


def _shown(stimuli: Stimuli | None) -> str:
    """The last vector of a witness, short."""
    if stimuli is None:
        return ""
    parts = []
    loaded = {name: array.reshape(1, -1) for name, array in stimuli.constants.items() if array.size == 1}
    for name, array in {**loaded, **stimuli.driven}.items():
        values = array[-1].reshape(-1)
        dots = " ..." if values.size > SHOWN else ""
        parts.append(f"{name}={' '.join(str(value) for value in values[:SHOWN])}{dots}")
    return "; ".join(parts)


def _read_page(page: Path) -> str:
    check_target(page)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, COMMAND, SECTIONS, str(page))
    return text


def document_of(found: Mutation) -> dict[str, list[dict[str, object]]]:
    """Flat records by what they are of."""
    return {
        "scores": [row.record() for row in found.rows],
        "operators": [row.record() for row in found.operators],
        "survivors": [each.record() for each in found.survivors],
        "proofs": [each.record() for each in found.proofs],
    }


def _write(found: Mutation, out: Path) -> None:
    records = document_of(found)
    write_text(out / "mutation.json", json.dumps(plain_json(records), indent=1, allow_nan=False) + "\n")
    for name, rows in records.items():
        table = out / f"mutation_{name}.csv"
        if rows:
            write_text(table, csv_text(rows))
        else:
            table.unlink(missing_ok=True)  # nothing survived; an earlier run's list would say otherwise
    write_text(out / "mutation.md", document(found))
