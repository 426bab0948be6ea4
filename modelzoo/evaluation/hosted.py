"""Hosted models as predictors, through the call store, budget and pace of the leak check (studio/llm)."""

import random
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from modelzoo.evaluation import judging, opening, protocols, scorers, sets, subtitles
from modelzoo.evaluation.pictures import Film, middles
from modelzoo.evaluation.runner import Answer, open_answer, order_of, read_words, shown
from studio.llm import ask, endpoints
from studio.llm.request import chat

PURPOSE = "evaluation"
FRAMES = 8  # where the protocol does not say how many
MAX_TOKENS = 64
OPEN_TOKENS = 200  # of an answer to an open question
_SEEN = "You are shown {count} of one clip of a video game. Exactly one option says what breaks the laws of physics in it."
_UNSEEN = (
    "A clip of a video game was shown, which you cannot see. Exactly one option says what breaks the laws of physics in it."
)


_OTHER = "You are shown {count} of one video. Choose the option that answers the question."
_OTHER_UNSEEN = "A video was shown, which you cannot see. Choose the option that answers the question."
_OPEN = "You are shown {count} of one video. Answer the question about it in a few sentences."
_OPEN_UNSEEN = "A video was shown, which you cannot see. Answer the question about it in a few sentences."


def text_of(question, order, told, count, *, of_games=True, said=""):
    """What the model reads. `told`: the protocol's settings; `count`: how many pictures come with it; `said`: subtitles."""
    options = shown(question, order)
    if told["prompt"] == "paper":
        from modelzoo.physvlm import prompts  # brings torch; a page only asks what this costs

        if of_games:
            block = prompts.options_block(question.stem, options)
            return f"{prompts.PHYSGAME}\n{block}\nOnly give the best option."
        listed = [f"{letter}. {text}" for letter, text in options.items()]
        whole = prompts.videomme_prompt(question.stem, listed, subtitles=said)
        heard = f"{prompts.HEARD} {said}\n" if said else ""
        return f"{heard}{prompts.VIDEO_MME}\n{whole.pooling_text}\nThe best answer is:"
    seen, unseen = (_SEEN, _UNSEEN) if of_games else (_OTHER, _OTHER_UNSEEN)
    head = seen.format(count=_pictures(count)) if count else unseen
    stem = ["", f"Question: {question.stem}"] if told["with_stem"] else [""]
    heard = ["", f"Subtitles of these pictures: {said}"] if said else []
    lines = [f"{letter}. {text}" for letter, text in options.items()]
    return "\n".join([head, *heard, *stem, *lines, "", "Answer with one letter only: A, B, C or D."])


def open_text(stem, count):
    """What the model reads of an open question."""
    head = _OPEN.format(count=_pictures(count)) if count else _OPEN_UNSEEN
    return f"{head}\n\nQuestion: {stem}"


def _pictures(count):
    return "one picture" if count == 1 else f"{count} pictures, in order,"


