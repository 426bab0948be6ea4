"""Predictions that somebody made elsewhere: a team is compared without giving its model.

    gamebench   [{"question_id", "answer", "output"}, ...]                    what GameBench's evaluation script reads
    physvlm     {"acc", "output": [{"video_id", "pred", "gt", ...}, ...]}     what PhysVLM's evaluation writes
    csv         a header with question_id and prediction (or output, answer, letter), then one line a question

Replies go through the same reader as those of models that the Studio asks itself. A question without a reply has no answer,
which is wrong and counted apart.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from modelzoo.evaluation import opening, runner, scorers
from modelzoo.evaluation.models import Evaluation, SetQuestion

MOST_BYTES = 50_000_000
_REPLY = ("prediction", "output", "pred", "letter", "answer")
# The rule that the makers of a layout judge it by, used under the protocol "paper"
_RULES = {"gamebench": "first_character", "physvlm": "physgame_file", "csv": "physgame"}


class BadFile(ValueError):
    """The file cannot be imported; the sentence says where and why, and nothing was stored."""


@dataclass(frozen=True)
class Replies:
    layout: str
    by_id: dict  # {question id: reply}
    keys: dict  # {question id: right letter, as the file says}


def read(data):
    """`Replies` of a file's bytes, whichever layout it has; `BadFile`."""
    if len(data) > MOST_BYTES:
        raise BadFile(_("The file is larger than %(limit)s MB.") % {"limit": MOST_BYTES // 1_000_000})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(_("The file is not UTF-8 text (byte %(place)s).") % {"place": error.start}) from error
    if not text.strip():
        raise BadFile(_("The file is empty."))
    if text.lstrip()[0] not in "[{":
        return _read_csv(text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(_("The file is not JSON: %(error)s.") % {"error": error}) from error
    if isinstance(found, dict):
        return _read_rows("physvlm", found.get("output"), "video_id", "pred", "gt")
    return _read_rows("gamebench", found, "question_id", "output", "answer")


def _read_rows(layout, rows, id_field, reply_field, key_field):
    if not isinstance(rows, list) or not rows:
        raise BadFile(_("There are no predictions in the file: it must hold a list of them."))
    by_id, keys = {}, {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get(id_field), str):
            raise BadFile(_("Prediction %(number)s has no %(field)s.") % {"number": number, "field": id_field})
        name, reply = row[id_field].removesuffix(".mp4"), row.get(reply_field)
        if reply is not None and not isinstance(reply, str):
            raise BadFile(
                _("Prediction %(number)s (%(id)s): %(field)s must be text.")
                % {"number": number, "id": name, "field": reply_field}
            )
        _enter(by_id, name, reply, number)
        key = row.get(key_field)
        if isinstance(key, str) and key.strip():
            keys[name] = key.strip().lstrip("(")[:1]
    return Replies(layout, by_id, keys)


def _read_csv(text):
    try:
        rows = csv.DictReader(io.StringIO(text), strict=True)
        head = [name.strip().lower() for name in rows.fieldnames or []]
        rows.fieldnames = head
        reply_field = next((name for name in _REPLY if name in head), None)
        if "question_id" not in head or reply_field is None:
            raise BadFile(_("The first line must name the columns question_id and prediction."))
        by_id = {}
        for number, row in enumerate(rows, 1):
            name = (row["question_id"] or "").strip().removesuffix(".mp4")
            if not name:
                raise BadFile(_("Prediction %(number)s has no %(field)s.") % {"number": number, "field": "question_id"})
            _enter(by_id, name, row[reply_field], number)
    except csv.Error as error:
        raise BadFile(_("The file is not CSV: %(error)s.") % {"error": error}) from error
    if not by_id:
        raise BadFile(_("There are no predictions in the file: it must hold a list of them."))
    return Replies("csv", by_id, {})


def _enter(by_id, name, reply, number):
    if name in by_id:
        raise BadFile(_("Prediction %(number)s: the question %(id)s is there twice.") % {"number": number, "id": name})
    by_id[name] = (reply or "").replace("\x00", "")


@transaction.atomic
def store(data, question_set, *, name, protocol="standard", file_name="", by=None):
    """The complete `Evaluation` of a file of predictions, stored whole or not at all; the same file is the same one."""
    replies = read(data)
    questions = list(SetQuestion.objects.filter(question_set=question_set).order_by("number"))
    if question_set.benchmark == "vcg":
        raise BadFile(_("Open answers need a judge; they cannot be imported."))
    _check(replies, questions)
    model = opening.Model(
        Evaluation.ModelKind.IMPORTED, f"file:{file_name[:200]}", name, sha256=hashlib.sha256(data).hexdigest()
    )
    evaluation = opening.open_evaluation(question_set, model, protocol, by=by, source={"layout": replies.layout})
    if evaluation.rotations > 1:
        raise BadFile(_("A file has one reply for each question; choose a protocol without rotations."))
    if evaluation.is_complete:
        return evaluation
    rule = evaluation.protocol_settings["rule"]
    if rule == "physgame":
        rule = _RULES[replies.layout]
    runner.begin(evaluation, {"rule": "unknown"})
    runner.store(evaluation, ((question, [_answer(question, replies.by_id, rule)]) for question in questions))
    if not runner.complete(evaluation):
        raise BadFile(_("The predictions could not be stored whole."))
    return evaluation


def _check(replies, questions):
    known = {question.row_id: question for question in questions}
    strange = [name for name in replies.by_id if name not in known]
    if strange:
        raise BadFile(
            _("%(count)s of the file's questions are not in this set, the first is %(id)s. Choose the set they are about.")
            % {"count": len(strange), "id": strange[0]}
        )
    for name, key in replies.keys.items():
        if name in known and key in "ABCD" and key != known[name].answer:
            raise BadFile(
                _("The file takes %(theirs)s for the right answer to %(id)s, the set has %(ours)s: is it another set?")
                % {"theirs": key, "id": name, "ours": known[name].answer}
            )


def _answer(question, by_id, rule):
    raw = by_id.get(question.row_id)
    if raw is None:
        return runner.Answer("ABCD", "", "missing", verdict=None)
    letter, why = runner.read_words(raw, question, "ABCD")
    verdict = None if rule == "careful" else scorers.RULES[rule](raw, question.answer, question.by_letter)
    return runner.Answer("ABCD", letter, why, raw=raw, verdict=verdict)
