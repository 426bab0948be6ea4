"""One request over HTTP with OpenAI's client, and what its failure means. Retries are not made here but counted in `ask`."""

import json
import time
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from studio.sentences import say


@dataclass(frozen=True)
class Reply:
    """What came back and was understood. Token counts are None where the server gave none."""

    body: str
    text: str
    finish_reason: str
    served_model: str
    tokens_in: int | None
    tokens_out: int | None
    latency_s: float


class Failure(Exception):
    """No usable reply. `again`: whether a later try makes sense; `maybe_billed`: it may have been answered all the same."""

    def __init__(self, sentence, *, again, maybe_billed=False, retry_after_s=None):
        super().__init__(str(sentence))
        self.sentence, self.again, self.maybe_billed, self.retry_after_s = sentence, again, maybe_billed, retry_after_s


@lru_cache(maxsize=16)
def _client(base_url, key, timeout_s):
    import openai  # takes a second to import; only workers ever need it

    return openai.OpenAI(base_url=base_url, api_key=key, timeout=timeout_s, max_retries=0)


def client_of(endpoint):
    """The client library for an endpoint, without its own retries."""
    return _client(endpoint.base_url, endpoint.key(), settings.LLM_TIMEOUT_S)


def send(endpoint, request):
    """Send one request; returns a `Reply` or raises a `Failure`."""
    import openai

    started = time.monotonic()
    try:
        response = client_of(endpoint).chat.completions.with_raw_response.create(**request.body_with_pictures())
        body = response.http_response.text
    except openai.APIStatusError as error:
        raise _refusal(endpoint, error) from None
    except openai.APITimeoutError:
        sentence = say("%(name)s did not answer within %(seconds)s s.", name=endpoint.name, seconds=settings.LLM_TIMEOUT_S)
        raise Failure(sentence, again=True, maybe_billed=True) from None
    except openai.APIConnectionError as error:
        cause = error.__cause__
        unreached = type(cause).__name__ in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")
        sentence = say("%(name)s cannot be reached: %(why)s", name=endpoint.name, why=words(cause or error, endpoint))
        raise Failure(sentence, again=True, maybe_billed=not unreached) from None
    except (openai.OpenAIError, ValueError, OSError) as error:
        sentence = say("Asking %(name)s failed: %(why)s", name=endpoint.name, why=words(error, endpoint))
        raise Failure(sentence, again=True, maybe_billed=True) from None
    return understand(endpoint, body, latency_s=time.monotonic() - started)


def understand(endpoint, body, *, latency_s):
    """A response body as a `Reply`; `Failure` where it is not what the API promises."""
    try:
        data = json.loads(body)
        choice = data["choices"][0]
        text = choice["message"].get("content") or ""
        usage = data.get("usage") or {}
        reply = Reply(
            body=body,
            text=text.replace("\x00", ""),
            finish_reason=str(choice.get("finish_reason") or "")[:40],
            served_model=str(data.get("model") or "")[:120],
            tokens_in=_count(usage.get("prompt_tokens")),
            tokens_out=_count(usage.get("completion_tokens")),
            latency_s=latency_s,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        shown = "".join(c if c.isprintable() else "?" for c in body[:80])
        sentence = say("%(name)s sent something that is no reply: %(start)s", name=endpoint.name, start=shown or "–")
        raise Failure(sentence, again=True, maybe_billed=True) from None
    return reply


def _count(value):
    return value if type(value) is int and 0 <= value < 2**31 else None


def _refusal(endpoint, error):
    status, message = error.status_code, words(error, endpoint)
    if status == 429 and getattr(error, "code", "") != "insufficient_quota":
        sentence = say("%(name)s asks for fewer requests (429).", name=endpoint.name)
        return Failure(sentence, again=True, retry_after_s=_retry_after(error.response.headers))
    sentence = say("%(name)s answers %(status)s: %(why)s", name=endpoint.name, status=status, why=message)
    again = status >= 500 or status in (408, 409, 425)
    return Failure(sentence, again=again, retry_after_s=_retry_after(error.response.headers) if again else None)


def _retry_after(headers):
    """Seconds out of Retry-After (a number or a date), or None."""
    from email.utils import parsedate_to_datetime

    from django.utils import timezone

    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def words(error, endpoint):
    """The first line of an error, short, and without the key, which some servers repeat."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0][:300]
    key = endpoint.key()
    return text.replace(key, "…") if endpoint.needs_key and key else text
