"""Which runs there are, in which order, and the file that has one line of JSON for each that was made."""

import json
import os
import statistics

# docs/reproduction.md has the design; runs here are few enough for a quarter of an hour.
GRID = {
    ("all", "dropout"): (0.01, 0.03, 0.1),
    ("all", "jumpout"): (0.01, 0.03, 0.1),
    ("dense", "dropout"): (0.1, 0.25, 0.5),
    ("dense", "jumpout"): (0.04, 0.12, 0.36),
}
FIRST_SEARCH_SEED = 101
CELLS = [
    ("all", "none"),
    *GRID,
    *(("all", method) for method in ("jumpout-less-1", "jumpout-less-2", "jumpout-less-3", "dropout-0.75")),
]
TUNED = {"dropout-0.75": "dropout", "jumpout-less-1": "jumpout", "jumpout-less-2": "jumpout", "jumpout-less-3": "jumpout"}
IDENTITY = ("stage", "placement", "method", "strength", "seed")


def chosen(lines, placement, method):
    """The strength with the best mean accuracy of the search, of equals the smaller, and the fraction of active units with it."""
    found = {}
    for line in lines:
        if (line["stage"], line["placement"], line["method"]) == ("search", placement, method):
            found.setdefault(line["strength"], []).append(line)
    best = max(sorted(found), key=lambda strength: statistics.fmean(line["accuracy"] for line in found[strength]))
    fractions = [line["activeFraction"] for line in found[best]]
    return best, statistics.fmean(fractions) if None not in fractions else None


def strength_of(lines, placement, method):
    """What a run of the final comparison is made with: a strength, and what `options_of` asks for beside it."""
    if method == "none":
        return {"strength": 0, "active": None}
    strength, active = chosen(lines, placement, TUNED.get(method, method))
    return {"strength": strength, "active": active}


def planned(lines, settings):
    """All runs: the search, then the final comparison seed by seed, so that an early end leaves whole comparisons. The caller
    appends the lines of the search before it asks for more."""
    for seed in range(FIRST_SEARCH_SEED, FIRST_SEARCH_SEED + settings["searchSeeds"]):
        for (placement, method), strengths in GRID.items():
            for strength in strengths:
                run = {"stage": "search", "placement": placement, "method": method, "strength": strength}
                yield {**run, "active": None, "seed": seed}
    for seed in range(1, settings["seeds"] + 1):
        for placement, method in CELLS:
            run = {"stage": "final", "placement": placement, "method": method}
            yield {**run, **strength_of(lines, placement, method), "seed": seed}


def count(settings):
    return settings["searchSeeds"] * sum(map(len, GRID.values())) + settings["seeds"] * len(CELLS)


def same(run, line):
    return all(run[name] == line[name] for name in IDENTITY)


class Lines(list):
    """Those of a file that were made with these settings. What ended within a line is cut off."""

    def __init__(self, path, settings):
        self.path, self.settings = path, settings
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            path.write_bytes(whole)
        super().__init__(line for line in map(json.loads, whole.splitlines()) if self.fits(line["settings"]))

    def fits(self, settings):
        """The last seed may change between calls; what a run is, and what chose its strength, may not."""
        return {**settings, "seeds": None} == {**self.settings, "seeds": None}

    def add(self, line):
        """On disk when this returns."""
        line = {**line, "settings": self.settings}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.append(line)
