"""What a part found, and how it is judged: one line of JSON for each check, and exit status 1 if one failed.

The checks of a part share a significance level, 0.001 that any of them fails by chance (Bonferroni); cases of one seed
are the same in each run. Each statistical check says which fault it would see with a probability of 0.999. A control
is the same check of something that has a known fault of at least that size, and must fail at the same level.
"""

import argparse
import json
import sys

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
        self.tests.append(("control", fault, list(outcomes)))

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
