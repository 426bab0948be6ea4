"""What the classifiers and the verdicts on their figures are called."""

from django.utils.translation import gettext_lazy as _

from qc.baseline import chance

WAYS = {"options": _("Options alone"), "question": _("Question and options")}
# (class of the badge, words)
VERDICTS = {
    chance.ABOVE: ("bad", _("Above chance")),
    chance.BELOW: ("bad", _("Below chance")),
    chance.TOO_FEW: ("", _("Too few to tell")),
    chance.AT_CHANCE: ("good", _("At chance")),
}
