"""What goes into a release, and why the rest does not: filters, and the rows of each kind in their order."""

import json
from dataclasses import asdict, dataclass

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import OPTION_KEYS, Clip, Revision
from annotator.taxonomy import CATEGORIES
from modelzoo import exporting, physgame
from modelzoo.instruct.models import InstructSample, PreferencePair
from modelzoo.models import Release, ReleaseRow
from qc import leak_verdicts

BATCH = 2000
CLIP_FACTS = (
    "id sha256 original proxy size_bytes frame_count fps_num fps_den source source_id title author permalink licence"
).split()


@dataclass(frozen=True)
class Filters:
    """Which rows: empty tuples mean all. `kinds` are those of PhysInstruct samples or PhysDPO pairs.

    `allow_unchecked` and `leave_out_conflicts` say what happens to questions without a leak check that passed, and to clips
    that the split firewall refuses; without them the former are left out and the latter stop the sealing.
    """

    categories: tuple = ()
    sources: tuple = ()
    licences: tuple = ()
    kinds: tuple = ()
    allow_unchecked: bool = False
    leave_out_conflicts: bool = False

    def as_json(self):
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, stored):
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})

    def on_clips(self, prefix):
        """Keyword arguments for a queryset whose clip is at `prefix`."""
        found = {}
        if self.sources:
            found[f"{prefix}source__in"] = self.sources
        if self.licences:
            found[f"{prefix}licence__in"] = self.licences
        return found


@dataclass(frozen=True, slots=True)
class Row:
    row_id: str
    clip_id: int
    record: dict
    category: str = ""
    question_id: int | None = None
    revision_number: int | None = None
    standing: str = ""  # in the leak check
    questions: tuple = ()  # all it was made of, where `question_id` cannot tell
    kinds: tuple = ()  # of the samples or pairs in it


