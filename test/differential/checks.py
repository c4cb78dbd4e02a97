"""What a part found, and how it is judged: one line of JSON for each check, and exit status 1 if one failed.

The checks of a part share a significance level, 0.001 that any of them fails by chance (Bonferroni); with the seed given, none
does so now and then. Each statistical check says which fault it would see with a probability of 0.999. A control is the same
check of something that has a known fault of at least that size, and must fail at the same level.
"""

import argparse
import json
import sys

import numpy as np

ALPHA, POWER = 0.001, 0.999


class Checks:
    def __init__(self, part, where):
        self.common = {"part": part, "where": where}
        self.lines, self.tests = [], []

    def line(self, name, passed, **what):
        self.lines.append({**self.common, "check": name, **what, "passed": bool(passed)})

    def exact(self, name, wrong, compared, unit="lanes"):
        self.line(name, wrong == 0 and compared > 0, wrong=int(wrong), compared=int(compared), unit=unit)

    def bound(self, name, what, value, limit, sample):
        self.line(name, value <= limit, what=what, value=float(value), limit=float(limit), sample=int(sample))

    def test(self, name, outcome):
        self.tests.append((name, None, [outcome]))

    def control(self, fault, outcomes):
        """`outcomes` of which one at least must see `fault`."""
        self.tests.append((fault[0], fault[1], list(outcomes)))

    def finish(self):
        level = ALPHA / max(1, sum(fault is None for _, fault, _ in self.tests))
        for name, fault, outcomes in self.tests:
            least = min(outcomes, key=lambda outcome: outcome.p)
            found = {"p": float(least.p), "level": level, "sample": int(least.sample)}
            if fault is None:
                self.line(name, least.p >= level, **found, sees=least.sees(level))
            else:
                self.line(name, least.p < level, fault=fault, by=least.name, **found)
        return self.lines


class Outcome:
    """A p-value of a sample, and a function from the level to a sentence on the fault that is seen with POWER."""

    def __init__(self, name, p, sample, sees):
        self.name, self.p, self.sample, self.sees = name, p, sample, sees


def share(name, count, sample, expected, what="share"):
    """Binomial: `count` of `sample`, each with the probability `expected`."""
    from scipy import stats

    if sample > 1e7:  # the exact test is slow, and the same there
        deviation = (expected * (1 - expected) * sample) ** 0.5
        p = 2 * stats.norm.sf(max(abs(count - expected * sample) - 0.5, 0) / deviation)
    else:
        p = stats.binomtest(int(count), int(sample), expected).pvalue

    def sees(level):
        z = stats.norm.isf(level / 2) + stats.norm.ppf(POWER)
        return f"{what} off by {z * (expected * (1 - expected) / sample) ** 0.5:.2g}"

    return Outcome(name, min(float(p), 1.0), sample, sees)


def shares(name, counts, samples, expected, what="share"):
    """The most deviating of several binomial counts of large samples, corrected for their number (Sidak)."""
    from scipy import stats

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


def cells(name, counts, expected, sample=None):
    """Chi-squared of counts against what is expected, with as many degrees of freedom as cells, less one."""
    from scipy import stats

    counts, expected = np.asarray(counts, np.float64).ravel(), np.asarray(expected, np.float64).ravel()
    return chi_squared(name, ((counts - expected) ** 2 / expected).sum(), counts.size - 1, sample or counts.sum())


def chi_squared(name, statistic, freedom, sample):
    from scipy import stats

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
    from scipy import stats

    def sees(level):  # the difference at one place at least, where the empirical function's deviation is at most 1/2
        distance = stats.kstwobign.isf(level) + stats.norm.ppf(POWER) / 2
        return f"{what} off by {distance / len(sample) ** 0.5:.2g} somewhere"

    return Outcome(name, float(stats.kstest(sample, cdf, method="asymp").pvalue), len(sample), sees)


def arguments(document, main, *flags):
    """The command line of a part."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="as in CI, in seconds")
    parser.add_argument("--seed", type=int, default=2019, help="of the cases (%(default)s)")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    lines = main(parser.parse_args()).finish()
    for line in lines:
        print(json.dumps(line))
    sys.exit(0 if all(line["passed"] for line in lines) else 1)
