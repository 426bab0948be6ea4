"""serve_physvlm with the real `openai` client: pictures, videos, streams, many at once, bad input, token, an orderly end."""

import contextlib
import http.client
import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
import torch

from modelzoo.physvlm import asking, build, evaluate
from modelzoo.physvlm.data.sources import read
from modelzoo.physvlm.heat import patch_weights
from modelzoo.physvlm.processor import PhysVLMProcessor
from modelzoo.physvlm.prompts import vcg_prompt
from modelzoo.physvlm.serving.past import Past
from modelzoo.physvlm.serving.words import Writer
from tests.conftest import wait_until
from tests.modelzoo.physvlm.serving import TOKEN, Serving, data_url, frames, picture_parts, user, video_part
from tests.modelzoo.physvlm.sets import make_videos


@pytest.fixture(scope="module")
def client(server):
    return server.client()


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = make_videos(tmp_path_factory.mktemp("videos") / "set", clips=1)
    return next(folder.rglob("*.mp4"))


def ask(client, messages, *, extra_body=None, **how):
    """Greedy words; a model that learned for four steps would often end at once, so it may not."""
    body = {"ignore_eos": True, **(extra_body or {})}
    settings = {"model": "", "messages": messages, "temperature": 0, "max_tokens": 12, **how}
    return client.chat.completions.create(**settings, extra_body=body)


def written(model, pictures, text, tokens=12):
    """What the model's own `generate` writes about these frames."""
    bundle = build.load(model)
    processor = PhysVLMProcessor(bundle.tokenizer, bundle.scorer_tokenizer, bundle.config)
    inputs = processor([pictures], [vcg_prompt(text)])
    made = bundle.model.eval().generate(**inputs, max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0)
    return bundle.tokenizer.decode(made[0], skip_special_tokens=True)


def test_it_writes_what_the_model_writes_streamed_or_not(server, client, model):
    shown, text = frames(), "What happens to the square?"
    messages = user(text, *picture_parts(shown))
    reply = ask(client, messages)
    expected = written(model, list(shown), text)
    assert expected and reply.choices[0].message.content == expected
    assert reply.model == server.model and reply.object == "chat.completion"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    pieces = list(ask(client, messages, stream=True, stream_options={"include_usage": True}))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == expected
    assert len(pieces) > 4 and pieces[0].choices[0].delta.role == "assistant"
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == reply.choices[0].finish_reason
    assert pieces[-1].usage == reply.usage
    stop = expected[3:6]
    cut = ask(client, messages, stop=stop)
    assert cut.choices[0].message.content == expected[: expected.index(stop)] and cut.choices[0].finish_reason == "stop"
    assert ask(client, messages, max_tokens=2).choices[0].finish_reason == "length"
    sampled = [ask(client, messages, temperature=1.5, seed=seed).choices[0].message.content for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]


def test_a_video_is_seen_as_evaluation_sees_it(client, model, video):
    messages = user("What happens?", video_part(video.read_bytes()))
    reply = ask(client, messages, extra_body={"physvlm": {"heat": True}})
    from modelzoo.physvlm.data.cache import decode
    from modelzoo.physvlm.frames import eval_frame_indices

    pictures, numbers = decode(str(video), "video", size=48, choose=lambda total: [eval_frame_indices(total, 8)])
    more = reply.model_extra["physvlm"]
    assert more["frames"]["numbers"] == numbers[0]
    assert more["frames"]["seconds"] == [pytest.approx(number / 10) for number in numbers[0]]
    heat = torch.tensor(more["heat"]["weights"])
    assert heat.shape == (8, 12, 12)
    windows = heat.unflatten(0, (4, 2)).unflatten(2, (3, 4)).unflatten(4, (3, 4))
    assert torch.allclose(windows.mean((1, 3, 5)), torch.ones(4, 3, 3), atol=1e-3)  # each window's weights are 1 on average
    data = video.read_bytes()
    as_file = {"type": "input_video", "input_video": {"data": data_url(data).split(",")[1], "format": "mp4"}}
    assert ask(client, user("What happens?", as_file)).choices[0].message == reply.choices[0].message
    streamed = list(ask(client, messages, stream=True, extra_body={"physvlm": {"heat": True}}))
    found = {key: value for piece in streamed for key, value in (piece.model_extra.get("physvlm") or {}).items()}
    assert found == more


