"""A trainer that trains nothing: it takes train_physvlm's options, keeps a run folder as that does, and obeys SIGTERM.

For tests of what surrounds the trainer. STANDIN_STEP_S: seconds of a step. STANDIN_DEAF=1: it ignores SIGTERM.
The words of the overrides: seed=13 fails before the folder is written, seed=14 while training, max_steps counts the steps.
"""

import argparse
import fcntl
import hashlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage")
    parser.add_argument("--preset")
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--init")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--nproc", type=int, default=1)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def write(path, value):
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(value))
    part.replace(path)


def read(path, default):
    return json.loads(path.read_text()) if path.exists() else default


def estimate(given, settings):
    fits = settings.get("batch") != "100000"
    result = {
        "parameters": {"total": 400_000, "trained": 300_000},
        **{"rows": 12, "clips": 4, "tokens_per_epoch": 3456, "steps": int(settings.get("max_steps", 40))},
        **{"flops_total": 1e12, "flops_per_step": 2e10, "expected_s": 12.5, "fits": fits, "processes": given.nproc},
        "memory_bytes": {"weights": 1e6, "optimizer": 2e6, "gradients": 1e6, "activations": 5e6, "total": 9e6},
        "memory_available_bytes": 8_000_000_000,
        "device": "stand-in",
        "advice": "" if fits else "The run needs 99 GB. It would fit with --set batch=8.",
    }
    print(json.dumps(result))
    if not fits:
        sys.exit(f"CommandError: {result['advice']}")


def main():
    given = arguments()
    settings = dict(override.split("=", 1) for override in given.overrides)
    if settings.get("seed") == "13":
        sys.exit("Traceback of no interest\nCommandError: Clip unlucky-13 cannot be read. Leave it out with --without.")
    for folder in given.data:
        assert Path(folder).is_dir(), folder
    if given.dry_run:
        return estimate(given, settings)
    train(given, settings, given.out)


def train(given, settings, out):
    out.mkdir(parents=True, exist_ok=True)
    lock = open(out / "lock", "a")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"CommandError: {out} is being trained by another process.")
    asked = []
    deaf = os.environ.get("STANDIN_DEAF") == "1"
    signal.signal(signal.SIGTERM, (lambda *_: None) if deaf else (lambda *_: asked.append(1)))
    (out / "stop").unlink(missing_ok=True)
    if given.resume:
        spec = read(out / "spec.json", None)
    else:
        data = [{"path": folder, "kind": "public", "rows": 12, "clips": 4, "sha256": "ab" * 32} for folder in given.data]
        spec = {"format": "physvlm-run-1", "name": out.name, "created": "2026-11-22T15:12:00Z", "stage": given.stage}
        spec |= {"preset": given.preset, "overrides": settings, "settings": settings, "data": data, "init": given.init}
        spec |= {"data_sha256": "cd" * 32, "parent": None, "commit": "f" * 40, "versions": {"torch": "0"}, "processes": 1}
        write(out / "spec.json", spec | {"device": "cpu", "hardware": "stand-in"})
    steps = int(spec["settings"].get("max_steps", 40))
    step = max([int(path.name.split("-")[1]) for path in (out / "checkpoints").glob("step-*")], default=0)
    state = read(out / "state.json", {"attempt": 0}) | {"state": "running", "error": "", "steps": steps, "step": step}
    state["attempt"] += 1
    write(out / "state.json", state)
    for name in ("metrics.jsonl", "samples.jsonl"):
        if (out / name).exists():
            kept = [line for line in (out / name).read_text().splitlines() if json.loads(line)["step"] <= step]
            part = out / f".{name}"
            part.write_text("".join(line + "\n" for line in kept))
            part.replace(out / name)
    process = {"pid": os.getpid(), "process_started": psutil.Process().create_time(), "host": socket.gethostname()}
    while step < steps and not asked:
        time.sleep(float(os.environ.get("STANDIN_STEP_S", "0.05")))
        step += 1
        line(out, spec, step, steps, state)
        beat = {"phase": "training", "done": step, "total": steps, "step": step, "steps": steps, "eta_s": (steps - step) / 9}
        write(out / "heartbeat.json", {**process, "time": time.time(), **beat})
        write(out / "state.json", state | {"step": step})
        if step % 10 == 0 or step == steps:
            save(out, step)
        if spec["settings"].get("seed") == "14" and step == 15:
            write(out / "state.json", state | {"step": step, "state": "failed", "error": "Step 15 had no finite loss."})
            sys.exit("CommandError: Step 15 had no finite loss.")
    if asked:
        save(out, step)
    else:
        (out / "model").mkdir(exist_ok=True)
        (out / "model" / "config.json").write_text("{}")
    end = "finished" if not asked else "stopped" if (out / "stop").exists() else "interrupted"
    write(out / "state.json", state | {"step": step, "state": end})
    print(f"{end.capitalize()}.")


def line(out, spec, step, steps, state):
    values = {"step": step, "epoch": step / steps, "time": time.time(), "elapsed_s": step / 9, "loss": 3 / step, "mfu": None}
    values |= {
        "learning_rate": 1e-3,
        "grad_norm": 0.7,
        "num_tokens": 100 * step,
        "samples": 32 * step,
        "samples_per_s": 50.1,
    }
    values |= {"tokens_per_s": 9000.0, "memory_bytes": 1.5e9, "data_wait_frac": 0.02, "skipped_steps": 0}
    if spec["stage"] == "dpo":
        values |= {"rewards/chosen": step / 100, "rewards/rejected": -step / 100, "rewards/accuracies": 0.9}
        values |= {"rewards/margins": step / 50, "logps/chosen": -20.0, "logps/rejected": -30.0}
    else:
        values["mean_token_accuracy"] = 1 - 1 / (step + 1)
    with open(out / "metrics.jsonl", "a") as file:
        file.write(json.dumps(values) + "\n")
    with open(out / "log.txt", "a") as file:
        file.write(f"step {step} of {steps}, attempt {state['attempt']}\n")


def save(out, step):
    path = out / "checkpoints" / f"step-{step:06}"
    path.mkdir(parents=True, exist_ok=True)
    (path / "weights").write_text(str(step))
    files = {"weights": {"bytes": len(str(step)), "sha256": hashlib.sha256(str(step).encode()).hexdigest()}}
    write(path / "COMMITTED", {"step": step, "files": files})
    with open(out / "samples.jsonl", "a") as file:
        answer = {
            "step": step,
            "clip_id": "clip-1",
            "question": "What is odd?",
            "answer": f"after {step}",
            "expected": "it floats",
        }
        file.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
