"""Nsight Compute's command line for one call of one pass, and its CSV as rows: bytes, shares of the memory's speed, stalls.

  python3 bench/gpu/ncu.py FILE    prints what `parse` makes of a file of --page raw --csv
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

STALLS = (
    "barrier", "branch_resolve", "dispatch_stall", "drain", "imc_miss", "lg_throttle", "long_scoreboard", "math_pipe_throttle",
    "membar", "mio_throttle", "no_instruction", "not_selected", "selected", "short_scoreboard", "sleeping", "wait",
)  # fmt: skip
STALL = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"

# What is reported, by Nsight Compute's names: numbers in base units (bytes, nanoseconds, percent).
METRICS = {
    "nanoseconds": "gpu__time_duration.sum",
    "bytesRead": "dram__bytes_read.sum",
    "bytesWritten": "dram__bytes_write.sum",
    "dramShare": "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "l2Share": "lts__t_sectors.avg.pct_of_peak_sustained_elapsed",
    "l2HitRate": "lts__t_sector_hit_rate.pct",
    "issueShare": "sm__inst_issued.avg.pct_of_peak_sustained_active",
    "instructions": "smsp__inst_executed.sum",
    "activeWarps": "sm__warps_active.avg.pct_of_peak_sustained_active",
    "registers": "launch__registers_per_thread",
    "blocks": "launch__grid_size",
    "threads": "launch__block_size",
    "sharedBytes": "launch__shared_mem_per_block_dynamic",
}
# Without these a row says nothing; others may be unknown to a version or a device, and then are left out.
REQUIRED = ("nanoseconds", "bytesRead", "bytesWritten", "dramShare")


ALL = [*METRICS.values(), *map(STALL.format, STALLS)]
LEAST = [METRICS[name] for name in REQUIRED]


def command(tool: str, metrics: list[str], program: list[str], output: Path) -> list[str]:
    """Clocks stay as they are found; caches are emptied before each replay, as before each cold trial of the benchmark."""
    options = ["--clock-control", "none", "--cache-control", "all", "--profile-from-start", "off", "--target-processes", "all"]
    options += ["--kernel-name-base", "mangled", "--kernel-name", "regex:7jumpout", "--metrics", ",".join(metrics)]
    return [tool, *options, "--csv", "--page", "raw", "--print-units", "base", "--log-file", str(output), *program]


def number(text: str) -> float | None:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def error_in(text: str) -> str:
    return next((line.removeprefix("==ERROR==").strip() for line in text.splitlines() if line.startswith("==ERROR==")), "")


def parse(text: str) -> list[dict]:
    """One row per kernel, in the order of the launches. Raises ValueError where there is none, or one lacks what counts."""
    # Messages of the tool and of the program stand before the table, and may after it.
    lines = text.splitlines()
    head = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if head is None:
        raise ValueError(error_in(text) or "ncu wrote no table: no kernel was profiled")
    names, *table = csv.reader(line for line in lines[head:] if line.startswith('"'))
    rows = []
    for cells in table:
        if len(cells) != len(names):
            raise ValueError(f"a line of {len(cells)} cells in a table of {len(names)}")
        of = dict(zip(names, cells))
        if not of["ID"]:  # the units
            continue
        values = {ours: number(of.get(theirs, "")) for ours, theirs in METRICS.items()}
        missing = [METRICS[name] for name in REQUIRED if values[name] is None]
        if missing:
            raise ValueError(f"{of.get('Kernel Name', 'a kernel')} has no {', '.join(missing)}")
        stalls = {stall: number(of.get(STALL.format(stall), "")) for stall in STALLS}
        row: dict = {"kernel": of.get("Kernel Name", "")}
        row |= {name: value for name, value in values.items() if value is not None}
        largest = sorted(((v, k) for k, v in stalls.items() if v), reverse=True)
        rows.append({**row, "stalls": {stall: value for value, stall in largest}})
    if not rows:
        raise ValueError("ncu wrote a table without kernels")
    return rows


if __name__ == "__main__":
    try:
        print(json.dumps(parse(Path(sys.argv[1]).read_text(encoding="utf-8")), indent=2))
    except ValueError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
