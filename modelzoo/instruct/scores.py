"""What the scores of a pair mean, in words."""

from django.utils.translation import gettext_lazy as _

# (score, meaning): how much of what is true of the clip, as far as it is known, an answer tells
SCALE = (
    (5, _("all of it: what is taken for the truth")),
    (4, _("the same but for details")),
    (3, _("most of it")),
    (2, _("some of it")),
    (1, _("the right thing or person, but another event")),
    (0, _("nothing of it, or the opposite")),
)


def meaning(score):
    """The words of the nearest score at or below, so 4.9 is not all of it."""
    return next(words for least, words in SCALE if score >= least)


def meaning_of_rejected(pair):
    if pair.verdict:
        return meaning(pair.rejected_score)
    if pair.origin == "model":
        return _("nobody said yet: the judge gave no score that can be used")
    return _("false by construction, so no judge was asked")
