"""A language model as judge of open answers: each answer of VCG gets a score from 0 to 5 in the aspects of its part.

What is asked follows the published evaluation in meaning, aspect by aspect, and in the shape of the reply, {'score': n}; the
words are our own. So scores are of this judge and of these words, and are compared only with those of the same judge. A
reply that is anything but one whole number from 0 to 5 is asked for again, and after three times is no score: it is counted
apart and is in no mean.
"""

import ast
import re
from dataclasses import dataclass
from functools import partial

from modelzoo.evaluation.models import Judgement, Prediction, SetQuestion
from studio.llm import ask, endpoints, parallel
from studio.llm.request import chat

VERSION = 1
PURPOSE = "judging"
TRIES = 3
MAX_TOKENS = 32
ASPECTS = tuple(Judgement.Aspect.values)
_ABOUT = {
    "CI": (
        "how far the facts of the answer are right: each thing it says must agree with the reference, and nothing in it may"
        " mislead. The same fact in other words is as good. An answer that only says that it does not know gets 0."
    ),
    "DO": (
        "how detailed the answer is: whether it covers the main points of the reference, and whether what it says is about"
        " particular things in the video or could be said of any."
    ),
    "CU": (
        "how well the answer fits the whole of what happens in the video: whether it has understood what the reference is"
        " about, and does not stray from its main themes."
    ),
    "TU": (
        "how well the answer grasps time: whether events come in the order and at the moments that the reference gives them."
    ),
    "CO": (
        "how consistent two answers are, to two wordings of one question: whether they say the same as each other and agree"
        " with the reference."
    ),
}
_FENCE = re.compile(r"\A```(?:json|python)?\s*(.*?)\s*```\Z", re.S)


def prompt(aspect, question, answers):
    """What the judge reads about one answer (or two, for consistency) in one aspect."""
    if aspect == "CO":
        asked = [f"First question: {question.stem}", f"Second question: {question.second_stem}"]
        said = [f"Answer to the first: {answers[0]}", f"Answer to the second: {answers[1]}"]
    else:
        asked, said = [f"Question: {question.stem}"], [f"Answer: {answers[0]}"]
    lines = [
        "You judge what a program answered to a question about a video, which you do not see. A person who saw it wrote the"
        " reference.",
        f"Judge {_ABOUT[aspect]}",
        "",
        *asked,
        f"Reference: {question.reference}",
        *said,
        "",
        f"Give a whole number from 0 (worst) to {Judgement.MOST} (best). Reply with nothing but a dictionary with that"
        " number, such as {'score': 3}.",
    ]
    return "\n".join(lines)


def parse(reply):
    """The score of a judge's reply, or None: it must be {'score': n} with a whole n from 0 to 5 and nothing else."""
    text = reply.strip()
    if fenced := _FENCE.match(text):
        text = fenced.group(1)
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    if not isinstance(found, dict) or list(found) != ["score"]:
        return None
    score = found["score"]
    return score if type(score) is int and 0 <= score <= Judgement.MOST else None


@dataclass(frozen=True)
class Wanted:
    prediction: Prediction
    aspect: str


def waiting(evaluation):
    """What has no judgement yet, by the places of the questions."""
    done = set(Judgement.objects.filter(prediction__evaluation=evaluation).values_list("prediction_id", "aspect"))
    rows = Prediction.objects.filter(evaluation=evaluation, question__answer="").select_related("question")
    return [
        Wanted(row, aspect)
        for row in rows.order_by("question__number")
        for aspect in row.question.aspects
        if (row.pk, aspect) not in done
    ]


def counts(evaluation):
    """(judgements that are there, judgements that make it complete)."""
    if not evaluation.judge:
        return 0, 0
    parts = SetQuestion.objects.filter(question_set=evaluation.question_set_id, answer="").values_list("part", flat=True)
    wanted = sum(len(SetQuestion.ASPECTS[part]) for part in parts)
    return Judgement.objects.filter(prediction__evaluation=evaluation).count(), wanted


def work(evaluation, run, *, progress=lambda: None):
    """Have everything judged that was not yet, each judgement stored as it comes."""
    endpoint = endpoints.find(evaluation.judge)
    for judged in parallel.each(waiting(evaluation), partial(_judge, endpoint=endpoint, run=run, repeat=evaluation.repeat)):
        Judgement.objects.bulk_create([judged], ignore_conflicts=True)
        progress()


def request(endpoint, aspect, question, answers):
    return chat(endpoint, prompt(aspect, question, answers), temperature=0, max_tokens=MAX_TOKENS)


def _judge(wanted, *, endpoint, run, repeat):
    """The judgement of one answer in one aspect."""
    row = wanted.prediction
    answers = [row.raw, row.second_raw] if wanted.aspect == "CO" else [row.raw]
    if row.no_answer or not all(answer.strip() for answer in answers):
        return Judgement(prediction=row, aspect=wanted.aspect, score=0)
    wish = request(endpoint, wanted.aspect, row.question, answers)
    for number in range(TRIES):
        # The same request again is another one to the store only under another number.
        call = ask.ask(wish, endpoint=endpoint, purpose=PURPOSE, run=run, repeat=repeat * TRIES + number)
        score = parse(call.text)
        if score is not None:
            break
    return Judgement(prediction=row, aspect=wanted.aspect, score=score, reply=call.text[:2000], call=call)


def most_usd(evaluation):
    """The most that judging it can cost, in dollars, without repeated requests; None where a price is unknown."""
    endpoint = endpoints.find(evaluation.judge)
    price = endpoint.price(3000, MAX_TOKENS)
    return None if price is None else price * counts(evaluation)[1]
