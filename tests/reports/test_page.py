"""The report page: one valid, self-contained, deterministic HTML file that shows everything it was given."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bittrue.reports.data import CostRow, Fact, FileLink, ReportData, Sqnr
from bittrue.reports.page import page, write_page
from bittrue.spec.errors import BadInput

VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}
NASTY = 'a<script>alert("1")</script>&$x$'


class _Reader(HTMLParser):
    """Checks nesting; keeps text, attributes and ids."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", "".join(self.words))


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def _row(step: str, op: str, bound: str, cycles: int) -> CostRow:
    return CostRow(
        step=step,
        op=op,
        bound=bound,
        macs=1234567,
        cycles=cycles,
        compute_cycles=cycles,
        vector_cycles=11,
        buffer_cycles=12,
        memory_cycles=13,
        utilisation=0.25,
        sram_bytes=2048,
        dram_bytes=1024,
        flash_bytes=512,
        energy_pj={"mac": 3e6, "dram": 1.5e6},
    )


@pytest.fixture(scope="module")
def report() -> ReportData:
    """A report with every section and names that want escaping."""
    return ReportData(
        title=f"model {NASTY}",
        summary="Everything agrees.",
        provenance={"model": NASTY, "datapath": "iot_npu"},
        headline=(Fact("top-1 agreement", "97.7 %", "125 of 128 images"),),
        accuracy=(Fact("images", "128"), Fact("mismatches", "0", "of 10 elements")),
        sqnr=(Sqnr("stem.conv", 41.25), Sqnr(NASTY, 30.5), Sqnr("same", math.inf), Sqnr("dead", math.nan)),
        worst_drop=NASTY,
        cost=(
            _row("stages.0.conv", "conv2d", "compute", 3000000),
            _row("view", "reshape", "none", 0),
            _row("attn.softmax", "softmax", "memory", 1000000),
        ),
        files=(FileLink("Program", "out/program 1.safetensors"), FileLink("Odd", "javascript:alert(1)")),
    )


@pytest.fixture(scope="module")
def html(report: ReportData) -> str:
    """Its page."""
    return page(report)


def test_the_page_is_well_nested_html(html: str) -> None:
    """Every element that opens closes, in order; ids are unique, and references inside SVG find theirs."""
    reader = _read(html)
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) > 10
    used = set(re.findall(r"url\(#([^)]+)\)", html)) | {
        str(attrs["xlink:href"])[1:] for _, attrs in reader.tags if "xlink:href" in attrs
    }
    assert used
    assert used <= set(ids)
    assert sum(tag == "svg" for tag, _ in reader.tags) == 3


def test_everything_given_is_shown(report: ReportData, html: str) -> None:
    """All tensors, steps, facts, provenance, files; infinite SQNR reads "exact", undefined "no signal"."""
    text = _read(html).text
    shown = [entry.tensor for entry in report.sqnr] + [row.step for row in report.cost]
    shown += [part for fact in report.headline + report.accuracy for part in fact]
    shown += [*report.provenance, *report.provenance.values(), report.title, report.summary]
    shown += [part for link in report.files for part in link]
    shown += ["41.25", "exact", "no signal", "largest drop", "10.8 dB below", "SQNR against the float model (dB)"]
    for words in shown:
        assert words in text


def test_costs_are_summed_with_units(html: str) -> None:
    """4 000 000 cycles, utilisation 25 %, 6 KiB of SRAM, 13.5 uJ; shares 75 % and 25 % of the cycles."""
    text = _read(html).text.replace("\u202f", "")
    foot = text[text.index("all 3 steps") :]
    for value in ("3703701", "4000000", "25.0", "6.0", "3.0", "1.5", "13.50"):
        assert value in foot
    for words in ("million cycles", "µJ", "(KiB)", "(%)", "75.0%", "25.0%"):
        assert words in text


def test_names_cannot_inject_markup(html: str) -> None:
    """No script element and no script link comes from data."""
    reader = _read(html)
    assert all(tag != "script" for tag, _ in reader.tags)
    links = [attrs["href"] for tag, attrs in reader.tags if tag == "a"]
    assert links == ["out/program%201.safetensors", "javascript%3Aalert%281%29"]


def test_the_page_loads_nothing(html: str) -> None:
    """No http address but XML namespaces, no src, no import, no external style sheet or font."""
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert "xmlns" in html
    assert not re.search(r"https?://|//[a-z]", without_namespaces.replace("</", ""))
    assert not re.search(r"@import|@font-face|url\((?!#)", html)
    reader = _read(html)
    assert all("src" not in attrs and tag not in ("link", "img", "iframe", "object") for tag, attrs in reader.tags)


def test_equal_data_give_equal_bytes(report: ReportData, tmp_path: Path) -> None:
    """Two pages are the same file, without a date; other data give another file."""
    for name in ("one.html", "two.html"):
        write_page(report, tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert "<metadata>" not in (tmp_path / "one.html").read_text()
    assert page(replace(report, summary="Nothing agrees.")) != page(report)


def test_colours_follow_the_theme(html: str) -> None:
    """No colour of the plots is fixed: each is a variable that the page defines for light, dark and print."""
    assert "#0101" not in html
    for variable in set(re.findall(r"var\((--\w+)\)", html)):
        assert html.count(f"{variable}: #") == 3


def test_empty_sections_are_left_out(report: ReportData) -> None:
    """A cost without accuracy, and the other way round."""
    only_cost = _read(page(replace(report, headline=(), accuracy=(), sqnr=(), worst_drop="", files=()))).text
    assert "Cost of one image" in only_cost
    assert "Accuracy" not in only_cost
    assert "Files" not in only_cost
    only_accuracy = page(replace(report, cost=()))
    assert "Cost of one image" not in only_accuracy
    assert only_accuracy.count("<svg") == 1


def test_a_drop_at_the_first_tensor_and_equal_rows_are_drawn(report: ReportData) -> None:
    """The first tensor has no predecessor; rows without cycles or energy still give a page."""
    nothing = replace(report.cost[0], cycles=0, energy_pj={"mac": 0.0})
    html = page(replace(report, worst_drop="stem.conv", cost=(nothing,)))
    assert "largest drop: stem.conv<" in html


@pytest.mark.parametrize("path", ["/etc/passwd", "C:\\file", ""])
def test_a_link_that_is_no_relative_path_is_refused(path: str, report: ReportData) -> None:
    """Links count from the page's folder."""
    with pytest.raises(BadInput, match="files beside it"):
        replace(report, files=(FileLink("bad", path),))


def test_a_worst_drop_without_an_sqnr_is_refused(report: ReportData) -> None:
    """The mark would have no place."""
    with pytest.raises(BadInput, match="without an SQNR"):
        replace(report, worst_drop="nowhere")


def test_a_page_that_cannot_be_written_is_refused(report: ReportData, tmp_path: Path) -> None:
    """A file stands where the folder should be; nothing is left behind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write here"):
        write_page(report, tmp_path / "file" / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
