"""The leaderboard: what others published beside what was measured here, in one order; and the same as a file.

Published rows are about the public sets. Measured ones say on which set and by which protocol; they may be compared with
published ones only on the same set under the protocol of the paper.
"""

import csv
import io
import json
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from annotator.taxonomy import CATEGORIES, DOMAINS
from modelzoo.evaluation import figures, protocols, published
from modelzoo.evaluation.models import Evaluation

MOST = 500
CONTROL_NAMES = protocols.CONTROLS
BENCHMARKS = {"physgame": "PhysGame", "video-mme": "Video-MME", "vcg": "VCG"}
HEADLINES = ("micro", "AVG", "overall", "overall_subs")  # columns that show their interval without being asked
_HEAT = 10


@dataclass(frozen=True)
class Cell:
    """A figure: `value` is a share (0 to 1) or a score; `heat` 0 to 10 colours it; text for the tooltip in `told`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    right: int | None = None
    is_score: bool = False

    @property
    def text(self):
        if self.value is None:
            return "–"
        return f"{self.value:.2f}" if self.is_score else f"{100 * self.value:.1f}"

    @property
    def span(self):
        """The interval as "48.2–57.1"."""
        if self.low is None:
            return ""
        return f"{self.low:.2f}–{self.high:.2f}" if self.is_score else f"{100 * self.low:.1f}–{100 * self.high:.1f}"

    @property
    def heat(self):
        if self.value is None:
            return ""
        return round(self.value / 5 * _HEAT if self.is_score else min(1, max(0, self.value)) * _HEAT)

    @property
    def told(self):
        """The interval and the count, in words."""
        if self.low is None or self.value is None:
            return ""
        if self.is_score:
            words = _("%(n)s scores; 95 %% interval %(low)s to %(high)s")
            return words % {"n": self.n, "low": f"{self.low:.2f}", "high": f"{self.high:.2f}"}
        words = _("%(right)s of %(n)s; 95 %% interval %(low)s to %(high)s")
        return words % {
            "right": self.right if self.right is not None else round(self.value * self.n),
            "n": self.n,
            "low": f"{100 * self.low:.1f}",
            "high": f"{100 * self.high:.1f}",
        }


@dataclass
class Row:
    name: str
    note: str  # size of a published model; protocol and set of a measured one
    is_published: bool
    cells: dict  # {column: Cell}
    date: str = ""
    evaluation: Evaluation | None = None
    controls: dict = field(default_factory=dict)  # {protocol: (Cell, id of the evaluation)}

    @property
    def control_cells(self):
        return [(name, self.controls.get(name)) for name in CONTROL_NAMES]


def columns(benchmark):
    """[(key, label, group)] of the figures of a benchmark; the first is the one that rows are ordered by at first."""
    if benchmark == "vcg":
        return [("AVG", _("Average"), ""), *((name, name, "") for name in published.VCG_COLUMNS[:5])]
    if benchmark == "video-mme":
        names = {"overall": _("All"), "short": _("Short"), "medium": _("Medium"), "long": _("Long")}
        return [
            (key + subs, label, _("with subtitles") if subs else _("without subtitles"))
            for subs in ("", "_subs")
            for key, label in names.items()
        ]
    by_category = [(one.name, one.label, DOMAINS[one.domain]) for one in CATEGORIES.values()]
    return [("micro", _("All"), ""), ("macro", _("Mean of categories"), ""), *by_category]


def build(benchmark="physgame", *, protocol="", question_set=None, sort="", descending=True, with_published=True):
    """The `Row`s in order. `protocol` "" shows all but the controls, which stand beside the rows they belong to."""
    rows = _published_rows(benchmark) if with_published and protocol in ("", "published", "paper") else []
    if protocol != "published":
        rows += _measured_rows(benchmark, protocol, question_set)
    keys = [key for key, _label, _group in columns(benchmark)]
    if sort == "name":
        return sorted(rows, key=lambda row: row.name.casefold(), reverse=descending)
    key = sort if sort in keys else keys[0]

    def place(row):
        cell = row.cells.get(key)
        value = cell.value if cell else None
        return (value is None, (-value if descending else value) if value is not None else 0, row.name.casefold())

    return sorted(rows, key=place)


def _of(figure):
    return Cell(figure["share"], figure["low"], figure["high"], figure.get("n"), figure.get("right"))


def _published_rows(benchmark):
    if benchmark == "vcg":
        return [
            Row(
                row.model, _("trained on preferences") if row.by_preference else "", True,
                {name: Cell(value, is_score=True) for name, value in row.score.items()},
            )
            for row in published.VCG
        ]  # fmt: skip
    if benchmark == "video-mme":
        return [
            Row(row.model, row.size, True, {name: Cell(value / 100) for name, value in row.percent.items()})
            for row in published.VIDEO_MME
        ]
    rows = []
    for row in published.PHYSGAME:
        found = {
            name: _plain(right, n) for name, right, n in zip(CATEGORIES, row.right, published.PHYSGAME_COUNTS, strict=True)
        }
        cells = {name: _of(figure) for name, figure in found.items()}
        cells["micro"] = _of(_plain(sum(row.right), sum(published.PHYSGAME_COUNTS)))
        cells["macro"] = Cell(sum(figure["share"] for figure in found.values()) / len(found))
        note = " · ".join(filter(None, [row.size, _("open") if row.is_open else _("proprietary")]))
        rows.append(Row(row.model, note, True, cells, date=row.date))
    return rows


def _plain(right, n):
    low, high = figures.wilson(right, n)
    return {"share": right / n, "low": low, "high": high, "n": n, "right": right}


def _measured_rows(benchmark, protocol, question_set):
    found = Evaluation.objects.shown().for_lists().filter(question_set__benchmark=benchmark)
    if question_set:
        found = found.filter(question_set_id=question_set)
    found = list(found.order_by("-pk")[:MOST])
    controls = {}
    for one in found:
        if one.protocol in CONTROL_NAMES:
            controls.setdefault(_model_of(one), {}).setdefault(one.protocol, one)
    rows = []
    for one in found:
        if protocol == one.protocol or not protocol and one.protocol not in CONTROL_NAMES:
            beside = controls.get(_model_of(one), {}) if one.protocol not in CONTROL_NAMES else {}
            cells = cells_of(one)
            rows.append(
                Row(
                    one.name,
                    "",
                    False,
                    cells,
                    date=one.completed_at.date().isoformat(),
                    evaluation=one,
                    controls={name: (headline(other), other.pk) for name, other in beside.items()},
                )
            )
    return rows


def _model_of(one):
    subtitles = bool(one.protocol_settings.get("subtitles"))
    return (
        one.question_set_id, one.model_kind, one.model, one.model_sha256, one.scoring, one.repeat, one.judge, subtitles,
    )  # fmt: skip


def headline(evaluation):
    """The `Cell` of the one figure of an evaluation."""
    told = evaluation.figures
    return _score(told["scores"]["AVG"]) if "scores" in told else _of(told["micro"])


def _score(figure):
    return Cell(figure["score"], figure["low"], figure["high"], figure["n"], is_score=True)


def cells_of(evaluation):
    told = evaluation.figures
    if "scores" in told:
        return {name: _score(figure) for name, figure in told["scores"].items()}
    if evaluation.question_set.benchmark == "video-mme":
        subs = "_subs" if evaluation.protocol_settings.get("subtitles") else ""
        cells = {part + subs: _of(figure) for part, figure in told["by_part"].items()}
        return {**cells, f"overall{subs}": _of(told["micro"])}
    cells = {name: _of(figure) for name, figure in told["by_category"].items()}
    macro = told["macro"]
    return {
        **cells,
        "micro": _of(told["micro"]),
        "macro": Cell(macro["share"], macro["low"], macro["high"], told["micro"]["n"]),
    }


# ---- As a file


def _records(rows, benchmark):
    knows_claims = any(row.evaluation and row.evaluation.figures.get("said") for row in rows)
    for row in rows:
        one = row.evaluation
        record = {
            "model": row.name,
            "source": "published" if row.is_published else "measured",
            "reference": published.SOURCE if row.is_published else f"evaluation {one.pk}",
            "question_set": "" if row.is_published else one.question_set.name,
            "protocol": "" if row.is_published else f"{one.protocol} v{one.protocol_version}",
            "scoring": "" if row.is_published else one.scoring,
            "frames": "" if row.is_published else one.frames.get("count", ""),
            "judge": "" if row.is_published else one.judge,
            "date": row.date,
            "no_answer": "" if row.is_published else one.figures.get("no_answer", ""),
        }
        for key, _label, _group in columns(benchmark):
            cell = row.cells.get(key)
            record[key] = cell and cell.value
            if key in HEADLINES:
                record |= {f"{key}_n": cell and cell.n, f"{key}_low": cell and cell.low, f"{key}_high": cell and cell.high}
        for name in CONTROL_NAMES:
            found = row.controls.get(name)
            record[f"control {name}"] = found[0].value if found else None
        record |= _said(one) if knows_claims else {}
        yield record


def _said(evaluation):
    """False alarms and Youden's J by category, and of motion together; None where the set does not tell claims."""
    found = evaluation and evaluation.figures.get("said") or {}
    by_name = {**found.get("by_category", {}), "motion": found.get("motion")}
    record = {}
    for name in (*CATEGORIES, "motion"):
        one = by_name.get(name) or {"j": None, "low": None, "high": None, "alarms": {"share": None}}
        record[f"alarms {name}"] = one["alarms"]["share"]
        record |= {f"J {name}": one["j"], f"J {name}_low": one["low"], f"J {name}_high": one["high"]}
    return record


