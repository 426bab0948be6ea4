"""Asking with a real Celery worker that is killed, and its model with it."""

import psutil
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import override_settings

from modelzoo.asking import services
from modelzoo.asking.models import Ask
from tests.conftest import wait_until
from tests.factories import ClipFactory
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays, make_videos

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def servers_of(root):
    """serve_physvlm processes for weights below this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "serve_physvlm" in line and any(str(root) in part for part in line):
            found.append(process)
    return found


def test_kill_9_in_mid_answer_and_another_worker_answers(start_worker, lead, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    data = make_arrays(tmp_path / "squares", clips=4)
    runs.train(tmp_path / "sft", data=(data,), overrides=("max_steps=2",))
    (tmp_path / "sft" / "model").rename(root / "tiny")
    clip = ClipFactory(title="A square")
    if default_storage.exists(clip.proxy):
        default_storage.delete(clip.proxy)
    video = next(make_videos(tmp_path / "videos", clips=1).rglob("*.mp4")).read_bytes()
    default_storage.save(clip.proxy, ContentFile(video))
    environment = {"STUDIO_TRAINING_DATA_DIRS": str(root), "OMP_NUM_THREADS": "1"}
    worker = start_worker(queues="gpu,io", concurrency=1, **environment)
    with override_settings(TRAINING_DATA_DIRS=[str(root)], LLM_MODELS="[]", JOB_LOST_AFTER_S=3):
        ask = services.begin(by=lead, model="model:tiny", text="What happens?", clip=clip)
        wait_until(lambda: servers_of(root), seconds=120, what="the model's server")
        orphans = servers_of(root)
        worker.kill()
        wait_until(lambda: not any(process.is_running() for process in orphans), seconds=120, what="the end of its server")
        assert Ask.objects.get(pk=ask.pk).answered_at is None
        start_worker(queues="gpu,io", concurrency=1, **environment)
        wait_until(lambda: Ask.objects.get(pk=ask.pk).answered_at, seconds=180, what="the answer")
    ask = Ask.objects.select_related("job").get(pk=ask.pk)
    assert ask.state == "done" and ask.answer and ask.job.attempts == 2 and len(ask.heat["frames"]) == 8
