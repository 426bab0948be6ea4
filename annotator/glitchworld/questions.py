"""Multiple-choice questions about GlitchWorld's clips, of which the text alone gives nothing away."""

from dataclasses import dataclass

import numpy as np

from annotator.glitchworld import statements
from annotator.glitchworld.option_sets import choose_three
from annotator.glitchworld.telling import Teller
from annotator.glitchworld.wording import TENSES, pick, sentence
from annotator.glitchworld.wording_frames import GLITCH_STEMS, OPEN_STEMS, SINCE, TIMED_STEMS, WHEN, about_seconds

GLITCH_FREE = 0.1  # share of clips without a glitch in a set, unless the caller says otherwise
MOST_GLITCH_FREE = 0.25  # above it "nothing is wrong" would have to be right more often than one time in four
TRIES = 5  # other glitches are looked at where the first ones leave no four statements that may meet
TIMED, PLACED = 0.15, 0.2  # shares of questions whose stem names a time, whose options name places


@dataclass(frozen=True)
class MultipleChoice:
    stem: str
    options: tuple[str, str, str, str]
    answer_index: int
    category: str  # of the glitch; "" where nothing is wrong
    distractor_kinds: tuple[str | None, ...]  # for each option: None for the answer, else a word of DISTRACTOR_KINDS
    option_categories: tuple[str, ...]  # of what each option claims; "" where it says that nothing is wrong


DISTRACTOR_KINDS = ("other glitch", "other actor", "other direction", "nothing")


def write_question(truth, *, rng, glitch_free=GLITCH_FREE):
    """One multiple-choice question about a clip; `rng` is a random.Random, and the same one gives the same question.

    `glitch_free` is the share of clips without a glitch in the set the clip belongs to: "nothing is wrong" then stands
    among the wrong options of glitch clips exactly as often as among the right ones, and is right one time in four.
    ValueError if the share is above a quarter or the picture does not hold enough for three false distractors.
    """
    chosen = four_statements(truth, rng=rng, glitch_free=glitch_free)
    order = rng.sample(range(4), 4)
    chosen, answer = [chosen[index] for index in order], order.index(0)
    tense = rng.choice(TENSES)
    teller = Teller.draw(truth, tense=tense, rng=rng, placed=rng.random() < PLACED)
    return MultipleChoice(
        stem=_stem(truth, tense, nothing=None in chosen, rng=rng),
        options=tuple(sentence(teller.tell(one, rng=rng)) for one in chosen),
        answer_index=answer,
        category=truth.glitch.category if truth.glitch else "",
        distractor_kinds=tuple(None if i == answer else _kind(one, chosen[answer]) for i, one in enumerate(chosen)),
        option_categories=tuple(one.category if one else "" for one in chosen),
    )


def four_statements(truth, *, rng, glitch_free=GLITCH_FREE):
    """[the truth, three that are false]; None stands for the statement that nothing is wrong. Errors as above."""
    if not 0 <= glitch_free <= MOST_GLITCH_FREE:
        raise ValueError(f"A share of glitch-free clips of {glitch_free} is not between 0 and {MOST_GLITCH_FREE}.")
    chosen = _what_could_be_told(truth, rng=rng)
    if truth.glitch is None:
        chosen[0] = None
    elif rng.random() < 3 * glitch_free / (1 - glitch_free):
        chosen[rng.randrange(1, 4)] = None
    return chosen


def _what_could_be_told(truth, *, rng):
    """Four statements of which no two can be true together; the first is what happened.

    Where nothing did, one is drawn as if it had, by the chances by which the world draws glitches.
    """
    true = statements.of_truth(truth)
    possible = statements.all_that_could_happen(truth, rng=rng)
    for _ in range(TRIES):
        cells = {category: statements.pick(glitches, rng=rng) for category, glitches in possible.items()}
        if true:
            cells[true.category] = statements.could_happen(true.glitch, truth, rng=rng)
        happened = true or statements.pick(cells[rng.choice(list(cells))], rng=rng)
        told = [one for glitch in cells.values() for one in glitch]
        found = [statement for _, statement in told]
        three = choose_three(
            chances=np.array([chance for chance, _ in told]),
            may_meet=np.array([[a != b and statements.may_meet(a, b) for b in found] for a in found]),
            liking=statements.likings(found),
            true=found.index(happened),
            rng=rng,
        )
        if three:
            return [happened, *(found[index] for index in three)]
    raise ValueError(f"{truth.clip_id}: the picture does not hold enough for three distractors that are surely false.")


def _kind(statement, answer):
    """What makes an option a distractor; None for the answer itself."""
    if statement == answer:
        return None
    if statement is None:
        return "nothing"
    if answer is None or statement.glitch != answer.glitch:
        return "other glitch"
    return "other actor" if statement.actor != answer.actor else "other direction"


def _stem(truth, tense, *, nothing, rng):
    """A stem that fits the options' grammar. It says there is a glitch only where no option denies it."""
    if not nothing and rng.random() < TIMED:
        seconds = about_seconds(truth.glitch.first_frame / truth.fps, rng=rng)
        when, since = (pick(rng.choice(lines), rng=rng).format(seconds=seconds) for lines in (WHEN, SINCE))
        line = pick(rng.choice(TIMED_STEMS[_grammar(tense)]), rng=rng)
        return line.format(when=when, When=sentence(when)[:-1], since=since)
    stems = OPEN_STEMS[_grammar(tense)]
    if not nothing:
        stems += GLITCH_STEMS[_grammar(tense)]
    return pick(rng.choice(stems), rng=rng)


def _grammar(tense):
    return "gerund" if tense == "gerund" else "finite"