def test_letters_are_those_of_the_direct_way(client, model, data, tmp_path):
    found = read([data])
    evaluator = evaluate.prepare(model, found, cache=tmp_path)
    for question in found.questions[:3]:
        shown = evaluator.frames_of(evaluator.place_of[question.clip_id]).transpose(0, 2, 3, 1)
        messages = user(question.block, *picture_parts(shown))
        messages.append({"role": "assistant", "content": "("})
        body = {"continue_final_message": True, "physvlm": {"letters": True}}
        reply = ask(client, messages, extra_body=body, logprobs=True, top_logprobs=4)
        letters = reply.model_extra["physvlm"]["letters"]
        ((probabilities, mass),) = asking.letters(evaluator, [question])
        assert letters["probabilities"] == pytest.approx(probabilities, abs=1e-5)
        assert letters["mass"] == pytest.approx(mass, rel=1e-3)
        entry = reply.choices[0].logprobs.content[0]
        assert reply.choices[0].message.content == entry.token == "ABCD"[probabilities.index(max(probabilities))]
        assert [one.token for one in entry.top_logprobs] == sorted("ABCD", key=lambda x: -probabilities["ABCD".index(x)])


def test_log_probabilities_of_written_tokens(client):
    messages = user("What happens?", *picture_parts(frames()))
    reply = ask(client, messages, logprobs=True, top_logprobs=5, max_tokens=4)
    content = reply.choices[0].logprobs.content
    assert "".join(one.token for one in content) == reply.choices[0].message.content
    for one in content:
        assert len(one.top_logprobs) == 5 and one.logprob == one.top_logprobs[0].logprob < 0  # greedy takes the first
        assert one.bytes == list(one.token.encode())


def test_a_conversation_without_pictures_and_with_earlier_turns(client):
    assert ask(client, [{"role": "user", "content": "Hello?"}]).usage.prompt_tokens < 30
    turns = [
        {"role": "system", "content": "Be short."},
        *user("Which colour?", *picture_parts(frames())),
        {"role": "assistant", "content": "It is red."},
        {"role": "user", "content": "And then?"},
    ]
    reply = ask(client, turns)
    alone = ask(client, user("And then?", *picture_parts(frames())))
    assert reply.usage.prompt_tokens > alone.usage.prompt_tokens


def test_32_at_once_get_what_each_gets_alone(server, client, video):
    kinds = [
        user("What happens?", *picture_parts(frames(seed=1))),
        user("Which colour is the square?", *picture_parts(frames(4, colour="blue", deed="falls", seed=2))),
        user("And what does it do then, when nobody looks?", video_part(video.read_bytes())),
        [{"role": "user", "content": "Say something."}],
    ]
    alone = [ask(client, kind, max_tokens=8 + 6 * number).choices[0].message.content for number, kind in enumerate(kinds)]

    def one(number):
        kind, stream = number % 4, number % 3 == 0
        reply = ask(client, kinds[kind], max_tokens=8 + 6 * kind, stream=stream)
        if stream:
            return "".join(piece.choices[0].delta.content or "" for piece in reply)
        return reply.choices[0].message.content

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(one, range(32)))
    assert found == [alone[number % 4] for number in range(32)]


