"""Figures of a release, fed row by row: what its page draws and its card says."""

import statistics
from array import array
from collections import Counter

from annotator import letters
from annotator.models import OPTION_KEYS
from annotator.taxonomy import CATEGORIES
from modelzoo import card, physgame
from modelzoo.instruct.figures import acceptance
from modelzoo.models import Release
from modelzoo.releases import content
from qc.models import BlindAnswer, LeakCheck


class _OfClips:
    """Counts every release has."""

    def __init__(self):
        self.by_category, self.by_source, self.by_licence, self.lengths_s = Counter(), Counter(), Counter(), {}

    def add(self, row, clip):
        if row.category:
            self.by_category[row.category] += 1
        if clip.pk not in self.lengths_s:
            self.lengths_s[clip.pk] = clip.length_s
            self.by_source[clip.source] += 1
            self.by_licence[clip.licence] += 1

    def as_json(self):
        lengths = sorted(self.lengths_s.values())
        domains = Counter()
        for name, count in self.by_category.items():
            domains[CATEGORIES[name].domain] += count
        found = {
            "by_category": dict(sorted(self.by_category.items())),
            "by_domain": dict(sorted(domains.items())),
            "by_source": dict(sorted(self.by_source.items())),
            "by_licence": dict(sorted(self.by_licence.items())),
        }
        if lengths:
            found["seconds"] = {
                "total": round(sum(lengths), 3),
                "shortest": round(lengths[0], 3),
                "median": round(statistics.median(lengths), 3),
                "longest": round(lengths[-1], 3),
            }
        return found


class BenchmarkFigures(_OfClips):
    """Options and letters, leak checks, and how blind reviewers answered."""

    def __init__(self, chosen):
        super().__init__()
        self.stats = card.Statistics()
        found = content.revisions(chosen)
        checks = LeakCheck.objects.filter(revision__in=found, current=True)
        models = checks.values_list("endpoints", flat=True).distinct()
        self.stats.leak_models.update(name for names in models for name in names)
        answers = BlindAnswer.objects.filter(revision__in=found).values_list("answer", flat=True)
        self.answers = Counter(answers)

    def add(self, row, clip):
        super().add(row, clip)
        options = {key: row.record["options"][letter] for key, letter in zip(OPTION_KEYS, row.record["order"], strict=True)}
        record = physgame.Record(row.row_id, row.record["question"], options, row.record["order"], row.category)
        self.stats.add(record, clip_id=clip.pk, length_s=clip.length_s, source=clip.source, licence=clip.licence)
        self.stats.by_leak[row.standing] += 1

    def as_json(self):
        stats = self.stats
        right = stats.chars[OPTION_KEYS[0]]
        wrong = [count for key in OPTION_KEYS[1:] for count in stats.chars[key]]
        return super().as_json() | {
            "letters": {letter: stats.by_letter[letter] for letter in letters.LETTERS},
            "leak": {"standings": dict(sorted(stats.by_leak.items())), "models": sorted(stats.leak_models)},
            "options": {
                "right_chars": round(statistics.fmean(right), 1) if right else 0,
                "wrong_chars": round(statistics.fmean(wrong), 1) if wrong else 0,
                "key_is_longest": stats.key_is_longest,
                "key_is_shortest": stats.key_is_shortest,
            },
            "blind": {"answers": self.answers.total(), "right": self.answers["correct"]},
        }


class TrainingFigures(_OfClips):
    """Turns or pairs by kind, how long what is learned is, and what people made of what models wrote."""

    def __init__(self, chosen):
        super().__init__()
        self.by_kind, self.kept = Counter(), acceptance()[0]
        self.turns, self.lengths = 0, {"answer": array("L"), "chosen": array("L"), "rejected": array("L")}

    def add(self, row, clip):
        super().add(row, clip)
        self.by_kind.update(row.kinds)
        for turn in row.record.get("QA", ()):
            self.turns += 1
            self.lengths["answer"].append(len(turn["a"]))
        for name in ("chosen", "rejected"):
            if name in row.record:
                self.lengths[name].append(len(row.record[name]))

    def as_json(self):
        chars = {name: round(statistics.fmean(values), 1) for name, values in self.lengths.items() if values}
        ruled = {name: getattr(self.kept, name) for name in ("as_written", "edited", "rejected")}
        found = {"turns": self.turns, "chars": chars, "by_kind": dict(sorted(self.by_kind.items())), "acceptance": ruled}
        return super().as_json() | found


def figures_of(kind):
    return BenchmarkFigures if kind == Release.Kind.BENCHMARK else TrainingFigures
