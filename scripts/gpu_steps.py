"""What scripts/gpu-check and bench/gpu/run share: the machine and its tools, the programs to run, and steps within a budget of
time whose results are written as they come. Needs nothing but Python 3.9.

A step is a function of a Job. It passes by returning (a dict of results, or None), or raises Failed or Skipped. After every
step, and every few seconds within one, SUITE-DEVICE.json and SUITE-DEVICE.log are replaced as a whole: whatever ends the
run costs at most the step that was running. Results of earlier calls on the same device are kept beside the new ones.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_GPU, NOTHING_TO_RUN = 2, 3
LOG_BYTES = 1 << 20  # of one step in the log: its beginning and its end
SAVE_SECONDS = 3.0


class Failed(Exception):
    """The step went wrong; the sentence says how."""


class Skipped(Exception):
    """Something that the step needs, and a machine need not have, is missing; the sentence says what."""


class OutOfTime(Exception):
    pass


class Ended(Exception):
    """A signal ended this program."""


def quit_with(status: int, sentence: str) -> None:
    print(f"{Path(sys.argv[0]).name}: {sentence}", file=sys.stderr)
    sys.exit(status)


def output_of(command: list[str], seconds: float = 60) -> str:
    """What a command says, or "" where it cannot be run or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def replace(path: Path, text: str) -> None:
    """The old file or the new one, whatever happens."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


# ---- Tools -------------------------------------------------------------------------------------------------------------


def python_folders(pattern: str) -> list[str]:
    """Of NVIDIA's packages for Python: site-packages/nvidia/PATTERN."""
    try:
        import nvidia  # type: ignore[import-not-found]
    except ImportError:
        return []
    return sorted(found for folder in nvidia.__path__ for found in glob.glob(f"{folder}/{pattern}"))


def toolkit_folders() -> list[str]:
    named = [os.environ.get(name, "") for name in ("CUDA_HOME", "CUDA_PATH")]
    nvcc = os.environ.get("CUDACXX") or shutil.which("nvcc")
    beside = [str(Path(nvcc).resolve().parent.parent), str(Path(nvcc).parent.parent)] if nvcc else []
    installed = ["/usr/local/cuda", *sorted(glob.glob("/usr/local/cuda-*"), reverse=True)]
    return [folder for folder in [*named, *beside, *installed, *python_folders("cu*")] if folder]


def find_tool(name: str, variable: str = "") -> str | None:
    """A program of the CUDA toolkit, wherever it was put; `variable` names the environment's own choice."""
    chosen = os.environ.get(variable, "") if variable else ""
    if chosen:
        return chosen
    on_path = shutil.which(name)
    if on_path:
        return on_path
    patterns = [f"{folder}/{inside}/{name}" for folder in toolkit_folders() for inside in ("bin", name, "*/bin")]
    patterns += [f"{folder}/nsight-compute*/{name}" for folder in toolkit_folders()]
    patterns += [f"/opt/nvidia/nsight-compute/*/{name}", f"{Path(sys.executable).parent}/{name}"]
    for pattern in patterns:
        for found in sorted(glob.glob(pattern), reverse=True):
            if os.access(found, os.X_OK) and os.path.isfile(found):
                return found
    return None


def version_of(tool: str | None) -> str | None:
    said = output_of([tool, "--version"]) if tool else ""
    found = re.search(r"(?:release|[Vv]ersion) ([\d.]+)", said) or re.search(r"(\d+\.\d+[\d.]*)", said)
    return found.group(1) if found else None


# ---- The machine -------------------------------------------------------------------------------------------------------


