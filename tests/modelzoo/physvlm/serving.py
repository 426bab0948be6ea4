"""serve_physvlm as a process of its own, for tests; and what its clients send.

`data`, `model` and `server` are fixtures for all tests of this app (tests/modelzoo/conftest.py), made once for a module.
"""

import base64
import io
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.conftest import environment_of_a_process
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import clip, make_arrays

TOKEN = "a token that nobody guesses"  # noqa: S105 -- of servers in tests


class Serving:
    """A running server; `base_url` is what a client needs. Use as a context manager."""

    def __init__(self, checkpoint, *options, token=TOKEN):
        environment = environment_of_a_process(PHYSVLM_SERVE_TOKEN=token, OMP_NUM_THREADS="1")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve_physvlm", str(checkpoint), "--port", "0", *options],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.token, self.said = token, []
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+/v1", line)
        assert found, line + self.process.stderr.read()
        self.base_url = found[0]
        self._reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True)
        self._reader.start()

    def client(self, **how):
        import openai

        settings = {"base_url": self.base_url, "api_key": self.token or "none", "max_retries": 0, "timeout": 60, **how}
        return openai.OpenAI(**settings)

    @property
    def model(self):
        return self.client().models.list().data[0].id

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of eight clips with questions."""
    return make_arrays(tmp_path_factory.mktemp("data") / "squares", clips=8)


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    """A model that learned from it for four steps."""
    out = tmp_path_factory.mktemp("runs") / "sft"
    runs.train(out, data=(data,), overrides=("max_steps=4",))
    return out / "model"


@pytest.fixture(scope="module")
def server(model):
    with Serving(model, "--queue", "40") as running:
        yield running


def png(frame):
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG")
    return out.getvalue()


def data_url(data, mime="image/png"):
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def frames(count=8, *, colour="red", deed="rises", seed=1):
    return clip(colour, deed, size=48, frames=count, seed=seed)


def picture_parts(pictures):
    return [{"type": "image_url", "image_url": {"url": data_url(png(np.asarray(one)))}} for one in pictures]


def video_part(data):
    return {"type": "video_url", "video_url": {"url": data_url(data, "video/mp4")}}


def user(text, *parts):
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]
