"""What docs/reproduction.md reports of each run, and of pairs of runs with the same seed."""

import math
import statistics

import torch

BINS = 15
# Student's t that 2.5% exceed, for 1 to 30 degrees of freedom; the last serves beyond.
T = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281]
T += [2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860]
T += [2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423]


def evaluate(logits, labels):
    """Accuracy, negative log-likelihood and expected calibration error of logits [N, classes], in double precision."""
    logarithms = torch.log_softmax(logits.double().cpu(), dim=1)
    labels = labels.long().cpu()
    confidence, chosen = logarithms.exp().max(dim=1)
    right = (chosen == labels).double()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bins, confidence - right)
    nll = -logarithms[torch.arange(len(labels)), labels].mean()
    return {"accuracy": right.mean().item(), "nll": nll.item(), "ece": gaps.abs().sum().item() / len(labels)}


def estimate(values):
    """Mean, standard error and the half width of the 95% interval of the mean; None where there is one value."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    margin = None if error is None else T[min(len(values) - 1, len(T)) - 1] * error
    return {"n": len(values), "mean": statistics.fmean(values), "standardError": error, "margin": margin}


def paired(first, second):
    """Of first[seed] - second[seed], over the seeds that both have."""
    return estimate([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])
