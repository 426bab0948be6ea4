"""What is asked of a model, apart from where it runs.

Pictures are named in the messages and in what is stored; their bytes are put in when a request leaves. So asking again
whether a request was answered costs no decoding, and the database does not keep every picture.
"""

import base64
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Picture:
    """`name` says for good which picture it is, at which size; `load` gives it as a file of the type `mime`."""

    name: str
    width: int
    height: int
    load: Callable = field(compare=False)
    mime: str = "image/jpeg"

    @property
    def url(self):
        return f"picture:{self.name}"

    @property
    def most_tokens(self):
        """What the usual ways of counting come to at most: tiles of 512 pixels (GPT-4o), patches of 28 (Qwen)."""
        tiles = 85 + 170 * math.ceil(self.width / 512) * math.ceil(self.height / 512)
        return max(tiles, math.ceil(self.width / 28) * math.ceil(self.height / 28) + 2)


@dataclass(frozen=True)
class Request:
    """One chat completion: `messages` as OpenAI's API takes them, `parameters` such as temperature and max_tokens."""

    model: str
    messages: list
    parameters: dict
    pictures: tuple = ()
    picture_tokens: int = 0  # what one picture counts at most with this model; 0: as `Picture.most_tokens`

    def body(self):
        return {"model": self.model, "messages": self.messages, **self.parameters}

    def body_with_pictures(self):
        """What is sent: `body()` with every picture in place of its name."""
        if not self.pictures:
            return self.body()
        urls = {one.url: f"data:{one.mime};base64," + base64.b64encode(one.load()).decode() for one in self.pictures}
        messages = []
        for message in self.messages:
            if isinstance(message["content"], str):
                messages.append(message)
                continue
            parts = [
                {**part, "image_url": {**part["image_url"], "url": urls[part["image_url"]["url"]]}}
                if part["type"] == "image_url"
                else part
                for part in message["content"]
            ]
            messages.append({**message, "content": parts})
        return {**self.body(), "messages": messages}

    @property
    def hash(self):
        """SHA-256 of the request as canonical JSON; the same at every address."""
        text = json.dumps(self.body(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def most_tokens_in(self):
        """More tokens than the messages can have: a token is at least one byte, and each message adds a few of its own."""
        texts = sum(len(json.dumps(message, ensure_ascii=False).encode()) for message in self.messages) + 16
        return texts + sum(self.picture_tokens or picture.most_tokens for picture in self.pictures)

    @property
    def most_tokens_out(self):
        return self.parameters.get("max_tokens") or self.parameters.get("max_completion_tokens") or 4096


def chat(endpoint, text, *, pictures=(), **parameters):
    """A request with one message to the model of an endpoint; the endpoint's own parameters win, null drops one."""
    merged = {**parameters, **endpoint.parameters}
    content = text
    if pictures:
        shown = [{"type": "image_url", "image_url": {"url": picture.url}} for picture in pictures]
        content = [{"type": "text", "text": text}, *shown]
    return Request(
        endpoint.model,
        [{"role": "user", "content": content}],
        {name: value for name, value in merged.items() if value is not None},
        tuple(pictures),
        endpoint.picture_tokens,
    )
