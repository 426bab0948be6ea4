"""What do company and HTTP cost in serve_physvlm? `python -m tests.benchmarks serving [--requests N] [--rounds N]`

A tiny model behind a server of its own with one thread, asked by the real `openai` client:

    words      N open questions, TOKENS tokens each: all at once against one after another
    letters    N multiple-choice questions: the same
    direct     the same letters and words in this process, by the functions that evaluations use: what the server adds

Processor time of the server counts, which other programs do not change; elapsed time is printed beside it. Clips are sent as
PNG each time, and the server has seen them before, as in an evaluation of several questions a clip. Ways take turns.

Aims: one after another words cost the server at least 2.5 times what they do at once; letters at once no more than one after
another; and a request of letters at most ADDED ms of processor time more than the direct way.
"""

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOKENS, CLIPS = 48, 8
AIM_WORDS, AIM_LETTERS, ADDED = 2.5, 1.0, 10.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")  # no database is asked for anything

    import django
    import torch

    django.setup()

    from tests.modelzoo.physvlm import runs
    from tests.modelzoo.physvlm.serving import Serving
    from tests.modelzoo.physvlm.sets import make_arrays

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = make_arrays(folder / "squares", clips=CLIPS)
        runs.train(folder / "run", data=(data,), overrides=("max_steps=2",))
        model = folder / "run" / "model"
        with Serving(model, "--queue", str(2 * options.requests)) as server:
            missed = measure(server, model, data, folder, options)
    if missed:
        print(f"MISSED: {', '.join(missed)}")
    return int(bool(missed))


def asked_of(data, evaluator, count):
    """[(question, parts of its clip's pictures)] of `count` requests, clips in turn."""
    from dataclasses import replace

    from tests.modelzoo.physvlm.serving import picture_parts

    parts = {}
    for one in data.questions:
        parts[one.clip_id] = picture_parts(evaluator.frames_of(evaluator.place_of[one.clip_id]).transpose(0, 2, 3, 1))
    found = [data.questions[number % len(data.questions)] for number in range(count)]
    found = [replace(one, stem=f"{one.stem} Look at part {number}.") for number, one in enumerate(found)]
    return [(one, parts[one.clip_id]) for one in found]


def measure(server, model, folder_of_data, folder, options):
    """What missed its aim."""
    import psutil

    from modelzoo.physvlm import asking, evaluate
    from modelzoo.physvlm.data.sources import read
    from tests.modelzoo.physvlm.serving import user

    data = read([folder_of_data])
    evaluator = evaluate.prepare(model, data, cache=folder / "cache")
    requests = asked_of(data, evaluator, options.requests)
    client, served = server.client(), psutil.Process(server.process.pid)
    settings = {"model": server.model, "temperature": 0}

    def words(one, parts):
        made = client.chat.completions.create(
            messages=user(one.stem, *parts), max_tokens=TOKENS, extra_body={"ignore_eos": True}, **settings
        )
        return made.choices[0].message.content

    def letters(one, parts):
        more = {"continue_final_message": True, "physvlm": {"letters": True, "guide": one.block}}
        messages = [*user(one.block, *parts), {"role": "assistant", "content": "("}]
        made = client.chat.completions.create(messages=messages, max_tokens=1, extra_body=more, **settings)
        found = made.model_extra["physvlm"]["letters"]["probabilities"]
        return "ABCD"[found.index(max(found))]

    def at_once(ask):
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(lambda request: ask(*request), requests))

    def in_turn(ask):
        return [ask(*request) for request in requests]

    def direct_letters():
        with evaluator.sharing():  # the server keeps the clips' features, too
            lines = [asking.letters(evaluator, [one])[0][0] for one, _parts in requests]
        return ["ABCD"[line.index(max(line))] for line in lines]

    def cost(way, *how):
        used, begun = sum(served.cpu_times()[:2]), time.perf_counter()
        result = way(*how)
        return result, sum(served.cpu_times()[:2]) - used, time.perf_counter() - begun

    table, replies = {}, {}
    for number in range(options.rounds + 1):
        for ask in (words, letters):
            for way in (at_once, in_turn):
                result, seconds, elapsed = cost(way, ask)
                replies[ask, way] = result
                if number:  # the first round warms up
                    table.setdefault((ask, way), []).append((seconds, elapsed))
        begun, elapsed = time.process_time(), time.perf_counter()
        alone = direct_letters()
        if number:
            spent = time.process_time() - begun
            table.setdefault("direct", []).append((spent, time.perf_counter() - elapsed))
    middle = {key: [statistics.median(column) for column in zip(*rows, strict=True)] for key, rows in table.items()}
    each, missed = 1000 / len(requests), []
    print(f"{len(requests)} requests, {CLIPS} clips of {evaluator.frames.wanted} frames; median of {options.rounds} rounds")
    for ask, aim in ((words, AIM_WORDS), (letters, AIM_LETTERS)):
        once, turn = middle[ask, at_once], middle[ask, in_turn]
        equal = sum(a == b for a, b in zip(replies[ask, at_once], replies[ask, in_turn], strict=True))
        ratio = turn[0] / once[0]
        print(
            f"  {ask.__name__:<8} at once {once[0] * each:6.1f} ms of the server a request ({once[1] * each:6.1f} elapsed), "
            f"one after another {turn[0] * each:6.1f} ({turn[1] * each:6.1f}): {ratio:.2f} times; "
            f"the same answer in {equal} of {len(requests)}"
        )
        if ratio < aim:
            missed.append(f"{ask.__name__}: {ratio:.2f} times (aim {aim:g})")
        if equal < len(requests):
            missed.append(f"{ask.__name__}: answers differ")
    direct, turn = middle["direct"], middle[letters, in_turn]
    added = (turn[0] - direct[0]) * each
    print(f"  direct   {direct[0] * each:6.1f} ms a question: HTTP, PNG and queue add {added:.1f} ms of the server's time")
    if added > ADDED:
        missed.append(f"the server adds {added:.1f} ms (aim {ADDED:g})")
    if alone != replies[letters, in_turn]:
        missed.append("letters differ from the direct way's")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
