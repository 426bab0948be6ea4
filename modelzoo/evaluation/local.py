"""Our own checkpoints as predictors. Torch is loaded when one is made: in a command or worker, never in the web process."""

from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from modelzoo.evaluation import opening, protocols, scorers, sets, subtitles
from modelzoo.evaluation.runner import Answer, open_answer, order_of, read_words

_CONTROLS = {protocols.BLANK: "blind", protocols.MIDDLE: "one_frame", protocols.SHUFFLED: "shuffled_frames"}
_RULE = "middles of equal stretches"
_AT_ONCE = 8  # written words keep the whole past of every row in memory


class LocalPredictor:
    """Predictor (modelzoo/evaluation/runner.py) with a checkpoint's weights, for one share of an evaluation's questions."""

    chunk = 32

    def __init__(self, evaluation, *, wanted, progress=lambda done, total: None, cache=None, device=None):
        from modelzoo.physvlm import evaluate

        self.evaluation = evaluation
        self.settings = evaluation.protocol_settings
        self.is_open = evaluation.question_set.benchmark == "vcg"
        data = opening.data_of(evaluation)
        self.questions = _matched(wanted, data)
        self.folder = opening.folders_of(evaluation)[0] if self.settings.get("subtitles") else None
        self.said = subtitles.about(self.folder) if self.folder else None
        bundle = evaluate.load(opening.path_of(evaluation), device)
        self.evaluators = {}  # by how many frames of a clip they show
        for count in sorted({self._count(row) for row in wanted}):
            used = {self.questions[row.row_id].clip_id for row in wanted if self._count(row) == count}
            some = replace(data, clips={clip_id: media for clip_id, media in data.clips.items() if clip_id in used})
            evaluator = evaluate.prepare(
                None,
                some,
                cache=cache or Path(settings.DATA_DIR) / "cache",
                frames=_frames(count, some),
                bundle=bundle,
                progress=progress,
            )
            evaluator.control = _CONTROLS.get(self.settings["show"], "none")
            self.evaluators[count] = evaluator
        self.media = data.clips

    def _count(self, row):
        """How many frames the question's clip is shown with, 0: as many as the model was trained with."""
        return self.settings.get("frames_of_part", {}).get(row.part) or self.settings["frames"]

    def about(self):
        most = self.evaluators[max(self.evaluators, key=lambda count: self.evaluators[count].frames.wanted)]
        size, show = most.bundle.frame_size, self.settings["show"]
        shown = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(show, most.frames.wanted)
        rule = {protocols.BLANK: "grey frames", protocols.SHUFFLED: f"{_RULE}, shuffled"}.get(show, _RULE)
        rule += protocols.frames_in_words(self.settings)
        found = {"count": shown, "rule": rule, "width": size, "height": size}
        return found | ({"subtitles": self.said} if self.said else {})

    def answers(self, questions):
        found = {}
        for count, evaluator in self.evaluators.items():
            some = [question for question in questions if self._count(question) == count]
            answer = self._open if self.is_open else self._letters
            found |= zip([one.pk for one in some], answer(evaluator, some), strict=True)
        return [found[question.pk] for question in questions]

    def _numbers(self, evaluator, question):
        return evaluator.numbers_of(evaluator.place_of[self.questions[question.row_id].clip_id])

    def _open(self, evaluator, questions):
        """Answers in words to each wording of each question."""
        from modelzoo.physvlm import asking

        asked = [(question, stem) for question in questions for stem in (question.stem, question.second_stem) if stem]
        texts = {}
        for at in range(0, len(asked), _AT_ONCE):
            some = asked[at : at + _AT_ONCE]
            clips = [self.questions[question.row_id].clip_id for question, _stem in some]
            said = asking.open_answers(evaluator, clips, [stem for _question, stem in some])
            texts |= zip([(question.pk, stem) for question, stem in some], said, strict=True)
        for question in questions:
            raw, second = texts[question.pk, question.stem], texts.get((question.pk, question.second_stem), "")
            yield [open_answer(question, raw, second, frame_numbers=self._numbers(evaluator, question))]

    def _subtitles(self, evaluator, question):
        if not self.folder:
            return ""
        clip_id = self.questions[question.row_id].clip_id
        numbers = evaluator.frames.numbers(evaluator.place_of[clip_id])
        return subtitles.of_frames(self.folder, clip_id, self.media[clip_id].path, numbers)

    def _letters(self, evaluator, questions):
        from modelzoo.physvlm import asking
        from modelzoo.physvlm.evaluate import best

        prompt, rotations = self._prompt(), range(self.evaluation.rotations)
        told = {question.pk: self._told(question) for question in questions}
        asked = [asking.rotated(told[question.pk], turn) for question in questions for turn in rotations]
        said = [text for question in questions for text in [self._subtitles(evaluator, question)] * len(rotations)]
        # All rotations are guided by the question in its first order: then they share a clip's visual tokens.
        guides = [told[question.pk].block for question in questions for _turn in rotations] if len(rotations) > 1 else None
        scoring, raws, scored = self.evaluation.scoring, [""] * len(asked), None
        if scoring == "words":
            raws = [
                raw
                for at in range(0, len(asked), _AT_ONCE)
                for raw in asking.words(
                    evaluator, asked[at : at + _AT_ONCE], prompt=prompt, subtitles=said[at : at + _AT_ONCE],
                    guides=guides and guides[at : at + _AT_ONCE],
                )
            ]  # fmt: skip
        else:
            with evaluator.sharing():  # the rotations of a question share the encode of its clip
                scored = (
                    [(line, None) for line in asking.options(evaluator, [*map(asking.heard, asked, said)])]
                    if scoring == "options"
                    else asking.letters(evaluator, asked, prompt=prompt, guides=guides, subtitles=said)
                )
        for place, question in enumerate(questions):
            numbers = self._numbers(evaluator, question)
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

    def _prompt(self):
        if self.settings["prompt"] == "paper" and self.evaluation.question_set.benchmark == "video-mme":
            return "video-mme"
        return self.settings["prompt"]

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
            # What was written begins with the bracket that PhysGame's prompt ended with.
            rule = "physgame_file" if self.settings["rule"] == "physgame" else self.settings["rule"]
            verdict = scorers.RULES[rule](raw, key, options)
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
        if not question or not _is_same(question, row):
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


def _is_same(question, row):
    """Whether the folder's question is that of the set."""
    if not row.answer:
        return (question.stem, question.second_stem, question.reference) == (row.stem, row.second_stem, row.reference)
    return (question.stem, list(question.options), "ABCD"[question.answer]) == (row.stem, row.options, row.answer)


def _written(row):
    """The hash of the file that a release writes for a clip, which may be its proxy; "" without a release."""
    release = row.question_set.release_id
    if not release:
        return ""
    clip = row.question_set.release.clips.filter(clip_id=row.clip_id).values_list("file_sha256", flat=True).first()
    return clip or ""
