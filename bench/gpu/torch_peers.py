"""PyTorch's own dropout, and jumpout written in its operations, timed as bench/gpu/timing.cpp times ours: events around
single calls behind a flush of the second-level cache, the contenders in turns, medians. Results are checked first. Warm
calls over few elements are replayed from a CUDA graph, since single calls would time Python.

python3 torch_peers.py [--seconds N] [--quick] [--fact NAME=VALUE]... --json FILE

--quick tries the script with small sizes, without a GPU by the host's clock; its times mean nothing. The file is replaced
after each shape. A failed or wrong result becomes a row with `error`, the others still run, and the exit status is 1.
"""

import argparse
import json
import os
import statistics
import sys
import time

import torch

KI, MI = 1024, 1024 * 1024
SIZES = [KI, 4 * KI, 16 * KI, 64 * KI, 256 * KI, MI, 2 * MI, 4 * MI, 8 * MI, 11 * MI, 16 * MI, 32 * MI, 64 * MI, 128 * MI]
GRAPH_MOST = MI  # elements; beyond, a call takes longer than Python does to make it
RATE = 0.2  # of plain dropout; the time does not depend on it


def jumpout(x, sigma=0.1, p_min=0.01, p_max=0.6, max_rate=0.6, exponent=0.75):
    """The three modifications in PyTorch's operations; the rate stays on the device, so nothing waits for the host."""
    active = (x > 0).sum()
    p = torch.clamp(p_min + sigma * torch.randn((), device=x.device).abs(), max=p_max)
    rate = torch.where(active > 0, torch.clamp(p * x.numel() / active, max=max_rate), torch.zeros_like(p))
    kept = torch.rand(x.shape, device=x.device) >= rate
    scale = ((1 - rate) ** -exponent).to(x.dtype)
    return x * kept * scale, kept, scale


def jumpout_backward(gradient, kept, scale):
    return gradient * kept * scale


def require(holds, what):
    if not holds:
        raise RuntimeError(f"wrong: {what}")


def check(x):
    y, kept, scale = jumpout(x)
    require(torch.equal(y, torch.where(kept, x * scale, torch.zeros_like(x))), "jumpout in PyTorch's operations")
    z, mask = torch.native_dropout(x, RATE, True)
    require(torch.equal(z == 0, ~mask | (x == 0)), "native_dropout's mask")
    if x.numel() > 100000:
        require(abs(float(mask.float().mean()) - (1 - RATE)) < 0.01, "native_dropout's rate")


class Timer:
    def __init__(self, device, quick):
        self.on_gpu = device.type == "cuda"
        self.flush = torch.zeros(512 * MI if self.on_gpu and not quick else 1024, device=device)

    def recorded(self, call, repeats):
        """A graph of some calls; what they allocate lives in its own pool."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # as PyTorch's documentation asks
                call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(repeats):
                call()
        return graph.replay

    def trial(self, call, warm, repeats, calls_each):
        if not self.on_gpu:
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            seconds = (time.perf_counter() - start) / repeats
            return lambda: seconds / calls_each
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self.flush.sum()  # reads it all: clean lines, and work for the host to hide behind
        if warm:
            call()
            call()
        begin.record()
        for _ in range(repeats):
            call()
        end.record()
        return lambda: begin.elapsed_time(end) * 1e-3 / repeats / calls_each

    def compare(self, contenders, warm, graphs, seconds, least=5, most=51):
        names, trials, start = list(contenders), {name: [] for name in contenders}, time.perf_counter()
        for name in names:
            contenders[name]()
        repeats, calls_each = 10 if warm else 1, 1
        if graphs:
            contenders = {name: self.recorded(call, repeats) for name, call in contenders.items()}
            repeats, calls_each = 1, repeats
        for turn in range(most):
            if turn >= least and time.perf_counter() - start > seconds:
                break
            pending = []
            for k in range(len(names)):
                name = names[(k + turn) % len(names)]
                pending.append((name, self.trial(contenders[name], warm, repeats, calls_each)))
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


def measure(timer, device, size, dtype, share, quick):
    """Rows of one shape."""
    x, gradient = torch.randn(size, device=device).to(dtype), torch.randn(size, device=device).to(dtype)
    check(x)
    rows = []
    for warm in (False, True):
        graphs = warm and timer.on_gpu and size <= GRAPH_MOST
        times = timer.compare(contenders_of(x, gradient), warm, graphs, 0.02 if quick else share)
        for name, seconds in times.items():
            row = {"elements": size, "dtype": str(dtype).replace("torch.", ""), "row": 0, "caches": "warm" if warm else "cold"}
            rows.append({**row, "pass": name, **({"way": "graph"} if graphs else {}), "seconds": seconds})
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", required=True)
    parser.add_argument("--fact", action="append", default=[])
    options = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    if not on_gpu and not options.quick:
        raise SystemExit("torch sees no GPU")
    device = torch.device("cuda" if on_gpu else "cpu")
    timer, rows, start = Timer(device, options.quick), [], time.perf_counter()
    report = {"suite": "gpu", **dict(fact.split("=", 1) for fact in options.fact)}
    report |= {"device": {"name": torch.cuda.get_device_name() if on_gpu else "none"}}
    report |= {"torch": torch.__version__, "quick": options.quick, "rows": rows}

    def write():
        with open(f"{options.json}.new", "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
        os.replace(f"{options.json}.new", options.json)

    sizes = [KI, 16 * KI] if options.quick else SIZES
    shapes = [(dtype, size) for dtype in (torch.float32, torch.bfloat16) for size in sizes]
    with torch.no_grad():
        for i, (dtype, size) in enumerate(shapes):
            left = options.seconds - (time.perf_counter() - start)
            if left < 0:
                print(f"the time is up: {i} of {len(shapes)} shapes were measured")
                break
            name = str(dtype).replace("torch.", "")
            try:
                rows += measure(timer, device, size, dtype, left / (len(shapes) - i) / 3, options.quick)
            except Exception as error:  # the other shapes go on
                print(f"not ok: {name}, {size} elements: {error}", flush=True)
                rows.append({"elements": size, "dtype": name, "row": 0, "caches": "cold", "pass": "all", "error": str(error)})
            write()
    write()
    print(f"PyTorch {torch.__version__}: {sum('seconds' in row for row in rows)} medians")
    for row in rows:
        if row["caches"] == "cold" and row["elements"] in (4 * MI, 64 * MI, 16 * KI) and "seconds" in row:
            print(f"  {row['dtype']:9} {row['elements']:10} {row['pass']:32} {row['seconds'] * 1e6:10.1f} us")
    return 1 if any("error" in row for row in rows) else 0


sys.exit(main())
