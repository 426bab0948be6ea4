"""Asking a model all questions of a set, a few at a time, each answer stored before the next: killed, it goes on there.

A predictor answers questions; it knows nothing of the database:

    about()             {count, rule, width, height}: what it shows of a clip
    chunk               how many questions it likes to get at once
    answers(questions)  for each question a list of `Answer`s, one a rotation

Several processes may work on one evaluation, each on its share of the questions; the last answer stored completes it.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from modelzoo.evaluation import judging, report
from modelzoo.evaluation.models import Evaluation, Prediction, SetQuestion
from studio.replies import NoAnswer, parse_reply

LETTERS = "ABCD"


@dataclass(frozen=True)
class Answer:
    """`order`: the set's letters as they were shown; `letter`: what was chosen of what was shown, "" with a `no_answer`."""

    order: str
    letter: str
    no_answer: str = ""
    rotation: int = 0
    verdict: bool | None = None
    probabilities: list | None = None
    mass: float | None = None
    raw: str = ""
    second_raw: str = ""
    frame_numbers: list | None = None
    call: int | None = None

    @property
    def option(self):
        return self.order[LETTERS.index(self.letter)] if self.letter else ""


def open_answer(question, raw, second_raw="", **more):
    """The `Answer` to an open question; one that is empty, in either wording, is no answer."""
    raw, second_raw = raw.strip(), second_raw.strip()
    empty = not raw or bool(question.second_stem) and not second_raw
    return Answer("", "", "empty" if empty else "", raw=raw, second_raw=second_raw, **more)


def order_of(rotation):
    """The set's letters as rotation 0 to 3 shows them: each time the first one goes to the end."""
    return LETTERS[rotation:] + LETTERS[:rotation]


def shown(question, order):
    """{letter as shown: text} of a question."""
    return {letter: question.by_letter[own] for letter, own in zip(LETTERS, order, strict=True)}


def read_words(raw, question, order, *, cut=False):
    """(letter, why there is none) of a reply in words, by the careful reader; a reply that was cut off is none."""
    parsed = NoAnswer("cut") if cut else parse_reply(raw, shown(question, order))
    return ("", parsed.reason) if isinstance(parsed, NoAnswer) else (parsed, "")


def waiting(evaluation, *, rank=0, world=1):
    """Questions of this share that lack predictions, in their order."""
    done = Count("predictions", filter=Q(predictions__evaluation=evaluation))
    rows = SetQuestion.objects.filter(question_set=evaluation.question_set_id).annotate(done=done)
    rows = rows.filter(done__lt=evaluation.rotations).order_by("number")
    return [row for row in rows if row.number % world == rank]


def done_count(evaluation):
    return Prediction.objects.filter(evaluation=evaluation).count()


def is_judged(evaluation):
    """Whether nothing is left to be judged; True where nothing ever is."""
    there, wanted = judging.counts(evaluation)
    return there == wanted


def waits_for_judge(evaluation):
    """Whether all questions are answered, and only the judge's scores are missing."""
    return bool(evaluation.judge) and not evaluation.is_complete and done_count(evaluation) == evaluation.wanted


def progress_of(evaluation):
    """(answers and judgements that are there, those that make it complete)."""
    there, wanted = judging.counts(evaluation)
    return done_count(evaluation) + there, evaluation.wanted + wanted


def work(evaluation, predictor, *, rank=0, world=1, progress=lambda done, total: None):
    """Answer this share of the questions, then complete the evaluation if nothing is left; returns whether it is complete.

    `progress` is told of each stored chunk, and may raise to stop.
    """
    begin(evaluation, predictor.about())
    left = waiting(evaluation, rank=rank, world=world)
    share = sum(number % world == rank for number in range(evaluation.question_set.questions_count))
    done = share - len(left)
    progress(done, share)
    for start in range(0, len(left), predictor.chunk):
        questions = left[start : start + predictor.chunk]
        store(evaluation, zip(questions, predictor.answers(questions), strict=True))
        done += len(questions)
        progress(done, share)
    return complete(evaluation)


def begin(evaluation, frames):
    changes = {"state": Evaluation.State.RUNNING, "error": "", "frames": frames}
    Evaluation.objects.filter(pk=evaluation.pk, state__in=Evaluation.UNFINISHED).update(**changes)


def store(evaluation, answered):
    """Keep the answers to some questions, all of a question's rotations or none. What is there already stays."""
    rows = [
        Prediction(
            evaluation=evaluation,
            question=question,
            rotation=answer.rotation,
            order=answer.order,
            letter=answer.letter,
            option=answer.option,
            no_answer=answer.no_answer,
            verdict=answer.verdict,
            probabilities=answer.probabilities,
            mass=answer.mass,
            raw=answer.raw.replace("\x00", ""),
            second_raw=answer.second_raw.replace("\x00", ""),
            frame_numbers=answer.frame_numbers,
            call_id=answer.call,
        )
        for question, answers in answered
        for answer in answers
    ]
    try:
        with transaction.atomic():
            Prediction.objects.bulk_create(rows, ignore_conflicts=True)
    except IntegrityError:
        # Another process answered the same, and completed the evaluation meanwhile: then nothing is missing.
        if not Evaluation.objects.filter(pk=evaluation.pk, state=Evaluation.State.COMPLETE).exists():
            raise


def take_answers(evaluation):
    """Take over what the same model answered for another judge: greedy answers would be the same again."""
    mine = {**evaluation.protocol_settings, "judge": ""}
    others = Evaluation.objects.filter(
        question_set=evaluation.question_set_id, model_kind=evaluation.model_kind, model=evaluation.model,
        model_sha256=evaluation.model_sha256, protocol=evaluation.protocol, repeat=evaluation.repeat,
    ).exclude(pk=evaluation.pk)  # fmt: skip
    for other in others.order_by("-pk"):
        if {**other.protocol_settings, "judge": ""} != mine or done_count(other) < evaluation.wanted:
            continue
        begin(evaluation, other.frames)
        rows = list(Prediction.objects.filter(evaluation=other).select_related("question"))
        kept = ("raw", "second_raw", "frame_numbers")
        store(
            evaluation,
            [(row.question, [Answer("", "", row.no_answer, **{name: getattr(row, name) for name in kept})]) for row in rows],
        )
        return


def complete(evaluation):
    """Complete it with its figures if every question is answered, and judged where that is due; returns whether it is."""
    with transaction.atomic():
        row = Evaluation.objects.select_for_update(of=("self",)).select_related("question_set").get(pk=evaluation.pk)
        if not row.is_complete and done_count(row) == row.wanted and is_judged(row):
            figures = report.figures_of(row)
            Evaluation.objects.filter(pk=row.pk).update(
                state=Evaluation.State.COMPLETE, completed_at=timezone.now(), figures=figures, error=""
            )
    evaluation.refresh_from_db()
    return evaluation.is_complete


def fail(evaluation, sentence, *, state=Evaluation.State.FAILED):
    Evaluation.objects.filter(pk=evaluation.pk, state__in=Evaluation.UNFINISHED).update(state=state, error=sentence)
