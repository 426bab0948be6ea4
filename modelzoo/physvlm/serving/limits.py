"""How much one request may bring and cost, and refusals in OpenAI's shape."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    body_bytes: int = 64 << 20  # one request
    all_bytes: int = 512 << 20  # requests that are being worked on, together
    queue: int = 64  # requests that are being worked on or wait
    batch: int = 8  # rows of one forward pass
    batch_tokens: int = 60_000  # places of one first pass
    pictures: int = 64
    picture_pixels: int = 40_000_000
    video_s: float = 600.0
    video_pixels: int = 4096 * 2304
    messages: int = 64
    text_chars: int = 100_000
    new_tokens: int = 256  # where the request does not say
    seconds: float = 120.0  # from a request's arrival to its last token
    read_s: float = 60.0  # for its body to arrive
    grace_s: float = 20.0  # for running requests after SIGTERM


class Refused(Exception):
    """A request that is not answered. `status` is HTTP's; `param` names what in the request is wrong."""

    def __init__(self, message, *, status=400, code=None, param=None, retry_after=None):
        super().__init__(message)
        self.message, self.status, self.code, self.param, self.retry_after = message, status, code, param, retry_after

    @property
    def kind(self):
        if self.status == 401:
            return "authentication_error"
        if self.status == 429:
            return "rate_limit_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def body(self):
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def headers(self):
        found = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})
