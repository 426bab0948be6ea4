"""Multiple choice and pairs by likelihood: one forward pass a question, with controls and intervals.

    options    the option whose text, as answer to the stem alone, has the highest log-probability
    letters    the most probable of A, B, C, D behind "(", where stem and options were shown
    pairs      whether the chosen answer of a pair is more probable than the rejected one

Controls change what the model sees, not what it is asked: `blind` frames are grey, `one_frame` repeats the middle frame,
`shuffled_frames` deals the frames of a clip in random order.
"""

import math
import os
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from modelzoo.physvlm import build
from modelzoo.physvlm.controls import CONTROLS, controlled, dealer, numbers_shown
from modelzoo.physvlm.data.cache import Frames
from modelzoo.physvlm.data.freeze import sha256_of
from modelzoo.physvlm.data.order import deal
from modelzoo.physvlm.data.rows import collate
from modelzoo.physvlm.data.sources import BadData
from modelzoo.physvlm.scoring import branch_logps, label_logits
from modelzoo.physvlm.tokens import Tokens

CLIPS_AT_ONCE = 64  # whose features are kept while everything about them is asked
TOKENS_AT_ONCE = {"cuda": 60_000, "cpu": 3_000}  # more than fits a processor's cache makes it slower, not faster
_Z95 = 1.959963984540054


def wilson(right, count):
    """(low, high) of the 95% interval of a share, as Wilson (1927) counts it; (0, 1) for no observations."""
    if not count:
        return 0.0, 1.0
    share, z2 = right / count, _Z95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z95 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(rights):
    """{"n", "right", "share", "low", "high"} of a list of truths."""
    low, high = wilson(sum(rights), len(rights))
    return {
        "n": len(rights),
        "right": int(sum(rights)),
        "share": sum(rights) / len(rights) if rights else None,
        "low": low,
        "high": high,
    }


def paired_test(before, after, clips=None):
    """Two-sided exact McNemar test of the same items before and after: {"better", "worse", "p"}.

    `clips` names the clip of each item. Items of one clip are not independent, so a clip counts once, as better or worse
    if more of its items became right than wrong, or fewer. Without it, or with one item a clip, that is McNemar's test.
    """
    gain = defaultdict(int)
    for clip, was, now in zip(range(len(before)) if clips is None else clips, before, after, strict=True):
        gain[clip] += int(now) - int(was)
    better, worse = sum(value > 0 for value in gain.values()), sum(value < 0 for value in gain.values())
    changed, least = better + worse, min(better, worse)
    tail = sum(math.comb(changed, k) for k in range(least + 1)) / 2**changed if changed else 1.0
    return {"better": better, "worse": worse, "p": min(1.0, 2 * tail)}


@dataclass
class Evaluator:
    """A model with the clips of some data. `budget` limits the tokens of one pass."""

    bundle: build.Bundle
    frames: Frames
    place_of: dict
    device: torch.device
    budget: int
    control: str = "none"
    kept: dict | None = None

    @contextmanager
    def sharing(self):
        """All that is asked within shares one encode of each clip. Memory grows with the clips that are asked about."""
        self.kept = {}
        try:
            yield
        finally:
            self.kept = None

    def _features(self, clips):
        """What `encode_frames` makes of these clips as the control shows them, (C, ...)."""
        kept = {} if self.kept is None else self.kept
        missing = [clip for clip in clips if clip not in kept]
        if missing:
            pixels = [self.frames_of(clip) for clip in missing]
            encoded = self.bundle.model.encode_frames(torch.from_numpy(np.stack(pixels)).to(self.device))
            kept.update(zip(missing, encoded, strict=True))
        return torch.stack([kept[clip] for clip in clips])

    @property
    def tokens(self):
        bundle = self.bundle
        return Tokens(
            bundle.tokenizer,
            bundle.scorer_tokenizer,
            bundle.config.image_token_id,
            bundle.config.pool_text,
            bundle.scorer_limit,
            1 << 20,
        )

    def frames_of(self, clip):
        """The frames of a clip, (T, 3, H, W) bytes, as the control shows them."""
        return controlled(self.frames.at(clip), self.control, random=dealer(self.frames.clips[clip][0]))

    def numbers_of(self, clip):
        """Which frames of its file those are, None for none."""
        return numbers_shown(self.frames.numbers(clip), self.control, random=dealer(self.frames.clips[clip][0]))

    def batches(self, rows, progress=lambda done, total: None):
        """(places of the rows, batch, clips) of every pass; rows of a clip share its encode."""
        visual = self.bundle.config.visual_token_count(self.frames.wanted)
        lengths = {place: row.text_tokens + visual for place, row in enumerate(rows)}
        clips = {place: row.clip for place, row in enumerate(rows)}
        shape = {
            "visual_tokens": visual,
            "placeholder": self.bundle.config.image_token_id,
            "pad_id": self.bundle.config.pad_token_id,
        }
        done = 0
        for places in deal(list(lengths), lengths, clips, world=1, budget=self.budget)[0] if rows else []:
            batch = collate([rows[place] for place in places], **shape)
            yield places, batch.to(self.device), {"features": self._features(batch.clips)}
            done += len(places)
            progress(done, len(rows))

    @torch.inference_mode()
    def branches(self, rows, progress=lambda done, total: None):
        """Log-probabilities of the branches of every row: a list of lists, in the order of `rows`."""
        result = [None] * len(rows)
        for places, batch, clips in self.batches(rows, progress):
            logps = branch_logps(self.bundle.model, batch, clips).tolist()
            for place in places:
                count = len(rows[place].branches)
                result[place], logps = logps[:count], logps[count:]
        return result

    def options(self, questions, progress=lambda done, total: None):
        """[log-probabilities of the four options] of every question."""
        rows = [
            self.tokens.answers(self.place_of[q.clip_id], q.stem, q.options, name=f"question {q.question_id}")
            for q in questions
        ]
        return self.branches(rows, progress)

    @torch.inference_mode()
    def letters(self, questions, progress=lambda done, total: None):
        """[logits of A, B, C, D] of every question."""
        built = [self.tokens.letters(self.place_of[q.clip_id], q, name=f"question {q.question_id}") for q in questions]
        rows = [row for row, _letters in built]
        result = [None] * len(rows)
        for places, batch, clips in self.batches(rows, progress):
            logits = label_logits(self.bundle.model, batch, clips).float()
            for place, line in zip(places, logits, strict=True):
                result[place] = line[torch.tensor(built[place][1], device=line.device)].tolist()
        return result

    def pairs(self, pairs, progress=lambda done, total: None):
        """[(chosen, rejected) log-probability] of every pair."""
        rows = [
            self.tokens.pair(self.place_of[pair.clip_id], pair, name=f"pair {number} (clip {pair.clip_id})")
            for number, pair in enumerate(pairs, 1)
        ]
        return self.branches(rows, progress)


