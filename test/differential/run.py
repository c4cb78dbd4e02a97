#!/usr/bin/python3
"""run.py [--quick] [--seed N] [--json FILE] [PART...]: the differential tests, docs/reliability.md (Differential).

PART: words, rates, plain, battery; all of them by default, each in a process of its own. Words are compared on each
instruction set that this machine has; words and rates on emulated devices as well with --device LIBRARY, the shared
library of a build with JUMPOUT_CUDA=EMULATED. Needs test/differential/get-python, and PyTorch of Debian for plain.
TensorFlow, in a folder of scripts/get-tfjs-node and examples/tensorflow/get-python (build/tfjs-node, or
JUMPOUT_TFJS_NODE), is a second reference for words. Exit status 1: a check failed.
"""

import argparse
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = os.path.join(ROOT, "build", "differential")
ISAS = ("avx512", "avx2", "neon", "scalar")


def runs(part, device):
    """Names, environments and arguments of the processes of a part."""
    if part in ("plain", "battery"):
        return [("host", {}, [])]
    found = [(isa, {"JUMPOUT_CPU_ISA": isa}, []) for isa in ISAS] if part == "words" else [("host", {}, [])]
    if device:
        emulated = {"JUMPOUT_LIBRARY": os.path.abspath(device), "JUMPOUT_DIFFERENTIAL_PLACE": "device"}
        found.append(("device", emulated, []))
    tensorflow = os.environ.get("JUMPOUT_TFJS_NODE", os.path.join(ROOT, "build", "tfjs-node"))
    modules = os.path.join(tensorflow, "python")
    if part == "words" and os.path.isdir(modules):
        found.append(("TensorFlow", {"PYTHONPATH": os.pathsep.join((tensorflow, modules))}, ["--tensorflow"]))
    return found


def short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def run(part, name, environment, arguments):
    """Lines of a process; None where the machine has no such instructions."""
    command = [sys.executable, "-B", os.path.join(HERE, f"{part}.py"), *arguments]
    begin = time.monotonic()
    variables = {**os.environ, "PYTHONPATH": PACKAGES, **environment}
    ended = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - begin
    if "JUMPOUT_CPU_ISA is" in ended.stderr:
        print(f"--- {part}, {name}: not on this machine", flush=True)
        return None
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    if ended.returncode not in (0, 1) or not lines:
        raise SystemExit(f"{part}, {name} ended with {ended.returncode}\n{ended.stderr}")
    print(f"--- {part}, {name}: {len(lines)} checks, {seconds:.1f} s", flush=True)
    for line in lines:
        hidden = ("part", "where", "passed", "check")
        detail = (f"{key} {short(value)}" for key, value in line.items() if key not in hidden)
        print("passed" if line["passed"] else "FAILED", f"{line['check']}: {', '.join(detail)}", flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", default=["words", "rates", "plain", "battery"])
    parser.add_argument("--quick", action="store_true", help="as in CI")
    parser.add_argument("--seed", type=int, default=2019, help="of the cases (%(default)s)")
    parser.add_argument("--device", metavar="LIBRARY", help="with emulated kernels")
    parser.add_argument("--only", metavar="NAME", help="one instruction set, 'device' or 'TensorFlow'")
    parser.add_argument("--json", metavar="FILE", help="all lines as one array")
    options = parser.parse_args()
    lines = []
    for part in options.parts:
        for name, environment, arguments in runs(part, options.device):
            if options.only in (None, name):
                common = ["--seed", str(options.seed), *(["--quick"] if options.quick else [])]
                lines += run(part, name, environment, arguments + common) or []
    if options.json:
        with open(options.json, "w") as file:
            json.dump(lines, file, indent=1)
    failed = sum(not line["passed"] for line in lines)
    print(f"{len(lines)} checks, {failed} failed")
    return 1 if failed or not lines else 0


sys.exit(main())
