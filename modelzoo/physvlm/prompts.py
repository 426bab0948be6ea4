"""Texts the model is trained and asked with, and which of their tokens carry loss.

A conversation is a list of turns (question, answer). The first question shows the clip, as `<image>`. Loss falls on every
answer, the end marker and the newline after it; on nothing else.
"""

import re
from dataclasses import dataclass

from modelzoo.physvlm.losses import IGNORE

IMAGE = "<image>"
TAGS = re.compile(r"<(?:video|image)>\n?")


@dataclass(frozen=True)
class Style:
    """How turns are written down: what comes first, around a question, before and after an answer."""

    user: str
    assistant: str
    end: str
    media: str = IMAGE + "\n\n "  # what shows the clip, before the first question
    opening: str = ""  # before the first turn, with {} for an instruction
    instruction: str = ""  # what stands in for {} where no instruction is given


VIDEO_CHATGPT = (
    "You are Video-ChatGPT, a large vision-language assistant. You are able to understand the video content that the user "
    "provides, and assist the user with a variety of tasks using natural language.Follow the instructions carefully and "
    "explain your answers in detail based on the provided video."
)
QWEN = {"user": "<|im_start|>user\n", "assistant": "<|im_end|>\n<|im_start|>assistant\n", "end": "<|im_end|>\n"}
VICUNA = {"user": "USER: ", "assistant": " ASSISTANT: ", "end": "</s>"}
STYLES = {
    "plain_qwen": Style(**QWEN, opening="{}<|im_end|>\n"),
    "conv_vcg_qwen": Style(**QWEN, opening="{}<|im_end|>\n", instruction=VIDEO_CHATGPT),
    "conv_videoqa_qwen": Style(**QWEN, opening="<|im_start|>system\n{}<|im_end|>\n", instruction="Answer the question."),
    "plain_v1": Style(**VICUNA, opening="{} ", media=IMAGE + "\n "),
    "conv_vcg_v1": Style(**VICUNA, opening="{} ", instruction=VIDEO_CHATGPT),
}


def first_question(question, style):
    """The question with the clip in it: where `<image>` already stands it gets a newline, else it comes first."""
    if IMAGE in question:
        return question.replace(IMAGE + "\n", IMAGE).replace(IMAGE, IMAGE + "\n")
    return style.media + question


def pieces_of(turns, *, instruction="", style="plain_qwen", show=first_question):
    """(text before an answer, answer with its end) of every turn; ValueError for an answer with `<image>` in it.

    An instruction is put in front; in the published training it has no role marker.
    """
    style = STYLES[style]
    opening = instruction or style.instruction
    before = style.opening.format(opening) if opening else ""
    pieces = []
    for number, (question, answer) in enumerate(turns):
        if IMAGE in answer:
            raise ValueError(f"An answer contains {IMAGE}, which stands for a clip: {answer[:60]!r}.")
        asked = show(question, style) if number == 0 else question
        pieces.append((before + style.user + asked + style.assistant, answer + style.end))
        before = ""
    return pieces


def render_conversation(turns, *, instruction="", style="plain_qwen", open_end=False):
    """The whole text of a conversation; with `open_end` it stops where the last answer would begin."""
    pieces = pieces_of(turns, instruction=instruction, style=style)
    text = "".join(before + answer for before, answer in pieces)
    return text.removesuffix(pieces[-1][1]) if open_end and pieces else text


def token_ids(tokenizer, text):
    return list(tokenizer(text, add_special_tokens=False).input_ids)


def labelled(tokenizer, pieces):
    """(ids, labels) of pieces tokenized one by one, so that no token reaches over from a question into its answer."""
    ids, labels = [], []
    for before, answer in pieces:
        question_ids, answer_ids = token_ids(tokenizer, before), token_ids(tokenizer, answer)
        ids += question_ids + answer_ids
        labels += [IGNORE] * len(question_ids) + answer_ids
    return ids, labels


def sft_ids(tokenizer, turns, *, instruction="", style="plain_qwen"):
    """(ids, labels), two lists of equal length, of a conversation [(question, answer), ...]; one `<image>` token a clip."""
    return labelled(tokenizer, pieces_of(turns, instruction=instruction, style=style))


def dpo_prompt(prompt):
    """A preference pair's prompt as it is asked: its own tags removed, `<image>` and a newline in front."""
    return IMAGE + "\n" + TAGS.sub("", prompt)


def dpo_ids(tokenizer, prompt, answer):
    """(ids, labels) of one answer of a pair; both answers of a pair begin with the same tokens."""
    return labelled(tokenizer, pieces_of([(prompt, answer)], show=lambda question, style: dpo_prompt(question)))


def pooling_text(kind, *, turns, stem=None, instruction="", style="plain_qwen"):
    """The text that guides the pooling of a conversation.

    "reference" is the whole conversation with its answers, as the published training had it; "question" the questions
    alone; "stem" the first question without its options (`stem` where it differs).
    """
    if kind == "reference":
        return render_conversation(turns, instruction=instruction, style=style)
    if kind == "stem":
        return TAGS.sub("", turns[0][0] if stem is None else stem)
    return "\n".join(TAGS.sub("", question) for question, _answer in turns)


@dataclass(frozen=True)
class Asked:
    """A question ready to ask: the whole prompt, which ends where the answer begins, and the text that guides pooling."""

    prompt: str
    pooling_text: str


PHYSGAME = (
    "Watch the video carefully and analyze the events and object movements, focusing on any inconsistencies with physical "
    "laws. Identify and highlight instances where the behavior deviates from expected real-world physics, and select the "
    "most accurate option to describe the detected glitch."
)
VIDEO_MME = (
    "Select the best answer to the following multiple-choice question based on the video and the subtitles. Respond with "
    "only the letter (A, B, C, or D) of the correct option."
)
HEARD = "This video's subtitles are listed below:"


def options_block(question, options):
    """A question and its options {"A": text, ...}, as PhysGame's evaluation shows them."""
    lines = "".join(f"\n({letter}) {text}" for letter, text in options.items())
    return f"Question: {question}\nOptions:{lines}"


def physgame_prompt(question, options):
    """PhysGame's published evaluation prompt, which is not the chat template; the answer goes on behind "("."""
    block = options_block(question, options)
    asked = f"###USER: {IMAGE}\n {PHYSGAME}\n{block}\nOnly give the best option.\n###ASSISTANT: Best option:("
    return Asked(asked, block)


def videomme_prompt(question, options, *, subtitles=""):
    """The published Video-MME prompt; options are texts such as "A. One.", written as one list."""
    block = f"{question}\n[{' '.join(repr(option) for option in options)}]"
    heard = f"{HEARD} {subtitles} \n" if subtitles else ""
    asked = render_conversation([(f"{heard}{VIDEO_MME}\n{block}", "")], open_end=True)
    return Asked(asked + "The best answer is:", block)


def vcg_prompt(question):
    """An open question as the VCG benchmark asks it."""
    return Asked(render_conversation([(question, "")], open_end=True), question)
