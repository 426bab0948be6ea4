"""What is asked of a model, apart from where it runs."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One chat completion: `messages` as OpenAI's API takes them, `parameters` such as temperature and max_tokens."""

    model: str
    messages: list
    parameters: dict

    def body(self):
        return {"model": self.model, "messages": self.messages, **self.parameters}

    @property
    def hash(self):
        """SHA-256 of the request as canonical JSON; the same at every address."""
        text = json.dumps(self.body(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def most_tokens_in(self):
        """More tokens than the messages can have: a token is at least one byte, and each message adds a few of its own."""
        return sum(len(json.dumps(message, ensure_ascii=False).encode()) for message in self.messages) + 16

    @property
    def most_tokens_out(self):
        return self.parameters.get("max_tokens") or self.parameters.get("max_completion_tokens") or 4096


def chat(endpoint, text, **parameters):
    """A request with one message to the model of an endpoint; the endpoint's own parameters win, null drops one."""
    merged = {**parameters, **endpoint.parameters}
    return Request(
        endpoint.model, [{"role": "user", "content": text}], {name: v for name, v in merged.items() if v is not None}
    )
