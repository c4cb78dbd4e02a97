"""Does jumpout beat dropout on a residual net and all of CIFAR-10? Runs are made one by one until all are there or the time is
up; the next call with the same file goes on where this one stopped.

    python3 bench/reproduction/run.py --lines FILE --data FOLDER [--seconds N]

--data has what data.py packed. --toy tries everything within a minute, on made-up images and without a GPU, and means nothing.
JUMPOUT_LIBRARY names libjumpout. Exit status: 0, also where runs are left; 1 a fault.
"""

import argparse
import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import torch

from data import SHEET, TRAINING, load
from plan import Lines, count, planned, same
from summary import summarise, table
from train import Images, TimeUp, train

FINAL = {"epochs": {"search": 12, "final": 24}, "batch": 512, "widths": [64, 128, 256, 512, 512]}
TOY = {"epochs": {"search": 1, "final": 3}, "batch": 16, "widths": [4, 8, 8, 16, 16]}
TOY_IMAGES = 384  # of which the last third is the test set


def made_up(count):
    """Images of ten colours under noise, and their classes."""
    draw = np.random.default_rng(0)
    colours = draw.integers(64, 192, (10, 1, 1, 3))
    labels = draw.integers(0, 10, count).astype(np.uint8)
    noise = draw.normal(0, 64, (count, 32, 32, 3))
    return np.clip(colours[labels] + noise, 0, 255).astype(np.uint8), labels


def sets_of(images, labels, device):
    """Of each stage, the images to train and those to evaluate on. The test set serves the final comparison alone."""
    whole = len(images) == TRAINING + SHEET
    training, held_out = (TRAINING, SHEET) if whole else (len(images) * 2 // 3, len(images) // 6)

    def part(begin, end):
        return Images(images[begin:end], labels[begin:end], device)

    fitted = training - held_out  # of CIFAR-10 the last sheet chooses the strengths
    return {
        "search": (part(0, fitted), part(fitted, training)),
        "final": (part(0, training), part(training, None)),
    }


def make(lines, settings, sets, seconds, clock=time.monotonic, say=print):
    """Makes runs until all are there or `seconds` have passed; says how many are left."""
    start, left = clock(), count(settings)
    for run in planned(lines, settings):
        if any(same(run, line) for line in lines):
            left -= 1
            continue
        like = sorted(line["seconds"] for line in lines if line["stage"] == run["stage"])
        typical = like[len(like) // 2] if like else 0
        if clock() - start + 1.2 * typical >= seconds:
            break
        began = clock()
        try:
            result = train(run, settings, *sets[run["stage"]], lambda: clock() - start >= seconds)
        except TimeUp:
            break
        date = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.add({**run, **result, "seconds": clock() - began, "date": date})
        name = " ".join(str(run[name]) for name in ("stage", "placement", "method", "strength", "seed"))
        left -= 1
        say(f"{name}: {100 * result['accuracy']:.2f}%, {result['nll']:.4f}, {clock() - began:.1f} s; {left} left", flush=True)
    return left


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True, metavar="FILE", help="one line of JSON per run")
    parser.add_argument("--data", metavar="FOLDER", default="build/cifar10")
    parser.add_argument("--seconds", type=float, default=540, help="for this call (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="per method, of the final comparison (%(default)s)")
    parser.add_argument("--search-seeds", type=int, default=2, help="per strength (%(default)s)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="of activations; on a GPU bfloat16 by default")
    parser.add_argument("--json", metavar="FILE", help="the summary")
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    began = time.monotonic()
    on_gpu = torch.cuda.is_available()
    if not on_gpu and not given.toy:
        raise SystemExit("torch sees no GPU: --toy tries this without one")
    device = torch.device("cuda:0" if on_gpu else "cpu")
    torch.backends.cudnn.benchmark = True
    if not on_gpu:
        torch.set_num_threads(1)  # bits depend on their number
    images, labels = made_up(TOY_IMAGES) if given.toy else load(given.data)
    settings = {
        **(TOY if given.toy else FINAL),
        "images": len(images),
        "seeds": given.seeds,
        "searchSeeds": given.search_seeds,
        "dtype": given.dtype or ("bfloat16" if on_gpu else "float32"),
        "device": torch.cuda.get_device_name(device) if on_gpu else "CPU",
        "torch": torch.__version__,
    }
    given.lines.parent.mkdir(parents=True, exist_ok=True)
    lines = Lines(given.lines, settings)
    left = make(lines, settings, sets_of(images, labels, device), given.seconds - (time.monotonic() - began))
    summary = {"settings": settings, "left": left, **summarise(lines)}
    print(table(summary))
    print(f"{count(settings) - left} of {count(settings)} runs" + (f"; call again for the other {left}" if left else ""))
    if given.json:
        Path(given.json).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
