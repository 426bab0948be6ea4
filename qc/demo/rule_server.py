"""The demo's stand-in for a language model: a rule that names the longest option, at an address that speaks OpenAI's API.

It runs while the demo is made and never again. Its name says what it is wherever a verdict names who gave it.
"""

import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.conf import settings

NAME = "longest option (a rule of the demo, no language model)"
_OPTION = re.compile(r"^([A-D])\. (.+)$", re.M)


def longest(prompt):
    """The letter of the longest option of a prompt; the first of those that tie."""
    options = _OPTION.findall(prompt)
    return max(options, key=lambda option: len(option[1]))[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        message = {"role": "assistant", "content": longest(prompt)}
        reply = {
            "id": "rule", "object": "chat.completion", "created": int(time.time()), "model": "longest-option",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }  # fmt: skip
        sent = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args):
        pass


@contextmanager
def configured():
    """The rule answers, and is the one model of this process, while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    models, parallel = settings.LLM_MODELS, settings.LLM_PARALLEL
    address = f"http://127.0.0.1:{server.server_port}/v1"
    endpoint = {
        "name": NAME,
        "model": "longest-option",
        "base_url": address,
        "family": "rule",
        "price_in": 0,
        "price_out": 0,
    }
    settings.LLM_MODELS, settings.LLM_PARALLEL = json.dumps([endpoint]), 1
    try:
        yield
    finally:
        settings.LLM_MODELS, settings.LLM_PARALLEL = models, parallel
        server.shutdown()
        server.server_close()