def canonical(record):
    """The one text of a record: its hash and its bytes in every export come from this."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


class Benchmark:
    """Approved revisions on accepted benchmark clips that passed the leak check."""

    PURPOSE = Clip.Purpose.BENCHMARK
    SPLITS = ("test", "val")

    def __init__(self, filters):
        self.filters = filters
        found = exporting.approved(self.PURPOSE).filter(**filters.on_clips("question__clip__"))
        if filters.categories:
            found = found.filter(category__in=filters.categories)
        self.found = found
        self.chosen = found if filters.allow_unchecked else leak_verdicts.passed(found)

    def count(self):
        return self.chosen.count()

    def left_out(self):
        """How many approved questions stay out because of the leak check."""
        return 0 if self.filters.allow_unchecked else self.found.count() - self.chosen.count()

    def why_nothing(self):
        return exporting.why_nothing(self.found)

    def clips(self):
        return Clip.objects.filter(pk__in=self.chosen.order_by().values("question__clip"))

    def rows(self, *, without=frozenset()):
        """`Row`s by question, those on the clips `without` left out.

        A question that an earlier release held keeps its id and its letters, whatever was added since.
        """
        rows = self.chosen.exclude(question__clip__in=without) if without else self.chosen
        names = "question_id", "question__published_id", "question__published_order", "question__clip__source_id"
        heads = list(rows.order_by("question_id").values_list(*names).iterator(BATCH))
        before = _published()
        heads = [(head[0], *before.get(head[0], head[1:3]), head[3]) for head in heads]
        ids, orders = exporting.ids_and_orders(heads, physgame.IdRegister())
        texts = "stem", *OPTION_KEYS, "category", "sub_label", "spans", "number"
        clip = "question__clip_id", "question__clip__sha256", "question__clip__fps_num", "question__clip__fps_den"
        stream = leak_verdicts.with_standing(rows).order_by("question_id")
        stream = stream.values_list("leak_standing", "question_id", *texts, *clip).iterator(BATCH)
        for index, (standing, pk, stem, *rest) in enumerate(stream):
            options, (category, label, spans, number, clip_id, sha256, fps_num, fps_den) = rest[:4], rest[4:]
            options = dict(zip(OPTION_KEYS, options, strict=True))
            public = physgame.Record(ids[index], stem, options, orders[index], category).as_json()
            seconds = [
                [round(first * fps_den / fps_num, 3), round((last + 1) * fps_den / fps_num, 3)] for first, last in spans
            ]
            record = {**public, "order": orders[index], "video": f"{ids[index]}.mp4", "sub_label": label, "spans_s": seconds}
            yield Row(ids[index], clip_id, {**record, "clip_sha256": sha256}, category, pk, number, standing)


def _published():
    """{question: (id, letters)} as the newest release that holds it has them."""
    found = {}
    rows = ReleaseRow.objects.filter(release__kind=Release.Kind.BENCHMARK, release__state="sealed", question__isnull=False)
    for pk, record in rows.order_by("release__number").values_list("question_id", "record").iterator(BATCH):
        record = json.loads(record)
        found[pk] = record["question_id"], record["order"]
    return found


class _Training:
    """Accepted rows of PhysInstruct or PhysDPO; one row is one record of the public file."""

    PURPOSE = Clip.Purpose.TRAINING
    SPLITS = ("train", "val")

    def __init__(self, filters):
        self.filters = filters
        chosen = self.MODEL.objects.filter(**filters.on_clips("clip__"))
        if filters.kinds:
            unknown = sorted(set(filters.kinds) - set(self.MODEL.Kind.values))
            if unknown:
                raise ValueError(_("%(name)s is not a kind of row here.") % {"name": unknown[0]})
            chosen = chosen.filter(kind__in=filters.kinds)
        if filters.categories:
            named = Q(clip__truth__category__in=filters.categories) | Q(clip__expected_category__in=filters.categories)
            chosen = chosen.filter(named)
        self.chosen = chosen

    def count(self):
        return self.chosen.accepted().count()

    def left_out(self):
        return 0

    def why_nothing(self):
        return self.NOTHING

    def clips(self):
        return Clip.objects.filter(pk__in=self.chosen.accepted().order_by().values("clip"))

    def rows(self, *, without=frozenset()):
        """`Row`s by clip, those on the clips `without` left out."""
        facts = self.clips().values_list("pk", "sha256", "truth__category", "expected_category")
        facts = {pk: (sha256, truth or expected) for pk, sha256, truth, expected in facts.iterator(BATCH)}
        asked = _questions_behind(self.chosen.accepted(), self.REVISION)
        kinds = dict(self.chosen.accepted().order_by().values_list("pk", "kind").iterator(BATCH))
        for row in self.chosen.public_rows():
            if row.clip_id in without:
                continue
            sha256, category = facts[row.clip_id]
            record = {"id": row.key, **row.record, "clip_sha256": sha256}
            behind = sorted({asked[pk] for pk in row.ids if pk in asked})
            questions = {"question_id": behind[0]} if len(behind) == 1 else {"questions": tuple(behind)}
            of_kind = tuple(kinds.get(pk, "") for pk in row.ids)
            yield Row(row.key, row.clip_id, record, category or "", kinds=of_kind, **questions)


def _questions_behind(found, path):
    """{row: question} of those rows that were made from an approved question."""
    return dict(found.filter(**{f"{path}__isnull": False}).order_by().values_list("pk", f"{path}__question"))


class Instruct(_Training):
    MODEL, REVISION = InstructSample, "revision"
    NOTHING = gettext_lazy("There is no accepted PhysInstruct sample on a ready training clip.")


class Preference(_Training):
    MODEL, REVISION = PreferencePair, "sample__revision"
    NOTHING = gettext_lazy("There is no accepted PhysDPO pair on a ready training clip.")


CONTENTS = {
    Release.Kind.BENCHMARK: Benchmark,
    Release.Kind.INSTRUCT: Instruct,
    Release.Kind.PREFERENCE: Preference,
}


def of(kind, filters):
    """The content of a release of that kind; `ValueError` for filters that cannot be."""
    unknown = sorted(set(filters.categories) - set(CATEGORIES))
    if unknown:
        raise ValueError(_("%(name)s is not one of the 12 categories.") % {"name": unknown[0]})
    unknown = sorted(set(filters.sources) - set(Clip.Source.values))
    if unknown:
        raise ValueError(_("%(name)s is not a source of clips.") % {"name": unknown[0]})
    return CONTENTS[kind](filters)


def revisions(content):
    """The revisions behind the rows, for figures; None where the rows are no questions."""
    return Revision.objects.filter(pk__in=content.chosen.order_by().values("pk")) if isinstance(content, Benchmark) else None
