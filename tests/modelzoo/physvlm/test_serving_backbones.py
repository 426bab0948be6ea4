"""Other backbones through the engine of serve_physvlm: rows of different lengths at once write what each writes alone."""

import queue
import time

import numpy as np
import pytest
import torch

from modelzoo.physvlm import build
from modelzoo.physvlm.serving.engine import Engine
from modelzoo.physvlm.serving.limits import Limits, Refused
from modelzoo.physvlm.serving.pictures import Seen
from modelzoo.physvlm.serving.wanted import Wanted
from tests.modelzoo.physvlm.test_backbone_runs import data, source  # noqa: F401 -- fixtures

TOKENS = 6


def test_it_writes_what_the_backbone_writes(source):  # noqa: F811
    bundle = build.load(source)
    bundle.model.eval()
    engine = Engine(bundle, Limits(), device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), dtype=np.uint8)
    events = queue.Queue()

    def row(place, text, seen):
        wanted = Wanted(
            [(text, "")], "", [], "", new_tokens=TOKENS, temperature=0.0, ignore_eos=True, logprobs=True
        )  # fmt: skip
        return engine.row(wanted, seen, deadline=time.monotonic() + 60, tell=lambda event: events.put((place, event)))

    seen = Seen(pixels)
    rows = [row(0, "What happens?", seen), row(1, "What happens to the square in the end?", seen), row(2, "Hello.", None)]
    for one in rows:
        engine.submit(one)
    engine.start()
    written, ended = {0: [], 1: [], 2: []}, 0
    while ended < 3:
        place, (kind, *rest) = events.get(timeout=60)
        assert kind in ("token", "end"), rest
        if kind == "end":
            ended += 1
        else:
            written[place].append(rest[1][0][0])
    engine.stop()
    for place, one in enumerate(rows):
        sight = {} if one.seen is None else {"pixels": torch.from_numpy(pixels)[None]}
        alone = bundle.model.generate(torch.tensor([one.ids]), max_new_tokens=TOKENS, **sight)
        assert written[place] == alone[0].tolist(), place
    with pytest.raises(Refused, match="does not pool by the question"):
        engine.row(Wanted([("x", "")], "", [], "", heat=True), seen, deadline=0, tell=None)
