"""The whole study in a clean clone: its minutes and memory, and those of a run that has nothing to do.

    python3.11 -m benchmarks.study /tmp/clone       clones HEAD there and runs `make repro`; some twenty minutes

Needs nothing but git, make and Python. Memory is the most that all processes of the run held together (resident, shared
pages counted once for each that shares them), looked at every half second on Linux.
"""

import argparse
import json
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/study.json"
EVERY_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the clone; must not be there")
    folder = parser.parse_args().folder
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    install = _measured(["make", ".venv/.ready"], folder)
    run = _measured(["make", "repro"], folder)
    nothing = _measured([".venv/bin/dvc", "repro"], folder)
    result = {
        "commit": subprocess.check_output(["git", "-C", str(folder), "rev-parse", "HEAD"], text=True).strip(),
        "install_minutes": round(install[0] / 60, 2),
        "repro_minutes_after_installation": round(run[0] / 60, 2),
        "repro_peak_gib": round(run[1], 2),
        "repro_with_nothing_to_do_seconds": round(nothing[0], 2),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and GiB."""
    start, peak = time.perf_counter(), 0.0
    with subprocess.Popen(command, cwd=folder) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(EVERY_SECONDS):
                peak = max(peak, sum(_resident(one) for one in _family(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        process.wait()
        done.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - start, peak / 2**30


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
