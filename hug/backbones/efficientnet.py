"""EfficientNet-Lite0 (Tan and Le, ICML 2019; the "lite" variant has ReLU6 and no squeeze-and-excitation).

Modules carry the names of the published state dict, hence the leading underscores. Letters: B pictures, S side.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

# (repeats, kernel, stride, expansion, channels in, channels out) of the seven stages
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
MIDDLE = 10  # last block of the 112-channel stage, at stride 16
BN_EPS = 1e-3  # TensorFlow's, which the weights were trained with
NORMS = {  # convolution -> the batch normalisation behind it
    "_conv_stem": "_bn0",
    "_conv_head": "_bn1",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
}


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: at stride 2 the odd pixel goes to the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        rows, columns = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        if rows or columns:
            x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)


class Block(nn.Module):
    """Inverted bottleneck: expand, filter each channel, project; the input is added where shapes allow."""

    def __init__(self, kernel: int, stride: int, expansion: int, inside: int, outside: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expands, self.adds = expansion != 1, stride == 1 and inside == outside
        if self.expands:
            self._expand_conv = SameConv(inside, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, BN_EPS)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, BN_EPS)
        self._project_conv = SameConv(wide, outside, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outside, BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))  # no activation: the bottleneck is linear
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """4.7 M parameters; `forward` classifies ImageNet, `stages` gives the two maps that become tokens."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, BN_EPS)
        self._blocks = nn.ModuleList(
            Block(kernel, 1 if again else stride, expansion, outside if again else inside, outside)
            for repeats, kernel, stride, expansion, inside, outside in STAGES
            for again in range(repeats)
        )
        self._conv_head = SameConv(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, BN_EPS)
        self._fc = nn.Linear(1280, 1000)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 112, S/16, S/16) and (B, 320, S/32, S/32) linear bottleneck outputs of pictures (B, 3, S, S)."""
        x = F.relu6(self._bn0(self._conv_stem(x)))  # (B, 32, S/2, S/2)
        outputs = [x := block(x) for block in self._blocks]
        return outputs[MIDDLE], x

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1000) ImageNet logits of normalised pictures (B, 3, S, S)."""
        return self.classify(self.stages(x)[1])

    def classify(self, last: Tensor) -> Tensor:
        """(B, 1000) ImageNet logits from the last of the `stages` (B, 320, S/32, S/32)."""
        return self._fc(torch.flatten(F.relu6(self._bn1(self._conv_head(last))).mean((2, 3)), 1))

    def fuse(self) -> EfficientNetLite0:
        """Batch normalisation folded into the convolutions: the same numbers to 1e-4 in less time."""
        for module, (conv, norm) in product((self, *self._blocks), NORMS.items()):
            if hasattr(module, conv):
                setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
                setattr(module, norm, nn.Identity())
        return self
