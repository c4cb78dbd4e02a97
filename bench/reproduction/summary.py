"""Means, and differences paired by seed, of the lines of a final comparison."""

import statistics

from metrics import estimate, paired
from plan import CELLS

MEASURES = ("accuracy", "nll", "ece")
NONE = ("all", "none")
PAIRS = [
    *((("all", "jumpout"), other) for other in (("all", "dropout"), NONE)),
    (("all", "dropout"), NONE),
    *((("dense", "jumpout"), other) for other in (("dense", "dropout"), NONE)),
    (("dense", "dropout"), NONE),
    *((("all", "jumpout"), ("all", f"jumpout-less-{i}")) for i in (1, 2, 3)),
    (("all", "dropout-0.75"), ("all", "dropout")),
]


def summarise(lines):
    """Of each cell and each pair of cells: estimates of all measures. A seed counts where both of a pair have it."""
    cells = {cell: {} for cell in CELLS}
    for line in lines:
        if line["stage"] == "final":
            cells[line["placement"], line["method"]][line["seed"]] = line
    values = {
        cell: {measure: {seed: line[measure] for seed, line in found.items()} for measure in MEASURES}
        for cell, found in cells.items()
    }
    methods = [
        {
            "placement": cell[0],
            "method": cell[1],
            "strength": next(iter(found.values()))["strength"],
            **{measure: estimate(list(values[cell][measure].values())) for measure in MEASURES},
            "secondsPerStep": statistics.median(line["secondsPerStep"] for line in found.values()),
        }
        for cell, found in cells.items()
        if found
    ]
    differences = [
        {
            "first": list(first),
            "second": list(second),
            **{measure: paired(values[first][measure], values[second][measure]) for measure in MEASURES},
        }
        for first, second in PAIRS
        if cells[first].keys() & cells[second].keys()
    ]
    return {"methods": methods, "differences": differences}


def table(summary):
    """The same for people: mean +- standard error; differences with their 95% interval. Accuracy is in percent."""

    def shown(value, measure, sign=""):
        scale, digits = (100, 2) if measure == "accuracy" else (1, 4)
        low = value["standardError"] if not sign else value["margin"]
        return f"{scale * value['mean']:{sign}.{digits}f}" + (f" +- {scale * low:.{digits}f}" if low is not None else "")

    rows = [("layers", "method", "strength", "runs", "accuracy", "NLL", "ECE", "ms per step")]
    for row in summary["methods"]:
        strength = "" if row["method"] == "none" else f"{row['strength']:g}"
        head = (row["placement"], row["method"], strength, str(row["accuracy"]["n"]))
        milliseconds = f"{1000 * row['secondsPerStep']:.2f}"
        rows.append((*head, *(shown(row[measure], measure) for measure in MEASURES), milliseconds))
    for row in summary["differences"]:
        (placement, method), (_, other) = row["first"], row["second"]
        head = (placement, f"{method} - {other}", "", str(row["accuracy"]["n"]))
        rows.append((*head, *(shown(row[measure], measure, "+") for measure in MEASURES), ""))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
