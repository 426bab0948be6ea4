"""Two processes over gloo, sharded or copied, learn what one process learns."""

import pytest
import torch

from modelzoo.physvlm import build
from modelzoo.physvlm.launch import free_port
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=12)


@pytest.fixture(scope="module")
def one(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("one") / "run"
    runs.train(out, data=(data,), overrides=OVERRIDES)
    return out


OVERRIDES = ("max_steps=6", "checkpoint_every=3", "micro_tokens=400", "samples=2", "clip_norm=1")


def run_two(out, changes, *, size=2):
    environment = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(size),
        "OMP_NUM_THREADS": "1",
    }
    children = [
        runs.processes().Process(
            target=runs.child, args=(out, changes, environment | {"RANK": str(rank), "LOCAL_RANK": "0"})
        )
        for rank in range(size)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * size, (out / "log.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("sharding", ["fsdp", "ddp"])
def test_two_processes_have_the_losses_and_weights_of_one(one, data, tmp_path, sharding):
    out = tmp_path / "two"
    run_two(out, dict(data=(data,), overrides=(*OVERRIDES, f"sharding={sharding}")))
    assert runs.losses(out) == pytest.approx(runs.losses(one), abs=1e-4)
    expected, found = runs.weights(one), runs.weights(out)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-3, msg=name)


@pytest.mark.slow
def test_a_checkpoint_of_two_loads_on_one_which_goes_on(one, data, tmp_path):
    out = tmp_path / "two"
    run_two(out, dict(data=(data,), overrides=(*OVERRIDES, "sharding=fsdp")))
    last, middle = (out / "checkpoints" / name for name in ("step-000006", "step-000003"))
    loaded, final = build.load(last).model.state_dict(), build.load(out / "model").model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in final.items())
    (last / "COMMITTED").unlink()
    assert runs.train(out, resume=True) == "finished"  # from the third step, alone
    assert middle.exists()
    assert runs.losses(out) == pytest.approx(runs.losses(one), abs=1e-4)


@pytest.mark.slow
def test_dpo_on_two_processes(one, data, tmp_path):
    changes = dict(stage="dpo", preset="tiny-dpo", data=(data,), init=str(one / "model"))
    overrides = ("epochs=2", "micro_tokens=400", "sharding=fsdp", "gamma=0.5", "learning_rate=4e-4", *runs.WORDS_ALONE)
    runs.train(tmp_path / "one", overrides=overrides, **changes)
    run_two(tmp_path / "two", {**changes, "overrides": overrides})
    assert runs.losses(tmp_path / "two") == pytest.approx(runs.losses(tmp_path / "one"), abs=1e-4)


@pytest.mark.slow
def test_sharded_float32_masters_compute_in_half_precision(one, data, tmp_path):
    out = tmp_path / "half"
    run_two(out, dict(data=(data,), overrides=(*OVERRIDES, "sharding=fsdp", "precision=bf16", "moments=bf16")))
    assert {tensor.dtype for name, tensor in runs.weights(out).items() if "language_model" in name} == {torch.float32}
    assert runs.losses(out) == pytest.approx(runs.losses(one), rel=0.02)
