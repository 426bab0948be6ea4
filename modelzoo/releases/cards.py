"""The dataset card of a release, in the form the usual dataset sites read."""

from annotator.models import Clip
from modelzoo import card, physgame
from modelzoo.models import Release

CONFIG = """configs:
- config_name: default
  data_files:
  - split: {split}
    path: {path}
---
"""
_VIDEO = "the clip of a question as it was found; where that was not an MP4 file, its H.264 transcode."


def render(release, stats):
    """README.md as text; `stats` are the figures of modelzoo.releases.figures."""
    if release.kind == Release.Kind.BENCHMARK:
        text = card.render(
            stats.stats,
            annotation=physgame.annotation_name(release.rows_count),
            video_words=_VIDEO,
            purpose=release.purpose,
            source_labels={name: str(label) for name, label in Clip.Source.choices},
        )
    else:
        text = _training(release, stats.as_json())
    return text + _about(release, stats.as_json())


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
            f"Agreement: reviewers who had not seen the key gave the correct option in {blind['right']} of"
            f" {blind['answers']} answers ({100 * blind['right'] / blind['answers']:.1f}%). Questions with much disagreement"
            " were not approved, so this says more about what was kept than about people."
        )
    if facts.get("leak"):
        told.append(
            "Leak checks by result: " + ", ".join(f"{name} {n}" for name, n in facts["leak"]["standings"].items()) + "."
        )
    told.append("Each clip, with the clips that are known to look like it, is in one split of one purpose for ever.")
    return "\n".join(told) + "\n"


def _training(release, facts):
    name = "PhysInstruct" if release.kind == Release.Kind.INSTRUCT else "PhysDPO"
    what = f"{facts['turns']} questions and answers" if facts["turns"] else f"{release.rows_count} preference pairs"
    sources = {str(Clip.Source(source).label): count for source, count in facts["by_source"].items()}
    seconds = facts["seconds"]
    return f"""---
pretty_name: {name} {release.name}
license: other
task_categories:
- visual-question-answering
tags:
- video
- physical-commonsense
size_categories:
- {card.size_category(release.rows_count)}
{CONFIG.format(split=release.split, path=f"{name}_{release.name}.json")}
# {name}: {what} about gameplay video

## Clips

{release.clips_count} clips, {seconds["total"] / 3600:.2f} hours. Length in seconds: shortest {seconds["shortest"]:.1f}, \
median {seconds["median"]:.1f}, longest {seconds["longest"]:.1f}.

{card.table(["Source", "Clips"], sources.items())}

{card.table(["Licence", "Clips"], [[card.cell(key) or "not stated", n] for key, n in facts["by_licence"].items()])}

## Texts

{card.table(["Text", "Mean characters"], facts["chars"].items())}

## Known limits

- Texts were written by language models or made from approved questions and GlitchWorld's ground truth; people looked at
  a part of them.
- Licences are as stated where each clip was found and have not been verified. The games belong to their makers.
"""
