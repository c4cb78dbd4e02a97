"""words.py [--quick] [--seed N] [--tensorflow]: decisions of the library against another Philox4x32-10.

The reference is randomgen's or TensorFlow's.

Each lane is 16 bits, and a mask bit says whether it is at least the threshold. How they are compared:

thresholds  each of the 65,536 thresholds once, by a rate that is rounded to it, with a random seed, layer (foldIn), call
            and first element: bit by bit the masks that the reference's lanes give
long        calls of many elements, which threads share and which are stored past the caches
backward    the same where no mask was saved, and the decisions are drawn again
channels    units of several elements, whose planes lie together or apart
exact       two calls with thresholds of their own for each lane, at the reference's 16 bits and one above: the first
            keeps all, the second none, so that all 16 bits of each lane are those of the reference. On the host
foldIn      seeds
rates       base rates against Box and Muller's formula in numpy, whose logarithm and sine may differ in the last bits
"""

import numpy as np

import philox
from checks import Checks, arguments
from library import LARGEST, STEPS, EmulatedDevice, fold_in, place

TALL = 4_000_000  # elements of a long call


def main(options):
    reference = philox.Reference(philox.TensorFlow() if options.tensorflow else philox.Randomgen())
    size = Sizes(options.quick, options.tensorflow)
    library = place(TALL)
    slow = isinstance(library, EmulatedDevice)
    checks = Checks("words", f"{library.name}, {reference.name}")
    random, between = np.random.default_rng(options.seed), np.random.default_rng([options.seed, 1])

    def uint(below):
        return int(random.integers(below, dtype=np.uint64))

    def seed():
        """A seed of the library and of the reference, of a random layer."""
        base, layer = uint(2**64 - 1), uint(2**53)
        return fold_in(base, layer), reference.fold_in(base, layer)

    def compare(name, cases, draw_mask=library.mask):
        """Masks of `cases`: a length, a threshold, the reference's lanes, and what else the library takes."""
        compared = wrong = 0
        for length, threshold, lanes, call in cases:
            near = threshold + float(between.uniform(-0.499, 0.499))  # rounded to it
            mask = draw_mask(length=length, rate=min(max(near / STEPS, 0), LARGEST), **call)
            expected = np.packbits(lanes >= threshold, bitorder="little")
            wrong += int(np.unpackbits(mask ^ expected).sum())
            compared += length
        checks.exact(name, wrong, compared)

    def draw(length, threshold):
        ours, theirs = seed()
        call, offset = uint(2**63 - 1), uint(2**60)
        lanes = reference.lanes(theirs, call, offset, length)
        return length, threshold, lanes, {"seed": ours, "call": call, "offset": offset}

    each = [int(t) for t in random.permutation(STEPS)]
    compare("thresholds", (draw(size.each + uint(64), t) for t in each[:: 64 if slow else size.step]))
    most = TALL // 16 if slow else TALL
    compare("long", (draw(most - uint(64), uint(STEPS)) for _ in range(1 if slow else size.long)))

    redrawn = (draw(size.each + uint(5000), uint(STEPS)) for _ in range(100 if slow else size.backward))
    compare("backward", redrawn, library.redrawn)

    def draw_channels(apart):
        unit_size, channels = 1 + uint(9), apart * (1 + uint(40))
        length, offset = 1 + uint(5000), uint(2**40)
        elements = np.arange(offset, offset + length, dtype=np.uint64)
        units = elements // np.uint64(unit_size * max(channels, 1))
        if channels:
            units = units * np.uint64(channels) + elements % np.uint64(channels)
        ours, theirs = seed()
        call, first, last = uint(2**63 - 1), int(units.min()), int(units.max())
        lanes = reference.lanes(theirs, call, first, last - first + 1)[(units - np.uint64(first)).astype(np.int64)]
        call = {"seed": ours, "call": call, "offset": offset, "unit_size": unit_size, "channels": channels}
        return length, uint(STEPS), lanes, call

    compare("channels", (draw_channels(i % 2) for i in range(100 if slow else size.channels)))

    if not slow:  # on a device the rates of backward are in records, which its forward writes

        def pinned(lanes, call, offset, seed):
            """How many lanes have other bits."""
            above = lanes.astype(np.uint32) + 1
            above[above == STEPS] = 0  # no threshold, and the first call said it
            kept = np.unpackbits(library.reaches(seed, call, lanes, offset), bitorder="little")[: len(lanes)].copy()
            over = np.unpackbits(library.reaches(seed, call, above, offset), bitorder="little")[: len(lanes)]
            return int(((kept == 0) | (over & (above > 0)).astype(bool)).sum())

        compared = wrong = 0
        for _ in range(size.exact):
            length, _, lanes, call = draw(TALL // 64 - uint(64), 0)
            wrong += pinned(lanes, **call)
            compared += length
        checks.exact("exact", wrong, compared)
        faults = random.choice(length, 100, replace=False)
        lanes = lanes.copy()
        lanes[faults] ^= np.uint16(1) << random.integers(16, size=100, dtype=np.uint16)
        seen = pinned(lanes, **call)
        checks.line("exact", seen == 100, fault="one bit of each of 100 lanes flipped", seen=seen)

    pairs = [(uint(2**64 - 1), uint(2**64 - 1) >> uint(64)) for _ in range(size.seeds)]
    checks.exact("foldIn", sum(fold_in(*pair) != reference.fold_in(*pair) for pair in pairs), 64 * len(pairs), "bits")

    worst, groups = 0.0, 1000
    for _ in range(size.rates):
        ours, theirs = seed()
        call, sigma = uint(2**63 - 1), float(random.uniform(0.01, 0.5))
        rates, _ = library.rates(ours, call, groups, sigma=sigma, p_min=0, p_max=LARGEST)
        expected = np.minimum(sigma * reference.half_gaussian(theirs, call, groups), LARGEST)
        worst = max(worst, float((np.abs(rates - expected) / expected).max()))
    checks.bound("rates", "largest relative difference", worst, 2.0**-47, groups * size.rates)
    return checks


class Sizes:
    """Numbers of cases. TensorFlow takes ten times as long for each."""

    def __init__(self, quick, tensorflow):
        self.each = 512 if quick else 2048
        self.step = 8 if tensorflow else 1
        self.long = 2 if quick else 16
        self.backward = 300 if quick else 3000
        self.channels = 300 if quick else 3000
        self.exact = 8 if quick else 160
        self.seeds = 2000 if quick else 100_000
        self.rates = 20 if quick else 1000
        if tensorflow:
            self.seeds //= 10


if __name__ == "__main__":
    arguments(__doc__, main, "--tensorflow")
