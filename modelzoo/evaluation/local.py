"""Our own checkpoints as predictors. Torch is loaded when one is made: in a command or worker, never in the web process."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from modelzoo.evaluation import opening, protocols, scorers, sets
from modelzoo.evaluation.runner import Answer, order_of, read_words

_CONTROLS = {protocols.BLANK: "blind", protocols.MIDDLE: "one_frame", protocols.SHUFFLED: "shuffled_frames"}
_RULE = "middles of equal stretches"


class LocalPredictor:
    """Predictor (modelzoo/evaluation/runner.py) with a checkpoint's weights, for one share of an evaluation's questions."""

    chunk = 32

    def __init__(self, evaluation, *, wanted, progress=lambda done, total: None, cache=None, device=None):
        from modelzoo.physvlm import evaluate

        self.evaluation = evaluation
        self.settings = evaluation.protocol_settings
        data = opening.data_of(evaluation)
        self.questions = _matched(wanted, data)
        used = {question.clip_id for question in self.questions.values()}
        data.clips = {clip_id: media for clip_id, media in data.clips.items() if clip_id in used}
        self.evaluator = evaluate.prepare(
            opening.path_of(evaluation),
            data,
            cache=cache or Path(settings.DATA_DIR) / "cache",
            device=device,
            frames=_frames(self.settings["frames"], data),
            progress=progress,
        )
        self.evaluator.control = _CONTROLS.get(self.settings["show"], "none")

    def about(self):
        size = self.evaluator.bundle.frame_size
        shown = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(self.settings["show"], self.evaluator.frames.wanted)
        rule = {protocols.BLANK: "grey frames", protocols.SHUFFLED: f"{_RULE}, shuffled"}.get(self.settings["show"], _RULE)
        return {"count": shown, "rule": rule, "width": size, "height": size}

    def answers(self, questions):
        from modelzoo.physvlm import asking
        from modelzoo.physvlm.evaluate import best

        prompt, rotations = self.settings["prompt"], range(self.evaluation.rotations)
        asked = [asking.rotated(self._told(question), turn) for question in questions for turn in rotations]
        scoring, raws, scored = self.evaluation.scoring, [""] * len(asked), None
        if scoring == "words":
            # At most eight at once: written words keep the whole past of every row in memory.
            raws = [
                raw
                for at in range(0, len(asked), 8)
                for raw in asking.words(self.evaluator, asked[at : at + 8], prompt=prompt)
            ]
        else:
            with self.evaluator.sharing():  # the rotations of a question share the encode of its clip
                scored = (
                    [(line, None) for line in asking.options(self.evaluator, asked)]
                    if scoring == "options"
                    else asking.letters(self.evaluator, asked, prompt=prompt)
                )
        for place, question in enumerate(questions):
            numbers = self.evaluator.numbers_of(self.evaluator.place_of[self.questions[question.row_id].clip_id])
            found = []
            for rotation in rotations:
                at, order = place * len(rotations) + rotation, order_of(rotation)
                if scored is None:
                    found.append(self._worded(question, rotation, order, raws[at], numbers))
                    continue
                line, mass = scored[at]
                choice = best(line)
                letter = "" if choice is None else "ABCD"[choice]
                found.append(
                    Answer(
                        order, letter, "" if letter else "tie", rotation,
                        probabilities=line if letter else None, mass=mass, frame_numbers=numbers,
                    )
                )  # fmt: skip
            yield found

    def _told(self, question):
        """The question as the protocol lets the model read it."""
        found = self.questions[question.row_id]
        return found if self.settings["with_stem"] else type(found)(**{**found.__dict__, "stem": ""})

    def _worded(self, question, rotation, order, raw, numbers):
        letter, why = read_words(raw, question, order)
        verdict = None
        if self.settings["rule"] != "careful":
            key = "ABCD"[order.index(question.answer)]
            options = {own: question.by_letter[shown] for own, shown in zip("ABCD", order, strict=True)}
            verdict = scorers.physgame_file(raw, key, options)
        return Answer(order, letter, why, rotation, verdict=verdict, raw=raw, frame_numbers=numbers)


def _frames(wanted, data):
    """Frames of each clip; of GlitchWorld's arrays no more than they have. 0: what the model was trained with."""
    import numpy as np

    arrays = {media.path for media in data.clips.values() if media.row is not None}
    held = [np.load(path, mmap_mode="r").shape[1] for path in arrays]
    return min([wanted, *held]) if wanted and held else wanted


def _matched(wanted, data):
    """{row id: the question with its clip, as the folder has it}; refused where the folder has others than the set."""
    there = {question.question_id: question for question in data.questions}
    found = {}
    for row in wanted:
        question = there.get(row.row_id)
        same = question and (question.stem, list(question.options), question.answer) == (
            row.stem, row.options, "ABCD".index(row.answer),
        )  # fmt: skip
        if not same:
            raise opening.CannotEvaluate(
                _("The folder does not hold question %(id)s of the set as it was frozen. Name the right folder with --data.")
                % {"id": row.row_id}
            )
        media = data.clips[question.clip_id]
        if media.row is None and row.clip_sha256 and sets.file_hash(media.path) not in (row.clip_sha256, _written(row)):
            raise opening.CannotEvaluate(
                _("The clip of question %(id)s is another file than when the set was frozen: %(path)s")
                % {"id": row.row_id, "path": media.path}
            )
        found[row.row_id] = question
    return found


def _written(row):
    """The hash of the file that a release writes for a clip, which may be its proxy; "" without a release."""
    release = row.question_set.release_id
    if not release:
        return ""
    clip = row.question_set.release.clips.filter(clip_id=row.clip_id).values_list("file_sha256", flat=True).first()
    return clip or ""
