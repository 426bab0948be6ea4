"""Hosted models as predictors, through the call store, budget and pace of the leak check (studio/llm)."""

import random
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from modelzoo.evaluation import opening, protocols, scorers, sets
from modelzoo.evaluation.pictures import Film, middles
from modelzoo.evaluation.runner import Answer, order_of, read_words, shown
from studio.llm import ask, endpoints
from studio.llm.request import chat

PURPOSE = "evaluation"
FRAMES = 8  # where the protocol does not say how many
MAX_TOKENS = 64
_SEEN = "You are shown {count} of one clip of a video game. Exactly one option says what breaks the laws of physics in it."
_UNSEEN = (
    "A clip of a video game was shown, which you cannot see. Exactly one option says what breaks the laws of physics in it."
)


_OTHER = "You are shown {count} of one video. Choose the option that answers the question."
_OTHER_UNSEEN = "A video was shown, which you cannot see. Choose the option that answers the question."


def text_of(question, order, told, count, *, of_games=True):
    """What the model reads. `told`: the protocol's settings; `count`: how many pictures come with it."""
    options = shown(question, order)
    if told["prompt"] == "paper":
        from modelzoo.physvlm import prompts  # brings torch; a page only asks what this costs

        block = prompts.options_block(question.stem, options)
        return f"{prompts.PHYSGAME}\n{block}\nOnly give the best option."
    seen, unseen = (_SEEN, _UNSEEN) if of_games else (_OTHER, _OTHER_UNSEEN)
    head = seen.format(count="one picture" if count == 1 else f"{count} pictures, in order,") if count else unseen
    stem = ["", f"Question: {question.stem}"] if told["with_stem"] else [""]
    lines = [f"{letter}. {text}" for letter, text in options.items()]
    return "\n".join([head, *stem, *lines, "", "Answer with one letter only: A, B, C or D."])


class HostedPredictor:
    """Predictor (modelzoo/evaluation/runner.py) that asks an endpoint within the job `run`."""

    def __init__(self, evaluation, *, run):
        self.evaluation, self.run = evaluation, run
        self.told = evaluation.protocol_settings
        self.endpoint = endpoints.find(evaluation.model)
        self.frames = self.told["frames"] or FRAMES
        self.chunk = max(1, settings.LLM_PARALLEL)
        self.media = {}
        if self.told["show"] != protocols.BLANK:
            data = opening.data_of(evaluation)
            self.media = {question.question_id: data.clips[question.clip_id] for question in data.questions}

    def about(self):
        count = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(self.told["show"], self.frames)
        rule = "middles of equal stretches" + (", shuffled" if self.told["show"] == protocols.SHUFFLED else "")
        return {"count": count, "rule": rule if count else "no pictures", "width": 512, "height": 512}

    def answers(self, questions):
        if self.chunk == 1:
            return [self._all(question) for question in questions]
        with ThreadPoolExecutor(self.chunk) as pool:
            futures = [pool.submit(self._in_thread, question) for question in questions]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()

    def _in_thread(self, question):
        try:
            return self._all(question)
        finally:
            connection.close()

    def _all(self, question):
        film = self._film(question)
        return [self._ask(question, rotation, film) for rotation in range(self.evaluation.rotations)]

    def _film(self, question):
        if self.told["show"] == protocols.BLANK:
            return None
        media = self.media.get(question.row_id)
        if media is None:
            raise opening.CannotEvaluate(f"The clip of question {question.row_id} is not in the folder of the set.")
        choose = middles(self.frames)
        if self.told["show"] == protocols.MIDDLE:
            choose = lambda count: [count // 2]  # noqa: E731 -- one line says it
        elif self.told["show"] == protocols.SHUFFLED:
            dealt = random.Random(question.row_id)
            plain = middles(self.frames)
            choose = lambda count: dealt.sample(plain(count), len(plain(count)))  # noqa: E731
        # The hash of what is read, not of what was frozen: a changed file is asked about anew.
        sha256 = sets.file_hash(media.path) if media.row is None else question.clip_sha256
        return Film(media, sha256, choose)

    def request(self, question, rotation, film):
        pictures = film.pictures() if film else ()
        of_games = self.evaluation.question_set.benchmark == "physgame"
        text = text_of(question, order_of(rotation), self.told, len(pictures), of_games=of_games)
        return chat(self.endpoint, text, pictures=pictures, temperature=0, max_tokens=MAX_TOKENS)

    def _ask(self, question, rotation, film):
        order = order_of(rotation)
        request = self.request(question, rotation, film)
        call = ask.ask(request, endpoint=self.endpoint, purpose=PURPOSE, run=self.run, repeat=self.evaluation.repeat)
        letter, why = read_words(call.text, question, order, cut=call.finish_reason == "length")
        verdict = None
        if self.told["rule"] != "careful":
            options = shown(question, order)
            key = "ABCD"[order.index(question.answer)]
            verdict = scorers.RULES[self.told["rule"]](call.text, key, options)
        numbers = film.numbers if film else None
        return Answer(order, letter, why, rotation, verdict=verdict, raw=call.text, frame_numbers=numbers, call=call.pk)


def most_usd(evaluation, count):
    """The most that asking `count` questions of it can cost, in dollars; None where a price is unknown."""
    endpoint = endpoints.find(evaluation.model)
    frames = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(
        evaluation.protocol_settings["show"], evaluation.protocol_settings["frames"] or FRAMES
    )
    per_picture = endpoint.picture_tokens or 1105  # four tiles; a picture of 512 pixels has fewer
    price = endpoint.price(2000 + frames * per_picture, MAX_TOKENS)
    return None if price is None else price * count * evaluation.rotations
