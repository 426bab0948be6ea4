"""Run every benchmark in turn, or those named: `python -m tests.benchmarks [queue] [ingest] [export]`."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names):
    found = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = set(names) - set(found)
    if unknown:
        raise SystemExit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(found)}.")
    failed = []
    for name in names or found:
        command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
        print(f"\n== {' '.join(command[1:])}", flush=True)
        if subprocess.run(command).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"These benchmarks ended with an error: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
