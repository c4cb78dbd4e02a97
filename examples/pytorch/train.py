"""Trains a small conv net on the CPU with ReLU, with ReLU and dropout, and with jumpout, and prints the time of a step.

    python3 examples/pytorch/train.py [steps]

Debian: apt-get install python3-torch. Elsewhere: pip install torch. JUMPOUT_LIBRARY names the library; without it
`require('jumpout').native.library` is asked for in the current folder.
"""

import sys
import time

import torch
from torch import nn

from jumpout import Jumpout

CLASSES, SIZE, BATCH = 10, 28, 64


def net(activation):
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        activation(0),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        activation(1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, CLASSES),
    )


ACTIVATIONS = {
    "relu": lambda layer: nn.ReLU(),
    "relu + dropout": lambda layer: nn.Sequential(nn.ReLU(), nn.Dropout(0.1)),
    "jumpout": lambda layer: Jumpout(seed=1, layer=layer),
}


def train(name, steps):
    torch.manual_seed(0)
    patterns = torch.randn(CLASSES, 1, SIZE, SIZE)  # of the classes, under noise
    model = net(ACTIVATIONS[name])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    times = []
    for _ in range(steps):
        labels = torch.randint(CLASSES, (BATCH,))
        images = patterns[labels] + 2 * torch.randn(BATCH, 1, SIZE, SIZE)
        start = time.perf_counter()
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
        first = loss.item() if len(times) == 1 else first
    milliseconds = 1000 * sorted(times)[len(times) // 2]
    print(f"{name}: loss {first:.3f} -> {loss.item():.3f}, {milliseconds:.0f} ms per step")


if __name__ == "__main__":
    for name in ACTIVATIONS:
        train(name, int(sys.argv[1]) if len(sys.argv) > 1 else 30)
