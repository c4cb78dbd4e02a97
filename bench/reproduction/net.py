"""A residual net of nine layers for images of 32 x 32, as those that reach 94% on CIFAR-10 within seconds have, with a dense
layer before the classifier; and what follows its ReLUs."""

import math
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples" / "pytorch"))

import torch  # noqa: E402
from torch import nn  # noqa: E402

from jumpout import Jumpout, JumpoutFunction  # noqa: E402

P_MIN = 0.01  # of jumpout, the library's default


def options_of(method, strength, active):
    """Of jumpout_options, as docs/reproduction.md has them; None where PyTorch alone serves. `strength` is sigma or the rate,
    `active` the mean fraction of active units that searching jumpout's strength has found."""
    if method == "jumpout":
        return {"sigma": strength}
    if method == "jumpout-less-1":
        return {"rate": P_MIN + strength * math.sqrt(2 / math.pi)}
    if method == "jumpout-less-2":
        return {"sigma": strength / active, "p_min": P_MIN / active, "normalize": 0}
    if method == "jumpout-less-3":
        return {"sigma": strength, "exponent": 1.0}
    if method == "dropout-0.75":
        return {"rate": strength, "normalize": 0}
    return None


class Activation(Jumpout):
    """ReLU and jumpout. Channels are last in memory, and so are they in the order of the elements: nothing is copied."""

    counts = None

    def forward(self, x):
        if not self.training:
            return torch.relu(x)
        x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
        call, self.calls = self.calls, self.calls + 1
        y = JumpoutFunction.apply(x, self.options, self.layout(x), self.seed, call, None)
        if y.requires_grad:
            _, self.counts = y.grad_fn.saved_tensors
        return y.permute(0, 3, 1, 2) if y.dim() == 4 else y

    def active_fraction(self):
        """Of the last call; waits for the device."""
        counts = self.counts.view(torch.int64) if self.counts.dtype == torch.uint8 else self.counts
        return float(counts[0, 0] / counts[0, 1])


def activations(method, placement, strength, seed, active):
    """Makes what follows the n-th layer, on its own stream of random numbers; `dense` is true of the dense one."""

    def make(layer, dense=False):
        options = options_of(method, strength, active)
        if method == "none" or (placement == "dense" and not dense):
            return nn.ReLU()
        if options is None:
            return nn.Sequential(nn.ReLU(), nn.Dropout(strength))
        return Activation(seed, layer, **options)

    return make


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Classifier(nn.Linear):
    """Logits an eighth as large: with them one learning rate suits all layers."""

    def forward(self, x):
        return super().forward(x) / 8


def net(activation, widths, classes=10):
    """Images [N, 3, 32, 32] to logits. `widths` are those of the four sizes of planes, and of the dense layer."""
    a, b, c, d, e = widths

    def block(layer, inputs, outputs, pool=False):
        """The maximum comes before the batch normalisation, where it leaves less to do."""
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return nn.Sequential(
            convolution, *([nn.MaxPool2d(2)] if pool else []), nn.BatchNorm2d(outputs), activation(layer)
        )

    return nn.Sequential(
        block(0, 3, a),
        block(1, a, b, pool=True),
        Residual(block(2, b, b), block(3, b, b)),
        block(4, b, c, pool=True),
        block(5, c, d, pool=True),
        Residual(block(6, d, d), block(7, d, d)),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(d, e, bias=False),
        nn.BatchNorm1d(e),
        activation(8, dense=True),
        Classifier(e, classes),
    ).to(memory_format=torch.channels_last)
