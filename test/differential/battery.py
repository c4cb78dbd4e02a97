"""battery.py [--quick] [--seed N]: statistical quality of masks and of foldIn's seeds, with faults that must be seen.

Masks have a rate of 1/2 where nothing else is said. "Pairs" are all pairs of 256 masks, which must agree in half of
their bits.
"""

import itertools

import numpy as np
from scipy import stats

import checks
import outcomes
import philox
from library import LARGEST, STEPS, fold_in, place

ONES = np.array([bin(i).count("1") for i in range(STEPS)], np.uint8)


class Source:
    """The library, as the tests ask it. Faults override a part of it."""

    def __init__(self, quick, seed):
        self.elements = 1 << (23 if quick else 27)
        self.row = 1 << (14 if quick else 18)  # elements of each mask of a pair
        self.repeats = 1000 if quick else 20_000
        self.library = place(self.elements)
        self.random = np.random.default_rng(seed)

    def mask(self, seed, call, length, threshold=STEPS // 2):
        return self.library.mask(seed, call, length, threshold / STEPS).copy()

    def fold_in(self, seed, data):
        return fold_in(seed, data)

    def deviation(self, seed, call):
        """|z| of the drawn rate."""
        return self.library.rates(seed, call, 1, sigma=1e-3, p_min=0.0, p_max=LARGEST)[0][0]

    def uint(self, below):
        return int(self.random.integers(below, dtype=np.uint64))

    def draw(self, threshold=STEPS // 2):
        return self.mask(self.uint(2**64 - 1), self.uint(2**62), self.elements, threshold)


def bits(mask):
    return np.unpackbits(mask, bitorder="little")


# ---- Within a mask -------------------------------------------------------------------------------------------------


def rate(source, threshold):
    mask = source.draw(threshold)
    kept = ONES[mask.view(np.uint16)].sum(dtype=np.int64)
    return outcomes.share(f"rate {threshold}/65536", kept, source.elements, 1 - threshold / STEPS, "the rate")


def lanes(source, threshold):
    counts = bits(source.draw(threshold)).reshape(-1, 8).sum(axis=0, dtype=np.int64)
    name = f"each lane of a block, rate {threshold}/65536"
    return outcomes.shares(name, counts, source.elements // 8, 1 - threshold / STEPS, "the rate")


def blocks(source):
    counts = np.bincount(source.draw(), minlength=256)
    return outcomes.cells("the 256 patterns of a block", counts, np.full(256, source.elements / 8 / 256))


def neighbours(source):
    counts = np.bincount(source.draw().view(np.uint16), minlength=STEPS)
    return outcomes.cells("the 65,536 patterns of two blocks", counts, np.full(STEPS, source.elements / 16 / STEPS))


LAGS = [*range(1, 65), 128, 256, 512, 1024, 4096, 65536]


def lags(source, threshold=STEPS // 2):
    kept = bits(source.draw(threshold))
    agree = [int((kept[lag:] == kept[:-lag]).sum()) for lag in LAGS]
    p = threshold / STEPS
    name = f"correlation at {len(LAGS)} lags, rate {threshold}/65536"
    # Two agreements that share an element are correlated where the rate is not 1/2; the variance has that term too.
    q = p * p + (1 - p) ** 2
    third = p**3 + (1 - p) ** 3
    inflation = (q * (1 - q) + 2 * (third - q * q)) / (q * (1 - q))
    samples = (len(kept) - np.array(LAGS)) / inflation
    return outcomes.shares(name, np.array(agree) / inflation, samples, q, "agreement")


def runs(source, threshold):
    """Lengths of runs of dropped and of kept elements; both kinds are geometric, and their numbers are given."""
    kept = bits(source.draw(threshold))
    ends = np.flatnonzero(np.diff(kept))
    lengths, kinds = np.diff(ends), kept[ends[:-1] + 1]
    p = threshold / STEPS
    statistic = freedom = 0
    for kind, stay in ((0, p), (1, 1 - p)):
        most = min(60, int(np.log(20 / len(lengths)) / np.log(stay)))  # longer ones are counted with these
        counts = np.bincount(np.minimum(lengths[kinds == kind], most), minlength=most + 1)[1:]
        share = (1 - stay) * stay ** np.arange(most)
        share[-1] = stay ** (most - 1)
        expected = share * counts.sum()
        statistic += ((counts - expected) ** 2 / expected).sum()
        freedom += most - 1
    return outcomes.chi_squared(f"runs, rate {threshold}/65536", statistic, freedom, len(lengths))


def weights(source, size=1024):
    """Sums of squares of the numbers that are kept of each `size` elements, against the binomial's."""
    kept = bits(source.draw()).reshape(-1, size).sum(axis=1, dtype=np.int64)
    samples = len(kept)
    z = ((kept - size / 2) ** 2 / (size / 4)).mean() - 1
    deviation = ((2 - 2 / size) / samples) ** 0.5

    def sees(level):
        distance = (stats.norm.isf(level / 2) + stats.norm.ppf(outcomes.POWER)) * deviation
        return f"variance off by {distance:.2g}, relative"

    return outcomes.Outcome(f"variance of the sums of {size}", 2 * stats.norm.sf(abs(z) / deviation), samples, sees)


# ---- Between masks -------------------------------------------------------------------------------------------------


def pairs(name, source, places):
    rows = np.stack([bits(source.mask(seed, call, source.row)) for seed, call in places])
    signs = rows.astype(np.float32) * 2 - 1
    product = sum(part @ part.T for part in np.split(signs, max(1, source.row >> 14), axis=1))  # exact: small integers
    agree = (source.row + product[np.triu_indices(len(rows), 1)].astype(np.float64)) / 2
    return outcomes.shares(f"pairs of {name}", agree, source.row, 0.5, "agreement")


def calls(source):
    seed, first = source.uint(2**64 - 1), source.uint(2**62)
    return pairs("successive calls", source, [(seed, first + i) for i in range(256)])


def seeds(source):
    first, call = source.uint(2**63), source.uint(2**62)
    return pairs("successive seeds", source, [(first + i, call) for i in range(256)])


def layers(source):
    seed, call = source.uint(2**64 - 1), source.uint(2**62)
    return pairs("layers", source, [(source.fold_in(seed, i), call) for i in range(256)])


def small(source):
    grid = itertools.product(range(8), range(8), range(4))
    places = [(source.fold_in(seed, layer), call) for seed, layer, call in grid]
    return pairs("the first seeds, layers and calls", source, places)


def mixed(source):
    return pairs("the first seeds and calls", source, list(itertools.product(range(16), range(16))))


def one_bit(name, source, places):
    """Agreement of masks at places that differ in one bit."""
    agree = []
    for here, there in places:
        different = source.mask(*here, source.row) ^ source.mask(*there, source.row)
        agree.append(source.row - ONES[different.view(np.uint16)].sum(dtype=np.int64))
    return outcomes.shares(name, agree, source.row, 0.5, "agreement")


def seed_bits(source):
    places = []
    for _ in range(4):
        seed, call = source.uint(2**64 - 1), source.uint(2**62)
        places += [((seed, call), (seed ^ 1 << bit, call)) for bit in range(64)]
    return one_bit("seeds that differ in one bit", source, places)


def call_bits(source):
    places = []
    for _ in range(4):
        seed, call = source.uint(2**64 - 1), source.uint(2**62)
        places += [((seed, call), (seed, call ^ 1 << bit)) for bit in range(62)]
    return one_bit("calls that differ in one bit", source, places)


def collisions(source):
    """Masks of 64 elements, of which no two are equal: 64 seeds, 32 layers, 16 calls."""
    grid = itertools.product(range(64), range(32), range(16))
    folded = {}
    found = set()
    for seed, layer, call in grid:
        key = folded.setdefault((seed, layer), source.fold_in(seed, layer))
        found.add(source.mask(key, call, 64).tobytes())
    count = 64 * 32 * 16
    chance = count * (count - 1) / 2 / 2**64
    return outcomes.Outcome("masks that are equal", chance if len(found) < count else 1.0, count, lambda _: "one pair")


# ---- Seeds and rates -----------------------------------------------------------------------------------------------


def avalanche(source):
    """Each of the 128 bits of seed and data changes each of the 64 bits of foldIn's result half of the time."""
    changed = np.zeros((128, 64), np.int64)
    for _ in range(source.repeats):
        seed, data = source.uint(2**64 - 1), source.uint(2**64 - 1)
        base = source.fold_in(seed, data)
        others = [source.fold_in(seed ^ 1 << bit, data) for bit in range(64)]
        others += [source.fold_in(seed, data ^ 1 << bit) for bit in range(64)]
        changed += bits((np.array(others, np.uint64) ^ np.uint64(base)).view(np.uint8)).reshape(128, 64)
    return outcomes.shares("foldIn: avalanche, 128 bits to 64", changed, source.repeats, 0.5, "the share of changes")


def folded(source):
    seed, count = source.uint(2**64 - 1), 64 * source.repeats
    found = np.array([source.fold_in(seed, i) for i in range(count)], np.uint64)
    counts = [np.bincount(column, minlength=256) for column in found.view(np.uint8).reshape(-1, 8).T]
    expected = np.full((8, 256), count / 256)
    statistic = ((np.array(counts) - expected) ** 2 / expected).sum()
    return outcomes.chi_squared("foldIn: bytes of successive layers", statistic, 8 * 255, count)


def folded_bits(source):
    """Each pair of the 64 bits of a seed agrees half of the time."""
    seed, count = source.uint(2**64 - 1), 64 * source.repeats
    found = np.array([source.fold_in(seed, i) for i in range(count)], np.uint64)
    signs = bits(found.view(np.uint8)).reshape(-1, 64).astype(np.float32) * 2 - 1
    agree = (count + (signs.T @ signs)[np.triu_indices(64, 1)].astype(np.float64)) / 2  # exact: below 2^24
    return outcomes.shares("foldIn: pairs of bits", agree, count, 0.5, "agreement")


def draws(source):
    """Whether a drawn rate is above the median, against the first 64 decisions of its call, and of the next."""
    seed, first, count = source.uint(2**64 - 1), source.uint(2**62), 20 * source.repeats
    above = np.array([source.deviation(seed, first + i) for i in range(count)])
    above = (above > np.median(above)).astype(np.uint8)
    kept = np.stack([bits(source.mask(seed, first + i, 64)) for i in range(count)])
    # The median is the sample's, and so a little less varies than the binomial: this errs to the safe side.
    agree = np.concatenate([(kept == above[:, None]).sum(axis=0), (kept[1:] == above[:-1, None]).sum(axis=0)])
    return outcomes.shares("rates and decisions", agree, count - 0.5, 0.5, "agreement")


def successive(source):
    seed, first, count = source.uint(2**64 - 1), source.uint(2**62), 20 * source.repeats
    above = np.array([source.deviation(seed, first + i) for i in range(count)])
    above = above > np.median(above)
    agree = [(above[lag:] == above[:-lag]).sum() for lag in range(1, 17)]
    return outcomes.shares("rates of successive calls", agree, count - np.arange(1, 17), 0.5, "agreement")


HALF, TENTH = STEPS // 2, 6554
TESTS = [
    *(lambda source, t=t: rate(source, t) for t in (HALF, TENTH, 64, STEPS - TENTH)),
    *(lambda source, t=t: lanes(source, t) for t in (HALF, TENTH, 64, STEPS - TENTH)),
    *(blocks, neighbours, lags, lambda source: lags(source, TENTH), weights),
    *(lambda source, t=t: runs(source, t) for t in (HALF, TENTH)),
    *(calls, seeds, layers, small, mixed, seed_bits, call_bits, collisions),
    *(avalanche, folded, folded_bits, draws, successive),
]


# ---- Faults: what the tests must see -------------------------------------------------------------------------------


class Masks(Source):
    """Masks that are made of the library's."""

    def mask(self, seed, call, length, threshold=HALF):
        rows = super().mask(seed, call, length, threshold).reshape(-1, 1)
        return np.ascontiguousarray(self.change(rows).reshape(-1))


class LaneRepeated(Masks):
    """lane 7 repeats lane 0"""

    tests = blocks, lags

    def change(self, blocks):
        return blocks & 127 | (blocks & 1) << 7


class HalfRepeated(Masks):
    """the high half of each word repeats the low one"""

    tests = blocks, lags

    def change(self, blocks):
        return blocks & 0x55 | (blocks & 0x55) << 1


class CounterHalved(Masks):
    """the counter advances with every second block"""

    tests = neighbours, lags

    def change(self, blocks):
        return np.repeat(blocks[::2], 2, axis=0)[: len(blocks)]


class CounterStuck(Masks):
    """the counter does not advance"""

    tests = neighbours, lags, blocks

    def change(self, blocks):
        return np.repeat(blocks[:1], len(blocks), axis=0)


class Copies(Masks):
    """one decision of 128 is that of the element before"""

    tests = (lags,)

    def change(self, blocks):
        kept = bits(blocks.reshape(-1))
        at = np.arange(127, len(kept), 128)
        kept[at] = kept[at - 1]
        return np.packbits(kept, bitorder="little")


class RateOff(Source):
    """the rate is 0.5 % too large"""

    tests = (lambda source: rate(source, HALF),)

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask(seed, call, length, round(1.005 * threshold))


class LaneOff(Masks):
    """lane 3 of each block is dropped 2 % more often"""

    tests = (lambda source: lanes(source, HALF),)

    def change(self, blocks):
        more = np.zeros(len(blocks), np.uint8)
        more[::50] = 8
        return blocks & ~more[:, None]


class LowSeed(Source):
    """the seed's low word alone counts"""

    tests = (seed_bits,)

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask(seed & 0xFFFFFFFF, call, length, threshold)


class LowCall(Source):
    """the call's low word alone counts"""

    tests = (call_bits,)

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask(seed, call & 0xFFFFFFFF, length, threshold)


class CallXored(Source):
    """the call is xor-ed into the seed"""

    tests = mixed, small

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask(seed ^ call, 0, length, threshold)


class CallAdded(Source):
    """the call is added to the seed"""

    tests = mixed, small

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask((seed + call) % 2**64, 0, length, threshold)


class CallRepeated(Source):
    """one call of 128 repeats the call before"""

    tests = (calls,)

    def mask(self, seed, call, length, threshold=HALF):
        return super().mask(seed, call - (call % 128 == 0), length, threshold)


class FoldAdds(Source):
    """foldIn adds"""

    tests = collisions, small, avalanche

    def fold_in(self, seed, data):
        return (seed + data) % 2**64


class FoldXors(Source):
    """foldIn is exclusive or"""

    tests = collisions, small, avalanche

    def fold_in(self, seed, data):
        return seed ^ data


class FoldLow(Source):
    """foldIn reads the low word of its data alone"""

    tests = (avalanche,)

    def fold_in(self, seed, data):
        return super().fold_in(seed, data & 0xFFFFFFFF)


class FoldNarrow(Source):
    """foldIn gives 16 bits, extended by zeros"""

    tests = folded, collisions

    def fold_in(self, seed, data):
        return super().fold_in(seed, data) & 0xFFFF


class FoldHalf(Source):
    """foldIn gives one word twice"""

    tests = (folded_bits,)

    def fold_in(self, seed, data):
        low = super().fold_in(seed, data) & 0xFFFFFFFF
        return low | low << 32


class RateOfMask(Source):
    """the rate is drawn from the words that decide"""

    tests = (draws,)

    def deviation(self, seed, call):
        if not hasattr(self, "reference"):
            self.reference = philox.Reference(philox.Randomgen())
        return self.reference.half_gaussian(seed, call, 1, stream=2 * call)[0]


class RateTwice(Source):
    """every second call draws the rate of the one before"""

    tests = (successive,)

    def deviation(self, seed, call):
        return super().deviation(seed, call & ~1)


FAULTS = [
    *(LaneRepeated, HalfRepeated, CounterHalved, CounterStuck, Copies, RateOff, LaneOff, LowSeed, LowCall, CallXored),
    *(CallAdded, CallRepeated, FoldAdds, FoldXors, FoldLow, FoldNarrow, FoldHalf, RateOfMask, RateTwice),
]


def main(options):
    source = Source(options.quick, options.seed)
    found = checks.Checks("battery", source.library.name)
    for test in TESTS:
        outcome = test(source)
        found.test(outcome.name, outcome)
    for fault in FAULTS:
        faulty = fault(True, options.seed)
        found.control(fault.__doc__, [test(faulty) for test in fault.tests])
    return found


if __name__ == "__main__":
    checks.arguments(__doc__, main)
