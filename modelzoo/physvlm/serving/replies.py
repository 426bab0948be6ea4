"""Answers in OpenAI's shapes: whole, and in pieces as server-sent events."""

import json
import math
import time
import uuid

from modelzoo.physvlm.serving.limits import Refused


class Reply:
    """What the engine has told of one request, as its answer is put together. `name` is the model's."""

    def __init__(self, row, name, decode):
        self.row, self.name, self.decode = row, name, decode
        self.id, self.created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())
        self.text, self.entries, self.tokens, self.reason, self.more = "", [], 0, None, {}
        seen = row.seen
        if seen is not None and seen.numbers is not None and (row.wanted.heat or row.letters):
            self.more["frames"] = {"numbers": seen.numbers, "seconds": seen.seconds}

    def take(self, event):
        """(new text, new log-probabilities) of an event of the engine; raises the `Refused` that it may be."""
        kind, *rest = event
        if kind == "error":
            raise rest[0]
        text, entries = "", []
        if kind == "seen":
            self.more["heat"] = heat_body(rest[0])
        elif kind == "letters":
            probabilities, mass = rest
            self.more["letters"] = {
                "letters": list(self.row.wanted.letters), "probabilities": probabilities, "mass": mass,
            }  # fmt: skip
            most = max(probabilities)
            text = self.row.wanted.letters[probabilities.index(most)] if probabilities.count(most) == 1 else ""
            self.tokens = 1
            if self.row.wanted.logprobs:
                logps = [math.log(p * mass) if p * mass > 0 else -9999.0 for p in probabilities]
                ranked = sorted(zip(self.row.wanted.letters, logps, strict=True), key=lambda one: -one[1])
                top = [_entry(*one) for one in ranked[: self.row.wanted.top_logprobs]]
                entries = [{**_entry(*ranked[0]), "top_logprobs": top}]
        elif kind == "token":
            text, logprob = rest
            if logprob:
                (token, logp), most = logprob
                top = [_entry(self.decode([other]), value) for other, value in most]
                entries = [{**_entry(self.decode([token]), logp), "top_logprobs": top}]
            self.tokens = self.row.written
        elif kind == "end":
            self.reason = rest[0]
        self.text += text
        self.entries += entries
        return text, entries

    def _head(self, kind):
        return {"id": self.id, "object": kind, "created": self.created, "model": self.name}

    def usage(self):
        prompt = self.row.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": self.tokens, "total_tokens": prompt + self.tokens}

    def whole(self):
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.text, "refusal": None},
            "logprobs": {"content": self.entries, "refusal": None} if self.row.wanted.logprobs else None,
            "finish_reason": self.reason,
        }
        body = {**self._head("chat.completion"), "choices": [choice], "usage": self.usage()}
        return {**body, "physvlm": self.more} if self.more else body

    def piece(self, delta, *, entries=(), reason=None, more=None):
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": {"content": list(entries), "refusal": None} if entries else None,
            "finish_reason": reason,
        }
        body = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return event({**body, "physvlm": more} if more else body)

    def pieces(self, happened):
        """The events to send for one event of the engine."""
        before = set(self.more)
        text, entries = self.take(happened)
        new = {key: value for key, value in self.more.items() if key not in before}
        if self.reason:
            yield self.piece({}, reason=self.reason)
        elif text or entries or new:
            yield self.piece({"content": text}, entries=entries, more=new)

    def last(self):
        if self.row.wanted.with_usage:
            yield event({**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage()})
        yield b"data: [DONE]\n\n"


def heat_body(weights):
    """Patch weights (T,g,g) as JSON takes them: 1 is a plain mean, null where a frame or edge fills no window."""
    rows = weights.tolist()
    return {
        "weights": [[[None if value != value else round(value, 4) for value in line] for line in frame] for frame in rows],
        "unit": "weight of a patch in its window; 1 is what it has in a plain mean",
    }


def _entry(text, logp):
    return {"token": text, "logprob": max(logp, -9999.0), "bytes": list(text.encode())}


def event(body):
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def failure(refusal):
    return event(refusal.body() if isinstance(refusal, Refused) else Refused("The server failed.", status=500).body())
