"""Why a text, or all of a reply, was dropped: one code each, told in words and counted."""

from django.utils.translation import gettext_lazy as _

# A whole reply, or a clip that was not asked about at all
OF_REPLIES = {
    "clip_refused": _("The clip may not be used for training"),
    "no_frames": _("The clip's frames cannot be read"),
    "no_reply": _("The model gave no reply"),
    "cut": _("The reply was cut off"),
    "not_json": _("The reply is not JSON"),
    "schema": _("The reply has another form than was asked for"),
}
# One question and its answer, by rule
OF_SAMPLES = {
    "too_short": _("Question or answer is too short"),
    "too_long": _("Question or answer is too long"),
    "title": _("It speaks of the title or text of the post"),
    "frames": _("It speaks of single frames or images"),
    "refusal": _("The answer refuses, or says that it cannot tell"),
    "repeated": _("The question is nearly the same as another about this clip"),
    "copied": _("It repeats an example of the prompt"),
    "no_verdict": _("A yes-or-no question without yes or no"),
    "no_reason": _("Yes or no without a reason"),
    "bad_choice": _("A choice without four options, or without one letter"),
    "contradiction": _("It contradicts what the reply says about the clip"),
}
# One rejected answer, by rule or by the judge
OF_PAIRS = {
    "empty": _("The answer is empty"),
    "equal": _("Both answers say the same words"),
    "right": _("The misled answer is right after all"),
    "chosen_changed": _("Its true answer was changed or rejected"),
}
# By a person
OF_PEOPLE = {
    "wrong": _("It is not true of the clip"),
    "incomplete": _("It leaves out what matters"),
    "unclear": _("It is not clear"),
    "dull": _("It teaches nothing"),
    "both_true": _("Both answers are true"),
}

ALL = OF_REPLIES | OF_SAMPLES | OF_PAIRS | OF_PEOPLE
SAMPLE_REASONS = tuple((OF_SAMPLES | OF_PEOPLE).items())
PAIR_REASONS = tuple((OF_SAMPLES | OF_PAIRS | OF_PEOPLE).items())
REPLY_REASONS = tuple(OF_REPLIES.items())
