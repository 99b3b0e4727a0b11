"""Which tensors get scales, and what their readers demand."""

from __future__ import annotations

import torch
from small_models import small_graph

from bittrue.calibration.frontend.export import export_graph
from bittrue.calibration.sites import find_sites


def test_sites_and_their_demands() -> None:
    """Layout outputs and softmax are no sites; padding and MAC operands are seen through layout."""
    sites = {site.name: site for site in find_sites(small_graph())}
    assert not any(name in sites for name in ("softmax", "reshape", "permute", "unbind"))
    assert [name for name, site in sites.items() if site.padded] == ["input", "silu_1"]
    assert [name for name, site in sites.items() if site.one_zero_point] == ["norm"]
    assert sites["silu_1"].axis == 1
    assert len(sites["silu_1"].groups) == 16


def test_channels_that_nobody_reads_are_a_group_of_their_own() -> None:
    """Half of a projection is dropped: its range must not widen the other half's."""

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.fc, self.head = torch.nn.Conv2d(3, 8, 64), torch.nn.Linear(8, 16), torch.nn.Linear(8, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.fc(self.stem(x).flatten(1)).chunk(2, dim=1)[0])

    graph = export_graph(Half().eval(), model="half", side=64, mean=(0.0,) * 3, std=(1.0,) * 3)
    fc = next(site for site in find_sites(graph) if site.name == "fc")
    assert fc.groups == (0,) * 8 + (1,) * 8


def test_qkv_parts_are_groups_and_mac_operands_are_symmetric() -> None:
    """The three thirds of a qkv projection get scales of their own, each symmetric since a MAC reads it."""
    sites = {site.name: site for site in find_sites(small_graph())}
    assert sites["qkv"].groups == (0,) * 8 + (1,) * 8 + (2,) * 8
    assert sites["qkv"].symmetric == (True, True, True)
    assert sites["proj"].symmetric == (False,)
