"""Statistical tests: a p-value each, and which fault would have been seen."""

import numpy as np
from scipy import stats

from checks import POWER


class Outcome:
    """A p-value of a sample, and a function from the level to a sentence on the fault that is seen with POWER."""

    def __init__(self, name, p, sample, sees):
        self.name, self.p, self.sample, self.sees = name, p, sample, sees


def share(name, count, sample, expected, what="share"):
    """Binomial: `count` of `sample`, each with the probability `expected`."""
    if sample > 1e7:  # the exact test is slow, and the same there
        deviation = (expected * (1 - expected) * sample) ** 0.5
        p = 2 * stats.norm.sf(max(abs(count - expected * sample) - 0.5, 0) / deviation)
    else:
        p = stats.binomtest(int(count), int(sample), expected).pvalue

    def sees(level):  # exactly, since the expected count may be next to 0
        high = stats.binom.isf(level / 2, sample, expected) + 1
        low = stats.binom.ppf(level / 2, sample, expected) - 1
        off = [stats.beta.ppf(POWER, high, sample - high + 1) - expected]
        if low >= 0:
            off.append(expected - stats.beta.ppf(1 - POWER, low + 1, sample - low))
        return f"{what} off by {max(off):.2g}"

    return Outcome(name, min(float(p), 1.0), sample, sees)


def shares(name, counts, samples, expected, what="share"):
    """The most deviating of several binomial counts of large samples, corrected for their number (Sidak)."""
    counts, samples = np.broadcast_arrays(np.asarray(counts, np.float64), np.asarray(samples, np.float64))
    deviation = np.sqrt(expected * (1 - expected) * samples)
    z = np.abs(counts - expected * samples) / deviation
    single = 2 * stats.norm.sf(z.max())
    p = -np.expm1(z.size * np.log1p(-single)) if single < 1 else 1.0

    def sees(level):
        z = stats.norm.isf(level / z_size / 2) + stats.norm.ppf(POWER)
        return f"{what} of one off by {z * (expected * (1 - expected) / samples.min()) ** 0.5:.2g}"

    z_size = z.size
    return Outcome(name, float(p), samples.min(), sees)


RARE = 5  # cells of fewer are joined, since the statistic would not be distributed as chi-squared


def joined(rows, sizes):
    """Columns of `rows` whose `sizes` are rare, as one column, which is not rare."""
    order = np.argsort(sizes, kind="stable")
    rows, sums = rows[:, order], np.cumsum(sizes[order])
    rare = max(int((sizes < RARE).sum()), int(np.searchsorted(sums, RARE)) + 1)
    return np.column_stack([rows[:, :rare].sum(axis=1), rows[:, rare:]])


def cells(name, counts, expected):
    """Chi-squared of counts against what is expected, with as many degrees of freedom as cells, less one."""
    rows = np.array([counts, expected], np.float64)
    counts, expected = joined(rows, rows[1])
    return chi_squared(name, ((counts - expected) ** 2 / expected).sum(), counts.size - 1, counts.sum())


def alike(name, ours, theirs):
    """Chi-squared of two rows of counts of one distribution."""
    rows = np.array([ours, theirs], np.float64)
    table = joined(rows, rows.sum(axis=0))
    result = stats.chi2_contingency(table, correction=False)
    return chi_squared(name, result.statistic, result.dof, table[0].sum() / 2)  # two samples say half as much


def chi_squared(name, statistic, freedom, sample):
    def sees(level):
        critical = stats.chi2.isf(level, freedom)
        low, high = 0.0, 10 * critical + 1000
        while high - low > 1e-3 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if stats.ncx2.sf(critical, freedom, middle) < POWER else (low, middle)
        return f"cells off by {(high / sample) ** 0.5:.2g} (root mean square, relative)"

    return Outcome(name, float(stats.chi2.sf(statistic, freedom)), sample, sees)


def distribution(name, sample, cdf, what="distribution function"):
    """Kolmogorov and Smirnov's test."""

    def sees(level):  # the difference at one place at least, where the empirical function's deviation is at most 1/2
        distance = stats.kstwobign.isf(level) + stats.norm.ppf(POWER) / 2
        return f"{what} off by {distance / len(sample) ** 0.5:.2g} somewhere"

    return Outcome(name, float(stats.kstest(sample, cdf, method="asymp").pvalue), len(sample), sees)


def means(name, ours, theirs):
    """Welch's test of means."""

    def sees(level):
        spread = (ours.var() / ours.size + theirs.var() / theirs.size) ** 0.5
        distance = (stats.norm.isf(level / 2) + stats.norm.ppf(POWER)) * spread
        return f"{name} off by {distance / ours.mean():.2g}, relative"

    p = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    return Outcome(name, float(p), ours.size, sees)
