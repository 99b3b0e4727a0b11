"""What every kind of activation unit says of itself; the kinds stand beside this file.

A table with an entry for each code is the unit `[table]`; the kinds here compute the function from wider
codes or without such a table. `[activation.FUNCTION] kind = "..."` of a datapath chooses one for a function;
a function without an entry goes by table.

Every kind reads codes q and maps each on its own (but for the row maximum of shift_silu). Two families:
where `requantizes` is False the unit's output is a code; where it is True the output is an integer on a
finer scale, and the datapath's requantizer brings it to a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.arithmetic import INT64_LIMIT, code_range
from bittrue.spec.errors import IllFormed, OutOfDomain
from bittrue.spec.units.section import Arrays, Integers, Port, Section, Width

Function = Literal["silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "relu", "relu6"]

VectorCounts = Mapping[str, int]
Bits = Annotated[int, Field(strict=True, ge=2, le=16)]
CODES = Port("codes", ("any",), "input codes q")

INPUT_ZERO_POINT = Port("input_zero_point", ("any",), "z: the input code that stands for 0", 0)
INPUT_LOW = Port("input_low", ("one",), "the lowest input code")
INPUT_BITS = Port("input_bits", ("one",), "width of an input code")
OUTPUT_ZERO_POINT = Port("output_zero_point", ("any",), "the output code that stands for 0", 0)
OUTPUT_LOW = Port("low", ("any",), "the lowest output code")
OUTPUT_HIGH = Port("high", ("any",), "the highest output code")
"""What a unit may read of the formats of its input and output. In a program they come from the tensors; alone a
unit takes signed codes of its own widths where nothing is said."""


class ActivationUnit(Section):
    """Base of the kinds."""

    kind: str
    input_bits_max: Bits
    """The widest code that the unit takes."""

    requantizes: ClassVar[bool] = False
    """Whether the requantizer follows."""
    functions: ClassVar[tuple[Function, ...]]
    """What the unit can compute."""
    formats: ClassVar[tuple[Port, ...]] = ()
    """What it reads of the formats of its input and output."""
    parameters: ClassVar[tuple[Port, ...]]
    """Integer constants that a step brings, in order."""
    stages: ClassVar[tuple[str, ...]] = ()
    """Intermediate values in the order in which they arise, each of the codes' shape; the output is not one."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Everything that the unit reads when it runs alone."""
        output = self.output_alone(Width(self.input_bits_max, True))
        low, high = code_range(output.bits, output.signed)
        defaults = {
            INPUT_LOW.name: code_range(self.input_bits_max, signed=True)[0],
            INPUT_BITS.name: self.input_bits_max,
            OUTPUT_LOW.name: low,
            OUTPUT_HIGH.name: high,
        }
        formats = (replace(port, default=defaults.get(port.name, port.default)) for port in self.formats)
        return (CODES, *formats, *self.parameters)

    def output_alone(self, source: Width) -> Width:
        """Width of an output code where nothing is said."""
        return Width(8, True)

    @property
    def elementwise(self) -> bool:
        """Whether each output depends on its own code only."""
        return True

    def serves(self, function: Function) -> bool:
        """Whether the unit as configured computes a function."""
        return function in self.functions

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse widths and constants that the unit cannot hold, or whose intermediates may leave 63 bits.

        arrays: formats and parameters by port name; for several channels each with a first axis of channels.
        Subclasses call this first.
        """
        if source.bits > self.input_bits_max:
            raise IllFormed(
                "codes are too wide for the activation unit",
                where=where,
                got=f"{source.bits} bits",
                expected=f"at most {self.input_bits_max} bits",
            )

    def check_alone(self, where: str, arrays: Arrays) -> None:
        """The same for a run without a program, whose arrays are all that the ports name.

        Raises OutOfDomain for codes outside the unit's input width.
        """
        codes = arrays["codes"]
        least, most = (int(codes.min()), int(codes.max())) if codes.size else (0, 0)
        bits = int(arrays[INPUT_BITS.name].reshape(-1)[0]) if INPUT_BITS.name in arrays else self.input_bits_max
        signed = least < 0 or most < 1 << (bits - 1)
        low, high = code_range(bits, signed)
        if INPUT_LOW.name in arrays:
            low = int(arrays[INPUT_LOW.name].reshape(-1)[0])
            high, signed = low + (1 << bits) - 1, low < 0
        if least < low or most > high:
            raise OutOfDomain(
                "a code lies outside the unit's input width",
                where=where,
                got=f"{least}..{most}",
                expected=f"{low}..{high}",
            )
        source = Width(bits, signed)
        output = self.output_alone(source)
        if OUTPUT_LOW.name in arrays and int(arrays[OUTPUT_LOW.name].min()) >= 0:
            output = Width(output.bits, False)
        self.check(where, source, output, arrays)

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The largest magnitude of the output, for units that the requantizer follows."""
        raise TypeError(f"{type(self).__name__} does not state its reach")

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """Registers of the parameters whose width `check` holds them to."""
        return {}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """Registers of the stages (the output of a unit in front of the requantizer is the stage "accumulator")
        whose width the contract proves."""
        return {}

    def work(self, size: int) -> VectorCounts:
        """Element operations for `size` codes; keys are VectorOp (spec/op.py). The requantizer is not counted."""
        raise TypeError(f"{type(self).__name__} does not state its work")


def centred(source: Width, arrays: Arrays) -> tuple[int, int]:
    """The interval of x = q - z over all channels."""
    low, high = code_range(source.bits, source.signed)
    zero_point = arrays["input_zero_point"]
    return low - int(zero_point.max()), high - int(zero_point.min())


def largest(source: Width, arrays: Arrays) -> int:
    """The largest magnitude of x = q - z."""
    low, high = centred(source, arrays)
    return max(abs(low), abs(high))


def check_range(where: str, role: str, array: Integers, low: int, high: int) -> None:
    """Refuse a constant with values outside low..high."""
    if int(array.min()) < low or int(array.max()) > high:
        raise IllFormed(
            f"constant '{role}' does not fit the activation unit",
            where=where,
            got=f"{int(array.min())}..{int(array.max())}",
            expected=f"{low}..{high}",
        )


def check_signed(where: str, role: str, array: Integers, bits: int) -> None:
    """Refuse a constant that is wider than `bits` bits with sign."""
    check_range(where, role, array, *code_range(bits, signed=True))


def check_int64(where: str, what: str, magnitude: int) -> None:
    """Refuse an intermediate that may reach 2**63."""
    if magnitude >= INT64_LIMIT:
        raise IllFormed(
            f"the {what} may not fit 63 bits and a sign",
            where=where,
            got=f"magnitude up to 2**{magnitude.bit_length()}",
            expected="below 2**63",
            next_step="narrow the codes or coarsen the input scale",
        )
