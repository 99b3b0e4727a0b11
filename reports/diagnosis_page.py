"""One self-contained HTML page of why a design differs from a package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bittrue.golden.diagnosis.diagnose import Diagnosis
from bittrue.reports.page import resource
from bittrue.spec.files import write_text


def write_diagnosis_page(
    diagnoses: Sequence[Diagnosis], out: Path, *, title: str, summary: str, causes: Sequence[str] = ()
) -> None:
    """Write the page whole; raises BadInput where `out` cannot be written."""
    write_text(out, diagnosis_page(diagnoses, title=title, summary=summary, causes=causes))


def diagnosis_page(diagnoses: Sequence[Diagnosis], *, title: str, summary: str, causes: Sequence[str]) -> str:
    """The page as HTML text: the causes, then a section for each set that differs, in the order of the package."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resource("diagnosis.html"))
    return template.render(
        title=title, summary=summary, causes=causes, diagnoses=diagnoses, style=Markup(resource("page.css"))
    )
