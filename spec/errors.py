"""The one family of errors that a user of bittrue sees.

Inner code states the fact (what, got, expected); the caller that knows the place adds it with `at`.
The command line prints the message and leaves with the class's exit code (docs/design.md, decision 11).
"""

from __future__ import annotations

from typing import Self


class BittrueError(Exception):
    """A refusal that says what is wrong, where, what was got, what was expected and what to do next."""

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        got: object = None,
        expected: object = None,
        next_step: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.got = got
        self.expected = expected
        self.next_step = next_step
        super().__init__(what)

    def at(self, where: str) -> Self:
        """Add the place (file, step, key path) in front of what is known already, and return self."""
        self.where = f"{where}: {self.where}" if self.where else where
        return self

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.got is not None:
            lines.append(f"  got:      {self.got}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.next_step:
            lines.append(f"  next:     {self.next_step}")
        return "\n".join(lines)


class BadInput(BittrueError):
    """A file, an option or a folder that a user gave cannot be used."""


class IllFormed(BittrueError):
    """A program, plan, step or description breaks its own contract: no data could make it right."""


class OutOfDomain(BittrueError):
    """The description is sound, the data left the domain it declares (a code outside its range)."""


class Unsupported(BittrueError):
    """The request is clear but bittrue does not do it; the message lists what it does."""
