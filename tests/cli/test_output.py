"""Progress bars: one for each run of a thing."""

from __future__ import annotations

import pytest

from bittrue.cli.output import progress_bars


def test_every_run_gets_its_own_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """Simulating 3 images and then 1 are two bars, both full."""
    with progress_bars(quiet=False) as progress:
        for done in (1, 2, 3):
            progress("simulate", done, 3)
        progress("simulate", 1, 1)
    lines = [line for line in capsys.readouterr().err.splitlines() if "simulate" in line]
    assert ["3/3" in line for line in lines] == [True, False]
    assert "1/1" in lines[-1]


def test_quiet_and_unused_bars_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither machines nor an error before any work get an empty bar."""
    with progress_bars(quiet=True) as progress:
        progress("simulate", 1, 1)
    with progress_bars(quiet=False):
        pass
    assert capsys.readouterr().err == ""
