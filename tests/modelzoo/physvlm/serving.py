"""serve_physvlm as a process of its own, for tests; and what its clients send."""

import base64
import io
import re
import subprocess
import sys
import threading

import numpy as np
from PIL import Image

from tests.conftest import environment_of_a_process
from tests.modelzoo.physvlm.sets import clip

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
