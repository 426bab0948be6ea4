"""What is wrong with a question and its answer, by their texts alone. Each fault is a code of reasons.OF_SAMPLES."""

import re

from modelzoo.instruct.seeds import seeds
from modelzoo.instruct.words import rouge_l, words
from studio.replies import parse_reply

ALIKE = 0.7  # ROUGE-L from which two questions are nearly the same, as in Self-Instruct (arXiv:2212.10560)
SAME = 0.9  # ... and from which two answers say the same words
MOST_CHARS = 1200
FEWEST_WORDS = {"question": 2, "answer": 3}

_TITLE = re.compile(
    r"\b(?:the|its|this|clip's|video's|post's|given) (?:title|caption|headline|description)\b"
    r"|\b(?:title|caption|description)s? (?:says?|suggests?|claims?|mentions?|states?|hints?|implies)\b"
    r"|\b(?:uploader|poster|the post)\b",
    re.I,
)
_FRAMES = re.compile(
    r"(?<!door )(?<!window )(?<!picture )(?<!wooden )(?<!metal )(?<!bed )(?<!bike )(?<!car )(?<!bicycle )\bframes?\b"
    r"|\b(?:this|these|those|each|every|all|given|provided|first|second|third|fourth|last) images?\b"
    r"|\bscreenshots?\b|\bsnapshots?\b|\bstill (?:picture|shot)s?\b"
    r"|\b(?:first|second|third|fourth|last|these|the) pictures\b|\bpicture \d",
    re.I,
)
# Mirrors hold images, too, and a broken one is a glitch of Optics that has to be told.
_IMAGE = re.compile(r"\bimages?\b", re.I)
_MIRRORED = re.compile(
    r"\bmirror|\breflect"
    r"|\bimages?(?: of [^.!?]*)? (?:in|on) (?:the |a )?(?:\w+ )?(?:water|pond|puddle|lake|glass|window|ice|floor)\b",
    re.I,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_REFUSAL = re.compile(
    r"\bI(?: am|['’]m) (?:sorry|unable|not able)\b|\bas an AI\b|\bI can(?:not|['’]t)\b"
    r"|\bunable to (?:tell|see|determine|view)\b"
    r"|\b(?:cannot|can['’]t) (?:be (?:determined|told|seen from)|tell|determine|assist|help)\b"
    r"|\b(?:impossible|hard|difficult) to (?:tell|say|determine)\b|\bnot enough information\b|\bno way to (?:tell|know)\b",
    re.I,
)
_VERDICT = re.compile(r"^\W*(yes|no|indeed|correct|right|not at all)\b", re.I)
_OPTION = re.compile(r"\(([A-D])\)\s*(.+?)(?=\s*\([A-D]\)|$)", re.S)


def options_of(question):
    """{letter: text} of the options a choice names in brackets."""
    return {letter: text.strip() for letter, text in _OPTION.findall(question)}


def letter_of(question, answer):
    """The letter an answer to a choice means, "" where it means none."""
    options = options_of(question)
    return (parse_reply(answer, options) or "") if options else ""


def speaks_of(text):
    """ "title", "frames" or "refusal": what an answer should not speak of, or do; "" where it does not."""
    for reason, pattern in (("refusal", _REFUSAL), ("title", _TITLE), ("frames", _FRAMES)):
        if pattern.search(text):
            return reason
    images = (part for part in _SENTENCE_END.split(text) if _IMAGE.search(part))
    return "frames" if any(not _MIRRORED.search(part) for part in images) else ""


def fault(kind, question, answer, *, glitch=None, others=()):
    """Why this pair is dropped, "" where it is kept. `others`: questions about the same clip that came before it."""
    if max(len(question), len(answer)) > MOST_CHARS:
        return "too_long"
    fewest = 1 if kind == "choice" else FEWEST_WORDS["answer"]
    if len(words(question)) < FEWEST_WORDS["question"] or len(words(answer)) < fewest:
        return "no_reason" if kind == "yes_no" and _VERDICT.match(answer) else "too_short"
    if reason := speaks_of(answer) or (speaks_of(question) if speaks_of(question) != "refusal" else ""):
        return reason
    if kind == "yes_no":
        verdict = _VERDICT.match(answer)
        if not verdict:
            return "no_verdict"
        if len(words(answer[verdict.end() :])) < FEWEST_WORDS["answer"]:
            return "no_reason"
    if kind == "choice" and (len(options_of(question)) != 4 or not letter_of(question, answer)):
        return "bad_choice"
    if glitch is not None and ((kind == "glitch_free" and glitch) or (kind == "open" and not glitch)):
        return "contradiction"
    if any(rouge_l(answer, seed["answer"]) >= SAME for seed in seeds()):
        return "copied"
    if any(rouge_l(_asked(question), _asked(other)) >= ALIKE for other in others):
        return "repeated"
    return ""


def _asked(question):
    """A question without its options: two choices may offer the same ones."""
    return question.split("(A)")[0]
