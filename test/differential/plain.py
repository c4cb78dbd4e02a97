"""plain.py [--quick] [--seed N]: jumpout without its three modifications against dropout of PyTorch.

What both keep has the same bits, forward and backward. Shares, moments, patterns and dependence are compared with what
dropout should have, and with what PyTorch's has. Rates are multiples of 1/65536.
"""

import numpy as np
import torch
from torch.nn import functional

import checks
import outcomes
from library import STEPS, capi

import jumpout  # of examples/pytorch, whose folder library.py knows

RATES = [6554, 13107, 32768, 52429]  # 0.1, 0.2, 0.5, 0.8


class Ours:
    name = "jumpout"

    def __init__(self, seed):
        self.seed, self.call = seed, 0

    def __call__(self, x, p, exponent=1.0):
        options = capi.options(rate=p, normalize=0, exponent=exponent)
        self.call += 1
        return jumpout.JumpoutFunction.apply(x, options, capi.Layout(unit_size=1), self.seed, self.call, None)


class Theirs:
    name = "PyTorch"

    def __call__(self, x, p):
        return functional.dropout(x, p)


def both_kept(found, ours, theirs, random, cases, length=8192):
    """Values and gradients, bit by bit."""
    wrong, compared = np.zeros(3, int), 0
    for threshold in random.integers(1, STEPS, size=cases):
        p = int(threshold) / STEPS
        x = torch.from_numpy(random.normal(size=length).astype(np.float32))
        gradient = torch.from_numpy(random.normal(size=length).astype(np.float32))
        outputs, gradients = [], []
        for dropout in (ours, theirs):
            leaf = x.clone().requires_grad_()
            output = dropout(leaf, p)
            output.backward(gradient)
            outputs.append(output.detach().numpy().view(np.uint32))
            gradients.append(leaf.grad.numpy().view(np.uint32))
        kept = (outputs[0] != 0) & (outputs[1] << 1 != 0)  # PyTorch multiplies by 0, which may give -0
        wrong += [
            (outputs[0][kept] != outputs[1][kept]).sum(),
            (gradients[0][kept] != gradients[1][kept]).sum(),
            (gradients[0][outputs[0] == 0] != 0).sum(),
        ]
        compared += int(kept.sum())
    for what, count in zip(("values", "gradients", "no gradient where dropped"), wrong):
        found.exact(f"{cases} rates: {what}", count, compared, "elements that both kept")


def packed(dropped):
    return np.packbits(dropped, bitorder="little")


def statistics_of(dropout, x, p):
    """Dropped elements, and outputs in double precision."""
    output = dropout(x, p).numpy()
    return output == 0, output.astype(np.float64)


def judge(threshold, ours, theirs, x):
    """Outcomes of `ours` against the formula and against PyTorch."""
    p = threshold / STEPS
    (dropped, output), (dropped_there, output_there) = (statistics_of(each, x, p) for each in (ours, theirs))
    rows, rows_there = (np.bincount(d.reshape(-1, 64).sum(axis=1), minlength=65) for d in (dropped, dropped_there))
    blocks, blocks_there = (np.bincount(packed(d), minlength=256) for d in (dropped, dropped_there))
    weights = np.array([bin(i).count("1") for i in range(256)])
    expected = p**weights * (1 - p) ** (8 - weights) * (x.numel() / 8)
    return [
        outcomes.share("share dropped", dropped.sum(), dropped.size, p, "the rate"),
        outcomes.means("mean", output, output_there),
        outcomes.means("mean of squares", output**2, output_there**2),
        outcomes.alike("number dropped of 64", rows, rows_there),
        outcomes.cells("patterns of 8, as expected", blocks, expected),
        outcomes.alike("patterns of 8", blocks, blocks_there),
    ]


def over_calls(ours, threshold, calls, length=512):
    """How often each element falls, and each pair of them agrees, over many calls."""
    p = threshold / STEPS
    ones = torch.ones(length)
    dropped = np.stack([ours(ones, p).numpy() == 0 for _ in range(calls)])
    signs = dropped.astype(np.float32) * 2 - 1
    agree = (calls + (signs.T @ signs)[np.triu_indices(length, 1)].astype(np.float64)) / 2
    return [
        outcomes.shares("each element", dropped.sum(axis=0), calls, p, "the rate"),
        outcomes.shares("each pair of elements", agree, calls, p * p + (1 - p) ** 2, "agreement"),
    ]


def main(options):
    random = np.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    ours, theirs = Ours(int(random.integers(2**62))), Theirs()
    found = checks.Checks("plain", f"host, PyTorch {torch.__version__}")
    both_kept(found, ours, theirs, random, 300 if options.quick else 5000)
    x = torch.from_numpy(random.uniform(0.5, 1.5, size=1 << (20 if options.quick else 24)).astype(np.float32))
    for threshold in RATES:
        tests = judge(threshold, ours, theirs, x) + over_calls(ours, threshold, 4000 if options.quick else 40_000)
        for outcome in tests:
            found.test(f"rate {threshold}/65536: {outcome.name}", outcome)

    x = x[: 1 << 20]

    def control(fault, dropout, threshold=13107):
        tests = judge(threshold, dropout, theirs, x) + over_calls(dropout, threshold, 4000)
        found.control(fault, tests)

    def repeated(x, p):
        y, last = ours(x, p).reshape(-1, 8), x.reshape(-1, 8)[:, 7:] / (1 - p)
        return torch.cat([y[:, :7], torch.where(y[:, :1] == 0, y[:, :1], last)], 1).reshape(x.shape)

    def by_position(x, p):
        y = ours(x, p)
        y[100] = torch.where(torch.rand(()) < 2 / 3, y[100], y[101])
        return y

    control("the rate is 2 % too large", lambda x, p: ours(x, 1.02 * p))
    control("survivors are not scaled", lambda x, p: ours(x, p, exponent=0.0))
    control("survivors keep the variance in place of the mean", lambda x, p: ours(x, p, exponent=0.5))
    control("survivors are scaled 0.5 % too much", lambda x, p: 1.005 * ours(x, p))
    control("every eighth element falls with its block's first", repeated)
    control("in one call of three an element has the fate of its neighbour", by_position)
    return found


if __name__ == "__main__":
    checks.arguments(__doc__, main)