def device_here():
    """The graphics card of this process, each of several on a machine its own (LOCAL_RANK), or the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())


def load(path, device=None):
    """The `Bundle` of a model, ready to answer."""
    build.hush()
    bundle = build.load(path)
    device = torch.device(device) if device else device_here()
    bundle.model.to(device).eval()
    if device.type == "cuda":
        bundle.model.to(torch.bfloat16)
    return bundle


def prepare(path, data, *, cache, device=None, budget=0, frames=0, bundle=None, progress=lambda done, total: None):
    """An `Evaluator` for the model at `path` on the clips of `data`. `frames` of each, 0: as many as it was trained with.

    `budget`: the tokens of one pass, 0: what suits the device. `bundle` is that model where it was loaded before.
    """
    bundle = bundle or load(path, device)
    device = next(bundle.model.parameters()).device
    clip_ids = list(data.clips)
    files = [(clip_id, media, sha256_of(media.path) if media.row is None else None) for clip_id, media in data.clips.items()]
    films = Frames(
        files,
        folder=Path(cache) / "frames",
        wanted=frames or bundle.config.frames,
        candidates=1,
        size=bundle.frame_size,
        rule="eval",
        seed=0,
    )
    films.prepare(threads=4, progress=progress)
    budget = budget or TOKENS_AT_ONCE.get(device.type, TOKENS_AT_ONCE["cpu"])
    return Evaluator(bundle, films, {clip_id: place for place, clip_id in enumerate(clip_ids)}, device, budget)


def best(numbers):
    """Index of the largest number; None where two are the largest, or one is not a number: that is no answer."""
    if any(math.isnan(number) for number in numbers):
        return None
    largest = max(numbers)
    return numbers.index(largest) if numbers.count(largest) == 1 else None


def judge(questions, scores):
    """[whether the best-scored option is the right one]."""
    return [best(line) == question.answer for question, line in zip(questions, scores, strict=True)]


def by_category(questions, rights):
    """{category: share} with domains behind, in the order of the names."""
    found = defaultdict(list)
    for question, right in zip(questions, rights, strict=True):
        for name in {question.category, question.domain}:  # a clip without a glitch has one name for both
            found[name].append(right)
    return {name: share(values) for name, values in sorted(found.items())}


def evaluate(
    path, data, *, cache, controls=("none",), limit=0, control_limit=0, progress=lambda text, done, total: None, device=None
):
    """The report on one model: a dict of plain values, with every question's scores under "items".

    `controls` contains "none". `limit` takes that many questions and pairs, evenly spread, and
    `control_limit` of these so many for the other controls; 0 takes all.
    """
    if not data.questions and not data.pairs:
        raise BadData("There is nothing to evaluate on: neither PhysGame_*_annotation.json nor PhysDPO*.json was found.")
    begun = time.monotonic()
    questions, pairs = _spread(data.questions, limit), _spread(data.pairs, limit)
    used = {row.clip_id for row in (*questions, *pairs)}
    data.clips = {clip_id: media for clip_id, media in data.clips.items() if clip_id in used}
    evaluator = prepare(path, data, cache=cache, device=device, progress=lambda d, t: progress("frames", d, t))
    report = {"model": str(Path(path).resolve()), "sources": data.sources, "chance": 0.25}
    scores = {control: [None] * len(questions) for control in controls}
    controlled_places = set(_spread(range(len(questions)), control_limit))
    logits, logps = [None] * len(questions), [None] * len(pairs)
    clips = list(data.clips)
    asked, told = _by_clip(questions), _by_clip(pairs)
    for done in range(0, len(clips), CLIPS_AT_ONCE):
        every = [place for clip in clips[done : done + CLIPS_AT_ONCE] for place in asked[clip]]
        for evaluator.control in controls:
            places = [place for place in every if evaluator.control == "none" or place in controlled_places]
            some = [questions[place] for place in places]
            with evaluator.sharing():
                _fill(scores[evaluator.control], places, evaluator.options(some))
                if evaluator.control == "none":
                    _fill(logits, places, evaluator.letters(some))
                    places_of_pairs = [place for clip in clips[done : done + CLIPS_AT_ONCE] for place in told[clip]]
                    _fill(logps, places_of_pairs, evaluator.pairs([pairs[place] for place in places_of_pairs]))
        progress("clips", min(done + CLIPS_AT_ONCE, len(clips)), len(clips))
    report["items"] = [
        {
            "question_id": question.question_id,
            "clip_id": question.clip_id,
            "category": question.category,
            "answer": question.answer,
            "options": line,
            "letters": letter_line,
        }
        for question, line, letter_line in zip(questions, scores["none"], logits, strict=True)
    ]
    for control in controls if questions else ():
        answered = [place for place, line in enumerate(scores[control]) if line is not None]
        rights = judge([questions[place] for place in answered], [scores[control][place] for place in answered])
        report["options" if control == "none" else f"{control}/options"] = share(rights)
        if control == "none":
            report["options_by_category"] = by_category(questions, rights)
            rights = judge(questions, logits)
            report["letters"] = share(rights)
            report["letters_by_category"] = by_category(questions, rights)
    if pairs:
        report["pairs"] = share([chosen > rejected for chosen, rejected in logps])
        report["pair_items"] = [
            {"clip_id": pair.clip_id, "chosen": chosen, "rejected": rejected}
            for pair, (chosen, rejected) in zip(pairs, logps, strict=True)
        ]
    report["seconds"] = round(time.monotonic() - begun, 1)
    return report


def _by_clip(rows):
    places = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.clip_id].append(place)
    return places


def _fill(table, places, values):
    for place, value in zip(places, values, strict=True):
        table[place] = value


def _spread(rows, limit):
    if not limit or limit >= len(rows):
        return rows
    return [rows[place] for place in np.unique(np.linspace(0, len(rows) - 1, limit).astype(int))]


def compare(before, after):
    """The same questions and pairs in two reports: {"options", "letters", "pairs": paired test and both shares}.

    BadData if the reports are not about the same.
    """
    result = {}
    for name, items, right in (
        ("options", "items", lambda item: best(item["options"]) == item["answer"]),
        ("letters", "items", lambda item: best(item["letters"]) == item["answer"]),
        ("pairs", "pair_items", lambda item: item["chosen"] > item["rejected"]),
    ):
        if not before.get(items) and not after.get(items):
            continue
        clips = [item["clip_id"] for item in before.get(items, ())]
        if clips != [item["clip_id"] for item in after.get(items, ())]:
            raise BadData("The two reports are about other questions or pairs; evaluate both on the same data and --limit.")
        rights = [[right(item) for item in report[items]] for report in (before, after)]
        result[name] = {**paired_test(*rights, clips), "before": share(rights[0]), "after": share(rights[1])}
    return result


def percent(result):
    """ "63.1% (60.0 to 66.1, n=960)"."""
    if not result["n"]:
        return "none"
    return f"{100 * result['share']:.1f}% ({100 * result['low']:.1f} to {100 * result['high']:.1f}, n={result['n']})"


def compared_in_words(compared):
    """The paired tests as lines for a person."""
    return "\n".join(
        f"{'change of ' + name:<34} {100 * (found['after']['share'] - found['before']['share']):+.1f} points:"
        f" {found['better']} clips better, {found['worse']} worse, p = {found['p']:.3g}"
        for name, found in compared.items()
    )


def in_words(report):
    """The report as lines for a person."""
    lines = []
    names = {"options": "options by likelihood", "letters": "letters", "pairs": "pairs ranked right"}
    for key, name in names.items():
        if key in report:
            lines.append(f"{name:<34} {percent(report[key])}")
    for control in CONTROLS[1:]:
        if f"{control}/options" in report:
            lines.append(f"{'control: ' + control.replace('_', ' '):<34} {percent(report[f'{control}/options'])}")
    for name, result in report.get("options_by_category", {}).items():
        lines.append(f"  {name:<32} {percent(result)}")
    return "\n".join(lines)
