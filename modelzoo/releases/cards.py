"""The dataset card of a release, in the form the usual dataset sites read."""

from django.utils import translation

from annotator.models import Clip
from annotator.taxonomy import CATEGORIES
from modelzoo import card, physgame
from modelzoo.formats import public
from modelzoo.instruct.figures import Share
from modelzoo.models import Release
from modelzoo.releases import content

_VIDEO = "the clip of a question as it was found; where that was not an MP4 file, its H.264 transcode."
_BASES = {"verdicts": "Approve or not", "blind": "Blind answers"}


def for_export(release, *, rows, wanted):
    """The card of an export with `rows` rows and the formats `wanted`: its head names a file that is there."""
    before = f"    path: {public.file_name(release.kind, release.name, release.rows_count)}\n"
    if "parquet" in wanted:
        return release.card.replace(before, f"    path: data/{release.split}.parquet\n", 1)
    return release.card.replace(before, f"    path: {public.file_name(release.kind, release.name, rows)}\n", 1)


def render(release, stats):
    """README.md as text; `stats` are the figures of modelzoo.releases.figures, `release.facts` all that is known."""
    if release.kind == Release.Kind.BENCHMARK:
        text = card.render(
            stats.stats,
            annotation=physgame.annotation_name(release.rows_count),
            video_words=_VIDEO,
            purpose=release.purpose,
            source_labels={name: str(label) for name, label in Clip.Source.choices},
            split=release.split,
        )
    else:
        text = _training(release, release.facts, stats)
    return text + _agreement(release.facts.get("agreement", {})) + _about(release, release.facts)


def _agreement(found):
    """A table of how far several people agreed about the questions behind the rows."""
    rows = []
    for basis, label in _BASES.items():
        figures = found.get(basis) or {}
        if figures.get("items"):
            rows.append(
                [label, figures["items"], figures["ratings"], _figure(figures["alpha"]), _figure(figures["percent"])]
            )
    told = "\n## Agreement\n\n"
    if not rows:
        return f"{told}No question behind these rows was judged by two people, so there is nothing to say of it.\n"
    head = ["What several cross-checkers said", "Revisions", "Judgements", "Krippendorff's alpha", "Agreement"]
    return (
        f"{told}Of every revision of the questions behind these rows that two or more people judged, those that were"
        f" returned included; nominal, with 95% bootstrap intervals over revisions.\n\n{card.table(head, rows)}\n"
    )


def _figure(values):
    value, low, high = values
    if value is None:
        return "undefined (all said the same)"
    return f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")


def _about(release, facts):
    told = [
        "\n## Release\n",
        f"`{release.name}`, number {release.number} of its kind, split `{release.split}`, {release.rows_count} rows on"
        f" {release.clips_count} clips. SHA-256 of its list of rows: `{release.sha256}`.",
    ]
    if release.previous:
        told.append(
            f"Since `{release.previous.name}`: {release.added} rows added, {release.changed} changed,"
            f" {release.removed} removed."
        )
    if facts.get("blind", {}).get("answers"):
        blind = facts["blind"]
        told.append(
            f"Reviewers who had not seen the key gave the correct option in {blind['right']} of {blind['answers']} answers"
            f" ({100 * blind['right'] / blind['answers']:.1f}%). Questions with much disagreement were not approved, so this"
            " says more about what was kept than about people."
        )
    if facts.get("leak"):
        told.append(
            "Leak checks by result: " + ", ".join(f"{name} {n}" for name, n in facts["leak"]["standings"].items()) + "."
        )
    told.append("Each clip, with the clips that are known to look like it, is in one split of one purpose for ever.")
    return "\n".join(told) + "\n"


def _training(release, facts, stats):
    name = "PhysInstruct" if release.kind == Release.Kind.INSTRUCT else "PhysDPO"
    what = f"{facts['turns']} questions and answers" if facts["turns"] else f"{release.rows_count} preference pairs"
    file = public.file_name(release.kind, release.name, release.rows_count)
    head = card.front(f"{name} {release.name}", release.rows_count, split=release.split, path=file, tags=card.TAGS)
    labels = dict(content.CONTENTS[release.kind].MODEL.Kind.choices)
    kinds = [[card.cell(_english(labels[kind])), n] for kind, n in facts["by_kind"].items()]
    categories = [[CATEGORIES[key].domain, key, n] for key, n in facts["by_category"].items()]
    unknown = release.rows_count - sum(facts["by_category"].values())
    if unknown:
        categories.append(["", "not known, or nothing breaks", unknown])
    return f"""{head}
# {name}: {what} about gameplay video

`{file}` is the public form. `datasets.load_dataset` on the folder reads it, or `data/{release.split}.parquet` where the
export has that.

## Rows

{card.table(["Kind", "Questions and answers" if facts["turns"] else "Pairs"], kinds)}

{card.table(["Domain", "Category of the clip", "Rows"], categories)}

{_acceptance(facts["acceptance"])}

## Clips

{card.clips_told(sorted(stats.lengths_s.values()))}

{card.origins(facts["by_source"], facts["by_licence"], {key: str(label) for key, label in Clip.Source.choices})}

## Texts

{card.table(["Text", "Mean characters"], facts["chars"].items())}

## Known limits

- Texts were written by language models or made from approved questions and GlitchWorld's ground truth; people looked at
  a part of them.
- Licences are as stated where each clip was found and have not been verified. The games belong to their makers.
"""


def _english(label):
    with translation.override("en"):
        return str(label)


def _acceptance(ruled):
    """What people made of the samples that models wrote, all that the Studio had when this was sealed."""
    accepted = Share(ruled["as_written"] + ruled["edited"], sum(ruled.values()))
    if not accepted.n:
        return "No sample written by a model was ruled on by a person."
    return (
        f"Of {accepted.n} samples written by a model that a person had ruled on when this was sealed, {accepted.hits} were"
        f" accepted ({100 * accepted.value:.1f}%, 95% interval {100 * accepted.low:.1f}% to {100 * accepted.high:.1f}%),"
        f" {ruled['edited']} of them after an edit."
    )
