"""rates.py [--quick] [--seed N]: drawn base rates against scipy's half-normal distribution, truncated at pMax.

(rate - pMin) / sigma of the rates below pMax by Kolmogorov and Smirnov's test, and the mass at pMax by a binomial one.
"groups": the groups of many calls of many seeds; "calls": successive calls of one seed, of one group each.
"""

import numpy as np
from scipy import stats

import checks
import outcomes
from library import LARGEST, EmulatedDevice, place

GROUPS = 1000
# sigma, pMin, pMax: the defaults; never truncated; at 1 sigma, 0.2, 0.5; from 0; hardly ever below pMax; at 2.4 sigma
OPTIONS = [
    (0.1, 0.01, 0.6),
    (0.1, 0.0, LARGEST),
    (0.3, 0.05, 0.35),
    (0.5, 0.1, 0.2),
    (0.01, 0.2, 0.205),
    (1.0, 0.0, 0.5),
    (5.0, 0.0, 0.05),
    (0.25, 0.01, 0.6),
]


def judge(rates, sigma, p_min, p_max):
    """Outcomes for rates that should have these options."""
    bound = (p_max - p_min) / sigma
    below = rates[rates < p_max]
    share = stats.halfnorm.cdf(bound)
    mass = stats.halfnorm.sf(bound)
    found = [outcomes.share("at pMax", len(rates) - len(below), len(rates), mass, "the mass at pMax")]
    if len(below):
        z = (below - p_min) / sigma
        found.append(outcomes.distribution("below pMax", z, lambda x: stats.halfnorm.cdf(x) / share))
    return found


def main(options):
    library = place(1_000_000)
    found = checks.Checks("rates", library.name)
    random = np.random.default_rng(options.seed)
    calls = 200 if options.quick or isinstance(library, EmulatedDevice) else 4000

    def over_groups(sigma, p_min, p_max, calls=calls):
        seeds = random.integers(2**64, size=calls, dtype=np.uint64)
        numbers = random.integers(2**63 - 1, size=calls, dtype=np.uint64)
        parts = (
            library.rates(int(s), int(c), GROUPS, sigma=sigma, p_min=p_min, p_max=p_max)[0].copy()
            for s, c in zip(seeds, numbers)
        )
        return np.concatenate(list(parts))

    def over_calls(sigma, p_min, p_max):
        seed, first = (int(n) for n in random.integers(2**62, size=2))
        draw = lambda call: library.rates(seed, call, 1, sigma=sigma, p_min=p_min, p_max=p_max)[0][0]  # noqa: E731
        return np.array([draw(first + i) for i in range(calls * GROUPS // 10)])

    for way in (over_groups, over_calls):
        for values in OPTIONS if way is over_groups else OPTIONS[:3]:
            rates = way(*values)
            name = f"{way.__name__[5:]}, sigma {values[0]:g}, pMin {values[1]:g}, pMax {values[2]:g}"
            outside = (rates < values[1]) | (rates > values[2])
            found.exact(f"{name}: pMin <= rate <= pMax", outside.sum(), len(rates), "rates")
            for outcome in judge(rates, *values):
                found.test(f"{name}: {outcome.name}", outcome)

    # Known faults, most of them in what the library is told.
    sigma, p_min, p_max = OPTIONS[2]
    many = max(calls, 1000)  # enough for the smallest of them

    def control(fault, rates, values=OPTIONS[2]):
        found.control(fault, judge(rates, *values))

    control("sigma 1 % too large", over_groups(1.01 * sigma, p_min, p_max, many))
    control("sigma 1 % too small", over_groups(0.99 * sigma, p_min, p_max, many))
    control("sigma 1 % too large, never truncated", over_groups(1.01 * 0.1, 0.0, LARGEST, many), OPTIONS[1])
    control("pMin 1 % of sigma too large", over_groups(sigma, p_min + 0.01 * sigma, p_max, many))
    untruncated = over_groups(sigma, p_min, LARGEST, many)
    control("what is above pMax drawn again", untruncated[untruncated < p_max])
    rates = over_groups(sigma, p_min, p_max, many)
    lost = (rates == p_max) & (random.random(len(rates)) < 0.02)
    control("2 % of the mass at pMax lost", rates[~lost])
    control("the same draws in each call", np.tile(rates[:GROUPS], calls))
    control("a uniform value for the half-Gaussian", np.minimum(p_min + sigma * 2 * random.random(len(rates)), p_max))
    return found


if __name__ == "__main__":
    checks.arguments(__doc__, main)
