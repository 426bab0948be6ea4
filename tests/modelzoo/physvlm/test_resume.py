"""A run killed again and again ends with the weights of a run that nobody disturbed."""

import os
import random
import time

import pytest

from modelzoo.physvlm import checkpoint
from modelzoo.physvlm.runfolder import read_json, read_lines
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays

KILLS = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=12)


def start(out, changes):
    process = runs.processes().Process(target=runs.child, args=(out, changes, {"OMP_NUM_THREADS": "1"}))
    process.start()
    return process


def step_of(out):
    lines = read_lines(out / "metrics.jsonl")
    return lines[-1]["step"] if lines else 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_ten_kills_at_random_steps_change_nothing(data, tmp_path, stage):
    """kill -9 at any moment: in a step, while a checkpoint is written, while data is prepared."""
    overrides = ("max_steps=60", "epochs=0", "checkpoint_every=2", "keep_checkpoints=2")
    changes = dict(data=(data,), overrides=overrides)
    if stage == "dpo":
        runs.train(tmp_path / "start", data=(data,), overrides=("max_steps=2",))
        changes = dict(
            stage="dpo", preset="tiny-dpo", data=(data,), init=str(tmp_path / "start" / "model"), overrides=overrides
        )
    whole = start(tmp_path / "whole", changes)
    whole.join()
    assert whole.exitcode == 0

    out, random_, kills = tmp_path / "killed", random.Random(4), 0
    while True:
        resume = (out / "spec.json").exists()
        process = start(out, {"resume": True} | ({"stage": changes.get("stage", "sft")}) if resume else changes)
        begun_at = step_of(out)
        target = begun_at + random_.randint(1, 6) if kills < KILLS else 10**9
        while process.is_alive() and step_of(out) < target:
            time.sleep(0.005)
        time.sleep(random_.uniform(0, 0.05))
        if not process.is_alive():
            process.join()
            assert process.exitcode == 0, (out / "log.txt").read_text()
            break
        os.kill(process.pid, 9)
        process.join()
        kills += 1
    assert kills == KILLS
    assert read_json(out / "state.json")["state"] == "finished" and read_json(out / "state.json")["attempt"] == KILLS + 1
    assert runs.losses(out) == runs.losses(tmp_path / "whole")
    assert runs.same_weights(out, tmp_path / "whole")


def test_a_killed_run_goes_on_from_the_newest_whole_checkpoint(data, tmp_path):
    out = tmp_path / "run"
    assert runs.train(out, data=(data,), overrides=("max_steps=4", "checkpoint_every=2")) == "finished"
    newest = out / "checkpoints" / "step-000004"
    (newest / checkpoint.MARK).unlink()  # as if it had been killed before the mark was written
    (out / "checkpoints" / "step-000009.part").mkdir()
    with open(out / "metrics.jsonl", "a") as file:
        file.write('{"step": 5, "lo')  # and in the middle of a line
    assert runs.train(out, resume=True) == "finished"
    assert "going on from step-000002" in (out / "log.txt").read_text()
    assert [line["step"] for line in read_lines(out / "metrics.jsonl")] == [1, 2, 3, 4]
    assert (newest / checkpoint.MARK).exists() and not (out / "checkpoints" / "step-000009.part").exists()


def test_a_damaged_checkpoint_is_refused_by_name(data, tmp_path):
    out = tmp_path / "run"
    assert runs.train(out, data=(data,), overrides=("max_steps=4", "checkpoint_every=2")) == "finished"
    shard = next((out / "checkpoints" / "step-000004" / "state").glob("*.distcp"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(Exception, match=r"step-000004/state/.*distcp is not as it was written; delete .*step-000004"):
        runs.train(out, resume=True)
