"""A chat completion's JSON, checked field by field.

Beyond OpenAI's fields there are two of vLLM's: `continue_final_message` lets the answer go on where a last assistant message
ends, and with `ignore_eos` only `max_tokens` and `stop` end it. `physvlm` is an object with

    letters    true, or a list of letters: no text is written; the reply holds their probabilities after the first pass
    heat       true: the reply holds the weights with which each patch of each frame was pooled
    raw        true: the one text is the whole prompt, with <image> where the clip is seen
    guide      the text that guides the pooling, where it is not the questions
    weights    the weights that must answer, as /v1/models tells; others refuse with 412
"""

import re
from dataclasses import dataclass

from modelzoo.physvlm.prompts import IMAGE, TAGS
from modelzoo.physvlm.serving.limits import Refused

# What would change the answer, and is not done: better refused than ignored.
_NOT_DONE = ("tools", "functions", "tool_choice", "function_call", "audio", "modalities", "prediction", "logit_bias")
_OWN = ("letters", "heat", "raw", "guide", "weights")
_LETTERS = tuple("ABCD")
_LETTER = re.compile(r"[A-Z]")


@dataclass(frozen=True)
class Wanted:
    """`turns` [(question, answer), ...]; the last answer is what the reply goes on from. `media` [(kind, data URL)]."""

    turns: list
    instruction: str
    media: list
    model: str
    stream: bool = False
    with_usage: bool = False
    new_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple = ()
    logprobs: bool = False
    top_logprobs: int = 0
    ignore_eos: bool = False
    letters: tuple = ()
    heat: bool = False
    raw: bool = False
    guide: str | None = None
    weights: str | None = None


def read(body, limits):
    """The `Wanted` of parsed JSON; `Refused` names the field that is wrong."""
    if not isinstance(body, dict):
        raise Refused("The body must be a JSON object.")
    for name in _NOT_DONE:
        if body.get(name) not in (None, [], {}, "none"):
            raise Refused(f"{name} is not supported; leave it out.", param=name, code="unsupported_parameter")
    for name in ("frequency_penalty", "presence_penalty"):
        if body.get(name) not in (None, 0):
            raise Refused(f"{name} is not supported; leave it out.", param=name, code="unsupported_parameter")
    if body.get("n") not in (None, 1):
        raise Refused("n must be 1: one request has one answer.", param="n", code="unsupported_parameter")
    shape = body.get("response_format")
    if shape is not None and (not isinstance(shape, dict) or shape.get("type") != "text"):
        raise Refused("response_format can only be text.", param="response_format", code="unsupported_parameter")
    own = _own(body.get("physvlm"))
    most = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    wanted_logprobs = _switch(body, "logprobs")
    top = _whole(body, "top_logprobs", 0, 20) or 0
    if top and not wanted_logprobs:
        raise Refused("top_logprobs needs logprobs: true.", param="top_logprobs")
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise Refused("stream_options must be an object.", param="stream_options")
    turns, instruction, media = _conversation(body, own, limits)
    return Wanted(
        turns,
        instruction,
        media,
        _text(body, "model", 200) or "",
        stream=_switch(body, "stream"),
        with_usage=_switch(options or {}, "include_usage", "stream_options.include_usage"),
        new_tokens=_whole(body, most, 1, 1 << 20),
        temperature=_number(body, "temperature", 0, 2, 1.0),
        top_p=_number(body, "top_p", 0, 1, 1.0),
        seed=_whole(body, "seed", -(1 << 63), (1 << 63) - 1),
        stop=_stops(body.get("stop")),
        logprobs=wanted_logprobs,
        top_logprobs=top,
        ignore_eos=_switch(body, "ignore_eos"),
        **own,
    )


def _own(given):
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Refused("physvlm must be an object.", param="physvlm")
    if unknown := sorted(str(name) for name in given if name not in _OWN):
        raise Refused(f"physvlm has no {unknown[0][:40]}; it has {', '.join(_OWN)}.", param="physvlm")
    letters = given.get("letters")
    if letters in (None, False):
        letters = ()
    elif letters is True:
        letters = _LETTERS
    elif (
        not isinstance(letters, list)
        or not 2 <= len(letters) <= 26
        or not all(isinstance(one, str) and _LETTER.fullmatch(one) for one in letters)
        or len(set(letters)) < len(letters)
    ):
        raise Refused("letters must be true, or 2 to 26 different capital letters.", param="physvlm.letters")
    return {
        "letters": tuple(letters),
        "heat": _switch(given, "heat", "physvlm.heat"),
        "raw": _switch(given, "raw", "physvlm.raw"),
        "guide": _text(given, "guide", 20_000, "physvlm.guide"),
        "weights": _text(given, "weights", 64, "physvlm.weights"),
    }


