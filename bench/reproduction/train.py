"""One run: the data on the device, augmentation, the schedule, the training loop."""

import hashlib
import time
from contextlib import nullcontext

import numpy as np
import torch

from data import SIZE
from metrics import evaluate
from net import Activation, activations, net

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the training pixels
SHIFT, HOLE = 4, 8  # pixels: most of a shift, side of the square that is cut out
PEAK, WARM, DECAY, MOMENTUM = 0.4, 0.2, 5e-4, 0.9  # learning rate, its share of steps that rise, weight decay


class TimeUp(Exception):
    """The budget ended within a run, which is lost."""


class Images:
    """uint8 images [N, 32, 32, 3], mirrored beyond their borders, and their labels, on a device."""

    def __init__(self, images, labels, device):
        border = (SHIFT, SHIFT)
        self.padded = torch.from_numpy(np.pad(images, ((0, 0), border, border, (0, 0)), mode="reflect")).to(device)
        self.labels = torch.from_numpy(labels).long().to(device)
        self.mean = 255 * torch.tensor(MEAN, device=device)
        self.deviation = 255 * torch.tensor(DEVIATION, device=device)
        self.side = torch.arange(SIZE, device=device)

    def __len__(self):
        return len(self.labels)

    def pixels(self, index, rows, columns):
        """Standardised pixels [n, 32, 32, 3] at rows and columns [n, 32] of the padded images."""
        return (self.padded[index[:, None, None], rows[:, :, None], columns[:, None, :]] - self.mean) / self.deviation

    def augmented(self, index, generator):
        """Shifted, mirrored, and without a square: [n, 3, 32, 32], channels last in memory."""

        def draw(count):
            return torch.randint(count, (len(index), 1), generator=generator, device=index.device)

        rows = draw(2 * SHIFT + 1) + self.side
        columns = draw(2 * SHIFT + 1) + torch.where(draw(2) == 0, self.side, SIZE - 1 - self.side)
        top, left = self.side - draw(SIZE - HOLE + 1), self.side - draw(SIZE - HOLE + 1)
        inside = ((top >= 0) & (top < HOLE))[:, :, None] & ((left >= 0) & (left < HOLE))[:, None, :]
        return self.pixels(index, rows, columns).masked_fill(inside[..., None], 0).permute(0, 3, 1, 2)

    def plain(self, index):
        middle = (self.side + SHIFT).expand(len(index), SIZE)
        return self.pixels(index, middle, middle).permute(0, 3, 1, 2)


def optimizer_of(model, steps):
    """Nesterov's momentum; the rate rises and falls linearly; weights decay, biases and scales do not."""
    weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=PEAK, momentum=MOMENTUM, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK, total_steps=steps, pct_start=WARM, anneal_strategy="linear", cycle_momentum=False
    )
    return optimizer, schedule


def digest(model):
    """Of all parameters and averages: equal for equal bits."""
    sha = hashlib.sha256()
    for value in model.state_dict().values():
        sha.update(value.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def train(run, settings, training, testing, out_of_time):
    """What a run gives. Initial weights, order and augmentation depend on the seed alone, so that methods can be compared
    in pairs. Raises TimeUp if `out_of_time()` after an epoch."""
    device, batch, epochs = training.labels.device, settings["batch"], settings["epochs"][run["stage"]]
    torch.manual_seed(run["seed"])
    generator = torch.Generator(device).manual_seed(run["seed"])
    make = activations(run["method"], run["placement"], run["strength"], run["seed"], run["active"])
    model = net(make, settings["widths"]).to(device)
    layers = [module for module in model.modules() if isinstance(module, Activation)]
    each = len(training) // batch
    optimizer, schedule = optimizer_of(model, epochs * each)
    dtype = getattr(torch, settings["dtype"])
    mixed = nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)
    fractions, start = [], time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(training), generator=generator, device=device)
        for index in order[: each * batch].split(batch):
            with mixed:
                logits = model(training.augmented(index, generator))
                loss = torch.nn.functional.cross_entropy(logits.float(), training.labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        last = loss.item()  # waits for the device
        fractions += [layer.active_fraction() for layer in layers]
        if out_of_time():
            raise TimeUp
    seconds = time.perf_counter() - start
    model.eval()
    with torch.no_grad(), mixed:
        whole = torch.arange(len(testing), device=device).split(batch)
        logits = torch.cat([model(testing.plain(index)).float() for index in whole])
    return {
        **evaluate(logits, testing.labels),
        "loss": last,
        "activeFraction": sum(fractions) / len(fractions) if fractions else None,
        "weights": digest(model),
        "secondsPerStep": seconds / (epochs * each),
    }
