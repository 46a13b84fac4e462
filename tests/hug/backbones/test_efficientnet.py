"""Our network against the published implementation, which is a development dependency."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn

from hug.backbones.efficientnet import EfficientNetLite0
from hug.backbones.embedded import IMAGES, NETWORK, verified


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return torch.load(io.BytesIO(verified(IMAGES, NETWORK)), weights_only=True)


@pytest.fixture(scope="module")
def network(state: dict[str, torch.Tensor]) -> EfficientNetLite0:
    network = EfficientNetLite0().eval()
    network.load_state_dict(state)  # strict: every name and shape
    return network


@pytest.mark.parametrize("size", [160, 224])
@torch.no_grad()
def test_equal_to_the_published_implementation(
    network: EfficientNetLite0, state: dict[str, torch.Tensor], size: int
) -> None:
    published = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0").eval()
    published.load_state_dict(state)
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(x), published(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_stages_are_the_inputs_of_block_11_and_of_the_head(network: EfficientNetLite0) -> None:
    seen: list[torch.Tensor] = []
    hooks = [
        m.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        for m in (network._blocks[11], network._conv_head)
    ]
    x = torch.randn(1, 3, 160, 160)
    network(x)
    for hook in hooks:
        hook.remove()
    middle, last = network.stages(x)
    assert middle.shape == (1, 112, 10, 10) and last.shape == (1, 320, 5, 5)
    assert torch.equal(middle, seen[0]) and torch.equal(last, seen[1])


@torch.no_grad()
def test_folding_changes_no_number(network: EfficientNetLite0, state: dict[str, torch.Tensor]) -> None:
    folded = EfficientNetLite0().eval()
    folded.load_state_dict(state)
    folded.fuse()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    x = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-4)


def test_parameters(network: EfficientNetLite0) -> None:
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 4.7
