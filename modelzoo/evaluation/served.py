"""A checkpoint behind serve_physvlm as predictor: asked with the prompts, frames and letters of the direct way (local.py).

The frames are those that the direct way keeps of a clip, sent without loss. Each request names the weights that must
answer, so what the call store has of other weights under the same name is never taken.
"""

import io
import json
from functools import cached_property
from pathlib import Path

from django.conf import settings

from modelzoo.evaluation import opening, protocols, sets, subtitles
from modelzoo.evaluation.hosted import PURPOSE, HostedPredictor
from modelzoo.evaluation.runner import Answer, order_of
from modelzoo.physvlm.data import sources
from studio import jobs
from studio.llm import ask, wire
from studio.llm.request import Picture, Request
from studio.sentences import say

_CONTROLS = {protocols.BLANK: "blind", protocols.MIDDLE: "one_frame", protocols.SHUFFLED: "shuffled_frames"}


class ServedPredictor(HostedPredictor):
    """Predictor (modelzoo/evaluation/runner.py) that asks for the letters' probabilities."""

    def __init__(self, evaluation, *, run):
        super().__init__(evaluation, run=run)
        self.served = about(self.endpoint)
        self.size, self.weights = self.served["frame_size"], self.served["weights"]
        self.control = _CONTROLS.get(self.told["show"], "none")
        data = opening.data_of(evaluation)  # also for grey frames: they have the clip's number of frames
        self.clips = {one.question_id: (one.clip_id, data.clips[one.clip_id]) for one in data.questions}
        arrays = {media.path for _clip_id, media in self.clips.values() if media.row is not None}
        self.held = min((_frames_in(path) for path in arrays), default=None)

    def about(self):
        parts = self.told.get("frames_of_part", {}).values()
        most = max(map(self._fitting, [*parts, self.told["frames"] or self.served["frames"]]))
        count = {"blind": 0, "one_frame": 1}.get(self.control, most)
        rule = "middles of equal stretches"
        rule = {"blind": "grey frames", "shuffled_frames": f"{rule}, shuffled"}.get(self.control, rule)
        rule += protocols.frames_in_words(self.told)
        found = {"count": count, "rule": rule, "width": self.size, "height": self.size, "weights": self.weights}
        return found | ({"subtitles": self.said} if self.said else {})

    def _fitting(self, count):
        """Of arrays no more frames than they have, where the model's own number is not what was asked for."""
        return min(count, self.held) if self.held and self.told["frames"] else count

    def _count(self, question):
        chosen = self.told.get("frames_of_part", {}).get(question.part) or self.told["frames"]
        return self._fitting(chosen or self.served["frames"])

    def _subtitles(self, question, film):
        if not self.folder:
            return ""
        return subtitles.of_frames(self.folder, film.clip_id, film.media.path, film.films.numbers(0))

    def _film(self, question):
        if question.row_id not in self.clips:
            raise opening.CannotEvaluate(f"The clip of question {question.row_id} is not in the folder of the set.")
        clip_id, media = self.clips[question.row_id]
        sha256 = sets.file_hash(media.path) if media.row is None else question.clip_sha256
        return Squares(clip_id, media, sha256, frames=self._count(question), size=self.size, control=self.control)

    def _told(self, question, order):
        """The question as the protocol lets the model read it, its options in this order."""
        options = tuple(question.by_letter[letter] for letter in order)
        stem = question.stem if self.told["with_stem"] else ""
        return sources.Question("", question.row_id, stem, options, 0, question.domain, question.category)

    def request(self, question, rotation, film, said=""):
        asked, more = self._told(question, order_of(rotation)), {}
        own = {"letters": True, "weights": self.weights}
        if self.told["prompt"] == "paper":
            text, own = self._as_published(asked, said, own)
        else:
            # Subtitles are read, but guide nothing; all rotations are guided by the question in its first order.
            text, more = self._heard(asked, said).block, {"continue_final_message": True}
            own = {**own, "guide": asked.block}
        if self.evaluation.rotations > 1:
            own = {**own, "guide": self._told(question, order_of(0)).block}
        pictures = film.pictures()
        shown = [{"type": "image_url", "image_url": {"url": picture.url}} for picture in pictures]
        messages = [{"role": "user", "content": [{"type": "text", "text": text}, *shown]}]
        if more:
            messages.append({"role": "assistant", "content": "("})
        parameters = {"temperature": 0, "max_tokens": 1, "extra_body": {**more, "physvlm": own}}
        return Request(self.endpoint.model, messages, parameters, tuple(pictures), self.endpoint.picture_tokens)

    @staticmethod
    def _heard(asked, said):
        if not said:
            return asked
        from modelzoo.physvlm.asking import heard  # brings torch

        return heard(asked, said)

    def _as_published(self, asked, said, own):
        """(the whole prompt, what goes beside it) of the published evaluation."""
        from modelzoo.physvlm import prompts

        options = dict(zip("ABCD", asked.options, strict=True))
        if self.evaluation.question_set.benchmark == "video-mme":
            listed = [f"{letter}. {text}" for letter, text in options.items()]
            whole = prompts.videomme_prompt(asked.stem, listed, subtitles=said)
            return whole.prompt + " ", {**own, "raw": True, "guide": whole.pooling_text}
        whole = prompts.physgame_prompt(asked.stem, options)
        return whole.prompt, {**own, "raw": True, "guide": whole.pooling_text}

    def _ask(self, question, rotation, film, said=""):
        request = self.request(question, rotation, film, said)
        call = ask.ask(request, endpoint=self.endpoint, purpose=PURPOSE, run=self.run, repeat=self.evaluation.repeat)
        try:
            found = json.loads(call.reply)["physvlm"]["letters"]
            line, mass = [float(one) for one in found["probabilities"]], float(found["mass"])
        except (ValueError, KeyError, TypeError) as error:
            raise jobs.JobFailed(say("%(name)s told no letters; is it serve_physvlm?", name=self.endpoint.name)) from error
        most = max(line)
        letter = "ABCD"[line.index(most)] if line.count(most) == 1 and most == most else ""
        return Answer(
            order_of(rotation), letter, "" if letter else "tie", rotation, probabilities=line if letter else None,
            mass=mass, frame_numbers=film.numbers, call=call.pk,
        )  # fmt: skip


