"""What can be chosen for a new evaluation and for predictions that are brought in."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modelzoo.evaluation import commanding, opening, protocols, sets, vcg, video_mme
from modelzoo.evaluation.baselines import BASELINES
from modelzoo.evaluation.models import Evaluation, QuestionSet
from modelzoo.models import Release
from modelzoo.physvlm.data.sources import BadData
from modelzoo.runs import choices
from studio.llm import endpoints

_MOST = 200
# Benchmarks whose folders are no training data: how they are called, and what tells that a folder holds them.
_OTHERS = {"video-mme": ("Video-MME", video_mme.is_here), "vcg": ("VCG", vcg.is_here)}
_FRAMES = [("", gettext_lazy("As the protocol says")), *((str(count), str(count)) for count in protocols.FRAMES)]
_SCORINGS = [("", gettext_lazy("As fits the model"))]


def models():
    """[(group, [(id, label), ...]), ...]: checkpoints, hosted models, baselines."""
    weights = [(choice.id, choice.label) for choice in choices.weights()]
    hosted = [(one.name, one.name) for one in endpoints.ready()]
    rules = [(f"baseline:{name}", one.label) for name, one in BASELINES.items()]
    groups = [(_("Checkpoints"), weights), (_("Hosted models"), hosted), (_("Baselines"), rules)]
    return [group for group in groups if group[1]]


def judges():
    """[(name, label), ...] of the language models that can judge open answers."""
    return [(one.name, one.name) for one in endpoints.ready()]


def question_sets(benchmarks=tuple(QuestionSet.Benchmark.values)):
    """[(group, [(id, label), ...]), ...]: sealed benchmark releases, folders with questions, sets measured on before."""
    releases = Release.objects.filter(kind=Release.Kind.BENCHMARK, state="sealed").order_by("-pk")[:_MOST]
    folders = [choice for choice in choices.data_folders() if _has_questions(choice.id)]
    frozen = QuestionSet.objects.filter(release=None, benchmark__in=benchmarks).order_by("-pk")[:_MOST]
    others = [
        (benchmark, label, choices.folders_where(holds))
        for benchmark, (label, holds) in _OTHERS.items()
        if benchmark in benchmarks
    ]
    groups = [
        (_("Benchmark releases"), [(f"release:{one.name}", f"{one.name} ({one.rows_count})") for one in releases]),
        (_("Question sets"), [(f"set:{one.pk}", _set_label(one)) for one in frozen]),
        (_("Folders"), [(f"folder:{one.id}", one.label) for one in folders]),
        *(
            (_("%(benchmark)s, folders") % {"benchmark": label}, [(f"{name}:{one.id}", one.label) for one in found])
            for name, label, found in others
        ),
    ]
    return [group for group in groups if group[1]]


def _set_label(one):
    benchmark = "" if one.benchmark == QuestionSet.Benchmark.PHYSGAME else f"{one.get_benchmark_display()}: "
    return f"{benchmark}{one.name} ({one.questions_count})"


def _has_questions(folder):
    try:
        return next(choices.path_of_data(folder).glob("PhysGame_*_annotation.json"), None) is not None
    except choices.CannotTrain:
        return False


def resolve_set(choice, *, limit=0):
    """(set, source) of a choice of `question_sets`; `CannotEvaluate` with the reason."""
    kind, _colon, rest = choice.partition(":")
    try:
        if kind == "release":
            return commanding.question_set_of(release=rest, limit=limit)
        if kind == "set":
            found = QuestionSet.objects.filter(pk=int(rest)).first() if rest.isdecimal() and len(rest) < 19 else None
            return commanding.question_set_of(name=found.name if found else rest)
        if kind in _OTHERS:
            folder = choices.path_of_folder(rest, _OTHERS[kind][1])
            return commanding.question_set_of(data=[str(folder)], limit=limit, benchmark=kind)
        return commanding.question_set_of(data=[str(choices.path_of_data(rest))], limit=limit)
    except (sets.CannotFreeze, BadData, choices.CannotTrain) as refusal:
        raise opening.CannotEvaluate(str(refusal)) from refusal


class NewEvaluation(forms.Form):
    model = forms.ChoiceField(label=gettext_lazy("Model"))
    questions = forms.ChoiceField(label=gettext_lazy("Measure on"))
    protocols = forms.MultipleChoiceField(
        label=gettext_lazy("Protocols"), choices=protocols.CHOICES, widget=forms.CheckboxSelectMultiple
    )
    scoring = forms.ChoiceField(
        label=gettext_lazy("Scoring"), choices=[*_SCORINGS, *Evaluation.Scoring.choices], required=False
    )
    frames = forms.ChoiceField(label=gettext_lazy("Frames of a clip"), choices=_FRAMES, required=False)
    subtitles = forms.BooleanField(label=gettext_lazy("With subtitles"), required=False)
    judge = forms.ChoiceField(label=gettext_lazy("Judge of open answers"), required=False)
    name = forms.CharField(label=gettext_lazy("Name on the leaderboard"), max_length=160, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = models()
        self.fields["questions"].choices = question_sets()
        self.fields["judge"].choices = [("", gettext_lazy("None")), *judges()]

    def clean(self):
        data = super().clean()
        if self.errors:
            return data
        data["chosen"] = {
            "frames": int(data["frames"] or 0), "subtitles": data["subtitles"], "judge": data["judge"],
        }  # fmt: skip
        for name in data["protocols"]:
            try:
                protocols.find(name, scoring=data["scoring"])
            except protocols.NoProtocol as refusal:
                self.add_error("protocols", str(refusal))
                return data
        try:
            data["found"] = opening.find_model(data["model"], name=data["name"].strip())
            data["question_set"], data["source"] = resolve_set(data["questions"])
        except opening.CannotEvaluate as refusal:
            self.add_error(None, str(refusal))
            return data
        for name in data["protocols"]:
            try:
                protocols.settings_of(protocols.PROTOCOLS[name], data["question_set"].benchmark, **data["chosen"])
            except protocols.NoProtocol as refusal:
                self.add_error("protocols", str(refusal))
                return data
        return data


class ImportPredictions(forms.Form):
    file = forms.FileField(label=gettext_lazy("File of predictions"))
    name = forms.CharField(label=gettext_lazy("Name on the leaderboard"), max_length=160)
    questions = forms.ChoiceField(label=gettext_lazy("They answer"))
    protocol = forms.ChoiceField(
        label=gettext_lazy("Protocol"), choices=[(n, p.label) for n, p in protocols.PROTOCOLS.items() if p.rotations == 1]
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["questions"].choices = question_sets(("physgame", "video-mme"))
