"""A profile as rows of text for the terminal."""

from __future__ import annotations

from bittrue.reports.profile_data import Profile

OP_COLUMNS = ("op", "steps", "plain", "time us", "share", "MMAC", "Mop vector", "MB", "GMAC/s", "GB/s", "of limit")
STEP_COLUMNS = (
    "step", "op", "by", "time us", "median", "share", "MMAC", "Mop vector", "KB", "GMAC/s", "GB/s", "of limit",
)  # fmt: skip


def op_rows(profile: Profile) -> list[tuple[str, ...]]:
    """A row of OP_COLUMNS for each kind of op, the longest first, and one for all."""
    rows = [
        (
            total.op,
            str(total.steps),
            str(total.plain or "-"),
            f"{total.minimum_us:,.0f}",
            f"{profile.share(total.minimum_us):.1%}",
            f"{total.macs / 1e6:,.1f}" if total.macs else "-",
            f"{total.vector_operations / 1e6:,.2f}",
            f"{total.bytes / 1e6:,.2f}",
            f"{total.macs / total.minimum_us / 1e3:,.1f}" if total.macs else "-",
            f"{total.bytes / total.minimum_us / 1e3:,.1f}",
            f"{total.limit_us / total.minimum_us:.0%}",
        )
        for total in profile.by_op()
    ]
    steps, time = profile.steps, profile.steps_us
    macs, size = sum(step.macs for step in steps), sum(step.bytes for step in steps)
    everything = (
        "all",
        str(len(steps)),
        str(sum(step.plain for step in steps) or "-"),
        f"{time:,.0f}",
        "100.0%",
        f"{macs / 1e6:,.1f}",
        f"{sum(step.vector_operations for step in steps) / 1e6:,.2f}",
        f"{size / 1e6:,.2f}",
        f"{macs / time / 1e3:,.1f}",
        f"{size / time / 1e3:,.1f}",
        f"{sum(step.limit_us for step in steps) / time:.0%}",
    )
    return [*rows, everything]


def step_rows(profile: Profile, count: int) -> list[tuple[str, ...]]:
    """A row of STEP_COLUMNS for each of the `count` steps that take longest."""
    longest = sorted(profile.steps, key=lambda step: -step.minimum_us)[:count]
    return [
        (
            step.step,
            step.op,
            "plain" if step.plain else "fast",
            f"{step.minimum_us:,.1f}",
            f"{step.median_us:,.1f}",
            f"{profile.share(step.minimum_us):.1%}",
            f"{step.macs / 1e6:,.2f}" if step.macs else "-",
            f"{step.vector_operations / 1e6:,.2f}",
            f"{step.bytes / 1e3:,.0f}",
            f"{step.gmac_s:,.1f}" if step.macs else "-",
            f"{step.gb_s:,.1f}",
            f"{step.of_limit:.0%}",
        )
        for step in longest
    ]


def fact_rows(profile: Profile) -> list[tuple[str, str]]:
    """What stands above the tables: the run, and what the machine could do."""
    limit, fused = profile.limit, sum(len(step.fused) for step in profile.steps)
    plain = sum(step.plain for step in profile.steps)
    shortest, median = profile.run_minimum_us / 1e3, profile.run_median_us / 1e3
    return [
        ("one run", f"{shortest:.2f} ms at its shortest, median {median:.2f} of {profile.repeats}"),
        ("sum of steps", f"{profile.steps_us / 1e3:.2f} ms, each at its shortest"),
        ("steps", f"{len(profile.steps)} run, {plain} plain; {fused} computed in passing, {len(profile.views)} views"),
        ("threads", f"{limit.threads}, layer {limit.threading_layer}"),
        ("products", f"{limit.gmac_s:.1f} GMAC/s at the peak of the tile, {limit.instructions}"),
        ("copies in the cache", f"{limit.cache_gb_s:.1f} GB/s, read and written"),
        ("copies in memory", f"{limit.memory_gb_s:.1f} GB/s"),
    ]  # fmt: skip
