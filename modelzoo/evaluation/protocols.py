"""How a model is asked and judged, as named and versioned settings.

A figure is only worth what its protocol says, so each evaluation keeps its protocol's name, version and settings. Changing
how something is asked means a new version here; old figures keep theirs.
"""

from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

VIDEO, BLANK, MIDDLE, SHUFFLED = "video", "blank", "middle", "shuffled"


@dataclass(frozen=True)
class Protocol:
    """`prompt`: "paper" (as published) or "studio" (ours). `show`: what is shown of the clip. `rule` judges replies in words
    (modelzoo/evaluation/scorers.py). `frames` 0: as many as the model was trained with.
    """

    name: str
    version: int
    label: Any
    about: Any
    prompt: str = "studio"
    rule: str = "careful"
    rotations: int = 1
    frames: int = 0
    show: str = VIDEO
    with_stem: bool = True
    is_control: bool = False

    @property
    def short(self):
        """What a narrow column calls a control."""
        return _SHORT.get(self.name, self.label)

    def settings(self):
        """What decides the figures, as it is kept with an evaluation."""
        left_out = ("label", "about", "is_control")
        return {key: value for key, value in asdict(self).items() if key not in left_out}

    def __str__(self):
        return f"{self.name} v{self.version}"


_ALL = (
    Protocol(
        "standard",
        1,
        _("Standard"),
        _("Our prompt, all frames of the model, the careful reader of replies."),
    ),
    Protocol(
        "paper",
        1,
        _("As in the paper"),
        _("The published prompt, frames and rule. PhysGame: 32 frames, and an empty reply is taken for a right one."),
        prompt="paper",
        rule="physgame",
        frames=32,
    ),
    Protocol(
        "circular",
        2,
        _("Circular"),
        # Version 2: the pooling is guided by the question in its first order each time, so that a clip's tokens are
        # computed once for all four. The first rotation is the standard question in both versions.
        _("Each question four times, every option once at every letter: plain, mean of four, and right in all four."),
        rotations=4,
    ),
    Protocol(
        "text-only",
        1,
        _("Control: text only"),
        _("Question and options without the clip: a local model sees grey frames, a hosted one no picture."),
        show=BLANK,
        is_control=True,
    ),
    Protocol(
        "options-only",
        1,
        _("Control: options only"),
        _("The options alone, without question and clip."),
        show=BLANK,
        with_stem=False,
        is_control=True,
    ),
    Protocol(
        "single-frame",
        1,
        _("Control: single frame"),
        _("Only the middle one of the frames; a local model sees it in place of all."),
        show=MIDDLE,
        is_control=True,
    ),
    Protocol(
        "shuffled-frames",
        1,
        _("Control: shuffled frames"),
        _("All frames in random order, the same for every model."),
        show=SHUFFLED,
        is_control=True,
    ),
)
_SHORT = {
    "text-only": _("text only"),
    "options-only": _("options only"),
    "single-frame": _("single frame"),
    "shuffled-frames": _("shuffled"),
}
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}
CONTROLS = tuple(name for name, protocol in PROTOCOLS.items() if protocol.is_control)
CHOICES = [(name, protocol.label) for name, protocol in PROTOCOLS.items()]


class NoProtocol(ValueError):
    """There is no protocol of that name, or it cannot be used so; the sentence says which there are."""


MOST_FRAMES = 256
FRAMES = (8, 16, 32, 64)  # what a page offers
# What the published evaluation of Video-MME shows: longer videos get more frames.
_VIDEO_MME_FRAMES = {"short": 32, "medium": 64, "long": 64}
_OPEN = ("standard", "text-only", "single-frame", "shuffled-frames")


def settings_of(protocol, benchmark, *, frames=0, subtitles=False, judge=""):
    """The settings of an evaluation: the protocol's own on this benchmark, and what was chosen beside it.

    `NoProtocol` where they do not go together. What was not chosen leaves no trace, so older evaluations stay the same ones.
    """
    found = protocol.settings()
    if protocol.prompt == "paper":
        if frames:
            raise NoProtocol(gettext("The protocol of the paper has its own number of frames; choose another protocol."))
        if benchmark == "video-mme":
            found |= {"rule": "video_mme", "frames": 64, "frames_of_part": _VIDEO_MME_FRAMES}
    if not 0 <= frames <= MOST_FRAMES:
        raise NoProtocol(
            gettext("%(count)s frames: it must be 1 to %(most)s, or 0 for as many as the protocol says.")
            % {"count": frames, "most": MOST_FRAMES}
        )
    if frames and protocol.show in (BLANK, MIDDLE):
        frames = 0  # no picture, or one: there is nothing to choose
    if frames:
        found["frames"] = frames
    if subtitles:
        if benchmark != "video-mme":
            raise NoProtocol(gettext("Only Video-MME has subtitles."))
        found["subtitles"] = True
    if benchmark == "vcg":
        if protocol.name not in _OPEN:
            raise NoProtocol(
                gettext("VCG asks open questions; it is measured under %(names)s.") % {"names": ", ".join(_OPEN)}
            )
        if not judge:
            raise NoProtocol(gettext("VCG needs a language model as judge; choose one of those in STUDIO_LLM_MODELS."))
        found |= {"judge": judge, "judge_version": 1}
    elif judge:
        raise NoProtocol(gettext("Only the open answers of VCG are judged."))
    return found


def frames_in_words(settings):
    """How many frames each part of a set is shown, "" where all are shown as many."""
    by_part = sorted((count, part) for part, count in settings.get("frames_of_part", {}).items())
    return "; " + ", ".join(f"{count} of {part} ones" for count, part in by_part) if by_part else ""


def find(name, *, scoring="letters"):
    if name not in PROTOCOLS:
        raise NoProtocol(f"There is no protocol {name}. There are: {', '.join(PROTOCOLS)}.")
    found = PROTOCOLS[name]
    if scoring == "options" and found.rotations > 1:
        raise NoProtocol("Scored by the options' texts no letters are shown, so there is nothing to rotate.")
    if scoring == "options" and found.prompt == "paper":
        raise NoProtocol("The published prompt asks for a letter; score it by letters or by generated text.")
    return found
