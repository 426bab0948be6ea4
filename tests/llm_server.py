"""A real HTTP server that speaks OpenAI's API as far as the Studio uses it: chat completions, files and batches.

    with LLMServer() as server:
        server.add("knows", knows({"What ...?": "The crate ..."}))
        server.add("busy", first([status(429, retry_after="1")], then=always("A")))

A behaviour is a function (body, number of this request) -> (status, headers, what to send). Every request that is answered
with 200 is counted by the SHA-256 of its body: that is what a provider would bill.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-of-the-test-server-0123456789"
OPTION_LINE = re.compile(r"^([A-H])\. (.+)$", re.M)


def asked(body):
    """(text of the prompt, {letter: option}) of a request."""
    text = "\n".join(_text_of(message["content"]) for message in body["messages"])
    return text, dict(OPTION_LINE.findall(text))


def _text_of(content):
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def pictures(body):
    """The pictures of a request, as the bytes of JPEGs."""
    parts = [part for message in body["messages"] if isinstance(message["content"], list) for part in message["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    return [base64.b64decode(url.split(",", 1)[1]) for url in urls]


def says(text, *, finish_reason="stop", usage=True):
    """A response body in the API's shape."""

    def completion(body):
        tokens = {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": max(1, len(text) // 4)}
        return {
            "id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": body["model"] + "-2026",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
            **({"usage": {**tokens, "total_tokens": sum(tokens.values())}} if usage else {}),
        }  # fmt: skip

    return completion


# ---- Models


def always(letter):
    """A model that picks one letter whatever is asked."""
    return lambda body, number: (200, {}, says(letter)(body))


def longest(body, number):
    """A model that picks the longest option."""
    _text, options = asked(body)
    return 200, {}, says(max(options, key=lambda letter: len(options[letter])))(body)


def knows(answers, *, unless=()):
    """A model that knows right answers ({text of an option}); where none is on offer it takes the first letter.

    With `unless`, words in the prompt that make it give up and say so.
    """

    def answer(body, number):
        text, options = asked(body)
        if any(word in text for word in unless):
            return 200, {}, says("I cannot tell.")(body)
        right = [letter for letter, option in options.items() if option in answers]
        return 200, {}, says(right[0] if right else sorted(options)[0])(body)

    return answer


def nearly(answers, *, wrong_at="D"):
    """Knows the answer, but errs whenever the right option stands at one letter."""

    def answer(body, number):
        _text, options = asked(body)
        right = next((letter for letter, option in options.items() if option in answers), "A")
        return 200, {}, says("A" if right == wrong_at else right)(body)

    return answer


def keyword(word):
    """A model that goes by one word: it picks the option that holds it, else the first."""

    def answer(body, number):
        _text, options = asked(body)
        return 200, {}, says(next((letter for letter, text in options.items() if word in text), min(options)))(body)

    return answer


def mumbles(text, **options):
    return lambda body, number: (200, {}, says(text, **options)(body))


# ---- Training data: a model that knows the truth, and is bad on purpose where told to


def talks(truths, *, bad=None, misled="The blue ball rolls uphill by itself, although nothing pushes it."):
    """Writes conversations, answers misled and judges, by the truth of each clip.

    `truths`: {title of a clip: (what breaks, or "" for nothing)}. `bad`: {title: text sent instead of a conversation, or
    a list of turns}. `misled`: what it answers where it is shown one picture, few pixels or a wrong title.
    """

    def answer(body, number):
        text, _options = asked(body)
        if "Reference:" in text:
            reference, given = (re.search(rf"^{name}: (.*)$", text, re.M).group(1) for name in ("Reference", "Answer"))
            score = 5 if given[:40] == reference[:40] else 1
            return 200, {}, says(json.dumps({"score": score, "why": "By the words."}))(body)
        if "Write 4 to 6 questions" not in text:
            return 200, {}, says(misled(text) if callable(misled) else misled)(body)
        title = re.search(r"^Title: “(.*)”$", text, re.M).group(1)
        told = (bad or {}).get(title)
        if isinstance(told, str):
            return 200, {}, says(told)(body)
        breaks = truths.get(title, "")
        turns = told or conversation_about(breaks)
        return 200, {}, says(json.dumps({"glitch": bool(breaks), "conversation": turns}))(body)

    return answer


def conversation_about(breaks):
    """Turns of each kind about what breaks; of a clip where nothing does, that nothing does."""
    if not breaks:
        return [
            turn("glitch_free", "Is there a glitch, and what is it?", "Nothing breaks; the cars drive as cars do."),
            turn("yes_no", "Does everything obey gravity in it?", "Yes, whatever is dropped falls down."),
        ]
    return [
        turn("open", "What unusual behaviour appears in it?", f"{breaks} Nothing could cause that."),
        turn("follow_up", "When does that begin?", "It begins halfway through and lasts until the end."),
        turn("yes_no", "Would this happen in the real world?", f"No, because physics forbids it. {breaks}"),
        turn(
            "choice",
            f"Which is true? (A) The sun goes out at noon. (B) {breaks} (C) All is well here. (D) A dog turns to stone.",
            f"(B) {breaks}",
        ),
    ]


def turn(kind, question, answer):
    return {"kind": kind, "question": question, "answer": answer}


# ---- Faults


def status(code, *, retry_after=None, message="scripted", error_code=None):
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda body, number: (code, headers, {"error": {"message": message, "type": "x", "code": error_code}})


def garbage(text="<html>504 Gateway</html>"):
    return lambda body, number: (200, {}, text)


def hangs(seconds):
    """Says nothing for so long, then answers."""

    def answer(body, number):
        time.sleep(seconds)
        return 200, {}, says("A")(body)

    return answer


def cut(body, number):
    """Promises a whole body and closes the connection in the middle."""
    return 200, {"X-Cut": "1"}, says("A")(body)


def first(faults, *, then):
    """The scripted faults for the first requests of each body, then the model."""

    def answer(body, number):
        return (faults[number] if number < len(faults) else then)(body, number)

    return answer


@dataclass
class LLMServer:
    """Runs in a thread; `asked` counts requests by body, `answered` those that got a 200 and would be billed.

    While `gate` is closed (`gate.clear()`) requests come in and none is answered.
    """

    delay_s: float = 0.0
    key: str = KEY
    batch_s: float = 0.2
    models: dict = field(default_factory=dict)
    asked: Counter = field(default_factory=Counter)
    answered: Counter = field(default_factory=Counter)
    bodies: list = field(default_factory=list)
    times: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    files: dict = field(default_factory=dict)
    batches: dict = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)

    def add(self, model, behaviour):
        self.models[model] = behaviour
        return self

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def entry(self, name, **more):
        """An entry of STUDIO_LLM_MODELS for a model of this server."""
        return {
            "name": name, "base_url": self.base_url, "key_env": "TEST_LLM_KEY", "family": name,
            "price_in": 2.5, "price_out": 10, **more,
        }  # fmt: skip

    def __enter__(self):
        self.gate.set()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_failure):
        self._http.shutdown()
        self._http.server_close()

    def complete(self, body):
        """(status, headers, payload) of one chat completion, counted."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self._lock:
            number = self.asked[digest]
            self.asked[digest] += 1
            self.bodies.append(body)
            self.times.append(time.monotonic())
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            time.sleep(self.delay_s)
            self.gate.wait(60)
            behaviour = self.models.get(body.get("model"))
            if behaviour is None:
                return (
                    404,
                    {},
                    {"error": {"message": f"The model {body.get('model')} does not exist", "code": "no_model"}},
                )
            code, headers, payload = behaviour(body, number)
            if code == 200:
                with self._lock:
                    self.answered[digest] += 1
            return code, headers, payload
        finally:
            with self._lock:
                self.under_way -= 1

    # ---- Files and batches

    def upload(self, content):
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": "x.jsonl",
            "purpose": "batch",
        }

    def start_batch(self, body):
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body["endpoint"], "input_file_id": body["input_file_id"],
            "completion_window": "24h", "status": "in_progress", "created_at": int(time.time()),
            "metadata": body.get("metadata"), "_ready": time.monotonic() + self.batch_s,
        }  # fmt: skip
        return self.batch(name)

    def batch(self, name):
        batch = self.batches[name]
        with self._lock:
            if batch["status"] == "in_progress" and time.monotonic() >= batch["_ready"]:
                batch["status"] = "finalizing"
                finish = True
            else:
                finish = False
        if finish:
            done, failed = [], []
            for line in self.files[batch["input_file_id"]].decode().splitlines():
                item = json.loads(line)
                code, _headers, payload = self.complete(item["body"])
                row = {
                    "id": "r",
                    "custom_id": item["custom_id"],
                    "response": {"status_code": code, "body": payload},
                    "error": None,
                }
                (done if code == 200 else failed).append(json.dumps(row))
            batch["output_file_id"] = self.upload("\n".join(done).encode())["id"] if done else None
            batch["error_file_id"] = self.upload("\n".join(failed).encode())["id"] if failed else None
            batch["status"] = "completed"
        return {name: value for name, value in batch.items() if not name.startswith("_")}


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes; the second would wait 40 ms for the first

        def log_message(self, *arguments):
            pass

        def send(self, code, headers, payload):
            data = payload if isinstance(payload, bytes) else payload if isinstance(payload, str) else json.dumps(payload)
            data = data if isinstance(data, bytes) else data.encode()
            try:
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if "X-Cut" in headers:
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(data)
            except OSError:
                self.close_connection = True

        def may(self):
            server.headers.append(self.headers)
            if self.headers.get("Authorization") == f"Bearer {server.key}":
                return True
            self.send(
                401, {}, {"error": {"message": f"Incorrect API key: {self.headers.get('Authorization')}", "code": "bad"}}
            )
            return False

        def do_POST(self):
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.may():
                return
            if self.path == "/v1/chat/completions":
                self.send(*server.complete(json.loads(data)))
            elif self.path == "/v1/files":
                self.send(200, {}, server.upload(_file_of(self.headers["Content-Type"], data)))
            elif self.path.endswith("/cancel"):
                server.batches[self.path.split("/")[3]]["status"] = "cancelled"
                self.send(200, {}, server.batch(self.path.split("/")[3]))
            elif self.path == "/v1/batches":
                self.send(200, {}, server.start_batch(json.loads(data)))
            else:
                self.send(404, {}, {"error": {"message": self.path}})

        def do_GET(self):
            if not self.may():
                return
            path = self.path.split("?")[0].removeprefix("/v1/")
            if path == "batches":
                rows = [server.batch(name) for name in reversed(server.batches)]
                self.send(200, {}, {"object": "list", "data": rows, "has_more": False})
            elif path.startswith("batches/"):
                self.send(200, {}, server.batch(path.removeprefix("batches/")))
            elif path.startswith("files/") and path.endswith("/content"):
                self.send(200, {}, server.files[path.split("/")[1]])
            else:
                self.send(404, {}, {"error": {"message": self.path}})

    return Handler


def _file_of(content_type, data):
    """The one file of a multipart form."""
    boundary = content_type.split("boundary=")[1].strip('"').encode()
    for part in data.split(b"--" + boundary):
        if b'name="file"' in part:
            return part.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n", 1)[0]
    raise AssertionError("no file in the form")
