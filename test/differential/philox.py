"""Philox4x32-10 of others, in the terms of docs/numerics.md: a seed, a stream, and the index of the first block."""

import os

import numpy as np

FOLD_IN = 2**64 - 1  # the stream of seeds


class Randomgen:
    name = "randomgen"

    def __init__(self):
        import randomgen

        self.generator = randomgen.Philox(key=0, number=4, width=32)

    def words(self, seed, stream, index, blocks):
        before = ((stream << 64 | index) - 1) % 2**128  # it counts up before each block
        self.generator.seed(key=seed, counter=before)
        return self.generator.random_raw(4 * blocks).astype(np.uint32)


class TensorFlow:
    name = "TensorFlow"

    def __init__(self):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow

        self.tf = tensorflow

    def words(self, seed, stream, index, blocks):
        return self.tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[4 * blocks],
            key=np.array([seed], np.uint64),
            counter=np.array([index, stream], np.uint64),
            alg=1,
            dtype=self.tf.uint32,
        ).numpy()


class Reference:
    """The words of either, as what the library draws from them."""

    def __init__(self, source):
        self.source, self.name = source, source.name

    def lanes(self, seed, call, unit, units):
        """The 16 bits that decide each of these units."""
        first = unit >> 3
        words = self.source.words(seed, 2 * call, first, ((unit + units + 7) >> 3) - first)
        return words.astype("<u4").view("<u2")[unit & 7 :][:units]

    def fold_in(self, seed, data):
        low, high = (int(word) for word in self.source.words(seed, FOLD_IN, data, 1)[:2])
        return low | high << 32

    def half_gaussian(self, seed, call, groups, stream=None):
        """|z| of groups 0, 1, ..., of the stream of rates if no other is given."""
        stream = 2 * call + 1 if stream is None else stream
        r = self.source.words(seed, stream, 0, groups).reshape(-1, 4).astype(np.uint64)
        shift = np.uint64(21)
        u = (r[:, 0] ^ r[:, 1] << shift) * 2.0**-53 + 2.0**-54
        v = (r[:, 2] ^ r[:, 3] << shift) * 2.0**-52 + 2.0**-53
        part = v % 1  # the sine's size has this period, and is symmetric: small arguments lose no digits
        return np.sqrt(-2 * np.log(u)) * np.sin(np.pi * np.minimum(part, 1 - part))