BAD = {
    "no messages": ({"messages": []}, 400, "messages"),
    "a role": ({"messages": [{"role": "robot", "content": "x"}]}, 400, "role"),
    "a remote picture": (
        {"messages": user("x", {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}})},
        400,
        "fetches nothing",
    ),
    "a file": (
        {"messages": user("x", {"type": "video_url", "video_url": {"url": "file:///etc/passwd"}})},
        400,
        "fetches nothing",
    ),
    "not base64": (
        {"messages": user("x", {"type": "image_url", "image_url": {"url": "data:image/png;base64,@@"}})},
        400,
        "base64",
    ),
    "no picture": (
        {"messages": user("x", {"type": "image_url", "image_url": {"url": data_url(b"nothing")}})},
        400,
        "JPEG, PNG",
    ),
    "a playlist": ({"messages": user("x", video_part(b"#EXTM3U\nhttp://127.0.0.1:1/a.ts\n"))}, 400, "playlist"),
    "half a video": ({"messages": user("x", video_part(b"\0\0\0\x18ftypmp42" + b"\0" * 64))}, 400, "cannot be shown"),
    "two videos": ({"messages": user("x", video_part(b"a"), video_part(b"b"))}, 400, "one video"),
    "an unknown model": ({"messages": user("x"), "model": "gpt-4o"}, 404, "gpt-4o"),
    "a hot temperature": ({"messages": user("x"), "temperature": 3}, 400, "temperature"),
    "tools": ({"messages": user("x"), "tools": [{"type": "function"}]}, 400, "tools"),
    "two answers": ({"messages": user("x"), "n": 2}, 400, "n must be 1"),
    "much text": ({"messages": user("word " * 3000)}, 400, "tokens"),
    "many tokens": ({"messages": user("x"), "max_tokens": 100_000}, 400, "tokens"),
    "other weights": ({"messages": user("x"), "physvlm": {"weights": "0" * 64}}, 412, "other weights"),
    "an unknown extension": ({"messages": user("x"), "physvlm": {"lettres": True}}, 400, "lettres"),
    "heat without a clip": ({"messages": user("x"), "physvlm": {"heat": True}}, 400, "heat map"),
    "letters it does not keep": ({"messages": user("x"), "physvlm": {"letters": ["A"]}}, 400, "letters"),
    "no object": ([1], 400, "JSON object"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_an_error_in_one_shape(client, name):
    body, status, word = BAD[name]
    with pytest.raises(openai.APIStatusError) as refusal:
        client.post("/chat/completions", body=body, cast_to=object)
    assert refusal.value.status_code == status and word in str(refusal.value)
    error = refusal.value.response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"


def raw(server, method, path, body=None, **headers):
    """(status, JSON, headers) without a client library; a header of None is left out."""
    connection = http.client.HTTPConnection(server.base_url.split("/")[2], timeout=30)
    given = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
    connection.request(method, path, body, {key: value for key, value in given.items() if value is not None})
    response = connection.getresponse()
    found = response.status, json.loads(response.read()), dict(response.getheaders())
    connection.close()
    return found


def test_what_is_no_request_is_refused_too(server):
    path = "/v1/chat/completions"
    assert raw(server, "POST", path, b"{")[0] == 400
    assert raw(server, "POST", path, b"[" * 100_000)[0] == 400
    assert raw(server, "POST", path, b"\xff\xfe")[0] == 400
    assert raw(server, "POST", path, b"{}", **{"Content-Type": "text/plain"})[0] == 415
    assert raw(server, "GET", path)[0] == 405
    assert raw(server, "GET", "/v1/nothing")[0] == 404
    status, body, _headers = raw(server, "POST", path, None, **{"Content-Length": str(1 << 40)})
    assert status == 413 and "larger" in body["error"]["message"]


def test_the_token_is_needed_and_never_told(server):
    for header in (None, "Bearer wrong", f"Basic {TOKEN}", "Bearer \u00e9"):
        status, body, headers = raw(server, "GET", "/v1/models", Authorization=header)
        assert status == 401 and body["error"]["code"] == "invalid_api_key" and headers["WWW-Authenticate"] == "Bearer"
    assert raw(server, "GET", "/health", Authorization=None)[1]["status"] == "ok"
    with pytest.raises(openai.AuthenticationError):
        server.client(api_key="wrong").models.list()
    assert not any(TOKEN in line for line in server.said)


def test_it_tells_what_it_serves(server, model):
    from modelzoo.physvlm.files import weights_hash

    one = server.client().models.retrieve(server.model)
    assert one.model_extra["physvlm"] == {
        "weights": weights_hash(model), "frames": 8, "frame_size": 48, "context": 1024, "heat": True,
    }  # fmt: skip


def test_a_full_queue_says_when_to_come_again_and_an_end_is_orderly(model):
    """One place only: while a long answer is streamed, another is told 429; after SIGTERM the first is finished."""
    with Serving(model, "--queue", "1", "--batch", "1", token="") as small:
        client = small.client()
        stream = ask(client, user("What happens?"), stream=True, max_tokens=600)
        first = next(iter(stream))
        assert first.choices[0].delta.role == "assistant"
        with pytest.raises(openai.RateLimitError) as refusal:
            ask(client, user("And now?"))
        assert int(refusal.value.response.headers["retry-after"]) >= 1
        small.process.send_signal(signal.SIGTERM)
        pieces = list(stream)
        assert pieces[-1].choices[0].finish_reason == "length"
        assert small.process.wait(30) == 0 and "Ended." in small.process.stdout.read()


def test_who_goes_away_is_not_waited_for(model):
    """Six ask for long answers, one at a time, and hang up: nobody finishes the last ones for them."""
    with Serving(model, "--batch", "1", token="") as small:
        body = json.dumps({"messages": user("What happens?"), "max_tokens": 900, "ignore_eos": True}).encode()
        host, _colon, port = small.base_url.split("/")[2].partition(":")
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

        def health():
            return raw(small, "GET", "/health")[1]

        with contextlib.ExitStack() as calls:
            for _number in range(6):
                gone = calls.enter_context(socket.create_connection((host, int(port))))
                gone.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wait_until(lambda: (found := health())["active"] + found["answered"] == 6)
        wait_until(lambda: health()["active"] == 0)
        assert health()["answered"] < 6


# ---- Its parts


def test_writing_holds_back_half_characters_and_what_may_be_a_stop():
    pieces = {1: b"a", 2: "\u00e9".encode()[:1], 3: "\u00e9".encode()[1:], 4: b" EN", 5: b"D of", 6: b" EX"}
    decode = lambda ids: b"".join(pieces[one] for one in ids).decode("utf-8", "replace")  # noqa: E731
    plain = Writer(decode)
    assert [plain.add(token) for token in (1, 2, 3, 4)] == ["a", "", "\u00e9", " EN"]
    stopped = Writer(decode, ["END"])
    assert [stopped.add(token) for token in (1, 6, 4, 5)] == ["", "a ", "EX ", ""] and stopped.stopped
    unstopped = Writer(decode, ["END"])
    assert "".join([unstopped.add(1), unstopped.add(4), unstopped.rest()]) == "a EN"


def test_rows_join_and_leave_a_past():
    def past(rows, width, start):
        keys = torch.arange(start, start + rows * width, dtype=torch.float32).reshape(rows, 1, width, 1)
        mask = torch.ones(rows, width, dtype=torch.long)
        mask[0, 0] = 0
        return Past([(keys, -keys)], mask, torch.full((rows, 1), width))

    both = past(2, 3, 0).join(past(1, 5, 100))
    assert both.layers[0][0][:, 0, :, 0].tolist() == [[0, 0, 0, 1, 2], [0, 0, 3, 4, 5], [100, 101, 102, 103, 104]]
    assert both.mask.tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 1, 1, 1, 1]]
    left = both.rows([0, 1])
    assert left.layers[0][1][:, 0, :, 0].tolist() == [[0, -1, -2], [-3, -4, -5]] and left.following.tolist() == [[3], [3]]


def test_patch_weights_by_hand():
    """Windows of one frame, two rows and one column: softmax of two numbers, times two."""
    weights = torch.tensor([[[[0.0, 1.0], [torch.log(torch.tensor(3.0)), 1.0]], [[5.0, 5.0], [5.0, 5.0]]]])
    found = patch_weights(weights, (1, 2, 1), temperature=1.0)
    assert torch.allclose(found[0, 0], torch.tensor([[0.5, 1.0], [1.5, 1.0]])) and torch.allclose(
        found[0, 1], torch.ones(2, 2)
    )
    dropped = patch_weights(torch.rand(1, 3, 2, 2), (2, 2, 2), temperature=1.0)
    assert torch.isnan(dropped[0, 2]).all() and dropped[0, :2].sum() == pytest.approx(8)
