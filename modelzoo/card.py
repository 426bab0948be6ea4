"""The dataset card of an export: what is in it, counted, in the form the usual dataset sites read."""

import statistics
from array import array
from collections import Counter

from annotator.letters import LETTERS
from annotator.models import OPTION_KEYS
from annotator.taxonomy import CATEGORIES, by_domain

_MOST_LICENCES = 30
TAGS = ("video", "physical-commonsense")


class Statistics:
    """Counts over the questions of an export, fed one at a time."""

    def __init__(self):
        self.questions = 0
        self.by_category = Counter()
        self.by_source = Counter()
        self.by_licence = Counter()
        self.by_letter = Counter()
        self.by_leak = Counter()  # standing in the leak check (qc/leak_verdicts.py): questions
        self.leak_models = set()
        self.left_out = 0  # approved, but not passed by the leak check
        self.lengths_s = {}  # clip id: seconds; a clip with two questions counts once
        self.chars = {key: array("H") for key in OPTION_KEYS}
        self.key_is_longest = 0
        self.key_is_shortest = 0

    def add(self, record, *, clip_id, length_s, source, licence):
        self.questions += 1
        self.by_category[record.category] += 1
        self.by_letter[record.order[0]] += 1
        if clip_id not in self.lengths_s:
            self.lengths_s[clip_id] = length_s
            self.by_source[source] += 1
            self.by_licence[licence] += 1
        chars = [len(record.options[key]) for key in OPTION_KEYS]
        for key, count in zip(OPTION_KEYS, chars, strict=True):
            self.chars[key].append(count)
        self.key_is_longest += chars[0] > max(chars[1:])
        self.key_is_shortest += chars[0] < min(chars[1:])


def cell(text):
    """Text of people as one cell of a table: no line breaks, no markup."""
    flat = " ".join(text.split())
    return "".join("\\" + char if char in "\\`*_{}[]<>|#!~$&" else char for char in flat)


