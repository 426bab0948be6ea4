"""The scorers that were published, faults and all, beside our own: what each takes a model's reply to be worth.

They are here so that published figures can be reproduced and compared. `careful` is what the Studio goes by; it is the
reader that the leak check uses, and no answer is never right. Each function takes the reply, the letter of the right
option and {letter: text of the option}.
"""

import re

from studio.replies import parse_reply

_LETTER = re.compile(r"[ABCD]")
# As published for Video-MME: two commas were forgotten, so two pairs of phrases are one string each and are never found.
_VIDEO_MME_PHRASES = (
    "The best answer is", "The correct answer is", "The answer is", "The answer",
    "The best option isThe correct option is", "Best answer:Best option:",
)  # fmt: skip


def careful(reply, answer, options):
    """Whether a careful reader takes the reply to name the right option."""
    return parse_reply(reply, options) == answer


def check_ans(prediction, right):
    """The rule of PhysVLM's PhysGame evaluation: the first words are compared, either may contain the other.

    `right` is "(B) The ball bounces."; an empty prediction is contained in everything and so counts as right.
    """
    first, rest = prediction.lower().split(" ")[0], right.lower().split(" ")
    if not " ".join(rest[1:]):
        raise ValueError(f"{right!r} has no text behind its letter.")
    return first.replace(".", "") in rest[0] or rest[0] in first


def physgame(reply, answer, options):
    """PhysVLM's PhysGame evaluation as it runs: a bracket goes before the reply, since the prompt ended with one."""
    return check_ans("(" + reply.strip(), f"({answer}) {options[answer]}")


def physgame_file(prediction, answer, options):
    """The same rule for a reply as its output file has it, the bracket in front."""
    return check_ans(prediction, f"({answer}) {options[answer]}")


def first_character(reply, answer, options=None):
    """The rule of GameBench's evaluation script; it fails on an empty reply, which here counts as wrong."""
    return reply[:1] == answer


def video_mme_letter(reply):
    """The letter that Video-MME's published evaluation reads, "" for none: the first of A to D behind known phrases."""
    text = reply.strip()
    for phrase in _VIDEO_MME_PHRASES:
        text = text.replace(phrase, "")
    found = _LETTER.search(text)
    return found.group() if found else ""


def video_mme(reply, answer, options=None):
    """Video-MME's published rule. Replies without a letter are left out there; here they count as wrong."""
    return video_mme_letter(reply) == answer


RULES = {
    "careful": careful,
    "physgame": physgame,
    "physgame_file": physgame_file,
    "first_character": first_character,
    "video_mme": video_mme,
}
