"""Progress: how a verb tells whoever called it how far it is. The command line draws bars from it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""(what is being done, how many are done, how many there are)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """The default: say nothing."""
