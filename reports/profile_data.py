"""Times of the steps of a program beside what they compute and move, as plain values for tables and the plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MachineLimit:
    """What this process can do at best, measured."""

    gmac_s: float
    """10^9 multiply-accumulates a second of the dot-product tile on data in the cache, all threads."""
    cache_gb_s: float
    """10^9 bytes a second, read and written, of copies in the second-level cache: one core's times the threads."""
    memory_gb_s: float
    """The same of copies in main memory, all threads at once."""
    threads: int
    instructions: str
    """What the products are compiled to."""
    threading_layer: str
    """numba's name of the thread pool."""


@dataclass(frozen=True)
class StepTime:
    """One bound step: a step of the program with those behind it that it computes in passing."""

    step: str
    op: str
    """Of the step and of those behind it: "conv2d + table"."""
    fused: tuple[str, ...]
    """The steps behind it that take no time of their own."""
    plain: bool
    """Whether the plain kernel runs it, because no fast one is proved to give the same."""
    macs: int
    vector_operations: int
    """Element operations outside the products, as the ops' contracts count them."""
    operand_bytes: int
    result_bytes: int
    constant_bytes: int
    minimum_us: float
    median_us: float
    limit_us: float
    """No run can take less: the larger of the time of the products at the tile's peak and of the bytes in the cache."""

    @property
    def bytes(self) -> int:
        """Read and written, each once."""
        return self.operand_bytes + self.result_bytes + self.constant_bytes

    @property
    def operations(self) -> int:
        """Multiply-accumulates and element operations."""
        return self.macs + self.vector_operations

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.operations / self.bytes

    @property
    def gmac_s(self) -> float:
        """10^9 multiply-accumulates a second, at the shortest time."""
        return self.macs / self.minimum_us / 1e3

    @property
    def gop_s(self) -> float:
        """10^9 operations a second, at the shortest time."""
        return self.operations / self.minimum_us / 1e3

    @property
    def gb_s(self) -> float:
        """10^9 bytes a second, at the shortest time."""
        return self.bytes / self.minimum_us / 1e3

    @property
    def of_limit(self) -> float:
        """The least possible time over the shortest one, 0..1 but for errors of the measured limit."""
        return self.limit_us / self.minimum_us

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        derived = {name: getattr(self, name) for name in ("bytes", "intensity", "gmac_s", "gop_s", "gb_s", "of_limit")}
        return {**asdict(self), **derived}


@dataclass(frozen=True)
class OpTotal:
    """All bound steps of one kind."""

    op: str
    steps: int
    plain: int
    """How many of them run by the plain kernel."""
    macs: int
    vector_operations: int
    bytes: int
    minimum_us: float
    """Sum of the shortest times."""
    limit_us: float


@dataclass(frozen=True)
class Profile:
    """One program on one image."""

    model: str
    datapath: str
    program_sha256: str
    repeats: int
    limit: MachineLimit
    steps: tuple[StepTime, ...]
    """In program order."""
    views: tuple[str, ...]
    """Steps that move nothing."""
    run_minimum_us: float
    """Of whole runs, which also store the image, and are not timed step by step."""
    run_median_us: float

    @property
    def steps_us(self) -> float:
        """Sum of the shortest times of all steps."""
        return sum(step.minimum_us for step in self.steps)

    def share(self, minimum_us: float) -> float:
        """Of the sum over all steps, 0..1."""
        return minimum_us / self.steps_us

    def by_op(self) -> tuple[OpTotal, ...]:
        """Totals by kind, the longest first."""
        kinds: dict[str, list[StepTime]] = {}
        for step in self.steps:
            kinds.setdefault(step.op, []).append(step)
        totals = [
            OpTotal(
                op=op,
                steps=len(steps),
                plain=sum(step.plain for step in steps),
                macs=sum(step.macs for step in steps),
                vector_operations=sum(step.vector_operations for step in steps),
                bytes=sum(step.bytes for step in steps),
                minimum_us=sum(step.minimum_us for step in steps),
                limit_us=sum(step.limit_us for step in steps),
            )
            for op, steps in kinds.items()
        ]
        return tuple(sorted(totals, key=lambda total: -total.minimum_us))

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "model": self.model,
            "datapath": self.datapath,
            "program_sha256": self.program_sha256,
            "repeats": self.repeats,
            "machine": asdict(self.limit),
            "run_minimum_us": self.run_minimum_us,
            "run_median_us": self.run_median_us,
            "steps_us": self.steps_us,
            "by_op": [{**asdict(total), "share": self.share(total.minimum_us)} for total in self.by_op()],
            "steps": [{**step.document(), "share": self.share(step.minimum_us)} for step in self.steps],
            "views": list(self.views),
        }
