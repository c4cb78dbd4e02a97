"""reproduction.py host|device FOLDER: checks bench/reproduction on the CPU. "device" trains as on a GPU, in bfloat16, on a library
whose kernels are emulated; "host" checks everything else. Data goes to FOLDER, which is empty."""

import copy
import json
import math
import struct
import sys
import zlib
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(root / "bench" / "reproduction"), str(root / "examples" / "pytorch")]
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import torch  # noqa: E402

import capi  # noqa: E402
import data  # noqa: E402
import jumpout  # noqa: E402
import metrics  # noqa: E402
import net  # noqa: E402
import plan  # noqa: E402
import run  # noqa: E402
import summary  # noqa: E402
import train  # noqa: E402
from emulated_device import Emulated  # noqa: E402
from raising import raises  # noqa: E402

place, folder = sys.argv[1], Path(sys.argv[2])
torch.set_num_threads(1)
SETTINGS = {**run.TOY, "images": 96, "seeds": 2, "searchSeeds": 1, "dtype": "float32", "device": "CPU", "torch": "any"}
SETS = run.sets_of(*run.made_up(SETTINGS["images"]), torch.device("cpu"))


def close(value, expected):
    assert math.isclose(value, expected, rel_tol=1e-12, abs_tol=1e-15), (value, expected)


def measures():
    # Probabilities 0.8 and 0.5 of a right class, 0.55 and 0.8 of a wrong one: bins 12, 7, 8 and 12 of 15.
    odds = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.55, 0.25, 0.2], [0.1, 0.1, 0.8]], dtype=torch.float64)
    found = metrics.evaluate(odds.log() + 3, torch.tensor([0, 1, 2, 0]))
    close(found["accuracy"], 0.5)
    close(found["nll"], -(math.log(0.8) + math.log(0.5) + math.log(0.2) + math.log(0.1)) / 4)
    close(found["ece"], (abs(1.6 - 1) + abs(0.5 - 1) + 0.55) / 4)
    certain = metrics.evaluate(torch.tensor([[0.0, -1000.0], [0.0, -1000.0]]), torch.tensor([0, 1]))
    assert certain == {"accuracy": 0.5, "nll": 500.0, "ece": 0.5}, "a probability of 1 is in the last bin"

    three = metrics.paired({1: 5.0, 2: 7.0, 3: 6.0, 4: 0.0}, {3: 3.0, 2: 5.0, 1: 4.0, 9: 1.0})  # 1, 2, 3
    close(three["mean"], 2)
    close(three["standardError"], 1 / math.sqrt(3))
    close(three["margin"], 4.3027 / math.sqrt(3))
    assert three["n"] == 3
    assert metrics.paired({1: 2.0}, {1: 1.0}) == {"n": 1, "mean": 1.0, "standardError": None, "margin": None}
    close(metrics.estimate([0.0, 1.0] * 20)["margin"], 2.0423 * math.sqrt(10 / 39 / 40))


