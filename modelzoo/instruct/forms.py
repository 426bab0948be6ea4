"""The forms of both pages: filters of the lists, and what a build should ask."""

from fractions import Fraction

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modelzoo.instruct import building, opposing, reasons
from modelzoo.instruct.models import InstructSample, Origin, PreferencePair, State
from studio.llm import endpoints

MOST = 1000  # clips or samples of one build that begins on a page or over the API; the commands take any number
MOST_FRAMES = 32
SCALES = ("1/4", "1/8", "1/16", "1/32")
ALL_WAYS = "+".join(opposing.WAYS)


class _Filter(forms.Form):
    """Filters of a list; `narrow` applies them, and a filter that makes no sense leaves nothing."""

    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    origin = forms.ChoiceField(label=gettext_lazy("Written by"), required=False)
    reason = forms.ChoiceField(label=gettext_lazy("Why it was rejected"), required=False)
    clip = forms.IntegerField(label=gettext_lazy("Clip no."), required=False, min_value=1, max_value=2**63 - 1)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    CHOICES = {"state": State.choices, "origin": Origin.choices}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, choices in self.CHOICES.items():
            self.fields[name].choices = [("", _("All")), *choices]

    def narrow(self, rows):
        if not self.is_valid():
            return rows.none()
        chosen = self.cleaned_data
        for name in self.CHOICES:
            if chosen[name]:
                rows = rows.filter(**{name: chosen[name]})
        if chosen["clip"]:
            rows = rows.filter(clip=chosen["clip"])
        return rows.filter(pk__lt=chosen["before"]) if chosen["before"] else rows

    @property
    def is_narrowing(self):
        return not self.is_valid() or any(self.cleaned_data.values())


class SampleFilter(_Filter):
    CHOICES = {**_Filter.CHOICES, "kind": InstructSample.Kind.choices, "reason": reasons.SAMPLE_REASONS}


class PairFilter(_Filter):
    verdict = forms.ChoiceField(label=gettext_lazy("The judge says"), required=False)

    CHOICES = {
        **_Filter.CHOICES,
        "kind": PreferencePair.Kind.choices,
        "reason": reasons.PAIR_REASONS,
        "verdict": PreferencePair.Verdict.choices,
    }


def _models(first):
    ready = [(endpoint.name, endpoint.name) for endpoint in endpoints.ready()]
    return [("", first if ready else _("None can be asked")), *ready]


class InstructBuildForm(forms.Form):
    """What a PhysInstruct build should ask. `plan()` says what that takes, and asks nothing."""

    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    limit = forms.IntegerField(label=gettext_lazy("Clips at most"), min_value=1, max_value=MOST, initial=200)
    frames = forms.IntegerField(
        label=gettext_lazy("Frames shown of each clip"), min_value=1, max_value=MOST_FRAMES, initial=building.FRAMES
    )
    again = forms.BooleanField(label=gettext_lazy("Also clips that were asked about"), required=False)
    accept = forms.BooleanField(label=gettext_lazy("Accept what passes the rules, without a person"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = _models(_("The first that can be asked"))

    def plan(self):
        data = self.cleaned_data
        return building.plan(
            model=data["model"] or None, wanted=data["frames"], limit=data["limit"], again=data["again"]
        )  # fmt: skip

    def start(self, plan, *, by):
        return building.start(plan, by=by, wanted=self.cleaned_data["frames"], accept=self.cleaned_data["accept"])


class PreferenceBuildForm(forms.Form):
    """What a PhysDPO build should ask."""

    model = forms.ChoiceField(label=gettext_lazy("Model that is misled"), required=False)
    judge = forms.ChoiceField(label=gettext_lazy("Judge"), required=False)
    limit = forms.IntegerField(label=gettext_lazy("Samples at most"), min_value=1, max_value=MOST, initial=200)
    ways = forms.MultipleChoiceField(
        label=gettext_lazy("Misled by"),
        widget=forms.CheckboxSelectMultiple,
        choices=[
            ("meta", gettext_lazy("the title of another clip")),
            ("temporal", gettext_lazy("few frames")),
            ("spatial", gettext_lazy("few pixels")),
            (ALL_WAYS, gettext_lazy("all three at once")),
        ],
        initial=list(opposing.WAYS),
    )
    frames = forms.IntegerField(
        label=gettext_lazy("How few frames"), min_value=1, max_value=MOST_FRAMES, initial=1, required=False
    )
    scale = forms.ChoiceField(
        label=gettext_lazy("How few pixels, of each side"), choices=[(scale, scale) for scale in SCALES], initial="1/16"
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = _models(_("The first that can be asked"))
        self.fields["judge"].choices = _models(_("The same model"))

    def settings(self):
        data = self.cleaned_data
        return opposing.Settings.read(ways=data["ways"], frames=data["frames"] or 1, scale=Fraction(data["scale"]))

    def plan(self):
        data = self.cleaned_data
        return opposing.plan(
            self.settings(), model=data["model"] or None, judge=data["judge"] or None, limit=data["limit"]
        )  # fmt: skip

    def start(self, plan, *, by):
        return opposing.start(plan, self.settings(), by=by, judge=self.cleaned_data["judge"] or None)
