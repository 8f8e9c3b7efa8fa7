"""The whole study in a clean clone: its minutes and memory, and those of a run that has nothing to do.

    python3.11 -m benchmarks.study /tmp/clone                  clones HEAD there and runs `make repro`
    python3.11 -m benchmarks.study /tmp/clone --avx2           the same, as on a processor with AVX2 alone
    python3.11 -m benchmarks.study /tmp/clone --preset quick   the small study

Needs nothing but git, make and Python. Memory is the most that all processes of the run held together (resident, shared
pages counted once for each that shares them), looked at every half second on Linux.

`benchmarks/results/study.json` is a list of runs, the newest of each kind: instructions of the processor, whether they
are emulated, and preset. With `--avx2` limits of oneDNN (with it torch and OpenVINO) and of torch's own kernels are set
for the run. The wheel of llama.cpp has no newer instructions than AVX2 in any case. Clock, caches and memory remain
those of this machine: one that really has AVX2 alone may be slower.
"""

import argparse
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/study.json"
EVERY_SECONDS = 0.5
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
KIND = ("preset", "instructions", "emulated")
HERE = """
import json, platform
from tune_or_retrieve.base import machine
print(json.dumps({"processor": machine.processor(), "instructions": machine.instructions(), "cores": machine.cores(),
                  "python": platform.python_version()}))
"""


class Measured(NamedTuple):
    seconds: float
    gib: float
    lines: list[tuple[float, str]]  # what it printed, and when, in seconds from its beginning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the clone; must not be there")
    parser.add_argument("--avx2", action="store_true", help="emulate a processor without newer instructions")
    parser.add_argument("--preset", default="local", choices=("local", "quick"))
    given = parser.parse_args()
    folder, limits = given.folder, AVX2 if given.avx2 else {}
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    install = measure(["make", ".venv/.ready"], folder)
    subprocess.run([".venv/bin/tune-or-retrieve", "preset", given.preset], cwd=folder, check=True)
    here, plain = _here(folder, limits), _here(folder, {})
    emulated = here["instructions"] != plain["instructions"]
    if emulated:
        print(f"emulating {here['instructions']} on a processor with {plain['instructions']}: {limits}", flush=True)
    run = measure(["make", "repro"], folder, limits)
    nothing = measure([".venv/bin/dvc", "repro"], folder, limits)
    result = {
        "commit": subprocess.check_output(["git", "-C", str(folder), "rev-parse", "HEAD"], text=True).strip(),
        "preset": given.preset,
        **here,
        "emulated": emulated,
        "minutes": round(run.seconds / 60, 2),
        "peak_gib": round(run.gib, 2),
        "install_minutes": round(install.seconds / 60, 2),
        "nothing_to_do_seconds": round(nothing.seconds, 2),
        "stage_seconds": stage_seconds(run),
    }
    runs = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else []
    RESULT.write_text(json.dumps(with_run(runs, result), indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def with_run(runs: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The runs with `run` in the place of that of its kind, in the order of kinds."""
    kept = {tuple(one[key] for key in KIND): one for one in [*runs, run]}
    return [kept[kind] for kind in sorted(kept)]


def stage_seconds(run: Measured) -> dict[str, float]:
    """From the line with which DVC begins each stage to that of the next; the last one's end is the run's."""
    begun = [(found[1], at) for at, line in run.lines if (found := re.match(r"Running stage '([^']+)'", line))]
    ends = [*(at for _, at in begun[1:]), run.seconds][: len(begun)]
    return {stage: round(end - at, 1) for (stage, at), end in zip(begun, ends, strict=True)}


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run it, showing what it prints. Exits if it fails."""
    start, peak, lines = time.perf_counter(), 0.0, []
    env = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(EVERY_SECONDS):
                peak = max(peak, sum(_resident(one) for one in _family(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for line in process.stdout or ():
            lines.append((time.perf_counter() - start, line))
            print(line, end="", flush=True)
        process.wait()
        done.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Measured(time.perf_counter() - start, peak / 2**30, lines)


def _here(folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the clone says of this machine."""
    command = [".venv/bin/python", "-c", HERE]
    return json.loads(subprocess.check_output(command, cwd=folder, env={**os.environ, **environment}))


def _family(process: int) -> list[int]:
    found = [process]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in _read(children).split()]
    return found


def _resident(process: int) -> int:
    """Bytes; 0 of a process that has ended meanwhile."""
    lines = [line for line in _read(Path(f"/proc/{process}/status")).splitlines() if line.startswith("VmRSS:")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
