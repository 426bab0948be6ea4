"""What the plain level asks: which law breaks, in words that name no actor.

A set deals its categories evenly and without regard to the scene, so options of four categories drawn evenly are right
one time in four whatever their text, the theme and the actors; no table of chances is needed. "Nothing is wrong" is
offered as often as in `questions`, so it is right one time in four as well.
"""

from annotator.glitchworld.catalogue import CATEGORIES
from annotator.glitchworld.questions import MOST_GLITCH_FREE, MultipleChoice
from annotator.glitchworld.wording import pick

STEMS = (
    "Which law of physics breaks in (this|the) (clip|video)?",
    "What, if anything, goes wrong in (this|the) (clip|video)?",
    "Which (sentence|statement) is true of (this|the) (clip|video)?",
    "What do you find in this (clip|video)?",
)
OPEN = (
    "What breaks the laws of physics in (this|the) (clip|video)?",
    "Describe the glitch in (this|the) (clip|video), if there is one.",
    "Is anything wrong with the physics of (this|the) (clip|video)?",
)
SAYS = {
    "Gravity": ("Gravity fails: something (floats|rises|stays up) without support.",),
    "Elasticity": ("Elasticity fails: something (bounces|is thrown up) by itself.",),
    "Friction": ("Contact fails: something (gets stuck|sinks in|is held up) or (passes|slips) through.",),
    "Velocity": ("Velocity fails: something is suddenly elsewhere, or (much too|far too) fast or slow.",),
    "Acceleration": ("Acceleration fails: something (turns|repeats itself|drops) without a cause.",),
    "Reflection": ("Reflection fails: the mirror image or the whole picture is (turned|wrong).",),
    "Refraction": ("Lighting fails: a shadow or the brightness is (wrong|impossible).",),
    "Absorption & Transmission": ("Transmission fails: something (appears|vanishes|turns glassy), or the view is cut.",),
    "Color": ("Colour fails: something has the wrong (paint|texture).",),
    "Rigidity": ("Rigidity fails: something stiff (bends|melts|stretches).",),
    "Object Shape": ("Shape fails: something (loses parts|comes apart).",),
    "Human Body Gesture": ("Posture fails: a body (twists|folds|moves its limbs) as none can.",),
    None: ("Nothing is wrong: (all|everything) obeys the laws of physics.",),
}


def category_of(truth):
    return truth.glitch.category if truth.glitch else None


def says(category, *, rng):
    return pick(rng.choice(SAYS[category]), rng=rng)


def others(category, count, *, rng, glitch_free):
    """`count` false categories; None, nothing is wrong, as often as it is the truth among offers of four."""
    if not 0 <= glitch_free <= MOST_GLITCH_FREE:
        raise ValueError(f"A share of glitch-free clips of {glitch_free} is not between 0 and {MOST_GLITCH_FREE}.")
    chosen = rng.sample([one for one in CATEGORIES if one != category], count)
    if category and rng.random() < count * glitch_free / (1 - glitch_free):
        chosen[rng.randrange(count)] = None
    return chosen


def plain_question(truth, *, rng, glitch_free):
    """A `MultipleChoice` whose distractors are of three other categories. ValueError as `questions.write_question`."""
    true = category_of(truth)
    chosen = [true, *others(true, 3, rng=rng, glitch_free=glitch_free)]
    order = rng.sample(range(4), 4)
    chosen, answer = [chosen[index] for index in order], order.index(0)
    return MultipleChoice(
        stem=pick(rng.choice(STEMS), rng=rng),
        options=tuple(says(one, rng=rng) for one in chosen),
        answer_index=answer,
        category=true or "",
        distractor_kinds=tuple(None if one == true else "nothing" if one is None else "other glitch" for one in chosen),
        option_categories=tuple(one or "" for one in chosen),
    )


PAIRS = 2  # of a clip


def plain_talk(truth, *, rng, glitch_free, count=PAIRS):
    """(turns, pairs): one open question with its answer, and `count` pairs of the truth against another category."""
    true = category_of(truth)
    turns = [{"q": pick(rng.choice(OPEN), rng=rng), "a": says(true, rng=rng)}]
    pairs = [
        {"prompt": pick(rng.choice(OPEN), rng=rng), "chosen": says(true, rng=rng), "rejected": says(other, rng=rng)}
        for _ in range(count)
        for other in others(true, 1, rng=rng, glitch_free=glitch_free)
    ]
    return turns, pairs