def _conversation(body, own, limits):
    """(turns, instruction, media) of the messages."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages must be a list with at least one message.", param="messages")
    if len(messages) > limits.messages:
        raise Refused(f"There are {len(messages)} messages; at most {limits.messages} are taken.", param="messages")
    media, said = [], []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if not isinstance(message, dict) or message.get("role") not in ("system", "developer", "user", "assistant"):
            raise Refused("A message has the role system, developer, user or assistant.", param=f"{where}.role")
        role = "system" if message["role"] == "developer" else message["role"]
        if message.get("tool_calls"):
            raise Refused("Calls of tools are not supported.", param=f"{where}.tool_calls")
        text = _content(message.get("content"), role, where, media)
        said.append((role, text if own.get("raw") else TAGS.sub("", text)))
    if sum(len(text) for _role, text in said) > limits.text_chars:
        raise Refused(
            f"The text has more than {limits.text_chars} characters.", param="messages", code="context_length_exceeded"
        )
    _check_media(media, limits)
    going_on = _switch(body, "continue_final_message")
    if own.get("raw"):
        if len(said) != 1 or said[0][0] != "user" or said[0][1].count(IMAGE) != bool(media):
            raise Refused(
                f"A raw prompt is one user message; with a clip it holds {IMAGE} once, without one it does not.",
                param="messages",
            )
        return [(said[0][1], "")], "", media
    instruction = ""
    while said and said[0][0] == "system":
        instruction = "\n".join(filter(None, [instruction, said.pop(0)[1]]))
    return _turns(said, going_on), instruction, media


def _turns(said, going_on):
    turns = []
    for place, (role, text) in enumerate(said):
        expected = "user" if place % 2 == 0 else "assistant"
        if role != expected:
            raise Refused(
                "Behind the system's, messages come from user and assistant in turn, the user first.", param="messages"
            )
        if role == "user":
            turns.append((text, ""))
        else:
            turns[-1] = (turns[-1][0], text)
    if not turns:
        raise Refused("There is no user message.", param="messages")
    if (said[-1][0] == "assistant") != going_on:
        raise Refused(
            "The last message must be the user's; with continue_final_message it is the assistant's, which is gone on with.",
            param="messages",
        )
    return turns


def _content(content, role, where, media):
    """The text of a message; pictures and videos in it go to `media`."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise Refused("content must be a text or a list of parts.", param=f"{where}.content")
    texts = []
    for number, part in enumerate(content):
        at = f"{where}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            if not isinstance(part.get("text"), str):
                raise Refused("A text part needs a text.", param=at)
            texts.append(part["text"])
        elif kind in ("image_url", "video_url", "input_video") and role == "user":
            media.append(("image" if kind == "image_url" else "video", _url(part, kind, at), at))
        else:
            raise Refused(
                "A part is a text; the user's may also be image_url, video_url or input_video.", param=f"{at}.type"
            )
    return "\n".join(texts)


def _url(part, kind, at):
    given = part.get(kind)
    if kind == "input_video" and isinstance(given, dict) and isinstance(given.get("data"), str):
        return "data:video/mp4;base64," + given["data"]
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str):
        raise Refused(f"{kind} needs a url.", param=at)
    if not url[:5].lower() == "data:":
        raise Refused(
            "This server fetches nothing: give pictures and videos as data: URLs.", param=at, code="remote_url_refused"
        )
    return url


def _check_media(media, limits):
    videos = sum(kind == "video" for kind, _url, _at in media)
    if videos > 1 or videos and len(media) > videos:
        raise Refused("A conversation is about one video, or about pictures that are its frames in order.", param="messages")
    if len(media) > limits.pictures:
        raise Refused(f"There are {len(media)} pictures; at most {limits.pictures} are taken.", param="messages")


def _switch(body, name, where=None):
    value = body.get(name)
    if value not in (None, True, False) or isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Refused(f"{where or name} must be true or false.", param=where or name)
    return bool(value)


def _whole(body, name, low, high):
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise Refused(f"{name} must be a whole number from {low} to {high}.", param=name)
    return value


def _number(body, name, low, high, default):
    value = body.get(name)
    if value is None:
        return default
    if type(value) not in (int, float) or not low <= value <= high:  # NaN is not within
        raise Refused(f"{name} must be a number from {low} to {high}.", param=name)
    return float(value)


def _text(body, name, longest, where=None):
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(f"{where or name} must be a text of at most {longest} characters.", param=where or name)
    return value


def _stops(value):
    stops = [value] if isinstance(value, str) else value or []
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(s, str) and 0 < len(s) <= 200 for s in stops):
        raise Refused("stop must be a text, or a list of up to four.", param="stop")
    return tuple(stops)
