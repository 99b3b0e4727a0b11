"""The unit that a key's name ends in, in words."""

from __future__ import annotations

UNITS = {
    "_bytes_per_cycle": "bytes a cycle",
    "_mb_per_s": "MB/s (10^6 bytes a second)",
    "_pj_per_byte": "pJ a byte",
    "_pj_per_bit": "pJ a bit",
    "_pj": "pJ",
    "_mw": "mW",
    "_mhz": "MHz",
    "_kib": "KiB (1024 bytes)",
    "_bytes": "bytes",
    "_bits": "bits",
    "_bits_max": "bits",
    "_cycles": "cycles",
    "_bursts": "bursts",
    "_channels": "channels",
    "_banks": "banks",
}
WHOLE = {
    "rows": "cells",
    "cols": "cells",
    "lanes": "lanes",
    "banks": "banks",
    "bytes_per_cycle": "bytes a cycle",
    "iterative_units": "units",
}


def unit_of(key: str) -> str:
    """The unit in words; nothing where the name has none."""
    if key in WHOLE:
        return WHOLE[key]
    matching = [end for end in UNITS if key.endswith(end)]
    return UNITS[max(matching, key=len)] if matching else ""
