"""What a reader of the quality page asked for: of which clips, over which time, against how many questions in the end."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Clip
from annotator.taxonomy import PUBLIC_TOTAL

PURPOSES = {
    Clip.Purpose.BENCHMARK.value: Clip.Purpose.BENCHMARK.label,
    Clip.Purpose.TRAINING.value: Clip.Purpose.TRAINING.label,
    "all": _("Benchmark and training"),
}
STEPS = {"day": _("by day"), "week": _("by week")}
SPANS = {30: _("30 days"), 90: _("90 days"), 365: _("one year")}
MOST_TARGET = 1_000_000


@dataclass(frozen=True)
class Asked:
    purpose: str = Clip.Purpose.BENCHMARK.value
    by: str = "day"
    span: int = 30  # days, today included
    target: int = PUBLIC_TOTAL  # questions to have in the end

    @classmethod
    def of(cls, query):
        """Out of an address; what makes no sense is as if it were not there."""
        found = cls()
        numbers = {}
        for name in ("span", "target"):
            text = query.get(name, "")
            numbers[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        return cls(
            purpose=query.get("purpose") if query.get("purpose") in PURPOSES else found.purpose,
            by=query.get("by") if query.get("by") in STEPS else found.by,
            span=numbers["span"] if numbers["span"] in SPANS else found.span,
            target=numbers["target"] if 1 <= numbers["target"] <= MOST_TARGET else found.target,
        )

    @property
    def purposes(self):
        return [Clip.Purpose.BENCHMARK, Clip.Purpose.TRAINING] if self.purpose == "all" else [self.purpose]

    @property
    def until(self):
        return timezone.localdate()

    @property
    def since(self):
        """The first day; by week that is a Monday."""
        first = self.until - timedelta(days=self.span - 1)
        return first - timedelta(days=first.weekday()) if self.by == "week" else first

    def steps(self):
        """The first day of each day or week, oldest first."""
        length = 7 if self.by == "week" else 1
        count = (self.until - self.since).days // length + 1
        return [self.since + timedelta(days=length * number) for number in range(count)]

    def step_of(self, day: date):
        return day - timedelta(days=day.weekday()) if self.by == "week" else day

    def changed(self, **values):
        return asdict(self) | values
