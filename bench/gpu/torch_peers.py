"""PyTorch's own dropout, and jumpout written in its operations, timed as bench/gpu/timing.cpp times ours: events around
single calls behind a flush of the second-level cache, the contenders in turns, medians. Results are checked first.

python3 torch_peers.py [--seconds N] [--cpu] [--fact NAME=VALUE]... --json FILE

--cpu tries the script without a GPU: host clocks, small sizes; its times mean nothing.
"""

import argparse
import json
import statistics
import time

import torch

KI, MI = 1024, 1024 * 1024
SIZES = [KI, 4 * KI, 16 * KI, 64 * KI, 256 * KI, MI, 2 * MI, 4 * MI, 8 * MI, 11 * MI, 16 * MI, 32 * MI, 64 * MI, 128 * MI]
RATE = 0.2  # of plain dropout; the time does not depend on it


def jumpout(x, sigma=0.1, p_min=0.01, p_max=0.6, max_rate=0.6, exponent=0.75):
    """The three modifications as one would write them; the rate stays on the device, so nothing waits for the host."""
    active = (x > 0).sum()
    p = torch.clamp(p_min + sigma * torch.randn((), device=x.device).abs(), max=p_max)
    rate = torch.where(active > 0, torch.clamp(p * x.numel() / active, max=max_rate), torch.zeros_like(p))
    kept = torch.rand(x.shape, device=x.device) >= rate
    scale = ((1 - rate) ** -exponent).to(x.dtype)
    return x * kept * scale, kept, scale


def jumpout_backward(gradient, kept, scale):
    return gradient * kept * scale


def check(x):
    y, kept, scale = jumpout(x)
    assert torch.equal(y, torch.where(kept, x * scale, torch.zeros_like(x)))
    z, mask = torch.native_dropout(x, RATE, True)
    assert torch.equal(z == 0, ~mask | (x == 0))
    if x.numel() > 100000:
        assert abs(float(mask.float().mean()) - (1 - RATE)) < 0.01


class Timer:
    def __init__(self, device):
        self.on_gpu = device.type == "cuda"
        self.flush = torch.zeros(512 * MI if self.on_gpu else 1024, device=device)

    def trial(self, call, warm):
        repeats = 10 if warm else 1
        if not self.on_gpu:
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            seconds = (time.perf_counter() - start) / repeats
            return lambda: seconds
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self.flush.sum()  # reads it all: clean lines, and work for the host to hide behind
        if warm:
            call()
            call()
        begin.record()
        for _ in range(repeats):
            call()
        end.record()
        return lambda: begin.elapsed_time(end) * 1e-3 / repeats

    def compare(self, contenders, warm, seconds, least=5, most=51):
        names, trials, start = list(contenders), {name: [] for name in contenders}, time.perf_counter()
        for name in names:
            contenders[name]()
        for turn in range(most):
            if turn >= least and time.perf_counter() - start > seconds:
                break
            pending = []
            for k in range(len(names)):
                name = names[(k + turn) % len(names)]
                pending.append((name, self.trial(contenders[name], warm)))
            if self.on_gpu:
                torch.cuda.synchronize()
            for name, elapsed in pending:
                trials[name].append(elapsed())
        return {name: statistics.median(values) for name, values in trials.items()}


def contenders_of(x, gradient):
    _, mask = torch.native_dropout(x, RATE, True)
    _, kept, scale = jumpout(x)
    copied = torch.empty_like(x)
    plain_scale = 1 / (1 - RATE)
    return {
        "copy": lambda: copied.copy_(x),
        "torch native_dropout": lambda: torch.native_dropout(x, RATE, True),
        "torch native_dropout_backward": lambda: torch.ops.aten.native_dropout_backward(gradient, mask, plain_scale),
        "torch relu + native_dropout": lambda: torch.native_dropout(torch.relu(x), RATE, True),
        "torch jumpout": lambda: jumpout(x),
        "torch relu + jumpout": lambda: jumpout(torch.relu(x)),
        "torch jumpout backward": lambda: jumpout_backward(gradient, kept, scale),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--json", required=True)
    parser.add_argument("--fact", action="append", default=[])
    options = parser.parse_args()
    if not options.cpu and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU")
    device = torch.device("cpu" if options.cpu else "cuda")
    timer, rows, start = Timer(device), [], time.perf_counter()
    sizes = [KI, 16 * KI] if options.cpu else SIZES
    shapes = [(dtype, size) for dtype in (torch.float32, torch.bfloat16) for size in sizes]
    with torch.no_grad():
        for i, (dtype, size) in enumerate(shapes):
            left = options.seconds - (time.perf_counter() - start)
            if left < 0:
                print(f"the time is up: {i} of {len(shapes)} shapes were measured")
                break
            x, gradient = torch.randn(size, device=device).to(dtype), torch.randn(size, device=device).to(dtype)
            check(x)
            for warm in (False, True):
                share = left / (len(shapes) - i) / 3
                times = timer.compare(contenders_of(x, gradient), warm, 0.02 if options.cpu else share)
                rows += [
                    {
                        "elements": size,
                        "dtype": str(dtype).removeprefix("torch."),
                        "row": 0,
                        "caches": "warm" if warm else "cold",
                        "pass": name,
                        "seconds": seconds,
                    }
                    for name, seconds in times.items()
                ]
    report = {"suite": "gpu", **dict(fact.split("=", 1) for fact in options.fact)}
    report |= {"torch": torch.__version__, "quick": options.cpu, "rows": rows}
    if not options.cpu:
        report["device"] = {"name": torch.cuda.get_device_name()}
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(f"PyTorch {torch.__version__}: {len(rows)} medians")
    for row in rows:
        if row["caches"] == "cold" and row["elements"] in (4 * MI, 64 * MI, 16 * KI):
            print(f"  {row['dtype']:9} {row['elements']:10} {row['pass']:32} {row['seconds'] * 1e6:10.1f} us")


main()
