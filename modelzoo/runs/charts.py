"""Which curves a page draws, from which keys of metrics.jsonl (TRL's names for the rewards of DPO)."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

MOST_RUNS = 6  # in one comparison: as many colours as can be told apart


@dataclass(frozen=True)
class Chart:
    """One chart. `form`: how its numbers are written: number, percent or bytes."""

    name: str
    title: str
    lines: tuple  # of (key, label)
    form: str = "number"
    stages: tuple = ("sft", "dpo")
    is_large: bool = False


CHARTS = (
    Chart("loss", _("Loss"), (("loss", _("Loss")),), is_large=True),
    Chart("accuracy", _("Answer tokens predicted"), (("mean_token_accuracy", _("Share")),), "percent", ("sft",), True),
    Chart(
        "rewards",
        _("Rewards"),
        (("rewards/chosen", _("Chosen")), ("rewards/rejected", _("Rejected"))),
        stages=("dpo",),
        is_large=True,
    ),
    Chart("margins", _("Reward margin"), (("rewards/margins", _("Margin")),), stages=("dpo",)),
    Chart("ranked", _("Pairs ranked right"), (("rewards/accuracies", _("Share")),), "percent", ("dpo",)),
    Chart(
        "logps",
        _("Log-probability of answers"),
        (("logps/chosen", _("Chosen")), ("logps/rejected", _("Rejected"))),
        stages=("dpo",),
    ),
    Chart("learning_rate", _("Learning rate"), (("learning_rate", _("Rate")),)),
    Chart("grad_norm", _("Gradient norm"), (("grad_norm", _("Norm")),)),
    Chart("samples", _("Samples per second"), (("samples_per_s", _("Samples/s")),)),
    Chart("tokens", _("Tokens per second"), (("tokens_per_s", _("Tokens/s")),)),
    Chart("mfu", _("Model FLOPs utilisation"), (("mfu", "MFU"),), "percent"),
    Chart("memory", _("Memory"), (("memory_bytes", _("Bytes")),), "bytes"),
    Chart("wait", _("Time spent waiting for data"), (("data_wait_frac", _("Share")),), "percent"),
    Chart("skipped", _("Skipped steps"), (("skipped_steps", _("Steps")),)),
)
KEYS = frozenset({key for chart in CHARTS for key, _label in chart.lines} | {"step", "elapsed_s"})


def for_page(runs):
    """What the scripts need: the charts of the stages of these runs, in the reader's language."""
    stages = {run.stage for run in runs}
    return [
        {
            "name": chart.name,
            "title": str(chart.title),
            "lines": [{"key": key, "label": str(label)} for key, label in chart.lines],
            "form": chart.form,
            "large": chart.is_large,
        }
        for chart in CHARTS
        if stages & set(chart.stages) or not stages & {"sft", "dpo"}
    ]