class Squares:
    """The frames that a checkpoint sees of a clip, as PNG: the bytes of the direct way, decoded once for both."""

    def __init__(self, clip_id, media, sha256, *, frames, size, control):
        from modelzoo.physvlm.controls import dealer, numbers_shown
        from modelzoo.physvlm.data.cache import Frames

        self.clip_id, self.media, self.sha256 = clip_id, media, sha256
        self.count, self.size, self.control = frames, size, control
        self.films = Frames(
            [(clip_id, media, sha256)], folder=Path(settings.DATA_DIR) / "cache" / "frames",
            wanted=frames, candidates=1, size=size, rule="eval", seed=0,
        )  # fmt: skip
        self.films.prepare(threads=1)
        self.numbers = numbers_shown(self.films.numbers(0), control, random=dealer(clip_id))

    @cached_property
    def pixels(self):
        from modelzoo.physvlm.controls import controlled, dealer

        return controlled(self.films.at(0), self.control, random=dealer(self.clip_id))

    def pictures(self):
        name = f"{self.sha256[:32]}/{self.count}/{{}}/{self.control}/{self.size}.png"
        return [
            Picture(name.format(place), self.size, self.size, load=lambda place=place: self._png(place), mime="image/png")
            for place in range(self.count)
        ]

    def _png(self, place):
        from PIL import Image

        out = io.BytesIO()
        Image.fromarray(self.pixels[place].transpose(1, 2, 0)).save(out, "PNG", compress_level=1)
        return out.getvalue()


def about(endpoint):
    """{weights, frames, frame_size, context, heat} of the model behind an endpoint; `JobFailed` says why there is none."""
    import openai

    try:
        found = wire.client_of(endpoint).models.retrieve(endpoint.model)
    except openai.OpenAIError as error:
        why = wire.words(error, endpoint)
        raise jobs.JobFailed(say("%(name)s cannot be reached: %(why)s", name=endpoint.name, why=why)) from error
    told = (found.model_extra or {}).get("physvlm")
    if not isinstance(told, dict) or not {"weights", "frames", "frame_size"} <= set(told):
        raise jobs.JobFailed(say("%(name)s told no letters; is it serve_physvlm?", name=endpoint.name))
    return told


def _frames_in(path):
    import numpy as np

    return np.load(path, mmap_mode="r").shape[1]