def table(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def _share(count, total):
    return f"{100 * count / total:.1f}%"


def size_category(count):
    for limit, name in [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")]:
        if count < limit:
            return name
    return "100K<n<1M"


_STANDINGS = {
    "unchecked": "were never checked",
    "checking": "were being checked",
    "failed": "could not be checked",
    "leaky": "can be answered from the text alone",
    "unsure": "may be answerable from the text alone",
}


def _leak_words(stats):
    """What is known about answering from the text alone, and what is not."""
    total = stats.questions
    doubtful = [f"{stats.by_leak[name]} {words}" for name, words in _STANDINGS.items() if stats.by_leak[name]]
    if stats.by_leak["unchecked"] == total:
        return (
            "There is no leak check: this export was made with unchecked questions allowed, and nobody has tested which of"
            " them a language model can answer from the text alone."
        )
    models = ", ".join(f"`{name}`" for name in sorted(stats.leak_models)) or "language models"
    told = (
        f"Leak check: {models} tried to answer questions from the text alone. {stats.by_leak['clear']} of {total} are clear,"
        f" {stats.by_leak['waived']} were let pass by a lead with a written reason."
    )
    if doubtful:
        told += f" **Unchecked questions were allowed in this export: {', '.join(doubtful)}.**"
    return (
        told
        + " The check knows these models on one day and no others: another reader may do better, and a model that took part"
        " in the check is measured unfairly by what is left."
    )


def front(name, count, *, split, path, tags):
    """The head by which dataset sites and `datasets` find the files: `split` is in `path`, `count` rows of it."""
    listed = "\n".join(f"- {tag}" for tag in tags)
    return f"""---
pretty_name: {name}
license: other
task_categories:
- visual-question-answering
tags:
{listed}
size_categories:
- {size_category(count)}
configs:
- config_name: default
  data_files:
  - split: {split}
    path: {path}
---
"""


def clips_told(lengths_s):
    """One line about clips of these lengths, which are in order."""
    return (
        f"{len(lengths_s)} clips, {sum(lengths_s) / 3600:.2f} hours. Length in seconds: shortest {lengths_s[0]:.1f}, median"
        f" {statistics.median(lengths_s):.1f}, mean {statistics.fmean(lengths_s):.1f}, longest {lengths_s[-1]:.1f}."
    )


def origins(by_source, by_licence, labels):
    """Two tables: clips by source, under the names of `labels`, and by licence, the most frequent first."""
    sources = sorted(by_source.items(), key=lambda item: (-item[1], item[0]))
    licences = sorted(by_licence.items(), key=lambda item: (-item[1], item[0]))
    rows = [[cell(name) or "not stated", count] for name, count in licences[:_MOST_LICENCES]]
    if len(licences) > _MOST_LICENCES:
        rows.append([f"{len(licences) - _MOST_LICENCES} others", sum(count for _, count in licences[_MOST_LICENCES:])])
    named = [[cell(str(labels[name])), count] for name, count in sources]
    return table(["Source", "Clips"], named) + "\n\n" + table(["Licence", "Clips"], rows)


def render(stats, *, annotation, video_words, purpose, source_labels, split="test"):
    """README.md as text. `video_words` says in a sentence what the video files are; `source_labels` names sources."""
    total = stats.questions
    lengths = sorted(stats.lengths_s.values())
    categories = [
        [domain, category.name, stats.by_category[category.name], _share(stats.by_category[category.name], total)]
        for domain, _label, rows in by_domain()
        for category in rows
    ]
    domains = Counter()
    for name, count in stats.by_category.items():
        domains[CATEGORIES[name].domain] += count
    right = stats.chars[OPTION_KEYS[0]]
    wrong = [count for key in OPTION_KEYS[1:] for count in stats.chars[key]]
    head = front("PhysGame questions", total, split=split, path=annotation, tags=[*TAGS, "game-glitches"])
    return f"""{head}
# PhysGame: {total} questions about physics glitches in gameplay video

Each question shows a clip of a game in which something breaks physical common sense, and asks for the one option of
four that describes it. Every question was approved by somebody other than its author, or was imported as approved;
every clip was accepted as gameplay.

## Files

- `{
        annotation
    }`: the questions, a JSON list of `question_id`, `question`, `options` (A to D), `answer`, `class_anno`, `subclass_anno`.
- `PhysGame-Benchmark/{{question_id}}.mp4`: {video_words}
- `classes_final_v2.json`: the question ids by domain, category and kind of glitch.
- `manifest.json`: size and SHA-256 of every other file, and the ids that had to change to be names of files.

Clips brought in for: {purpose}.

## Questions by category

{
        table(
            ["Domain", "Questions", "Share"],
            [[name, domains[name], _share(domains[name], total)] for name, _l, _r in by_domain()],
        )
    }

{table(["Domain", "Category", "Questions", "Share"], categories)}

## Clips

{clips_told(lengths)}

## Options

{
        table(
            ["Option", "Mean characters", "Median", "Longest"],
            [
                [name, f"{statistics.fmean(chars):.1f}", f"{statistics.median(chars):.1f}", max(chars)]
                for name, chars in [("correct", right), ("distractors", wrong)]
            ],
        )
    }

The correct option is the longest of the four in {_share(stats.key_is_longest, total)} of the questions and the shortest in \
{_share(stats.key_is_shortest, total)}; chance would be 25% each.

{table(["Letter", *LETTERS], [["Correct answers", *(stats.by_letter[letter] for letter in LETTERS)]])}

## Sources and licences of the clips

{origins(stats.by_source, stats.by_licence, source_labels)}

## Known limits

- {_leak_words(stats)}
- Near-duplicate clips are searched for by comparing frames as they come in; strong crops and new edits can be missed. No
  family of near-duplicates is in benchmark and training alike.
- Licences are as stated where each clip was found and have not been verified. The games belong to their makers.
- Options are written by people, and a reader without the video may do better than chance.
"""
