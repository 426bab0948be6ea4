"""The form "New run" and the filters of the list."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modelzoo.models import TrainingRun
from modelzoo.physvlm import presets
from modelzoo.runs import choices, planning


class RunFilter(forms.Form):
    state = forms.ChoiceField(required=False, label=gettext_lazy("State"))
    stage = forms.ChoiceField(required=False, label=gettext_lazy("Stage"))
    before = forms.IntegerField(required=False, min_value=1, max_value=10**18)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["state"].choices = [("", _("Any state")), *TrainingRun.State.choices]
        self.fields["stage"].choices = [("", _("Any stage")), *((stage, stage.upper()) for stage in presets.STAGES)]


class PlanForm(forms.Form):
    """What a run should be. Choices of data and weights are looked up when the page is made."""

    preset = forms.ChoiceField(
        label=gettext_lazy("Preset"),
        choices=[
            (stage.upper(), [(p.name, f"{p.name} — {p.title}") for p in presets.PRESETS.values() if p.stage == stage])
            for stage in presets.STAGES
        ],
    )
    data = forms.MultipleChoiceField(label=gettext_lazy("Data"), widget=forms.CheckboxSelectMultiple)
    init = forms.ChoiceField(label=gettext_lazy("Begin with"), required=False)
    overrides = forms.CharField(
        label=gettext_lazy("Changed settings"),
        required=False,
        max_length=4000,
        strip=True,
        widget=forms.Textarea(
            attrs={"rows": 4, "class": "mono", "spellcheck": "false", "placeholder": "learning_rate=1e-4"}
        ),
        help_text=gettext_lazy("One KEY=VALUE on a line; everything else is as the preset says."),
    )
    processes = forms.IntegerField(
        label=gettext_lazy("Processes"),
        initial=1,
        min_value=1,
        max_value=planning.MOST_PROCESSES,
        help_text=gettext_lazy("One for each GPU of the machine."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("Left empty, the preset and the time."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.data_choices = choices.data()
        self.fields["data"].choices = [(choice.id, choice.label) for choice in self.data_choices]
        begin = [("", _("New weights, or those the preset names"))]
        self.fields["init"].choices = begin + [(choice.id, choice.label) for choice in choices.weights()]

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        lines = [line.strip() for line in cleaned["overrides"].splitlines()]
        self.plan = planning.Plan(
            preset=cleaned["preset"],
            data=cleaned["data"],
            init=cleaned["init"],
            overrides=[line for line in lines if line],
            processes=cleaned["processes"],
            name=cleaned["name"],
        )
        try:
            planning.check(self.plan)
        except planning.BadPlan as error:
            self.add_error(error.field, str(error))
        return cleaned

    @staticmethod
    def of(plan):
        """Initial values that say what a plan says."""
        return {**plan, "overrides": "\n".join(plan.get("overrides", [])), "name": ""}