def png(pixels, filters):
    """Each row with its own filter, as the standard of PNG defines them."""
    width, lines, above = pixels.shape[1], b"", np.zeros(pixels.shape[1:], int)
    for row, which in zip(pixels.astype(int), filters):
        left, corner = (np.vstack([np.zeros((1, 3), int), values[:-1]]) for values in (row, above))
        estimate = left + above - corner
        near = [abs(estimate - value) for value in (left, above, corner)]
        paeth = np.where(
            (near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], above, corner)
        )
        predicted = (0 * row, left, above, (left + above) // 2, paeth)[which]
        lines += bytes([which]) + ((row - predicted) & 255).astype(np.uint8).tobytes()
        above = row
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, len(pixels), 8, 2, 0, 0, 0), b"IDAT": zlib.compress(lines), b"IEND": b""}
    packed = (struct.pack(">I", len(body)) + kind + body + bytes(4) for kind, body in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def packing():
    draw = np.random.default_rng(1)
    sheet = draw.integers(0, 256, (10, data.SIZE**2, 3), np.uint8)
    (folder / "sheet.png").write_bytes(png(sheet, [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]))
    assert np.array_equal(data.read_png(folder / "sheet.png"), sheet)
    images, labels = sheet.reshape(10, data.SIZE, data.SIZE, 3), draw.integers(0, 10, 10, np.uint8)
    raises(FileNotFoundError, "got none", lambda: data.load(folder))
    data.write(folder, images, labels, 3)
    for found, given in zip(data.load(folder), (images, labels)):
        assert found.dtype == np.uint8 and np.array_equal(found, given)
    data.write(folder, images[:4], labels[:4], 2)
    assert sorted(path.name for path in folder.glob("*.xz")) == ["cifar10.1of2.xz", "cifar10.2of2.xz"]
    (folder / "cifar10.1of2.xz").unlink()
    raises(FileNotFoundError, "got cifar10.2of2.xz", lambda: data.load(folder))


def augmentation():
    """Each image is the original, shifted by up to 4 pixels and perhaps mirrored, but for a square of 8 x 8 zeros."""
    images, labels = run.made_up(8)
    held = train.Images(images, labels, torch.device("cpu"))
    index = torch.arange(8)
    plain = held.plain(index)
    standard = (torch.from_numpy(images) / 255 - torch.tensor(train.MEAN)) / torch.tensor(train.DEVIATION)
    assert torch.allclose(plain, standard.permute(0, 3, 1, 2), atol=1e-5)
    shifted = held.augmented(index, torch.Generator().manual_seed(1))
    assert shifted.is_contiguous(memory_format=torch.channels_last)
    beyond = torch.nn.functional.pad(plain, (4, 4, 4, 4), mode="reflect")
    mirrored = 0
    for one, wide in zip(shifted, beyond):
        hole = (one == 0).all(dim=0)
        rows, columns = hole.nonzero().unbind(dim=1)
        assert hole.sum() == 64 and rows.max() - rows.min() == 7 and columns.max() - columns.min() == 7
        windows = [wide[:, y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
        found = [(window, flip) for window in windows for flip in (False, True)]
        same = [flip for window, flip in found if torch.equal((window.flip(2) if flip else window)[:, ~hole], one[:, ~hole])]
        assert len(same) == 1
        mirrored += same[0]
    assert 0 < mirrored < 8


def activation():
    """The layer's numbers are those of one call of the C API on the memory as it lies, forward and backward."""
    values = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(1)).to(memory_format=torch.channels_last)
    for x in (values, values[:, :, 0, 0].contiguous()):
        layer = net.activations("jumpout", "all", 0.2, 7, None)(3)
        layer(x)  # the second call is compared
        x.requires_grad_()
        y = layer(x)
        y.sum().backward()
        flat = x.detach().permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x.detach()
        out, back, ones = torch.empty_like(flat), torch.empty_like(flat), torch.ones_like(flat)
        mask, rows = torch.zeros(x.numel() // 32 + 1, dtype=torch.int32), torch.zeros(1, 5, dtype=torch.float64)
        common = {"length": x.numel(), "group_count": 1, "layout": capi.Layout(0, 0, 1, 0), "mask": mask.data_ptr()}
        common |= {"groups": rows.data_ptr(), "seed": capi.library.jumpout_fold_in(7, 3), "call": 1}
        options = capi.options(sigma=0.2, relu=1)
        arrays = {"input": flat.data_ptr(), "output": out.data_ptr()}
        capi.call("jumpout_forward", **arrays, options=options, **common)
        arrays = {"grad_output": ones.data_ptr(), "grad_input": back.data_ptr()}
        capi.call("jumpout_backward", **arrays, relu=1, **common)
        channels_last = lambda z: z.permute(0, 2, 3, 1) if z.dim() == 4 else z  # noqa: E731
        assert torch.equal(channels_last(y.detach()), out) and torch.equal(channels_last(x.grad), back)
        assert layer.active_fraction() == (flat > 0).double().mean().item()
        assert torch.equal(layer.eval()(x), torch.relu(x))

    less_2 = net.options_of("jumpout-less-2", 0.1, 0.5)
    assert less_2 == {"sigma": 0.2, "p_min": 0.02, "normalize": 0}
    close(net.options_of("jumpout-less-1", 0.1, 0.4)["rate"], 0.01 + 0.1 * math.sqrt(2 / math.pi))
    for placement, layers in (("all", 9), ("dense", 1)):
        for method, kind in (("jumpout", net.Activation), ("dropout", torch.nn.Dropout), ("dropout-0.75", net.Activation)):
            model = net.net(net.activations(method, placement, 0.1, 1, None), SETTINGS["widths"])
            assert sum(isinstance(module, kind) for module in model.modules()) == layers


class Clock:
    """A second passes each time it is asked."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


def bare(line):
    return {name: value for name, value in line.items() if name not in ("seconds", "secondsPerStep", "date")}


def resumption():
    """A run with interruptions has the lines of one without, to the bit."""
    quiet = {"say": lambda *_, **__: None}
    whole = plan.Lines(folder / "whole.jsonl", SETTINGS)
    assert run.make(whole, SETTINGS, SETS, math.inf, **quiet) == 0
    assert len(whole) == plan.count(SETTINGS) == 30
    path, calls = folder / "pieces.jsonl", 0
    for seconds in (1, 2):  # before the first run, and within it
        assert run.make(plan.Lines(path, SETTINGS), SETTINGS, SETS, seconds, Clock(), **quiet) == 30
        assert not path.exists()
    while True:
        lines = plan.Lines(path, SETTINGS)
        before = len(lines)
        # Of a clock that counts its readings: few runs per call, the last of which is lost between two of its epochs.
        left = run.make(lines, SETTINGS, SETS, 60, Clock(), **quiet)
        assert len(path.read_text().splitlines()) == len(lines) and left == 30 - len(lines)
        calls += 1
        if left == 0:
            break
        assert len(lines) > before
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"stage": "final", "accu')  # as a call that was killed leaves it
    assert calls > 2, calls
    assert [bare(line) for line in lines] == [bare(line) for line in whole]
    assert summary.summarise(lines)["differences"] == summary.summarise(whole)["differences"]
    assert run.make(lines, SETTINGS, SETS, math.inf, **quiet) == 0 and len(lines) == 30
    assert run.make(lines, {**SETTINGS, "seeds": 3}, SETS, 1, Clock(), **quiet) == 9, "more seeds are added"
    assert not plan.Lines(path, {**SETTINGS, "device": "another"}), "pairs come from one kind of device"


def pairs():
    """Order, augmentation and initial weights are the seed's, whatever the method draws."""
    final = {"stage": "final", "placement": "all", "seed": 5, "active": None}
    bits = [
        train.train({**final, "method": method, "strength": 0.0}, SETTINGS, *SETS["final"], lambda: False)
        for method in ("none", "dropout", "dropout-0.75")
    ]
    for measure in ("accuracy", "nll", "ece", "loss"):
        assert len({one[measure] for one in bits}) == 1, measure
    assert bits[0]["weights"] == bits[1]["weights"], "with nothing dropped"

    def batches(method):
        whole, testing = SETS["final"]
        training, seen = copy.copy(whole), []
        training.augmented = lambda *given: seen.append(whole.augmented(*given)) or seen[-1]
        train.train({**final, "method": method, "strength": 0.5}, SETTINGS, training, testing, lambda: False)
        return torch.stack(seen)

    assert torch.equal(batches("none"), batches("dropout")) and not torch.equal(*batches("none")[:2])


def choice():
    def line(strength, accuracy, method="dropout", **more):
        return {"stage": "search", "placement": "all", "method": method, "strength": strength, "accuracy": accuracy, **more}

    lines = [line(0.1, 0.5), line(0.1, 0.7), line(0.03, 0.75), line(0.03, 0.5), line(0.01, 0.6), line(0.01, 0.65)]
    lines = [{**each, "activeFraction": None} for each in lines]
    assert plan.strength_of(lines, "all", "dropout-0.75") == {"strength": 0.01, "active": None}, "the smaller of equals"
    lines += [line(0.03, 0.8, "jumpout", activeFraction=fraction) for fraction in (0.25, 0.75)]
    assert plan.strength_of(lines, "all", "jumpout-less-2") == {"strength": 0.03, "active": 0.5}


def on_device():
    """Forward and backward in bfloat16 on the device's functions, and the count of active units from its records."""
    jumpout.place_of = lambda x, emulated=Emulated(): emulated
    settings = {**SETTINGS, "dtype": "bfloat16"}
    shared = {"stage": "final", "placement": "all", "strength": 0.05, "seed": 1, "active": 0.5}
    for method in ("jumpout", "jumpout-less-2", "dropout-0.75"):
        result = train.train({**shared, "method": method}, settings, *SETS["final"], lambda: False)
        assert 0.2 < result["activeFraction"] < 0.8 and math.isfinite(result["loss"]), json.dumps(result)


for check in (on_device,) if place == "device" else (measures, packing, augmentation, activation, choice, pairs, resumption):
    check()
    print(check.__name__, flush=True)
print("done")
