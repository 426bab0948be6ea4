"""How a model is asked and judged, as named and versioned settings.

A figure is only worth what its protocol says, so each evaluation keeps its protocol's name, version and settings. Changing
how something is asked means a new version here; old figures keep theirs.
"""

from dataclasses import asdict, dataclass
from typing import Any

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
        _("The published prompt, 32 frames and the published rule, which takes an empty reply for a right one."),
        prompt="paper",
        rule="physgame",
        frames=32,
    ),
    Protocol(
        "circular",
        1,
        _("Circular"),
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


def find(name, *, scoring="letters"):
    if name not in PROTOCOLS:
        raise NoProtocol(f"There is no protocol {name}. There are: {', '.join(PROTOCOLS)}.")
    found = PROTOCOLS[name]
    if scoring == "options" and found.rotations > 1:
        raise NoProtocol("Scored by the options' texts no letters are shown, so there is nothing to rotate.")
    if scoring == "options" and found.prompt == "paper":
        raise NoProtocol("The published prompt asks for a letter; score it by letters or by generated text.")
    return found
