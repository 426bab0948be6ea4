"""A conversation to tokens, and tokens to text while they come."""

from modelzoo.physvlm import prompts
from modelzoo.physvlm.serving.limits import Refused
from modelzoo.physvlm.tokens import GUIDE


def prompt_ids(tokenizer, wanted, *, seen):
    """(ids with one image token where a clip is seen, ids of the letters) of a `Wanted`.

    Tokenized in the pieces that training uses: a question, then its answer. With letters the ids end where their tokens
    begin to differ.
    """
    if wanted.raw:
        text = wanted.turns[0][0]
        return _with_letters(lambda letter: prompts.token_ids(tokenizer, text + letter), wanted.letters)
    show = prompts.first_question if seen else (lambda question, style: question)
    pieces = prompts.pieces_of(wanted.turns, instruction=wanted.instruction, show=show)
    before = []
    for asked, answer in pieces[:-1]:
        before += prompts.token_ids(tokenizer, asked) + prompts.token_ids(tokenizer, answer)
    before += prompts.token_ids(tokenizer, pieces[-1][0])
    begun = wanted.turns[-1][1]

    def whole(letter):
        closing = ")" if letter and begun.endswith("(") else ""
        answer = begun + letter + closing
        return before + (prompts.token_ids(tokenizer, answer) if answer else [])

    return _with_letters(whole, wanted.letters)


def _with_letters(whole, letters):
    if not letters:
        return whole(""), []
    every = [whole(letter) for letter in letters]
    cut = next((place for place, some in enumerate(zip(*every, strict=False)) if len(set(some)) > 1), None)
    found = [] if cut is None else [ids[cut] for ids in every]
    if len(set(found)) < len(letters):
        raise Refused(
            "This model's tokenizer does not keep these letters as single tokens where the answer begins.",
            param="physvlm.letters",
        )
    return every[0][:cut], found


def guide_ids(tokens, wanted):
    """Tokens of the text that guides the pooling: `guide`, else the questions of the conversation."""
    if wanted.guide:
        return tokens.guide(wanted.guide)
    text = "\n".join(prompts.TAGS.sub("", question) for question, _answer in wanted.turns)
    return tokens.guide(text or GUIDE)


class Writer:
    """Text out of tokens that come one by one. Half a character waits for its rest; a stop text ends it, unwritten."""

    def __init__(self, decode, stops=()):
        self.decode, self.stops = decode, stops
        self.held = max((len(stop) for stop in stops), default=1) - 1  # characters that may begin a stop text
        self.ids, self.first, self.known = [], 0, 0
        self.text, self.sent, self.stopped = "", 0, False

    def add(self, token):
        """The new text that may be shown after this token."""
        self.ids.append(token)
        before, now = self.decode(self.ids[self.first : self.known]), self.decode(self.ids[self.first :])
        if now.endswith("\ufffd") and len(self.ids) - self.known < 4:  # a character has at most four bytes
            return ""
        self.text += now[len(before) :]
        self.first, self.known = self.known, len(self.ids)
        found = [at for stop in self.stops if (at := self.text.find(stop, max(0, self.sent - self.held))) >= 0]
        if found:
            self.text, self.stopped = self.text[: min(found)], True
        return self._send(len(self.text) if self.stopped else len(self.text) - self.held)

    def rest(self):
        """What was held back, once no more tokens come."""
        if self.known < len(self.ids) and not self.stopped:
            before, now = self.decode(self.ids[self.first : self.known]), self.decode(self.ids[self.first :])
            self.text, self.known = self.text + now[len(before) :], len(self.ids)
        return self._send(len(self.text))

    def _send(self, upto):
        new, self.sent = self.text[self.sent : max(self.sent, upto)], max(self.sent, upto)
        return new