def find_gpu() -> dict[str, str]:
    """Of the first device; ends the program where there is none."""
    smi = shutil.which("nvidia-smi")
    if not smi:
        quit_with(NO_GPU, "no GPU: nvidia-smi was not found, so there is no NVIDIA driver here")
    query = [smi, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        quit_with(NO_GPU, "no GPU: nvidia-smi does not answer")
    lines = asked.stdout.strip().splitlines()
    if asked.returncode != 0 or not lines:
        said = " ".join((asked.stdout + asked.stderr).split()) or "nothing"
        quit_with(NO_GPU, f"no GPU: nvidia-smi says {said}")
    fields = [field.strip() for field in lines[0].rsplit(",", 2)]
    if len(fields) != 3 or not all(fields):
        quit_with(NO_GPU, f"no GPU: nvidia-smi says {lines[0]}")
    return dict(zip(("device", "driver", "compute"), fields))


def commit() -> str:
    """A copy of the tree without .git is told: JUMPOUT_COMMIT=$(git rev-parse --short=12 HEAD)."""
    told = os.environ.get("JUMPOUT_COMMIT", "")
    if told:
        return told
    git = ["git", "-C", str(ROOT)]
    if not (ROOT / ".git").exists():
        return "unknown"
    head = output_of([*git, "rev-parse", "--short=12", "HEAD"]) or "unknown"
    changed = output_of([*git, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results"])
    return f"{head} + changes" if changed else head


def kit_of(folder: str | None) -> dict:
    """What scripts/build-gpu-kit says of its programs; nothing of others."""
    about = Path(folder, "kit.json") if folder else None
    return json.loads(about.read_text(encoding="utf-8")) if about and about.exists() else {}


def cpu_name() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()


# ---- Programs ----------------------------------------------------------------------------------------------------------


class Programs:
    """Those of a folder where they run here, else built here. --emulated takes them as they are."""

    def __init__(self, folder: str | None, build: Path, compute: str):
        self.given = Path(folder).resolve() if folder else None
        self.build_folder = build
        self.compute = compute
        self.folder: Path | None = None
        self.facts: dict[str, object] = {}
        self.fault: str | None = None  # that did not keep them from being built

    def path(self, name: str, job: Job) -> str:
        if self.folder is None:
            self.prepare(job)
        assert self.folder is not None
        for folder in (self.folder, self.folder.parent):  # a build has libraries beside bin
            if (folder / name).exists():
                return str(folder / name)
        raise Failed(f"{self.folder / name} is missing")

    def prepare(self, job: Job) -> None:
        if self.given:
            why = self.unusable()
            if why is None:
                self.folder = self.given
                self.facts |= {"programs": "built before"}
                return
            job.say(f"the programs in {self.given} cannot be used: {why}; building here")
            self.facts["builtBefore"] = why
        self.build(job)

    def unusable(self) -> str | None:
        assert self.given is not None
        kit = kit_of(str(self.given))
        if kit:
            self.facts["kit"] = kit
            wanted = self.compute.replace(".", "")
            if self.compute and wanted not in kit["architectures"]:
                return f"they are for sm_{', sm_'.join(kit['architectures'])}, the device is sm_{wanted}"
        program = self.given / "jumpout_device_tests"
        try:
            # Without a kernel: the loader, the driver and the device, of which it says 2.
            tried = [str(program), "--tiny", "--only", "self-test"]
            done = subprocess.run(tried, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return None if done.returncode in (0, 1) else f"{program.name} says {done.stderr.strip() or done.returncode}"

    def curand_folder(self) -> str | None:
        carried = [str(self.given / "include")] if self.given else []
        folders = [os.environ.get("JUMPOUT_CURAND_INCLUDE", ""), *carried]
        folders += [f"{folder}/include" for folder in toolkit_folders()] + python_folders("*/include")
        return next((folder for folder in folders if folder and Path(folder, "curand_kernel.h").exists()), None)

    def build(self, job: Job) -> None:
        cmake, nvcc = find_tool("cmake"), find_tool("nvcc", "CUDACXX")
        missing = [name for name, tool in (("cmake", cmake), ("nvcc", nvcc)) if not tool]
        if missing:
            raise Failed(f"{' and '.join(missing)} not found, so nothing can be built here; give --programs")
        generator = []
        if not shutil.which("make"):
            ninja = find_tool("ninja")
            if not ninja:
                raise Failed("neither make nor ninja was found")
            generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
        options = ["CMAKE_BUILD_TYPE=Release", "JUMPOUT_CUDA=ON", "JUMPOUT_BUILD_ADDON=OFF", "JUMPOUT_BUILD_TESTS=ON"]
        options += ["JUMPOUT_BUILD_BENCH=ON", "CMAKE_CUDA_FLAGS=-lineinfo", f"CMAKE_CUDA_COMPILER={nvcc}"]
        targets = ["jumpout_native_tests", "jumpout_device_tests", "jumpout_device_runtime_tests", "jumpout_gpu_bench"]
        targets += ["jumpout_shared"]

        def built(*more: str) -> bool:
            # A generator or a compiler of an earlier try would stay in the cache.
            (self.build_folder / "CMakeCache.txt").unlink(missing_ok=True)
            configure = [cmake, "-S", str(ROOT), "-B", str(self.build_folder), *generator]
            configure += [f"-D{option}" for option in (*options, *more)]
            build = [cmake, "--build", str(self.build_folder), "--parallel", str(os.cpu_count() or 1), "--target", *targets]
            environment = {"CUDACXX": str(nvcc)}
            return job.run(configure, environment) == 0 and job.run(build, environment) == 0

        curand = self.curand_folder()
        if curand and not built("JUMPOUT_CURAND=ON", f"JUMPOUT_CURAND_INCLUDE={curand}"):
            self.fault = f"it does not build with the headers of cuRAND in {curand}; built without them"
            curand = None
            job.say(self.fault)
            if not built("JUMPOUT_CURAND=OFF"):
                raise Failed("it does not build, with the headers of cuRAND or without")
        elif not curand and not built("JUMPOUT_CURAND=OFF"):
            raise Failed("it does not build")
        self.folder = self.build_folder / "bin"
        self.facts |= {"programs": "built here", "nvcc": version_of(nvcc), "curand": curand or "none"}


# ---- Steps -------------------------------------------------------------------------------------------------------------


class Job:
    """One step while it runs: its time, its log, and the file in which a program leaves JSON."""

    def __init__(self, run: Run, name: str, seconds: float, folder: Path):
        self.owner, self.name, self.seconds = run, name, seconds
        self.deadline = time.monotonic() + seconds
        self.detail = folder / f"{name}.json"
        self.log_file = folder / f"{name}.log"
        self.log_file.touch()
        self.commands: list[str] = []
        self.status: int | None = None

    @property
    def left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def say(self, text: str) -> None:
        with self.log_file.open("a", encoding="utf-8") as log:
            log.write(text + "\n")

    def run(self, command: list[str], env: dict[str, str] | None = None, output: Path | None = None) -> int:
        """The exit status, -N for a signal. Everything that the command started ends with it, or when the time is up."""
        shown = " ".join(map(str, command))
        self.say(f"$ {shown}")
        for folder in (self.detail.parent, self.owner.options.programs and Path(self.owner.options.programs).resolve(), ROOT):
            shown = shown.replace(f"{folder}/", "") if folder else shown  # results name no path of the machine
        self.commands.append(shown)
        with (output or self.log_file).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
            saved = time.monotonic()
            try:
                while process.poll() is None:
                    if self.owner.ended:
                        raise Ended
                    if self.left == 0:
                        raise OutOfTime
                    try:
                        process.wait(min(0.2, self.left + 0.01))
                    except subprocess.TimeoutExpired:
                        pass
                    if time.monotonic() - saved > SAVE_SECONDS:
                        self.owner.save()
                        saved = time.monotonic()
            finally:
                self.status = process.poll()
                for which in (signal.SIGTERM, signal.SIGKILL):
                    try:
                        os.killpg(process.pid, which)
                    except ProcessLookupError:
                        break
                    if process.poll() is None:
                        try:
                            process.wait(3)
                        except subprocess.TimeoutExpired:
                            pass
        return process.returncode

    def succeed(self, command: list[str], env: dict[str, str] | None = None) -> dict | None:
        status = self.run(command, env)
        if status != 0:
            ended = f"signal {-status}" if status < 0 else f"status {status}"
            raise Failed(f"{Path(command[0]).name} ended with {ended}")
        return self.result()

    def write(self, result: dict) -> None:
        replace(self.detail, json.dumps(result))

    def result(self) -> dict | None:
        try:
            return json.loads(self.detail.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


class Run:
    """The steps of one call, and the two files."""

    def __init__(self, suite: str, steps: dict, options: argparse.Namespace, facts: dict[str, str]):
        self.suite, self.all_steps, self.options, self.facts = suite, steps, options, facts
        self.slug = re.sub(r"[^a-z0-9]+", "-", facts["device"].lower()).strip("-")
        self.out = Path(options.out).resolve()
        self.out.mkdir(parents=True, exist_ok=True)
        self.file = self.out / f"{suite}-{self.slug}.json"
        self.log = self.file.with_suffix(".log")
        self.records: dict[str, dict] = {}
        for earlier in (self.file, ROOT / "bench" / "results" / self.file.name):
            if earlier.exists():
                steps_then = json.loads(earlier.read_text(encoding="utf-8"))["steps"]
                self.records = {name: record for name, record in steps_then.items() if record["outcome"] != "not run"}
                break
        self.before = self.log.read_text(encoding="utf-8", errors="replace")[-4 * LOG_BYTES :] if self.log.exists() else ""
        self.jobs: list[Job] = []
        self.ended = False

    def save(self) -> None:
        if self.jobs and self.records[self.jobs[-1].name]["outcome"] == "running":
            self.record(self.jobs[-1], "running", None, self.jobs[-1].result())
        steps = {name: self.records.get(name, {"outcome": "not run"}) for name in self.all_steps}
        required = [name for name, step in self.all_steps.items() if not step.get("optional")]
        report = {
            "suite": self.suite,
            **self.facts,
            "passed": all(steps[name]["outcome"] == "passed" for name in required),
            "quick": self.options.quick,
            "steps": steps,
        }
        replace(self.file, json.dumps(report, indent=2) + "\n")
        text = self.before
        for job in self.jobs:
            said = job.log_file.read_text(encoding="utf-8", errors="replace")
            if len(said) > LOG_BYTES:
                said = f"{said[: LOG_BYTES // 4]}\n[...]\n{said[-3 * LOG_BYTES // 4 :]}"
            text += f"==== {job.name}: {self.records[job.name]['outcome']}\n{said}"
        replace(self.log, text)

    def record(self, job: Job, outcome: str, why: str | None, result: object) -> None:
        record = {"outcome": outcome, **({"why": why} if why else {}), "status": job.status}
        record |= {"seconds": round(job.seconds - job.left, 1), "limit": round(job.seconds, 1)}
        record |= {**self.facts, "quick": self.options.quick, "commands": job.commands}
        self.records[job.name] = {**record, **({"result": result} if result is not None else {})}

    def step(self, name: str, seconds: float, folder: Path) -> str:
        job = Job(self, name, seconds, folder)
        self.record(job, "running", None, None)
        self.jobs.append(job)
        self.save()
        outcome, why, result = "passed", None, None
        try:
            result = self.all_steps[name]["run"](job)
        except Skipped as missing:
            outcome, why = "skipped", str(missing)
        except Failed as failure:
            outcome, why, result = "failed", str(failure), job.result()
        except OutOfTime:
            outcome, why, result = "out of time", f"stopped after {seconds:.0f} s", job.result()
        except Ended:
            outcome, why, result = "ended", "this run was ended from outside", job.result()
        except Exception as error:  # the other steps go on
            job.say(traceback.format_exc())
            outcome, why, result = "failed", f"{type(error).__name__}: {error}", job.result()
        self.record(job, outcome, why, result)
        self.save()
        print(f"  {name:10} {outcome:11} {seconds - job.left:5.0f} s{f'  {why}' if why else ''}", flush=True)
        said = job.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        shown = 12 if outcome not in ("passed", "skipped") else self.all_steps[name].get("shown", 0)
        for line in said[len(said) - shown :] if shown else []:
            print(f"      {line}", flush=True)
        return outcome

    def main(self) -> int:
        def end(*_: object) -> None:
            self.ended = True

        for which in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(which, end)
        print(", ".join(f"{name} {value}" for name, value in self.facts.items()), flush=True)
        deadline = time.monotonic() + self.options.seconds
        names = self.options.steps
        outcomes = {}
        with tempfile.TemporaryDirectory() as folder:
            for i, name in enumerate(names):
                if self.ended:
                    break
                # What a step leaves of its share is there for those behind it.
                shares = [self.all_steps[later]["share"] for later in names[i:]]
                left = max(1.0, deadline - time.monotonic())
                outcomes[name] = self.step(name, left * shares[0] / sum(shares), Path(folder))
        print(f"-> {self.file}\n-> {self.log}", flush=True)
        wrong = [name for name in names if outcomes.get(name) not in ("passed", "skipped")]
        if wrong:
            print(f"not passed: {', '.join(wrong)}", file=sys.stderr)
        return 1 if wrong else 0


def parser(description: str, steps: dict, seconds: int) -> argparse.ArgumentParser:
    given = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(steps)}; all of them by default")
    given.add_argument("--out", help="folder of the two files; bench/results by default")
    given.add_argument("--build", metavar="FOLDER", help="where to build; build/gpu by default")
    given.add_argument("--programs", metavar="FOLDER", help="programs that scripts/build-gpu-kit built")
    given.add_argument("--seconds", type=float, default=seconds, help="for all steps together (%(default)s)")
    given.add_argument("--quick", action="store_true", help="tries everything with small sizes; nothing counts")
    given.add_argument(
        "--emulated", metavar="FOLDER", help="as --quick, on the CPU, with programs of JUMPOUT_CUDA=EMULATED; needs --out"
    )
    return given


def begin(suite: str, steps: dict, given: argparse.ArgumentParser) -> tuple[Run, Programs]:
    options = given.parse_args()
    for name in options.steps:
        if name not in steps:
            quit_with(1, f"there is no step '{name}'; there are: {', '.join(steps)}")
    options.steps = options.steps or [name for name in steps]
    if options.emulated:
        if not options.out:
            quit_with(1, "--emulated needs --out: nothing of it is a result")
        options.programs, options.quick = options.emulated, True
        facts = {"device": "CUDA on the CPU", "driver": "none"}
    else:
        facts = find_gpu()
    nvcc = find_tool("nvcc", "CUDACXX")
    if not options.programs and not (nvcc and find_tool("cmake")):
        quit_with(NOTHING_TO_RUN, "no programs: give --programs FOLDER, or install nvcc and cmake (nvcc: CUDACXX)")
    kit = kit_of(options.programs)
    known = commit()
    facts |= {"toolkit": kit.get("nvcc") or version_of(nvcc) or "none"}
    facts |= {"commit": kit.get("commit", known) if known == "unknown" else known}
    if kit and kit["commit"] != facts["commit"]:
        print(f"the programs are of commit {kit['commit']}, this is {facts['commit']}", flush=True)
    facts |= {"date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "cpu": cpu_name()}
    options.out = options.out or str(ROOT / "bench" / "results")
    writable = ROOT if os.access(ROOT, os.W_OK) else Path(tempfile.gettempdir()) / "jumpout"
    programs = Programs(options.programs, Path(options.build or writable / "build" / "gpu").resolve(), facts.get("compute", ""))
    return Run(suite, steps, options, facts), programs
