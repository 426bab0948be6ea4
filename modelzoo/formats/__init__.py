"""What a release is written as: one module for each family of readers, all fed from one pass over the rows.

A format is a class with `KINDS`, made with (files, info); `add(record)` takes each row, `close()` ends it.
"""

from django.utils.translation import gettext_lazy as _

from modelzoo.formats import harnesses, public, shards, tables, trainers

FORMATS = {
    "physgame": public.Public,
    "qwen": trainers.Qwen,
    "internvl": trainers.InternVL,
    "llamafactory": trainers.LlamaFactory,
    "ms-swift": trainers.Swift,
    "trl": trainers.Trl,
    "lmms-eval": harnesses.LmmsEval,
    "vlmevalkit": harnesses.VlmEvalKit,
    "parquet": tables.Parquet,
    "webdataset": shards.WebDataset,
}
LABELS = {
    "physgame": _("PhysGame, the public format"),
    "qwen": _("Qwen-VL conversations"),
    "internvl": _("InternVL lines with their meta file"),
    "llamafactory": "LLaMA-Factory",
    "ms-swift": "ms-swift",
    "trl": _("TRL, with pictures for its videos"),
    "lmms-eval": _("lmms-eval task"),
    "vlmevalkit": _("VLMEvalKit table"),
    "parquet": _("Parquet, for Hugging Face datasets"),
    "webdataset": _("WebDataset shards"),
}


def for_kind(kind):
    """Names of the formats that a release of that kind can be written as."""
    return [name for name, format_ in FORMATS.items() if kind in format_.KINDS]