class HostedPredictor:
    """Predictor (modelzoo/evaluation/runner.py) that asks an endpoint within the job `run`."""

    def __init__(self, evaluation, *, run):
        self.evaluation, self.run = evaluation, run
        self.told = evaluation.protocol_settings
        self.endpoint = endpoints.find(evaluation.model)
        self.chunk = max(1, settings.LLM_PARALLEL)
        self.media, self.folder, self.said = {}, None, None
        if self.told.get("subtitles"):
            self.folder = opening.folders_of(evaluation)[0]
            self.said = subtitles.about(self.folder)
        if self.told["show"] != protocols.BLANK or self.folder:
            data = opening.data_of(evaluation)
            self.media = {question.question_id: data.clips[question.clip_id] for question in data.questions}

    def about(self):
        count = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(self.told["show"], self.told["frames"] or FRAMES)
        rule = "middles of equal stretches" + (", shuffled" if self.told["show"] == protocols.SHUFFLED else "")
        rule += protocols.frames_in_words(self.told)
        found = {"count": count, "rule": rule if count else "no pictures", "width": 512, "height": 512}
        return found | ({"subtitles": self.said} if self.said else {})

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
        if not question.answer:
            return [self._open(question, film)]
        said = self._subtitles(question, film)
        return [self._ask(question, rotation, film, said) for rotation in range(self.evaluation.rotations)]

    def _subtitles(self, question, film):
        """Those of the pictures that are shown, or would be where none are."""
        if not self.folder:
            return ""
        media = self.media[question.row_id]
        numbers = film.numbers if film else Film(media, "", middles(self._count(question))).numbers
        return subtitles.of_frames(self.folder, question.clip_name, media.path, sorted(numbers))

    def _count(self, question):
        return self.told.get("frames_of_part", {}).get(question.part) or self.told["frames"] or FRAMES

    def _film(self, question):
        if self.told["show"] == protocols.BLANK:
            return None
        media = self.media.get(question.row_id)
        if media is None:
            raise opening.CannotEvaluate(f"The clip of question {question.row_id} is not in the folder of the set.")
        choose = middles(self._count(question))
        if self.told["show"] == protocols.MIDDLE:
            choose = lambda count: [count // 2]  # noqa: E731 -- one line says it
        elif self.told["show"] == protocols.SHUFFLED:
            dealt = random.Random(question.row_id)
            plain = choose
            choose = lambda count: dealt.sample(plain(count), len(plain(count)))  # noqa: E731
        # The hash of what is read, not of what was frozen: a changed file is asked about anew.
        sha256 = sets.file_hash(media.path) if media.row is None else question.clip_sha256
        return Film(media, sha256, choose)

    def request(self, question, rotation, film, said=""):
        pictures = film.pictures() if film else ()
        of_games = self.evaluation.question_set.benchmark == "physgame"
        text = text_of(question, order_of(rotation), self.told, len(pictures), of_games=of_games, said=said)
        return chat(self.endpoint, text, pictures=pictures, temperature=0, max_tokens=MAX_TOKENS)

    def _call(self, request):
        return ask.ask(request, endpoint=self.endpoint, purpose=PURPOSE, run=self.run, repeat=self.evaluation.repeat)

    def _open(self, question, film):
        """The answer to each wording of an open question."""
        pictures = film.pictures() if film else ()
        calls = [
            self._call(
                chat(self.endpoint, open_text(stem, len(pictures)), pictures=pictures, temperature=0, max_tokens=OPEN_TOKENS)
            )
            for stem in (question.stem, question.second_stem)
            if stem
        ]
        numbers = film.numbers if film else None
        return open_answer(question, *(call.text for call in calls), frame_numbers=numbers, call=calls[0].pk)

    def _ask(self, question, rotation, film, said):
        order = order_of(rotation)
        call = self._call(self.request(question, rotation, film, said))
        letter, why = read_words(call.text, question, order, cut=call.finish_reason == "length")
        verdict = None
        if self.told["rule"] != "careful":
            options = shown(question, order)
            key = "ABCD"[order.index(question.answer)]
            verdict = scorers.RULES[self.told["rule"]](call.text, key, options)
        numbers = film.numbers if film else None
        return Answer(order, letter, why, rotation, verdict=verdict, raw=call.text, frame_numbers=numbers, call=call.pk)


def most_usd(evaluation, count):
    """The most that asking `count` questions of it can cost, in dollars, judge included; None where a price is unknown.

    A checkpoint costs nothing but its judge.
    """
    prices = [judging.most_usd(evaluation)] if evaluation.judge else []
    if evaluation.model_kind == evaluation.ModelKind.HOSTED:
        endpoint, told = endpoints.find(evaluation.model), evaluation.protocol_settings
        frames = {protocols.BLANK: 0, protocols.MIDDLE: 1}.get(told["show"], told["frames"] or FRAMES)
        per_picture = endpoint.picture_tokens or 1105  # four tiles; a picture of 512 pixels has fewer
        wordings, most = (2, OPEN_TOKENS) if evaluation.judge else (1, MAX_TOKENS)
        price = endpoint.price(2000 + frames * per_picture, most)
        prices.append(None if price is None else price * count * evaluation.rotations * wordings)
    return None if None in prices else sum(prices)
