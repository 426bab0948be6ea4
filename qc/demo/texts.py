"""What the people of the demo write: GlitchWorld's own questions in the hands of different authors, with honest mistakes."""

from dataclasses import dataclass

from django.utils import translation

from annotator.glitchworld.questions import write_question
from annotator.models import OPTION_KEYS
from annotator.taxonomy import CATEGORIES, STEMS

NOTES = (
    "I watched it at a quarter of the speed to find the first frame.",
    "The end of the span is where it leaves the picture.",
    "Hard to see on a small screen.",
    "",
    "",
)
LATE_COMMENTS = (
    "It begins earlier: look at frame {first}. You marked only the end of it.",
    "Step back to frame {first}, it can be seen there already.",
)
CATEGORY_COMMENTS = (
    "What breaks here is {label}. Please read its definition once more.",
    "I would call this {label}: nothing else in the scene is wrong.",
)
DOUBTS = (
    ("distractor_1", "also_true", "For a few frames this could be said as well."),
    ("distractor_2", "implausible", "Nobody who has seen the clip would choose this."),
    ("correct", "incomplete", "It does not say which of them; two look alike."),
    ("distractor_3", "language", "I had to read this sentence three times."),
)
APPROVALS = ("", "", "Clear, and the distractors are fair.", "Good catch.", "Had to look twice, but it is there.")
DECISIONS = {
    "approve": "The clip shows it plainly, and the distractor does not hold in a single frame. Approved.",
    "reject": "Both reviewers read it differently, and so did I. Somebody else should write a new one.",
}
WAIVER = "All four are of nearly the same length, so this one is the longest by chance. A rule noticed it, no reader would."
PADDING = ", although nothing touches it and everything else in the scene goes on as it did before"
ASIDE = {
    "not_gameplay": "A test picture of a capture card.",
    "unusable": "Watched it three times; nothing breaks in it.",
}


@dataclass(frozen=True)
class Hand:
    """How one author writes."""

    own_stems: bool = True  # else one of the usual stems
    full_stops: bool = True
    careful: int = 4  # most frames a mark is off


HANDS = {
    "annotator": Hand(),
    "annotator2": Hand(own_stems=False, full_stops=False, careful=7),
    "annotator3": Hand(own_stems=False, careful=14),
}


def question(truth, *, hand, rng, frame_count):
    """The content fields of a good question; ValueError where the picture holds too little for one."""
    written = write_question(truth, rng=rng, glitch_free=0)
    options = [text if hand.full_stops else text.removesuffix(".") for text in written.options]
    texts = [options.pop(written.answer_index), *options]
    with translation.override("en"):
        stem = written.stem if hand.own_stems else str(rng.choice(STEMS))
    first, last = (frame + rng.randint(-hand.careful, hand.careful) for frame in (
        truth.glitch.first_frame, truth.glitch.last_frame
    ))  # fmt: skip
    first = min(max(first, 0), truth.glitch.last_frame)
    return {
        "category": truth.glitch.category,
        "sub_label": truth.glitch.sub_label,
        "stem": stem,
        **dict(zip(OPTION_KEYS, texts, strict=True)),
        "spans": [[first, min(max(last, first), frame_count - 1)]],
        "note": rng.choice(NOTES),
    }


def late(content):
    """The same question by somebody who marked only the last third of the glitch."""
    ((first, last),) = content["spans"]
    return content | {"spans": [[last - (last - first) // 3, last]]}


def padded(content):
    """The same question by somebody who made the correct option so exact that its length gives it away."""
    text = content["correct"]
    return content | {"correct": f"{text.removesuffix('.')}{PADDING}{'.' if text.endswith('.') else ''}"}


def misfiled(content, *, rng):
    """The same question under another category of the same domain."""
    domain = CATEGORIES[content["category"]].domain
    others = [c for c in CATEGORIES.values() if c.domain == domain and c.name != content["category"]]
    other = rng.choice(others)
    return content | {"category": other.name, "sub_label": other.sub_labels[0][0]}
