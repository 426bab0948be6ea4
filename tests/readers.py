"""A text-only reader for the test server: it guesses an option by what its words give away, as a language model does.

It is told nothing about the questions it is asked. What it knows it has from other questions: which words such questions
are made of. On top of that it has the habits of language models: a long, exact option looks right, so does one that
says of itself that something is odd, and where the text says little, one letter is liked better than the others.
"""

import math
from collections import Counter

from qc.baseline import words
from tests.llm_server import asked, says

# Words by which a text says that what it tells is a fault, in endings-off form; whoever sets questions about glitches
# uses them in distractors as well.
ODD = frozenset("impossible impossib unnatural physically physics wrong strange odd abnormal unrealistic glitch bug".split())


class Reader:
    """`reader(body, number)` is a behaviour of the test server."""

    def __init__(self, texts, *, exact=2.0, says_so=0.8, usual=0.5, letters=(0.75, 0.0, 0.45, 0.3)):
        """`texts`: options of questions it has read before. How much it likes twice the usual length, a word that says
        that something is odd, words e times as usual, and each letter."""
        self.habits, self.letters = (exact, says_so, usual), letters
        self.counts = Counter(word for text in texts for word in words.tokens(text))
        self.total = sum(self.counts.values())

    def usual(self, text):
        """Mean log-probability of the words of a text, in nats; unseen words count as seen half a time."""
        said = words.tokens(text)
        return sum(math.log((self.counts[word] or 0.5) / self.total) for word in said) / max(1, len(said))

    def liking(self, options):
        """{letter: how much it likes the option there}."""
        exact, says_so, usual = self.habits
        mean = sum(len(text) for text in options.values()) / len(options)
        return {
            letter: exact * math.log2(len(text) / mean)
            + says_so * len(ODD & set(words.tokens(text)))
            + usual * self.usual(text)
            + habit
            for (letter, text), habit in zip(options.items(), self.letters, strict=False)
        }

    def __call__(self, body, number):
        _text, options = asked(body)
        liking = self.liking(options)
        return 200, {}, says(max(liking, key=liking.get))(body)
