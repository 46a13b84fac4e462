"""Another thing than a garment for above the waist is told by the classes of the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from hug.backbones.embedded import Embedded
from hug.backbones.kinds import ABOVE, OTHER, Classifier, log_odds, other_thing, tells
from tests.hug.conftest import PixelBackbone


class Told(PixelBackbone):
    """A backbone whose tokens (B, 1, 1000) are what it makes of them."""

    def classify(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, 0].log_softmax(1)


@pytest.mark.parametrize(("name", "number"), [(name, numbers[0]) for name, numbers in OTHER.items()])
def test_the_thing_is_named(name: str, number: int) -> None:
    tokens = torch.zeros(1, 1, 1000)
    tokens[..., number] = 9.0
    assert other_thing(Told(), tokens, 0.0) == name
    tokens[..., ABOVE[3]] = 15.0
    assert other_thing(Told(), tokens, 0.0) is None


def test_no_class_is_on_both_sides() -> None:
    elsewhere = [number for numbers in OTHER.values() for number in numbers]
    assert len({*ABOVE, *elsewhere}) == len(ABOVE) + len(elsewhere) and max(*ABOVE, *elsewhere) < 1000
    even = torch.zeros(2, 1000).log_softmax(1)
    torch.testing.assert_close(log_odds(even), torch.full((2,), len(ABOVE) / len(elsewhere)).log())


def test_only_galleries_of_garments_and_backbones_that_can_are_told() -> None:
    assert tells(Told(), ["dress", "Shirt", "toptee"])
    assert not tells(Told(), ["dress", "hat"]) and not tells(Told(), [])
    assert not tells(PixelBackbone(), ["dress"]) and other_thing(PixelBackbone(), torch.zeros(1, 25, 8), 1e9) is None


def test_tokens_give_the_classes_that_the_network_gives() -> None:
    backbone = Embedded()
    assert isinstance(backbone, Classifier)
    picture = Image.effect_mandelbrot((160, 160), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    x = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.no_grad():
        whole = backbone._network(x).log_softmax(1)
    torch.testing.assert_close(backbone.classify(backbone.images([picture])), whole, atol=1e-4, rtol=1e-4)
