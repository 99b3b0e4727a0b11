"""The sections of a page about bridge activations: figures, sentences and tables of each topic."""

from __future__ import annotations

import os
from pathlib import Path

from bittrue.reports.accuracy_tables import page_text
from bittrue.reports.bridge_data import Bridges
from bittrue.reports.bridge_figures import figures_of
from bittrue.reports.bridge_findings import findings
from bittrue.reports.bridge_tables import SECTIONS, TOPICS, tables_of


def sections(found: Bridges, figures: Path, page: Path) -> dict[str, str]:
    """What stands between the markers, by the names of SECTIONS, of the parts that were asked for.

    figures: the folder of the figures; page: the folder of the page, from which it is linked.
    """
    sentences, tables, plots = findings(found), tables_of(found), figures_of(found)
    folder = Path(os.path.relpath(figures, page)).as_posix()
    made: dict[str, str] = {}
    for topic in (topic for topic, part in TOPICS.items() if part in found.parts):
        links = [f"![{title}]({folder}/{name})" for name, title in plots[topic].items()]
        made[f"{topic}, figures"] = _paragraphs(links) or "None.\n"
        made[f"{topic}, findings"] = _paragraphs(sentences[topic])
        parts = [f"{table.title}:\n\n{page_text(table)}" for table in tables[topic]]
        made[f"{topic}, tables"] = "\n".join(parts) or "None.\n"
    assert set(made) <= set(SECTIONS)
    return made


def _paragraphs(texts: list[str] | tuple[str, ...]) -> str:
    return "\n\n".join(texts) + "\n" if texts else ""
