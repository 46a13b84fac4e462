"""Does a picture show another kind of thing than a gallery of garments holds? By the backbone's ImageNet classifier.

Nothing is trained: the log-odds between what is worn above the waist, or as a dress, and what is worn elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from hug.backbones import Backbone

# ImageNet's classes, by their numbers in the order of their names' synsets.
ABOVE = (
    399, 400, 411, 445, 459,  # abaya, academic gown, apron, bikini, brassiere
    474, 501, 568, 578, 601,  # cardigan, cloak, fur coat, gown, hoopskirt
    610, 614, 617, 638, 639,  # T-shirt, kimono, lab coat, maillot, tank suit
    655, 689, 697, 735, 775,  # miniskirt, overskirt, pyjama, poncho, sarong
    834, 841, 869, 885, 887,  # suit, sweatshirt, trench coat, velvet, vestment
)  # fmt: skip
OTHER = {
    "a hat": (
        439,
        452,
        515,
        518,
        560,
        793,
        808,
    ),  # bearskin, bonnet, cowboy hat, helmets, shower cap, sombrero
    "shoes": (496, 502, 514, 630, 770, 774, 806),  # stocking, clog, cowboy boot, loafer, running shoe, sandal, sock
    "trousers": (608,),  # jeans
    "shorts": (842,),  # swimming trunks
}
GARMENTS = frozenset(("dress", "shirt", "toptee", "top", "t-shirt", "tshirt", "longsleeve", "blouse", "outwear"))
# Log-odds of photographs below which it is another kind: so are one in ten dresses, shirts and tops, and nine in ten
# hats, shoes, trousers and shorts (`python -m benchmarks.kinds`). Of other pictures it is what validation's have.
LIMIT = 1.5


@runtime_checkable
class Classifier(Protocol):
    """A backbone that can say what its tokens show."""

    def classify(self, tokens: Tensor) -> Tensor:
        """(B, 1000) log probabilities of ImageNet's classes from tokens (B, P, Cv)."""


def log_odds(classes: Tensor) -> Tensor:
    """(B,) what is worn above the waist, or as a dress, against what is worn elsewhere, from (B, 1000)."""
    elsewhere = [number for numbers in OTHER.values() for number in numbers]
    return classes[:, list(ABOVE)].logsumexp(1) - classes[:, elsewhere].logsumexp(1)


def tells(backbone: Backbone, categories: Iterable[str]) -> bool:
    """Whether the backbone can tell what doesn't belong in a gallery of these categories."""
    names = {name.lower() for name in categories}
    return bool(names) and names <= GARMENTS and isinstance(backbone, Classifier)


@torch.no_grad()
def other_thing(backbone: Backbone, tokens: Tensor, limit: float) -> str | None:
    """What a picture (1, P, Cv) looks like whose log-odds are below the limit; None where they aren't."""
    classes = backbone.classify(tokens) if isinstance(backbone, Classifier) else None
    if classes is None or float(log_odds(classes)[0]) >= limit:
        return None
    return max(OTHER, key=lambda name: float(classes[0, list(OTHER[name])].logsumexp(0)))