_ABOUT = ("model", "source", "reference", "question_set", "protocol", "scoring", "judge", "date")


def api_rows(rows, benchmark):
    """The same records with the figures apart."""
    found = []
    for record in _records(rows, benchmark):
        figures = {key: value for key, value in record.items() if key not in (*_ABOUT, "no_answer", "frames")}
        found.append({**{key: record[key] for key in _ABOUT}, "figures": figures})
    return found


def as_json(rows, benchmark):
    told = {"benchmark": benchmark, "published_in": published.SOURCE_URL, "rows": list(_records(rows, benchmark))}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def as_csv(rows, benchmark):
    records = list(_records(rows, benchmark))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(records[0]) if records else ["model"], lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        # A name that begins like a formula would be one to a spreadsheet.
        writer.writerow({key: "'" + value if _is_formula(value) else value for key, value in record.items()})
    return out.getvalue()


def _is_formula(value):
    return isinstance(value, str) and value[:1] in ("=", "+", "-", "@")


_TEX = str.maketrans(
    {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
     "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)  # fmt: skip


def as_latex(rows, benchmark):
    """A table for a paper: needs booktabs and rotating."""
    shown = columns(benchmark)
    lines = [
        r"% needs \usepackage{booktabs,rotating}",
        r"\begin{tabular}{ll" + "r" * len(shown) + "}",
        r"\toprule",
        " & ".join(["Model", "Source", *(rf"\rotatebox{{90}}{{{str(key).translate(_TEX)}}}" for key, *_rest in shown)])
        + r" \\",
        r"\midrule",
    ]
    for row in rows:
        source = "published" if row.is_published else row.evaluation.protocol
        cells = [row.cells[key].text if key in row.cells else "--" for key, *_rest in shown]
        lines.append(" & ".join([row.name.translate(_TEX), source, *cells]).replace("–", "--") + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


FILES = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "json": (as_json, "application/json"),
    "tex": (as_latex, "application/x-tex; charset=utf-8"),
}
