"""What is asked on the page."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modelzoo.asking import serving

MOST_CHARS = 4000


class AskForm(forms.Form):
    model = forms.ChoiceField(label=gettext_lazy("Model"))
    text = forms.CharField(
        label=gettext_lazy("Question"), max_length=MOST_CHARS, widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    options = forms.CharField(
        label=gettext_lazy("Options"),
        help_text=gettext_lazy(
            "One a line, two to six: you see how probable the model takes each. Leave it empty for an answer in words."
        ),
        max_length=MOST_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        served, own = serving.models()
        groups = [(_("Served models"), served), (_("Checkpoints"), own)]
        self.fields["model"].choices = [group for group in groups if group[1]]
        self.has_models = bool(served or own)

    def clean_options(self):
        return [line.strip() for line in self.cleaned_data["options"].splitlines() if line.strip()]
