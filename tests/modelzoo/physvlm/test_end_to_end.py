"""The commands as people run them: several processes, signals, and a model that learns what can only be seen."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from modelzoo.physvlm import evaluate
from modelzoo.physvlm.data import sources
from modelzoo.physvlm.runfolder import read_json, read_lines
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays


def command(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DJANGO_SETTINGS_MODULE": "studio.settings"}
    environment["DATABASE_URL"] = "postgresql://nobody:x@127.0.0.1:1/none"  # a trainer needs no database
    return subprocess.Popen(
        [sys.executable, "manage.py", "train_physvlm", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def overrides(*more):
    return [part for text in (*runs.SMALL, *more) for part in ("--set", text)]


@pytest.mark.slow
def test_two_processes_by_one_command_stop_together_and_go_on(tmp_path):
    data, out = make_arrays(tmp_path / "set", clips=12), tmp_path / "run"
    cache = ["--cache", tmp_path / "cache", "--out", out, "--nproc", "2"]
    first = command("--stage", "sft", "--data", data, *cache, *overrides("max_steps=400", "sharding=ddp"))
    deadline = time.monotonic() + 120
    while len(read_lines(out / "metrics.jsonl")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    state = read_json(out / "state.json")
    assert state["state"] == "interrupted" and "Interrupted. Go on with --resume" in said
    spec = json.loads((out / "spec.json").read_text())
    spec["settings"]["max_steps"] = len(read_lines(out / "metrics.jsonl")) + 2
    (out / "spec.json").write_text(json.dumps(spec))  # an end in sight
    again = command("--resume", *cache)
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert read_json(out / "state.json")["state"] == "finished" and f"The model is in {out / 'model'}" in said


@pytest.mark.slow
def test_the_tiny_model_learns_what_a_square_does_and_without_frames_it_does_not(tmp_path):
    """Four colours, four directions: options name the right colour, so only the motion tells them apart."""
    data, held_out = (make_arrays(tmp_path / str(seed), clips=count, seed=seed) for seed, count in ((1, 160), (2, 80)))
    out = tmp_path / "run"
    more = ("batch=16", "micro_tokens=100000", "epochs=14", "warmup=20", "log_every=20")
    assert runs.train(out, data=(data,), overrides=more) == "finished"
    report = evaluate.evaluate(
        out / "model", sources.read([held_out]), cache=tmp_path / "cache", controls=("none", "blind", "one_frame")
    )
    assert report["options"]["low"] > 0.5, evaluate.in_words(report)
    assert report["blind/options"]["share"] < 0.45 and report["one_frame/options"]["share"] < 0.6
